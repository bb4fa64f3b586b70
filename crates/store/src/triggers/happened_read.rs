//! Reading what is stored of triggers.

use rigi_model::triggers::EventOutcome;
use rigi_model::triggers::join::Arrived;
use rigi_model::{PipelineName, ProjectName, Timestamp};
use sqlx::FromRow;

use super::Pause;
use super::happened::{SensorCursor, TriggerEvent, TriggerKey, TriggerRow};
use crate::db::{Db, on_db, parsed};
use crate::{Error, Result};

#[derive(FromRow)]
struct Row {
    pipeline: String,
    id: String,
    spec: Option<String>,
    watched: Option<String>,
    looked_at: Option<i64>,
    problem: Option<String>,
    paused_at: Option<i64>,
    paused_by: Option<String>,
}

impl Row {
    fn read(self, project: &ProjectName) -> Result<TriggerRow> {
        let made =
            self.spec.as_deref().map(serde_json::from_str).transpose().map_err(|error| Error::Damaged {
                what: format!("the trigger {}/{}", self.pipeline, self.id),
                why: error.to_string(),
            })?;
        let pause =
            |at| Pause { at: Timestamp(at), by: self.paused_by.clone().unwrap_or_default(), why: None };
        Ok(TriggerRow {
            paused: self.paused_at.map(pause),
            key: TriggerKey {
                project: project.clone(),
                pipeline: PipelineName::unchecked(self.pipeline),
                id: self.id,
            },
            made,
            watched: self.watched,
            looked_at: self.looked_at.map(Timestamp),
            problem: self.problem,
        })
    }
}

#[derive(FromRow)]
struct EventRow {
    event: String,
    at: i64,
    outcome: String,
    reason: Option<String>,
    run: Option<String>,
}

impl EventRow {
    fn read(self, key: &TriggerKey) -> Result<TriggerEvent> {
        let outcome = EventOutcome::parse(&self.outcome).ok_or_else(|| Error::Damaged {
            what: format!("an event of the trigger {key}"),
            why: self.outcome.clone(),
        })?;
        let run = self.run.as_deref().map(|run| parsed("a run's id", run)).transpose()?;
        Ok(TriggerEvent {
            key: key.clone(),
            event: self.event,
            at: Timestamp(self.at),
            outcome,
            reason: self.reason,
            run,
        })
    }
}

impl Db {
    /// What is stored of the triggers of a project.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn triggers(&self, project: &ProjectName) -> Result<Vec<TriggerRow>> {
        let sql = "SELECT pipeline, id, spec, watched, looked_at, problem, paused_at, paused_by FROM triggers \
                   WHERE project = $1 ORDER BY pipeline, id";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(|row| row.read(project)).collect()
    }

    /// What has happened for a trigger, the newest first, older than `before`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn trigger_events(
        &self,
        key: &TriggerKey,
        before: Option<(Timestamp, String)>,
        limit: u32,
    ) -> Result<Vec<TriggerEvent>> {
        let (at, event) = before.unwrap_or((Timestamp(i64::MAX), String::new()));
        let sql = "SELECT event, at, outcome, reason, run FROM trigger_events WHERE project = $1 AND pipeline = $2 AND id = $3 \
                   AND (at < $4 OR (at = $4 AND event < $5)) ORDER BY at DESC, event DESC LIMIT $6";
        let rows: Vec<EventRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id)
            .bind(at.0).bind(event).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(|row| row.read(key)).collect()
    }

    /// What became of an event; `None`: it has not been seen.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn trigger_event(&self, key: &TriggerKey, event: &str) -> Result<Option<TriggerEvent>> {
        let sql = "SELECT event, at, outcome, reason, run FROM trigger_events \
                   WHERE project = $1 AND pipeline = $2 AND id = $3 AND event = $4";
        let row: Option<EventRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id).bind(event)
            .fetch_optional(pool).await?);
        row.map(|row| row.read(key)).transpose()
    }

    /// The names of all events of a trigger, and when each was seen.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn seen_events(&self, key: &TriggerKey) -> Result<Vec<(String, Timestamp)>> {
        let sql = "SELECT event, at FROM trigger_events WHERE project = $1 AND pipeline = $2 AND id = $3";
        let rows: Vec<(String, i64)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(event, at)| (event, Timestamp(at))).collect())
    }

    /// Events whose run was being made with others, each with what names them together.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn taken_events(&self, key: &TriggerKey) -> Result<Vec<(String, String)>> {
        let sql = "SELECT event, reason FROM trigger_events \
                   WHERE project = $1 AND pipeline = $2 AND id = $3 AND outcome = 'taken' AND reason IS NOT NULL";
        Ok(on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id).fetch_all(pool).await?))
    }

    /// Ends that wait for those of other pipelines, of one key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn arrivals(&self, key: &TriggerKey, match_key: &str) -> Result<Vec<Arrived>> {
        let sql = "SELECT source, run, at FROM trigger_arrivals \
                   WHERE project = $1 AND pipeline = $2 AND id = $3 AND match_key = $4 ORDER BY source";
        let rows: Vec<(String, String, i64)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id).bind(match_key)
            .fetch_all(pool).await?);
        let read = |(pipeline, run, at): (String, String, i64)| {
            Ok(Arrived { pipeline, run: parsed("a run's id", &run)?, at: Timestamp(at) })
        };
        rows.into_iter().map(read).collect()
    }

    /// All ends that wait for a trigger, with what they have in common.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all_arrivals(&self, key: &TriggerKey, limit: u32) -> Result<Vec<(String, Arrived)>> {
        let sql = "SELECT match_key, source, run, at FROM trigger_arrivals \
                   WHERE project = $1 AND pipeline = $2 AND id = $3 ORDER BY at DESC, source LIMIT $4";
        let rows: Vec<(String, String, String, i64)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(key.project.as_str()).bind(key.pipeline.as_str()).bind(&key.id).bind(i64::from(limit))
            .fetch_all(pool).await?);
        let read = |(key, pipeline, run, at): (String, String, String, i64)| {
            Ok((key, Arrived { pipeline, run: parsed("a run's id", &run)?, at: Timestamp(at) }))
        };
        rows.into_iter().map(read).collect()
    }

    /// Where a sensor goes on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn cursor(&self, project: &ProjectName, pipeline: &str) -> Result<Option<SensorCursor>> {
        let sql = "SELECT value, at, run FROM cursors WHERE project = $1 AND pipeline = $2";
        let row: Option<(String, i64, Option<String>)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(pipeline).fetch_optional(pool).await?);
        let read = |(value, at, run): (String, i64, Option<String>)| {
            let run = run.as_deref().map(|run| parsed("a run's id", run)).transpose()?;
            Ok(SensorCursor { value, at: Timestamp(at), run })
        };
        row.map(read).transpose()
    }
}
