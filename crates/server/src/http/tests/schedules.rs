//! Schedules: what is due becomes one run, or is said to be none; what is late, what overlaps, what is paused.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use rigi_engine::triggers::rhythm_text;
use rigi_model::Timestamp;
use rigi_model::pipeline::spec::Schedule;
use rigi_model::rights::Role;
use rigi_store::triggers::ScheduleKey;
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, role};

async fn server(files: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start(&[("lab", None)], &["default/fit", "lab/fit"]).await;
    for (path, text) in files {
        std::fs::write(server.folder().join(path), text).unwrap();
        let project = server
            .state
            .projects
            .of(&rigi_model::ProjectName::unchecked(path.split('/').next().unwrap()))
            .unwrap();
        project.catalog.refresh().unwrap();
    }
    server
}

fn begin(server: &TestServer) {
    rigi_engine::triggers::start(server.state.engine.clone(), server.state.projects.clone());
}

async fn put(server: &TestServer, id: &str, body: Value) -> super::server::Answer {
    server.call(Method::PUT, &format!("/projects/lab/schedules/fit/{id}"), Some(body)).await
}

/// The due times that are settled, the oldest first, once there are so many.
async fn fires(server: &TestServer, query: &str, count: usize) -> Vec<Value> {
    let mut commits = server.state.store().commits();
    let wait = async {
        loop {
            let page = server.get(&format!("/projects/lab/fires?limit=500{query}")).await.json();
            let items = page["items"].as_array().unwrap().clone();
            if items.len() >= count {
                return items.into_iter().rev().collect();
            }
            let _ = commits.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("they come")
}

fn outcomes(fires: &[Value]) -> Vec<&str> {
    fires.iter().map(|fire| fire["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_due_time_is_one_run_that_knows_it() {
    let server = server(&[]).await;
    begin(&server);
    let made = put(
        &server,
        "often",
        json!({"interval": "1s", "parameters": {"tell": true}, "labels": {"by": "night"}}),
    )
    .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.json()["next"].as_array().unwrap().len(), 3);
    let settled = fires(&server, "", 3).await;
    let dues: BTreeSet<_> = settled.iter().map(|fire| fire["due"].as_str().unwrap().to_owned()).collect();
    assert_eq!(dues.len(), settled.len());
    let runs: Vec<_> = settled.iter().filter(|fire| fire["outcome"] == "run").collect();
    assert!(runs.len() >= 2, "{settled:?}");
    let mut commits = server.state.store().commits();
    let run = runs[0]["run"].as_str().unwrap();
    server.until(&format!("/projects/lab/runs/{run}"), "succeeded", &mut commits).await;
    let run = server.get(&format!("/projects/lab/runs/{run}")).await.json();
    assert_eq!((&run["trigger"]["kind"], &run["trigger"]["by"]), (&json!("schedule"), &json!("often")));
    assert_eq!(run["labels"], json!({"by": "night"}));
    let id = run["id"].as_str().unwrap();
    let told = server.get(&format!("/projects/lab/runs/{id}/log")).await.text();
    let due = runs[0]["due"].as_str().unwrap();
    assert!(told.contains(&format!("RIGI_DUE={due}")) && told.contains("RIGI_SCHEDULE=often"), "{told}");
    // A pause holds, and what is removed starts nothing.
    let paused = server.post("/projects/lab/schedules/fit/often/pause", json!({})).await.json();
    assert_eq!((&paused["paused"]["by"], &paused["next"]), (&json!("you"), &json!([])));
    assert_eq!(
        server.call(Method::DELETE, "/projects/lab/schedules/fit/often", None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get("/projects/lab/schedules").await.json()["items"], json!([]));
}

#[tokio::test]
async fn an_entry_of_the_spec_starts_runs_with_its_own_words() {
    let spec = "env: {A: spec, B: spec}\nschedules:\n- {id: often, interval: 1s, env: {B: entry}, parameters: {tell: true}}\n- {id: preset, env: {B: preset}, parameters: {tell: true}}\n";
    let server = server(&[("lab/fit/pipeline.yaml", spec)]).await;
    begin(&server);
    let settled = fires(&server, "&schedule=often", 1).await;
    let run =
        settled.iter().find(|fire| fire["outcome"] == "run").unwrap()["run"].as_str().unwrap().to_owned();
    let told = async |run: &str| {
        let mut commits = server.state.store().commits();
        server.until(&format!("/projects/lab/runs/{run}"), "succeeded", &mut commits).await;
        server.get(&format!("/projects/lab/runs/{run}/log")).await.text()
    };
    let text = told(&run).await;
    assert!(text.contains("A=spec") && text.contains("B=entry"), "{text}");
    server.post("/projects/lab/schedules/fit/often/pause", json!({})).await;
    // The same words by hand, and again when it is repeated.
    let preset = server.run("/projects/lab", "fit", json!({"schedule": "preset"}), "succeeded").await;
    assert!(told(&preset).await.contains("B=preset"));
    let again = server.post(&format!("/projects/lab/runs/{preset}/rerun"), json!({})).await.json();
    assert!(told(again["id"].as_str().unwrap()).await.contains("B=preset"));
    let unknown = server.post("/projects/lab/pipelines/fit/runs", json!({"schedule": "nothing"})).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    let list = server.get("/projects/lab/schedules").await.json();
    let facts: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|one| (one["id"].clone(), one["off"].clone())).collect();
    assert_eq!(
        facts,
        [
            (json!("often"), Value::Null),
            (json!("preset"), json!("it has no time, and is a named set of overrides"))
        ]
    );
    let removed = server.call(Method::DELETE, "/projects/lab/schedules/fit/often", None).await;
    assert_eq!(removed.status, StatusCode::CONFLICT);
    assert_eq!(put(&server, "often", json!({"interval": "1h"})).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_overlaps_is_skipped_replaced_or_waits() {
    let server = server(&[]).await;
    begin(&server);
    let body = |overlap: &str| json!({"interval": "1s", "overlap": overlap, "parameters": {"hold": true}});
    for overlap in ["skip", "replace", "queue"] {
        assert_eq!(put(&server, overlap, body(overlap)).await.status, StatusCode::OK);
    }
    let skipped = fires(&server, "&schedule=skip", 3).await;
    assert_eq!(outcomes(&skipped)[..3], ["run", "skipped", "skipped"]);
    assert!(skipped[1]["reason"].as_str().unwrap().contains("had not ended"));
    let replaced = fires(&server, "&schedule=replace", 2).await;
    assert_eq!(outcomes(&replaced)[..2], ["run", "run"]);
    let mut commits = server.state.store().commits();
    let first = replaced[0]["run"].as_str().unwrap();
    server.until(&format!("/projects/lab/runs/{first}"), "cancelled", &mut commits).await;
    // Of those that wait, the newest does; when the run has ended, it starts.
    let queued = fires(&server, "&schedule=queue", 2).await;
    assert_eq!(outcomes(&queued)[..2], ["run", "skipped"]);
    let held = queued[0]["run"].as_str().unwrap();
    server.post(&format!("/projects/lab/runs/{held}/cancel"), json!({})).await;
    let wait = async {
        loop {
            let all = fires(&server, "&schedule=queue", 3).await;
            if outcomes(&all).iter().filter(|outcome| **outcome == "run").count() >= 2 {
                return;
            }
            let _ = commits.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the next one starts");
}

/// A schedule that nobody has looked at for so long.
async fn unseen(server: &TestServer, id: &str, cron: &str, ago: Duration) {
    let schedule = Schedule { cron: Some(cron.into()), ..Schedule::named(id) };
    let key = ScheduleKey {
        project: rigi_model::ProjectName::unchecked("lab"),
        pipeline: rigi_model::PipelineName::unchecked("fit"),
        id: id.into(),
    };
    server
        .state
        .store()
        .saw_schedules(&[(key, rhythm_text(&schedule))], Timestamp::now().before(ago))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_due_while_nothing_could_start_is_made_up_for_as_it_says() {
    let hourly = "0 * * * *";
    let rules = [("latest", "latest", 1), ("skip", "skip", 0), ("all", "all(3)", 3)];
    let entries = rules
        .map(|(id, rule, _)| format!("- {{id: {id}, cron: '{hourly}', catch_up: {rule}, overlap: allow}}\n"))
        .concat();
    let server = server(&[("lab/fit/pipeline.yaml", &format!("schedules:\n{entries}"))]).await;
    for (id, ..) in rules {
        unseen(&server, id, hourly, Duration::from_secs(6 * 3600)).await;
    }
    begin(&server);
    for (id, _, starts) in rules {
        let settled = fires(&server, &format!("&schedule={id}"), 6).await;
        assert_eq!(settled.len(), 6, "{id}");
        let runs = outcomes(&settled).iter().filter(|outcome| **outcome == "run").count();
        // At a full hour one of them is in time.
        assert!((starts..=starts + 1).contains(&runs), "{id}: {:?}", outcomes(&settled));
        assert_eq!(outcomes(&settled)[0], if id == "latest" { "skipped" } else { "missed" });
    }
    // Another server, or this one again: nothing is started twice.
    begin(&server);
    assert_eq!(put(&server, "now", json!({"interval": "1s"})).await.status, StatusCode::OK);
    fires(&server, "&schedule=now", 1).await;
    for (id, _, starts) in rules {
        let settled = fires(&server, &format!("&schedule={id}"), 6).await;
        let runs: BTreeSet<_> = settled.iter().filter_map(|fire| fire["run"].as_str()).collect();
        assert!(settled.len() == 6 && (starts..=starts + 1).contains(&runs.len()), "{id}");
    }
    let started = server.get("/projects/lab/runs?limit=100").await.json();
    let of_rules = started["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| rules.iter().any(|(id, ..)| run["trigger"]["by"] == *id));
    assert!((4..=7).contains(&of_rules.count()));
}

#[tokio::test]
async fn what_cannot_be_a_schedule_is_refused_and_says_why() {
    let spec =
        "parameters: {n: {type: integer, default: 1}, key: {type: string, secret: true, default: none}}\n";
    let server = server(&[("lab/fit/pipeline.yaml", spec)]).await;
    for (body, word) in [
        (json!({}), "one of"),
        (json!({"cron": "0 6 * * *", "interval": "1h"}), "one of"),
        (json!({"cron": "0 6 * *"}), "must have 5"),
        (json!({"cron": "0 0 30 2 *"}), "never comes"),
        (json!({"cron": "61 * * * *"}), "minute"),
        (json!({"cron": "0 6 * * *", "timezone": "Mars/Olympus"}), "time zone"),
        (json!({"interval": "0s"}), "1s"),
        (json!({"interval": "1h", "catch_up": "all(0)"}), "all(100)"),
        (json!({"interval": "1h", "overlap": "both"}), "overlap"),
        (json!({"interval": "1h", "start": "tomorrow"}), "time"),
        (json!({"interval": "1h", "target": "nowhere"}), "target"),
        (json!({"interval": "1h", "parameters": {"n": "many"}}), "integer"),
        (json!({"interval": "1h", "parameters": {"key": "hunter2"}}), "secret"),
        (json!({"interval": "1h", "env": {"A": "b"}}), "env"),
    ] {
        let answer = put(&server, "x", body.clone()).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.status);
        assert!(answer.text().contains(word), "{body}: {}", answer.text());
        assert!(!answer.text().contains("hunter2"));
    }
    assert_eq!(put(&server, "a%20b", json!({"interval": "1h"})).await.status, StatusCode::BAD_REQUEST);
    let nowhere =
        server.call(Method::PUT, "/projects/lab/schedules/nothing/x", Some(json!({"interval": "1h"}))).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    let body = json!({"cron": "30 2 * * *", "timezone": "Europe/Zurich"});
    assert_eq!(put(&server, "night", body).await.status, StatusCode::OK);
    let told = server.get("/projects/lab/schedules/fit/night/explain?count=2").await.json();
    assert_eq!(told["next"].as_array().unwrap().len(), 2);
    assert_eq!(told["changes"].as_array().unwrap().len(), 2);
    assert_eq!(told["changes"][0]["due"].as_array().unwrap().len(), 1, "{told}");
}

#[tokio::test]
async fn editors_make_schedules_and_viewers_read_them() {
    let server = TestServer::start_team(&[("lab", None)], &["lab/fit"]).await;
    let mut keys = Vec::new();
    for held in [Role::Viewer, Role::Runner, Role::Editor] {
        let person = server.person(&format!("{held:?}"), vec![role("lab", held)]).await;
        keys.push(server.token(&person, Kept::default()).await.0);
    }
    let body = Some(json!({"interval": "1h"}));
    for (key, status) in keys.iter().zip([StatusCode::FORBIDDEN, StatusCode::FORBIDDEN, StatusCode::OK]) {
        let answer = server.call_as(key, Method::PUT, "/projects/lab/schedules/fit/x", body.clone()).await;
        assert_eq!(answer.status, status);
    }
    for path in ["/projects/lab/schedules", "/projects/lab/fires", "/projects/lab/schedules/fit/x/explain"] {
        assert_eq!(server.call_as(&keys[0], Method::GET, path, None).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn whoever_knows_the_key_of_a_pipeline_starts_it() {
    let spec = "webhook_key: of-the-pipeline\nparameters: {tell: {type: boolean, default: false}}\nschedules: [{id: prod, webhook_key: of-prod, env: {B: prod}, parameters: {tell: true}}]\n";
    let server = server(&[
        ("lab/fit/pipeline.yaml", spec),
        ("default/fit/pipeline.yaml", "webhook_key: of-default\n"),
    ])
    .await;
    let call = async |path: &str, body: &str| {
        let request =
            axum::http::Request::builder().method(Method::POST).uri(format!("/api/webhooks/{path}"));
        let request = request.header("host", "localhost").header("content-type", "application/json");
        let answer = server.send(request, body).await;
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap_or_default())
    };
    assert_eq!(call("fit/of-default", "").await.0, StatusCode::ACCEPTED);
    let (status, started) = call("lab/fit/of-prod", r#"{"env_vars": {"C": "asked"}, "ref": "main"}"#).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    let id = started["id"].as_str().unwrap();
    let mut commits = server.state.store().commits();
    server.until(&format!("/projects/lab/runs/{id}"), "succeeded", &mut commits).await;
    let told = server.get(&format!("/projects/lab/runs/{id}/log")).await.text();
    assert!(told.contains("B=prod") && told.contains("C=asked"), "{told}");
    let run = server.get(&format!("/projects/lab/runs/{id}")).await.json();
    assert_eq!((&run["trigger"]["kind"], &run["trigger"]["by"]), (&json!("webhook"), &json!("webhook")));
    // A wrong key, a pipeline without one, one that is not there: the same.
    let told = async |path: &str| {
        let (status, mut body) = call(path, "").await;
        body.as_object_mut().map(|body| body.remove("request_id"));
        (status, body)
    };
    let wrong = told("fit/of-the-pipeline").await;
    assert_eq!(wrong.0, StatusCode::NOT_FOUND);
    assert_eq!(told("lab/fit/of-default").await, wrong);
    assert_eq!(told("nothing/fit/of-default").await, wrong);
    for body in [
        "[]",
        "{",
        r#"{"parameters": 7}"#,
        r#"{"env_vars": {"RIGI_X": "y"}}"#,
        r#"{"parameters": {"tell": "maybe"}}"#,
    ] {
        let (status, answer) = call("lab/fit/of-the-pipeline", body).await;
        assert!(status.is_client_error(), "{body}: {status} {answer}");
        assert!(!answer.to_string().contains("of-the-pipeline"), "{answer}");
    }
    let large = format!(r#"{{"parameters": {{"x": "{}"}}}}"#, "x".repeat(2 << 20));
    assert_eq!(call("lab/fit/of-the-pipeline", &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    server.call(Method::PATCH, "/projects/lab", Some(json!({"archived": true}))).await;
    assert_eq!(call("lab/fit/of-prod", "").await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_project_that_comes_starts_by_itself_and_one_that_is_archived_no_more() {
    let server = server(&[]).await;
    begin(&server);
    std::fs::create_dir_all(server.folder().join("made/air/fit")).unwrap();
    std::fs::write(server.folder().join("made/air/fit/main.py"), "print()\n").unwrap();
    std::fs::write(server.folder().join("made/air/fit/pipeline.yaml"), "schedule: {every: 1s}\n").unwrap();
    assert_eq!(server.post("/projects", json!({"name": "air"})).await.status, StatusCode::CREATED);
    let mut commits = server.state.store().commits();
    let count = async || {
        let page = server.get("/projects/air/fires?limit=500").await.json();
        page["items"].as_array().unwrap().len()
    };
    let comes = async {
        while count().await == 0 {
            let _ = commits.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), comes).await.expect("its schedule starts a run");
    let archived = server.call(Method::PATCH, "/projects/air", Some(json!({"archived": true}))).await;
    assert_eq!(archived.json()["state"], "archived");
    let one = server.get("/projects/air/schedules/fit/default").await.json();
    assert_eq!((&one["off"], &one["next"]), (&json!("its project is archived"), &json!([])));
    // Another project's schedule says when some seconds have passed.
    assert_eq!(put(&server, "often", json!({"interval": "1s"})).await.status, StatusCode::OK);
    fires(&server, "", 1).await;
    let before = count().await;
    fires(&server, "", 4).await;
    assert_eq!(count().await, before);
}
