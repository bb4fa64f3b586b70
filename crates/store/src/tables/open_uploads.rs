//! Uploads that come in pieces, until they end: as many bytes of each as are known to last. When all are there, it becomes an
//! [upload](super::uploads) of the same id, and its row stays for whoever has not heard of it yet.

use std::collections::HashSet;

use rigi_model::{ContentHash, PersonId, ProjectName, Timestamp, UploadId};
use sqlx::FromRow;

use super::run_status::unsigned;
use super::runs::signed;
use super::uploads::{self, Upload};
use crate::blobs::Stored;
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// Its id, and that of what it becomes.
    pub id: UploadId,
    /// Of which project.
    pub project: ProjectName,
    /// Whose it is, where people have accounts: nobody else sees it.
    pub person: Option<PersonId>,
    /// What the file is called.
    pub name: String,
    /// What whoever sends it said of it, as tus has it.
    pub metadata: String,
    /// Empty, `partial`, or `final;` and of what: as tus has it.
    pub concat: String,
    /// Bytes that it will have.
    pub length: u64,
    /// Bytes that are here, and last.
    pub held: u64,
    /// The hash, from when all are here.
    pub content: Option<ContentHash>,
    /// It is stored, as an upload of the same id.
    pub stored: bool,
    /// When it began.
    pub began_at: Timestamp,
    /// When it is forgotten.
    pub until: Timestamp,
}

impl OpenUpload {
    /// It becomes no file of its own.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.concat == "partial"
    }

    /// All bytes are here, and it is not stored yet.
    #[must_use]
    pub fn is_to_be_stored(&self) -> bool {
        self.held == self.length && !self.stored && !self.is_part()
    }
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    person: Option<String>,
    name: String,
    metadata: String,
    concat: String,
    length: i64,
    held: i64,
    content: Option<String>,
    stored: i64,
    began_at: i64,
    until: i64,
}

impl TryFrom<Row> for OpenUpload {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let what = "an open upload";
        Ok(Self {
            id: parsed(what, &row.id)?,
            project: ProjectName::unchecked(row.project),
            person: row.person.map(|person| parsed(what, &person)).transpose()?,
            name: row.name,
            metadata: row.metadata,
            concat: row.concat,
            length: unsigned(row.length),
            held: unsigned(row.held),
            content: row.content.map(|hash| parsed(what, &hash)).transpose()?,
            stored: row.stored != 0,
            began_at: Timestamp(row.began_at),
            until: Timestamp(row.until),
        })
    }
}

static INSERT: Statement = Statement::insert(
    "open_uploads",
    &[
        ("id", Text),
        ("project", Text),
        ("person", Text),
        ("name", Text),
        ("metadata", Text),
        ("concat", Text),
        ("length", Int),
        ("held", Int),
        ("stored", Int),
        ("began_at", Int),
        ("until", Int),
    ],
    "",
);
static HOLD: Statement =
    Statement::update("open_uploads", &[("id", Text), ("held", Int), ("until", Int)], "stored = 0");
static KNOW: Statement = Statement::update("open_uploads", &[("id", Text), ("content", Text)], "stored = 0");
static STORED: Statement = Statement::update("open_uploads", &[("id", Text), ("stored", Int)], "stored = 0");
static REMOVE: Statement = Statement::delete("open_uploads", &[("id", Text)], "open_uploads.id = v.id");
static EXPIRE: Statement = Statement::delete("open_uploads", &[("now", Int)], "open_uploads.until <= v.now");

const COLUMNS: &str = "SELECT id, project, person, name, metadata, concat, length, held, content, stored, began_at, until \
                       FROM open_uploads";

impl Db {
    /// An open upload of a project; `None`: there is none of this id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_upload(&self, project: &ProjectName, id: &UploadId) -> Result<Option<OpenUpload>> {
        let sql = format!("{COLUMNS} WHERE id = $1 AND project = $2");
        let row: Option<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(project.as_str()).fetch_optional(pool).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Those of a project that have not become uploads, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_uploads(&self, project: &ProjectName) -> Result<Vec<OpenUpload>> {
        let sql = format!("{COLUMNS} WHERE project = $1 AND stored = 0 ORDER BY id DESC");
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.as_str()).fetch_all(pool).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The ids of all of them, of all projects.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_upload_ids(&self) -> Result<HashSet<UploadId>> {
        let sql = "SELECT id FROM open_uploads WHERE stored = 0";
        let ids: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?);
        ids.iter().map(|id| parsed("an open upload", id)).collect()
    }
}

impl Store {
    /// Begins one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn begin_upload(&self, upload: &OpenUpload) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(
            &INSERT,
            [
                upload.id.to_string().into(),
                upload.project.to_string().into(),
                upload.person.as_ref().map(ToString::to_string).into(),
                upload.name.clone().into(),
                upload.metadata.clone().into(),
                upload.concat.clone().into(),
                signed(upload.length).into(),
                signed(upload.held).into(),
                i64::from(upload.stored).into(),
                upload.began_at.0.into(),
                upload.until.0.into(),
            ],
        );
        self.write(write).await
    }

    /// So many bytes of one are here and last; it is forgotten at another time.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn hold_upload(&self, id: &UploadId, held: u64, until: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&HOLD, [id.to_string().into(), signed(held).into(), until.0.into()]);
        self.write(write).await
    }

    /// The hash of one whose bytes are all here: said before they are moved to where it leads.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn know_upload(&self, id: &UploadId, content: &ContentHash) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&KNOW, [id.to_string().into(), content.to_string().into()]);
        self.write(write).await
    }

    /// One is stored: it is an upload from now on, and the parts that it was made of are no more.
    ///
    /// # Errors
    /// If it cannot be written, or another has done it.
    pub async fn end_upload(
        &self,
        open: &OpenUpload,
        stored: &Stored,
        parts: &[UploadId],
        now: Timestamp,
    ) -> Result<()> {
        let (id, name) = (open.id.clone(), open.name.clone());
        let upload = Upload { id, name, size: signed(stored.size), sha256: stored.sha256 };
        let mut write = uploads::add(&open.project, &upload, now);
        write.alone = true;
        write.rows.add(&STORED, [open.id.to_string().into(), 1.into()]);
        for part in parts {
            write.rows.add(&REMOVE, [part.to_string().into()]);
        }
        self.write(write).await
    }

    /// Forgets one. What it has become stays.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_upload(&self, id: &UploadId) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&REMOVE, [id.to_string().into()]);
        self.write(write).await
    }

    /// Forgets those whose time is over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_old_uploads(&self, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&EXPIRE, [now.0.into()]);
        self.write(write).await
    }
}
