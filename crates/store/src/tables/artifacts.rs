//! Files that runs left, by content.

use rigi_model::{ContentHash, ProjectName, RunId};

use super::runs::signed;
use crate::Result;
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A file that a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub sha256: ContentHash,
}

/// Path, output, attempt, bytes, content.
type ArtifactRow = (String, Option<String>, i64, i64, String);

fn read((path, output, attempt, size, sha256): ArtifactRow) -> Result<Artifact> {
    let sha256 = parsed("a file's hash", &sha256)?;
    Ok(Artifact { path, output, attempt, size, sha256 })
}

/// A later attempt replaces what an earlier one left under the same name.
static INSERT: Statement = Statement::insert(
    "artifacts",
    &[
        ("project", Text),
        ("run", Text),
        ("path", Text),
        ("output", Text),
        ("attempt", Int),
        ("size", Int),
        ("sha256", Text),
    ],
    "ON CONFLICT (run, path) DO UPDATE SET output = excluded.output, attempt = excluded.attempt, \
     size = excluded.size, sha256 = excluded.sha256",
);

/// A file that a run left.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, project: &'a ProjectName, run: &'a RunId, file: &'a Artifact) {
    rows.add(
        &INSERT,
        [
            project.as_str().into(),
            run.as_str().into(),
            file.path.as_str().into(),
            file.output.as_deref().into(),
            file.attempt.into(),
            file.size.into(),
            file.sha256.to_string().into(),
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
        let rows: Vec<ArtifactRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(after).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(read).collect()
    }

    /// One file of a run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn artifact(&self, run: &RunId, path: &str) -> Result<Option<Artifact>> {
        let sql = "SELECT path, output, attempt, size, sha256 FROM artifacts WHERE run = $1 AND path = $2";
        let row: Option<ArtifactRow> = on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).bind(path).fetch_optional(pool).await?);
        row.map(read).transpose()
    }
}

impl Artifact {
    /// A file as the engine found it.
    #[must_use]
    pub fn new(path: String, output: Option<String>, attempt: u32, size: u64, sha256: ContentHash) -> Self {
        Self { path, output, attempt: i64::from(attempt), size: signed(size), sha256 }
    }
}
