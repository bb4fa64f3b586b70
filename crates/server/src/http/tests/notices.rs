//! Notices: who is told of what, once; trouble that goes on; channels that say no; programs that send some.

use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::TestServer;

/// What came to a channel, and what it answers.
#[derive(Clone)]
struct Told {
    url: String,
    bodies: Arc<Mutex<Vec<(axum::http::HeaderMap, Value)>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

impl Told {
    async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Self { url, bodies: Arc::default(), answers: Arc::default() };
        let own = told.clone();
        let take = move |headers: axum::http::HeaderMap, body: axum::Json<Value>| {
            let own = own.clone();
            async move {
                own.bodies.lock().unwrap().push((headers, body.0));
                own.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
            }
        };
        let router = axum::Router::new().fallback(axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        told
    }

    fn texts(&self) -> Vec<String> {
        let text =
            |body: &Value| body["text"].as_str().or(body["title"].as_str()).unwrap_or_default().to_owned();
        self.bodies.lock().unwrap().iter().map(|(_, body)| text(body)).collect()
    }
}

async fn server() -> TestServer {
    let server = TestServer::start(&[], &["default/etl", "default/other"]).await;
    let spec = "command: 'true'\nparameters: {fail: {type: boolean, default: false}}\n";
    for name in ["etl", "other"] {
        std::fs::write(server.folder().join(format!("default/{name}/pipeline.yaml")), spec).unwrap();
    }
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    rigi_engine::notices::start(server.state.engine.clone(), server.state.projects.clone());
    rigi_engine::triggers::start(server.state.engine.clone(), server.state.projects.clone());
    tokio::spawn(crate::notices::keep_sending(server.state.sender.clone()));
    server
}

async fn put(server: &TestServer, path: &str, body: Value) -> Value {
    let made = server.call(Method::PUT, path, Some(body)).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    made.json()
}

/// The rules as the engine has them are those of the database.
async fn settled(server: &TestServer) {
    let mut commits = server.state.store().commits();
    let wait = async {
        while !server.state.store().db().follow_ups().await.unwrap().is_empty()
            || !server.state.store().db().occurrences().await.unwrap().is_empty()
        {
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), commits.recv()).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.expect("it is looked at");
}

async fn ended(server: &TestServer, pipeline: &str, fail: bool) -> String {
    let state = if fail { "failed" } else { "succeeded" };
    let run = server.run("", pipeline, json!({"parameters": {"fail": fail}}), state).await;
    settled(server).await;
    run
}

/// All of them, once none waits.
async fn notices(server: &TestServer) -> Vec<Value> {
    let none_waits = |page: &Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["state"] != "waiting" || !one["error"].is_null())
    };
    server.when("/notices", none_waits).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn one_word_when_trouble_begins_and_one_when_it_is_over() {
    let (server, told) = (server().await, Told::listen().await);
    put(&server, "/channels/team", json!({"kind": "slack", "target": format!("{}/hook", told.url)})).await;
    let rule = json!({"on": ["failed", "recovered"], "channels": ["team"], "pipelines": ["et*"]});
    put(&server, "/rules/failures", rule).await;
    settled(&server).await;
    ended(&server, "other", true).await;
    ended(&server, "etl", false).await;
    assert_eq!(notices(&server).await.len(), 0);
    for _ in 0..3 {
        ended(&server, "etl", true).await;
    }
    let open = server.get("/incidents?open=true").await.json();
    assert_eq!(open["items"].as_array().unwrap().len(), 2, "{open}");
    assert!(
        open["items"].as_array().unwrap().iter().any(|one| one["pipeline"] == "etl" && one["count"] == 3)
    );
    ended(&server, "etl", false).await;
    ended(&server, "etl", false).await;
    let all = notices(&server).await;
    let kinds: Vec<_> = all.iter().map(|one| (one["kind"].clone(), one["state"].clone())).collect();
    assert_eq!(kinds, [(json!("recovered"), json!("sent")), (json!("failed"), json!("sent"))]);
    let texts = told.texts();
    assert!(texts[0].starts_with("*etl failed*\n") && texts[0].contains("|Open>"), "{texts:?}");
    assert!(texts[1].starts_with("*etl recovered*\nafter ") && texts[1].contains("3 failures"), "{texts:?}");
    let closed = server.get("/incidents").await.json();
    assert!(
        closed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["pipeline"] == "etl" && one["closed_at"].is_string())
    );
}

#[tokio::test]
async fn who_has_no_rules_pays_nothing_and_paused_ones_say_nothing() {
    let (server, told) = (server().await, Told::listen().await);
    put(&server, "/channels/team", json!({"kind": "slack", "target": told.url})).await;
    ended(&server, "etl", true).await;
    put(&server, "/rules/all", json!({"on": ["failed", "succeeded"], "channels": ["team"], "paused": true}))
        .await;
    settled(&server).await;
    ended(&server, "etl", true).await;
    assert_eq!(server.get("/incidents").await.json()["items"], json!([]));
    assert_eq!(server.get("/notices").await.json()["items"], json!([]));
}

#[tokio::test]
async fn who_says_no_is_asked_again_or_given_up_with_why() {
    let (server, told) = (server().await, Told::listen().await);
    put(&server, "/channels/team", json!({"kind": "discord", "target": told.url})).await;
    put(&server, "/rules/all", json!({"on": ["succeeded"], "channels": ["team"]})).await;
    settled(&server).await;
    told.answers.lock().unwrap().push(StatusCode::NOT_FOUND);
    ended(&server, "etl", false).await;
    let all = notices(&server).await;
    assert_eq!((&all[0]["state"], &all[0]["error"]), (&json!("dead"), &json!("it answered 404 Not Found")));
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let again = server.post(&format!("/notices/{id}/retry"), json!({})).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);
    server.when("/notices", |page| page["items"][0]["state"] == "sent").await;
    let again = server.post(&format!("/notices/{id}/retry"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    told.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    ended(&server, "etl", false).await;
    let all = notices(&server).await;
    assert_eq!((&all[0]["state"], &all[0]["tries"]), (&json!("waiting"), &json!(1)));
    assert!(all[0]["next_at"].is_string() && all[0]["error"].as_str().unwrap().contains("503"));
}

#[tokio::test]
async fn a_signed_channel_carries_its_signature_and_a_test_says_whether_it_arrives() {
    let (server, told) = (server().await, Told::listen().await);
    let made = put(&server, "/channels/mine", json!({"kind": "webhook", "target": told.url})).await;
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(made["leads_to"], "127.0.0.1");
    assert!(!server.get("/channels").await.text().contains(secret));
    let tried = server.post("/channels/mine/test", json!({})).await;
    assert_eq!(tried.status, StatusCode::NO_CONTENT, "{}", tried.text());
    let (headers, body) = told.bodies.lock().unwrap()[0].clone();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = serde_json::to_vec(&body).unwrap();
    let verified = rigi_model::webhooks::verify(
        rigi_model::webhooks::WebhookKind::Standard,
        &[secret],
        header,
        &bytes,
        rigi_model::Timestamp::now(),
    );
    assert!(verified.is_ok(), "{verified:?}");
    told.answers.lock().unwrap().push(StatusCode::FORBIDDEN);
    let tried = server.post("/channels/mine/test", json!({})).await;
    assert_eq!(tried.status, StatusCode::BAD_GATEWAY);
    assert!(tried.text().contains("403"), "{}", tried.text());
}

#[tokio::test]
async fn a_program_with_a_key_sends_to_channels() {
    let (server, told) = (server().await, Told::listen().await);
    put(&server, "/channels/team", json!({"kind": "teams", "target": told.url})).await;
    put(&server, "/channels/phone", json!({"kind": "ntfy", "target": format!("{}/topic", told.url)})).await;
    let key = put(&server, "/notice-keys/ci", json!({})).await["key"].as_str().unwrap().to_owned();
    let send = async |key: &str, body: Value| {
        let request = axum::http::Request::builder().method(Method::POST).uri("/api/notifications/send");
        let request = request.header("host", "localhost").header("content-type", "application/json");
        let answer = server.send(request.header("x-notification-key", key), &body.to_string()).await;
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap())
    };
    let body = json!({"subject": "Deployed", "body": "1.2.3", "channels": ["email", "teams"]});
    let (status, answer) = send(&key, body.clone()).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("success")));
    let all = notices(&server).await;
    assert_eq!((all.len(), &all[0]["channel"], &all[0]["title"]), (1, &json!("team"), &json!("Deployed")));
    assert_eq!(send("wrong", body.clone()).await.0, StatusCode::UNAUTHORIZED);
    for bad in [
        json!({"subject": "", "body": "x"}),
        json!({"subject": "x", "body": "y", "channels": ["nobody"]}),
        json!({"subject": "x", "body": "y", "recipients": ["eve@example.org"]}),
    ] {
        assert_eq!(send(&key, bad).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(server.call(Method::DELETE, "/notice-keys/ci", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(send(&key, body).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_a_channel_or_a_rule_cannot_be_is_told() {
    let server = server().await;
    for (body, words) in [
        (json!({"kind": "pigeon", "target": "x"}), "`mail`"),
        (json!({"kind": "slack", "target": "http://example.org/x"}), "https"),
        (json!({"kind": "slack", "target": "https://169.254.169.254/latest"}), "inside"),
        (json!({"kind": "slack", "target": "https://[::1]/"}), "inside"),
        (json!({"kind": "webhook", "target": "https://a:b@example.org/"}), "user"),
        (json!({"kind": "ntfy", "target": "https://ntfy.sh/"}), "topic"),
    ] {
        let told = server.call(Method::PUT, "/channels/x", Some(body)).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text());
        assert!(told.text().contains(words), "{}", told.text());
    }
    let mail = server
        .call(Method::PUT, "/channels/x", Some(json!({"kind": "mail", "target": "a@example.org"})))
        .await;
    assert_eq!(mail.json()["code"], "mail-unavailable");
    put(&server, "/channels/team", json!({"kind": "slack", "target": "https://hooks.example.org/x"})).await;
    for (body, pointer) in [
        (json!({"on": ["sunrise"], "channels": ["team"]}), "/on"),
        (json!({"on": ["test"], "channels": ["team"]}), "/on"),
        (json!({"on": [], "channels": ["team"]}), "/on"),
        (json!({"on": ["failed"], "channels": []}), "/channels"),
        (json!({"on": ["failed"], "channels": ["nobody"]}), "/channels"),
        (json!({"on": ["failed"], "channels": ["team"], "digest": "soon"}), "/digest"),
        (json!({"on": ["failed"], "channels": ["team"], "quiet": {"from": "26:00", "to": "7:00"}}), "/quiet"),
        (json!({"on": ["failed"], "channels": ["team"], "template": "${pipeline"}), "/template"),
    ] {
        let told = server.call(Method::PUT, "/rules/x", Some(body)).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text());
        assert_eq!(told.json()["errors"][0]["pointer"], pointer);
    }
    put(&server, "/rules/x", json!({"on": ["failed"], "channels": ["team"]})).await;
    let used = server.call(Method::DELETE, "/channels/team", None).await;
    assert_eq!(used.status, StatusCode::CONFLICT, "{}", used.text());
}

#[tokio::test]
async fn what_comes_together_is_told_as_one_where_the_rule_says_so() {
    let (server, told) = (server().await, Told::listen().await);
    put(&server, "/channels/team", json!({"kind": "webhook", "target": told.url})).await;
    put(&server, "/rules/each", json!({"on": ["failed"], "channels": ["team"]})).await;
    put(&server, "/rules/together", json!({"on": ["failed"], "channels": ["team"], "digest": "1s"})).await;
    settled(&server).await;
    let runs = ["etl", "other"].map(|name| json!({"pipeline": name, "parameters": {"fail": true}}));
    let body = json!({"runs": runs});
    server.post("/runs", body).await;
    let all_sent = |page: &Value| {
        let items = page["items"].as_array().unwrap();
        items.len() == 4 && items.iter().all(|one| one["state"] == "sent")
    };
    server.when("/notices", all_sent).await;
    let mut texts: Vec<String> = told
        .bodies
        .lock()
        .unwrap()
        .iter()
        .map(|(_, body)| body["title"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].starts_with("2 notices: "), "{texts:?}");
    assert_eq!(texts[1..], ["etl failed", "other failed"]);
}
