//! Captured code: what a run ran, file by file.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::{ContentHash, PipelineName, ProjectName, Timestamp, VersionHash};
use serde::{Deserialize, Serialize};

use super::runs::signed;
use crate::db::{Db, from_json, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result};

/// A captured folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Hash of the content.
    pub hash: VersionHash,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// The spec with its defaults.
    pub spec: PipelineSpec,
    /// Its files.
    pub files: Vec<VersionFile>,
    /// Git facts, if the folder was in a repository.
    pub git: Option<GitFacts>,
}

/// A file of a captured folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFile {
    /// Path below the folder, with `/`.
    pub path: String,
    /// May be executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// Bytes.
    pub size: u64,
    /// Content.
    pub sha256: ContentHash,
}

/// Where code came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitFacts {
    /// Commit id.
    pub commit: String,
    /// Branch, if one was checked out.
    pub branch: Option<String>,
    /// The folder had changes that were not committed.
    pub dirty: bool,
    /// The repository of the project that it was taken from, if it came by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

static INSERT: Statement = Statement::insert(
    "versions",
    &[
        ("project", Text),
        ("hash", Text),
        ("pipeline", Text),
        ("created_at", Int),
        ("spec", Text),
        ("files", Text),
        ("bytes", Int),
        ("git", Text),
    ],
    "ON CONFLICT (project, hash) DO UPDATE SET created_at = excluded.created_at",
);

/// A version that is there from now on.
pub(crate) fn add(project: &ProjectName, version: &Version, now: Timestamp) -> Write {
    let mut write = touch(project, version, now);
    write.tell(project, Subject::Version, &version.hash.to_string(), SubjectEvent::CREATED, now);
    write
}

/// A version that is there, and was captured again.
pub(crate) fn touch(project: &ProjectName, version: &Version, now: Timestamp) -> Write {
    let json = |value: Result<String, serde_json::Error>| value.expect("a spec serialises");
    let hash = version.hash.to_string();
    let bytes = version.files.iter().map(|f| f.size).sum();
    let mut write = Write::default();
    write.rows.add(
        &INSERT,
        [
            project.as_str().to_owned().into(),
            hash.into(),
            version.pipeline.as_str().to_owned().into(),
            now.0.into(),
            json(serde_json::to_string(&version.spec)).into(),
            json(serde_json::to_string(&version.files)).into(),
            signed(bytes).into(),
            version.git.as_ref().map(|git| json(serde_json::to_string(git))).into(),
        ],
    );
    write
}

impl Db {
    /// Whether a version is stored.
    pub(crate) async fn has_version(&self, project: &ProjectName, hash: VersionHash) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM versions WHERE project = $1 AND hash = $2";
        let found: i64 = on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).bind(hash.to_string()).fetch_one(pool).await?);
        Ok(found > 0)
    }

    /// One captured version.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this hash.
    pub async fn version(&self, project: &ProjectName, hash: VersionHash) -> Result<Version> {
        type Row = (String, String, String, Option<String>);
        let sql = "SELECT pipeline, spec, files, git FROM versions WHERE project = $1 AND hash = $2";
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).bind(hash.to_string()).fetch_optional(pool).await?);
        let missing = || Error::NotFound { what: "version", id: hash.to_string() };
        let (pipeline, spec, files, git) = row.ok_or_else(missing)?;
        let git = git.map(|text| from_json("a version's git facts", &text)).transpose()?;
        let (spec, files) = (from_json("a version's spec", &spec)?, from_json("a version's files", &files)?);
        let pipeline = PipelineName::unchecked(pipeline);
        Ok(Version { hash, pipeline, spec, files, git })
    }
}
