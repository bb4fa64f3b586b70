//! Files that arrive in pieces, however long that takes: appended to, cut to what is known to last, hashed once, and kept by their hash.
//!
//! They are in a folder of this machine, one file an upload, called by its id. Everything here blocks.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rigi_model::{ContentHash, UploadId};
use sha2::{Digest, Sha256};

use super::{Blobs, PIECE, Stored};
use crate::{Error, Result};

/// What was hashed of a file so far: remembered, so that a file in many pieces is not read again for each.
#[derive(Debug, Clone)]
pub struct Hashed {
    hash: Sha256,
    bytes: u64,
}

/// A file that arrives, open at its end.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    path: PathBuf,
    size: u64,
    /// `None`: a part of it was not seen by this process, or nobody asks for the hash.
    hashed: Option<Hashed>,
}

impl Blobs {
    fn arriving_path(&self, id: &UploadId) -> PathBuf {
        self.arriving.join(id.as_str())
    }

    /// Opens a file at its first `size` bytes, and cuts what is behind them; a new one, where that is none. `hashed` is what is
    /// known of them. `None`: so many bytes are not here.
    ///
    /// # Errors
    /// If the disk does not let it be opened.
    pub fn arrive(&self, id: &UploadId, size: u64, hashed: Option<Hashed>) -> Result<Option<Arriving>> {
        let path = self.arriving_path(id);
        let what = || Error::io(format!("open {}", path.display()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(size == 0).truncate(false);
        let mut file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(what())?,
        };
        if file.metadata().map_err(what())?.len() < size {
            return Ok(None);
        }
        file.set_len(size).and_then(|()| file.seek(SeekFrom::Start(size))).map_err(what())?;
        if size == 0 {
            crate::durable::sync_folder(&self.arriving)?;
        }
        let new = || (size == 0).then(|| Hashed { hash: Sha256::new(), bytes: 0 });
        let hashed = hashed.filter(|hashed| hashed.bytes == size).or_else(new);
        Ok(Some(Arriving { file, path, size, hashed }))
    }

    /// A new file of others that have arrived, one behind the other. `None`: one of them is not here.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn arrive_of(&self, id: &UploadId, parts: &[(UploadId, u64)]) -> Result<Option<Arriving>> {
        let Some(mut whole) = self.arrive(id, 0, None)? else { return Ok(None) };
        whole.hashed = None;
        for (part, size) in parts {
            let path = self.arriving_path(part);
            let from = match File::open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                opened => Some(opened.map_err(Error::io(format!("open {}", path.display())))?),
            };
            let copied = from.map(|from| std::io::copy(&mut from.take(*size), &mut whole.file)).transpose();
            let copied = copied.map_err(Error::io(format!("write {}", whole.path.display())));
            if !matches!(copied, Ok(Some(bytes)) if bytes == *size) {
                self.forget_arriving(id);
                return copied.map(|_| None);
            }
            whole.size += size;
        }
        whole.sync()?;
        Ok(Some(whole))
    }

    /// Whether so many bytes of one are here: not at another server, and not left out of a backup.
    #[must_use]
    pub fn has_arriving(&self, id: &UploadId, size: u64) -> bool {
        size == 0 || fs::metadata(self.arriving_path(id)).is_ok_and(|facts| facts.len() >= size)
    }

    /// Removes a file that is not wanted, or has been kept.
    pub fn forget_arriving(&self, id: &UploadId) {
        // It may never have begun, or have been moved where it belongs.
        let _ = fs::remove_file(self.arriving_path(id));
    }

    /// Where files arrive, and what is known of a name in there: whether it is one of these.
    #[must_use]
    pub fn arriving_folder(&self) -> &Path {
        &self.arriving
    }

    /// Whether a name of [`Self::arriving_folder`] is one of these.
    #[must_use]
    pub fn is_arriving(name: &str, open: &HashSet<UploadId>) -> bool {
        name.parse().is_ok_and(|id: UploadId| open.contains(&id))
    }

    /// Keeps a file that has arrived by its hash, which [`Arriving::hash`] told.
    ///
    /// # Errors
    /// If the disk or the bucket does not take it: then it can be kept another time.
    pub fn keep_arrived(&self, arrived: &Arriving, sha256: &ContentHash) -> Result<Stored> {
        let stored = Stored { sha256: *sha256, size: arrived.size };
        self.place.keep(&arrived.file, &arrived.path, &stored)?;
        Ok(stored)
    }
}

impl Arriving {
    /// Appends.
    ///
    /// # Errors
    /// If the disk does not take it: then all of these bytes are not there.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            self.cut(self.size, None)?;
            return Err(Error::io(format!("write {}", self.path.display()))(error));
        }
        self.size += bytes.len() as u64;
        if let Some(hashed) = &mut self.hashed {
            hashed.hash.update(bytes);
            hashed.bytes = self.size;
        }
        Ok(())
    }

    /// Nobody asks for the hash: this is a part of another.
    pub fn without_hash(&mut self) {
        self.hashed = None;
    }

    /// Bytes so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What is known of them.
    #[must_use]
    pub fn hashed(&self) -> Option<Hashed> {
        self.hashed.clone()
    }

    /// Goes back to what it was.
    ///
    /// # Errors
    /// If the disk does not let it.
    pub fn cut(&mut self, size: u64, hashed: Option<Hashed>) -> Result<()> {
        let cut = self.file.set_len(size).and_then(|()| self.file.seek(SeekFrom::Start(size)));
        cut.map_err(Error::io(format!("cut {}", self.path.display())))?;
        self.size = size;
        self.hashed = hashed.or_else(|| self.hashed.take()).filter(|hashed| hashed.bytes == size);
        Ok(())
    }

    /// For whoever makes it last while more is written.
    ///
    /// # Errors
    /// If the system has no more open files.
    pub fn shared(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io(format!("open {}", self.path.display())))
    }

    /// Makes what was written last.
    ///
    /// # Errors
    /// If the disk does not.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io(format!("write {}", self.path.display())))
    }

    /// The hash of all of it. What this process has not seen is read.
    ///
    /// # Errors
    /// If the disk does not let it be read.
    pub fn hash(&mut self) -> Result<ContentHash> {
        if let Some(Hashed { hash, .. }) = &self.hashed {
            return Ok(ContentHash::new(hash.clone().finalize().into()));
        }
        let (mut hash, mut piece, mut left) = (Sha256::new(), vec![0; PIECE], self.size);
        let what = || Error::io(format!("read {}", self.path.display()));
        self.file.rewind().map_err(what())?;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let n = self.file.read(&mut piece[..most]).map_err(what())?;
            if n == 0 {
                let why = format!("it ends {left} bytes early");
                return Err(Error::Damaged { what: self.path.display().to_string(), why });
            }
            hash.update(&piece[..n]);
            left -= n as u64;
        }
        self.hashed = Some(Hashed { hash: hash.clone(), bytes: self.size });
        Ok(ContentHash::new(hash.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use rigi_model::ProjectName;

    use super::*;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::default()).unwrap();
        (data, blobs)
    }

    fn hash_of(bytes: &[u8]) -> ContentHash {
        ContentHash::new(Sha256::digest(bytes).into())
    }

    #[test]
    fn what_is_behind_what_lasts_is_cut_and_the_hash_is_of_what_is_there() {
        let (_data, blobs) = blobs();
        let id = UploadId::generate();
        let mut file = blobs.arrive(&id, 0, None).unwrap().unwrap();
        file.write(b"one two").unwrap();
        let hashed = file.hashed();
        drop(file);
        // Another process, and one that knows what was hashed.
        for (size, hashed) in [(7, hashed.clone()), (3, hashed), (3, None)] {
            let mut file = blobs.arrive(&id, size, hashed).unwrap().unwrap();
            let kept = b"one two"[..usize::try_from(size).unwrap()].to_vec();
            assert_eq!(file.hash().unwrap(), hash_of(&kept));
            file.write(b"!").unwrap();
            assert_eq!(file.hash().unwrap(), hash_of(&[&kept[..], b"!"].concat()));
            file.cut(size, None).unwrap();
            assert_eq!(file.hash().unwrap(), hash_of(&kept));
        }
        assert!(blobs.arrive(&id, 4, None).unwrap().is_none(), "so many bytes are not there");
        assert!(blobs.arrive(&UploadId::generate(), 1, None).unwrap().is_none());
        let file = blobs.arrive(&id, 3, None).unwrap().unwrap();
        let stored = blobs.keep_arrived(&file, &hash_of(b"one")).unwrap();
        blobs.hold(&stored).unwrap();
        blobs.check(&stored.sha256).unwrap();
        assert!(blobs.arrive(&id, 3, None).unwrap().is_none(), "it was moved");
    }

    #[test]
    fn parts_are_put_together_in_their_order_or_not_at_all() {
        let (_data, blobs) = blobs();
        let parts = ["one ", "two"].map(|text| {
            let id = UploadId::generate();
            let mut part = blobs.arrive(&id, 0, None).unwrap().unwrap();
            part.write(text.as_bytes()).unwrap();
            (id, text.len() as u64)
        });
        let id = UploadId::generate();
        let mut whole = blobs.arrive_of(&id, &parts).unwrap().unwrap();
        assert_eq!((whole.size(), whole.hash().unwrap()), (7, hash_of(b"one two")));
        let short = [(parts[0].0.clone(), 4), (parts[1].0.clone(), 5)];
        let other = UploadId::generate();
        assert!(blobs.arrive_of(&other, &short).unwrap().is_none());
        assert!(blobs.arrive(&other, 1, None).unwrap().is_none(), "nothing is left of it");
    }
}
