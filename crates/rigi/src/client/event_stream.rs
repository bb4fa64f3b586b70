//! A stream of events that survives a restart of the server: it comes back behind the last event it saw.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::call::{CallError, Client};
use super::sse::{Parser, SseEvent};

/// How long a server may be away before it is given up.
pub const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// A stream of events. [`EventStream::next`] may be dropped at any time and called again.
pub struct EventStream {
    client: Client,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Body>,
    parser: Parser,
    ready: VecDeque<SseEvent>,
    last: Option<String>,
    away: Option<Away>,
}

/// Since when the server is away, and how long to wait before the next try.
struct Away {
    since: Instant,
    pause: Duration,
}

impl EventStream {
    /// Opens it now, behind the event `last`.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn open(
        client: &Client,
        path: &[&str],
        query: Vec<(&'static str, String)>,
        last: Option<String>,
    ) -> Result<Self, CallError> {
        let mut stream = Self {
            client: client.clone(),
            path: path.iter().map(|&part| part.to_owned()).collect(),
            query,
            body: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            last,
            away: None,
        };
        stream.body = Some(stream.connect().await?);
        Ok(stream)
    }

    async fn connect(&self) -> Result<Body, CallError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let response = self.client.open_events(&path, &self.query, self.last.as_deref()).await?;
        Ok(Box::pin(response.bytes_stream()))
    }

    /// The next event, waiting for a server that is away for at most [`PATIENCE`].
    ///
    /// # Errors
    /// When the server stays away, or says no.
    pub async fn next(&mut self) -> Result<SseEvent, CallError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.id.is_some() {
                    self.last.clone_from(&event.id);
                }
                return Ok(event);
            }
            let Some(body) = &mut self.body else {
                self.reconnect().await?;
                continue;
            };
            match body.next().await {
                Some(Ok(bytes)) => {
                    self.away = None;
                    self.ready.extend(self.parser.push(&bytes));
                }
                // Half an event may be left in the parser; it comes again.
                Some(Err(_)) | None => {
                    self.body = None;
                    self.parser = Parser::default();
                    self.away.get_or_insert(Away { since: Instant::now(), pause: FIRST_PAUSE });
                }
            }
        }
    }

    async fn reconnect(&mut self) -> Result<(), CallError> {
        let away = self.away.get_or_insert(Away { since: Instant::now(), pause: FIRST_PAUSE });
        let (since, pause) = (away.since, away.pause);
        // Before the sleep, so that a dropped call does not start over with the shortest pause.
        away.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        match self.connect().await {
            Ok(body) => self.body = Some(body),
            Err(error) if error.may_pass() && since.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::client::ServerPlace;

    /// Reads a request up to its empty line, answers with this body, and hangs up.
    async fn answer(listener: &TcpListener, body: &str) -> String {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap().to_lowercase()
    }

    #[tokio::test]
    async fn comes_back_behind_the_last_whole_event() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(&ServerPlace {
            url,
            public: None,
            token: Some("t".to_owned()),
            data: None,
            pid: None,
        })
        .unwrap();
        let server = async {
            let first = answer(&listener, "id: 7\ndata: one\n\nid: 8\ndata: half").await;
            let second = answer(&listener, "id: 8\ndata: two\n\n").await;
            (first, second)
        };
        let reader = async {
            let mut stream = EventStream::open(&client, &["events"], Vec::new(), None).await.unwrap();
            (stream.next().await.unwrap().data, stream.next().await.unwrap().data)
        };
        let both = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(server, reader) });
        let ((first, second), read) = both.await.unwrap();
        assert_eq!(read, ("one".to_owned(), "two".to_owned()));
        assert!(first.contains("authorization: bearer t") && !first.contains("last-event-id"), "{first}");
        assert!(second.contains("last-event-id: 7"), "{second}");
    }
}
