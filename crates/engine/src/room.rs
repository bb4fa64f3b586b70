//! Whether the data folder's disk has room to start something and takes it: else nothing is accepted and nothing started, so
//! that what runs can end in peace.

use std::io::ErrorKind;
use std::path::PathBuf;

use rigi_store::Error;
use rustix::fs::StatVfsMountFlags;

/// The disk of the data folder, with the floor below which it counts as full.
#[derive(Debug, Clone)]
pub struct Room {
    data: PathBuf,
    floor: Option<u64>,
}

impl Room {
    /// `floor` is in bytes; `None` starts things until nothing goes any more.
    #[must_use]
    pub const fn new(data: PathBuf, floor: Option<u64>) -> Self {
        Self { data, floor }
    }

    /// Why nothing can be written, found out by writing something: not every disk that takes no writes says so.
    pub(crate) fn why(&self) -> Option<Error> {
        if let Err(error) = self.check() {
            return Some(error);
        }
        let probe = self.data.join("tmp").join("room");
        let written = std::fs::write(&probe, b"room").and_then(|()| std::fs::remove_file(&probe));
        match written.err()?.kind() {
            ErrorKind::ReadOnlyFilesystem => Some(Error::ReadOnly(self.data.display().to_string())),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Some(Error::Full(self.data.display().to_string()))
            }
            _ => None,
        }
    }

    /// Refuses when there is too little, or when the kernel lets nobody write.
    ///
    /// # Errors
    /// [`Error::Full`], with how much there is; [`Error::ReadOnly`].
    pub fn check(&self) -> Result<(), Error> {
        // A disk that does not answer says so by what is written to it.
        let Ok(facts) = rustix::fs::statvfs(&self.data) else { return Ok(()) };
        if facts.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(Error::ReadOnly(self.data.display().to_string()));
        }
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        match self.floor.filter(|&floor| free < floor) {
            Some(floor) => {
                Err(Error::Full(format!("{} MiB are free, and {} are kept free", free >> 20, floor >> 20)))
            }
            None => Ok(()),
        }
    }
}
