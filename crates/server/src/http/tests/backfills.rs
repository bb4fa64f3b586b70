//! Backfills: what they would do, one run for each due time, pauses, ends, the failed ones again.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::TestServer;

const SPEC: &str = "command: 'true'\nparameters: {fail: {type: boolean, default: false}, hold: {type: boolean, default: false}, key: {type: string, secret: true, default: a-secret-word}}\n\
                    schedules: [{id: nightly, cron: '0 3 * * *', enabled: false}, {id: preset}]\n";

async fn server() -> TestServer {
    let server = TestServer::start(&[], &["default/etl"]).await;
    std::fs::write(server.folder().join("default/etl/pipeline.yaml"), SPEC).unwrap();
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    rigi_engine::triggers::start(server.state.engine.clone(), server.state.projects.clone());
    server
}

fn body(more: Value) -> Value {
    let mut body = json!({"pipeline": "etl", "schedule": "nightly", "from": "2026-01-01", "to": "2026-01-11", "parallel": 3});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn made(server: &TestServer, more: Value) -> String {
    let made = server.post("/backfills", body(more)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    format!("/backfills/{}", made.json()["id"].as_str().unwrap())
}

#[tokio::test]
async fn each_due_time_has_one_run_that_knows_it() {
    let server = server().await;
    let looked = server.post("/backfills/preview", body(json!({"order": "newest"}))).await.json();
    assert_eq!((&looked["count"], &looked["already"]), (&json!(10), &json!(0)));
    assert_eq!(looked["due"][0], "2026-01-10T03:00:00.000000Z");
    assert_eq!(server.get("/runs").await.json()["items"], json!([]));
    let path = made(&server, json!({})).await;
    let done = server.when(&path, |one| one["state"] == "done").await;
    assert_eq!((&done["counts"], &done["times"]), (&json!({"succeeded": 10}), &json!(10)));
    let times = server.get(&format!("{path}/times?limit=4")).await.json();
    assert_eq!((times["items"].as_array().unwrap().len(), &times["next_cursor"]), (4, &json!("3")));
    assert_eq!(times["items"][0]["due"], "2026-01-01T03:00:00.000000Z");
    let run = times["items"][0]["run"].as_str().unwrap();
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(view["trigger"]["kind"], "schedule");
    assert!(view["trigger"]["by"].as_str().unwrap().starts_with("backfill bkf_"), "{view}");
    let rest = server.get(&format!("{path}/times?cursor=3")).await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn no_more_than_so_many_run_at_a_time_and_a_pause_starts_nothing() {
    let server = server().await;
    let path = made(&server, json!({"parameters": {"hold": true}})).await;
    let held = server.when(&path, |one| one["counts"]["running"] == 3).await;
    assert_eq!(held["counts"], json!({"running": 3, "waiting": 7}));
    let paused = server.post(&format!("{path}/pause"), json!({})).await.json();
    assert_eq!(paused["state"], "paused");
    let ended = server.post(&format!("{path}/cancel"), json!({})).await.json();
    assert_eq!(ended["state"], "cancelled");
    let ended = server.when(&path, |one| one["counts"]["cancelled"] == 3).await;
    assert_eq!(ended["counts"], json!({"cancelled": 3, "skipped": 7}));
    let again = server.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
    // A pause that was not the last word.
    let path = made(&server, json!({"to": "2026-01-03"})).await;
    server.post(&format!("{path}/pause"), json!({})).await;
    server.post(&format!("{path}/resume"), json!({})).await;
    server.when(&path, |one| one["state"] == "done").await;
}

#[tokio::test]
async fn the_failed_ones_are_wanted_again_and_no_others() {
    let server = server().await;
    let path = made(&server, json!({"parameters": {"fail": true}, "to": "2026-01-04"})).await;
    let done = server.when(&path, |one| one["state"] == "done").await;
    assert_eq!(done["counts"], json!({"failed": 3}));
    let before = server.get(&format!("{path}/times?failed=true")).await.json();
    let again = server.post(&format!("{path}/retry"), json!({})).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    server.when(&path, |one| one["state"] == "done" && one["counts"]["failed"] == 3).await;
    let after = server.get(&format!("{path}/times")).await.json();
    assert_ne!(before["items"][0]["run"], after["items"][0]["run"]);
    assert_eq!(server.get("/runs").await.json()["items"].as_array().unwrap().len(), 6);
    let good = made(&server, json!({"to": "2026-01-02"})).await;
    server.when(&good, |one| one["state"] == "done").await;
    assert_eq!(server.post(&format!("{good}/retry"), json!({})).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_a_backfill_cannot_be_is_told() {
    let server = server().await;
    for (more, pointer) in [
        (json!({"from": "yesterday"}), "/from"),
        (json!({"to": "2026-01-01"}), "/to"),
        (json!({"to": "2126-01-01"}), "/to"),
        (json!({"parallel": 0}), "/parallel"),
        (json!({"order": "random"}), "/order"),
        (json!({"schedule": "preset"}), "/schedule"),
        (json!({"parameters": {"key": "x"}}), "/parameters/key"),
        (json!({"from": "2026-01-01T04:00:00Z", "to": "2026-01-01T05:00:00Z"}), "/from"),
    ] {
        let told = server.post("/backfills", body(more)).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text());
        assert_eq!(told.json()["errors"][0]["pointer"], pointer);
    }
    let wrong = server.post("/backfills", body(json!({"parameters": {"fail": "maybe"}}))).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text());
    let none = server.call(Method::POST, "/backfills", Some(body(json!({"schedule": "nothing"})))).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}
