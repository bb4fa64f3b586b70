//! The steps of a flow's run.

use rigi_model::flows::Begun;
use rigi_model::{ContentHash, PipelineName, ProjectName, RunId, RunState, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// What became of a step when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStep {
    /// Its name.
    pub step: String,
    /// What.
    pub begun: Begun,
    /// When.
    pub at: Timestamp,
}

/// A run of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// Its id.
    pub id: RunId,
    /// Of which step.
    pub step: String,
    /// Its place among the items, from 0.
    pub item: Option<u32>,
    /// Of which pipeline.
    pub pipeline: PipelineName,
    /// Where it is.
    pub state: RunState,
    /// Why, for people.
    pub message: Option<String>,
    /// Its current attempt.
    pub attempt: u32,
    /// Accepted.
    pub created_at: Timestamp,
    /// Its process started.
    pub started_at: Option<Timestamp>,
    /// Ended.
    pub ended_at: Option<Timestamp>,
    /// The run whose result it is, where that counts again.
    pub rerun_of: Option<RunId>,
}

/// Which runs of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepRunsPage {
    /// Of a step.
    pub step: Option<String>,
    /// In a state.
    pub state: Option<RunState>,
    /// After this one; they are sorted by id, which is the order of their items.
    pub after: Option<RunId>,
    /// So many at most.
    pub limit: u32,
}

/// A file that a run of a step left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFile {
    /// The run's place among the items of its step.
    pub item: Option<u32>,
    /// Below its outputs.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Content.
    pub sha256: ContentHash,
}

/// A later look says more than an earlier one: what had begun may turn out not to be possible.
static NOTE: Statement = Statement::insert(
    "flow_steps",
    &[
        ("run", Text),
        ("step", Text),
        ("project", Text),
        ("outcome", Text),
        ("message", Text),
        ("items", Int),
        ("at", Int),
    ],
    "ON CONFLICT (run, step) DO UPDATE SET outcome = excluded.outcome, message = excluded.message, items = excluded.items, at = excluded.at",
);

#[derive(FromRow)]
struct RunRow {
    id: String,
    step: Option<String>,
    item: Option<i64>,
    pipeline: String,
    state: String,
    message: Option<String>,
    attempt: i64,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    rerun_of: Option<String>,
}

impl RunRow {
    fn read(self) -> Result<StepRun> {
        let damaged = |why: String| Error::Damaged { what: format!("run {}", self.id), why };
        let state = RunState::parse(&self.state).ok_or_else(|| damaged(format!("it is `{}`", self.state)))?;
        Ok(StepRun {
            id: parsed("a run's id", &self.id)?,
            step: self.step.unwrap_or_default(),
            item: self.item.and_then(|item| u32::try_from(item).ok()),
            pipeline: PipelineName::unchecked(self.pipeline),
            state,
            message: self.message,
            attempt: u32::try_from(self.attempt).unwrap_or(0),
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
            rerun_of: self.rerun_of.as_deref().map(|id| parsed("a run's id", id)).transpose()?,
        })
    }
}

/// Step, outcome, message, items, time.
type StepRow = (String, String, Option<String>, i64, i64);

/// Step, state, how many, the first start, the last end.
type CountRow = (Option<String>, String, i64, Option<i64>, Option<i64>);

/// Item, path, bytes, content.
type FileRow = (Option<i64>, String, i64, String);

impl Db {
    /// What became of the steps of a flow's run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn flow_steps(&self, run: &RunId) -> Result<Vec<StoredStep>> {
        let sql = "SELECT step, outcome, message, items, at FROM flow_steps WHERE run = $1 ORDER BY at, step";
        let rows: Vec<StepRow> =
            on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).fetch_all(pool).await?);
        let read = |(step, outcome, message, items, at): StepRow| {
            let message = message.unwrap_or_default();
            let begun = match outcome.as_str() {
                "skipped" => Begun::Skipped(message),
                "failed" => Begun::Failed(message),
                _ => Begun::Items(u32::try_from(items).unwrap_or(0)),
            };
            StoredStep { step, begun, at: Timestamp(at) }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Runs of the steps of a flow's run, in the order in which they were asked for.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn step_runs(&self, parent: &RunId, page: &StepRunsPage) -> Result<Vec<StepRun>> {
        let sql = "SELECT id, step, item, pipeline, state, message, attempt, created_at, started_at, ended_at, rerun_of FROM runs \
                   WHERE parent = $1 AND id > $2 AND (step = $3 OR $3 = '') AND (state = $4 OR $4 = '') ORDER BY id LIMIT $5";
        let after = page.after.as_ref().map_or("", RunId::as_str);
        let state = page.state.map_or("", RunState::as_str);
        let rows: Vec<RunRow> = on_db!(self, pool => sqlx::query_as(sql).bind(parent.as_str()).bind(after)
            .bind(page.step.as_deref().unwrap_or_default()).bind(state).bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(RunRow::read).collect()
    }

    /// How many runs each step of a flow's run has in each state, and from when to when they ran.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn step_counts(&self, parent: &RunId) -> Result<Vec<StepCount>> {
        let sql = "SELECT step, state, COUNT(*), MIN(started_at), MAX(ended_at) FROM runs WHERE parent = $1 GROUP BY step, state";
        let rows: Vec<CountRow> =
            on_db!(self, pool => sqlx::query_as(sql).bind(parent.as_str()).fetch_all(pool).await?);
        let read = |(step, state, count, from, to): CountRow| {
            Some(StepCount {
                step: step.unwrap_or_default(),
                state: RunState::parse(&state)?,
                count: u32::try_from(count).unwrap_or(u32::MAX),
                started_at: from.map(Timestamp),
                ended_at: to.map(Timestamp),
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The files that the runs of a step left that have succeeded, by item and path, so many at most.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn files_of_step(
        &self,
        parent: &RunId,
        step: &str,
        path: &str,
        limit: u32,
    ) -> Result<Vec<StepFile>> {
        let sql = "SELECT r.item, a.path, a.size, a.sha256 FROM runs r JOIN artifacts a ON a.run = r.id \
                   WHERE r.parent = $1 AND r.step = $2 AND r.state = 'succeeded' AND (a.path = $3 OR $3 = '') \
                   ORDER BY r.item, a.path LIMIT $4";
        let rows: Vec<FileRow> = on_db!(self, pool => sqlx::query_as(sql).bind(parent.as_str()).bind(step).bind(path)
            .bind(i64::from(limit)).fetch_all(pool).await?);
        let read = |(item, path, size, sha256): FileRow| {
            Ok(StepFile {
                item: item.and_then(|item| u32::try_from(item).ok()),
                path,
                size: u64::try_from(size).unwrap_or(0),
                sha256: parsed("a file's hash", &sha256)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Db {
    /// Which step of a flow's run left this content: its pipeline, its name, and the file's path.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn step_that_left(
        &self,
        parent: &RunId,
        sha256: &ContentHash,
    ) -> Result<Option<(String, String, String)>> {
        let sql = "SELECT r.pipeline, r.step, a.path FROM runs r JOIN artifacts a ON a.run = r.id \
                   WHERE r.parent = $1 AND a.sha256 = $2 ORDER BY r.id, a.path LIMIT 1";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(parent.as_str()).bind(sha256.to_string())
            .fetch_optional(pool).await?))
    }
}

/// How many runs of a step are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCount {
    /// The step.
    pub step: String,
    /// The state.
    pub state: RunState,
    /// So many.
    pub count: u32,
    /// When the first of them started.
    pub started_at: Option<Timestamp>,
    /// When the last of them ended.
    pub ended_at: Option<Timestamp>,
}

impl Store {
    /// Writes down what became of steps.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_steps(&self, project: &ProjectName, run: &RunId, steps: &[StoredStep]) -> Result<()> {
        use rigi_model::event::{Subject, SubjectEvent};
        let mut write = Write::removal();
        for StoredStep { step, begun, at } in steps {
            let (outcome, message, items) = match begun {
                Begun::Items(items) => ("items", None, *items),
                Begun::Skipped(why) => ("skipped", Some(why.clone()), 0),
                Begun::Failed(why) => ("failed", Some(why.clone()), 0),
            };
            write.rows.add(
                &NOTE,
                [
                    run.to_string().into(),
                    step.clone().into(),
                    project.to_string().into(),
                    outcome.to_owned().into(),
                    message.into(),
                    i64::from(items).into(),
                    at.0.into(),
                ],
            );
        }
        if let Some(last) = steps.last() {
            write.tell(project, Subject::Run, run.as_str(), SubjectEvent::STEPS, last.at);
        }
        self.write(write).await
    }
}
