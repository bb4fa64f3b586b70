//! Runs that have not ended: what an engine starts from.

use rigi_model::run::RunStatus;
use rigi_model::{Reason, RunId, RunState, Timestamp};
use sqlx::{AssertSqlSafe, FromRow};

use super::runs::unsigned;
use crate::db::{Db, from_json, on_db};
use crate::{Error, Result};

impl Db {
    /// Runs in these states, oldest first, after `after`, at most `limit`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_runs(
        &self,
        project: &str,
        states: &[RunState],
        after: Option<&RunId>,
        limit: u32,
    ) -> Result<Vec<OpenRun>> {
        let states: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        let sql = format!(
            "SELECT id, pipeline, version, priority, state, attempt, failures, queued_at, queued_us, claimed_at, \
             started_at, next_attempt_at, cancel_requested_at, reason, message, environment, target, stored_bytes \
             FROM runs WHERE project = $1 AND state IN ({}) AND id > $2 ORDER BY id LIMIT {limit}",
            states.join(", ")
        );
        let after = after.map_or("", RunId::as_str);
        let rows: Vec<OpenRow> = on_db!(self, pool => sqlx::query_as(AssertSqlSafe(sql))
            .bind(project).bind(after).fetch_all(pool).await?);
        rows.into_iter().map(OpenRun::try_from).collect()
    }
}

/// A run that has not ended, without what only its executor needs.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// Its id.
    pub id: RunId,
    /// Pipeline.
    pub pipeline: String,
    /// Hash of the captured code.
    pub version: String,
    /// Higher starts first.
    pub priority: i32,
    /// Where it executes.
    pub target: String,
    /// Where it is.
    pub status: RunStatus,
}

#[derive(FromRow)]
struct OpenRow {
    id: String,
    pipeline: String,
    version: String,
    priority: i64,
    target: String,
    state: String,
    attempt: i64,
    failures: i64,
    queued_at: i64,
    queued_us: i64,
    claimed_at: Option<i64>,
    started_at: Option<i64>,
    next_attempt_at: Option<i64>,
    cancel_requested_at: Option<i64>,
    reason: Option<String>,
    message: Option<String>,
    environment: Option<String>,
    stored_bytes: i64,
}

impl TryFrom<OpenRow> for OpenRun {
    type Error = Error;

    fn try_from(row: OpenRow) -> Result<Self> {
        let damaged = |why: String| Error::Damaged { what: format!("run {}", row.id), why };
        let id: RunId = row.id.parse().map_err(|e| damaged(format!("{e}")))?;
        let mut status = RunStatus::accepted(Timestamp(row.queued_at));
        status.state =
            RunState::parse(&row.state).ok_or_else(|| damaged(format!("state `{}`", row.state)))?;
        status.attempt = u32::try_from(row.attempt).unwrap_or(0);
        status.failures = u32::try_from(row.failures).unwrap_or(0);
        status.queued_us = unsigned(row.queued_us);
        status.claimed_at = row.claimed_at.map(Timestamp);
        status.started_at = row.started_at.map(Timestamp);
        status.next_attempt_at = row.next_attempt_at.map(Timestamp);
        status.cancel_requested_at = row.cancel_requested_at.map(Timestamp);
        status.reason = row.reason.as_deref().and_then(Reason::parse);
        status.message = row.message;
        status.stored_bytes = unsigned(row.stored_bytes);
        status.environment =
            row.environment.map(|text| from_json("a run's environment", &text)).transpose()?;
        let priority = i32::try_from(row.priority).unwrap_or(0);
        Ok(Self { id, pipeline: row.pipeline, version: row.version, priority, target: row.target, status })
    }
}
