//! Files by content: written once under a temporary name, checked, and moved to their hash.
//!
//! `<project>/blobs/<first two of the hash>/<hash>`; logs lie in `<project>/logs/`. Both below `objects/` in the data
//! folder, below another folder, or in a bucket.

pub mod area;
pub(crate) mod areas;
pub mod arriving;
pub mod incoming;
mod many;
mod others;
mod places;
mod reader;
pub(crate) mod settled;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use places::{BlobKind, Removal};
pub use reader::BlobReader;
use reader::{Remote, Source};

use rigi_model::hash::hex;
use rigi_model::{ContentHash, ProjectName};

use crate::bucket::Bucket;
use crate::bucket::cache::Cache;
use crate::durable::{make_folder, sync_folder};
use crate::storage::Storage;
use crate::{Error, Result};

/// Size of the pieces in which files are copied.
pub(crate) const PIECE: usize = 256 << 10;

/// Blobs of one project.
#[derive(Debug, Clone)]
pub struct Blobs {
    place: BlobPlace,
    temporary: PathBuf,
    /// Where files are that come in pieces, of all projects.
    arriving: PathBuf,
}

/// Where they lie.
#[derive(Debug, Clone)]
enum BlobPlace {
    Folder(PathBuf),
    Bucket(Arc<Bucket>, Cache),
}

/// A blob that is being written.
pub struct BlobWriter {
    file: File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
    place: BlobPlace,
}

/// A stored blob: what it is called and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Of the content.
    pub sha256: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// A blob's key below its project.
fn key_of(sha256: &ContentHash) -> String {
    let hash = sha256.to_string();
    format!("blobs/{}/{hash}", &hash[..2])
}

impl Blobs {
    /// The blobs of a project below a data folder; the folders are made.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn open(data: &Path, project: &ProjectName) -> Result<Self> {
        Self::open_at(data, project, &Storage::Data)
    }

    /// The blobs of a project; a bucket is not asked for anything yet.
    ///
    /// # Errors
    /// If folders cannot be made, or the bucket's configuration cannot be used.
    pub fn open_at(data: &Path, project: &ProjectName, storage: &Storage) -> Result<Self> {
        let (temporary, arriving) = (data.join("tmp"), data.join("uploads"));
        let (place, temporary, arriving) = match storage {
            Storage::Data => {
                (BlobPlace::Folder(data.join("objects").join(project.as_str())), temporary, arriving)
            }
            // On the same file system, so that files can be moved.
            Storage::Folder(folder) => {
                // Others may keep their files in the same folder, and each clears its own drafts.
                let own = hex(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..8]);
                let own = folder.join(".tmp").join(own);
                (BlobPlace::Folder(folder.join(project.as_str())), own.clone(), own.join("uploads"))
            }
            Storage::Bucket(config) => {
                let bucket = Arc::new(Bucket::open(config, project, data)?);
                (BlobPlace::Bucket(bucket, Cache::open(data)?), temporary, arriving)
            }
        };
        if let BlobPlace::Folder(root) = &place {
            make_folder(&root.join("blobs"))?;
            make_folder(&root.join("logs"))?;
        }
        make_folder(&temporary)?;
        make_folder(&arriving)?;
        Ok(Self { place, temporary, arriving })
    }

    /// Those of another project, in the same storage. Their folders are made with the first file.
    pub(crate) fn of(&self, project: &ProjectName) -> Self {
        let place = match &self.place {
            BlobPlace::Folder(root) => BlobPlace::Folder(root.with_file_name(project.as_str())),
            BlobPlace::Bucket(bucket, cache) => {
                BlobPlace::Bucket(Arc::new(bucket.of(project)), cache.clone())
            }
        };
        Self { place, temporary: self.temporary.clone(), arriving: self.arriving.clone() }
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// If no temporary file can be made.
    pub fn create(&self) -> Result<BlobWriter> {
        let path = self.temporary("blob");
        let file = File::create_new(&path).map_err(Error::io(format!("create {}", path.display())))?;
        Ok(BlobWriter { file, path, hash: Sha256::new(), size: 0, place: self.place.clone() })
    }

    /// What was being written when an earlier process ended, which nobody finishes, of all projects. To be asked before
    /// anything is written.
    #[must_use]
    pub fn drafts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.temporary).into_iter().flatten().flatten();
        let is_draft = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains('-');
        entries.filter(is_draft).map(|entry| entry.path()).collect()
    }

    fn temporary(&self, what: &str) -> PathBuf {
        self.temporary.join(format!("{what}-{}", rigi_model::UploadId::generate()))
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

    /// Opens a blob for reading. What is read is compared with what was stored: see [`BlobReader`].
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub fn get(&self, sha256: &ContentHash) -> Result<BlobReader> {
        let missing = || Error::NotFound { what: "stored file", id: sha256.to_string() };
        let source = match &self.place {
            BlobPlace::Folder(root) => {
                let path = root.join(key_of(sha256));
                let file = File::open(&path).map_err(|e| match e.kind() {
                    std::io::ErrorKind::NotFound => missing(),
                    _ => Error::io(format!("open {}", path.display()))(e),
                })?;
                Source::File(file, path)
            }
            BlobPlace::Bucket(bucket, _) => match Remote::open(bucket.clone(), key_of(sha256)) {
                Err(Error::NotFound { .. }) => return Err(missing()),
                opened => Source::Remote(opened?),
            },
        };
        Ok(BlobReader::new(source, sha256))
    }

    /// Reads a blob to its end, to see whether it is what was stored.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is not.
    pub fn check(&self, sha256: &ContentHash) -> Result<()> {
        let mut reader = self.get(sha256)?;
        while reader.next_piece()?.is_some() {}
        Ok(())
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

    /// Appends so many zeros as a hole, which takes no room on the disk.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn skip(&mut self, bytes: u64) -> Result<()> {
        let zeros = vec![0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let n = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            self.hash.update(&zeros[..n]);
            left -= n as u64;
        }
        self.size += bytes;
        let hole = SeekFrom::Start(self.size);
        self.file
            .set_len(self.size)
            .and_then(|()| self.file.seek(hole))
            .map(drop)
            .map_err(Error::io(format!("write {}", self.path.display())))
    }

    /// Makes it durable under its hash. A blob of the same content stays as it is.
    ///
    /// # Errors
    /// If the disk or the bucket does not take it; then nothing is stored.
    pub fn finish(mut self) -> Result<Stored> {
        let sha256 = ContentHash::new(std::mem::replace(&mut self.hash, Sha256::new()).finalize().into());
        let size = self.size;
        let stored = Stored { sha256, size };
        self.place.keep(&self.file, &self.path, &stored)?;
        Ok(stored)
    }
}

impl BlobPlace {
    /// Makes a file that was written durable under its hash. In a folder it is moved there, unless the same is there already.
    fn keep(&self, file: &File, path: &Path, content: &Stored) -> Result<()> {
        let root = match self {
            Self::Folder(root) => root,
            Self::Bucket(bucket, _) => return bucket.store(&key_of(&content.sha256), path, content.size),
        };
        let target = root.join(key_of(&content.sha256));
        let folder = target.parent().unwrap_or(root);
        if fs::metadata(&target).is_ok_and(|m| m.len() == content.size) {
            return touch(&target);
        }
        file.sync_data().map_err(Error::io(format!("write {}", path.display())))?;
        make_folder(folder)?;
        fs::rename(path, &target).map_err(Error::io(format!("move to {}", target.display())))?;
        sync_folder(folder)
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After a finish the file is gone from here, and this fails as it should.
        let _ = fs::remove_file(&self.path);
    }
}

/// In use again: a collection looks at the time before it looks at who refers to it.
fn touch(file: &Path) -> Result<()> {
    File::open(file)
        .and_then(|file| file.set_modified(std::time::SystemTime::now()))
        .map_err(Error::io(format!("touch {}", file.display())))
}

/// Hands the pieces of a file to `each`.
fn each_piece(path: &Path, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let read = || Error::io(format!("read {}", path.display()));
    let mut file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Damaged { what: path.display().to_string(), why: "it is missing".into() }
        }
        _ => read()(e),
    })?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(read())? {
            0 => return Ok(()),
            n => each(&piece[..n])?,
        }
    }
}

/// The hash of what is in a file. A file that is missing is damage.
pub(crate) fn hash_of(path: &Path) -> Result<ContentHash> {
    let mut hash = Sha256::new();
    each_piece(path, |piece| {
        hash.update(piece);
        Ok(())
    })?;
    Ok(ContentHash::new(hash.finalize().into()))
}

/// Copies a file. Returns the SHA-256 of what was copied.
pub(crate) fn copy_hashed(from: &Path, to: &Path) -> Result<ContentHash> {
    let write = || Error::io(format!("write {}", to.display()));
    let mut out = File::create(to).map_err(write())?;
    let mut hash = Sha256::new();
    each_piece(from, |piece| {
        hash.update(piece);
        out.write_all(piece).map_err(write())
    })?;
    Ok(ContentHash::new(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_stored_once_and_a_dropped_writer_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::default()).unwrap();
        let first = blobs.put(&b"hello"[..]).unwrap();
        assert_eq!(
            first.sha256.to_string(),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert_eq!(blobs.put(&b"hello"[..]).unwrap(), first);
        let mut reader = blobs.get(&first.sha256).unwrap();
        assert_eq!(reader.next_piece().unwrap().as_deref(), Some(&b"hello"[..]));
        assert_eq!(reader.next_piece().unwrap(), None);
        let mut writer = blobs.create().unwrap();
        writer.write(b"half").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
        // One that a killed process was writing.
        let killed = std::mem::ManuallyDrop::new(blobs.create().unwrap());
        assert_eq!(blobs.drafts(), std::slice::from_ref(&killed.path));
        assert!(matches!(blobs.get(&ContentHash::new([0; 32])), Err(Error::NotFound { .. })));
    }

    #[test]
    fn a_hole_is_stored_as_the_zeros_that_it_is() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::default()).unwrap();
        let mut writer = blobs.create().unwrap();
        writer.skip(3 * PIECE as u64 + 1).unwrap();
        writer.write(b"end").unwrap();
        writer.skip(5).unwrap();
        let stored = writer.finish().unwrap();
        let full = [vec![0; 3 * PIECE + 1], b"end".to_vec(), vec![0; 5]].concat();
        assert_eq!(blobs.put(&full[..]).unwrap(), stored);
        blobs.check(&stored.sha256).unwrap();
    }

    #[test]
    fn a_flipped_byte_or_a_cut_is_never_read_to_the_end() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::default()).unwrap();
        for size in [0, 1, 1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let good: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let stored = blobs.put(&good[..]).unwrap();
            blobs.check(&stored.sha256).unwrap();
            let path = blobs.folder().unwrap().join(key_of(&stored.sha256));
            let flip = |at: usize| {
                let mut bad = good.clone();
                bad[at] ^= 0x10;
                bad
            };
            let mut bads: Vec<Vec<u8>> = [0, size / 2, size.saturating_sub(1)]
                .into_iter()
                .filter(|at| *at < size)
                .flat_map(|at| [flip(at), good[..at].to_vec()])
                .collect();
            bads.push([&good[..], b"more"].concat());
            for bad in bads {
                fs::write(&path, &bad).unwrap();
                let mut reader = blobs.get(&stored.sha256).unwrap();
                let mut given = 0;
                let error = loop {
                    match reader.next_piece() {
                        Ok(Some(piece)) => given += piece.len(),
                        Ok(None) => panic!("{size} bytes: damage was read to the end"),
                        Err(error) => break error,
                    }
                };
                assert!(matches!(error, Error::Damaged { .. }));
                assert!(given < bad.len().max(1), "{given} of {size} bytes were given");
            }
            fs::write(&path, &good).unwrap();
        }
    }
}
