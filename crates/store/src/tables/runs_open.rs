//! Runs that have not ended: what an engine starts from.

use std::collections::BTreeMap;

use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::run::RunStatus;
use rigi_model::run_config::{SpecPart, VersionPart};
use rigi_model::{Actor, PipelineName, ProjectName, RunId, RunState, Target, Trigger, TriggerKind};
use sqlx::{AssertSqlSafe, FromRow};

use super::run_status::{STATUS, StatusRow, unsigned};
use crate::db::{Db, from_json, on_db};
use crate::{Error, Result};

/// The variables of a run, where they say by which part of its spec it goes, or its key; there may be a million that wait.
const PART_ENV: &str = r#"CASE WHEN env LIKE '%"RIGI_SCHEDULE"%' OR env LIKE '%"RIGI_FLOW_STEP"%'
    OR env LIKE '%"RIGI_CONCURRENCY"%' THEN env END AS part_env"#;

impl Db {
    /// Runs in these states, oldest first, after `after`, at most `limit`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_runs(
        &self,
        project: &ProjectName,
        states: &[RunState],
        after: Option<&RunId>,
        limit: u32,
    ) -> Result<Vec<OpenRun>> {
        let states: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        // Runs and steps have an index each.
        let of = |parent: &str| {
            let states = states.join(", ");
            format!(
                "SELECT id FROM (SELECT id FROM runs WHERE parent {parent} AND project = $1 AND state IN ({states}) \
                 AND id > $2 ORDER BY id LIMIT {limit}) AS of_one"
            )
        };
        let (runs, steps) = (of("IS NULL"), of("IS NOT NULL"));
        let sql = format!(
            "SELECT id, project, pipeline, version, priority, target, trigger_kind, trigger_by, parent, {PART_ENV}, {STATUS} FROM runs \
             WHERE id IN ({runs} UNION ALL {steps}) ORDER BY id LIMIT {limit}"
        );
        let after = after.map_or("", RunId::as_str);
        let rows: Vec<OpenRow> = on_db!(self, pool => sqlx::query_as(AssertSqlSafe(sql))
            .bind(project.as_str()).bind(after).fetch_all(pool).await?);
        rows.into_iter().map(OpenRun::try_from).collect()
    }
}

/// Which runs are counted; what is left out is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOf {
    /// Of a project.
    pub project: Option<ProjectName>,
    /// Of a pipeline.
    pub pipeline: Option<PipelineName>,
    /// Those that execute in one place.
    pub target: Option<Target>,
}

impl Db {
    /// How many of these wait, are active, and wait for their next attempt.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_counts(&self, of: &OpenOf) -> Result<(u64, u64, u64)> {
        let project = of.project.as_ref().map_or("", ProjectName::as_str);
        let pipeline = of.pipeline.as_ref().map_or("", PipelineName::as_str);
        let target = of.target.as_ref().map_or("", Target::as_str);
        let sql = "SELECT state, COUNT(*) FROM runs WHERE state IN ('queued', 'starting', 'running', 'retrying') \
                   AND (project = $1 OR $1 = '') AND (pipeline = $2 OR $2 = '') AND (target = $3 OR $3 = '') \
                   GROUP BY state";
        let rows: Vec<(String, i64)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project).bind(pipeline).bind(target).fetch_all(pool).await?);
        let count = |wanted: &[RunState]| {
            let its = rows.iter().filter(|(state, _)| wanted.iter().any(|wanted| wanted.as_str() == state));
            its.map(|(_, count)| unsigned(*count)).sum()
        };
        let active = count(&[RunState::Starting, RunState::Running]);
        Ok((count(&[RunState::Queued]), active, count(&[RunState::Retrying])))
    }
}

/// A run that has not ended, without what only its executor needs.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// Its id.
    pub id: RunId,
    /// Project.
    pub project: ProjectName,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// The captured code, and the part of its spec that it goes by.
    pub part: VersionPart,
    /// The flow that it is a step of.
    pub parent: Option<RunId>,
    /// Higher starts first.
    pub priority: i32,
    /// Where it executes.
    pub target: Target,
    /// What started it.
    pub trigger: Trigger,
    /// Its key of `concurrency`.
    pub key: Option<RunKey>,
    /// Where it is.
    pub status: RunStatus,
}

#[derive(FromRow)]
struct OpenRow {
    id: String,
    project: String,
    pipeline: String,
    version: String,
    parent: Option<String>,
    /// Of those that go by a part of their spec.
    part_env: Option<String>,
    priority: i64,
    target: String,
    trigger_kind: String,
    trigger_by: String,
    #[sqlx(flatten)]
    status: StatusRow,
}

impl TryFrom<OpenRow> for OpenRun {
    type Error = Error;

    fn try_from(row: OpenRow) -> Result<Self> {
        let damaged = |why: String| Error::Damaged { what: format!("run {}", row.id), why };
        let id: RunId = row.id.parse().map_err(|e| damaged(format!("{e}")))?;
        let status = row.status.read(&row.id)?;
        let priority = i32::try_from(row.priority).unwrap_or(0);
        let (pipeline, target) = (PipelineName::unchecked(row.pipeline), Target::as_stored(&row.target));
        let version = row.version.parse().map_err(|e| damaged(format!("{e}")))?;
        let parent = row.parent.map(|id| id.parse()).transpose().map_err(|e| damaged(format!("{e}")))?;
        let env: BTreeMap<String, String> = match &row.part_env {
            Some(env) => from_json("a run's environment variables", env)?,
            None => BTreeMap::new(),
        };
        let part = VersionPart { version, part: SpecPart::of(&env) };
        let key = env.get(RunKey::VARIABLE).and_then(|text| RunKey::parse(text));
        let project = ProjectName::unchecked(row.project);
        let kind = TriggerKind::parse(&row.trigger_kind);
        let kind = kind.ok_or_else(|| damaged(format!("its trigger is `{}`", row.trigger_kind)))?;
        let trigger = Trigger { kind, by: Actor::named(row.trigger_by) };
        Ok(Self { id, project, pipeline, part, parent, priority, target, trigger, key, status })
    }
}
