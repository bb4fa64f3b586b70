//! Several projects: their things, their limits, their addresses.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::TestServer;

async fn two() -> TestServer {
    TestServer::start(&[("lab", Some(1))], &["default/fit", "lab/fit", "lab/only-here"]).await
}

#[tokio::test]
async fn a_server_with_one_project_has_that_alone() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    let all = server.get("/projects").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(all["items"][0]["name"], "default");
    assert_eq!(server.get("/projects/default/pipelines").await, server.get("/pipelines").await);
    let gone = server.get("/projects/lab/runs").await;
    assert_eq!((gone.status, &gone.json()["code"]), (StatusCode::NOT_FOUND, &json!("not-found")));
}

#[tokio::test]
async fn each_project_has_its_own_pipelines_of_the_same_names() {
    let server = two().await;
    let names = async |project: &str| {
        let page = server.get(&format!("{project}/pipelines")).await.json();
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["fit"]);
    assert_eq!(names("/projects/lab").await, ["fit", "only-here"]);
    let run = server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    let log = server.get(&format!("/projects/lab/runs/{run}/log/raw")).await;
    assert!(log.text().contains("fit of lab"), "{}", log.text());
    let near = server.post("/pipelines/only-here/runs", json!({})).await;
    assert_eq!(near.status, StatusCode::NOT_FOUND);
    assert!(!near.text().contains("nearest"), "{}", near.text());
}

#[tokio::test]
async fn what_has_an_id_of_its_own_is_found_without_its_project() {
    let server = two().await;
    let run = server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    assert_eq!(
        server.get(&format!("/runs/{run}")).await,
        server.get(&format!("/projects/lab/runs/{run}")).await
    );
    assert!(server.get(&format!("/runs/{run}/artifacts/result.txt")).await.text().contains("fit of lab"));
    // Its end alone may be that of several.
    let tail = &run[run.len() - 4..];
    assert_eq!(server.get(&format!("/runs/{tail}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get(&format!("/projects/lab/runs/{tail}")).await.json()["id"], *run);
    // What is repeated stays where it was.
    let again = server.post(&format!("/runs/{run}/rerun"), json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text());
    let id = again.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/projects/lab/runs/{id}")).await.status, StatusCode::OK);
    assert_eq!(server.get(&format!("/projects/default/runs/{id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_limit_of_a_project_holds_back_its_own_runs_alone() {
    let server = two().await;
    let first = server.run("/projects/lab", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let second = server.run("/projects/lab", "only-here", json!({}), "queued").await;
    let waiting = server.get(&format!("/projects/lab/runs/{second}")).await.json();
    assert_eq!(waiting["reason"], "project-limit");
    assert_eq!(waiting["queue"], json!({"position": 1, "waiting": 1, "limit": 1}));
    server.run("", "fit", json!({}), "succeeded").await;
    let mut commits = server.state.store().commits();
    server.post(&format!("/projects/lab/runs/{first}/cancel"), json!({})).await;
    server.until(&format!("/projects/lab/runs/{second}"), "succeeded", &mut commits).await;
    let mut lab = server.get("/projects/lab").await.json();
    lab.as_object_mut().unwrap().remove("created_at");
    assert_eq!(
        lab,
        json!({
            "name": "lab", "id": "lab", "state": "open", "declared": true, "role": "owner", "labels": {}, "public": false, "joinable": false, "retention": {},
            "quota": {"runs": 1}, "fixed": ["runs"], "pipelines": 2, "pipelines_with_mistakes": 0, "queued": 0, "active": 0,
        })
    );
}

#[tokio::test]
async fn a_key_is_safe_to_repeat_within_its_project() {
    let server = two().await;
    let ask = async |project: &str| {
        let body = Some(json!({"runs": [{"pipeline": "fit"}]}));
        let answer = server.call_once(Method::POST, &format!("{project}/runs"), body, Some("the same")).await;
        answer.json()["ids"][0].as_str().unwrap().to_owned()
    };
    let (one, other) = (ask("").await, ask("/projects/lab").await);
    assert_ne!(one, other);
    assert_eq!((ask("").await, ask("/projects/lab").await), (one.clone(), other.clone()));
    assert_eq!(server.get(&format!("/projects/lab/runs/{one}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get(&format!("/projects/lab/runs/{other}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_files_of_a_folder_are_shown_and_nothing_else() {
    let server = two().await;
    assert_eq!(server.get("/pipelines/fit/code/main.py").await.text(), "print()\n");
    let folder = server.folder().join("default/fit");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link.txt")).unwrap();
    std::fs::create_dir(folder.join(".git")).unwrap();
    std::fs::write(folder.join(".git/config"), "secret").unwrap();
    for path in ["other.py", "link.txt", ".git/config", "../rigi.toml", "%2e%2e/rigi.toml", "/etc/passwd", ""]
    {
        let answer = server.get(&format!("/pipelines/fit/code/{path}")).await;
        assert!(!answer.text().contains("root:") && !answer.text().contains("secret"), "{path}");
        assert_ne!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    }
}
