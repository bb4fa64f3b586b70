//! Projects as archives: what comes is what went, all or nothing, and for those alone who may.

use std::io::Read;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use rigi_engine::retention::Collect;
use rigi_model::project::ProjectSettings;
use rigi_model::rights::{Grant, Role};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::people::Deed;
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, role};
use super::server::Answer;

/// A server with a project that has a run.
async fn server() -> (TestServer, String) {
    let server = TestServer::start(&[("lab", None)], &["default/fit", "made/air/fit"]).await;
    let made = server.post("/projects", json!({"name": "air", "labels": {"team": "lab"}})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let run = server.run("/projects/air", "fit", json!({"labels": {"kind": "first"}}), "succeeded").await;
    (server, run)
}

async fn export(server: &TestServer, name: &str) -> Vec<u8> {
    let answer = server.get(&format!("/projects/{name}/export")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.bytes
}

async fn import(server: &TestServer, query: &str, archive: impl Into<Body>) -> Answer {
    server.bring(&format!("/projects/import{query}"), archive.into()).await
}

/// Nothing is left of what did not come: no project, no folder, no file that was being written.
async fn nothing_left(server: &TestServer, projects: usize) {
    let all = server.get("/projects").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), projects, "{all}");
    assert!(server.state.store().db().coming_projects().await.unwrap().is_empty());
    for (folder, names) in
        [("made", &["air"][..]), ("data/objects", &["air", "default", "lab"]), ("data/tmp", &[])]
    {
        let items = server.folder().join(folder).read_dir().into_iter().flatten();
        for item in items {
            let name = item.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&&*name), "{folder} has {name}");
        }
    }
}

#[tokio::test]
async fn a_project_is_taken_along_and_brought_in_elsewhere() {
    let (server, run) = server().await;
    let set =
        server.call(Method::PUT, "/projects/air/secrets/TOKEN", Some(json!({"value": "hunter2"}))).await;
    assert!(set.status.is_success());
    let log = server.get(&format!("/projects/air/runs/{run}/log")).await;
    let archive = export(&server, "air").await;
    let elsewhere = TestServer::start(&[], &["default/fit"]).await;
    let brought = import(&elsewhere, "", archive.clone()).await;
    assert_eq!(brought.status, StatusCode::CREATED, "{}", brought.text());
    let brought = brought.json();
    let told = ["taken_as", "runs", "open_runs", "files", "left_out", "missing", "secrets"]
        .map(|key| brought[key].clone());
    assert_eq!(told, [json!("air"), json!(1), json!(0), json!(1), json!(0), json!(0), json!(["TOKEN"])]);
    let project = &brought["project"];
    assert_eq!((&project["name"], &project["labels"]), (&json!("air"), &json!({"team": "lab"})));
    assert_eq!((&project["declared"], &project["pipelines"]), (&json!(false), &json!(1)));
    for below in ["", "/attempts", "/artifacts", "/code"] {
        let path = format!("/projects/air/runs/{run}{below}");
        let (before, after) = (server.get(&path).await, elsewhere.get(&path).await);
        assert_eq!((before.status, before.json()), (after.status, after.json()), "{path}");
    }
    assert_eq!(elsewhere.get(&format!("/projects/air/runs/{run}/log")).await, log);
    let found = elsewhere.get("/projects/air/runs?label=kind=first").await.json();
    assert_eq!(found["items"][0]["id"], run.as_str());
    // What it left is read by its hash, what it ran runs again, and so does its pipeline.
    let again = elsewhere.run("/projects/air", "fit", json!({}), "succeeded").await;
    assert_ne!(again, run);
    assert_eq!(elsewhere.get("/projects/air/secrets").await.json()["items"], json!([]));
    let audit = elsewhere.get("/audit?action=projects.import").await;
    assert!(audit.status != StatusCode::OK || audit.text().contains("projects.import"), "{}", audit.text());
    // The collector takes nothing of it.
    elsewhere.state.collector.collect(Timestamp::now(), Collect::Remove).await.unwrap();
    assert_eq!(elsewhere.get(&format!("/projects/air/runs/{run}/log")).await, log);
}

#[tokio::test]
async fn a_run_is_on_a_server_once_and_a_name_too() {
    let (server, run) = server().await;
    let archive = export(&server, "air").await;
    let same = import(&server, "", archive.clone()).await;
    assert_eq!(same.status, StatusCode::CONFLICT, "{}", same.text());
    let other = import(&server, "?name=sky", archive.clone()).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(other.text().contains(&run), "{}", other.text());
    for (name, status) in [("import", 400), ("../up", 400), ("lab", 409)] {
        let answer = import(&server, &format!("?name={name}"), archive.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text());
    }
    assert_eq!(server.post("/projects", json!({"name": "import"})).await.status, StatusCode::BAD_REQUEST);
    nothing_left(&server, 3).await;
    // Where it is gone, it can come back, under an id of its own.
    let gone = server.call(Method::DELETE, "/projects/air?at_once=true", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    let back = import(&server, "?name=sky", archive).await;
    assert_eq!(back.status, StatusCode::CREATED, "{}", back.text());
    assert_eq!(server.get(&format!("/projects/sky/runs/{run}")).await.status, StatusCode::OK);
}

/// The archive with its members changed: `None` leaves one out.
fn with(archive: &[u8], path: &str, content: Option<&[u8]>, kind: tar::EntryType) -> Vec<u8> {
    let mut members = Vec::new();
    let mut old = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    for entry in old.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        members.push((name, bytes));
    }
    let at = members.iter().position(|(name, _)| name.starts_with(path)).unwrap_or(members.len() - 1);
    match content {
        None => _ = members.remove(at),
        Some(content) if members[at].0.starts_with(path) => members[at].1 = content.to_vec(),
        Some(content) => members.insert(at, (path.to_owned(), content.to_vec())),
    }
    let mut packer = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if name == path {
            header.set_entry_type(kind);
        }
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        packer.append(&header, &bytes[..]).unwrap();
    }
    zstd::encode_all(&packer.into_inner().unwrap()[..], 1).unwrap()
}

#[tokio::test]
async fn a_hostile_archive_leaves_nothing() {
    use tar::EntryType as Kind;
    let (server, _) = server().await;
    let archive = export(&server, "air").await;
    let elsewhere = TestServer::start(&[("lab", None)], &["default/fit", "made/air/keep"]).await;
    let with = |path, content, kind| with(&archive, path, content, kind);
    let newer = Some(&br#"{"format": 99}"#[..]);
    for (what, bad) in [
        ("nothing", Vec::new()),
        ("no archive", b"hello".to_vec()),
        ("cut", archive[..archive.len() / 2].to_vec()),
        ("no end", with("end.json", None, Kind::Regular)),
        ("another hash", with("content/", Some(b"other"), Kind::Regular)),
        ("a way out", with("pipelines/../../up", Some(b"x"), Kind::Regular)),
        ("an absolute path", with("/etc/up", Some(b"x"), Kind::Regular)),
        ("a link", with("pipelines/link", Some(b""), Kind::Symlink)),
        ("a hard link", with("pipelines/link", Some(b""), Kind::Link)),
        ("another table", with("rows/people/1.jsonl", Some(b"{}\n"), Kind::Regular)),
        ("a newer format", with("project.json", newer, Kind::Regular)),
        ("rows that are none", with("rows/runs/", Some(b"{}\n"), Kind::Regular)),
    ] {
        let answer = import(&elsewhere, "?name=sky", bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}: {}", answer.text());
        nothing_left(&elsewhere, 2).await;
    }
    // One that breaks off on its way here.
    let broken =
        futures_util::stream::iter([Ok(archive[..100].to_vec()), Err(std::io::Error::other("gone"))]);
    let answer = import(&elsewhere, "", Body::from_stream(broken)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    nothing_left(&elsewhere, 2).await;
}

#[tokio::test]
async fn where_there_is_no_room_nothing_comes() {
    let (server, _) = server().await;
    let archive = export(&server, "air").await;
    let full = |settings: &mut rigi_engine::Settings| settings.free_disk = Some(u64::MAX);
    let elsewhere = TestServer::start_with(&[], &["default/fit"], full).await;
    let answer = import(&elsewhere, "", archive).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    nothing_left(&elsewhere, 1).await;
}

#[tokio::test]
async fn what_a_killed_server_had_begun_is_removed() {
    let (server, _) = server().await;
    let (store, name) = (server.state.store(), "sky".parse::<ProjectName>().unwrap());
    let deed = Deed::of_server("ann", Timestamp::now());
    let begun = store.begin_project(&name, ProjectSettings::default(), &deed, |_| true).await.unwrap();
    store.blobs(&begun.id).put(&b"half"[..]).unwrap();
    std::fs::create_dir(server.folder().join("made").join(begun.id.as_str())).unwrap();
    assert_eq!(server.get("/projects/sky").await.status, StatusCode::NOT_FOUND);
    // While one is being brought in, nothing is removed.
    let bringing = rigi_store::FilesLock::keep(store.data()).unwrap();
    assert!(server.state.collector.collect(Timestamp::now(), Collect::Remove).await.is_err());
    assert_eq!(store.db().coming_projects().await.unwrap(), std::slice::from_ref(&begun.id));
    drop(bringing);
    server.state.collector.collect(Timestamp::now(), Collect::Remove).await.unwrap();
    nothing_left(&server, 3).await;
}

#[tokio::test]
async fn to_take_a_project_takes_an_owner_and_to_bring_one_an_administrator() {
    let server = TestServer::start_team(&[("lab", None)], &["default/fit", "lab/fit"]).await;
    server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    let archive = export(&server, "lab").await;
    for (name, grants, taking, bringing) in [
        ("Vera", vec![role("lab", Role::Viewer)], 403, 403),
        ("Ed", vec![role("lab", Role::Editor)], 403, 403),
        ("Olga", vec![role("lab", Role::Owner)], 200, 403),
        ("Nobody", vec![], 404, 403),
        ("Ada", vec![Grant::Administrator], 200, 409),
    ] {
        let person = server.person(name, grants).await;
        let (key, _) = server.token(&person, Kept::default()).await;
        let taken = server.call_as(&key, Method::GET, "/projects/lab/export", None).await;
        assert_eq!(taken.status.as_u16(), taking, "{name}");
        let brought = server.bring_as(&key, "/projects/import", archive.clone().into()).await;
        assert_eq!(brought.status.as_u16(), bringing, "{name}: {}", brought.text());
    }
    let lines = server.get("/audit?project=lab").await.json();
    let told = |line: &Value| line["action"] == "projects.export";
    assert_eq!(lines["items"].as_array().unwrap().iter().filter(|line| told(line)).count(), 3);
}

#[tokio::test]
async fn a_reader_who_goes_away_ends_it() {
    let (server, _) = server().await;
    let mut pieces = server.stream("/projects/air/export", None).await;
    assert!(pieces.next().await.unwrap().is_ok());
    drop(pieces);
    // Whoever collects waits for the end of what was being read.
    let data = server.state.store().data().to_owned();
    let free = async {
        while rigi_store::FilesLock::collect(&data).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), free).await.unwrap();
}
