//! Files by content, below the data folder: written once under a temporary name, checked, and moved to their hash.
//!
//! `objects/<project>/blobs/<first two of the hash>/<hash>`; logs lie in `objects/<project>/logs/`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Size of the pieces in which files are copied.
const PIECE: usize = 256 << 10;

/// Blobs of one project.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
    temporary: PathBuf,
}

/// A blob that is being written.
pub struct BlobWriter {
    file: File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
    root: PathBuf,
}

/// A stored blob: what it is called and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of the content, hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Lower-case hex of a digest.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[(b >> 4) as usize] as char, DIGITS[(b & 15) as usize] as char])
        .collect()
}

impl Blobs {
    /// The blobs of a project below a data folder; the folders are made.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn open(data: &Path, project: &str) -> Result<Self> {
        let root = data.join("objects").join(project);
        let temporary = data.join("tmp");
        for folder in [&root.join("blobs"), &root.join("logs"), &temporary] {
            make_folder(folder)?;
        }
        Ok(Self { root, temporary })
    }

    /// Where a blob lies.
    #[must_use]
    pub fn path(&self, sha256: &str) -> PathBuf {
        let prefix = sha256.get(..2).unwrap_or("__");
        self.root.join("blobs").join(prefix).join(sha256)
    }

    /// Where a log object lies.
    #[must_use]
    pub fn log_path(&self, object: &str) -> PathBuf {
        self.root.join("logs").join(object)
    }

    /// The folder of everything that belongs to the project.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// If no temporary file can be made.
    pub fn create(&self) -> Result<BlobWriter> {
        let name = rigi_model::UploadId::generate();
        let path = self.temporary.join(format!("blob-{name}"));
        let file = File::create_new(&path).map_err(Error::io(format!("create {}", path.display())))?;
        Ok(BlobWriter { file, path, hash: Sha256::new(), size: 0, root: self.root.clone() })
    }

    /// Stores what a reader gives.
    ///
    /// # Errors
    /// If reading or writing fails; then nothing is stored.
    pub fn put(&self, mut reader: impl Read) -> Result<Stored> {
        let mut writer = self.create()?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = reader.read(&mut piece).map_err(Error::io("read what is to be stored"))?;
            if n == 0 {
                return writer.finish();
            }
            writer.write(&piece[..n])?;
        }
    }

    /// Reads every blob and names those whose content does not match their hash.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn verify(&self) -> Result<Vec<String>> {
        let mut damaged = Vec::new();
        let what = || format!("read {}", self.root.display());
        for folder in fs::read_dir(self.root.join("blobs")).map_err(Error::io(what()))? {
            let folder = folder.map_err(Error::io(what()))?.path();
            for item in fs::read_dir(&folder).map_err(Error::io(what()))? {
                let path = item.map_err(Error::io(what()))?.path();
                let mut hash = Sha256::new();
                let read = File::open(&path).and_then(|mut file| {
                    let mut piece = vec![0; PIECE];
                    loop {
                        match file.read(&mut piece)? {
                            0 => return Ok(()),
                            n => hash.update(&piece[..n]),
                        }
                    }
                });
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if read.is_err() || hex(&hash.finalize()) != name {
                    damaged.push(path.display().to_string());
                }
            }
        }
        Ok(damaged)
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub fn get(&self, sha256: &str) -> Result<File> {
        let path = self.path(sha256);
        File::open(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { what: "stored file", id: sha256.to_owned() },
            _ => Error::Io { what: format!("open {}", path.display()), source: e },
        })
    }
}

impl BlobWriter {
    /// Appends.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Error::io(format!("write {}", self.path.display())))
    }

    /// Makes it durable under its hash. A blob of the same content stays as it is.
    ///
    /// # Errors
    /// If the disk does not take it; then nothing is stored.
    pub fn finish(mut self) -> Result<Stored> {
        let sha256 = hex(&std::mem::replace(&mut self.hash, Sha256::new()).finalize());
        let folder = self.root.join("blobs").join(&sha256[..2]);
        let target = folder.join(&sha256);
        let size = self.size;
        if fs::metadata(&target).is_ok_and(|m| m.len() == size) {
            // In use again: a collection looks at the time before it looks at who refers to it.
            File::open(&target)
                .and_then(|file| file.set_modified(std::time::SystemTime::now()))
                .map_err(Error::io(format!("touch {}", target.display())))?;
            return Ok(Stored { sha256, size });
        }
        self.file.sync_data().map_err(Error::io(format!("write {}", self.path.display())))?;
        make_folder(&folder)?;
        fs::rename(&self.path, &target).map_err(Error::io(format!("move to {}", target.display())))?;
        sync_folder(&folder)?;
        Ok(Stored { sha256, size })
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After a finish the file is gone from here, and this fails as it should.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a folder and those above it that are not there, so that they are there after a loss of power too.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::io(format!("make the folder {}", folder.display()))(error))
        }
        // Also where somebody else has just made it: it must last before anything in it counts.
        _ => folder.parent().map_or(Ok(()), sync_folder),
    }
}

/// Makes a rename durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    let what = || format!("write the folder {}", folder.display());
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io(what()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_stored_once_and_a_dropped_writer_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), "default").unwrap();
        let first = blobs.put(&b"hello"[..]).unwrap();
        assert_eq!(first.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(blobs.put(&b"hello"[..]).unwrap(), first);
        let mut text = String::new();
        blobs.get(&first.sha256).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        let mut writer = blobs.create().unwrap();
        writer.write(b"half").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
        assert!(matches!(blobs.get("00ff"), Err(Error::NotFound { .. })));
    }
}
