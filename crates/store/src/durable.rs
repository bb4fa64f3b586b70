//! Folders that are there after a loss of power too.

use std::fs::{self, File};
use std::path::Path;

use crate::{Error, Result};

/// Makes a folder and those above it that are not there, so that they are there after a loss of power too.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::io(format!("make the folder {}", folder.display()))(error))
        }
        // Also where somebody else has just made it: it must last before anything in it counts.
        _ => folder.parent().map_or(Ok(()), sync_folder),
    }
}

/// Makes a rename durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    let what = || format!("write the folder {}", folder.display());
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io(what()))
}
