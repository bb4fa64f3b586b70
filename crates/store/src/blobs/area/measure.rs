//! What the files of a project take, and those that go: parts that nobody goes on with, and what runs have written themselves.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rigi_model::{RunId, Timestamp};

use super::folder::{FolderArea, modified};
use crate::blobs::{BlobPlace, Blobs, Removal};
use crate::{Error, Result};

/// Files and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Blobs {
    /// What each part of the project's area takes, by looking at all of it. Blocks.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn measure(&self) -> Result<BTreeMap<String, Taken>> {
        let mut parts = BTreeMap::<String, Taken>::new();
        let mut add = |part: &str, bytes: u64| {
            let taken = parts.entry(part.to_owned()).or_default();
            taken.files += 1;
            taken.bytes += bytes;
        };
        match &self.place {
            BlobPlace::Folder(root) => {
                for entry in fs::read_dir(root).into_iter().flatten().flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    each_file(&entry.path(), &mut |_, facts| add(&name, facts.len()))?;
                }
            }
            BlobPlace::Bucket(bucket, _) => bucket.list("", |key, facts| {
                add(key.split('/').next().unwrap_or(key), facts.size);
                Ok(())
            })?,
        }
        Ok(parts)
    }

    /// Removes parts of files that nobody has gone on with since `before`; a bucket's are its own to remove. How many there were.
    #[must_use]
    pub fn give_up_parts(&self, before: SystemTime) -> u64 {
        match &self.place {
            BlobPlace::Folder(root) => {
                FolderArea { root: root.clone(), temporary: self.temporary.clone() }.give_up_old(before)
            }
            BlobPlace::Bucket(..) => 0,
        }
    }
}

/// All plain files below a folder, links left out.
fn each_file(folder: &Path, each: &mut impl FnMut(&Path, &fs::Metadata)) -> Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let entries = match fs::read_dir(&at) {
            // It went away meanwhile, or is a file.
            Err(_) => continue,
            Ok(entries) => entries,
        };
        for entry in entries {
            let entry = entry.map_err(Error::io(format!("read {}", at.display())))?;
            let Ok(facts) = entry.metadata() else { continue };
            if facts.is_dir() {
                folders.push(entry.path());
            } else if facts.is_file() {
                each(&entry.path(), &facts);
            }
        }
    }
    Ok(())
}

fn of_runs(root: &Path) -> PathBuf {
    root.join("processes")
}

/// The runs that have a folder of their own.
pub(crate) fn runs_with_files(root: &Path) -> Vec<RunId> {
    let entries = fs::read_dir(of_runs(root)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Removes the folder of a run, if all of it was written within `ages`. Files and bytes.
pub(crate) fn remove_files_of(
    root: &Path,
    run: &RunId,
    ages: &Range<Timestamp>,
    removal: Removal,
) -> Result<(u64, u64)> {
    let folder = of_runs(root).join(run.as_str());
    let (mut taken, mut all_within) = (Taken::default(), true);
    each_file(&folder, &mut |_, facts| {
        taken.files += 1;
        taken.bytes += facts.len();
        all_within &= ages.contains(&modified(facts));
    })?;
    if !all_within {
        return Ok((0, 0));
    }
    if removal == Removal::Now {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(format!("remove {}", folder.display()))(error));
            }
            _ => {}
        }
    }
    Ok((taken.files, taken.bytes))
}
