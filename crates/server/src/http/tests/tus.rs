//! Uploads that come in pieces: the protocol, races, what breaks, what is over, and whose they are.

use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rigi_engine::retention::Collect;
use rigi_model::rights::Role;
use rigi_model::{ContentHash, Timestamp, UploadId};
use rigi_store::OpenUpload;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::TestServer;
use super::crowd::{Kept, role};
use super::server::TOKEN;

const TUS: &str = "/api/v1/uploads/tus";
const PIECES: (&str, &str) = ("content-type", "application/offset+octet-stream");
/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn offset(&self) -> u64 {
        self.header("upload-offset").parse().unwrap()
    }
}

async fn ask_as(
    server: &TestServer,
    token: &str,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Told {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    if !headers.iter().any(|(name, _)| *name == "tus-resumable") {
        request = request.header("tus-resumable", "1.0.0");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = tokio::time::timeout(BOUND, server.router().oneshot(request)).await.unwrap().unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Told { status: parts.status, headers: parts.headers, body }
}

async fn ask(server: &TestServer, what: (Method, &str), headers: &[(&str, &str)], body: &str) -> Told {
    ask_as(server, TOKEN, what, headers, body.to_owned()).await
}

/// Begins one of so many bytes; where it is.
async fn begin(server: &TestServer, length: usize) -> String {
    let length = length.to_string();
    let told = ask(server, (Method::POST, TUS), &[("upload-length", &length)], "").await;
    assert_eq!(told.status, StatusCode::CREATED, "{}", told.body);
    told.header("location").to_owned()
}

async fn send(server: &TestServer, at: &str, offset: u64, bytes: impl Into<Body>) -> Told {
    let offset = offset.to_string();
    ask_as(server, TOKEN, (Method::PATCH, at), &[PIECES, ("upload-offset", &offset)], bytes).await
}

/// A body that goes on as long as it is fed.
fn fed() -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Body) {
    let (feed, mut fed) = mpsc::unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |context| fed.poll_recv(context));
    (feed, Body::from_stream(stream))
}

fn id_of(at: &str) -> UploadId {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

fn hash_of(text: &str) -> ContentHash {
    ContentHash::new(Sha256::digest(text.as_bytes()).into())
}

/// The content of an upload, as a run would have it.
async fn content(server: &TestServer, at: &str) -> Option<String> {
    let project = rigi_model::ProjectName::default();
    let store = server.state.store();
    let upload = store.db().upload(&project, &id_of(at)).await.ok()?;
    let file = store.blobs(&project).file(&upload.sha256).unwrap();
    Some(std::fs::read_to_string(file).unwrap())
}

async fn server() -> TestServer {
    TestServer::start(&[("lab", None)], &["default/fit"]).await
}

#[tokio::test]
async fn a_file_comes_in_pieces_and_is_an_upload_of_the_same_id() {
    let server = server().await;
    let spoken = ask(&server, (Method::OPTIONS, TUS), &[("tus-resumable", "")], "").await;
    assert_eq!((spoken.status, spoken.header("tus-version")), (StatusCode::NO_CONTENT, "1.0.0"));
    assert_eq!(spoken.header("tus-max-size"), (50u64 << 30).to_string());
    let said = [("upload-length", "10"), ("upload-metadata", "filename YS5jc3Y=,mark eA==")];
    let begun = ask(&server, (Method::POST, TUS), &said, "").await;
    assert_eq!((begun.status, begun.header("tus-resumable")), (StatusCode::CREATED, "1.0.0"));
    assert!(begun.header("upload-expires").ends_with(" GMT"));
    let at = begun.header("location").to_owned();

    assert_eq!(send(&server, &at, 0, "hello").await.offset(), 5);
    let far = ask(&server, (Method::HEAD, &at), &[], "").await;
    assert_eq!((far.status, far.offset(), far.header("upload-length")), (StatusCode::OK, 5, "10"));
    assert_eq!(far.header("upload-metadata"), "filename YS5jc3Y=,mark eA==");
    assert_eq!(far.header("cache-control"), "no-store");
    let open = server.get("/uploads/tus").await.json()["items"][0].clone();
    assert_eq!((&open["offset"], &open["size"], &open["sha256"]), (&json!(5), &json!(10), &Value::Null));
    assert_eq!(open["metadata"], json!({"filename": "a.csv", "mark": "x"}));
    assert_eq!(content(&server, &at).await, None);

    // A client that can send no other method says it.
    let meant = [PIECES, ("upload-offset", "5"), ("x-http-method-override", "PATCH")];
    let last = ask(&server, (Method::POST, &at), &meant, "world").await;
    assert_eq!((last.status, last.offset()), (StatusCode::NO_CONTENT, 10));
    assert_eq!(content(&server, &at).await.as_deref(), Some("helloworld"));
    // Who has not heard of its end asks.
    assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.offset(), 10);
    let shown = server.get(at.strip_prefix("/api/v1").unwrap()).await.json();
    assert_eq!(
        (&shown["name"], &shown["sha256"]),
        (&json!("a.csv"), &json!(hash_of("helloworld").to_string()))
    );
    assert_eq!(server.get("/uploads/tus").await.json()["items"], json!([]));
    assert_eq!(std::fs::read_dir(server.folder().join("data/uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn first_bytes_come_with_the_beginning_and_no_bytes_are_a_file_too() {
    let server = server().await;
    let headers = [("upload-length", "5"), PIECES];
    let part = ask(&server, (Method::POST, TUS), &headers, "hel").await;
    assert_eq!((part.status, part.offset()), (StatusCode::CREATED, 3));
    let at = part.header("location").to_owned();
    assert_eq!(send(&server, &at, 3, "lo").await.offset(), 5);
    assert_eq!(content(&server, &at).await.as_deref(), Some("hello"));
    let empty = begin(&server, 0).await;
    assert_eq!(content(&server, &empty).await.as_deref(), Some(""));
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused_and_changes_nothing() {
    let server = server().await;
    let at = begin(&server, 5).await;
    let post = (Method::POST, TUS);
    let patch = (Method::PATCH, at.as_str());
    let (one, zero) = (("upload-length", "1"), ("upload-offset", "0"));
    let wrong_sum = format!("sha256 {}", STANDARD.encode([0; 32]));
    let five_terabytes = (5u64 << 40).to_string();
    let long = "x".repeat(6);
    type Case<'a> = ((Method, &'a str), Vec<(&'a str, &'a str)>, &'a str, u16);
    let cases: Vec<Case<'_>> = vec![
        (post.clone(), vec![("tus-resumable", ""), one], "", 400),
        (post.clone(), vec![("tus-resumable", "0.2.2"), one], "", 412),
        ((Method::HEAD, &at), vec![("tus-resumable", "")], "", 400),
        (post.clone(), vec![], "", 400),
        (post.clone(), vec![("upload-defer-length", "1")], "", 400),
        (post.clone(), vec![("upload-length", "-1")], "", 400),
        (post.clone(), vec![("upload-length", &five_terabytes)], "", 413),
        (post.clone(), vec![one, ("upload-metadata", "filename Li4veA==")], "", 400),
        (post.clone(), vec![one, ("upload-metadata", "filename YQ0KU2V0LUNvb2tpZTogeD0x")], "", 400),
        (post.clone(), vec![one, ("upload-concat", "final;")], "", 400),
        (post.clone(), vec![("upload-concat", "final;/upl_01ARZ3NDEKTSV4RRFFQ69G5FAV")], "", 404),
        (patch.clone(), vec![zero], "hello", 415),
        (patch.clone(), vec![PIECES], "hello", 400),
        (patch.clone(), vec![PIECES, ("upload-offset", "2")], "llo", 409),
        (patch.clone(), vec![PIECES, zero], &long, 413),
        (patch.clone(), vec![PIECES, zero, ("content-length", "6")], "", 413),
        (patch.clone(), vec![PIECES, zero, ("upload-checksum", &wrong_sum)], "hello", 460),
        (patch.clone(), vec![PIECES, zero, ("upload-checksum", "crc32 AAAA")], "hello", 400),
        ((Method::PATCH, "/api/v1/uploads/tus/upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"), vec![PIECES, zero], "x", 404),
        ((Method::PATCH, "/api/v1/uploads/tus/..%2Fx"), vec![PIECES, zero], "x", 404),
        ((Method::HEAD, "/api/v1/projects/lab/uploads/tus/upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"), vec![], "", 404),
    ];
    for (what, headers, body, status) in cases {
        let told = ask(&server, what.clone(), &headers, body).await;
        assert_eq!(told.status.as_u16(), status, "{what:?} {headers:?}: {}", told.body);
        assert_eq!(told.header("tus-resumable"), "1.0.0");
        if status == 412 {
            assert_eq!(told.header("tus-version"), "1.0.0");
        }
        if status == 409 {
            assert_eq!(told.offset(), 0);
        }
    }
    assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.offset(), 0);
    let right = format!("sha256 {}", STANDARD.encode(Sha256::digest("hello")));
    let headers = [PIECES, zero, ("upload-checksum", &right)];
    assert_eq!(ask(&server, (Method::PATCH, &at), &headers, "hello").await.offset(), 5);
    assert_eq!(content(&server, &at).await.as_deref(), Some("hello"));
    assert_eq!(server.get("/uploads/tus").await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_broke_off_goes_on_and_what_had_a_checksum_is_sent_again() {
    let server = server().await;
    let at = begin(&server, 10).await;
    let break_off = |text: &'static str| {
        let pieces = [Ok(Bytes::from_static(text.as_bytes())), Err(std::io::Error::other("gone"))];
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    assert_eq!(send(&server, &at, 0, break_off("hello")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.offset(), 5);
    let sum = format!("sha256 {}", STANDARD.encode(Sha256::digest("wor")));
    let headers = [PIECES, ("upload-offset", "5"), ("upload-checksum", &sum)];
    let told = ask_as(&server, TOKEN, (Method::PATCH, &at), &headers, break_off("wor")).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.offset(), 5);
    // As after a restart: nobody knows what was hashed.
    server.state.arrivals.forget(&id_of(&at));
    assert_eq!(send(&server, &at, 5, "world").await.offset(), 10);
    assert_eq!(content(&server, &at).await.as_deref(), Some("helloworld"));
}

#[tokio::test]
async fn of_two_at_the_same_place_exactly_one_wins() {
    let server = server().await;
    for round in 0..100 {
        let at = begin(&server, 8).await;
        let body = |text: &'static str| {
            let (feed, body) = fed();
            tokio::spawn(async move {
                for byte in text.chars() {
                    let _ = feed.send(Ok(Bytes::from(byte.to_string())));
                    tokio::task::yield_now().await;
                }
            });
            body
        };
        let both =
            tokio::join!(send(&server, &at, 0, body("aaaaaaaa")), send(&server, &at, 0, body("bbbbbbbb")));
        let statuses = [both.0.status, both.1.status];
        let won = statuses.iter().filter(|status| **status == StatusCode::NO_CONTENT).count();
        let lost = statuses.iter().filter(|status| **status == StatusCode::CONFLICT).count();
        assert_eq!((won, lost), (1, 1), "{round}: {statuses:?}");
        let winner = if statuses[0] == StatusCode::NO_CONTENT { "aaaaaaaa" } else { "bbbbbbbb" };
        assert_eq!(content(&server, &at).await.as_deref(), Some(winner));
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_any_more_is_ended_by_the_next_request() {
    let server = server().await;
    let at = begin(&server, 10).await;
    // Asked for more, it has taken what came.
    let (taken, mut pieces) = (tokio::sync::Notify::new(), vec![Bytes::from_static(b"hello")]);
    let taken = std::sync::Arc::new(taken);
    let tell = taken.clone();
    let body = futures_util::stream::poll_fn(move |_| match pieces.pop() {
        Some(piece) => Poll::Ready(Some(Ok::<_, std::io::Error>(piece))),
        None => {
            tell.notify_one();
            Poll::Pending
        }
    });
    let hanging = send(&server, &at, 0, Body::from_stream(body));
    let others = async {
        taken.notified().await;
        assert_eq!(send(&server, &at, 0, "x").await.offset(), 5);
        let far = ask(&server, (Method::HEAD, &at), &[], "").await;
        assert_eq!(far.offset(), 5);
        send(&server, &at, 5, "world").await
    };
    let (hung, last) = tokio::join!(hanging, others);
    assert_eq!((hung.status, last.status), (StatusCode::CONFLICT, StatusCode::NO_CONTENT));
    assert_eq!(content(&server, &at).await.as_deref(), Some("helloworld"));
}

#[tokio::test]
async fn parts_become_one_file() {
    let server = server().await;
    let mut parts = Vec::new();
    for text in ["hello ", "world"] {
        let length = text.len().to_string();
        let headers = [("upload-length", length.as_str()), ("upload-concat", "partial"), PIECES];
        parts.push(ask(&server, (Method::POST, TUS), &headers, text).await.header("location").to_owned());
    }
    assert_eq!(ask(&server, (Method::HEAD, &parts[0]), &[], "").await.header("upload-concat"), "partial");
    assert_eq!(content(&server, &parts[0]).await, None, "a part is no file");
    let open = begin(&server, 3).await;
    let of = |parts: &[&str]| format!("final;{}", parts.join(" "));
    let early = of(&[&parts[0], &open]);
    let early = ask(&server, (Method::POST, TUS), &[("upload-concat", &early)], "").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    let whole = of(&[&parts[0], &parts[1]]);
    let said = [("upload-concat", whole.as_str()), ("upload-metadata", "filename YS5jc3Y=")];
    let made = ask(&server, (Method::POST, TUS), &said, "").await;
    assert_eq!((made.status, made.offset()), (StatusCode::CREATED, 11), "{}", made.body);
    let at = made.header("location");
    assert_eq!(content(&server, at).await.as_deref(), Some("hello world"));
    assert_eq!(ask(&server, (Method::HEAD, at), &[], "").await.header("upload-concat"), whole);
    assert_eq!(ask(&server, (Method::HEAD, &parts[0]), &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_given_up_or_over_is_gone_with_its_bytes() {
    let server = server().await;
    let folder = server.folder().join("data/uploads");
    let (given_up, left) = (begin(&server, 10).await, begin(&server, 10).await);
    send(&server, &given_up, 0, "hello").await;
    send(&server, &left, 0, "hello").await;
    assert_eq!(ask(&server, (Method::DELETE, &given_up), &[], "").await.status, StatusCode::NO_CONTENT);
    for method in [Method::HEAD, Method::DELETE] {
        assert_eq!(ask(&server, (method, &given_up), &[], "").await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let later = |hours: u64| Timestamp::now().after(Duration::from_secs(hours * 3600 + 60));
    let collector = &server.state.collector;
    collector.collect(Timestamp::now(), Collect::Remove).await.unwrap();
    assert_eq!(ask(&server, (Method::HEAD, &left), &[], "").await.offset(), 5);
    collector.collect(later(1), Collect::Remove).await.unwrap();
    assert_eq!(ask(&server, (Method::HEAD, &left), &[], "").await.status, StatusCode::NOT_FOUND);
    collector.collect(later(2), Collect::Remove).await.unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn what_died_while_it_was_stored_is_stored_by_whoever_asks() {
    let server = server().await;
    let (project, store) = (rigi_model::ProjectName::default(), server.state.store());
    let blobs = store.blobs(&project);
    for is_moved in [false, true] {
        let now = Timestamp::now();
        let open = OpenUpload {
            id: UploadId::generate(),
            project: project.clone(),
            person: None,
            name: "a.csv".into(),
            metadata: String::new(),
            concat: String::new(),
            length: 5,
            held: 5,
            content: None,
            stored: false,
            began_at: now,
            until: now.after(Duration::from_secs(60)),
        };
        store.begin_upload(&open).await.unwrap();
        let mut file = blobs.arrive(&open.id, 0, None).unwrap().unwrap();
        file.write(b"hello").unwrap();
        if is_moved {
            store.know_upload(&open.id, &hash_of("hello")).await.unwrap();
            blobs.keep_arrived(&file, &hash_of("hello")).unwrap();
            blobs.forget_arriving(&open.id);
        }
        let at = format!("{TUS}/{}", open.id);
        assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.offset(), 5);
        assert_eq!(content(&server, &at).await.as_deref(), Some("hello"));
    }
    // What is on the disk of another server, or came back from a backup without its bytes, is not there.
    let at = begin(&server, 10).await;
    send(&server, &at, 0, "hello").await;
    blobs.forget_arriving(&id_of(&at));
    assert_eq!(send(&server, &at, 5, "world").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, (Method::HEAD, &at), &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/uploads/tus").await.json()["items"], json!([]));
}

#[tokio::test]
async fn an_upload_is_seen_by_whoever_began_it_alone() {
    let server = TestServer::start_team(&[("lab", None)], &["lab/fit"]).await;
    let mut keys = Vec::new();
    for (name, held) in [("Ada", Role::Runner), ("Bob", Role::Owner), ("Eve", Role::Viewer)] {
        let person = server.person(name, vec![role("lab", held)]).await;
        keys.push(server.token(&person, Kept::default()).await.0);
    }
    let post = (Method::POST, "/api/v1/projects/lab/uploads/tus");
    let begun = ask_as(&server, &keys[0], post.clone(), &[("upload-length", "10"), PIECES], "hello").await;
    let at = begun.header("location");
    assert!(at.starts_with("/api/v1/projects/lab/uploads/tus/upl_"), "{at}");
    let piece = [PIECES, ("upload-offset", "5")];
    let elsewhere = at.replace("/projects/lab", "");
    for key in [keys[1].as_str(), TOKEN] {
        for (method, path) in [
            (Method::HEAD, at),
            (Method::GET, at),
            (Method::PATCH, at),
            (Method::DELETE, at),
            (Method::HEAD, &elsewhere),
        ] {
            let told = ask_as(&server, key, (method.clone(), path), &piece, "world").await;
            assert_eq!(told.status, StatusCode::NOT_FOUND, "{method}");
        }
        let list = ask_as(&server, key, (Method::GET, "/api/v1/projects/lab/uploads/tus"), &[], "").await;
        assert_eq!(list.body["items"], json!([]));
        let whole = format!("final;{at}");
        let told = ask_as(&server, key, post.clone(), &[("upload-concat", &whole)], "").await;
        assert_eq!(told.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        ask_as(&server, &keys[2], post, &[("upload-length", "1")], "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(ask_as(&server, &keys[0], (Method::HEAD, at), &[], "").await.offset(), 5);
    let last = ask_as(&server, &keys[0], (Method::PATCH, at), &piece, "world").await;
    assert_eq!((last.status, last.offset()), (StatusCode::NO_CONTENT, 10));
}

#[tokio::test]
async fn somebody_has_so_many_open_and_no_more() {
    let server = server().await;
    for _ in 0..200 {
        begin(&server, 1).await;
    }
    let one = [("upload-length", "1")];
    let more = ask(&server, (Method::POST, TUS), &one, "").await;
    assert_eq!((more.status, more.body["code"].as_str()), (StatusCode::CONFLICT, Some("state-conflict")));
}
