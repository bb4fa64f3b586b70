//! Due times and what became of them. A run of a due time is accepted with a key of its own ([`fire_key`]), so that there is one however
//! often that is tried; the row follows, and takes the key with it.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::triggers::FireOutcome;
use rigi_model::{PipelineName, ProjectName, RunId, RunState, Timestamp};
use sqlx::FromRow;

use super::ScheduleKey;
use crate::db::{Db, on_db};
use crate::occurrences;
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::idempotency;
use crate::write::Write;
use crate::{Error, Result, Store};

/// A due time, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// Of which schedule.
    pub schedule: ScheduleKey,
    /// When it was due.
    pub due: Timestamp,
    /// What became of it.
    pub outcome: FireOutcome,
    /// Why, for people.
    pub reason: Option<String>,
    /// The run that was made.
    pub run: Option<RunId>,
    /// When that was known.
    pub at: Timestamp,
}

/// A run of a due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredRun {
    /// Which.
    pub run: RunId,
    /// How it stands.
    pub state: RunState,
    /// When it was due.
    pub due: Timestamp,
}

/// Which fires are asked for.
#[derive(Debug, Clone, Default)]
pub struct FirePage {
    /// Of this pipeline alone.
    pub pipeline: Option<PipelineName>,
    /// Of this schedule alone.
    pub schedule: Option<String>,
    /// Behind this one, in their order: its due time, pipeline and schedule.
    pub after: Option<(Timestamp, String, String)>,
    /// At most so many.
    pub limit: u32,
}

static ADD: Statement = Statement::insert(
    "fires",
    &[
        ("project", Text),
        ("pipeline", Text),
        ("schedule", Text),
        ("due", Int),
        ("outcome", Text),
        ("reason", Text),
        ("run", Text),
        ("at", Int),
    ],
    "ON CONFLICT (project, pipeline, schedule, due) DO NOTHING",
);
/// The newest stays, however old it is: what was due before is settled by it.
static TOO_OLD: Statement = Statement::delete(
    "fires",
    &[("project", Text), ("at", Int)],
    "fires.project = v.project AND fires.at < v.at AND EXISTS (SELECT 1 FROM fires newer WHERE newer.project = fires.project \
     AND newer.pipeline = fires.pipeline AND newer.schedule = fires.schedule AND newer.due > fires.due)",
);

/// Under which key the run of a due time is accepted. No request can have such a one: headers are ASCII.
#[must_use]
pub fn fire_key(schedule: &ScheduleKey, due: Timestamp) -> String {
    format!("⏲ {} {} {}", schedule.pipeline, schedule.id, due.0)
}

#[derive(FromRow)]
struct Row {
    pipeline: String,
    schedule: String,
    due: i64,
    outcome: String,
    reason: Option<String>,
    run: Option<String>,
    at: i64,
}

const COLUMNS: &str = "pipeline, schedule, due, outcome, reason, run, at";

impl Row {
    fn fire(self, project: &ProjectName) -> Result<Fire> {
        let run = self.run.map(|run| run.parse::<RunId>());
        let damaged = |why: String| Error::Damaged { what: format!("a due time of {}", self.pipeline), why };
        Ok(Fire {
            outcome: FireOutcome::parse(&self.outcome).unwrap_or(FireOutcome::Missed),
            run: run.transpose().map_err(|error| damaged(error.to_string()))?,
            schedule: ScheduleKey {
                project: project.clone(),
                pipeline: PipelineName::unchecked(self.pipeline.as_str()),
                id: self.schedule,
            },
            due: Timestamp(self.due),
            reason: self.reason,
            at: Timestamp(self.at),
        })
    }
}

impl Db {
    /// When each schedule of a project was due last, of what is settled: pipeline, id, time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_fires(&self, project: &ProjectName) -> Result<Vec<(String, String, Timestamp)>> {
        let sql =
            "SELECT pipeline, schedule, MAX(due) FROM fires WHERE project = $1 GROUP BY pipeline, schedule";
        let rows: Vec<(String, String, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(pipeline, id, due)| (pipeline, id, Timestamp(due))).collect())
    }

    /// Due times and what became of them, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn fires(&self, project: &ProjectName, page: &FirePage) -> Result<Vec<Fire>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fires WHERE project = $1 AND ($2 = '' OR pipeline = $2) AND ($3 = '' OR schedule = $3) \
             AND (due < $4 OR (due = $4 AND (pipeline > $5 OR (pipeline = $5 AND schedule > $6)))) \
             ORDER BY due DESC, pipeline, schedule LIMIT $7"
        );
        let pipeline = page.pipeline.as_ref().map_or("", PipelineName::as_str);
        let schedule = page.schedule.as_deref().unwrap_or_default();
        let (due, of, id) = page.after.as_ref().map_or((i64::MAX, "", ""), |(due, of, id)| (due.0, of, id));
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.as_str())
            .bind(pipeline).bind(schedule).bind(due).bind(of).bind(id).bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(|row| row.fire(project)).collect()
    }

    /// The newest runs of a schedule, with their states: the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_of_schedule(&self, schedule: &ScheduleKey, limit: u32) -> Result<Vec<FiredRun>> {
        let sql = "SELECT r.id, r.state, f.due FROM fires f JOIN runs r ON r.id = f.run WHERE f.project = $1 AND f.pipeline = $2 \
                   AND f.schedule = $3 AND f.outcome = 'run' ORDER BY f.due DESC LIMIT $4";
        let rows: Vec<(String, String, i64)> = on_db!(self, pool => sqlx::query_as(sql).bind(schedule.project.as_str())
            .bind(schedule.pipeline.as_str()).bind(&schedule.id).bind(i64::from(limit)).fetch_all(pool).await?);
        let run = |(id, state, due): (String, String, i64)| {
            let damaged = |why: String| Error::Damaged { what: format!("run {id}"), why };
            let run = id.parse::<RunId>().map_err(|error| damaged(error.to_string()))?;
            let state = RunState::parse(&state).ok_or_else(|| damaged(format!("it is `{state}`")))?;
            Ok(FiredRun { run, state, due: Timestamp(due) })
        };
        rows.into_iter().map(run).collect()
    }
}

impl Store {
    /// Writes down what became of due times. What is written down already stays as it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_fires(&self, fires: &[Fire]) -> Result<()> {
        let mut write = Write::default();
        for fire in fires {
            let ScheduleKey { project, pipeline, id } = &fire.schedule;
            write.rows.add(
                &ADD,
                [
                    project.to_string().into(),
                    pipeline.to_string().into(),
                    id.clone().into(),
                    fire.due.0.into(),
                    fire.outcome.as_str().to_owned().into(),
                    fire.reason.clone().into(),
                    fire.run.as_ref().map(ToString::to_string).into(),
                    fire.at.0.into(),
                ],
            );
            if fire.outcome == FireOutcome::Run {
                idempotency::remove(&mut write.rows, project, fire_key(&fire.schedule, fire.due));
            }
            write.tell(project, Subject::Schedule, &fire.schedule.to_string(), SubjectEvent::FIRED, fire.at);
            if fire.outcome == FireOutcome::Missed {
                let facts = Facts {
                    pipeline: Some(pipeline.to_string()),
                    subject: Some(id.clone()),
                    message: fire.reason.clone(),
                    ..Facts::default()
                };
                occurrences::add(&mut write, project, NoticeKind::Missed, &facts, fire.at);
            }
        }
        self.write(write).await
    }

    /// Removes what became of due times before a time, but for the newest of each schedule.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_fires(&self, project: &ProjectName, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&TOO_OLD, [project.to_string().into(), before.0.into()]);
        self.write(write).await
    }
}
