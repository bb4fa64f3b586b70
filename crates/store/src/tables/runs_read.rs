//! Reading runs: their rows, one by id or by a part of it, several by id.

use rigi_model::{Actor, PipelineName, ProjectName, RunId, Target, Timestamp, Trigger, TriggerKind};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};

use super::run_status::StatusRow;
use super::runs::{ListedRun, NewRun, Run, StepOf};
use super::runs_search::ids_beginning;
use crate::db::{Db, from_json, on_db};
use crate::{Error, Result};

/// Ids that one statement is asked for at most.
const IDS_PER_STATEMENT: usize = 500;

/// What a query must ask for to read a [`ListedRow`].
pub(crate) const LISTED: &str = "runs.id, project, pipeline, priority, max_attempts, created_at, trigger_kind, trigger_by, \
    labels, state, reason, message, attempt, failures, queued_at, queued_us, claimed_at, started_at, ended_at, \
    next_attempt_at, cancel_requested_at, environment, exit_code, signal, cpu_us, max_memory, log_lines, log_cut, artifacts, \
    artifact_bytes, stored_bytes";

/// What a query must ask for beside [`LISTED`] to read a [`RunRow`].
const REST: &str = "version, rerun_of, target, parameters, inputs, env, parent, step, item";

#[derive(FromRow)]
pub(crate) struct ListedRow {
    id: String,
    project: String,
    pipeline: String,
    priority: i64,
    max_attempts: i64,
    created_at: i64,
    trigger_kind: String,
    trigger_by: String,
    labels: String,
    #[sqlx(flatten)]
    status: StatusRow,
}

#[derive(FromRow)]
struct RunRow {
    #[sqlx(flatten)]
    listed: ListedRow,
    version: String,
    rerun_of: Option<String>,
    target: String,
    parameters: String,
    inputs: String,
    env: String,
    parent: Option<String>,
    step: Option<String>,
    item: Option<i64>,
}

impl TryFrom<ListedRow> for ListedRun {
    type Error = Error;

    fn try_from(row: ListedRow) -> Result<Self> {
        let damaged = |why: String| Error::Damaged { what: format!("run {}", row.id), why };
        let kind = TriggerKind::parse(&row.trigger_kind);
        let kind = kind.ok_or_else(|| damaged(format!("`{}` starts no runs", row.trigger_kind)))?;
        Ok(Self {
            id: row.id.parse().map_err(|e| damaged(format!("{e}")))?,
            project: ProjectName::unchecked(row.project),
            pipeline: PipelineName::unchecked(row.pipeline),
            priority: i32::try_from(row.priority).unwrap_or(0),
            max_attempts: u32::try_from(row.max_attempts).unwrap_or(1),
            created_at: Timestamp(row.created_at),
            trigger: Trigger { kind, by: Actor::named(row.trigger_by) },
            labels: from_json("a run's labels", &row.labels)?,
            status: row.status.read(&row.id)?,
        })
    }
}

impl TryFrom<RunRow> for Run {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self> {
        let listed = ListedRun::try_from(row.listed)?;
        let damaged = |why: String| Error::Damaged { what: format!("run {}", listed.id), why };
        let id =
            |text: Option<String>| text.map(|id| id.parse()).transpose().map_err(|e| damaged(format!("{e}")));
        let step = id(row.parent)?.map(|parent| StepOf {
            parent,
            name: row.step.unwrap_or_default(),
            item: row.item.and_then(|item| u32::try_from(item).ok()),
        });
        let request = NewRun {
            rerun_of: id(row.rerun_of)?,
            version: row.version.parse().map_err(|e| damaged(format!("{e}")))?,
            target: Target::as_stored(&row.target),
            parameters: from_json("a run's parameters", &row.parameters)?,
            inputs: from_json("a run's inputs", &row.inputs)?,
            env: from_json("a run's environment variables", &row.env)?,
            step,
            id: listed.id,
            project: listed.project,
            pipeline: listed.pipeline,
            priority: listed.priority,
            max_attempts: listed.max_attempts,
            created_at: listed.created_at,
            trigger: listed.trigger,
            labels: listed.labels,
        };
        Ok(Self { request, status: listed.status })
    }
}

impl Db {
    /// One run of a project.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn run(&self, project: &ProjectName, id: &RunId) -> Result<Run> {
        let sql = format!("SELECT {LISTED}, {REST} FROM runs WHERE id = $1 AND project = $2");
        let row: Option<RunRow> = on_db!(self, pool => sqlx::query_as(AssertSqlSafe(sql)).bind(id.as_str()).bind(project.as_str()).fetch_optional(pool).await?);
        row.ok_or_else(|| Error::NotFound { what: "run", id: id.to_string() })?.try_into()
    }

    /// One run, whichever project it is of: for the engine, which serves all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn run_of_any(&self, id: &RunId) -> Result<Run> {
        let found = self.runs_by_id(std::slice::from_ref(id)).await?.pop();
        found.ok_or_else(|| Error::NotFound { what: "run", id: id.to_string() })
    }

    /// The project of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn project_of(&self, id: &RunId) -> Result<ProjectName> {
        let sql = "SELECT project FROM runs WHERE id = $1";
        let found: Option<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(pool).await?);
        let found = found.ok_or_else(|| Error::NotFound { what: "run", id: id.to_string() })?;
        Ok(ProjectName::unchecked(found))
    }

    /// Several runs by id, in no order; missing ones are left out.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_by_id(&self, ids: &[RunId]) -> Result<Vec<Run>> {
        let rows: Vec<RunRow> = self.rows_by_id(&format!("{LISTED}, {REST}"), ids).await?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// The same, as lists show them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn listed_by_id(&self, ids: &[RunId]) -> Result<Vec<ListedRun>> {
        let rows: Vec<ListedRow> = self.rows_by_id(LISTED, ids).await?;
        rows.into_iter().map(ListedRun::try_from).collect()
    }

    async fn rows_by_id<T>(&self, columns: &str, ids: &[RunId]) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_PER_STATEMENT) {
            found.extend(match self {
                Self::Sqlite { read, .. } => {
                    select_by_id::<sqlx::Sqlite>(columns, chunk).build_query_as().fetch_all(read).await?
                }
                Self::Postgres(pool) => {
                    select_by_id::<sqlx::Postgres>(columns, chunk).build_query_as().fetch_all(pool).await?
                }
            });
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

fn select_by_id<D: sqlx::Database>(columns: &str, ids: &[RunId]) -> QueryBuilder<D>
where
    for<'a> &'a str: sqlx::Encode<'a, D> + sqlx::Type<D>,
{
    let mut sql = QueryBuilder::<D>::new(format!("SELECT {columns} FROM runs WHERE id IN ("));
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.as_str());
    }
    sql.push(")");
    sql
}
