//! Events of runs. Their ids are given by the writer, so that they grow in the order of commits.

use rigi_model::event::RunEvent;
use rigi_model::{RunId, Timestamp};
use sqlx::{FromRow, QueryBuilder};

use crate::Result;
use crate::db::{Db, Tx, on_db, on_tx};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EventRow {
    /// Grows with time.
    pub id: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// Attempt; 0 is the run itself.
    pub attempt: i64,
    /// Stable code.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// Writes events with the ids from `first` on.
pub(crate) async fn insert(tx: &mut Tx, first: i64, events: &[&RunEvent]) -> Result<()> {
    for (index, chunk) in events.chunks(1000).enumerate() {
        let first = first + 1000 * i64::try_from(index).unwrap_or(0);
        on_tx!(tx, c, D => {
            let mut sql = QueryBuilder::<D>::new("INSERT INTO events (id, run, at, kind, attempt, reason, message) ");
            sql.push_values(chunk.iter().zip(first..), |mut row, (event, id)| {
                row.push_bind(id).push_bind(event.run.as_str()).push_bind(event.at.0).push_bind(event.kind);
                row.push_bind(i64::from(event.attempt)).push_bind(event.reason.map(rigi_model::Reason::as_str));
                row.push_bind(event.message.as_deref());
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

impl Db {
    /// The id of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_event(&self) -> Result<i64> {
        let last: Option<i64> =
            on_db!(self, pool => sqlx::query_scalar("SELECT MAX(id) FROM events").fetch_one(pool).await?);
        Ok(last.unwrap_or(0))
    }

    /// What happened to a run, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_of(&self, run: &RunId, after: i64, limit: u32) -> Result<Vec<EventRow>> {
        let sql = "SELECT id, at, kind, attempt, reason, message FROM events \
                   WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3";
        Ok(on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(after).bind(i64::from(limit)).fetch_all(pool).await?))
    }

    /// The runs that something happened to after an event, each once, and the newest event; `None` if there are more
    /// than `limit` events between: then a reader starts afresh.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_since(&self, after: i64, limit: u32) -> Result<Option<(Vec<RunId>, i64)>> {
        let rows: Vec<(i64, String)> = on_db!(self, pool => sqlx::query_as(
            "SELECT id, run FROM events WHERE id > $1 ORDER BY id LIMIT $2",
        ).bind(after).bind(i64::from(limit) + 1).fetch_all(pool).await?);
        if rows.len() > limit as usize {
            return Ok(None);
        }
        let last = rows.last().map_or(after, |(id, _)| *id);
        let mut runs: Vec<RunId> = rows.into_iter().filter_map(|(_, run)| run.parse().ok()).collect();
        runs.sort();
        runs.dedup();
        Ok(Some((runs, last)))
    }
}

impl EventRow {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp(self.at)
    }
}
