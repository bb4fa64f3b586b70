//! What may go: ended runs beyond what is kept, and everything that nothing refers to any more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rigi_model::{RunId, Timestamp};
use sqlx::QueryBuilder;

use crate::db::{Db, on_db, on_tx};
use crate::tables::runs::unsigned;
use crate::{Error, Result, Store};

/// What is kept of ended runs. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many.
    pub runs: Option<u64>,
    /// Those that ended within this time.
    pub age: Option<Duration>,
    /// The newest whose files and logs fit into so many bytes.
    pub bytes: Option<u64>,
}

/// What was made before these times may go, if nothing refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Captured code.
    pub versions: Timestamp,
    /// Uploaded files; runs that took one keep its content.
    pub uploads: Timestamp,
    /// Keys that make requests safe to repeat.
    pub keys: Timestamp,
}

/// An ended run, as far as keeping it depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub id: RunId,
    /// When.
    pub at: Timestamp,
    /// What is stored of it.
    pub bytes: u64,
}

/// Those of the ended runs (newest first) that `keep` does not cover, oldest first.
pub fn beyond(keep: &Keep, now: Timestamp, runs: impl IntoIterator<Item = Ended>) -> Vec<RunId> {
    let mut bytes = 0u64;
    let mut beyond = Vec::new();
    for (index, run) in runs.into_iter().enumerate() {
        bytes = bytes.saturating_add(run.bytes);
        let too_many = keep.runs.is_some_and(|limit| index as u64 >= limit);
        let too_old = keep.age.is_some_and(|age| now.since(run.at) > age);
        let too_large = keep.bytes.is_some_and(|limit| bytes > limit) && index > 0;
        if too_many || too_old || too_large {
            beyond.push(run.id);
        }
    }
    beyond.reverse();
    beyond
}

/// Runs removed in one transaction: short enough to keep nobody waiting.
const RUNS_PER_STEP: usize = 500;

impl Db {
    /// Every pipeline that has runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pipelines_with_runs(&self, project: &str) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT pipeline FROM runs WHERE project = $1 ORDER BY pipeline";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).bind(project).fetch_all(pool).await?))
    }

    /// Ended runs of a pipeline (or of all) that `keep` does not cover, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn removable_runs(
        &self,
        project: &str,
        pipeline: Option<&str>,
        keep: &Keep,
        now: Timestamp,
    ) -> Result<Vec<RunId>> {
        type Row = (String, i64, i64);
        let sql = "SELECT id, ended_at, stored_bytes FROM runs WHERE project = $1 AND ended_at IS NOT NULL \
                   AND (CAST($2 AS TEXT) IS NULL OR pipeline = $2) ORDER BY id DESC";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project).bind(pipeline).fetch_all(pool).await?);
        let ended = |(id, at, bytes): Row| {
            Some(Ended { id: id.parse().ok()?, at: Timestamp(at), bytes: unsigned(bytes) })
        };
        Ok(beyond(keep, now, rows.into_iter().filter_map(ended)))
    }

    /// Content hashes that something refers to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn referenced_content(&self) -> Result<HashSet<String>> {
        let sql = "SELECT sha256 FROM artifacts UNION SELECT sha256 FROM uploads UNION SELECT sha256 FROM run_inputs";
        let mut found: HashSet<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?).into_iter().collect();
        let files: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar("SELECT files FROM versions").fetch_all(pool).await?);
        for text in files {
            let files: Vec<crate::tables::versions::VersionFile> =
                crate::db::from_json("a version's files", &text)?;
            found.extend(files.into_iter().map(|file| file.sha256));
        }
        Ok(found)
    }

    /// Hashes of all stored versions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn versions(&self) -> Result<HashSet<String>> {
        let found: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar("SELECT hash FROM versions").fetch_all(pool).await?);
        Ok(found.into_iter().collect())
    }

    /// Log objects that something refers to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn referenced_logs(&self) -> Result<HashSet<String>> {
        let sql = "SELECT log_object FROM attempts WHERE log_object IS NOT NULL";
        let found: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?);
        Ok(found.into_iter().collect())
    }

    /// Environments that a stored run used.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn referenced_environments(&self) -> Result<HashSet<String>> {
        let sql = "SELECT DISTINCT environment FROM runs WHERE environment IS NOT NULL";
        let found: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?);
        let parse = |text: String| {
            crate::db::from_json::<rigi_model::run::EnvironmentUse>("a run's environment", &text)
                .map(|e| e.id)
        };
        found.into_iter().map(parse).collect()
    }
}

impl Store {
    /// Removes ended runs with their attempts, events and artifact rows. Runs that have not ended are left alone,
    /// whoever names them.
    ///
    /// # Errors
    /// If the database cannot be written; what was removed before stays removed.
    pub async fn remove_runs(&self, runs: &[RunId]) -> Result<u64> {
        let removed = Arc::new(AtomicU64::new(0));
        for chunk in runs.chunks(RUNS_PER_STEP) {
            let count = removed.clone();
            let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
            self.write(move |tx| {
                Box::pin(async move {
                    on_tx!(tx, c, D => {
                        let mut sql = QueryBuilder::<D>::new("DELETE FROM runs WHERE ended_at IS NOT NULL AND id IN (");
                        let mut list = sql.separated(", ");
                        for id in &ids {
                            list.push_bind(id.as_str());
                        }
                        sql.push(")");
                        count.fetch_add(sql.build().execute(c).await?.rows_affected(), Ordering::Relaxed);
                    });
                    Ok(())
                })
            }).await?;
        }
        Ok(removed.load(Ordering::Relaxed))
    }

    /// Removes rows that nothing refers to any more, and those that are old enough.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn remove_unreferenced(&self, before: &Before) -> Result<()> {
        let statements = [
            (
                "DELETE FROM versions WHERE created_at < $1 AND NOT EXISTS \
                 (SELECT 1 FROM runs r WHERE r.project = versions.project AND r.version = versions.hash)",
                before.versions,
            ),
            ("DELETE FROM uploads WHERE created_at < $1", before.uploads),
            ("DELETE FROM idempotency WHERE created_at < $1", before.keys),
        ];
        for (sql, time) in statements {
            self.write(move |tx| {
                Box::pin(async move {
                    on_tx!(tx, c, D => {
                        sqlx::query(sql).bind(time.0).execute(c).await.map_err(Error::from)?;
                    });
                    Ok(())
                })
            })
            .await?;
        }
        Ok(())
    }
}
