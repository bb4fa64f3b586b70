//! Uploaded files, until runs take them.

use rigi_model::{ContentHash, ProjectName, Timestamp, UploadId};

use crate::db::{Db, Tx, on_db, on_tx, parsed};
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

pub(crate) async fn insert(
    tx: &mut Tx,
    project: &ProjectName,
    upload: &Upload,
    now: Timestamp,
) -> Result<()> {
    let sql =
        "INSERT INTO uploads (id, project, name, size, sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    on_tx!(tx, c, D => {
        sqlx::query(sql).bind(upload.id.as_str()).bind(project.as_str()).bind(&upload.name).bind(upload.size).bind(upload.sha256.to_string())
            .bind(now.0).execute(c).await?;
    });
    Ok(())
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
