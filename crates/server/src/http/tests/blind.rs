//! Two projects are blind to each other: every operation of the API that has to do with a project is called in one with what
//! belongs to the other, and answers as it does for what is not there at all. The operations are read off the description,
//! and one that is not known here fails.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{RefOr, Required};

use super::{Answer, TestServer};
use crate::http::document;

const BELOW: &str = "/api/v1/projects/{project}";

/// What the project `lab` has, and `default` must not see.
struct Foreign {
    ended: String,
    held: String,
    waiting: String,
    upload: String,
}

impl Foreign {
    fn ids(&self) -> [&str; 4] {
        [&self.ended, &self.held, &self.waiting, &self.upload]
    }
}

async fn filled() -> (TestServer, Foreign) {
    let server = TestServer::start(&[("lab", Some(1))], &["default/fit", "lab/fit", "lab/only-here"]).await;
    let lab = "/projects/lab";
    let label = json!({"labels": {"team": "lab"}, "parameters": {"password": "hunter2"}});
    let ended = server.run(lab, "fit", label, "succeeded").await;
    let held = server.run(lab, "fit", json!({"parameters": {"hold": true}}), "running").await;
    let waiting = server.run(lab, "only-here", json!({}), "queued").await;
    let upload = server.call(Method::POST, "/projects/lab/uploads?name=a.csv", Some("a,b\n".into())).await;
    let upload = upload.json()["id"].as_str().unwrap().to_owned();
    let secret = json!({"value": "hunter2 of lab"});
    let set = server.call(Method::PUT, "/projects/lab/secrets/ONLY_HERE", Some(secret)).await;
    assert!(set.status.is_success(), "{}", set.text());
    server.run("", "fit", json!({}), "succeeded").await;
    (server, Foreign { ended, held, waiting, upload })
}

/// A body for those that want one.
fn body_of(method: &Method, path: &str, upload: &str) -> Option<Value> {
    let inputs = json!({"inputs": {"table": [{"upload": upload}]}});
    match (method, path) {
        (_, "/uploads") => Some("x".into()),
        (_, "/pipelines/{name}/runs" | "/runs/{id}/rerun") => Some(inputs),
        (_, "/runs") if *method == Method::POST => {
            Some(json!({"runs": [{"pipeline": "only-here", "inputs": inputs["inputs"]}]}))
        }
        (_, "/runs/cancel") => Some(json!({"filter": {}})),
        (_, "/secrets/{name}") if *method == Method::PUT => Some(json!({"value": "of default"})),
        (_, "/secrets/import") => Some(json!({"text": "no line"})),
        _ => None,
    }
}

/// Every operation below a project: its method, its path within the project, and its required query.
fn operations() -> Vec<(Method, String, String)> {
    let mut all = Vec::new();
    for (path, item) in document().paths.paths {
        let Some(path) = path.strip_prefix(BELOW).filter(|rest| !rest.is_empty()) else { continue };
        let known = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        for (method, operation) in known {
            let Some(operation) = operation else { continue };
            let required =
                operation.parameters.into_iter().flatten().filter_map(|parameter| match parameter {
                    RefOr::T(p) if p.parameter_in == ParameterIn::Query && p.required == Required::True => {
                        Some(p.name)
                    }
                    _ => None,
                });
            let query = required.map(|name| format!("{name}=x")).collect::<Vec<_>>().join("&");
            all.push((method, path.to_owned(), if query.is_empty() { query } else { format!("?{query}") }));
        }
    }
    all
}

/// What an answer says; of an archive, all but the moment at which it was taken.
fn said(answer: &Answer) -> String {
    if !answer.bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return answer.text();
    }
    let mut archive = tar::Archive::new(zstd::Decoder::new(&answer.bytes[..]).unwrap());
    let mut text = String::new();
    for entry in archive.entries().unwrap().skip(1) {
        let mut entry = entry.unwrap();
        text.push_str(&entry.path().unwrap().to_string_lossy());
        entry.read_to_string(&mut text).unwrap();
    }
    text
}

/// What an answer says beside the name of what was asked for.
fn without(answer: &Answer, names: &[&str]) -> (StatusCode, String) {
    let mut body = answer.json();
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
        problem.remove("instance");
    }
    let text = if body.is_null() { said(answer) } else { body.to_string() };
    let mut text = names.iter().fold(text, |text, name| text.replace(name, "IT"));
    // What was made just now has an id of its own.
    while let Some(at) = text.find("upl_") {
        text.replace_range(at..at + 30, "IT");
    }
    // What is made is made at another time, with another key.
    for (made, length) in [("rigi_notice_", 76), ("\"made_at\":\"", 39)] {
        while let Some(at) = text.find(made) {
            text.replace_range(at..at + length, "NEW");
        }
    }
    (answer.status, text)
}

#[tokio::test]
async fn what_is_foreign_is_absent_in_every_operation() {
    let (server, lab) = filled().await;
    let absent = "run_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let mut called = BTreeSet::new();
    for (method, path, query) in operations() {
        let call = async |id: &str, name: &str, upload: &str| {
            let filled = path.replace("{id}", id).replace("{name}", name).replace("{who}", name);
            let filled = filled.replace("{path}", "result.txt");
            let filled = filled
                .replace("{pipeline}", name)
                .replace("{schedule}", id)
                .replace("{trigger}", id)
                .replace("{dataset}", name)
                .replace("{version}", "1")
                .replace("{tag}", name)
                .replace("{step}", name)
                .replace("{other}", id);
            let filled = filled.replace("{webhook}", name).replace("{delivery}", id);
            let filled = filled.replace("{channel}", name).replace("{rule}", name).replace("{notice}", id);
            let filled = filled.replace("{key}", name).replace("{backfill}", id).replace("{upload}", upload);
            assert!(!filled.contains('{'), "an operation with another parameter: {path}");
            server
                .call(
                    method.clone(),
                    &format!("/projects/default{filled}{query}"),
                    body_of(&method, &path, upload),
                )
                .await
        };
        let no_upload = "upl_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for foreign in [&lab.ended, &lab.held, &lab.waiting] {
            let theirs = call(foreign, "only-here", &lab.upload).await;
            let nobodys = call(absent, "not-there", no_upload).await;
            let names = [foreign, "only-here", "not-there", absent, &lab.upload, no_upload];
            assert_eq!(without(&theirs, &names), without(&nobodys, &names), "{method} {path}");
            for id in lab.ids() {
                // It may say what it was asked for, in a problem.
                assert!(
                    !theirs.status.is_success() || !said(&theirs).contains(id),
                    "{method} {path}: {}",
                    theirs.text()
                );
            }
            assert!(
                !theirs.text().contains("hunter2")
                    && !theirs.text().contains("ONLY_HERE")
                    && !theirs.text().contains("of lab"),
                "{method} {path}"
            );
        }
        called.insert(format!("{method} {path}"));
    }
    assert!(called.len() >= 25, "{called:?}");
    // Nothing of it was touched.
    for (id, state) in [(&lab.ended, "succeeded"), (&lab.held, "running"), (&lab.waiting, "queued")] {
        let run = server.get(&format!("/projects/lab/runs/{id}")).await.json();
        assert_eq!((&run["state"], &run["cancel_requested_at"]), (&json!(state), &Value::Null));
    }
    let all = server.get("/projects/lab/runs").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn lists_counts_searches_and_filters_see_their_own_alone() {
    let (server, lab) = filled().await;
    let ended = &lab.ended;
    let tail = &ended[ended.len() - 4..];
    for query in [
        "",
        "?label=team=lab",
        "?q=only",
        "?pipeline=only-here",
        &format!("?q={tail}"),
        "?state=running,queued",
    ] {
        let own = server.get(&format!("/projects/default/runs{query}")).await.json();
        let found = own["items"].as_array().unwrap();
        assert!(found.iter().all(|run| !lab.ids().contains(&run["id"].as_str().unwrap())), "{query}");
        let theirs = server.get(&format!("/projects/lab/runs{query}")).await.json();
        assert!(!theirs["items"].as_array().unwrap().is_empty(), "{query}");
    }
    let own = server.get("/pipelines/fit").await.json();
    assert_eq!((&own["active"], &own["queued"]), (&json!(0), &json!(0)));
    assert_eq!(own["recent"].as_array().map(Vec::len), Some(1));
    let theirs = server.get("/projects/lab/pipelines/fit").await.json();
    assert_eq!((&theirs["active"], theirs["recent"].as_array().map(Vec::len)), (&json!(1), Some(2)));
}

/// What a stream tells until a text comes.
async fn told(stream: &mut BodyDataStream, last: &str) -> String {
    let mut told = String::new();
    let hear = async {
        while !told.contains(last) {
            let piece = stream.next().await.unwrap().unwrap();
            told.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), hear).await;
    assert!(heard.is_ok(), "{last} was not told: {told}");
    told
}

#[tokio::test]
async fn a_stream_tells_of_its_own_project_whoever_else_does_something() {
    let (server, lab) = filled().await;
    let mut live = server.stream("/projects/default/events", None).await;
    let mut theirs = server.stream("/projects/lab/events", None).await;
    told(&mut live, "event: hello").await;
    told(&mut theirs, "event: hello").await;
    server.post("/projects/lab/runs/cancel", json!({"ids": [lab.held]})).await;
    let mut commits = server.state.store().commits();
    server.until(&format!("/projects/lab/runs/{}", lab.waiting), "succeeded", &mut commits).await;
    let own = server.run("", "fit", json!({}), "succeeded").await;
    let heard = told(&mut live, r#""state":"succeeded""#).await;
    assert!(heard.contains(&own), "{heard}");
    assert!(lab.ids().iter().all(|id| !heard.contains(id)) && !heard.contains("only-here"), "{heard}");
    let heard = told(&mut theirs, &format!(r#"{}","short""#, lab.waiting)).await;
    assert!(!heard.contains(&own), "{heard}");
    let put = async |project: &str| {
        let path = format!("{project}/uploads?name=x.csv");
        let answer = server.call(Method::POST, &path, Some(json!("a,b"))).await;
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let (foreign, upload) = (put("/projects/lab").await, put("").await);
    let heard = told(&mut live, &upload).await;
    assert!(heard.contains("event: upload") && !heard.contains(&foreign), "{heard}");
    // Who was away is told the same.
    let missed = told(&mut server.stream("/projects/default/events", Some("0")).await, "event: hello").await;
    assert!(missed.contains(&own) && lab.ids().iter().all(|id| !missed.contains(id)), "{missed}");
    assert!(missed.contains(&upload) && !missed.contains(&foreign), "{missed}");
    let refused = server.get(&format!("/projects/default/events?run={}", lab.ended)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn asking_runs_to_stop_by_their_ids_stops_none_of_others() {
    let (server, lab) = filled().await;
    let ids = json!({"ids": [lab.held, lab.waiting]});
    let answer = server.post("/projects/default/runs/cancel", ids.clone()).await;
    assert_eq!((answer.status, answer.json()["cancelled"].clone()), (StatusCode::ACCEPTED, json!(0)));
    let held = server.get(&format!("/projects/lab/runs/{}", lab.held)).await.json();
    assert_eq!((&held["state"], &held["cancel_requested_at"]), (&json!("running"), &Value::Null));
    let answer = server.post("/projects/lab/runs/cancel", ids).await;
    assert_eq!(answer.json()["cancelled"], json!(2));
}

#[tokio::test]
async fn files_lie_in_the_area_of_their_project() {
    let (server, lab) = filled().await;
    let data = server.folder().join("data/objects");
    let count = |project: &str| {
        let shards = std::fs::read_dir(data.join(project).join("blobs")).unwrap();
        shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap()).count()
    };
    // Their code is the same: each has it. What runs left and uploads are theirs alone.
    assert_eq!((count("default"), count("lab")), (2, 3));
    let file = server.get(&format!("/projects/lab/runs/{}/artifacts/result.txt", lab.ended)).await;
    assert_eq!(file.text(), "fit of lab\n");
}
