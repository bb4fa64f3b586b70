//! The columns of a run that change.

use rigi_model::run::{LogFacts, RunStatus};
use rigi_model::{Reason, RunState, Timestamp, Usage};
use sqlx::FromRow;

use crate::db::from_json;
use crate::{Error, Result};

/// What a query must ask for to read a [`StatusRow`].
pub(crate) const STATUS: &str = "state, reason, message, attempt, failures, queued_at, queued_us, claimed_at, started_at, \
    ended_at, next_attempt_at, cancel_requested_at, environment, exit_code, signal, cpu_us, max_memory, log_lines, log_cut, \
    artifacts, artifact_bytes, stored_bytes";

#[derive(FromRow)]
pub(crate) struct StatusRow {
    state: String,
    reason: Option<String>,
    message: Option<String>,
    attempt: i64,
    failures: i64,
    queued_at: i64,
    queued_us: i64,
    claimed_at: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    next_attempt_at: Option<i64>,
    cancel_requested_at: Option<i64>,
    environment: Option<String>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    cpu_us: i64,
    max_memory: i64,
    log_lines: i64,
    log_cut: i64,
    artifacts: i64,
    artifact_bytes: i64,
    stored_bytes: i64,
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl StatusRow {
    /// The status of this run.
    ///
    /// # Errors
    /// If a value is none of those that are written.
    pub(crate) fn read(self, run: &str) -> Result<RunStatus> {
        let state = RunState::parse(&self.state).ok_or_else(|| Error::Damaged {
            what: format!("run {run}"),
            why: format!("state `{}`", self.state),
        })?;
        Ok(RunStatus {
            state,
            reason: self.reason.as_deref().and_then(Reason::parse),
            message: self.message,
            attempt: u32::try_from(self.attempt).unwrap_or(0),
            failures: u32::try_from(self.failures).unwrap_or(0),
            queued_at: Timestamp(self.queued_at),
            queued_us: unsigned(self.queued_us),
            claimed_at: self.claimed_at.map(Timestamp),
            started_at: self.started_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
            next_attempt_at: self.next_attempt_at.map(Timestamp),
            cancel_requested_at: self.cancel_requested_at.map(Timestamp),
            environment: self.environment.map(|text| from_json("a run's environment", &text)).transpose()?,
            exit_code: self.exit_code.and_then(|v| i32::try_from(v).ok()),
            signal: self.signal.and_then(|v| i32::try_from(v).ok()),
            usage: Usage { cpu_us: unsigned(self.cpu_us), max_memory: unsigned(self.max_memory) },
            log: LogFacts { lines: unsigned(self.log_lines), cut_bytes: unsigned(self.log_cut) },
            artifacts: (unsigned(self.artifacts), unsigned(self.artifact_bytes)),
            stored_bytes: unsigned(self.stored_bytes),
        })
    }
}
