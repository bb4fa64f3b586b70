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
    /// Opens it now, so that nothing that happens after this call is missed.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn open(
        client: &Client,
        path: &[&str],
        query: Vec<(&'static str, String)>,
    ) -> Result<Self, CallError> {
        let mut stream = Self {
            client: client.clone(),
            path: path.iter().map(|&part| part.to_owned()).collect(),
            query,
            body: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            last: None,
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

    /// Changes what is asked for when the stream must be opened anew.
    pub fn resume_with(&mut self, query: Vec<(&'static str, String)>) {
        self.query = query;
    }

    /// Forgets the last event: the numbers behind it mean something else now.
    pub fn forget_last(&mut self) {
        self.last = None;
    }

    /// Whether the server is away just now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.is_some()
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
                Some(Ok(bytes)) => self.ready.extend(self.parser.push(&bytes)),
                // Half an event may be left in the parser; it comes again.
                Some(Err(_)) | None => {
                    self.body = None;
                    self.parser = Parser::default();
                    self.away.get_or_insert(Away { since: Instant::now(), pause: FIRST_PAUSE });
                }
            }
            if !self.ready.is_empty() {
                self.away = None;
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
