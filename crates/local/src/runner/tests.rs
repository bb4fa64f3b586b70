use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rigi_model::ContentHash;
use rigi_work::plan::{InputFile, StoredFile};
use rigi_work::wire::{Address, Content, Taken, Way};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::client::{CallTrouble, Client, Server};
use super::direct::{Direct, SHORTEST};
use super::{fetch, outputs};

/// A request as it arrived.
#[derive(Clone)]
struct Heard {
    what: String,
    head: String,
    body: Vec<u8>,
}

type Answer = Arc<dyn Fn(&Heard) -> (u16, Vec<u8>) + Send + Sync>;

/// A server that answers as told, and remembers what it was asked.
struct Stub {
    url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Stub {
    async fn start(answer: impl Fn(&Heard) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard, answer): (Arc<Mutex<Vec<Heard>>>, Answer) = (Arc::default(), Arc::new(answer));
        let all = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, answer.clone(), all.clone()));
            }
        });
        Self { url, heard }
    }

    /// What was asked, in order: method and path.
    fn asked(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|heard| heard.what.clone()).collect()
    }

    fn heard(&self, what: &str) -> Heard {
        self.heard.lock().unwrap().iter().find(|heard| heard.what == what).unwrap().clone()
    }
}

async fn converse(stream: TcpStream, answer: Answer, all: Arc<Mutex<Vec<Heard>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let head = head.to_ascii_lowercase();
        let mut body = Vec::new();
        if head.contains("transfer-encoding: chunked") {
            loop {
                let mut size = String::new();
                stream.read_line(&mut size).await.ok()?;
                let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
                stream.read_exact(&mut chunk).await.ok()?;
                if chunk.len() == 2 {
                    break;
                }
                body.extend(&chunk[..chunk.len() - 2]);
            }
        } else if let Some((_, rest)) = head.split_once("content-length: ") {
            body.resize(rest.split("\r\n").next()?.parse().ok()?, 0);
            stream.read_exact(&mut body).await.ok()?;
        }
        let mut words = head.split(' ');
        let what = format!("{} {}", words.next()?.to_ascii_uppercase(), words.next()?);
        let heard = Heard { what, head, body };
        let (status, said) = answer(&heard);
        all.lock().unwrap().push(heard);
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", said.len());
        stream.get_mut().write_all(&[head.into_bytes(), said].concat()).await.ok()?;
    }
}

/// A server's door that sends runners to `bucket`, gives `input` itself, and takes as stored what `taken` says.
async fn door(bucket: String, input: &'static [u8], taken: &'static [&'static str]) -> Stub {
    let paths = taken.iter().map(|path| (*path).to_owned()).collect();
    let taken = serde_json::to_vec(&Taken { paths }).unwrap();
    Stub::start(move |heard| match heard.what.as_str() {
        "GET /runner/v1/inputs/0/address" | "POST /runner/v1/outputs/address" => {
            let headers = vec![("authorization".to_owned(), "signature".to_owned())];
            (200, serde_json::to_vec(&Address { url: format!("{bucket}/blob"), headers }).unwrap())
        }
        "GET /runner/v1/inputs/0" => (200, input.to_vec()),
        "PUT /runner/v1/outputs/stored" => (200, taken.clone()),
        "PUT /runner/v1/outputs" => (204, Vec::new()),
        _ => (404, Vec::new()),
    })
    .await
}

fn runner(door: &Stub) -> (Client, Direct) {
    let client = Client::new(&Server::Url(door.url.clone()), "rat1-secret").unwrap();
    (client.clone(), Direct::new(client, Way::Bucket))
}

fn sha256(content: &[u8]) -> ContentHash {
    ContentHash::new(Sha256::digest(content).into())
}

fn input(content: &[u8]) -> InputFile {
    let (sha256, size) = (Some(sha256(content)), content.len() as u64);
    InputFile { input: "in".into(), name: "in.csv".into(), path: "".into(), sha256, size }
}

/// An address where nobody is.
async fn nowhere(scheme: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("{scheme}://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn an_input_comes_from_the_bucket_which_never_sees_the_attempts_token() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Stub::start(|_| (200, b"a,b\n".to_vec())).await;
    let door = door(bucket.url.clone(), b"", &[]).await;
    let (client, direct) = runner(&door);
    let place = dir.path().join("input");
    fetch::bring(&client, &direct, 0, &input(b"a,b\n"), &place).await.unwrap();
    assert_eq!(std::fs::read(&place).unwrap(), b"a,b\n");
    assert_eq!(door.asked(), ["GET /runner/v1/inputs/0/address"]);
    let heard = bucket.heard("GET /blob");
    assert!(heard.head.contains("authorization: signature\r\n") && !heard.head.contains("rat1"));
    assert!(door.heard("GET /runner/v1/inputs/0/address").head.contains("bearer rat1-secret"));
}

#[tokio::test]
async fn what_is_not_what_was_stored_is_fetched_through_the_door() {
    let dir = tempfile::tempdir().unwrap();
    for (status, content) in [(200, &b"evil"[..]), (200, b"goo"), (403, b"no"), (302, b"")] {
        let bucket = Stub::start(move |_| (status, content.to_vec())).await;
        let door = door(bucket.url.clone(), b"good", &[]).await;
        let (client, direct) = runner(&door);
        let place = dir.path().join("input");
        fetch::bring(&client, &direct, 0, &input(b"good"), &place).await.unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"good", "{status}");
        assert_eq!(door.asked(), ["GET /runner/v1/inputs/0/address", "GET /runner/v1/inputs/0"], "{status}");
    }
}

#[tokio::test]
async fn an_input_that_the_server_has_lost_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let door = Stub::start(|_| (422, b"blobs/ab is damaged".to_vec())).await;
    let (client, _) = runner(&door);
    let direct = Direct::new(client.clone(), Way::Door);
    let lost = fetch::bring(&client, &direct, 0, &input(b"good"), &dir.path().join("input")).await;
    assert!(matches!(lost, Err(CallTrouble::Here(why)) if why.ends_with("blobs/ab is damaged")));
}

#[tokio::test]
async fn a_bucket_out_of_reach_is_tried_once() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = dir.path().join("outputs");
    std::fs::create_dir(&outputs).unwrap();
    std::fs::write(outputs.join("long"), vec![7; SHORTEST as usize]).unwrap();
    for scheme in ["http", "https"] {
        let door = door(nowhere(scheme).await, b"good", &[]).await;
        let (client, direct) = runner(&door);
        for _ in 0..2 {
            fetch::bring(&client, &direct, 0, &input(b"good"), &dir.path().join("input")).await.unwrap();
        }
        outputs::ship(&client, &direct, &outputs).await.unwrap();
        let (address, input) = ("GET /runner/v1/inputs/0/address", "GET /runner/v1/inputs/0");
        assert_eq!(door.asked(), [address, input, input, "PUT /runner/v1/outputs"], "{scheme}");
        assert_eq!(names(&door), ["long"]);
    }
}

/// The files of the stream that came through the door.
fn names(door: &Stub) -> Vec<String> {
    let body = door.heard("PUT /runner/v1/outputs").body;
    let mut archive = tar::Archive::new(body.as_slice());
    let files = archive.entries().unwrap().map(Result::unwrap);
    let files = files.filter(|entry| entry.header().entry_type().is_file());
    let mut names: Vec<_> = files.map(|entry| entry.path().unwrap().display().to_string()).collect();
    names.sort();
    names
}

fn outputs_in(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let (long, other) = (vec![7; SHORTEST as usize], vec![8; SHORTEST as usize + 1]);
    std::fs::create_dir_all(folder.join("maps")).unwrap();
    std::fs::write(folder.join("maps/long"), &long).unwrap();
    std::fs::write(folder.join("other"), &other).unwrap();
    std::fs::write(folder.join("short"), &long[1..]).unwrap();
    std::os::unix::fs::symlink("other", folder.join("link")).unwrap();
    (long, other)
}

#[tokio::test]
async fn long_outputs_go_to_the_bucket_and_the_rest_through_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let (long, other) = outputs_in(dir.path());
    let bucket = Stub::start(|_| (200, Vec::new())).await;
    // One of them it does not find: that is sent after all.
    let door = door(bucket.url.clone(), b"", &["maps/long"]).await;
    let (client, direct) = runner(&door);
    outputs::ship(&client, &direct, dir.path()).await.unwrap();
    let mut told: Vec<StoredFile> =
        serde_json::from_slice(&door.heard("PUT /runner/v1/outputs/stored").body).unwrap();
    told.sort_by(|a, b| a.path.cmp(&b.path));
    let stored = |path: &str, content: &[u8]| StoredFile {
        path: path.into(),
        sha256: sha256(content),
        size: content.len() as u64,
    };
    assert_eq!(told, [stored("link", &other), stored("maps/long", &long), stored("other", &other)]);
    assert_eq!(names(&door), ["link", "other", "short"]);
    let sent: Vec<_> = bucket.heard.lock().unwrap().iter().map(|heard| sha256(&heard.body)).collect();
    assert!(sent.len() == 3 && sent.contains(&told[0].sha256) && sent.contains(&told[1].sha256));
    let head = bucket.heard("PUT /blob").head;
    assert!(head.contains("authorization: signature\r\n") && !head.contains("rat1"), "{head}");
    let asked = door.heard("POST /runner/v1/outputs/address").body;
    let asked: Content = serde_json::from_slice(&asked).unwrap();
    assert!(told.iter().any(|file| file.sha256 == asked.sha256 && file.size == asked.size));
}

#[tokio::test]
async fn what_the_bucket_refuses_goes_through_the_door() {
    let dir = tempfile::tempdir().unwrap();
    outputs_in(dir.path());
    let bucket = Stub::start(|_| (403, Vec::new())).await;
    let door = door(bucket.url.clone(), b"", &[]).await;
    let (client, direct) = runner(&door);
    outputs::ship(&client, &direct, dir.path()).await.unwrap();
    assert_eq!(names(&door), ["link", "maps/long", "other", "short"]);
    assert!(!door.asked().contains(&"PUT /runner/v1/outputs/stored".to_owned()));
}

#[tokio::test]
async fn without_a_bucket_nothing_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    outputs_in(dir.path());
    let door = door(nowhere("http").await, b"good", &[]).await;
    let (client, _) = runner(&door);
    let direct = Direct::new(client.clone(), Way::Door);
    fetch::bring(&client, &direct, 0, &input(b"good"), &dir.path().join("input")).await.unwrap();
    outputs::ship(&client, &direct, dir.path()).await.unwrap();
    assert_eq!(door.asked(), ["GET /runner/v1/inputs/0", "PUT /runner/v1/outputs"]);
}

#[tokio::test]
async fn outputs_take_as_long_as_they_take() {
    let dir = tempfile::tempdir().unwrap();
    outputs_in(dir.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let slow = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 64 << 10];
        // All of it: the end of what is sent in chunks.
        while !read.ends_with(b"\r\n0\r\n\r\n") {
            let more = stream.read_buf(&mut read).await.unwrap();
            assert!(more > 0, "it was given up");
        }
        // From here on time is made up: whatever waits for it, is told at once.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(600)).await;
        stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").await.unwrap();
    });
    let client = Client::new(&Server::Url(url), "rat1-secret").unwrap();
    let direct = Direct::new(client.clone(), Way::Door);
    let shipped = outputs::ship(&client, &direct, dir.path());
    // Whoever gives up begins anew, for ever.
    tokio::time::timeout(Duration::from_secs(3600), shipped).await.unwrap().unwrap();
    slow.await.unwrap();
}
