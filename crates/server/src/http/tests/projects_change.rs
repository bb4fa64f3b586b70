//! Projects that people make: named, renamed, archived, deleted, brought back and forgotten; what they may have.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use rigi_engine::retention::Collect;
use rigi_model::Timestamp;
use rigi_model::rights::{Grant, Role};
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, role};

async fn server() -> TestServer {
    TestServer::start(&[("lab", None)], &["default/fit", "lab/fit", "made/air/fit", "made/water/fit"]).await
}

async fn made(server: &TestServer, name: &str) -> Value {
    let answer = server.post("/projects", json!({"name": name})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

async fn change(server: &TestServer, name: &str, body: Value) -> super::server::Answer {
    server.call(Method::PATCH, &format!("/projects/{name}"), Some(body)).await
}

#[tokio::test]
async fn a_project_is_made_and_its_runs_are_its_own() {
    let server = server().await;
    let air = made(&server, "air").await;
    assert_eq!(
        (&air["state"], &air["declared"], &air["role"]),
        (&json!("open"), &json!(false), &json!("owner"))
    );
    let run = server.run("/projects/air", "fit", json!({}), "succeeded").await;
    assert_eq!(server.get(&format!("/projects/lab/runs/{run}")).await.status, StatusCode::NOT_FOUND);
    let stored = server.get("/projects/air/usage").await.json();
    assert!(stored["storage"].as_u64().unwrap() > 0, "{stored}");
    assert_eq!(stored["pipelines"][0]["pipeline"], "fit");
    for (name, status) in [
        ("air", StatusCode::CONFLICT),
        ("lab", StatusCode::CONFLICT),
        ("default", StatusCode::CONFLICT),
        ("", StatusCode::BAD_REQUEST),
        ("../up", StatusCode::BAD_REQUEST),
        ("a b", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(server.post("/projects", json!({"name": name})).await.status, status, "{name}");
    }
    let many: Value =
        (0..65).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    for labels in [json!({"a b": "c"}), json!({"a": "b\nc"}), many] {
        let answer = server.post("/projects", json!({"name": "labelled", "labels": labels})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{labels}");
    }
}

#[tokio::test]
async fn fifty_who_make_the_same_project_make_one() {
    let server = server().await;
    let all = (0..50).map(|_| server.post("/projects", json!({"name": "air"})));
    let all = futures_util::future::join_all(all).await;
    let made = all.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    let refused = all.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count();
    assert_eq!((made, refused), (1, 49));
}

#[tokio::test]
async fn a_former_name_leads_to_a_project_until_another_takes_it() {
    let server = server().await;
    made(&server, "air").await;
    let run = server.run("/projects/air", "fit", json!({}), "succeeded").await;
    let renamed = change(&server, "air", json!({"name": "sky"})).await.json();
    assert_eq!((&renamed["name"], &renamed["id"]), (&json!("sky"), &json!("air")));
    for name in ["sky", "air"] {
        assert_eq!(server.get(&format!("/projects/{name}")).await.json()["name"], "sky");
        assert_eq!(server.get(&format!("/projects/{name}/runs/{run}")).await.status, StatusCode::OK);
        server.run(&format!("/projects/{name}"), "fit", json!({}), "succeeded").await;
    }
    // Back and forth, and to a name that another has.
    assert_eq!(change(&server, "sky", json!({"name": "air"})).await.json()["name"], "air");
    assert_eq!(change(&server, "sky", json!({"name": "sky"})).await.json()["name"], "sky");
    assert_eq!(change(&server, "sky", json!({"name": "lab"})).await.status, StatusCode::CONFLICT);
    // Another takes the name, and has nothing of the first.
    let second = made(&server, "air").await;
    assert_ne!(second["id"], "air");
    assert_eq!(server.get("/projects/air/runs").await.json()["items"], json!([]));
    assert_eq!(server.get("/projects/air/export").await.status, StatusCode::OK);
    assert_eq!(server.get(&format!("/projects/sky/runs/{run}")).await.status, StatusCode::OK);
    assert_eq!(change(&server, "sky", json!({"name": "air"})).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_deleted_is_there_for_its_owners_alone_and_comes_back_as_it_was() {
    let server = TestServer::start_team(&[("lab", None)], &["made/air/fit"]).await;
    made(&server, "air").await;
    let owner = server.person("Ann", vec![role("air", Role::Owner)]).await;
    let viewer = server.person("Ben", vec![role("air", Role::Viewer)]).await;
    let (owner, viewer) =
        (server.token(&owner, Kept::default()).await.0, server.token(&viewer, Kept::default()).await.0);
    let held = server.run("/projects/air", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let mut commits = server.state.store().commits();
    let refused = server.call_as(&viewer, Method::DELETE, "/projects/air", None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let at_once = server.call_as(&owner, Method::DELETE, "/projects/air?at_once=true", None).await;
    assert_eq!(at_once.status, StatusCode::FORBIDDEN);
    let deleted = server.call_as(&owner, Method::DELETE, "/projects/air", None).await.json();
    assert_eq!(deleted["state"], "deleted");
    assert!(deleted["gone_at"].is_string());
    for path in ["/projects/air", "/projects/air/runs", "/projects/air/members", &format!("/runs/{held}")] {
        let answer = server.call_as(&viewer, Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let names = async |key: &str| {
        let all = server.call_as(key, Method::GET, "/projects", None).await.json();
        all["items"].as_array().unwrap().iter().map(|project| project["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((names(&owner).await, names(&viewer).await), (vec![json!("air")], vec![]));
    let again = server.post("/projects", json!({"name": "air"})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let started =
        server.call_as(&owner, Method::POST, "/projects/air/pipelines/fit/runs", Some(json!({}))).await;
    assert_eq!(started.status, StatusCode::NOT_FOUND);
    assert_eq!(
        server.call_as(&owner, Method::PATCH, "/projects/air", Some(json!({}))).await.status,
        StatusCode::CONFLICT
    );
    // Its runs were asked to stop; what they left is there when it is back.
    while server.state.engine.counts().await.1 > 0 {
        let _ = commits.recv().await;
    }
    let back = server.call_as(&owner, Method::POST, "/projects/air/restore", None).await;
    assert_eq!(back.json()["state"], "open");
    let run = server.call_as(&viewer, Method::GET, &format!("/projects/air/runs/{held}"), None).await;
    assert_eq!(run.json()["state"], "cancelled");
}

#[tokio::test]
async fn after_its_time_nothing_is_left_but_the_audit_log() {
    let server = server().await;
    made(&server, "air").await;
    made(&server, "water").await;
    for project in ["air", "water"] {
        server.run(&format!("/projects/{project}"), "fit", json!({}), "succeeded").await;
        let secret = server
            .call(
                Method::PUT,
                &format!("/projects/{project}/secrets/TOKEN"),
                Some(json!({"value": "hunter2"})),
            )
            .await;
        assert!(secret.status.is_success());
    }
    let stored = |project: &str| server.folder().join("data").join("objects").join(project);
    let pipelines = server.folder().join("made").join("air");
    assert!(pipelines.is_dir() && stored("air").is_dir());
    server.call(Method::DELETE, "/projects/air", None).await;
    let collect = async |days: u64| {
        let now = Timestamp::now().after(Duration::from_secs(days * 24 * 3600));
        server.state.collector.collect(now, Collect::Remove).await.unwrap();
    };
    collect(29).await;
    assert_eq!(server.get("/projects/air").await.json()["state"], "deleted");
    collect(31).await;
    assert_eq!(server.get("/projects/air").await.status, StatusCode::NOT_FOUND);
    assert!(!pipelines.exists() && !stored("air").exists());
    let store = server.state.store();
    let air = rigi_model::ProjectName::unchecked("air");
    assert!(store.db().secrets(&air).await.unwrap().is_empty());
    assert!(store.db().pipelines_with_runs(&air).await.unwrap().is_empty());
    assert_eq!(server.get("/projects/water").await.json()["state"], "open");
    let lines = server.get("/audit?project=air").await.json();
    let actions: Vec<_> =
        lines["items"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert!(
        actions.contains(&json!("projects.forget")) && actions.contains(&json!("projects.create")),
        "{actions:?}"
    );
    // The name is free, and what is new has another id: it is not in the old one's lines.
    let second = made(&server, "air").await;
    assert_ne!(second["id"], "air");
    let gone = server.call(Method::DELETE, "/projects/air?at_once=true", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!(server.get("/projects/air").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_the_configuration_says_is_changed_there_alone() {
    let server = TestServer::start(&[("lab", Some(4))], &["lab/fit"]).await;
    let conflict = async |method: Method, path: &str, body: Option<Value>| {
        let answer = server.call(method, path, body).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::CONFLICT, &json!("state-conflict")),
            "{path}"
        );
    };
    conflict(Method::PATCH, "/projects/lab", Some(json!({"name": "other"}))).await;
    conflict(Method::DELETE, "/projects/lab", None).await;
    conflict(Method::DELETE, "/projects/default", None).await;
    conflict(Method::POST, "/projects/lab/restore", None).await;
    conflict(Method::PUT, "/projects/lab/quota", Some(json!({"runs": 5}))).await;
    conflict(Method::PUT, "/projects/lab/quota", Some(json!({}))).await;
    // What it leaves open is open.
    let set =
        server.call(Method::PUT, "/projects/lab/quota", Some(json!({"runs": 4, "queued": 7}))).await.json();
    assert_eq!((&set["quota"], &set["fixed"]), (&json!({"runs": 4, "queued": 7}), &json!(["runs"])));
    let labelled =
        change(&server, "lab", json!({"labels": {"team": "lab"}, "retention": {"runs": 3}})).await.json();
    assert_eq!((&labelled["labels"], &labelled["retention"]), (&json!({"team": "lab"}), &json!({"runs": 3})));
}

#[tokio::test]
async fn what_a_project_may_have_counts_from_now_on() {
    let server = server().await;
    made(&server, "air").await;
    let quota = async |body: Value| server.call(Method::PUT, "/projects/air/quota", Some(body)).await;
    let start = async |body: Value| server.post("/projects/air/pipelines/fit/runs", body).await;
    for wrong in [
        json!({"cpu": -1.0}),
        json!({"max_cpu": 0.0}),
        json!({"weight": 0}),
        json!({"weight": 1001}),
        json!({"targets": ["nowhere"]}),
        json!({"coffee": 3}),
    ] {
        assert_eq!(quota(wrong.clone()).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    quota(json!({"runs": 1})).await;
    let held = server.run("/projects/air", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let second = server.run("/projects/air", "fit", json!({}), "queued").await;
    let mut commits = server.state.store().commits();
    quota(json!({"runs": 2})).await;
    // Something happens, and the place is given.
    server.run("/projects/air", "fit", json!({}), "succeeded").await;
    server.until(&format!("/projects/air/runs/{second}"), "succeeded", &mut commits).await;
    server.post(&format!("/projects/air/runs/{held}/cancel"), json!({})).await;
    quota(json!({"targets": []})).await;
    let refused = start(json!({})).await.json();
    assert_eq!(refused["code"], "quota-exceeded");
    quota(json!({"storage": 1})).await;
    let refused = start(json!({})).await.json();
    assert_eq!(refused["code"], "quota-exceeded");
    assert!(refused["detail"].as_str().unwrap().contains("`projects.air.storage`"), "{refused}");
    let upload = server.call(Method::POST, "/projects/air/uploads?name=x.csv", Some(json!("1,2"))).await;
    assert_eq!(upload.json()["code"], "quota-exceeded");
    quota(json!({})).await;
    assert_eq!(start(json!({})).await.status, StatusCode::ACCEPTED);
    assert_eq!(change(&server, "air", json!({"target": "nowhere"})).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(change(&server, "air", json!({"target": "process"})).await.json()["target"], "process");
    assert_eq!(change(&server, "air", json!({"target": ""})).await.json()["target"], Value::Null);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_says_nothing_to_strangers() {
    let server = TestServer::start_team(&[("lab", None)], &["made/air/fit"]).await;
    made(&server, "air").await;
    change(&server, "air", json!({"name": "sky"})).await;
    let stranger = server.person("Eve", vec![]).await;
    let key = server.token(&stranger, Kept::default()).await.0;
    for below in ["", "/runs", "/usage", "/events"] {
        let ask = async |name: &str| {
            let answer = server.call_as(&key, Method::GET, &format!("/projects/{name}{below}"), None).await;
            let mut body = answer.json();
            body.as_object_mut().map(|body| body.remove("request_id"));
            (answer.status, body.to_string().replace(name, "IT"))
        };
        let absent = ask("nothing").await;
        assert_eq!((ask("air").await, ask("sky").await), (absent.clone(), absent), "{below}");
    }
    // Whoever has a role is told the name that it has now.
    let member = server.person("Ann", vec![role("air", Role::Runner), Grant::Administrator]).await;
    let key = server.token(&member, Kept { project: Some("air"), ..Kept::default() }).await.0;
    let account = server.call_as(&key, Method::GET, "/account", None).await.json();
    assert_eq!(account["roles"], json!([{"project": "sky", "role": "owner"}]));
}

#[tokio::test]
async fn whoever_comes_looks_at_a_public_project_and_at_nothing_else() {
    let server = TestServer::start_team(&[("lab", None)], &["lab/fit", "made/air/fit"]).await;
    made(&server, "air").await;
    let hidden = server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    let run = server.run("/projects/air", "fit", json!({}), "succeeded").await;
    let visit = async |path: &str| server.call_as("", Method::GET, path, None).await;
    assert_eq!(visit("/projects/air").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(visit("/sign-in").await.json()["public"], json!([]));
    assert_eq!(change(&server, "air", json!({"public": true})).await.json()["public"], true);
    assert_eq!(visit("/sign-in").await.json()["public"], json!(["air"]));
    assert_eq!(visit("/projects/air").await.json()["role"], "viewer");
    let all = visit("/projects").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    for below in [
        "pipelines",
        "pipelines/fit",
        "runs",
        &format!("runs/{run}"),
        &format!("runs/{run}/log"),
        &format!("runs/{run}/artifacts"),
    ] {
        assert_eq!(visit(&format!("/projects/air/{below}")).await.status, StatusCode::OK, "{below}");
    }
    // Nothing of people, of secrets, of others, and nothing is done.
    for below in ["members", "usage", "activity", "secrets", "invitations"] {
        assert_eq!(
            visit(&format!("/projects/air/{below}")).await.status,
            StatusCode::UNAUTHORIZED,
            "{below}"
        );
    }
    for path in [
        "/projects/lab",
        "/projects/nothing",
        "/runs",
        "/account",
        "/people",
        "/system",
        &format!("/runs/{hidden}"),
        &format!("/projects/air/runs/{hidden}x"),
    ] {
        let answer = visit(path).await;
        assert!(
            [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(visit(&format!("/projects/air/runs/{hidden}")).await.status, StatusCode::NOT_FOUND);
    for (method, path) in [
        (Method::POST, "/projects/air/pipelines/fit/runs"),
        (Method::POST, "/projects/air/uploads?name=x"),
        (Method::PATCH, "/projects/air"),
        (Method::DELETE, "/projects/air"),
        (Method::POST, "/projects"),
    ] {
        let answer = server.call_as("", method.clone(), path, Some(json!({}))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    // Who has signed in and has no role sees as much; a token for another project sees nothing of it.
    let person = server.person("Ada", vec![role("lab", Role::Editor)]).await;
    let (whole, _) = server.token(&person, Kept::default()).await;
    let (narrow, _) = server.token(&person, Kept { project: Some("lab"), ..Kept::default() }).await;
    let look = async |key: &str, path: &str| server.call_as(key, Method::GET, path, None).await.status;
    assert_eq!(look(&whole, &format!("/projects/air/runs/{run}")).await, StatusCode::OK);
    assert_eq!(look(&whole, &format!("/runs/{run}")).await, StatusCode::OK);
    assert_eq!(look(&whole, "/projects/air/members").await, StatusCode::NOT_FOUND);
    assert_eq!(look(&narrow, "/projects/air/runs").await, StatusCode::NOT_FOUND);
    let body = Some(json!({}));
    let start = server.call_as(&whole, Method::POST, "/projects/air/pipelines/fit/runs", body).await;
    assert_eq!(start.status, StatusCode::NOT_FOUND);
    assert_eq!(change(&server, "air", json!({"public": false})).await.json()["public"], false);
    assert_eq!(look(&whole, "/projects/air/runs").await, StatusCode::NOT_FOUND);
    assert_eq!(visit("/projects/air/runs").await.status, StatusCode::UNAUTHORIZED);
    // One person's server has no strangers.
    let alone = self::server().await;
    assert_eq!(change(&alone, "lab", json!({"public": true})).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn somebody_asks_to_be_in_a_project_and_an_owner_answers() {
    let server = TestServer::start_team(&[("lab", None)], &["made/air/fit"]).await;
    made(&server, "air").await;
    let owner = server.person("Ann", vec![role("air", Role::Owner)]).await;
    let (eve, bob) = (server.person("Eve", vec![]).await, server.person("Bob", vec![]).await);
    let mut keys = Vec::new();
    for person in [&owner, &eve, &bob] {
        keys.push(server.token(person, Kept::default()).await.0);
    }
    let call = async |who: usize, method: Method, path: &str, body: Option<Value>| {
        server.call_as(&keys[who], method, path, body).await
    };
    let ask = async |who: usize, body: Value| call(who, Method::POST, "/join-requests", Some(body)).await;
    // What does not let people ask answers as what is not there.
    let closed = ask(1, json!({"project": "air"})).await;
    let absent = ask(1, json!({"project": "nothing"})).await;
    assert_eq!((closed.status, absent.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let joinable = call(0, Method::PATCH, "/projects/air", Some(json!({"joinable": true}))).await;
    assert_eq!(joinable.json()["joinable"], true);
    let long = "x".repeat(501);
    for note in [long.as_str(), "a\u{7}"] {
        assert_eq!(ask(1, json!({"project": "air", "note": note})).await.status, StatusCode::BAD_REQUEST);
    }
    for who in [1, 1, 2] {
        assert_eq!(
            ask(who, json!({"project": "air", "note": "of the lab"})).await.status,
            StatusCode::NO_CONTENT
        );
    }
    assert_eq!(ask(0, json!({"project": "air"})).await.status, StatusCode::CONFLICT);
    let listed = call(1, Method::GET, "/joinable", None).await.json();
    assert_eq!(listed["items"], json!([{"name": "air", "labels": {}, "asked": true}]));
    let requests = call(0, Method::GET, "/projects/air/requests", None).await.json();
    let names: Vec<_> = requests["items"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Eve", "Bob"]);
    assert_eq!(call(1, Method::GET, "/projects/air/requests", None).await.status, StatusCode::NOT_FOUND);
    let place = |person: &rigi_store::people::Person| format!("/projects/air/requests/{}", person.id);
    let let_in = call(0, Method::PUT, &place(&eve), Some(json!({"role": "runner"}))).await;
    assert_eq!(let_in.status, StatusCode::NO_CONTENT);
    assert_eq!(call(1, Method::GET, "/projects/air", None).await.json()["role"], "runner");
    assert_eq!(call(1, Method::DELETE, &place(&bob), None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(call(0, Method::DELETE, &place(&bob), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        call(0, Method::PUT, &place(&bob), Some(json!({"role": "owner"}))).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(call(2, Method::GET, "/projects/air", None).await.status, StatusCode::NOT_FOUND);
}
