//! Stored files, and the logs of attempts that run.

use std::fs;
use std::path::Path;

use super::logs::check_running;
use super::{Part, RESTORE};
use crate::backup::{Progress, Watch};
use crate::blobs::hash_of;
use crate::{DEFAULT_PROJECT, Error, Result};

/// Every stored file against its name.
pub(super) fn blobs(data: &Path, watch: Watch<'_>) -> Result<Part> {
    let mut part = Part::new("files");
    let root = data.join("objects").join(DEFAULT_PROJECT).join("blobs");
    for folder in list(&root)? {
        for path in list(&folder)? {
            part.read += 1;
            watch(Progress { step: "files", done: part.read, total: None });
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match hash_of(&path) {
                Ok(hash) if hash == name => {}
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
