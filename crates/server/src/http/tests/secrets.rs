//! Secrets over the API: what is told of them, what runs are given, and what is refused.

use axum::http::{Method, StatusCode};
use rigi_store::references::{Allowed, References};
use serde_json::{Value, json};

use super::{Answer, TestServer};

/// Source: <https://github.com/fernet/spec/blob/master/verify.json>; it holds `hello`.
const TOKEN: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
const FERNET_KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

async fn with_spec(spec: &str) -> TestServer {
    let server = TestServer::start(&[("lab", Some(1))], &["default/fit", "lab/fit"]).await;
    for project in ["default", "lab"] {
        std::fs::write(server.folder().join(project).join("fit/pipeline.yaml"), spec).unwrap();
    }
    server
}

async fn set(server: &TestServer, path: &str, value: &str) -> Answer {
    server.call(Method::PUT, path, Some(json!({"value": value}))).await
}

#[tokio::test]
async fn a_secret_is_set_told_of_and_removed_and_its_value_never_comes_out() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    let first = set(&server, "/secrets/API_KEY", "hunter22").await;
    assert_eq!((first.status, &first.json()["version"]), (StatusCode::OK, &json!(1)), "{first:?}");
    assert_eq!(set(&server, "/secrets/API_KEY", "hunter33").await.json()["version"], 2);
    let import = json!({"text": "B=hunter44\nexport C='hunter 55' # c\n"});
    let import = server.post("/secrets/import", import).await;
    let names: Vec<_> =
        import.json()["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, ["B", "C"]);
    let all = server.get("/secrets").await;
    assert_eq!(all.json()["items"][0]["set_by"], "you");
    for answer in [first, import, all] {
        assert!(!answer.text().contains("hunter"), "{answer:?}");
    }
    assert_eq!(server.call(Method::DELETE, "/secrets/B", None).await.status, StatusCode::NO_CONTENT);
    let gone = server.call(Method::DELETE, "/secrets/B", None).await;
    assert_eq!(gone.json()["detail"], "there is no secret `B`");
    assert_eq!(server.get("/secrets").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.post("/system/rotate-key", json!({})).await.json()["projects"], 1);
    assert_eq!(set(&server, "/secrets/B", "hunter66").await.json()["version"], 3);
}

#[tokio::test]
async fn what_cannot_be_a_secret_is_refused_without_its_value() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    for (path, value, words) in [
        ("/secrets/API_KEY", "hunt", "fewer than 6"),
        ("/secrets/API-KEY", "hunter22", "environment variable"),
        ("/secrets/RIGI_TOKEN", "hunter22", "Rigi's own"),
        ("/secrets/API_KEY", &"hunter22".repeat(9000), "larger than 64 KiB"),
    ] {
        let answer = set(&server, path, value).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("secret-invalid"))
        );
        assert!(answer.text().contains(words) && !answer.text().contains("hunt"), "{answer:?}");
    }
    let answer = server.post("/secrets/import", json!({"text": "A=hunter22\nB=hunt\n\nC hunter22\n"})).await;
    let lines: Vec<Value> =
        answer.json()["errors"].as_array().unwrap().iter().map(|e| e["line"].clone()).collect();
    assert_eq!(lines, [2, 4]);
    assert!(!answer.text().contains("hunt"), "{answer:?}");
    assert_eq!(server.get("/secrets").await.json()["items"], json!([]));
    let many: String = (0..501).map(|n| format!("N{n}=hunter22\n")).collect();
    let answer = server.post("/secrets/import", json!({"text": many})).await;
    assert!(answer.text().contains("can have 500"), "{answer:?}");
}

#[tokio::test]
async fn a_run_is_given_what_its_spec_names_and_says_in_which_version() {
    let spec = format!(
        "secrets: [API_KEY, {{name: API_KEY, variable: KEY}}, {{name: TLS, file: key.pem}}]\n\
         env: {{MAIL: plain, API_KEY: plain}}\nencrypted_env: {{MAIL: '{TOKEN}', KEY: '{TOKEN}'}}\n\
         parameters: {{tell: {{type: boolean, default: true}}, pin: {{type: integer, secret: true, default: 47114711}}}}\n"
    );
    let server = with_spec(&spec).await;
    let refused = server.post("/pipelines/fit/runs", json!({})).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("secret-missing"))
    );
    assert_eq!(
        refused.json()["detail"],
        "`fit` cannot run: the secrets `API_KEY`, `ENCRYPTION_KEY`, `TLS` are not set"
    );
    let text = format!("API_KEY=hunter22\nTLS=hunter33\nENCRYPTION_KEY={FERNET_KEY}\nOTHER=hunter44\n");
    server.post("/secrets/import", json!({"text": text})).await;
    let env = json!({"env": {"MODE": "production", "MY_TOKEN": "hunter55"}});
    let run = server.run("", "fit", env, "succeeded").await;
    let told = server.get(&format!("/runs/{run}/log/raw")).await.text();
    assert_eq!(
        told,
        "fit of default\nAPI_KEY=hunter22\nKEY=hunter22\nMAIL=hello\nMODE=production\nMY_TOKEN=hunter55\nkey.pem=hunter33\n\
         covered: hunter22 hunter22 hunter33 hello hello 47114711 hunter55\n"
    );
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(view["secrets"], json!({"API_KEY": 1, "ENCRYPTION_KEY": 1, "TLS": 1}));
    assert_eq!(view.get("secrets_changed"), None);
    set(&server, "/secrets/API_KEY", "hunter77").await;
    let mut commits = server.state.store().commits();
    let again = server.post(&format!("/runs/{run}/retry"), json!({})).await.json();
    let again = again["id"].as_str().unwrap();
    server.until(&format!("/runs/{again}"), "succeeded", &mut commits).await;
    assert!(
        server
            .get(&format!("/runs/{again}/log/raw"))
            .await
            .text()
            .contains("\nAPI_KEY=hunter77\nKEY=hunter77\n")
    );
    let view = server.get(&format!("/runs/{again}")).await.json();
    assert_eq!((&view["secrets"]["API_KEY"], &view["secrets_changed"]), (&json!(2), &json!(["API_KEY"])));
}

#[tokio::test]
async fn what_is_removed_before_the_start_is_missed_at_the_start() {
    let server = with_spec("secrets: [API_KEY]\nretries: 3\n").await;
    let lab = "/projects/lab";
    set(&server, "/projects/lab/secrets/API_KEY", "hunter22").await;
    let held = server.run(lab, "fit", json!({"parameters": {"hold": true}}), "running").await;
    let waiting = server.run(lab, "fit", json!({}), "queued").await;
    server.call(Method::DELETE, "/projects/lab/secrets/API_KEY", None).await;
    let mut commits = server.state.store().commits();
    server.post(&format!("{lab}/runs/{held}/cancel"), json!({})).await;
    server.until(&format!("{lab}/runs/{waiting}"), "failed", &mut commits).await;
    let view = server.get(&format!("{lab}/runs/{waiting}")).await.json();
    assert_eq!((&view["reason"], &view["attempt"]), (&json!("secret-missing"), &json!(1)), "{view}");
    assert_eq!(
        view["message"],
        "It was not started: the secret `API_KEY` is not set in the project `lab`. `rigi secrets set API_KEY` sets it."
    );
}

fn allow(server: &TestServer, places: &[&str]) {
    let all = places.iter().map(|place| place.parse().unwrap()).collect();
    let allowed = Allowed { all, ..Allowed::default() };
    server.state.store().follow_references(References::new(allowed, None));
}

#[tokio::test]
async fn a_secret_by_reference_is_shown_as_one_and_read_when_a_run_starts() {
    let spec = "secrets: [API_KEY]\nretries: 3\nparameters: {tell: {type: boolean, default: true}}\n";
    let server = with_spec(spec).await;
    let folder = tempfile::tempdir().unwrap();
    let place = format!("file:{}", folder.path().display());
    allow(&server, &[&place]);
    let from = |from: &str| json!({"from": from});
    for (body, words) in [
        (from("env:HOME"), "takes values from"),
        (from("file:/etc/passwd"), "takes values from"),
        (from(&format!("{place}/../x")), "without `.`, `..`"),
        (from("vault:secret"), "mount/path#field"),
        (json!({"from": "env:A", "value": "hunter22"}), "either `value` or `from`"),
        (json!({}), "either `value` or `from`"),
    ] {
        let answer = server.call(Method::PUT, "/secrets/API_KEY", Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        assert!(answer.text().contains(words), "{answer:?}");
    }
    let reference = format!("{place}/key");
    let told = server.call(Method::PUT, "/secrets/API_KEY", Some(from(&reference))).await.json();
    assert_eq!((&told["from"], &told["version"]), (&json!(reference), &json!(1)), "{told}");
    assert_eq!(server.get("/secrets").await.json()["items"][0]["from"], json!(reference));

    let mut commits = server.state.store().commits();
    let missing = server.run("", "fit", json!({}), "failed").await;
    let view = server.get(&format!("/runs/{missing}")).await.json();
    assert_eq!((&view["reason"], &view["attempt"]), (&json!("secret-missing"), &json!(1)), "{view}");
    assert!(view["message"].as_str().unwrap().contains("there is no such file. Put it there."), "{view}");

    std::fs::write(folder.path().join("key"), "hunter22\n").unwrap();
    std::fs::hard_link(folder.path().join("key"), folder.path().join("other")).unwrap();
    server.call(Method::PUT, "/secrets/API_KEY", Some(from(&format!("{place}/other")))).await;
    let run = server.post("/pipelines/fit/runs", json!({})).await.json();
    let run = run["id"].as_str().unwrap();
    server.until(&format!("/runs/{run}"), "succeeded", &mut commits).await;
    let told = server.get(&format!("/runs/{run}/log/raw")).await.text();
    assert!(told.contains("API_KEY=hunter22\n") && told.contains("covered: hunter22"), "{told}");
    // A value takes the reference's place.
    assert_eq!(set(&server, "/secrets/API_KEY", "hunter33").await.json().get("from"), None);
}

#[tokio::test]
async fn what_an_image_is_pulled_with_must_be_set_and_no_run_is_told_it() {
    let spec = "pull_secret: REGISTRY\nparameters: {tell: {type: boolean, default: true}}\n";
    let server = with_spec(spec).await;
    let refused = server.post("/pipelines/fit/runs", json!({})).await;
    assert_eq!(refused.json()["detail"], "`fit` cannot run: the secret `REGISTRY` is not set");
    set(&server, "/secrets/REGISTRY", "ada:hunter22").await;
    let run = server.run("", "fit", json!({}), "succeeded").await;
    let told = server.get(&format!("/runs/{run}/log/raw")).await.text();
    assert!(!told.contains("hunter22"), "{told}");
}
