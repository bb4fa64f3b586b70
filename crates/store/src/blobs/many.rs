//! Many small files at once: a disk is waited for once for all of them, and not for each.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rigi_model::ContentHash;
use sha2::{Digest, Sha256};

use super::{BlobPlace, Blobs, key_of, touch};
use crate::durable::{make_folder, sync_folder};
use crate::{Error, Result};

/// Calls of a bucket at a time.
const TOGETHER: usize = 16;

/// A file that is written and not in its place yet.
struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once it is in its place, it is not here any more.
        let _ = fs::remove_file(&self.path);
    }
}

impl Blobs {
    /// Stores files, each of which fits into memory: all are durable when this returns.
    ///
    /// # Errors
    /// If one cannot be written; others may be stored then.
    pub fn put_all(&self, files: &[Vec<u8>]) -> Result<()> {
        match &self.place {
            BlobPlace::Folder(root) => self.put_in(root, files),
            BlobPlace::Bucket(..) => self.put_side_by_side(files),
        }
    }

    fn put_in(&self, root: &Path, files: &[Vec<u8>]) -> Result<()> {
        let mut drafts = Vec::new();
        for bytes in files {
            let target = root.join(key_of(&ContentHash::new(Sha256::digest(bytes).into())));
            if fs::metadata(&target).is_ok_and(|there| there.len() == bytes.len() as u64) {
                touch(&target)?;
                continue;
            }
            let draft = Draft { path: self.temporary("blob"), target };
            fs::write(&draft.path, bytes).map_err(Error::io(format!("write {}", draft.path.display())))?;
            drafts.push(draft);
        }
        if drafts.is_empty() {
            return Ok(());
        }
        // What is under its hash is taken for whole: nothing is before all of it is on the disk.
        let settle = || Ok(rustix::fs::syncfs(File::open(&self.temporary)?)?);
        settle().map_err(Error::io(format!("write {}", self.temporary.display())))?;
        let mut folders = BTreeSet::new();
        for draft in &drafts {
            let folder = draft.target.parent().unwrap_or(root);
            if folders.insert(folder.to_owned()) {
                make_folder(folder)?;
            }
            fs::rename(&draft.path, &draft.target)
                .map_err(Error::io(format!("move to {}", draft.target.display())))?;
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn put_side_by_side(&self, files: &[Vec<u8>]) -> Result<()> {
        let share = files.len().div_ceil(TOGETHER).max(1);
        std::thread::scope(|scope| {
            let put = |some: &[Vec<u8>]| some.iter().try_for_each(|bytes| self.put(&bytes[..]).map(drop));
            let threads: Vec<_> = files.chunks(share).map(|some| scope.spawn(move || put(some))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(Error::Closed)))
        })
    }
}

#[cfg(test)]
mod tests {
    use rigi_model::ProjectName;

    use super::*;

    #[test]
    fn many_are_stored_as_one_is() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::default()).unwrap();
        let there = blobs.put(&b"there"[..]).unwrap();
        let files: Vec<Vec<u8>> = (0..300).map(|n| format!("file {}", n % 250).into_bytes()).collect();
        blobs.put_all(&[files.clone(), vec![b"there".to_vec(), Vec::new()]].concat()).unwrap();
        for bytes in files.iter().chain([&b"there".to_vec(), &Vec::new()]) {
            blobs.check(&ContentHash::new(Sha256::digest(bytes).into())).unwrap();
        }
        assert_eq!(blobs.put(&b"there"[..]).unwrap(), there);
        assert_eq!(fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
        blobs.put_all(&[]).unwrap();
    }
}
