//! Where files are looked for: folders of the machine that may be, and the project's storage.

use std::path::{Path, PathBuf};

use rigi_model::triggers::files::{FoundFile, Pattern};
use rigi_store::Stored;
use rigi_store::blobs::Blobs;
use rigi_store::blobs::incoming::{Depth, list_folder};

use crate::watched_folders::WatchedFolders;

/// Files below one pattern that are gone through, at most.
const MOST_FILES: usize = 100_000;

/// A folder that is looked at, or a part of the project's storage.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pattern: Pattern,
    blobs: Blobs,
    allowed: WatchedFolders,
    data: PathBuf,
}

impl Place {
    pub fn new(pattern: Pattern, blobs: Blobs, allowed: WatchedFolders, data: &Path) -> Self {
        Self { pattern, blobs, allowed, data: data.to_owned() }
    }

    /// The folder of the machine, where it is one.
    pub fn local(&self) -> Option<&Path> {
        (!self.pattern.stored).then(|| Path::new(&self.pattern.folder))
    }

    /// The files that are there now. Blocks.
    ///
    /// # Errors
    /// In words.
    pub fn list(&self) -> Result<Vec<FoundFile>, String> {
        let depth = if self.pattern.deep { Depth::All } else { Depth::Here };
        let found = match self.local() {
            None => self.blobs.list_area(&self.pattern.folder, depth, MOST_FILES),
            Some(folder) => list_folder(&self.allowed.check(folder, &self.data)?, depth, MOST_FILES),
        };
        let found = found.map_err(|error| rigi_model::causes::with_causes(&error))?;
        let found = found.ok_or_else(|| {
            format!("more than {MOST_FILES} files lie there: let those that are done be moved away")
        })?;
        let files = found.into_iter().map(|file| FoundFile {
            path: file.path,
            size: file.size,
            modified: file.modified,
        });
        Ok(files.filter(|file| self.pattern.means(&file.path)).collect())
    }

    /// Stores what is in a file. Blocks.
    ///
    /// # Errors
    /// In words.
    pub fn take(&self, path: &str) -> Result<Stored, String> {
        let taken = match self.local() {
            None => self.blobs.take_from_area(path),
            Some(folder) => self.blobs.take_from_folder(&self.allowed.check(folder, &self.data)?, path),
        };
        taken.map_err(|error| rigi_model::causes::with_causes(&error))
    }
}
