//! What Rigi remembers: SQL tables behind one group-committing writer, files by content, and logs.
//!
//! Reads go straight to the database ([`Store::db`]); every write goes through [`Store`] to the one task that writes,
//! so that many share a commit and SQLite never says "database is locked".
#![forbid(unsafe_code)]

pub mod backup;
pub mod blobs;
mod bucket;
pub mod db;
mod durable;
mod error;
pub mod inspect;
mod lock;
pub mod logs;
pub mod migrate;
mod origin;
mod postgres;
mod reach;
pub mod retention;
mod rows;
pub mod seal;
mod storage;
pub mod tables;
mod wal;
mod work;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rigi_model::{ProjectName, Timestamp, UploadId};
use tokio::sync::{broadcast, oneshot};

pub use blobs::{BlobReader, BlobWriter, Blobs, Part, Removal, Stored};
pub use bucket::addresses::Address;
pub use bucket::check::{Looked, Problem, check as check_storage};
pub use bucket::credentials::RunAccess;
pub use db::{Db, DbConfig};
pub use error::{Error, Result, may_pass};
pub use lock::{FilesLock, FolderLock};
pub use migrate::MigrationStatus;
pub use origin::Renew;
pub use postgres::Server as PostgresServer;
pub use storage::{BucketConfig, BucketKind, Hidden, Storage, StorageUrl};
pub use tables::events::Told;
pub use tables::runs::{EndedAttempt, ListedRun, NewRun, Run, RunChange, RunInput, StepOf};
pub use tables::runs_list::RunPage;
pub use tables::runs_open::OpenRun;
pub use writer::{Accepted, Commit, IdempotencyKey, Pace};

use blobs::areas::Areas;
use origin::{Age, Past};
use tables::uploads::Upload;
use tables::versions::Version;
use write::Write;
use writer::Writer;

/// Everything that is remembered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    writer: Writer,
    areas: Areas,
    data: PathBuf,
    sealer: seal::Sealer,
}

/// What to do with a schema that is not the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Bring it up to date.
    Up,
    /// Bring it to this number, up or down.
    To(i64),
}

impl Store {
    /// Opens the database and the data folder; the schema is brought up to date.
    ///
    /// # Errors
    /// If the database does not answer, is damaged, or was written by a newer version.
    pub async fn open(config: &DbConfig, data: &Path) -> Result<Self> {
        Self::open_at(config, data, &Storage::Data, Renew::default()).await
    }

    /// The same, with stored files in another place, and with what may be begun anew.
    ///
    /// # Errors
    /// As [`Self::open`]. A bucket that does not answer is none: it is waited for when it is needed.
    pub async fn open_at(config: &DbConfig, data: &Path, storage: &Storage, renew: Renew) -> Result<Self> {
        if backup::unfinished(data) {
            return Err(Error::Damaged {
                what: format!("the data folder {}", data.display()),
                why: "a restore of a backup into it was begun and not finished; run it again".into(),
            });
        }
        let areas = Areas::open(data, storage)?;
        let past = Past::read(data, areas.first().root())?;
        past.expect_file(config, renew)?;
        past.expect_key(data, renew)?;
        let db = Db::open(config).await?;
        let age = if db.schema().await? == 0 { Age::New } else { Age::Old };
        if age == Age::New {
            past.lost_database(renew)?;
        }
        db.migrate(migrate::newest()).await?;
        let origin = db.settle_origin(age, &past).await?;
        let sealer = seal::Sealer::open(data)?;
        past.settle(&origin, renew)?;
        let writer = Writer::start(db.clone(), config)?;
        Ok(Self { db, writer, areas, data: data.to_owned(), sealer })
    }

    /// Opens the database only to change or show its schema.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn migrate(config: &DbConfig, change: Option<Migrate>) -> Result<Vec<MigrationStatus>> {
        let db = Db::open(config).await?;
        let result = match change {
            None => db.migrations().await,
            Some(Migrate::Up) => db.migrate(migrate::newest()).await,
            Some(Migrate::To(number)) => db.migrate(number).await,
        };
        db.close().await;
        result
    }

    /// For reading.
    #[must_use]
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// A project's files by content.
    #[must_use]
    pub fn blobs(&self, project: &ProjectName) -> Blobs {
        self.areas.of(project)
    }

    /// Where files lie, for what is the same for all projects.
    #[must_use]
    pub const fn storage(&self) -> &Blobs {
        self.areas.first()
    }

    /// Seals secrets.
    #[must_use]
    pub const fn sealer(&self) -> &seal::Sealer {
        &self.sealer
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Everything that is committed from now on.
    #[must_use]
    pub fn commits(&self) -> broadcast::Receiver<Commit> {
        self.writer.commits()
    }

    /// Resolves when another server has taken the database while this one was cut off from it: this one writes no more.
    pub async fn taken(&self) -> Error {
        self.writer.taken().await;
        self.db.in_use()
    }

    /// Accepts runs, all or none; answers when they are durable.
    ///
    /// # Errors
    /// If they cannot be written now; then none is accepted.
    pub async fn submit<R: Into<Arc<NewRun>>>(
        &self,
        runs: Vec<R>,
        key: Option<IdempotencyKey>,
    ) -> Result<Accepted> {
        self.writer.submit(runs.into_iter().map(Into::into).collect(), key).await
    }

    /// Hands over changes of runs. They are written in order, however long that takes; the receiver resolves when they
    /// are durable.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn change(&self, changes: Vec<RunChange>, pace: Pace) -> Result<oneshot::Receiver<()>> {
        self.writer.change(changes, pace).await
    }

    /// Makes a project; one that is there stays as it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add_project(&self, project: &ProjectName, now: Timestamp) -> Result<()> {
        if self.db.projects().await?.contains(project) {
            return Ok(());
        }
        self.write(tables::projects::add(project, now)).await
    }

    /// Remembers captured code.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add_version(&self, project: &ProjectName, version: Version, now: Timestamp) -> Result<()> {
        if self.db.has_version(project, version.hash).await? {
            return Ok(());
        }
        self.write(tables::versions::add(project, &version, now)).await
    }

    /// Remembers an uploaded file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add_upload(
        &self,
        project: &ProjectName,
        name: &str,
        stored: &Stored,
        now: Timestamp,
    ) -> Result<UploadId> {
        let id = UploadId::generate();
        let size = tables::runs::signed(stored.size);
        let upload = Upload { id: id.clone(), name: name.to_owned(), size, sha256: stored.sha256 };
        self.write(tables::uploads::add(project, &upload, now)).await?;
        Ok(id)
    }

    pub(crate) async fn write(&self, write: Write) -> Result<()> {
        self.writer.write(write).await
    }
}
