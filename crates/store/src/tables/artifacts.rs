//! Files that runs left, by content.

use rigi_model::RunId;
use sqlx::FromRow;

use super::runs::signed;
use crate::Result;
use crate::db::{Db, on_db};
use crate::rows::Kind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A file that a run left.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Artifact {
    /// Path below the run's outputs, with `/`.
    pub path: String,
    /// The declared output it belongs to.
    pub output: Option<String>,
    /// Attempt that wrote it.
    pub attempt: i64,
    /// Bytes.
    pub size: i64,
    /// Content.
    pub sha256: String,
}

/// A later attempt replaces what an earlier one left under the same name.
static INSERT: Statement = Statement::insert(
    "artifacts",
    &[("run", Text), ("path", Text), ("output", Text), ("attempt", Int), ("size", Int), ("sha256", Text)],
    "ON CONFLICT (run, path) DO UPDATE SET output = excluded.output, attempt = excluded.attempt, \
     size = excluded.size, sha256 = excluded.sha256",
);

/// A file that a run left.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, run: &'a RunId, file: &'a Artifact) {
    rows.add(
        &INSERT,
        [
            run.as_str().into(),
            file.path.as_str().into(),
            file.output.as_deref().into(),
            file.attempt.into(),
            file.size.into(),
            file.sha256.as_str().into(),
        ],
    );
}

impl Db {
    /// The files of a run, by path, after `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn artifacts(&self, run: &RunId, after: &str, limit: u32) -> Result<Vec<Artifact>> {
        let sql = "SELECT path, output, attempt, size, sha256 FROM artifacts \
                   WHERE run = $1 AND path > $2 ORDER BY path LIMIT $3";
        Ok(on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(after).bind(i64::from(limit)).fetch_all(pool).await?))
    }

    /// One file of a run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn artifact(&self, run: &RunId, path: &str) -> Result<Option<Artifact>> {
        let sql = "SELECT path, output, attempt, size, sha256 FROM artifacts WHERE run = $1 AND path = $2";
        Ok(
            on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).bind(path).fetch_optional(pool).await?),
        )
    }
}

impl Artifact {
    /// A file as the engine found it.
    #[must_use]
    pub fn new(path: String, output: Option<String>, attempt: u32, size: u64, sha256: String) -> Self {
        Self { path, output, attempt: i64::from(attempt), size: signed(size), sha256 }
    }
}
