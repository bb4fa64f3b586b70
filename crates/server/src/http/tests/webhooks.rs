//! Signed webhooks: what is taken, what is refused and with which words, what comes twice, what is done again.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use rigi_model::Timestamp;
use rigi_model::hash::hex;
use serde_json::{Value, json};
use sha2::Sha256;

use super::TestServer;

const SPEC: &str = "command: 'true'\nparameters: {branch: {type: string, default: none}, all: {type: object, default: {}}, \
                    key: {type: string, secret: true, default: a-secret-word}}\n";

async fn server() -> TestServer {
    let server = TestServer::start(&[], &["default/fit"]).await;
    std::fs::write(server.folder().join("default/fit/pipeline.yaml"), SPEC).unwrap();
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    server
}

/// A webhook's address and secret.
async fn made(server: &TestServer, name: &str, body: Value) -> (String, String) {
    let made = server.call(Method::PUT, &format!("/webhooks/{name}"), Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let hook = made.json();
    (hook["path"].as_str().unwrap().to_owned(), hook["secret"].as_str().unwrap_or_default().to_owned())
}

async fn post(server: &TestServer, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
    let mut request =
        axum::http::Request::builder().method(Method::POST).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = server.send(request, body).await;
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// As GitHub sends a push.
async fn push(server: &TestServer, path: &str, secret: &str, body: &str) -> (StatusCode, Value) {
    let signature = format!("sha256={}", hex(&mac(secret.as_bytes(), body)));
    let headers = [
        ("X-Hub-Signature-256", signature.as_str()),
        ("X-GitHub-Event", "push"),
        ("content-type", "application/json"),
        ("authorization", "Basic c2VjcmV0"),
    ];
    post(server, path, &headers, body).await
}

fn github() -> Value {
    json!({"pipeline": "fit", "kind": "github", "when": "event == 'push' and body.ref != 'refs/heads/wip'",
        "parameters": {"branch": "${body.ref}", "all": "${body}"}})
}

#[tokio::test]
async fn what_is_signed_starts_one_run_however_often_it_comes() {
    let server = server().await;
    let (path, secret) = made(&server, "pushes", github()).await;
    let body = r#"{"ref": "refs/heads/main", "after": "a1"}"#;
    let (status, first) = push(&server, &path, &secret, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    let (_, again) = push(&server, &path, &secret, body).await;
    assert_eq!(first, again);
    let run = first["run"].as_str().unwrap();
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(view["parameters"]["branch"], "refs/heads/main");
    assert_eq!((&view["trigger"]["kind"], &view["trigger"]["by"]), (&json!("webhook"), &json!("pushes")));
    let (_, ignored) = push(&server, &path, &secret, r#"{"ref": "refs/heads/wip"}"#).await;
    assert_eq!(ignored["outcome"], "ignored");
    let all = server.get("/webhooks/pushes/deliveries").await.json();
    let outcomes: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["ignored", "run"]);
    assert_eq!(server.get("/runs").await.json()["items"].as_array().unwrap().len(), 1);
    // What lets somebody in is not kept, and the secret is shown to nobody.
    let id = all["items"][1]["id"].as_str().unwrap();
    let kept = server.get(&format!("/webhooks/pushes/deliveries/{id}")).await.text();
    assert!(kept.contains("x-github-event") && kept.contains("refs/heads/main"), "{kept}");
    assert!(!kept.contains("c2VjcmV0") && !kept.contains("sha256="), "{kept}");
    assert!(!server.get("/webhooks").await.text().contains(&secret));
}

#[tokio::test]
async fn standard_webhooks_are_taken_and_a_replaced_secret_counts_for_a_while() {
    let server = server().await;
    let (path, secret) = made(&server, "std", json!({"pipeline": "fit"})).await;
    let send = async |secret: &str, id: &str| {
        let key = base64::engine::general_purpose::STANDARD.decode(&secret["whsec_".len()..]).unwrap();
        let at = (Timestamp::now().0 / 1_000_000).to_string();
        let made = mac(&key, &format!("{id}.{at}.{{}}"));
        let signature = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(made));
        let headers = [("webhook-id", id), ("webhook-timestamp", &*at), ("webhook-signature", &*signature)];
        post(&server, &path, &headers, "{}").await
    };
    assert_eq!(send(&secret, "msg_1").await.0, StatusCode::ACCEPTED);
    let replaced = server.post("/webhooks/std/secret", json!({})).await.json();
    let newer = replaced["secret"].as_str().unwrap().to_owned();
    assert!(replaced["former_until"].is_string() && newer != secret);
    assert_eq!(send(&newer, "msg_2").await.0, StatusCode::ACCEPTED);
    assert_eq!(send(&secret, "msg_3").await.0, StatusCode::ACCEPTED);
    server.post("/webhooks/std/secret", json!({})).await;
    assert_eq!(send(&secret, "msg_4").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_refused_with_why() {
    let server = server().await;
    let (path, secret) = made(&server, "pushes", github()).await;
    let body = r#"{"ref": "x"}"#;
    let right = format!("sha256={}", hex(&mac(secret.as_bytes(), body)));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], StatusCode, &'a str);
    let cases: [Case<'_>; 5] = [
        (&path, &[], StatusCode::UNAUTHORIZED, "`X-Hub-Signature-256` is missing"),
        (&path, &[("X-Hub-Signature-256", "sha256=00")], StatusCode::UNAUTHORIZED, "not made with"),
        (&path, &[("X-Hub-Signature", &right)], StatusCode::UNAUTHORIZED, "is missing"),
        (
            "/api/hooks/hook_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            &[("X-Hub-Signature-256", &right)],
            StatusCode::NOT_FOUND,
            "no webhook",
        ),
        ("/api/hooks/..%2F..", &[], StatusCode::NOT_FOUND, "no webhook"),
    ];
    for (path, headers, status, words) in cases {
        let (answered, told) = post(&server, path, headers, body).await;
        assert_eq!(answered, status, "{told}");
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    }
    for (body, words) in [
        ("{", "no JSON"),
        (r#"{"ref": 7}"#, "branch"),
        ("[1", "no JSON"),
        (r#"{"ref": "x", "n": "#, "no JSON"),
    ] {
        let (status, told) = push(&server, &path, &secret, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    }
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(push(&server, &path, &secret, &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    server
        .call(
            Method::PUT,
            "/webhooks/pushes",
            Some(json!({"pipeline": "fit", "kind": "github", "paused": true})),
        )
        .await;
    assert_eq!(push(&server, &path, &secret, body).await.0, StatusCode::CONFLICT);
    let limited = json!({"pipeline": "fit", "kind": "github", "per_minute": 1});
    server.call(Method::PUT, "/webhooks/pushes", Some(limited)).await;
    assert_eq!(push(&server, &path, &secret, r#"{"ref": "p"}"#).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn what_was_refused_is_done_again_by_what_the_webhook_says_now() {
    let server = server().await;
    let (path, secret) = made(&server, "pushes", github()).await;
    let (status, _) = push(&server, &path, &secret, r#"{"ref": 7}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let all = server.get("/webhooks/pushes/deliveries").await.json();
    let id = all["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(all["items"][0]["outcome"], "refused");
    let mended = json!({"pipeline": "fit", "kind": "github", "parameters": {"branch": "no. ${body.ref}"}});
    server.call(Method::PUT, "/webhooks/pushes", Some(mended)).await;
    let again = server.post(&format!("/webhooks/pushes/deliveries/{id}/redeliver"), json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text());
    let run = again.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/runs/{run}")).await.json()["parameters"]["branch"], "no. 7");
    // Its sender tries once more: what was refused is looked at anew.
    let (status, told) = push(&server, &path, &secret, r#"{"ref": 7}"#).await;
    assert_eq!((status, &told["outcome"]), (StatusCode::ACCEPTED, &json!("run")));
    let all = server.get("/webhooks/pushes/deliveries?limit=10").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_body_of_which_a_secret_is_made_is_not_kept() {
    let server = server().await;
    let hook = json!({"pipeline": "fit", "kind": "github", "parameters": {"key": "${body.token}"}});
    let (path, secret) = made(&server, "keys", hook).await;
    let (status, told) = push(&server, &path, &secret, r#"{"token": "do-not-tell-it"}"#).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let all = server.get("/webhooks/keys/deliveries").await.json();
    let id = all["items"][0]["id"].as_str().unwrap();
    let kept = server.get(&format!("/webhooks/keys/deliveries/{id}")).await;
    assert!(!kept.text().contains("do-not-tell-it"));
    let run = server.get(&format!("/runs/{}", told["run"].as_str().unwrap())).await.text();
    assert!(!run.contains("do-not-tell-it"));
    let again = server.post(&format!("/webhooks/keys/deliveries/{id}/redeliver"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
}

#[tokio::test]
async fn what_a_webhook_cannot_be_is_told() {
    let server = server().await;
    for (body, pointer) in [
        (json!({"pipeline": "fit", "kind": "bitbucket"}), "/kind"),
        (json!({"pipeline": "fit", "when": "body."}), "/when"),
        (json!({"pipeline": "fit", "when": "params.x"}), "/when"),
        (json!({"pipeline": "fit", "parameters": {"a": "${nothing.x}"}}), "/parameters/a"),
        (json!({"pipeline": "fit", "per_minute": 0}), "/per_minute"),
        (json!({"pipeline": "fit", "schedule": "prod"}), "/schedule"),
        (json!({"pipeline": "fit", "secret": "short"}), "/secret"),
        (json!({"pipeline": "fit", "secret": "whsec_is not base64!!"}), "/secret"),
    ] {
        let told = server.call(Method::PUT, "/webhooks/x", Some(body)).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text());
        assert_eq!(told.json()["errors"][0]["pointer"], pointer);
    }
    let none = server.call(Method::PUT, "/webhooks/x", Some(json!({"pipeline": "nothing"}))).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let name = server.call(Method::PUT, "/webhooks/a%20b", Some(json!({"pipeline": "fit"}))).await;
    assert_eq!(name.status, StatusCode::BAD_REQUEST);
    made(&server, "gone", json!({"pipeline": "fit"})).await;
    assert_eq!(server.call(Method::DELETE, "/webhooks/gone", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/webhooks/gone").await.status, StatusCode::NOT_FOUND);
}
