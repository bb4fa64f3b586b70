//! Attempts' folders that were left just as they were made are given to the next attempt of the same code.
//!
//! Making and removing folders and files is what a short run would cost most: file systems put off using again what
//! was removed a moment ago, and look for something else first. A rename costs a twentieth. What is given on is
//! compared by content with what would be made, so that no attempt can tell the difference.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::removal;
use super::staging::{Item, Version, Versions};
use crate::layout::name;

/// So many folders are kept.
const KEPT: usize = 128;

/// Folders that wait for an attempt, by the code that they hold.
#[derive(Debug, Default)]
pub struct Recycler {
    free: Mutex<HashMap<PathBuf, Vec<PathBuf>>>,
}

impl Recycler {
    /// Puts a folder with this code in place; `false` if there is none.
    pub fn reuse(&self, code: &Path, folder: &Path) -> bool {
        let Some(free) = self.lock().get_mut(code).and_then(Vec::pop) else { return false };
        if fs::rename(&free, folder).is_ok() {
            return true;
        }
        let _ = removal::remove(&free);
        false
    }

    /// Keeps a released attempt's folder, if it is as it was made, or removes it. Returns it if it stays.
    pub fn take_back(&self, folder: PathBuf, code: Option<&Path>, versions: &Versions) -> Option<PathBuf> {
        let kept = code.filter(|code| {
            let full = self.lock().values().map(Vec::len).sum::<usize>() >= KEPT;
            !full && versions.get(code).is_ok_and(|version| is_as_made(&folder, &version).unwrap_or(false))
        });
        match kept {
            Some(code) => {
                self.lock().entry(code.to_owned()).or_default().push(folder);
                None
            }
            None => removal::remove(&folder).is_err().then_some(folder),
        }
    }

    /// Removes all that wait.
    pub fn clear(&self) {
        let free = std::mem::take(&mut *self.lock());
        for folder in free.into_values().flatten() {
            let _ = removal::remove(&folder);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Vec<PathBuf>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_as_made(folder: &Path, version: &Version) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Some(name::WORK | name::TMP | name::OUTPUTS) => {}
            Some(name::PARAMS | name::LOG | name::EVENTS | name::ROUTE) => fs::remove_file(entry.path())?,
            _ => return Ok(false),
        }
    }
    for inner in [name::TMP, name::OUTPUTS] {
        let path = folder.join(inner);
        if !is_own_folder(&path)? || fs::read_dir(path)?.next().is_some() {
            return Ok(false);
        }
    }
    let work = folder.join(name::WORK);
    Ok(is_own_folder(folder)? && is_own_folder(&work)? && holds(&work, version)?)
}

fn is_own_folder(path: &Path) -> io::Result<bool> {
    let meta = fs::symlink_metadata(path)?;
    Ok(meta.is_dir() && meta.mode() & 0o777 == 0o700 && meta.uid() == rustix::process::geteuid().as_raw())
}

/// Whether a folder holds just a version's items, unchanged.
fn holds(work: &Path, version: &Version) -> io::Result<bool> {
    let mut expected: HashMap<PathBuf, Vec<&OsStr>> = HashMap::from([(PathBuf::new(), Vec::new())]);
    for item in &version.items {
        let path = item.path();
        let parent = path.parent().unwrap_or(Path::new(""));
        expected.entry(parent.to_owned()).or_default().extend(path.file_name());
        if let Item::Folder(path) = item {
            expected.entry(path.clone()).or_default();
        }
    }
    for (inner, mut names) in expected {
        let mut found = Vec::new();
        for entry in fs::read_dir(work.join(inner))? {
            found.push(entry?.file_name());
        }
        found.sort_unstable();
        names.sort_unstable();
        if found.iter().map(OsString::as_os_str).ne(names) {
            return Ok(false);
        }
    }
    for item in &version.items {
        if !is_unchanged(work, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_unchanged(work: &Path, item: &Item) -> io::Result<bool> {
    match item {
        Item::Folder(path) => is_own_folder(&work.join(path)),
        Item::Link { path, target } => Ok(fs::read_link(work.join(path))? == *target),
        // Comparing would cost more than copying.
        Item::Large { .. } => Ok(false),
        Item::Small { path, mode, content } => {
            let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
            let mut file = File::options().read(true).custom_flags(flags).open(work.join(path))?;
            let meta = file.metadata()?;
            let same_kind = meta.is_file() && meta.nlink() == 1 && meta.len() == content.len() as u64;
            if !same_kind || meta.mode() & 0o700 != mode & 0o700 {
                return Ok(false);
            }
            let mut now = Vec::with_capacity(content.len() + 1);
            file.read_to_end(&mut now)?;
            Ok(now == *content)
        }
    }
}
