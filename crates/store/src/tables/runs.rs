//! Runs: accepting them, changing them, reading one.

use std::collections::BTreeMap;
use std::sync::Arc;

use rigi_model::event::RunEvent;
use rigi_model::run::{AttemptRecord, RunStatus};
use rigi_model::{
    Actor, ContentHash, PipelineName, ProjectName, Reason, RunId, RunState, Target, Timestamp, Trigger,
    TriggerKind, VersionHash,
};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};

use super::run_status::StatusRow;
use super::runs_search::ids_beginning;
use crate::db::{Db, from_json, on_db};
use crate::rows::Kind::{Int, Text};
use crate::rows::{Rows, Statement};
use crate::{Error, Result};

/// A run as it was asked for; it does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Project.
    pub project: ProjectName,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// The captured code.
    pub version: VersionHash,
    /// Higher starts first.
    pub priority: i32,
    /// Attempts at most, by the retry policy.
    pub max_attempts: u32,
    /// Accepted.
    pub created_at: Timestamp,
    /// What started it.
    pub trigger: Trigger,
    /// The run that this one repeats.
    pub rerun_of: Option<RunId>,
    /// Where it executes.
    pub target: Target,
    /// Values of its parameters, a JSON object. This and what follows is shared by all that were asked for together.
    pub parameters: Arc<serde_json::Map<String, serde_json::Value>>,
    /// Its input files.
    pub inputs: Arc<[RunInput]>,
    /// Environment variables given with it.
    pub env: Arc<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The step of a flow that it is.
    pub step: Option<StepOf>,
}

/// Which step of which flow a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOf {
    /// The flow's run.
    pub parent: RunId,
    /// The step's name in the flow's spec.
    pub name: String,
    /// Its place among the items of a step that is done for several, from 0.
    pub item: Option<u32>,
}

/// An input file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    /// Name of the input.
    pub input: String,
    /// Name of the file.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Content.
    pub sha256: ContentHash,
}

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What was asked for.
    pub request: NewRun,
    /// Where it is.
    pub status: RunStatus,
}

/// A change of one run, with what is written beside it.
#[derive(Debug, Clone)]
pub struct RunChange {
    /// Which run.
    pub run: RunId,
    /// Its project.
    pub project: ProjectName,
    /// Its new status.
    pub status: RunStatus,
    /// What happened.
    pub events: Vec<RunEvent>,
    /// The attempt that ended.
    pub attempt: Option<EndedAttempt>,
    /// The files that it left.
    pub artifacts: Vec<super::artifacts::Artifact>,
}

impl RunChange {
    /// Whether an attempt ended.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.attempt.is_some() || self.status.state.is_terminal()
    }
}

/// An ended attempt with its log.
#[derive(Debug, Clone)]
pub struct EndedAttempt {
    /// Its record.
    pub record: AttemptRecord,
    /// A short log: blocks, compressed as a whole.
    pub log: Option<Vec<u8>>,
    /// The object with a longer log.
    pub log_object: Option<String>,
    /// Usage samples, JSON.
    pub samples: Option<String>,
}

/// What a query must ask for to read a [`RunRow`].
pub(crate) const RUN: &str = "runs.id, project, pipeline, version, priority, max_attempts, created_at, trigger_kind, \
    trigger_by, rerun_of, target, parameters, inputs, env, labels, parent, step, item, state, reason, message, attempt, \
    failures, queued_at, queued_us, claimed_at, started_at, ended_at, next_attempt_at, cancel_requested_at, environment, \
    exit_code, signal, cpu_us, max_memory, log_lines, log_cut, artifacts, artifact_bytes, stored_bytes";

#[derive(FromRow)]
pub(crate) struct RunRow {
    id: String,
    project: String,
    pipeline: String,
    version: String,
    priority: i64,
    max_attempts: i64,
    created_at: i64,
    trigger_kind: String,
    trigger_by: String,
    rerun_of: Option<String>,
    target: String,
    parameters: String,
    inputs: String,
    env: String,
    labels: String,
    parent: Option<String>,
    step: Option<String>,
    item: Option<i64>,
    #[sqlx(flatten)]
    status: StatusRow,
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl TryFrom<RunRow> for Run {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self> {
        let damaged = |why: String| Error::Damaged { what: format!("run {}", row.id), why };
        let id: RunId = row.id.parse().map_err(|e| damaged(format!("{e}")))?;
        let rerun_of = row.rerun_of.map(|id| id.parse()).transpose().map_err(|e| damaged(format!("{e}")))?;
        let kind = TriggerKind::parse(&row.trigger_kind);
        let kind = kind.ok_or_else(|| damaged(format!("`{}` starts no runs", row.trigger_kind)))?;
        let parent = row.parent.map(|id| id.parse()).transpose().map_err(|e| damaged(format!("{e}")))?;
        let step = parent.map(|parent| StepOf {
            parent,
            name: row.step.unwrap_or_default(),
            item: row.item.and_then(|item| u32::try_from(item).ok()),
        });
        let status = row.status.read(&row.id)?;
        let request = NewRun {
            id,
            project: ProjectName::unchecked(row.project),
            pipeline: PipelineName::unchecked(row.pipeline),
            version: row.version.parse().map_err(|e| damaged(format!("{e}")))?,
            priority: i32::try_from(row.priority).unwrap_or(0),
            max_attempts: u32::try_from(row.max_attempts).unwrap_or(1),
            created_at: Timestamp(row.created_at),
            trigger: Trigger { kind, by: Actor::named(row.trigger_by) },
            rerun_of,
            target: Target::as_stored(&row.target),
            parameters: from_json("a run's parameters", &row.parameters)?,
            inputs: from_json("a run's inputs", &row.inputs)?,
            env: from_json("a run's environment variables", &row.env)?,
            labels: from_json("a run's labels", &row.labels)?,
            step,
        };
        Ok(Self { request, status })
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps of text keys serialise")
}

/// Ids that one statement is asked for at most.
const IDS_PER_STATEMENT: usize = 500;

static INSERT: Statement = Statement::insert(
    "runs",
    &[
        ("id", Text),
        ("project", Text),
        ("pipeline", Text),
        ("version", Text),
        ("state", Text),
        ("reason", Text),
        ("priority", Int),
        ("max_attempts", Int),
        ("attempt", Int),
        ("failures", Int),
        ("created_at", Int),
        ("queued_at", Int),
        ("queued_us", Int),
        ("trigger_kind", Text),
        ("trigger_by", Text),
        ("rerun_of", Text),
        ("target", Text),
        ("parameters", Text),
        ("inputs", Text),
        ("env", Text),
        ("labels", Text),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("artifacts", Int),
        ("artifact_bytes", Int),
        ("stored_bytes", Int),
        ("parent", Text),
        ("step", Text),
        ("item", Int),
    ],
    "",
);

static INSERT_LABEL: Statement =
    Statement::insert("labels", &[("project", Text), ("run", Text), ("key", Text), ("value", Text)], "");

static INSERT_INPUT: Statement = Statement::insert(
    "run_inputs",
    &[("project", Text), ("run", Text), ("input", Text), ("name", Text), ("sha256", Text)],
    "",
);

/// A new run. Its id is new.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, run: &'a NewRun) {
    rows.add(
        &INSERT,
        [
            run.id.as_str().into(),
            run.project.as_str().into(),
            run.pipeline.as_str().into(),
            run.version.to_string().into(),
            RunState::Queued.as_str().into(),
            Reason::Queued.as_str().into(),
            i64::from(run.priority).into(),
            i64::from(run.max_attempts).into(),
            0.into(),
            0.into(),
            run.created_at.0.into(),
            run.created_at.0.into(),
            0.into(),
            run.trigger.kind.as_str().into(),
            run.trigger.by.as_str().into(),
            run.rerun_of.as_ref().map(RunId::as_str).into(),
            run.target.as_str().into(),
            json(&run.parameters).into(),
            json(&run.inputs).into(),
            json(&run.env).into(),
            json(&run.labels).into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            run.step.as_ref().map(|step| step.parent.as_str()).into(),
            run.step.as_ref().map(|step| step.name.as_str()).into(),
            run.step.as_ref().and_then(|step| step.item).map(i64::from).into(),
        ],
    );
    // Labels are how lists are searched, and steps are in none.
    for (key, value) in run.labels.iter().filter(|_| run.step.is_none()) {
        rows.add(
            &INSERT_LABEL,
            [run.project.as_str().into(), run.id.as_str().into(), key.as_str().into(), value.as_str().into()],
        );
    }
    for RunInput { input, name, sha256, .. } in &*run.inputs {
        rows.add(
            &INSERT_INPUT,
            [
                run.project.as_str().into(),
                run.id.as_str().into(),
                input.as_str().into(),
                name.as_str().into(),
                sha256.to_string().into(),
            ],
        );
    }
}

/// An ended run is never changed again.
static UPDATE: Statement = Statement::update(
    "runs",
    &[
        ("id", Text),
        ("state", Text),
        ("reason", Text),
        ("message", Text),
        ("attempt", Int),
        ("failures", Int),
        ("queued_at", Int),
        ("queued_us", Int),
        ("claimed_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
        ("next_attempt_at", Int),
        ("cancel_requested_at", Int),
        ("environment", Text),
        ("exit_code", Int),
        ("signal", Int),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("artifacts", Int),
        ("artifact_bytes", Int),
        ("stored_bytes", Int),
    ],
    "ended_at IS NULL",
);

/// The newest status of a run.
pub(crate) fn update<'a>(rows: &mut Rows<'a>, change: &'a RunChange) {
    let s = &change.status;
    let time = |time: Option<Timestamp>| time.map(|t| t.0).into();
    rows.add(
        &UPDATE,
        [
            change.run.as_str().into(),
            s.state.as_str().into(),
            s.reason.map(Reason::as_str).into(),
            s.message.as_deref().into(),
            i64::from(s.attempt).into(),
            i64::from(s.failures).into(),
            s.queued_at.0.into(),
            signed(s.queued_us).into(),
            time(s.claimed_at),
            time(s.started_at),
            time(s.ended_at),
            time(s.next_attempt_at),
            time(s.cancel_requested_at),
            s.environment.as_ref().map(json).into(),
            s.exit_code.map(i64::from).into(),
            s.signal.map(i64::from).into(),
            signed(s.usage.cpu_us).into(),
            signed(s.usage.max_memory).into(),
            signed(s.log.lines).into(),
            signed(s.log.cut_bytes).into(),
            signed(s.artifacts.0).into(),
            signed(s.artifacts.1).into(),
            signed(s.stored_bytes).into(),
        ],
    );
}

impl Db {
    /// One run of a project.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn run(&self, project: &ProjectName, id: &RunId) -> Result<Run> {
        let sql = format!("SELECT {RUN} FROM runs WHERE id = $1 AND project = $2");
        let row: Option<RunRow> = on_db!(self, pool => sqlx::query_as(AssertSqlSafe(sql)).bind(id.as_str()).bind(project.as_str()).fetch_optional(pool).await?);
        row.ok_or_else(|| Error::NotFound { what: "run", id: id.to_string() })?.try_into()
    }

    /// Several runs by id, in no order; missing ones are left out.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_by_id(&self, ids: &[RunId]) -> Result<Vec<Run>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_PER_STATEMENT) {
            let rows: Vec<RunRow> = match self {
                Self::Sqlite { read, .. } => {
                    select_by_id::<sqlx::Sqlite>(chunk).build_query_as().fetch_all(read).await?
                }
                Self::Postgres(pool) => {
                    select_by_id::<sqlx::Postgres>(chunk).build_query_as().fetch_all(pool).await?
                }
            };
            for row in rows {
                found.push(Run::try_from(row)?);
            }
        }
        Ok(found)
    }

    /// The run that sorts last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn newest_run(&self) -> Result<Option<RunId>> {
        let newest: Option<String> =
            on_db!(self, pool => sqlx::query_scalar("SELECT MAX(id) FROM runs").fetch_one(pool).await?);
        Ok(newest.and_then(|id| id.parse().ok()))
    }

    /// The id that a whole id, a unique beginning or a unique end stands for.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Ambiguous`].
    pub async fn resolve_run(&self, project: &ProjectName, text: &str) -> Result<RunId> {
        let missing = || Error::NotFound { what: "run", id: text.chars().take(60).collect() };
        let known = text.len() >= 3
            && text.len() <= 30
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !known {
            return Err(missing());
        }
        if let Ok(id) = text.parse::<RunId>() {
            return Ok(id);
        }
        let upper = text.strip_prefix("run_").unwrap_or(text).to_ascii_uppercase();
        // Of ids as an index, not of all runs of a project, whatever the planner thinks of them: hence `|| ''`.
        let (low, high) = ids_beginning(&upper);
        let mut found: Vec<String> = on_db!(self, pool => sqlx::query_scalar(
            "SELECT id FROM runs WHERE id >= $1 AND id < $2 AND project || '' = $3 ORDER BY id LIMIT 2",
        ).bind(low).bind(high).bind(project.as_str()).fetch_all(pool).await?);
        if upper.len() >= 4 {
            let tail = &upper[upper.len() - 4..];
            let by_tail: Vec<String> = on_db!(self, pool => sqlx::query_scalar(
                "SELECT id FROM runs WHERE substr(id, 27, 4) = $1 AND project || '' = $2 ORDER BY id DESC LIMIT 20",
            ).bind(tail).bind(project.as_str()).fetch_all(pool).await?);
            found.extend(by_tail.into_iter().filter(|id| id.ends_with(&upper)));
        }
        found.sort();
        found.dedup();
        match found.as_slice() {
            [] => Err(missing()),
            [id] => id.parse().map_err(|_| missing()),
            several => Err(Error::Ambiguous { id: text.to_owned(), count: several.len() }),
        }
    }
}

fn select_by_id<D: sqlx::Database>(ids: &[RunId]) -> QueryBuilder<D>
where
    for<'a> &'a str: sqlx::Encode<'a, D> + sqlx::Type<D>,
{
    let mut sql = QueryBuilder::<D>::new(format!("SELECT {RUN} FROM runs WHERE id IN ("));
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.as_str());
    }
    sql.push(")");
    sql
}
