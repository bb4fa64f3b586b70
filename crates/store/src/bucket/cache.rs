//! Copies of what lies in a bucket, in the data folder: what is read as a file, or again and again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::durable::make_folder;
use crate::{Error, Result};

/// Above so many bytes, what was used longest ago goes.
const LIMIT: u64 = 1 << 30;
/// What was used so lately stays: an attempt may be about to copy it.
const IN_USE: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub fn open(data: &Path) -> Result<Self> {
        let folder = data.join("cache").join("objects");
        make_folder(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name.replace('/', "-"))
    }

    /// The copy, if there is one; it counts as used.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name);
        let used = |file: File| file.set_modified(SystemTime::now());
        File::options().write(true).open(&path).and_then(used).ok().map(|()| path)
    }

    /// Takes a file over as the copy.
    pub fn keep(&self, name: &str, draft: &Path) -> Result<PathBuf> {
        let path = self.path(name);
        fs::rename(draft, &path).map_err(Error::io(format!("move to {}", path.display())))?;
        self.trim();
        Ok(path)
    }

    /// A copy that is not what it should be.
    pub fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
    }

    /// Lets go what was used longest ago. What cannot be looked at or removed is left for another time.
    pub fn trim(&self) {
        let facts = |entry: fs::DirEntry| {
            let facts = entry.metadata().ok()?;
            Some((facts.modified().ok()?, facts.len(), entry.path()))
        };
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut all: Vec<_> = entries.filter_map(|entry| facts(entry.ok()?)).collect();
        let mut bytes: u64 = all.iter().map(|(_, size, _)| size).sum();
        all.sort();
        for (used, size, path) in all {
            let lately = used.elapsed().is_ok_and(|age| age < IN_USE);
            if bytes <= LIMIT || lately {
                return;
            }
            if fs::remove_file(&path).is_ok() {
                bytes -= size;
            }
        }
    }
}
