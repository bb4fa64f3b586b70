//! Runs of steps whose success may count again.

use std::collections::BTreeMap;

use rigi_model::{PipelineName, ProjectName, RunId};

use crate::db::{Db, from_json, on_db, parsed};
use crate::rows::BindKind::Text;
use crate::rows::Statement;
use crate::write::Write;
use crate::{Result, Store};

/// A run of a step, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedStep {
    /// The run.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// Its step.
    pub step: String,
    /// All parts together.
    pub key: String,
    /// Each part by name, as a hash or as a short text.
    pub parts: BTreeMap<String, String>,
}

static ADD: Statement = Statement::insert(
    "step_cache",
    &[("run", Text), ("project", Text), ("pipeline", Text), ("step", Text), ("key", Text), ("parts", Text)],
    "ON CONFLICT (run) DO NOTHING",
);

/// Run, pipeline, step, key, parts.
type Row = (String, String, String, String, String);

fn read((run, pipeline, step, key, parts): Row) -> Result<CachedStep> {
    let parts = from_json("the parts of a cached step", &parts)?;
    Ok(CachedStep {
        run: parsed("a run's id", &run)?,
        pipeline: PipelineName::unchecked(pipeline),
        step,
        key,
        parts,
    })
}

impl Db {
    /// The newest run with this key that has succeeded.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn cached_step(&self, project: &ProjectName, key: &str) -> Result<Option<RunId>> {
        let sql = "SELECT c.run FROM step_cache c JOIN runs r ON r.id = c.run WHERE c.project = $1 AND c.key = $2 \
                   AND r.state = 'succeeded' ORDER BY c.run DESC LIMIT 1";
        let run: Option<String> = on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).bind(key).fetch_optional(pool).await?);
        run.map(|run| parsed("a run's id", &run)).transpose()
    }

    /// What a run was made of; `None`: its success does not count again.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn made_of(&self, run: &RunId) -> Result<Option<CachedStep>> {
        let sql = "SELECT run, pipeline, step, key, parts FROM step_cache WHERE run = $1";
        let row: Option<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).fetch_optional(pool).await?);
        row.map(read).transpose()
    }

    /// Those of the same step that succeeded before, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn made_before(
        &self,
        project: &ProjectName,
        than: &CachedStep,
        limit: u32,
    ) -> Result<Vec<CachedStep>> {
        let sql = "SELECT c.run, c.pipeline, c.step, c.key, c.parts FROM step_cache c JOIN runs r ON r.id = c.run \
                   WHERE c.project = $1 AND c.pipeline = $2 AND c.step = $3 AND c.run < $4 AND r.state = 'succeeded' \
                   ORDER BY c.run DESC LIMIT $5";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).bind(than.pipeline.as_str())
            .bind(&than.step).bind(than.run.as_str()).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// Writes down what runs are made of.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_made_of(&self, project: &ProjectName, all: &[CachedStep]) -> Result<()> {
        let mut write = Write::removal();
        for CachedStep { run, pipeline, step, key, parts } in all {
            let parts = serde_json::to_string(parts).unwrap_or_default();
            write.rows.add(
                &ADD,
                [
                    run.to_string().into(),
                    project.to_string().into(),
                    pipeline.to_string().into(),
                    step.clone().into(),
                    key.clone().into(),
                    parts.into(),
                ],
            );
        }
        self.write(write).await
    }
}
