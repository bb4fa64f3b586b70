//! A run's log as it is written, over all its attempts.

use rigi_model::RunState;
use serde::Deserialize;

use super::call::{CallError, Client};
use super::event_stream::EventStream;
use crate::api::view::LogLine;

/// What a log stream says.
#[derive(Debug, Clone)]
pub enum LogEvent {
    /// Lines, in order, none twice.
    Lines(Vec<LogLine>),
    /// The next attempt begins; its lines start at 1.
    Attempt(u32),
    /// The run ended, and every line has come.
    End(RunState),
}

#[derive(Deserialize)]
struct AttemptData {
    attempt: u32,
}

#[derive(Deserialize)]
struct EndData {
    state: RunState,
}

/// Follows a log.
pub struct LogStream {
    events: EventStream,
    base: String,
    attempt: Option<u32>,
    seen: u64,
}

impl LogStream {
    /// Follows the log of a run from a line on; of its current attempt and those after it unless told.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn open(client: &Client, run: &str, attempt: Option<u32>, from: u64) -> Result<Self, CallError> {
        let from = from.max(1);
        let path = ["runs", run, "log", "stream"];
        let events = EventStream::open(client, &path, query(attempt, from)).await?;
        Ok(Self { events, base: client.base().to_owned(), attempt, seen: from - 1 })
    }

    /// What comes next. May be dropped at any time and called again.
    ///
    /// # Errors
    /// When the server stays away, says no, or says what nobody understands.
    pub async fn next(&mut self) -> Result<LogEvent, CallError> {
        loop {
            let event = self.events.next().await?;
            match event.event.as_str() {
                "lines" => {
                    let mut lines: Vec<LogLine> = self.parse(&event.data)?;
                    // After a reconnection the server may repeat what was on its way.
                    lines.retain(|line| line.n > self.seen);
                    if let Some(last) = lines.last() {
                        self.seen = last.n;
                        self.events.resume_with(query(self.attempt, self.seen + 1));
                        return Ok(LogEvent::Lines(lines));
                    }
                }
                "attempt" => {
                    let AttemptData { attempt } = self.parse(&event.data)?;
                    if self.attempt == Some(attempt) && self.seen > 0 {
                        continue;
                    }
                    self.attempt = Some(attempt);
                    self.seen = 0;
                    self.events.forget_last();
                    self.events.resume_with(query(self.attempt, 1));
                    return Ok(LogEvent::Attempt(attempt));
                }
                "end" => return Ok(LogEvent::End(self.parse::<EndData>(&event.data)?.state)),
                _ => {}
            }
        }
    }

    fn parse<'a, T: Deserialize<'a>>(&self, data: &'a str) -> Result<T, CallError> {
        serde_json::from_str(data).map_err(|error| CallError::Strange {
            url: self.base.clone(),
            path: "the log".to_owned(),
            detail: error.to_string(),
        })
    }
}

fn query(attempt: Option<u32>, from: u64) -> Vec<(&'static str, String)> {
    let attempt = attempt.map(|attempt| ("attempt", attempt.to_string()));
    attempt.into_iter().chain([("from", from.to_string())]).collect()
}
