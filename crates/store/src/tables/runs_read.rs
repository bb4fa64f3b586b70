//! Reading runs: their rows, one by id or by a part of it, several by id.

use rigi_model::{Actor, PipelineName, ProjectName, RunId, Target, Timestamp, Trigger, TriggerKind};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};

use super::run_status::StatusRow;
use super::runs::{NewRun, Run, StepOf};
use super::runs_search::ids_beginning;
use crate::db::{Db, from_json, on_db};
use crate::{Error, Result};

/// Ids that one statement is asked for at most.
const IDS_PER_STATEMENT: usize = 500;

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
