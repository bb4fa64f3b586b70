//! Repositories over HTTP, from a folder of this machine: what is refused, planned, synced, and told.

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::{Method, StatusCode};
use rigi_model::repositories::LEAST_INTERVAL;
use serde_json::{Value, json};

use super::TestServer;

/// A bare repository below a folder, and its address.
struct Host {
    work: PathBuf,
    bare: PathBuf,
}

impl Host {
    fn new(folder: &Path) -> Self {
        let host = Self { work: folder.join("work"), bare: folder.join("tools.git") };
        std::fs::create_dir(&host.work).unwrap();
        host.git(&["init", "-q", "-b", "main"]);
        host.git(&["init", "-q", "--bare", "-b", "main", &host.bare.display().to_string()]);
        host
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(&self.work).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ann").env(format!("GIT_{who}_EMAIL"), "ann@example.org");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn push(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = self.work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "Change"]);
        self.git(&["push", "-q", &self.bare.display().to_string(), "main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }
}

async fn pipelines(server: &TestServer) -> Vec<String> {
    let all = server.call(Method::GET, "/pipelines", None).await.json();
    all["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_repository_is_planned_and_synced_and_its_runs_say_their_commit() {
    let server = TestServer::start(&[], &["default/own"]).await;
    let host = Host::new(server.folder());
    let first =
        host.push(&[("fit/main.py", "print(1)\n"), ("own/main.py", "print(1)\n"), ("data/x.csv", "1")]);
    let added = server.call(Method::POST, "/repositories", Some(json!({"url": host.url()}))).await;
    assert_eq!((added.status, &added.json()["name"]), (StatusCode::CREATED, &json!("tools")));
    let again = server.call(Method::POST, "/repositories", Some(json!({"url": host.url()}))).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let plan = server.call(Method::POST, "/repositories/tools/sync?plan=true", None).await.json();
    assert_eq!(
        (&plan["outcome"], &plan["done"], &plan["plan"]["added"]),
        (&json!("changed"), &json!(false), &json!(2))
    );
    assert_eq!(pipelines(&server).await, ["own"]);
    let synced = server.call(Method::POST, "/repositories/tools/sync", None).await.json();
    assert_eq!((&synced["done"], &synced["plan"]["commit"]), (&json!(true), &json!(first)));
    assert_eq!(pipelines(&server).await, ["fit", "own"]);
    let run = server.run("", "fit", json!({}), "succeeded").await;
    let run = server.call(Method::GET, &format!("/runs/{run}"), None).await.json();
    assert_eq!((&run["git"]["commit"], &run["git"]["repository"]), (&json!(first), &json!("tools")));
    // The folder's own keeps its name, and both places say so.
    let own = server.call(Method::GET, "/pipelines/own", None).await.json();
    assert!(own["warnings"][0]["message"].as_str().unwrap().contains("the repository `tools`"), "{own}");
    let view = server.call(Method::GET, "/repositories/tools", None).await.json();
    assert!(view["pipelines"][1]["mistakes"][0].as_str().unwrap().contains("keeps the name"), "{view}");
    let unchanged = server.call(Method::POST, "/repositories/tools/sync", None).await.json();
    assert_eq!(unchanged["outcome"], "unchanged");
    let code = server.call(Method::GET, "/pipelines/fit/code/main.py", None).await;
    assert_eq!(code.text(), "print(1)\n");
    let removed = server.call(Method::DELETE, "/repositories/tools", None).await;
    assert_eq!((removed.status, pipelines(&server).await), (StatusCode::NO_CONTENT, vec!["own".to_owned()]));
}

#[tokio::test]
async fn what_cannot_be_a_repository_is_refused_at_its_field() {
    let server = TestServer::start(&[], &["default/own"]).await;
    let least = LEAST_INTERVAL.as_secs() - 1;
    let url = "https://git.example.org/lab/tools";
    let cases: [(Value, &str); 9] = [
        (json!({"url": "https://a:hush@h.org/x"}), "/url"),
        (json!({"url": "http://h.org/x"}), "/url"),
        (json!({"url": url, "branch": "-x"}), "/branch"),
        (json!({"url": url, "branch": "a", "tag": "b"}), "/branch"),
        (json!({"url": url, "commit": "abc"}), "/commit"),
        (json!({"url": url, "folder": "../x"}), "/folder"),
        (json!({"url": url, "interval": format!("{least}s")}), "/interval"),
        (json!({"url": url, "token": "a\nb"}), "/token"),
        (json!({"url": url, "name": "A/b"}), "/name"),
    ];
    for (body, field) in cases {
        let answer = server.call(Method::POST, "/repositories", Some(body.clone())).await;
        assert_eq!(answer.json()["errors"][0]["pointer"], field, "{body}: {}", answer.text());
        assert!(!answer.text().contains("hush"));
    }
    // What lies inside is not asked.
    let inside = json!({"url": "https://127.0.0.1/x.git"});
    assert_eq!(server.call(Method::POST, "/repositories", Some(inside)).await.status, StatusCode::CREATED);
    let answer = server.call(Method::POST, "/repositories/x/sync", None).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("sync-failed"))
    );
    let syncs = server.call(Method::GET, "/repositories/x/syncs", None).await.json();
    assert_eq!(
        (&syncs["items"][0]["outcome"], &syncs["items"][0]["cause"]),
        (&json!("failed"), &json!("hand"))
    );
}
