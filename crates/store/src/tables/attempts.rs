//! Ended attempts with their logs.

use rigi_model::{AttemptState, RunId, Timestamp};
use sqlx::{FromRow, QueryBuilder};

use super::runs::{EndedAttempt, signed};
use crate::db::{Db, Tx, on_db, on_tx};
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

pub(crate) async fn insert(tx: &mut Tx, attempts: &[(&RunId, &EndedAttempt)]) -> Result<()> {
    for chunk in attempts.chunks(500) {
        on_tx!(tx, c, D => {
            let mut sql = QueryBuilder::<D>::new(
                "INSERT INTO attempts (run, number, state, reason, message, exit_code, signal, claimed_at, started_at, \
                 ended_at, cpu_us, max_memory, log_lines, log_cut, log, log_object, samples) ",
            );
            sql.push_values(chunk, |mut row, (run, attempt)| {
                let r = &attempt.record;
                row.push_bind(run.as_str()).push_bind(i64::from(r.number)).push_bind(r.state.as_str());
                row.push_bind(r.reason.map(rigi_model::Reason::as_str)).push_bind(r.message.as_deref());
                row.push_bind(r.exit_code.map(i64::from)).push_bind(r.signal.map(i64::from));
                row.push_bind(r.claimed_at.0).push_bind(r.started_at.map(|t| t.0)).push_bind(r.ended_at.0);
                row.push_bind(signed(r.usage.cpu_us)).push_bind(signed(r.usage.max_memory));
                row.push_bind(signed(r.log.lines)).push_bind(signed(r.log.cut_bytes));
                row.push_bind(attempt.log.as_deref()).push_bind(attempt.log_object.as_deref());
                row.push_bind(attempt.samples.as_deref());
            });
            sql.push(" ON CONFLICT (run, number) DO NOTHING");
            sql.build().execute(c).await?;
        });
    }
    Ok(())
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
            lines: super::runs::unsigned(lines),
            cut_bytes: super::runs::unsigned(cut),
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
