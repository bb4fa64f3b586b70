//! What Rigi remembers: SQL tables behind one group-committing writer, files by content, and logs.
//!
//! Reads go straight to the database ([`Store::db`]); every write goes through [`Store`] to the one task that writes,
//! so that many share a commit and SQLite never says "database is locked".
#![forbid(unsafe_code)]

pub mod archive;
pub mod backup;
pub mod blobs;
mod brought;
mod bucket;
pub mod datasets;
pub mod db;
mod durable;
mod error;
pub mod flows;
mod foreign;
mod given_key;
mod heard;
pub mod inspect;
mod lock;
pub mod logs;
pub mod migrate;
pub mod notices;
mod occurrences;
mod origin;
pub mod packages;
pub mod people;
mod postgres;
mod projects;
mod reach;
pub mod references;
pub mod repositories;
pub mod retention;
mod rows;
pub mod seal;
pub mod seat;
pub mod secrets;
mod storage;
mod storage_keys;
pub mod tables;
pub mod triggers;
mod wal;
mod words;
mod work;
mod write;
mod writer;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{Actor, ProjectName, RunId, Timestamp, UploadId};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

pub use blobs::area;
pub use blobs::arriving::{Arriving, Hashed};
pub use blobs::{BlobKind, BlobReader, BlobWriter, Blobs, Removal, Stored};
pub use bucket::addresses::Address;
pub use bucket::check::{Looked, Problem, check as check_storage};
pub use bucket::credentials::RunAccess;
pub use db::{Db, DbConfig};
pub use error::{Error, Result, may_pass};
pub use foreign::{Foreign, ForeignRow};
pub use given_key::{GivenKey, read_key};
pub use heard::Heard;
pub use lock::{FilesLock, FolderLock};
pub use migrate::MigrationStatus;
pub use origin::Renew;
pub use postgres::Server as PostgresServer;
pub use storage::{BucketConfig, BucketKind, Hidden, OwnPlace, Storage, StorageUrl};
pub use storage_keys::StorageKey;
pub use tables::events::SubjectChange;
pub use tables::open_uploads::OpenUpload;
pub use tables::runs::{EndedAttempt, ListedRun, NewRun, Run, RunChange, RunInput, StepOf};
pub use tables::runs_brought::BroughtRun;
pub use tables::runs_list::RunPage;
pub use tables::runs_open::{OpenOf, OpenRun};
pub use tables::secrets::SecretFacts;
pub use writer::{Accepted, Commit, IdempotencyKey, Pace};

use blobs::areas::Areas;
use origin::{Age, Keyed, Past};
use tables::uploads::Upload;
use tables::versions::Version;
use write::Write;
use writer::Writer;

/// Everything that is remembered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    config: DbConfig,
    writer: Writer,
    areas: Areas,
    data: PathBuf,
    sealer: seal::Sealer,
    secrets: secrets::SecretCache,
    /// The operator keeps it, not the data folder.
    key_is_given: bool,
    /// Whether another server leads.
    follows: bool,
    /// What is heard of the one that leads.
    lead: watch::Sender<seat::Lead>,
    /// Where others reach this server.
    reached: Arc<OnceLock<seat::Reached>>,
    /// Told of each line of the audit log that this server writes.
    audited: Arc<Notify>,
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
        Self::open_at(config, data, &Storage::Data, Renew::default(), None).await
    }

    /// The same, with stored files in another place, with what may be begun anew, and with a key that is not in the data folder.
    ///
    /// # Errors
    /// As [`Self::open`]. A bucket that does not answer is none: it is waited for when it is needed.
    pub async fn open_at(
        config: &DbConfig,
        data: &Path,
        storage: &Storage,
        renew: Renew,
        key: Option<GivenKey>,
    ) -> Result<Self> {
        if backup::unfinished(data) {
            return Err(Error::Damaged {
                what: format!("the data folder {}", data.display()),
                why: "a restore of a backup into it was begun and not finished; run it again".into(),
            });
        }
        blobs::settled::settle(data, storage)?;
        let areas = Areas::open(data, storage)?;
        let past = Past::read(data, areas.first().root())?;
        past.expect_file(config, renew)?;
        if key.is_none() {
            past.expect_key(data, renew)?;
        }
        let db = Db::open(config).await?;
        let age = if db.schema().await? == 0 { Age::New } else { Age::Old };
        if age == Age::New {
            past.lost_database(renew)?;
        }
        db.migrate(migrate::newest()).await?;
        let origin = db.settle_origin(age, &past).await?;
        secrets::settle_key(&db, data).await?;
        let given = match key {
            Some(key) => Some(key.open(&db, data).await?),
            None => None,
        };
        let sealer = match &given {
            Some(opened) => opened.sealer.clone(),
            None => seal::Sealer::open(data)?,
        };
        if given.is_none() {
            secrets::remember_former(&db, &sealer).await?;
        }
        past.settle(&origin, renew)?;
        let store = Self::with(db, config, areas, data, sealer, key.is_some())?;
        if let Some(given) = given {
            given.take_place(&store, Timestamp::now()).await?;
        }
        Ok(store)
    }

    /// Opens what another server leads, to serve beside it: nothing is made, and nothing brought up to date.
    ///
    /// # Errors
    /// If the database is none that several servers share, is not there yet, or is of another version; if the files are this
    /// machine's own; if the key is not that of the server that leads.
    pub async fn follow(
        config: &DbConfig,
        data: &Path,
        storage: &Storage,
        key: Option<GivenKey>,
    ) -> Result<Self> {
        if matches!(config, DbConfig::Sqlite(_)) {
            let what = "SQLite has one server".to_owned();
            return Err(Error::Database {
                what,
                cure: "set `database.url` to the PostgreSQL of the server that leads",
            });
        }
        if matches!(storage, Storage::Data) {
            let what = "a server that follows shares its files with the one that leads".to_owned();
            return Err(Error::Storage {
                what,
                cure: "set `storage.url` to a bucket, or to a folder that both reach",
            });
        }
        let areas = Areas::open(data, storage)?;
        let db = Db::open(config).await?;
        let found = db.schema().await?;
        match found.cmp(&migrate::newest()) {
            Ordering::Greater => return Err(Error::Newer { found, known: migrate::newest() }),
            Ordering::Less => {
                let what = format!("it is at schema {found}, and this version needs {}", migrate::newest());
                return Err(Error::Database {
                    what,
                    cure: "start the server that leads first, of the same version",
                });
            }
            Ordering::Equal => {}
        }
        let sealer = match key {
            Some(key) => Some(seal::Sealer::with(key.key)),
            None => seal::Sealer::open_existing(data)?,
        };
        let sealer = sealer.ok_or_else(|| Error::Lost {
            part: "key",
            what: format!("{} has no key of the server that leads ({})", data.display(), seal::KEY_FILE),
        })?;
        let origin = match db.keyed_origin(&sealer).await? {
            Some((origin, Keyed::ByThis)) => origin,
            _ => {
                let what = format!("the key in {} is not that of the server that leads", seal::KEY_FILE);
                return Err(Error::Key(what));
            }
        };
        Past::read(data, None)?.settle(&origin, Renew::default())?;
        if let Db::Postgres(server) = &db {
            server.announce();
        }
        secrets::remember_former(&db, &sealer).await?;
        let store = Self::with(db, config, areas, data, sealer, key.is_some())?;
        Ok(Self { follows: true, ..store })
    }

    fn with(
        db: Db,
        config: &DbConfig,
        areas: Areas,
        data: &Path,
        sealer: seal::Sealer,
        key_is_given: bool,
    ) -> Result<Self> {
        let writer = Writer::start(db.clone(), config)?;
        let secrets = secrets::SecretCache::new(writer.announcing());
        let data = data.to_owned();
        Ok(Self {
            db,
            config: config.clone(),
            writer,
            areas,
            data,
            sealer,
            secrets,
            key_is_given,
            follows: false,
            lead: watch::Sender::new(seat::Lead::Unheard),
            reached: Arc::default(),
            audited: Arc::default(),
        })
    }

    /// Makes this the only server that leads: the one whose engine acts. Those that follow know it by its key.
    ///
    /// # Errors
    /// [`Error::InUse`] if another server leads.
    pub async fn lead(&self) -> Result<()> {
        self.db.lock().await?;
        if let Some((origin, Keyed::ByAnother)) = self.db.keyed_origin(&self.sealer).await? {
            self.write(origin::key_name(&origin, self.sealer.key_name())).await?;
        }
        Ok(())
    }

    /// Whether another server leads.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.follows
    }

    /// Hears from now on what other servers commit; with SQLite there are none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn hear_others(&self) -> Result<mpsc::UnboundedReceiver<Heard>> {
        let (heard, others) = mpsc::unbounded_channel();
        if let Db::Postgres(server) = &self.db {
            let (db, server, commits) = (self.db.clone(), server.clone(), self.writer.announcing());
            let seat = match self.follows {
                true => heard::OwnSeat::Follows(self.lead.clone()),
                false => heard::OwnSeat::Leads {
                    reached: self.reached.get().cloned().unwrap_or_default(),
                    taken: self.writer.taking(),
                },
            };
            heard::Hearing { db, server, commits, heard, seat }.begin().await?;
        }
        Ok(others)
    }

    /// Asks the server that leads to stop runs; answers when the question is durable.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn ask_to_stop(
        &self,
        project: &ProjectName,
        runs: &[RunId],
        by: &Actor,
        now: Timestamp,
    ) -> Result<()> {
        let ask = |run: &RunId| SubjectEvent {
            project: project.clone(),
            subject: Subject::Run,
            id: run.to_string(),
            at: now,
            kind: SubjectEvent::CANCEL_ASKED,
            message: Some(by.as_str().to_owned()),
        };
        self.write(Write { events: runs.iter().map(ask).collect(), ..Write::default() }).await
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

    /// The runs that a key was answered with.
    ///
    /// # Errors
    /// [`Error::IdempotencyConflict`] if that was another request.
    pub async fn accepted_before(
        &self,
        project: &ProjectName,
        key: &IdempotencyKey,
    ) -> Result<Option<Vec<RunId>>> {
        match self.db.used_key(project, &key.key).await? {
            Some((request, _)) if request != key.request => {
                Err(Error::IdempotencyConflict { key: key.key.clone() })
            }
            used => Ok(used.map(|(_, ids)| ids)),
        }
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
        let known = self.db.has_version(project, version.hash).await?;
        // Where another server collects, one that nothing refers to yet must not be taken for old.
        if known && !self.follows {
            return Ok(());
        }
        let write = if known { tables::versions::touch } else { tables::versions::add };
        self.write(write(project, &version, now)).await
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

    /// Resolves when this server has written a line of the audit log since it was asked last.
    pub async fn audited(&self) {
        self.audited.notified().await;
    }

    pub(crate) async fn write(&self, write: Write) -> Result<()> {
        let audited = write.audited;
        self.writer.write(write).await?;
        if audited {
            self.audited.notify_one();
        }
        Ok(())
    }
}
