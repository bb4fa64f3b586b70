//! What follows from the end of a run: other pipelines, and the same again.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::TestServer;

pub(super) async fn server(specs: &[(&str, &str)]) -> TestServer {
    let places: Vec<String> = specs.iter().map(|(name, _)| format!("default/{name}")).collect();
    let server = TestServer::start(&[], &places.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (name, spec) in specs {
        std::fs::write(server.folder().join(format!("default/{name}/pipeline.yaml")), spec).unwrap();
    }
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    rigi_engine::triggers::start(server.state.engine.clone(), server.state.projects.clone());
    server
}

/// The runs of a pipeline, the newest first, once so many have ended.
pub(super) async fn runs(server: &TestServer, pipeline: &str, count: usize) -> Vec<Value> {
    let path = format!("/runs?pipeline={pipeline}&state=succeeded,failed");
    let enough = |page: &Value| page["items"].as_array().unwrap().len() >= count;
    server.when(&path, enough).await["items"].as_array().unwrap().clone()
}

/// All that follows is done: nothing is to be done any more.
pub(super) async fn settled(server: &TestServer) {
    let mut commits = server.state.store().commits();
    let wait = async {
        while !server.state.store().db().follow_ups().await.unwrap().is_empty() {
            let _ = commits.recv().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.expect("it is done");
}

#[tokio::test]
async fn pipelines_follow_what_ended_as_their_trigger_says() {
    let server = server(&[
        (
            "first",
            "parameters: {fail: {type: boolean, default: false}, route: {type: string, default: ''}, outputs: {type: object, default: {rows: 3}}}\n\
             downstream_triggers:\n\
             - {pipeline: good, parameters: {rows: '${outputs.rows}', from: '${run.pipeline}'}, inputs: {table: result.txt}}\n\
             - {pipeline: bad, on_success: false, on_failure: true}\n\
             - {pipeline: large, on_route: large}\n\
             - {pipeline: missing}\n",
        ),
        ("good", "parameters: {rows: {type: integer}, from: {type: string}, tell: {type: boolean, default: true}}\ninputs: [table]\n"),
        ("bad", "description: x\n"),
        ("large", "description: x\n"),
    ])
    .await;
    let starts = server.get("/starts").await.json();
    let told: Vec<String> = starts["starts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {} {} {}", one["by"], one["pipeline"], one["when"], one["missing"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        told,
        [
            "first good success false",
            "first bad failure false",
            "first large route large false",
            "first missing success true"
        ]
    );
    let run = server.run("", "first", json!({}), "succeeded").await;
    let good = runs(&server, "good", 1).await;
    settled(&server).await;
    let id = good[0]["id"].as_str().unwrap();
    let view = server.get(&format!("/runs/{id}")).await.json();
    assert_eq!((&view["parameters"]["rows"], &view["parameters"]["from"]), (&json!(3), &json!("first")));
    assert_eq!((&view["started_by"], &view["trigger"]["kind"]), (&json!(run), &json!("downstream")));
    assert_eq!(view["inputs"][0]["name"], "result.txt");
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(view["started"], json!([id]));
    let told = server.get(&format!("/runs/{run}/events")).await.text();
    assert!(told.contains("`missing` does not follow: there is no pipeline `missing`"), "{told}");
    assert_eq!(runs(&server, "bad", 0).await.len() + runs(&server, "large", 0).await.len(), 0);
    server.run("", "first", json!({"parameters": {"fail": true, "route": "large"}}), "failed").await;
    runs(&server, "bad", 1).await;
    settled(&server).await;
    // A route is chosen by a success alone.
    assert_eq!(runs(&server, "large", 0).await.len(), 0);
    server.run("", "first", json!({"parameters": {"route": "large"}}), "succeeded").await;
    runs(&server, "large", 1).await;
    settled(&server).await;
    assert_eq!(runs(&server, "bad", 1).await.len(), 1);
}

#[tokio::test]
async fn a_circle_ends_unless_it_is_allowed_so_often() {
    let server = server(&[
        ("ping", "downstream_triggers: [{pipeline: pong}]\n"),
        ("pong", "downstream_triggers: [{pipeline: ping, allow_cycle: 2}]\n"),
    ])
    .await;
    server.run("", "ping", json!({}), "succeeded").await;
    let pings = runs(&server, "ping", 2).await;
    settled(&server).await;
    let (pings, pongs) =
        (runs(&server, "ping", pings.len()).await.len(), runs(&server, "pong", 1).await.len());
    // The first pong follows; that it follows again is not allowed.
    assert_eq!((pings, pongs), (2, 1));
}

#[tokio::test]
async fn what_crashed_starts_again_and_what_was_stopped_does_not() {
    let server = server(&[(
        "daemon",
        "timeout: 0\nparameters: {fail: {type: boolean, default: true}, hold: {type: boolean, default: false}}\n\
         restart: {on_crash: true, cooldown: 1ms}\n",
    )])
    .await;
    let first = server.run("", "daemon", json!({}), "failed").await;
    let all = runs(&server, "daemon", 3).await;
    let second = all[all.len() - 2].clone();
    let second = server.get(&format!("/runs/{}", second["id"].as_str().unwrap())).await.json();
    assert_eq!((&second["trigger"]["kind"], &second["started_by"]), (&json!("restart"), &json!(first)));
    let held =
        server.run("", "daemon", json!({"parameters": {"fail": false, "hold": true}}), "running").await;
    let stopped = server.post(&format!("/runs/{held}/cancel"), json!({})).await;
    assert_eq!(stopped.status, StatusCode::ACCEPTED);
    let ended = server.when(&format!("/runs/{held}"), |run| run["state"] == "cancelled").await;
    assert_eq!(ended["started"], Value::Null);
}

#[tokio::test]
async fn a_secret_is_handed_on_whole_and_to_what_keeps_it_as_one() {
    let key = "key: {type: string, secret: true, default: hunter22}";
    let takes = |secret: bool| format!("parameters: {{key: {{type: string, secret: {secret}}}}}\n");
    let first = format!(
        "parameters: {{{key}}}\ndownstream_triggers:\n- {{pipeline: open, parameters: {{key: '${{params.key}}'}}}}\n\
         - {{pipeline: kept, parameters: {{key: '${{params.key}}'}}}}\n- {{pipeline: part, parameters: {{key: 'it is ${{params.key}}'}}}}\n"
    );
    let server =
        server(&[("first", &first), ("open", &takes(false)), ("kept", &takes(true)), ("part", &takes(true))])
            .await;
    let run = server.run("", "first", json!({}), "succeeded").await;
    let kept = runs(&server, "kept", 1).await;
    settled(&server).await;
    let kept = server.get(&format!("/runs/{}", kept[0]["id"].as_str().unwrap())).await;
    assert!(!kept.text().contains("hunter22"), "{}", kept.text());
    assert_eq!(runs(&server, "open", 0).await.len() + runs(&server, "part", 0).await.len(), 0);
    let told = server.get(&format!("/runs/{run}/events")).await.text();
    assert!(told.contains("is given a secret, and is none"), "{told}");
    assert!(told.contains("is handed on whole alone"), "{told}");
}
