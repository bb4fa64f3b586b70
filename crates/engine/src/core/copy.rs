//! Storing the content of one file: holes stay holes, and it can be stopped at any time.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rigi_store::{BlobWriter, Blobs, Error, Stored};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// So much is read at once.
const PIECE: usize = 256 << 10;
/// So much of a hole is passed over before somebody is asked whether to go on.
const HOLE: u64 = 64 << 20;

/// Stops the copying of an attempt's outputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Brake {
    pulled: Arc<AtomicBool>,
    /// By itself at this time.
    until: Option<Instant>,
}

impl Brake {
    /// One that is pulled by itself after this time.
    pub fn after(time: Duration) -> Self {
        Self { until: Some(Instant::now() + time), ..Self::default() }
    }

    /// Stops it at once.
    pub fn pull(&self) {
        self.pulled.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_pulled(&self) -> bool {
        self.pulled.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Whether anybody but the one who holds it could still be asked to stop.
    pub fn is_held(&self) -> bool {
        Arc::strong_count(&self.pulled) > 1
    }
}

/// What became of a file.
#[derive(Debug)]
pub(super) enum Copied {
    /// It is stored.
    Stored(Stored),
    /// It cannot be read.
    Unreadable(io::Error),
    /// Nobody wants it any more.
    Stopped,
}

/// Why copying ends before the end.
enum Halt {
    Read(io::Error),
    Store(Error),
    Stopped,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Stores what a file holds.
///
/// # Errors
/// If the disk or the bucket does not take it.
pub(super) fn copy(blobs: &Blobs, file: &File, brake: &Brake) -> Result<Copied, Error> {
    let mut writer = blobs.create()?;
    match copy_to(&mut writer, file, brake) {
        Ok(()) => writer.finish().map(Copied::Stored),
        Err(Halt::Read(error)) => Ok(Copied::Unreadable(error)),
        Err(Halt::Store(error)) => Err(error),
        Err(Halt::Stopped) => Ok(Copied::Stopped),
    }
}

fn copy_to(writer: &mut BlobWriter, file: &File, brake: &Brake) -> Result<(), Halt> {
    let facts = file.metadata().map_err(Halt::Read)?;
    let sparse = facts.blocks().saturating_mul(512) < facts.len();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let Some((start, end)) = next_data(file, at, sparse).map_err(Halt::Read)? else {
            return skip(writer, facts.len().saturating_sub(at), brake);
        };
        skip(writer, start - at, brake)?;
        at = start;
        while at < end {
            if brake.is_pulled() {
                return Err(Halt::Stopped);
            }
            let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            match file.read_at(&mut piece[..most], at) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    writer.write(&piece[..n])?;
                    at += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Halt::Read(error)),
            }
        }
    }
}

fn skip(writer: &mut BlobWriter, bytes: u64, brake: &Brake) -> Result<(), Halt> {
    let mut left = bytes;
    while left > 0 {
        if brake.is_pulled() {
            return Err(Halt::Stopped);
        }
        let now = left.min(HOLE);
        writer.skip(now)?;
        left -= now;
    }
    Ok(())
}

/// Where the next stretch that is no hole begins and ends; `None`: there is none up to the end.
fn next_data(file: &File, at: u64, sparse: bool) -> io::Result<Option<(u64, u64)>> {
    if !sparse {
        return Ok(Some((at, u64::MAX)));
    }
    let start = match seek(file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // The file system knows no holes.
        Err(Errno::INVAL | Errno::NOTSUP) => return Ok(Some((at, u64::MAX))),
        Err(error) => return Err(error.into()),
    };
    Ok(Some((start, seek(file, SeekFrom::Hole(start))?)))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn sparse(folder: &std::path::Path) -> (File, u64) {
        let path = folder.join("sparse");
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(path).unwrap();
        for at in [1 << 20, 5 << 20] {
            file.seek(io::SeekFrom::Start(at)).unwrap();
            file.write_all(b"data").unwrap();
        }
        file.set_len(8 << 20).unwrap();
        (file, 8 << 20)
    }

    #[test]
    fn a_file_with_holes_is_stored_whole_and_takes_no_more_room_than_it_did() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        let (file, size) = sparse(data.path());
        let Copied::Stored(stored) = copy(&blobs, &file, &Brake::default()).unwrap() else {
            panic!("not stored")
        };
        assert_eq!(stored.size, size);
        blobs.check(&stored.sha256).unwrap();
        let kept = blobs.file(&stored.sha256).unwrap();
        assert!(kept.metadata().unwrap().blocks() * 512 < 1 << 20, "its holes were written out");
        let text = std::fs::read(kept).unwrap();
        assert_eq!(
            (&text[1 << 20..(1 << 20) + 4], text.iter().filter(|b| **b != 0).count()),
            (&b"data"[..], 8)
        );
    }

    #[test]
    fn copying_stops_when_nobody_wants_it_and_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        let (file, _) = sparse(data.path());
        let pulled = Brake::default();
        pulled.pull();
        let late = Brake::after(Duration::ZERO);
        for brake in [pulled, late] {
            assert!(matches!(copy(&blobs, &file, &brake).unwrap(), Copied::Stopped));
        }
        assert_eq!(std::fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
    }
}
