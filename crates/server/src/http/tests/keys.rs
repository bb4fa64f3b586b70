//! `concurrency`: runs with the same key.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::TestServer;

/// A flow that waits for a person, so that its runs do not end.
async fn server(concurrency: &str) -> TestServer {
    let server = TestServer::start(&[], &["default/ask", "default/other"]).await;
    for name in ["ask", "other"] {
        let spec = format!(
            "parameters: {{customer: {{type: string}}}}\nconcurrency: {concurrency}\nsteps:\n  ask: {{approval: {{}}}}\n"
        );
        std::fs::write(server.folder().join(format!("default/{name}/pipeline.yaml")), spec).unwrap();
    }
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    rigi_engine::flows::start(server.state.engine.clone(), server.state.projects.clone());
    server
}

fn of(customer: &str) -> Value {
    json!({"parameters": {"customer": customer}})
}

#[tokio::test]
async fn one_too_many_of_a_key_waits_and_says_for_which() {
    let server = server("{key: '{customer}'}").await;
    let first = server.run("", "ask", of("a"), "running").await;
    let second = server.run("", "ask", of("a"), "queued").await;
    let waits = server.when(&format!("/runs/{second}"), |run| run["reason"] == "key-limit").await;
    assert_eq!(waits["message"], "1st of 1, limit of 1 of `a` at a time");
    // Another key, and the same of another pipeline, do not wait.
    server.run("", "ask", of("b"), "running").await;
    server.run("", "other", of("a"), "running").await;
    assert_eq!(server.post(&format!("/runs/{first}/cancel"), json!({})).await.status, StatusCode::ACCEPTED);
    server.when(&format!("/runs/{second}"), |run| run["state"] == "running").await;
}

#[tokio::test]
async fn a_shared_key_is_that_of_other_pipelines_too() {
    let server = server("{key: warehouse, limit: 2, shared: true}").await;
    server.run("", "ask", of("a"), "running").await;
    server.run("", "other", of("b"), "running").await;
    let third = server.run("", "other", of("c"), "queued").await;
    server.when(&format!("/runs/{third}"), |run| run["reason"] == "key-limit").await;
}

#[tokio::test]
async fn one_too_many_is_skipped_or_replaces_the_oldest() {
    let skips = server("{key: '{customer}', limit: 2, overlap: skip}").await;
    let first = skips.run("", "ask", of("a"), "running").await;
    skips.run("", "ask", of("a"), "running").await;
    let third = skips.run("", "ask", of("a"), "skipped").await;
    let view = skips.get(&format!("/runs/{third}")).await.json();
    assert_eq!(view["reason"], "overlapping");
    assert!(view["message"].as_str().unwrap().contains(&first), "{view}");

    let replaces = server("{key: '{customer}', overlap: replace}").await;
    let first = replaces.run("", "ask", of("a"), "running").await;
    let other = replaces.run("", "ask", of("b"), "running").await;
    let second = replaces.run("", "ask", of("a"), "running").await;
    assert_eq!(replaces.get(&format!("/runs/{first}")).await.json()["state"], "cancelled");
    for still in [other, second] {
        assert_eq!(replaces.get(&format!("/runs/{still}")).await.json()["state"], "running");
    }
}

#[tokio::test]
async fn a_key_without_a_value_is_refused() {
    let server = server("{key: '${params.customer > 3}'}").await;
    let refused = server.post("/pipelines/ask/runs", of("a")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
    assert!(refused.text().contains("`concurrency.key` of `ask` has no value"), "{}", refused.text());
    let long = server.post("/pipelines/ask/runs", of(&"x".repeat(300))).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST, "{}", long.text());
}
