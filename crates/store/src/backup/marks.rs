//! When the newest backup of a data folder was taken, and when backups were last read from end to end: small files that commands
//! leave, so that a server can tell of it without reaching the backups.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rigi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::repository::Repository;
use crate::{Error, Result};

/// In the data folder.
const OF_DATA: &str = "backup.json";
/// In the folder of backups.
const OF_BACKUPS: &str = "verified.json";
/// Bytes that such a file may have.
const LONGEST: u64 = 4096;

/// See the module. What is not known is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// When the newest backup was taken.
    pub taken: Option<Timestamp>,
    /// When all backups were read and found whole.
    pub verified: Option<Timestamp>,
}

impl Marks {
    /// What a data folder knows.
    #[must_use]
    pub fn of_data(data: &Path) -> Self {
        read(&data.join(OF_DATA))
    }

    /// Leaves word in the data folder of a backup that was taken, and of what the folder of backups knows.
    ///
    /// # Errors
    /// If the data folder cannot be written to.
    pub fn note_taken(data: &Path, repository: &Repository, now: Timestamp) -> Result<()> {
        let verified = read(&repository.root().join(OF_BACKUPS)).verified;
        write(&data.join(OF_DATA), Self { taken: Some(now), verified })
    }

    /// Leaves word in the folder of backups that all of it was read and is whole.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn note_verified(repository: &Repository, now: Timestamp) -> Result<()> {
        write(&repository.root().join(OF_BACKUPS), Self { taken: None, verified: Some(now) })
    }
}

fn read(file: &Path) -> Marks {
    let mut bytes = Vec::new();
    let whole = fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    whole.ok().and_then(|_| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(file: &Path, marks: Marks) -> Result<()> {
    let io = || Error::io(format!("write {}", file.display()));
    let draft = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(io())?;
    out.write_all(&serde_json::to_vec(&marks).unwrap_or_default()).map_err(io())?;
    fs::rename(&draft, file).map_err(io())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_backup_brings_word_of_what_was_read() {
        let (data, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let repository = Repository::open_to_write(backups.path()).unwrap();
        assert_eq!(Marks::of_data(data.path()), Marks::default());
        Marks::note_taken(data.path(), &repository, Timestamp(1)).unwrap();
        Marks::note_verified(&repository, Timestamp(2)).unwrap();
        assert_eq!(Marks::of_data(data.path()), Marks { taken: Some(Timestamp(1)), verified: None });
        Marks::note_taken(data.path(), &repository, Timestamp(3)).unwrap();
        let both = Marks { taken: Some(Timestamp(3)), verified: Some(Timestamp(2)) };
        assert_eq!(Marks::of_data(data.path()), both);
        // What somebody else has put there is no word.
        fs::write(data.path().join(OF_DATA), "[".repeat(10_000)).unwrap();
        assert_eq!(Marks::of_data(data.path()), Marks::default());
    }
}
