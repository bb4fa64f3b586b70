//! A run's log as it is written, over all its attempts.

use rigi_api::view::LogLine;
use rigi_model::log::Unfinished;
use serde::Deserialize;

use super::call::{CallError, Client};
use super::event_stream::EventStream;

/// What a log stream says.
#[derive(Debug, Clone)]
pub enum LogEvent {
    /// Lines, in order, none twice.
    Lines(Vec<LogLine>),
    /// The lines that have not ended, as they stand; a line of a stream takes the place of that stream's.
    Unfinished(Vec<Unfinished>),
    /// The next attempt begins; its lines start at 1.
    Attempt,
    /// The rest of an attempt's log cannot be read: the server says why.
    Unreadable(String),
    /// The run ended, and every line has come.
    End,
}

/// Where in a log to begin.
#[derive(Debug, Clone, Copy)]
pub enum LogStart {
    /// With the current attempt, and on with those after it.
    Current,
    /// Behind this line of this attempt, and on with the attempts after it.
    Behind {
        /// The attempt.
        attempt: u32,
        /// The line.
        line: u64,
    },
    /// From this line of this attempt on; the attempts after it are left out.
    Only {
        /// The attempt.
        attempt: u32,
        /// The line, from 1.
        from: u64,
    },
}

#[derive(Deserialize)]
struct AttemptData {
    attempt: u32,
}

#[derive(Deserialize)]
struct UnfinishedData {
    lines: Vec<Unfinished>,
}

#[derive(Deserialize)]
struct UnreadableData {
    message: String,
}

/// Follows a log.
pub struct LogStream {
    events: EventStream,
    base: String,
    attempt: Option<u32>,
    seen: u64,
}

impl LogStream {
    /// Follows the log of a run.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn open(client: &Client, run: &str, start: LogStart) -> Result<Self, CallError> {
        // The server's ids of events are `attempt.line`.
        let (query, last, attempt, seen) = match start {
            LogStart::Current => (Vec::new(), None, None, 0),
            LogStart::Behind { attempt, line } => {
                (Vec::new(), Some(format!("{attempt}.{line}")), Some(attempt), line)
            }
            LogStart::Only { attempt, from } => {
                let query = vec![("attempt", attempt.to_string()), ("from", from.max(1).to_string())];
                (query, None, Some(attempt), from.max(1) - 1)
            }
        };
        let events = EventStream::open(client, &["runs", run, "log", "stream"], query, last).await?;
        Ok(Self { events, base: client.base().to_owned(), attempt, seen })
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
                        return Ok(LogEvent::Lines(lines));
                    }
                }
                "attempt" => {
                    let AttemptData { attempt } = self.parse(&event.data)?;
                    // The same, told again.
                    if self.attempt != Some(attempt) {
                        self.attempt = Some(attempt);
                        self.seen = 0;
                        return Ok(LogEvent::Attempt);
                    }
                }
                "unfinished" => {
                    let UnfinishedData { lines } = self.parse(&event.data)?;
                    return Ok(LogEvent::Unfinished(lines));
                }
                "unreadable" => {
                    let UnreadableData { message } = self.parse(&event.data)?;
                    return Ok(LogEvent::Unreadable(message));
                }
                "end" => return Ok(LogEvent::End),
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
