//! Removes attempts' folders, off the path of everything else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Removes a folder with all that is in it, also where the run took away its own permission to do so.
/// A folder that is not there is removed already.
///
/// # Errors
/// If something stays.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

/// Between the first two tries to remove what stayed, and between later ones at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Folders that could not be removed: a process that is being killed may still have written into one.
#[derive(Debug)]
pub struct Stayed {
    folders: Vec<PathBuf>,
    pause: Duration,
}

impl Default for Stayed {
    fn default() -> Self {
        Self { folders: Vec::new(), pause: PAUSE.0 }
    }
}

impl Stayed {
    /// How long to wait for the next try; `None` if there is nothing to try.
    pub fn pause(&self) -> Option<Duration> {
        (!self.folders.is_empty()).then_some(self.pause)
    }

    /// One more.
    pub fn add(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    /// Tries again.
    pub fn try_again(&mut self, remove: impl Fn(&Path) -> io::Result<()>) {
        self.folders.retain(|folder| remove(folder).is_err());
        self.pause = if self.folders.is_empty() { PAUSE.0 } else { (self.pause * 2).min(PAUSE.1) };
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stayed_is_tried_again_ever_more_seldom_until_it_is_gone() {
        let mut stayed = Stayed::default();
        assert_eq!(stayed.pause(), None);
        stayed.add("a".into());
        stayed.add("b".into());
        let busy = |_: &Path| Err(io::ErrorKind::DirectoryNotEmpty.into());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.extend(stayed.pause().map(|pause| pause.as_secs()));
            stayed.try_again(busy);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        stayed.try_again(|folder| if folder == Path::new("a") { Ok(()) } else { busy(folder) });
        assert_eq!(stayed.folders, [PathBuf::from("b")]);
        stayed.try_again(|_| Ok(()));
        assert_eq!(stayed.pause(), None);
    }
}
