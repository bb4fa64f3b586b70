//! Who uses what of a project.

use rigi_model::ProjectName;
use sqlx::AssertSqlSafe;

use super::run_status::unsigned;
use crate::Result;
use crate::db::{Db, on_db};

impl Db {
    /// Who has started runs that have not ended, with how many wait and how many do not: those with the most.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_runs_by_person(&self, project: &ProjectName) -> Result<Vec<(String, u64, u64)>> {
        // A flow takes no place, and its steps do; runs and steps have an index each.
        let of = |parent: &str| {
            format!(
                "SELECT trigger_by, state FROM runs WHERE project = $1 AND parent {parent} AND target <> 'flow' \
                 AND state IN ('queued', 'starting', 'running', 'retrying')"
            )
        };
        let sql = format!(
            "SELECT trigger_by, CAST(SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END) AS BIGINT), \
             CAST(SUM(CASE WHEN state = 'queued' THEN 0 ELSE 1 END) AS BIGINT) FROM ({} UNION ALL {}) AS open \
             GROUP BY trigger_by ORDER BY COUNT(*) DESC, trigger_by LIMIT 100",
            of("IS NULL"),
            of("IS NOT NULL")
        );
        let rows: Vec<(String, i64, i64)> = on_db!(self, pool => sqlx::query_as(AssertSqlSafe(sql)).bind(project.as_str()).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(by, waiting, others)| (by, unsigned(waiting), unsigned(others))).collect())
    }

    /// Runs and bytes that are kept of each pipeline: those with the most bytes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn stored_by_pipeline(&self, project: &ProjectName) -> Result<Vec<(String, u64, u64)>> {
        let sql = "SELECT pipeline, COUNT(*), CAST(SUM(stored_bytes) AS BIGINT) FROM runs WHERE project = $1 \
                   GROUP BY pipeline ORDER BY 3 DESC, pipeline LIMIT 100";
        let rows: Vec<(String, i64, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(name, runs, bytes)| (name, unsigned(runs), unsigned(bytes))).collect())
    }

    /// Bytes of the files and logs that a project has stored.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn stored_bytes(&self, project: &ProjectName) -> Result<u64> {
        let sql = "SELECT CAST(COALESCE((SELECT SUM(stored_bytes) FROM runs WHERE project = $1), 0) \
                   + COALESCE((SELECT SUM(size) FROM uploads WHERE project = $1), 0) \
                   + COALESCE((SELECT SUM(own_bytes) FROM dataset_versions WHERE project = $1), 0) AS BIGINT)";
        let bytes: i64 =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).fetch_one(pool).await?);
        Ok(unsigned(bytes))
    }
}
