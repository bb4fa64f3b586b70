//! The door from outside, by sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Gate, Patience, Places, Seat, Stalled, serve};

/// Nothing takes longer.
const BOUND: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_millis(600);

struct Door {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
}

fn router() -> Router {
    let known = |Extension(seat): Extension<Seat>| async move {
        seat.recognise();
        "in"
    };
    let echo = |Extension(stalled): Extension<Stalled>, body: Result<Bytes, _>| async move {
        let _: Result<Bytes, axum::extract::rejection::BytesRejection> = body;
        if stalled.is_so() { "stalled" } else { "whole" }
    };
    let large = || async { vec![b'x'; 64 << 20] };
    Router::new().route("/in", get(known)).route("/echo", post(echo)).route("/large", get(large))
}

async fn open(strangers: usize) -> Door {
    open_for(strangers, PATIENCE).await
}

async fn open_for(strangers: usize, time: Duration) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gate: Arc<Gate> = Gate::new(Places { all: strangers + 8, strangers });
    let patience = Patience { head: time, body: time, answer: time, farewell: time };
    let (stop, stopped) = watch::channel(false);
    Door { address, stop, served: tokio::spawn(serve(listener, router(), gate, patience, stopped)) }
}

impl Door {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn say(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// All that comes until the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is closed with something unread is reset: what came before counts.
    let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut bytes)).await.expect("it was not closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

const GET_IN: &str = "GET /in HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let door = open_for(16, BOUND).await;
    let mut known = door.say(GET_IN).await;
    let mut answer = [0; 256];
    assert!(known.read(&mut answer).await.unwrap() > 0);
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(door.connect().await);
    }
    let since = Instant::now();
    let one = door.say(&GET_IN.replace("host: x", "host: x\r\nconnection: close")).await;
    assert!(rest(one).await.ends_with("in"));
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    // The oldest of the crowd had to go, who had signed in stayed.
    assert_eq!(rest(crowd.remove(0)).await, "");
    known.write_all(GET_IN.as_bytes()).await.unwrap();
    assert!(known.read(&mut answer).await.unwrap() > 0);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let door = open(4).await;
    let (mut reader, mut writer) = door.connect().await.into_split();
    let drip = tokio::spawn(async move {
        for byte in GET_IN.bytes().cycle().filter(|byte| !byte.is_ascii_whitespace()) {
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(PATIENCE / 10).await;
        }
    });
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(BOUND, reader.read_to_end(&mut bytes)).await.expect("it was not cut");
    assert_eq!(bytes, b"");
    drip.abort();
}

#[tokio::test]
async fn a_body_that_stalls_is_told_so_and_a_slow_one_is_not() {
    let door = open(4).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n";
    let stalls = door.say(&format!("{head}12345")).await;
    assert!(rest(stalls).await.ends_with("stalled"));
    let mut slow = door.say(head).await;
    for _ in 0..10 {
        slow.write_all(b"1").await.unwrap();
        tokio::time::sleep(PATIENCE / 8).await;
    }
    assert!(rest(slow).await.ends_with("whole"));
}

#[tokio::test]
async fn a_stranger_who_takes_nothing_of_an_answer_is_cut() {
    let door = open(4).await;
    let greedy = door.say("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(PATIENCE * 4).await;
    assert!(rest(greedy).await.len() < 64 << 20);
}

#[tokio::test]
async fn what_is_no_http_and_what_is_http_2_is_refused_at_once() {
    let door = open(4).await;
    for garbage in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\n\n", "GET\r\n\r\nGET\r\n\r\n"]
    {
        let answer = rest(door.say(garbage).await).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    // Behind a good request garbage ends the connection, after its answer.
    let answer = rest(door.say(&format!("{GET_IN}garbage\r\n\r\n")).await).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_door_that_closes_waits_for_no_one_for_long() {
    let door = open(4).await;
    let (idle, stalling) = (door.say(GET_IN).await, door.say("POST /echo HTTP/1.1\r\nhost: x\r\n").await);
    door.stop.send_replace(true);
    tokio::time::timeout(BOUND, door.served).await.expect("it did not end").unwrap();
    rest(idle).await;
    rest(stalling).await;
}
