//! Backups of a data folder and its database, beside a server that works with them, and their way back.

use std::path::{Path, PathBuf};

use rigi_model::{ErrorCode, Timestamp};
use rigi_store::Error;
use rigi_store::backup::{self, Created, Key, Marks, Repository, Restored, Target, Verified, Watch, WithKey};

use super::check::runtime;
use super::data_folder::DataFolder;
use super::error::of_store;
use super::parts::database;
use crate::config::Loaded;
use crate::trouble::Trouble;

/// Takes a backup into a folder.
///
/// # Errors
/// If something cannot be read or written; then there is no new snapshot.
pub fn create(loaded: &Loaded, to: &Path, key: WithKey, watch: Watch<'_>) -> anyhow::Result<Created> {
    let data = loaded.data_folder();
    if !data.is_dir() {
        let cure = "name the pipelines folder, or the data folder with `--data`";
        let text = format!("there is no data folder {}", data.display());
        return Err(Trouble::new(ErrorCode::NotFound, text, cure).into());
    }
    let repository = Repository::open_to_write(to).map_err(|e| of_backup(&e))?;
    let created =
        runtime()?.block_on(backup::create(&whole(loaded, data), &repository, key, Timestamp::now(), watch));
    let created = created.map_err(|e| of_backup(&e))?;
    if let Err(error) = Marks::note_taken(&loaded.data_folder(), &repository, created.manifest.created_at) {
        tracing::warn!(%error, "the backup is taken; the server's metrics will not say so");
    }
    Ok(created)
}

/// All that a backup holds: database, data folder, stored files.
fn whole(loaded: &Loaded, data: PathBuf) -> Target {
    let config = database(&loaded.config, &data);
    Target { config, data, storage: loaded.config.stored_files() }
}

/// Reads a folder of backups from end to end.
///
/// # Errors
/// If it cannot be read. What is damaged is no error.
pub fn verify(from: &Path, snapshot: Option<&str>, watch: Watch<'_>) -> anyhow::Result<Verified> {
    let repository = Repository::open(from).map_err(|e| of_backup(&e))?;
    let verified = backup::verify(&repository, snapshot, watch).map_err(|e| of_backup(&e))?;
    if snapshot.is_none() && verified.findings.is_empty() {
        // Backups may lie where nobody may write.
        let _ = Marks::note_verified(&repository, Timestamp::now());
    }
    Ok(verified)
}

/// The snapshots of a folder of backups, oldest first; a damaged one says so.
///
/// # Errors
/// If it cannot be read.
pub fn list(from: &Path) -> anyhow::Result<Vec<(String, Result<backup::Manifest, Error>)>> {
    let repository = Repository::open(from).map_err(|e| of_backup(&e))?;
    let ids = repository.snapshots().map_err(|e| of_backup(&e))?;
    Ok(ids.into_iter().map(|id| (id.clone(), repository.manifest(Some(&id)))).collect())
}

/// Puts a snapshot into an empty data folder and an empty database.
///
/// # Errors
/// If they are not empty, the key is wrong, or anything is damaged; then nothing was put there.
pub fn restore(
    loaded: &Loaded,
    from: &Path,
    snapshot: Option<&str>,
    key: &Key,
    watch: Watch<'_>,
) -> anyhow::Result<(Restored, PathBuf)> {
    let repository = Repository::open(from).map_err(|e| of_backup(&e))?;
    let folder = DataFolder::take(&loaded.data_folder())?;
    let target = whole(loaded, folder.path);
    let restored = runtime()?.block_on(backup::restore(&repository, snapshot, &target, key, watch));
    Ok((restored.map_err(|e| of_backup(&e))?, target.data))
}

/// What the store says, for people who make or use backups.
fn of_backup(error: &Error) -> Trouble {
    let text = error.to_string();
    match error {
        Error::Damaged { .. } => Trouble::new(
            ErrorCode::StorageDamaged,
            text,
            "`rigi backup verify` names everything that is damaged, `rigi backup list` other snapshots",
        ),
        Error::NotEmpty { .. } => Trouble::new(
            ErrorCode::StateConflict,
            text,
            "choose an empty folder and an empty database: a backup never goes over what is there",
        ),
        Error::Key(_) => Trouble::new(
            ErrorCode::KeyWrong,
            text,
            "give the file `secret.key` of the data folder that was backed up with `--key`, or go on without \
             the secrets with `--without-key`",
        ),
        Error::NotFound { .. } => Trouble::new(ErrorCode::NotFound, text, "`rigi backup create` makes one"),
        Error::InUse { .. } => Trouble::new(ErrorCode::StateConflict, text, "wait for its end"),
        Error::Full(_) => {
            Trouble::new(ErrorCode::StorageUnavailable, text, "make room there, and start again")
        }
        _ => of_store(error),
    }
}
