//! One who follows a run's log.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use super::hub::{Hub, LogPlace, Look, Signal, Standing};
use super::sse::{self, Listener};

/// Which attempts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// The one of the place alone.
    One,
    /// Those that follow it, too.
    On,
}

/// See the module.
pub struct Follower {
    hub: Arc<Hub>,
    signal: watch::Receiver<Signal>,
    place: LogPlace,
    attempts: Attempts,
    beat: u64,
    /// The version of unfinished lines that it was told.
    stands: u64,
    /// The rest of this attempt's log cannot be read, which was told.
    unreadable: bool,
    over: bool,
}

impl Follower {
    /// Begins at a place. `signal` is the hub's.
    pub fn new(hub: Arc<Hub>, signal: watch::Receiver<Signal>, place: LogPlace, attempts: Attempts) -> Self {
        let beat = signal.borrow().beat;
        Self { hub, signal, place, attempts, beat, stands: 0, unreadable: false, over: false }
    }

    /// The event at its place; or where the run stood before nothing was found there.
    async fn here(&mut self) -> rigi_store::Result<Result<Bytes, Standing>> {
        if self.unreadable {
            return Ok(Err(self.hub.standing()));
        }
        let told = match self.hub.look(self.place) {
            Look::LogEvent(told) => told,
            Look::Nothing(standing) => return Ok(Err(standing)),
            Look::Unread(standing) => match self.hub.read(self.place).await? {
                Some(told) => told,
                None => return Ok(Err(standing)),
            },
        };
        self.place.line = told.next;
        Ok(Ok(told.bytes))
    }

    /// What is told after the last line of an attempt.
    fn after(&mut self, standing: Standing) -> Option<Bytes> {
        let Standing { attempt, state } = standing;
        if self.attempts == Attempts::On && self.place.attempt < attempt {
            self.place = LogPlace { attempt: self.place.attempt + 1, line: 1 };
            (self.unreadable, self.stands) = (false, 0);
            let id = format!("{}.0", self.place.attempt);
            return Some(sse::event("attempt", Some(id), &json!({ "attempt": self.place.attempt })));
        }
        let ended = self.place.attempt < attempt || (self.place.attempt == attempt && !state.is_active());
        self.over = state.is_terminal() || (self.attempts == Attempts::One && ended && attempt > 0);
        self.over.then(|| sse::event("end", None::<u8>, &json!({ "state": state })))
    }
}

impl Listener for Follower {
    const KIND: &'static str = "logs";

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Before the look: what changes after it wakes.
            let signal = *self.signal.borrow_and_update();
            if self.over || signal.closed {
                return None;
            }
            match self.here().await {
                Ok(Ok(bytes)) => return Some(bytes),
                Ok(Err(standing)) => {
                    if let Some(bytes) = self.after(standing) {
                        return Some(bytes);
                    }
                    if let Some((version, bytes)) = self.hub.unfinished(self.place.attempt, self.stands) {
                        self.stands = version;
                        return Some(bytes);
                    }
                }
                // It stays so: whoever follows is told, and what comes after it goes on.
                Err(error) if error.is_damage() => {
                    self.unreadable = true;
                    let attempt = self.place.attempt;
                    let told = json!({ "attempt": attempt, "message": error.to_string() });
                    return Some(sse::event("unreadable", None::<u8>, &told));
                }
                Err(error) => {
                    tracing::warn!(%error, "a log cannot be followed");
                    return None;
                }
            }
            if signal.beat != self.beat {
                self.beat = signal.beat;
                return Some(sse::STILL_HERE);
            }
            self.signal.changed().await.ok()?;
        }
    }
}
