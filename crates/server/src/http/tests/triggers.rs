//! What starts runs when something has happened: files, lines of sensors, ends of several pipelines.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::TestServer;
use super::follow::{runs, server, settled};

async fn start_on(server: &TestServer, pipeline: &str, parameters: Value) -> String {
    server.run("", pipeline, json!({"parameters": parameters}), "succeeded").await
}

async fn events(server: &TestServer, trigger: &str, count: usize) -> Vec<Value> {
    let path = format!("/triggers/{trigger}/events");
    let settled = |one: &&Value| one["outcome"] != "taken";
    let enough = |page: &Value| {
        page["items"].as_array().is_some_and(|all| all.iter().filter(settled).count() >= count)
    };
    server.when(&path, enough).await["items"].as_array().unwrap().clone()
}

const SENSED: &str = "parameters: {order: {type: string}, n: {type: integer, default: 0}}\n\
    triggers:\n\
    - {id: orders, sensor: check, when: \"event.n != 3\", parameters: {order: '${id}', n: '${event.n}'}}\n";

#[tokio::test]
async fn lines_of_a_sensor_are_events_each_once_and_its_cursor_goes_on() {
    let server = server(&[("check", "parameters: {say: {type: string}}\n"), ("take", SENSED)]).await;
    let said = "{\"id\": \"a\", \"n\": 1}\n\nplain\n{\"id\": \"b\", \"n\": 3}\n{\"id\": \"c\", \"n\": \"x\"}\n{\"id\": \"a\", \"n\": 9}\n{\"cursor\": 12}\n";
    start_on(&server, "check", json!({"say": said})).await;
    settled(&server).await;
    let all = events(&server, "take/orders", 4).await;
    let mut became: Vec<String> =
        all.iter().map(|one| format!("{} {}", one["event"], one["outcome"]).replace('"', "")).collect();
    became.sort();
    assert_eq!(became, ["a run", "b ignored", "c refused", "plain run"]);
    let refused = all.iter().find(|one| one["event"] == "c").unwrap();
    assert!(refused["reason"].as_str().unwrap().contains("`n`"), "{refused}");
    let taken = runs(&server, "take", 2).await;
    assert_eq!(taken.len(), 2);
    assert_eq!(
        (&taken[0]["trigger"]["kind"], &taken[0]["trigger"]["by"]),
        (&json!("event"), &json!("take/orders"))
    );

    // The next check is told where it goes on, and says something old and something new.
    let run = start_on(&server, "check", json!({"say": "plain\n{\"id\": \"d\"}\nat $CURSOR\n"})).await;
    settled(&server).await;
    let all = events(&server, "take/orders", 6).await;
    assert_eq!(all.len(), 6);
    assert!(all.iter().any(|one| one["event"] == "at 12"), "{all:?}");
    let started = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(started["started"].as_array().map_or(0, Vec::len), 2, "{started}");

    let cursor = server.get("/pipelines/check/cursor").await.json();
    assert_eq!(cursor["cursor"], "12");
    let set = server.call(Method::PUT, "/pipelines/check/cursor", Some(json!({"cursor": null}))).await;
    assert_eq!((set.status, set.json()["cursor"].clone()), (StatusCode::OK, Value::Null));
    let long =
        server.call(Method::PUT, "/pipelines/check/cursor", Some(json!({"cursor": "x".repeat(5000)}))).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
    start_on(&server, "check", json!({"say": "at $CURSOR\n"})).await;
    settled(&server).await;
    assert!(events(&server, "take/orders", 7).await.iter().any(|one| one["event"] == "at none"));
}

const JOINED: &str = "parameters: {rows: {type: integer}, day: {type: string}}\n\
    triggers:\n\
    - {id: both, after: [left, right], key: '${params.day}', parameters: {rows: '${runs.left.outputs.rows}', day: '${key}'}}\n\
    - {id: trouble, after: [left], on: failure, parameters: {rows: 0, day: '${run.state}'}}\n";

#[tokio::test]
async fn several_pipelines_are_waited_for_by_key_and_each_end_is_used_once() {
    let own = "parameters: {day: {type: string}, outputs: {type: object, default: {rows: 7}}, fail: {type: boolean, default: false}}\n";
    let server = server(&[("left", own), ("right", own), ("report", JOINED)]).await;
    start_on(&server, "left", json!({"day": "mon"})).await;
    start_on(&server, "left", json!({"day": "tue"})).await;
    settled(&server).await;
    let waiting = server.get("/triggers/report/both").await.json();
    assert_eq!(waiting["waiting"].as_array().unwrap().len(), 2, "{waiting}");
    assert_eq!(
        (&waiting["kind"], &waiting["waits_for"]),
        (&json!("after"), &json!("left and right succeeded"))
    );
    start_on(&server, "right", json!({"day": "tue"})).await;
    let reports = runs(&server, "report", 1).await;
    settled(&server).await;
    let view = server.get(&format!("/runs/{}", reports[0]["id"].as_str().unwrap())).await.json();
    assert_eq!((&view["parameters"]["rows"], &view["parameters"]["day"]), (&json!(7), &json!("tue")));
    assert_eq!(view["trigger"]["kind"], "downstream");
    // Used once: another of one side waits again.
    start_on(&server, "right", json!({"day": "tue"})).await;
    settled(&server).await;
    assert_eq!(runs(&server, "report", 1).await.len(), 1);
    server.run("", "left", json!({"parameters": {"day": "wed", "fail": true}}), "failed").await;
    let reports = runs(&server, "report", 2).await;
    assert_eq!(reports.len(), 2);
    settled(&server).await;
    assert_eq!(events(&server, "report/trouble", 1).await[0]["outcome"], "run");
    let starts = server.get("/starts").await.json();
    let after = starts["starts"].as_array().unwrap().iter().filter(|one| one["kind"] == "after").count();
    assert_eq!(after, 3);
}

#[tokio::test]
async fn a_circle_of_triggers_is_broken_and_told() {
    let server = server(&[
        ("one", "triggers: [{id: t, after: [two]}]\n"),
        ("two", "triggers: [{id: t, after: [one]}]\n"),
    ])
    .await;
    let run = start_on(&server, "one", json!({})).await;
    let two = runs(&server, "two", 1).await;
    settled(&server).await;
    assert_eq!(runs(&server, "one", 1).await.len(), 1, "{run}");
    let story = server.get(&format!("/runs/{}/events", two[0]["id"].as_str().unwrap())).await.text();
    assert!(story.contains("its pipeline is in the chain already"), "{story}");
}

#[tokio::test]
async fn files_that_come_start_runs_with_their_content() {
    let inbox = tempfile::tempdir().unwrap();
    let folder = inbox.path().canonicalize().unwrap();
    let pattern = format!("{}/*.csv", folder.display());
    std::fs::write(folder.join("old.csv"), "before").unwrap();
    let spec = |more: &str| {
        format!(
            "inputs: {{table: {{multiple: true, required: false}}}}\n\
                 parameters: {{name: {{type: string}}, tell: {{type: boolean, default: true}}}}\n\
                 triggers: [{{id: inbox, files: '{pattern}', interval: 1s, settle: 0s, input: table, {more}}}]\n"
        )
    };
    let each = spec("parameters: {name: '${file.name}'}, when: 'file.size > 0'");
    let batch = spec("each: batch, existing: start, parameters: {name: '${files[0].name}'}");
    let server = server(&[("each", &each), ("batch", &batch)]).await;
    let all = events(&server, "each/inbox", 1).await;
    assert_eq!(all[0]["outcome"], "seen");
    assert_eq!(events(&server, "batch/inbox", 1).await[0]["outcome"], "run");
    std::fs::write(folder.join("other.txt"), "no").unwrap();
    std::fs::write(folder.join("empty.csv"), "").unwrap();
    std::fs::write(folder.join("new.csv"), "content").unwrap();
    let taken = runs(&server, "each", 1).await;
    let view = server.get(&format!("/runs/{}", taken[0]["id"].as_str().unwrap())).await.json();
    assert_eq!(
        (&view["inputs"][0]["name"], &view["parameters"]["name"]),
        (&json!("new.csv"), &json!("new.csv"))
    );
    assert_eq!(view["inputs"][0]["size"], 7);
    let all = events(&server, "each/inbox", 3).await;
    assert_eq!(all.iter().filter(|one| one["outcome"] == "ignored").count(), 1);
    // Changed, it is another.
    std::fs::write(folder.join("new.csv"), "more content").unwrap();
    assert_eq!(runs(&server, "each", 2).await.len(), 2);

    let paused = server.post("/triggers/each/inbox/pause", json!({})).await.json();
    assert!(paused["paused"]["by"].is_string(), "{paused}");
    std::fs::write(folder.join("later.csv"), "x").unwrap();
    events(&server, "batch/inbox", 5).await;
    assert_eq!(runs(&server, "each", 2).await.len(), 2);
    server.post("/triggers/each/inbox/resume", json!({})).await;
    assert_eq!(runs(&server, "each", 3).await.len(), 3);
}

#[tokio::test]
async fn triggers_are_made_beside_specs_and_mistakes_are_told() {
    let server = server(&[
        ("a", "inputs: {table: {required: false}}\ntriggers: [{id: own, after: [b]}]\n"),
        ("b", "description: x\n"),
    ])
    .await;
    let refused = [
        ("a/own", json!({"after": ["b"]}), "the spec of `a` has a trigger `own`"),
        ("a/x y", json!({"after": ["b"]}), "an id has up to 64"),
        ("a/m", json!({}), "it has no `files`, `sensor` or `after`"),
        ("a/m", json!({"after": ["a"]}), "is the pipeline itself"),
        ("a/m", json!({"after": ["b", "b"]}), "stands twice"),
        ("a/m", json!({"after": ["b"], "settle": "1s"}), "belongs to `files`"),
        ("a/m", json!({"files": "relative/*"}), "absolute path"),
        ("a/m", json!({"files": "/proc/../etc/*"}), "`..`"),
        ("a/m", json!({"files": "/none/there/*"}), "cannot be read"),
        ("a/m", json!({"files": "storage:in/*", "input": "none"}), "the input `none` is not declared"),
        ("a/m", json!({"files": "storage:in/*", "input": "table", "each": "batch"}), "takes one file"),
        ("a/m", json!({"after": ["b"], "when": "file.size > 1"}), "nothing is called `file`"),
        ("a/m", json!({"after": ["b"], "when": "run.id =="}), "cannot be read"),
        ("a/m", json!({"after": ["b"], "parameters": {"x": "${body}"}}), "nothing is called `body`"),
        ("a/m", json!({"after": ["b"], "schedule": "none"}), "`schedules` has no `none`"),
        ("a/m", json!({"after": ["b"], "within": "soon"}), "within"),
    ];
    for (place, body, why) in refused {
        let path = format!("/triggers/{}", place.replace(' ', "%20"));
        let answer = server.call(Method::PUT, &path, Some(body.clone())).await;
        assert!(answer.status.is_client_error(), "{place} {body}");
        let text = answer.text();
        assert!(text.contains(why), "{place} {body}: {text}");
    }
    let body = json!({"after": ["b"], "on": "end", "within": "1h", "when": "run.state != 'x'"});
    let made = server.call(Method::PUT, "/triggers/a/m", Some(body.clone())).await;
    assert_eq!((made.status, made.json()["source"].clone()), (StatusCode::OK, json!("made")));
    assert_eq!(made.json()["trigger"], body);
    assert_eq!(server.get("/triggers").await.json()["items"].as_array().unwrap().len(), 2);
    start_on(&server, "b", json!({})).await;
    assert_eq!(runs(&server, "a", 2).await.len(), 2);
    assert_eq!(server.call(Method::DELETE, "/triggers/a/own", None).await.status, StatusCode::CONFLICT);
    assert_eq!(server.call(Method::DELETE, "/triggers/a/m", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/triggers/a/m").await.status, StatusCode::NOT_FOUND);
}
