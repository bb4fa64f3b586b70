//! Where stored files are put by a restore: a folder, or a bucket.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rigi_model::ProjectName;

use super::objects::StoredFile;
use super::repository::damaged;
use super::restore::{Target, sync_disk};
use crate::blobs::{copy_hashed, hash_of};
use crate::bucket::Bucket;
use crate::{Error, Result, Storage};

/// See the module.
pub(super) enum Files {
    /// In the data folder, whose emptiness is looked at with all that is in it.
    Data(PathBuf),
    /// In a folder of their own.
    Folder(PathBuf),
    /// With the files of all projects.
    Bucket(Bucket),
}

impl Files {
    pub fn of(target: &Target) -> Result<Self> {
        Ok(match &target.storage {
            Storage::Data => Self::Data(target.data.join("objects")),
            Storage::Folder(folder) => Self::Folder(folder.clone()),
            Storage::Bucket(config) => {
                Self::Bucket(Bucket::open(config, &ProjectName::default(), &target.data)?.whole())
            }
        })
    }

    /// Which place it is, for people and for the next restore.
    pub fn name(&self) -> String {
        match self {
            Self::Data(folder) | Self::Folder(folder) => folder.display().to_string(),
            Self::Bucket(bucket) => bucket.name(""),
        }
    }

    pub fn refuse_full(&self) -> Result<()> {
        let found = match self {
            Self::Data(_) => None,
            Self::Folder(folder) => match fs::read_dir(folder) {
                Ok(mut entries) => entries.find_map(|entry| {
                    let name = entry.ok()?.file_name().to_string_lossy().into_owned();
                    (name != ".tmp").then_some(name)
                }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(Error::io(format!("read {}", folder.display()))(error)),
            },
            Self::Bucket(bucket) => {
                let mut found = bucket.any("")?;
                for project in bucket.own() {
                    found = found.map_or_else(|| bucket.of(project).any(""), |found| Ok(Some(found)))?;
                }
                found
            }
        };
        match found {
            None => Ok(()),
            Some(name) => {
                let what = format!("the storage {}", self.name());
                Err(Error::NotEmpty { what, holds: format!("`{name}`") })
            }
        }
    }

    /// Puts a file of the backup into its place.
    pub fn put(&self, from: &Path, file: &StoredFile) -> Result<()> {
        let root = match self {
            Self::Data(folder) | Self::Folder(folder) => folder,
            Self::Bucket(bucket) => {
                if hash_of(from)?.to_string() != file.sha256 {
                    return Err(damaged(from));
                }
                return match own_of(bucket, file.area()) {
                    Some(own) => own.upload(file.path.split_once('/').unwrap_or_default().1, from, file.size),
                    None => bucket.upload(&file.path, from, file.size),
                };
            }
        };
        let to = root.join(&file.path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(Error::io(format!("make the folder {}", folder.display())))?;
        }
        if copy_hashed(from, &to)?.to_string() != file.sha256 {
            return Err(damaged(from));
        }
        // A collection looks at the age of files, the next backup at what has changed.
        let modified = UNIX_EPOCH + Duration::from_micros(u64::try_from(file.modified).unwrap_or(0));
        let dated = File::options().write(true).open(&to).and_then(|file| file.set_modified(modified));
        dated.map_err(Error::io(format!("write {}", to.display())))
    }

    /// Makes what was put durable; a bucket says that a file is there when it is.
    pub fn sync(&self) -> Result<()> {
        match self {
            Self::Folder(folder) if folder.is_dir() => sync_disk(folder),
            Self::Data(_) | Self::Folder(_) | Self::Bucket(_) => Ok(()),
        }
    }

    /// Removes what a restore has put into the empty place, and nothing else: others may have come since.
    pub fn clear(&self, areas: &BTreeSet<String>) -> Result<()> {
        areas.iter().try_for_each(|area| match self {
            // With the rest of the data folder.
            Self::Data(_) => Ok(()),
            Self::Folder(folder) => remove(&folder.join(area)),
            Self::Bucket(bucket) => {
                let own = own_of(bucket, area);
                let (bucket, area) = own.as_ref().map_or((bucket, area.as_str()), |own| (own, ""));
                let mut keys = Vec::new();
                bucket.list(area, |key, _| {
                    keys.push(key.to_owned());
                    Ok(())
                })?;
                keys.chunks(1000).try_for_each(|keys| bucket.remove(keys.to_vec()))
            }
        })
    }
}

/// The place of a project that has one of its own.
fn own_of(bucket: &Bucket, area: &str) -> Option<Bucket> {
    bucket.own().find(|project| project.as_str() == area).map(|project| bucket.of(project))
}

/// Removes a file, or a folder with all that is in it; what is not there is no mistake.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}
