//! Ended attempts with their logs.

use rigi_model::{AttemptState, ProjectName, RunId, Timestamp};
use sqlx::FromRow;

use super::runs::{EndedAttempt, signed};
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Bytes, Int, Text};
use crate::rows::{Rows, Statement};
use crate::{Error, Result};

/// An ended attempt as stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AttemptRow {
    /// Counts from 1.
    pub number: i64,
    state: String,
    /// Stable code.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Exit status.
    pub exit_code: Option<i64>,
    claimed_at: i64,
    started_at: Option<i64>,
    ended_at: i64,
    /// CPU time in microseconds.
    pub cpu_us: i64,
    /// Most memory at one time, in bytes.
    pub max_memory: i64,
    /// Lines of its log.
    pub log_lines: i64,
    /// Bytes that were not kept.
    pub log_cut: i64,
}

impl AttemptRow {
    /// How it ended.
    #[must_use]
    pub fn state(&self) -> AttemptState {
        AttemptState::parse(&self.state).unwrap_or(AttemptState::Failed)
    }

    /// Handed to the executor, process started, ended.
    #[must_use]
    pub fn times(&self) -> (Timestamp, Option<Timestamp>, Timestamp) {
        (Timestamp(self.claimed_at), self.started_at.map(Timestamp), Timestamp(self.ended_at))
    }
}

/// Where the log of an ended attempt lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLog {
    /// Lines.
    pub lines: u64,
    /// Bytes that were not kept.
    pub cut_bytes: u64,
    /// A short one: blocks, compressed as a whole.
    pub inline: Option<Vec<u8>>,
    /// The object of a longer one.
    pub object: Option<String>,
}

static INSERT: Statement = Statement::insert(
    "attempts",
    &[
        ("project", Text),
        ("run", Text),
        ("number", Int),
        ("state", Text),
        ("reason", Text),
        ("message", Text),
        ("exit_code", Int),
        ("signal", Int),
        ("claimed_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("log", Bytes),
        ("log_object", Text),
        ("samples", Text),
    ],
    "ON CONFLICT (run, number) DO NOTHING",
);

/// The attempt of a run that ended.
pub(crate) fn insert<'a>(
    rows: &mut Rows<'a>,
    project: &'a ProjectName,
    run: &'a RunId,
    attempt: &'a EndedAttempt,
) {
    let r = &attempt.record;
    rows.add(
        &INSERT,
        [
            project.as_str().into(),
            run.as_str().into(),
            i64::from(r.number).into(),
            r.state.as_str().into(),
            r.reason.map(rigi_model::Reason::as_str).into(),
            r.message.as_deref().into(),
            r.exit_code.map(i64::from).into(),
            r.signal.map(i64::from).into(),
            r.claimed_at.0.into(),
            r.started_at.map(|t| t.0).into(),
            r.ended_at.0.into(),
            signed(r.usage.cpu_us).into(),
            signed(r.usage.max_memory).into(),
            signed(r.log.lines).into(),
            signed(r.log.cut_bytes).into(),
            attempt.log.as_deref().into(),
            attempt.log_object.as_deref().into(),
            attempt.samples.as_deref().into(),
        ],
    );
}

impl Db {
    /// The ended attempts of a run, in order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn attempts(&self, run: &RunId) -> Result<Vec<AttemptRow>> {
        let sql = "SELECT number, state, reason, message, exit_code, claimed_at, started_at, ended_at, cpu_us, \
                   max_memory, log_lines, log_cut FROM attempts WHERE run = $1 ORDER BY number";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).fetch_all(pool).await?))
    }

    /// The log of an ended attempt; `None` if that attempt has not ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn attempt_log(&self, run: &RunId, number: u32) -> Result<Option<StoredLog>> {
        type Row = (i64, i64, Option<Vec<u8>>, Option<String>);
        let sql = "SELECT log_lines, log_cut, log, log_object FROM attempts WHERE run = $1 AND number = $2";
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(i64::from(number)).fetch_optional(pool).await?);
        Ok(row.map(|(lines, cut, inline, object)| StoredLog {
            lines: super::run_status::unsigned(lines),
            cut_bytes: super::run_status::unsigned(cut),
            inline,
            object,
        }))
    }

    /// Usage samples of an ended attempt, JSON.
    ///
    /// # Errors
    /// [`Error::NotFound`] if that attempt has not ended.
    pub async fn attempt_samples(&self, run: &RunId, number: u32) -> Result<Option<String>> {
        let sql = "SELECT samples FROM attempts WHERE run = $1 AND number = $2";
        let row: Option<(Option<String>,)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(i64::from(number)).fetch_optional(pool).await?);
        row.map(|(samples,)| samples)
            .ok_or_else(|| Error::NotFound { what: "attempt", id: format!("{run}.{number}") })
    }
}
