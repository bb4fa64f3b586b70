//! The part of a run that changes, and the record of an ended attempt.

use serde::{Deserialize, Serialize};

use crate::{AttemptState, Reason, RunState, Timestamp, Usage};

/// What may change in a run after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// Where it is.
    pub state: RunState,
    /// Why.
    pub reason: Option<Reason>,
    /// The same for people.
    pub message: Option<String>,
    /// Number of the current attempt; 0 before the first. The fencing token.
    pub attempt: u32,
    /// How many attempts failed by the pipeline's own fault.
    pub failures: u32,
    /// When it last entered the queue.
    pub queued_at: Timestamp,
    /// Time it spent waiting in the queue and for retries, in microseconds.
    pub queued_us: u64,
    /// When the current attempt was handed to an executor.
    pub claimed_at: Option<Timestamp>,
    /// When the current attempt's process started.
    pub started_at: Option<Timestamp>,
    /// When the run ended.
    pub ended_at: Option<Timestamp>,
    /// While retrying: when the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When somebody asked it to stop.
    pub cancel_requested_at: Option<Timestamp>,
    /// The environment of the current attempt.
    pub environment: Option<EnvironmentUse>,
    /// Exit status of the last ended attempt.
    pub exit_code: Option<i32>,
    /// Signal that ended the last attempt.
    pub signal: Option<i32>,
    /// What the last ended attempt used.
    pub usage: Usage,
    /// The log of the last ended attempt.
    pub log: LogFacts,
    /// Files kept, and their bytes.
    pub artifacts: (u64, u64),
    /// Bytes of everything kept of it: files and logs of all attempts.
    pub stored_bytes: u64,
}

/// The environment of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentUse {
    /// Content hash.
    pub id: String,
    /// For people.
    pub label: String,
    /// Microseconds that its preparation took for this attempt; 0 when it was there.
    pub took_us: u64,
}

/// Size of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFacts {
    /// Lines.
    pub lines: u64,
    /// Bytes that were not kept.
    pub cut_bytes: u64,
}

/// What is remembered of an ended attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Counts from 1.
    pub number: u32,
    /// How it ended.
    pub state: AttemptState,
    /// Stable code.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<String>,
    /// Exit status.
    pub exit_code: Option<i32>,
    /// Signal.
    pub signal: Option<i32>,
    /// Handed to the executor.
    pub claimed_at: Timestamp,
    /// Process started.
    pub started_at: Option<Timestamp>,
    /// Ended.
    pub ended_at: Timestamp,
    /// What it used.
    pub usage: Usage,
    /// Its log.
    pub log: LogFacts,
}

impl RunStatus {
    /// A run that was accepted at `now`.
    #[must_use]
    pub fn accepted(now: Timestamp) -> Self {
        Self {
            state: RunState::Queued,
            reason: Some(Reason::Queued),
            message: None,
            attempt: 0,
            failures: 0,
            queued_at: now,
            queued_us: 0,
            claimed_at: None,
            started_at: None,
            ended_at: None,
            next_attempt_at: None,
            cancel_requested_at: None,
            environment: None,
            exit_code: None,
            signal: None,
            usage: Usage::default(),
            log: LogFacts::default(),
            artifacts: (0, 0),
            stored_bytes: 0,
        }
    }
}
