//! Stored files, and the logs of attempts that run.

use std::fs;
use std::path::Path;

use super::logs::check_running;
use super::{Part, RESTORE};
use crate::backup::{Progress, Watch};
use crate::blobs::hash_of;
use crate::{Blobs, Error, Result};

/// Every stored file against its name.
pub(super) fn blobs(blobs: &Blobs, watch: Watch<'_>) -> Result<Part> {
    let mut part = Part::new("files");
    let Some(root) = blobs.folder() else { return in_bucket(blobs, watch) };
    for folder in list(&root.join("blobs"))? {
        for path in list(&folder)? {
            part.read += 1;
            watch(Progress { step: "files", done: part.read, total: None });
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match hash_of(&path) {
                Ok(hash) if hash.to_string() == name => {}
                // Collected meanwhile.
                Err(_) if !path.exists() => {}
                Ok(_) => {
                    part.found(path.display().to_string(), "its content is not what was stored", RESTORE)
                }
                Err(error) => part.error(error, RESTORE),
            }
        }
    }
    Ok(part)
}

fn in_bucket(blobs: &Blobs, watch: Watch<'_>) -> Result<Part> {
    let mut part = Part::new("files");
    let mut names = Vec::new();
    if let Some(bucket) = blobs.bucket() {
        bucket.list("blobs", |key, _| {
            names.push(key.rsplit('/').next().unwrap_or(key).to_owned());
            Ok(())
        })?;
    }
    for name in names {
        part.read += 1;
        watch(Progress { step: "files", done: part.read, total: None });
        let Ok(hash) = name.parse() else {
            part.found(name, "it is not called as a stored file is", "Remove it.");
            continue;
        };
        match blobs.check(&hash) {
            // Collected meanwhile.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => part.error(error, RESTORE),
        }
    }
    Ok(part)
}

/// The logs of attempts that run: what is written so far. A block that is just being written is not damage.
pub(super) fn running_logs(data: &Path) -> Result<Part> {
    let mut part = Part::new("running logs");
    for attempt in list(&data.join("runs"))? {
        let log = attempt.join("log");
        if log.is_file() {
            part.read += 1;
            if let Err(error) = check_running(&log) {
                part.error(error, "nothing: the run goes on, and what of its log can be read is kept");
            }
        }
    }
    Ok(part)
}

fn list(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let read = || Error::io(format!("read {}", folder.display()));
    let items = match fs::read_dir(folder) {
        Ok(items) => items,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(read()(e)),
    };
    let mut paths = Vec::new();
    for item in items {
        paths.push(item.map_err(read())?.path());
    }
    paths.sort();
    Ok(paths)
}
