//! Uploaded files, until runs take them.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ContentHash, ProjectName, Timestamp, UploadId};

use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result};

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Content.
    pub sha256: ContentHash,
}

static INSERT: Statement = Statement::insert(
    "uploads",
    &[("id", Text), ("project", Text), ("name", Text), ("size", Int), ("sha256", Text), ("created_at", Int)],
    "",
);

/// A new upload.
pub(crate) fn add(project: &ProjectName, upload: &Upload, now: Timestamp) -> Write {
    let id = upload.id.as_str();
    let mut write = Write::telling(project, Subject::Upload, id, SubjectEvent::CREATED, now);
    write.rows.add(
        &INSERT,
        [
            id.to_owned().into(),
            project.as_str().to_owned().into(),
            upload.name.clone().into(),
            upload.size.into(),
            upload.sha256.to_string().into(),
            now.0.into(),
        ],
    );
    write
}

impl Db {
    /// One upload of a project.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn upload(&self, project: &ProjectName, id: &UploadId) -> Result<Upload> {
        let sql = "SELECT name, size, sha256 FROM uploads WHERE id = $1 AND project = $2";
        let row: Option<(String, i64, String)> = on_db!(self, pool => sqlx::query_as(sql).bind(id.as_str()).bind(project.as_str()).fetch_optional(pool).await?);
        let missing = || Error::NotFound { what: "upload", id: id.to_string() };
        let (name, size, sha256) = row.ok_or_else(missing)?;
        Ok(Upload { id: id.clone(), name, size, sha256: parsed("an upload's hash", &sha256)? })
    }
}
