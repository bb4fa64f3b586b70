//! What is to happen later. While nothing is, nothing wakes the process.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Write the log to its file and tell of it.
    Log,
    /// Look whether a line still stands that has not ended.
    Unfinished,
    /// The time limit is reached.
    Timeout,
    /// The grace period is over.
    Kill,
    /// Look again whether all of it is gone.
    Ending,
    /// Read the process table. Of no attempt.
    Sample,
    /// Nothing has run for a moment: folders that were kept are removed. Of no attempt.
    Tidy,
    /// Nobody needs this process any more. Of no attempt.
    Idle,
    /// There was no descriptor for a caller: let it in now. Of no attempt.
    Door,
}

/// Timers by time; the number is an attempt's, or 0.
#[derive(Debug, Default)]
pub struct Timers {
    set: BTreeSet<(Instant, u32, TimerKind)>,
}

impl Timers {
    /// Adds one.
    pub fn set(&mut self, at: Instant, id: u32, kind: TimerKind) {
        self.set.insert((at, id, kind));
    }

    /// Removes the one whose time is kept in `slot`.
    pub fn cancel(&mut self, slot: &mut Option<Instant>, id: u32, kind: TimerKind) {
        if let Some(at) = slot.take() {
            self.set.remove(&(at, id, kind));
        }
    }

    /// Takes the next one that is due.
    pub fn due(&mut self, now: Instant) -> Option<(u32, TimerKind)> {
        let &(at, id, kind) = self.set.first().filter(|(at, ..)| *at <= now)?;
        self.set.remove(&(at, id, kind));
        Some((id, kind))
    }

    /// How long until the next one; `None` if there is none.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.set.first().map(|(at, ..)| at.saturating_duration_since(now))
    }
}
