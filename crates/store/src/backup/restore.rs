//! Putting a snapshot into an empty data folder and an empty database: all of it, or nothing.
//!
//! While it goes on, the file `restoring` lies in the data folder: no server starts on it, and the next restore begins
//! anew. Rows are in one transaction, which ends when all files are in place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::chunks::LineReader;
use super::load::load;
use super::manifest::Manifest;
use super::objects::StoredFile;
use super::place::{Files, remove};
use super::repository::Repository;
use super::{Progress, Watch};
use crate::db::{Db, on_db};
use crate::durable::sync_folder;
use crate::seal::unhex;
use crate::{DbConfig, Error, Result, Storage, seal};

/// What a backup is taken of; or where to it goes: all of it empty.
#[derive(Debug, Clone)]
pub struct Target {
    /// Database.
    pub config: DbConfig,
    /// Data folder.
    pub data: PathBuf,
    /// Stored files.
    pub storage: Storage,
}

/// With which key sealed values are opened from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The one in the backup; none is needed where nothing is sealed.
    OfBackup,
    /// The one in this file: `secret.key` of the data folder that was backed up.
    File(PathBuf),
    /// A new one: what is sealed in the backup cannot be opened any more.
    New,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What was in it.
    pub manifest: Manifest,
}

const MARK: &str = "restoring";

/// Whether a restore into this data folder was begun and not finished.
#[must_use]
pub fn unfinished(data: &Path) -> bool {
    data.join(MARK).exists()
}

/// Restores a snapshot, or the newest. The caller has the data folder's lock.
///
/// # Errors
/// If the target is not empty, the key is not the right one, anything in the backup is damaged, or the target cannot
/// be written. Then the target is as empty as before.
pub async fn restore(
    repository: &Repository,
    snapshot: Option<&str>,
    target: &Target,
    key: &Key,
    watch: Watch<'_>,
) -> Result<Restored> {
    let manifest = repository.manifest(snapshot)?;
    let known = crate::migrate::newest();
    if manifest.schema > known {
        return Err(Error::Newer { found: manifest.schema, known });
    }
    let key = choose_key(&manifest, key)?;
    let data = &target.data;
    let files = Files::of(target)?;
    let mark = data.join(MARK);
    if unfinished(data) {
        // Only what a restore has put there: before it began, it was empty.
        if let Some(areas) = fs::read_to_string(&mark).ok().and_then(|text| areas_of_mark(&text, &files)) {
            files.clear(&areas)?;
        }
        clear(data)?;
    }
    refuse_full_folder(data)?;
    files.refuse_full()?;
    refuse_full_database(&target.config).await?;
    let areas = areas_of(repository, &manifest)?;
    let text = [files.name()].into_iter().chain(areas.iter().cloned()).collect::<Vec<_>>().join("\n");
    fs::write(&mark, text).map_err(Error::io(format!("write {}", mark.display())))?;
    sync_folder(data)?;
    let done = fill(repository, &manifest, target, &files, key, watch).await;
    if let Err(error) = done {
        files.clear(&areas)?;
        clear(data)?;
        return Err(error);
    }
    fs::remove_file(&mark).map_err(Error::io(format!("remove {}", mark.display())))?;
    sync_folder(data)?;
    Ok(Restored { manifest })
}

/// What paths begin with: the projects that have files in it.
fn areas_of(repository: &Repository, manifest: &Manifest) -> Result<BTreeSet<String>> {
    let mut areas = BTreeSet::new();
    let mut lines = LineReader::new(repository, &manifest.files);
    while let Some(line) = lines.next_line()? {
        let file = StoredFile::parse(line)?;
        if !areas.contains(file.area()) {
            areas.insert(file.area().to_owned());
        }
    }
    Ok(areas)
}

/// The same of a restore that was begun, if it was one to this place.
fn areas_of_mark(text: &str, files: &Files) -> Option<BTreeSet<String>> {
    let mut lines = text.lines();
    let same = lines.next().is_some_and(|place| place == files.name());
    same.then(|| lines.filter(|area| !area.is_empty()).map(str::to_owned).collect())
}

async fn fill(
    repository: &Repository,
    manifest: &Manifest,
    target: &Target,
    files: &Files,
    key: Option<Vec<u8>>,
    watch: Watch<'_>,
) -> Result<()> {
    let loaded = load(&target.config, repository, manifest, watch).await?;
    copy_files(repository, manifest, files, watch)?;
    if let Some(key) = key {
        seal::Sealer::put_key(&target.data, &key)?;
    }
    // Files before the rows that refer to them.
    files.sync()?;
    sync_disk(&target.data)?;
    loaded.finish().await?;
    sync_disk(&target.data)
}

pub(super) fn sync_disk(data: &Path) -> Result<()> {
    let synced = File::open(data).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(Error::io(format!("write {}", data.display())))
}

fn copy_files(repository: &Repository, manifest: &Manifest, files: &Files, watch: Watch<'_>) -> Result<()> {
    let mut lines = LineReader::new(repository, &manifest.files);
    let mut done = 0;
    while let Some(line) = lines.next_line()? {
        let file = StoredFile::parse(line)?;
        files.put(&repository.object(&file.sha256), &file)?;
        done += 1;
        watch(Progress { step: "files", done, total: Some(manifest.files.lines) });
    }
    Ok(())
}

fn choose_key(manifest: &Manifest, key: &Key) -> Result<Option<Vec<u8>>> {
    let found = match key {
        Key::New => return Ok(None),
        Key::File(file) => {
            let key = fs::read(file).map_err(Error::io(format!("read {}", file.display())))?;
            // One that is given by the configuration is written down in digits.
            let digits = std::str::from_utf8(&key).ok().and_then(crate::read_key);
            Some(digits.map_or(key, Vec::from))
        }
        Key::OfBackup => manifest.key.as_deref().and_then(unhex),
    };
    let Some(found) = found else {
        if manifest.sealed == 0 {
            return Ok(None);
        }
        let rows = manifest.sealed;
        return Err(Error::Key(format!(
            "{rows} rows of the backup hold secrets, and their key is not in it"
        )));
    };
    let fits = match &manifest.key_check {
        Some(check) => seal::Sealer::of_key(&found).is_some_and(|sealer| sealer.fits(check)),
        None => true,
    };
    if fits { Ok(Some(found)) } else { Err(Error::Key("this is not the key of the backup".to_owned())) }
}

/// What a restore makes in a data folder.
const MADE: [&str; 8] = [
    "objects",
    "storage",
    "rigi.db",
    "rigi.db-wal",
    "rigi.db-shm",
    "rigi.db-journal",
    seal::KEY_FILE,
    seal::CHECK_FILE,
];

fn clear(data: &Path) -> Result<()> {
    MADE.iter().chain([&MARK]).try_for_each(|name| remove(&data.join(name)))
}

fn refuse_full_folder(data: &Path) -> Result<()> {
    let read = || Error::io(format!("read {}", data.display()));
    for item in fs::read_dir(data).map_err(read())? {
        let name = item.map_err(read())?.file_name().to_string_lossy().into_owned();
        // Made with the folder itself.
        if !["lock", ".gitignore"].contains(&name.as_str()) {
            return Err(Error::NotEmpty {
                what: format!("the data folder {}", data.display()),
                holds: format!("`{name}`"),
            });
        }
    }
    Ok(())
}

async fn refuse_full_database(config: &DbConfig) -> Result<()> {
    // A SQLite file lies in the folder that was looked at.
    let DbConfig::Postgres(_) = config else { return Ok(()) };
    let db = Db::open(config).await?;
    let mut holds = Ok(None);
    if db.schema().await? > 0 {
        for (what, sql) in
            [("runs", "SELECT COUNT(*) FROM runs"), ("uploads", "SELECT COUNT(*) FROM uploads")]
        {
            let count: Result<i64, _> = on_db!(&db, pool => sqlx::query_scalar(sql).fetch_one(pool).await);
            match count {
                Ok(0) => {}
                Ok(count) => holds = Ok(Some(format!("{count} {what}"))),
                Err(error) => holds = Err(error),
            }
        }
    }
    db.close().await;
    match holds? {
        Some(holds) => Err(Error::NotEmpty { what: "the PostgreSQL database".into(), holds }),
        None => Ok(()),
    }
}
