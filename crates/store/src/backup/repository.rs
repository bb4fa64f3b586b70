//! The folder of backups: objects by content, and a manifest per snapshot, which is written last.
//!
//! ```text
//! rigi-backup       says that this is one
//! snapshots/<id>    a manifest each
//! verified.json     when all of it was last read and found whole
//! objects/ab/<id>   chunks of rows and stored files, named by the SHA-256 of their bytes
//! unfinished        a backup is being written, or was interrupted: then objects are read before they are trusted
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::manifest::Manifest;
use crate::blobs::{PIECE, hash_of};
use crate::durable::sync_folder;
use crate::{Error, Result};
use rigi_model::hash::hex;

const MARK: &str = "rigi-backup";
const MARK_TEXT: &str =
    "Backups of Rigi, format 1. `rigi backup verify` reads them, `rigi backup restore` puts one back.\n";
const UNFINISHED: &str = "unfinished";

/// A folder of backups.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    /// Held while this process writes.
    writing: Option<File>,
    /// Whether an object of the right size counts as whole.
    trusted: bool,
}

/// What was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Added {
    pub objects: u64,
    pub bytes: u64,
}

impl Repository {
    /// Opens one for reading.
    ///
    /// # Errors
    /// If the folder is none.
    pub fn open(root: &Path) -> Result<Self> {
        if !root.join(MARK).is_file() {
            return Err(Error::NotFound { what: "folder of backups", id: root.display().to_string() });
        }
        Ok(Self { root: root.to_owned(), writing: None, trusted: false })
    }

    /// Opens one for writing; makes it if the folder is empty or not there.
    ///
    /// # Errors
    /// If the folder holds something else, or another backup is being written to it.
    pub fn open_to_write(root: &Path) -> Result<Self> {
        let io = |what: &str| Error::io(format!("{what} {}", root.display()));
        let make = |folder: &Path| DirBuilder::new().recursive(true).mode(0o700).create(folder);
        make(root).map_err(io("make the folder"))?;
        let mark = root.join(MARK);
        if !mark.is_file() {
            if let Some(item) = fs::read_dir(root).map_err(io("read the folder"))?.next() {
                let name = item.map_err(io("read the folder"))?.file_name().to_string_lossy().into_owned();
                let what = format!("the folder {}", root.display());
                return Err(Error::NotEmpty {
                    what,
                    holds: format!("`{name}`, and is no folder of backups"),
                });
            }
            fs::write(&mark, MARK_TEXT).map_err(io("write to"))?;
        }
        for folder in ["snapshots", "objects", "tmp"] {
            make(&root.join(folder)).map_err(io("make folders in"))?;
        }
        let lock = File::open(&mark).map_err(io("open"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let what = format!("the backups in {}", root.display());
            return Err(Error::InUse { what, holder: Some("another backup is being written".into()) });
        }
        let unfinished = root.join(UNFINISHED);
        let trusted = !unfinished.exists();
        fs::write(&unfinished, []).map_err(io("write to"))?;
        sync_folder(root)?;
        for left in fs::read_dir(root.join("tmp")).map_err(io("read"))? {
            fs::remove_file(left.map_err(io("read"))?.path()).map_err(io("clean"))?;
        }
        Ok(Self { root: root.to_owned(), writing: Some(lock), trusted })
    }

    /// Where it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Ids of its snapshots, oldest first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn snapshots(&self) -> Result<Vec<String>> {
        let folder = self.root.join("snapshots");
        let read = || Error::io(format!("read {}", folder.display()));
        let mut ids = Vec::new();
        for item in fs::read_dir(&folder).map_err(read())? {
            ids.extend(item.map_err(read())?.file_name().into_string());
        }
        ids.sort();
        Ok(ids)
    }

    /// The manifest of a snapshot, or of the newest.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn manifest(&self, id: Option<&str>) -> Result<Manifest> {
        let id = match id {
            Some(id) => id.to_owned(),
            None => self.snapshots()?.pop().ok_or_else(|| Error::NotFound {
                what: "snapshot in",
                id: self.root.display().to_string(),
            })?,
        };
        let path = self.root.join("snapshots").join(&id);
        match fs::read(&path) {
            Ok(bytes) => Manifest::read(&bytes, &path.display().to_string()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::NotFound { what: "snapshot", id })
            }
            Err(e) => Err(Error::io(format!("read {}", path.display()))(e)),
        }
    }

    /// Where an object lies.
    pub(super) fn object(&self, sha256: &str) -> PathBuf {
        let name = if sha256.len() == 64 && !sha256.contains('/') { sha256 } else { "no-name" };
        self.root.join("objects").join(&name[..2]).join(name)
    }

    /// The content of an object.
    pub(super) fn get(&self, sha256: &str) -> Result<Vec<u8>> {
        let path = self.object(sha256);
        let bytes = fs::read(&path).map_err(|e| missing_or(e, &path))?;
        if hex(&Sha256::digest(&bytes)) == sha256 { Ok(bytes) } else { Err(damaged(&path)) }
    }

    /// Whether an object of this size is there, and whole as far as is known.
    pub(super) fn has(&self, sha256: &str, size: u64) -> bool {
        let path = self.object(sha256);
        let there = fs::metadata(&path).is_ok_and(|facts| facts.len() == size);
        there && (self.trusted || hash_of(&path).is_ok_and(|found| found.to_string() == sha256))
    }

    /// Adds an object, if it is not there.
    pub(super) fn put(&self, bytes: &[u8], added: &mut Added) -> Result<String> {
        let sha256 = hex(&Sha256::digest(bytes));
        if !self.has(&sha256, bytes.len() as u64) {
            let (path, mut file) = self.temporary()?;
            let written = file.write_all(bytes);
            written.map_err(Error::io(format!("write {}", path.display())))?;
            self.keep(&path, &sha256, bytes.len() as u64, added)?;
        }
        Ok(sha256)
    }

    /// Adds what is in a file. Returns its hash and size.
    pub(super) fn put_file(&self, from: &Path, added: &mut Added) -> Result<(String, u64)> {
        let mut source = File::open(from).map_err(Error::io(format!("read {}", from.display())))?;
        let mut piece = vec![0; PIECE];
        self.put_pieces(added, || {
            let n = source.read(&mut piece).map_err(Error::io(format!("read {}", from.display())))?;
            Ok(piece[..n].to_vec())
        })
    }

    /// Adds what comes in pieces; the last one is empty. Returns its hash and size.
    pub(super) fn put_pieces(
        &self,
        added: &mut Added,
        mut next: impl FnMut() -> Result<Vec<u8>>,
    ) -> Result<(String, u64)> {
        let (path, mut file) = self.temporary()?;
        let (mut hash, mut size) = (Sha256::new(), 0);
        loop {
            let piece = next()?;
            if piece.is_empty() {
                break;
            }
            hash.update(&piece);
            size += piece.len() as u64;
            file.write_all(&piece).map_err(Error::io(format!("write {}", path.display())))?;
        }
        let sha256 = hex(&hash.finalize());
        if self.has(&sha256, size) {
            fs::remove_file(&path).map_err(Error::io(format!("remove {}", path.display())))?;
        } else {
            self.keep(&path, &sha256, size, added)?;
        }
        Ok((sha256, size))
    }

    fn temporary(&self) -> Result<(PathBuf, File)> {
        let path = self.root.join("tmp").join(rigi_model::UploadId::generate().to_string());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(Error::io(format!("create {}", path.display())))?;
        Ok((path, file))
    }

    fn keep(&self, path: &Path, sha256: &str, size: u64, added: &mut Added) -> Result<()> {
        let target = self.object(sha256);
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(Error::io(format!("make the folder {}", folder.display())))?;
        fs::rename(path, &target).map_err(Error::io(format!("move to {}", target.display())))?;
        added.objects += 1;
        added.bytes += size;
        Ok(())
    }

    /// Makes every object durable, then the manifest: only now there is a snapshot.
    pub(super) fn finish(&self, manifest: &Manifest) -> Result<()> {
        let sync = || Error::io(format!("write to {}", self.root.display()));
        let disk = self.writing.as_ref().ok_or(Error::Closed)?;
        rustix::fs::syncfs(disk).map_err(|e| sync()(e.into()))?;
        let (path, mut file) = self.temporary()?;
        file.write_all(&manifest.to_bytes()).and_then(|()| file.sync_all()).map_err(sync())?;
        let folder = self.root.join("snapshots");
        fs::rename(&path, folder.join(&manifest.id)).map_err(sync())?;
        sync_folder(&folder)?;
        fs::remove_file(self.root.join(UNFINISHED)).map_err(sync())
    }
}

fn missing_or(error: std::io::Error, path: &Path) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::Damaged { what: path.display().to_string(), why: "it is missing".into() };
    }
    Error::io(format!("read {}", path.display()))(error)
}

/// A file that is not what its name says.
pub(super) fn damaged(path: &Path) -> Error {
    let why = "its content does not match its name".into();
    Error::Damaged { what: path.display().to_string(), why }
}
