//! Files with keys in a folder: the key is the path. No link is followed, neither to a file nor on the way to it.

use std::fs::{self, File};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rigi_model::Timestamp;
use rigi_model::area::FileKey;
use rustix::fs::{Mode, OFlags, RenameFlags, ResolveFlags, XattrFlags};
use rustix::io::Errno;

use super::spool::{self, Spooled};
use super::{Body, FileFacts, Overwrite, Said, blocking, missing};
use crate::durable::{make_folder, sync_folder};
use crate::{Error, Result};

/// Bytes that are read at once.
const AT_ONCE: u64 = 512 << 10;
/// Where what is said of a file stands, beside its content.
const ATTRIBUTE: &str = "user.rigi.file";
/// Bytes of it at most.
const LONGEST_ATTRIBUTE: usize = 3 << 10;

/// The area of a project in a folder.
#[derive(Debug, Clone)]
pub(super) struct FolderArea {
    /// The folder of the project.
    pub root: PathBuf,
    /// On the same file system.
    pub temporary: PathBuf,
}

/// Another one whenever a file was written anew: each writing makes another file.
pub(super) fn etag_of(facts: &fs::Metadata) -> String {
    format!("{:x}-{:x}-{:x}", facts.mtime() * 1_000_000_000 + facts.mtime_nsec(), facts.ino(), facts.len())
}

pub(super) fn modified(facts: &fs::Metadata) -> Timestamp {
    Timestamp(facts.mtime() * 1_000_000 + facts.mtime_nsec() / 1000)
}

impl FolderArea {
    pub(super) fn path(&self, key: &FileKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn open(&self, key: &FileKey) -> Result<(File, fs::Metadata)> {
        let broken = |error: std::io::Error| Error::io(format!("read {key}"))(error);
        let root = match File::open(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(key)),
            root => root.map_err(broken)?,
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened: OwnedFd = match rustix::fs::openat2(&root, key.as_str(), flags, Mode::empty(), resolve) {
            // A link is none of ours, and a file is no folder.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => return Err(missing(key)),
            opened => opened.map_err(|error| broken(error.into()))?,
        };
        let file = File::from(opened);
        let facts = file.metadata().map_err(broken)?;
        if facts.is_file() { Ok((file, facts)) } else { Err(missing(key)) }
    }

    pub(super) fn facts(&self, key: &FileKey) -> Result<FileFacts> {
        let (file, facts) = self.open(key)?;
        Ok(FileFacts {
            size: facts.len(),
            modified: modified(&facts),
            etag: etag_of(&facts),
            said: said(&file),
        })
    }

    pub(super) fn read(&self, key: &FileKey, etag: &str, range: Range<u64>) -> Result<Body> {
        let (file, facts) = self.open(key)?;
        // Another file has taken its place since its length was told.
        if etag_of(&facts) != etag {
            return Err(Error::Conflict(format!("{key} was written while it was read")));
        }
        let file = Arc::new(file);
        let pieces = stream::unfold((file, range), |(file, range)| async move {
            if range.is_empty() {
                return None;
            }
            let until = range.end.min(range.start + AT_ONCE);
            let (from, length) = (range.start, usize::try_from(until - range.start).unwrap_or(0));
            let of_reader = file.clone();
            let read = tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; length];
                of_reader.read_exact_at(&mut bytes, from).map(|()| Bytes::from(bytes))
            });
            match read.await.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok(bytes) => Some((Ok(bytes), (file, until..range.end))),
                Err(error) => Some((Err(error), (file, 0..0))),
            }
        });
        Ok(pieces.boxed())
    }

    pub(super) async fn write(
        &self,
        key: &FileKey,
        body: Body,
        said: Said,
        overwrite: Overwrite,
    ) -> Result<FileFacts> {
        let spooled = spool::write(&self.temporary, body).await?;
        let (folder, key) = (self.clone(), key.clone());
        blocking(move || folder.put_in_place(&key, &spooled, &said, overwrite)).await
    }

    pub(super) fn put_in_place(
        &self,
        key: &FileKey,
        spooled: &Spooled,
        said: &Said,
        overwrite: Overwrite,
    ) -> Result<FileFacts> {
        let to = self.path(key);
        say(&spooled.file, said)?;
        spooled.file.sync_all().map_err(Error::io(format!("write {}", spooled.path.display())))?;
        let parent = to.parent().unwrap_or(&self.root);
        // Somebody who removes the last file of a folder removes the folder.
        for _ in 0..8 {
            self.make_parents(key)?;
            match move_to(&spooled.path, &to, overwrite) {
                Err(Errno::NOENT) => {}
                Err(Errno::EXIST) if overwrite == Overwrite::No => {
                    return Err(Error::Conflict(format!("{key} is there already")));
                }
                Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                    return Err(Error::Conflict(format!("{key} is a folder: there are files below it")));
                }
                moved => {
                    moved.map_err(|error| Error::io(format!("write {key}"))(error.into()))?;
                    sync_folder(parent)?;
                    return self.facts(key);
                }
            }
        }
        Err(Error::Conflict(format!("the folder of {key} is being removed: try again")))
    }

    /// Makes the folders on the way; a link on it, or a file, is in the way.
    fn make_parents(&self, key: &FileKey) -> Result<()> {
        let mut at = self.root.clone();
        make_folder(&at)?;
        let parts: Vec<&str> = key.as_str().split('/').collect();
        for part in &parts[..parts.len() - 1] {
            at.push(part);
            match fs::symlink_metadata(&at) {
                Ok(facts) if facts.is_dir() => {}
                Ok(_) => {
                    let name = at.strip_prefix(&self.root).unwrap_or(&at).display();
                    return Err(Error::Conflict(format!("{name} is a file: nothing can be below it")));
                }
                Err(_) => make_folder(&at)?,
            }
        }
        Ok(())
    }

    pub(super) fn remove(&self, key: &FileKey) -> Result<()> {
        // Only what may be read may be removed: no link leads there.
        match self.open(key) {
            Err(Error::NotFound { .. }) => return Ok(()),
            opened => drop(opened?),
        }
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(format!("remove {key}"))(error));
            }
            _ => {}
        }
        self.tidy(path.parent())
    }

    /// Removes folders that have become empty, up to that of the area.
    fn tidy(&self, mut folder: Option<&Path>) -> Result<()> {
        while let Some(at) = folder {
            let below = at.strip_prefix(&self.root).map_or(0, |rest| rest.components().count());
            if below < 2 || fs::remove_dir(at).is_err() {
                return sync_folder(at);
            }
            folder = at.parent();
        }
        Ok(())
    }
}

fn move_to(from: &Path, to: &Path, overwrite: Overwrite) -> rustix::io::Result<()> {
    match overwrite {
        Overwrite::Yes => rustix::fs::rename(from, to),
        Overwrite::No => {
            rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, RenameFlags::NOREPLACE)
        }
    }
}

/// Writes down what is said of a file.
pub(super) fn say(file: &File, said: &Said) -> Result<()> {
    if *said == Said::default() {
        return Ok(());
    }
    let text = serde_json::to_string(said).unwrap_or_default();
    if text.len() > LONGEST_ATTRIBUTE {
        return Err(Error::Conflict(format!("more than {LONGEST_ATTRIBUTE} bytes of metadata")));
    }
    match rustix::fs::fsetxattr(file, ATTRIBUTE, text.as_bytes(), XattrFlags::empty()) {
        // A media type is told by the name as well.
        Err(Errno::NOTSUP) if said.metadata.is_empty() => Ok(()),
        Err(Errno::NOTSUP) => {
            Err(Error::Conflict("this file system keeps no metadata with a file: write it without".into()))
        }
        done => done.map_err(|error| Error::io("write a file's metadata")(error.into())),
    }
}

fn said(file: &File) -> Said {
    let mut bytes = [0; LONGEST_ATTRIBUTE];
    let length = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut bytes).unwrap_or(0);
    serde_json::from_slice(&bytes[..length]).unwrap_or_default()
}
