//! One server per data folder, and one per PostgreSQL schema.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::db::Db;
use crate::{Error, Result};

/// Held as long as a server runs. The kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// A killed server's lock is held on by a program that it was about to start, until that has begun: some milliseconds.
const LEAVING: Duration = Duration::from_millis(250);

fn taken_within(file: &File, bound: Duration) -> bool {
    let since = Instant::now();
    while flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if since.elapsed() > bound {
            return false;
        }
        // The kernel tells nobody when a lock may be had, but to those who would wait for ever.
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

impl FolderLock {
    /// Name of its file in the data folder.
    pub const NAME: &'static str = "lock";

    /// Whether some process has the lock of a data folder, whatever its number is where it lives.
    #[must_use]
    pub fn is_held(data: &Path) -> bool {
        let Ok(file) = File::open(data.join(Self::NAME)) else { return false };
        // Taken for a moment where it is free; whoever wants it then asks again.
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    }

    /// Takes the lock of a data folder and writes `holder` into it, for the next one who asks.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it.
    pub fn take(data: &Path, holder: &str) -> Result<Self> {
        let path = data.join(Self::NAME);
        let what = || format!("open {}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io(what()))?;
        if !taken_within(&file, LEAVING) {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let holder = Some(text.trim().to_owned()).filter(|t| !t.is_empty());
            return Err(Error::InUse { what: format!("the data folder {}", data.display()), holder });
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(holder.as_bytes())
        };
        write(&mut file).map_err(Error::io(what()))?;
        Ok(Self { _file: file })
    }
}

/// Keeps stored files from being collected while somebody relies on them, whichever process that is.
#[derive(Debug)]
pub struct FilesLock {
    _file: File,
}

impl FilesLock {
    fn open(data: &Path) -> Result<File> {
        let path = data.join("objects.lock");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        file.map_err(Error::io(format!("open {}", path.display())))
    }

    /// From now on nothing is collected; waits for the end of a collection that is under way.
    ///
    /// # Errors
    /// If the data folder cannot be used.
    pub fn keep(data: &Path) -> Result<Self> {
        let file = Self::open(data)?;
        let locked = flock(&file, FlockOperation::LockShared);
        locked.map_err(|e| Error::io(format!("lock the files of {}", data.display()))(e.into()))?;
        Ok(Self { _file: file })
    }

    /// For a collection.
    ///
    /// # Errors
    /// [`Error::BackupRunning`] while somebody keeps them.
    pub fn collect(data: &Path) -> Result<Self> {
        let file = Self::open(data)?;
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        locked.map_err(|_| Error::BackupRunning)?;
        Ok(Self { _file: file })
    }
}

impl Db {
    /// Makes this the only server that writes the database, for as long as it runs. A SQLite file is covered by its
    /// folder's lock; PostgreSQL's lock belongs to the connection that writes, and comes back with it.
    ///
    /// # Errors
    /// [`Error::InUse`] if another server has it.
    pub async fn lock(&self) -> Result<()> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(server) => server.make_exclusive().await,
        }
    }
    pub(crate) fn in_use(&self) -> Error {
        let what = match self {
            Self::Sqlite { .. } => "this SQLite database",
            Self::Postgres(_) => "this PostgreSQL database",
        };
        Error::InUse { what: what.into(), holder: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_while_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!FolderLock::is_held(folder.path()));
        let lock = FolderLock::take(folder.path(), "me").unwrap();
        assert!(FolderLock::is_held(folder.path()));
        drop(lock);
        assert!(!FolderLock::is_held(folder.path()));
    }
}
