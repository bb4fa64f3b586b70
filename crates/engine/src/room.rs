//! Whether the data folder's disk has room to start something and takes it: else nothing is accepted and nothing started, so
//! that what runs can end in peace.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rigi_store::Error;
use rustix::fs::{AtFlags, CWD, StatVfsMountFlags, Timespec, Timestamps, UTIME_NOW, utimensat};
use rustix::io::Errno;

use crate::clock::Moment;

/// The disk of the data folder, with the floor below which it counts as full.
#[derive(Debug, Clone)]
pub struct Room {
    data: PathBuf,
    floor: Option<u64>,
    /// The second, since the machine's start, in which it last took a write.
    touched: Arc<AtomicU64>,
}

impl Room {
    /// `floor` is in bytes; `None` starts things until nothing goes any more.
    #[must_use]
    pub fn new(data: PathBuf, floor: Option<u64>) -> Self {
        Self { data, floor, touched: Arc::default() }
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

    /// A file system that has given up its journal is not said to be read-only: it is asked for the least of writes, once a
    /// second at most.
    fn touch(&self) -> Result<(), Error> {
        let second = Moment::now().steady.as_secs();
        if self.touched.load(Ordering::Relaxed) == second {
            return Ok(());
        }
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        match utimensat(CWD, self.data.join("tmp"), &times, AtFlags::empty()) {
            Err(Errno::ROFS) => Err(Error::ReadOnly(self.data.display().to_string())),
            _ => {
                self.touched.store(second, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Bytes that may still be written, above those that are kept free.
    #[must_use]
    pub fn left(&self) -> u64 {
        let Ok(facts) = rustix::fs::statvfs(&self.data) else { return u64::MAX };
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        free.saturating_sub(self.floor.unwrap_or_default())
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
        self.touch()?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        match self.floor.filter(|&floor| free < floor) {
            Some(floor) => {
                Err(Error::Full(format!("{} MiB are free, and {} are kept free", free >> 20, floor >> 20)))
            }
            None => Ok(()),
        }
    }
}
