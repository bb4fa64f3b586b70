//! Files that others put somewhere: into a folder of the machine, or into a project's area beside Rigi's own.
//!
//! Links are not followed, whatever becomes of a folder between looking and reading. Everything here blocks.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rigi_model::Timestamp;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::Blobs;
use super::places::micros;
use super::reader::Remote;
use crate::blobs::{BlobPlace, Stored};
use crate::{Error, Result};

/// How deep folders are gone through.
const DEEPEST: usize = 32;

/// A file that lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its path: absolute in a folder of the machine, else below the project's area.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was changed last.
    pub modified: Timestamp,
}

/// Whether folders below are gone through too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The files right in it.
    Here,
    /// All below.
    All,
}

/// The files of a folder of the machine; `None`: there are more than `most`.
///
/// # Errors
/// If it cannot be read.
pub fn list_folder(folder: &Path, depth: Depth, most: usize) -> Result<Option<Vec<Incoming>>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((at, level)) = folders.pop() {
        let broken = || Error::io(format!("read {}", at.display()));
        let entries = match std::fs::read_dir(&at) {
            // It was there a moment ago.
            Err(error) if level > 0 && error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(broken())?,
        };
        for entry in entries {
            let entry = entry.map_err(broken())?;
            let Ok(facts) = entry.metadata() else { continue };
            let path = entry.path();
            // A name that is no text cannot be said in a parameter.
            let Some(text) = path.to_str().map(str::to_owned) else { continue };
            if facts.is_dir() && depth == Depth::All && level < DEEPEST {
                folders.push((path, level + 1));
            } else if facts.is_file() {
                let modified = facts.modified().map_or(Timestamp(0), micros);
                found.push(Incoming { path: text, size: facts.len(), modified });
                if found.len() > most {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(found))
}

/// Opens a file below a folder, if no link leads to it and it is a plain file.
fn open_below(folder: &Path, path: &Path) -> Result<File> {
    let broken = |error: std::io::Error| Error::io(format!("read {}", path.display()))(error);
    let below = path.strip_prefix(folder).map_err(|_| broken(std::io::ErrorKind::NotFound.into()))?;
    let root = File::open(folder).map_err(broken)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opened = rustix::fs::openat2(&root, below.as_os_str().as_bytes(), flags, Mode::empty(), resolve);
    let file = File::from(opened.map_err(|error| broken(error.into()))?);
    match file.metadata().map_err(broken)?.is_file() {
        true => Ok(file),
        false => Err(broken(std::io::Error::other("it is no plain file"))),
    }
}

impl Blobs {
    /// The files that others put below a folder of the project's area; `None`: there are more than `most`.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn list_area(&self, folder: &str, depth: Depth, most: usize) -> Result<Option<Vec<Incoming>>> {
        let bucket = match &self.place {
            BlobPlace::Folder(root) => {
                let at = root.join(folder);
                // Nobody has put anything there so far.
                if !at.exists() {
                    return Ok(Some(Vec::new()));
                }
                let found = list_folder(&at, depth, most)?;
                let below = |file: Incoming| {
                    let path = Path::new(&file.path).strip_prefix(root).ok()?.to_str()?.to_owned();
                    Some(Incoming { path, ..file })
                };
                return Ok(found.map(|found| found.into_iter().filter_map(below).collect()));
            }
            BlobPlace::Bucket(bucket, _) => bucket,
        };
        let mut found = Vec::new();
        let head = format!("{folder}/");
        bucket.list(folder, |key, facts| {
            let here = key.strip_prefix(&head).is_some_and(|rest| depth == Depth::All || !rest.contains('/'));
            if here && found.len() <= most {
                found.push(Incoming { path: key.to_owned(), size: facts.size, modified: facts.modified });
            }
            Ok(())
        })?;
        Ok((found.len() <= most).then_some(found))
    }

    /// Stores what is in a file of the project's area.
    ///
    /// # Errors
    /// If it cannot be read or stored.
    pub fn take_from_area(&self, path: &str) -> Result<Stored> {
        match &self.place {
            BlobPlace::Folder(root) => self.put(open_below(root, &root.join(path))?),
            BlobPlace::Bucket(bucket, _) => {
                let mut remote = Remote::open(bucket.clone(), path.to_owned())?;
                let mut writer = self.create()?;
                loop {
                    let piece = remote.read()?;
                    if piece.is_empty() {
                        return writer.finish();
                    }
                    writer.write(&piece)?;
                }
            }
        }
    }

    /// Stores what is in a file of a folder of the machine.
    ///
    /// # Errors
    /// If it cannot be read or stored.
    pub fn take_from_folder(&self, folder: &Path, path: &str) -> Result<Stored> {
        self.put(open_below(folder, &PathBuf::from(path))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rigi_model::ProjectName;

    #[test]
    fn plain_files_are_found_and_links_lead_nowhere() {
        let there = tempfile::tempdir().unwrap();
        let root = there.path().canonicalize().unwrap();
        let (inside, outside) = (root.join("in"), root.join("out"));
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(inside.join("a.csv"), "1").unwrap();
        std::fs::write(inside.join("deep/b.csv"), "22").unwrap();
        std::fs::write(outside.join("secret"), "3").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), inside.join("link")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("folder")).unwrap();
        let names = |depth| {
            let mut found = list_folder(&inside, depth, 10).unwrap().unwrap();
            found.sort_by(|one, other| one.path.cmp(&other.path));
            found
                .into_iter()
                .map(|file| (file.path.replace(root.to_str().unwrap(), ""), file.size))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Depth::Here), [("/in/a.csv".to_owned(), 1)]);
        assert_eq!(names(Depth::All), [("/in/a.csv".to_owned(), 1), ("/in/deep/b.csv".to_owned(), 2)]);
        assert_eq!(list_folder(&inside, Depth::All, 1).unwrap(), None);
        assert!(list_folder(&root.join("none"), Depth::Here, 1).is_err());

        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &ProjectName::unchecked("p")).unwrap();
        let take = |path: &str| blobs.take_from_folder(&inside, inside.join(path).to_str().unwrap());
        assert_eq!(take("deep/b.csv").unwrap().size, 2);
        for wrong in ["link", "folder/secret", "../out/secret", "deep", "none"] {
            assert!(take(wrong).is_err(), "{wrong}");
        }
        assert_eq!(blobs.list_area("incoming", Depth::All, 5).unwrap(), Some(Vec::new()));
        let area = blobs.folder().unwrap().join("incoming");
        std::fs::create_dir(&area).unwrap();
        std::fs::write(area.join("x"), "xyz").unwrap();
        let found = blobs.list_area("incoming", Depth::Here, 5).unwrap().unwrap();
        assert_eq!((found[0].path.as_str(), found[0].size), ("incoming/x", 3));
        assert_eq!(blobs.take_from_area("incoming/x").unwrap().size, 3);
    }
}
