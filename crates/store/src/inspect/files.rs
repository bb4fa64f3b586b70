//! Stored files, and the logs of attempts that run.

use std::fs;
use std::path::{Path, PathBuf};

use rigi_model::ProjectName;

use super::logs::check_running;
use super::{Inspected, RESTORE};
use crate::backup::{Progress, Watch};
use crate::blobs::{BlobKind as Stored, hash_of};
use crate::bucket::Bucket;
use crate::{Blobs, Error, Result};

/// Every stored file of these projects against its name. Where the database does not say which they are, every area that
/// is there counts.
pub(super) fn of_projects(
    first: &Blobs,
    projects: Option<&[ProjectName]>,
    watch: Watch<'_>,
) -> Result<Inspected> {
    let mut part = Inspected::new("files");
    let there = areas(first)?;
    for project in projects.unwrap_or(&there) {
        let blobs = first.of(project);
        match (blobs.folder(), blobs.bucket()) {
            (Some(folder), _) => in_folder(folder, &mut part, watch)?,
            (_, Some(bucket)) => in_bucket(&blobs, bucket, &mut part, watch)?,
            (None, None) => {}
        }
    }
    for area in there.iter().filter(|area| projects.is_some_and(|projects| !projects.contains(area))) {
        let blobs = first.of(area);
        if holds_any(&blobs)? {
            part.notes.push(format!(
                "{} holds files of the project `{area}`, which the database does not have: nothing refers to them, and \
                 nothing removes them",
                blobs.area_name()
            ));
        }
    }
    Ok(part)
}

/// The projects that have a place among the stored files, by its name alone.
fn areas(first: &Blobs) -> Result<Vec<ProjectName>> {
    let names = match (first.root(), first.bucket()) {
        (Some(root), _) => {
            let name = |path: PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            list(root)?.into_iter().filter_map(name).collect()
        }
        (_, Some(bucket)) => {
            let mut names = bucket.whole().folders("")?;
            names.extend(bucket.own().map(ToString::to_string));
            names.sort();
            names.dedup();
            names
        }
        (None, None) => Vec::new(),
    };
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Whether there is a file in an area.
fn holds_any(blobs: &Blobs) -> Result<bool> {
    for part in [Stored::Blobs, Stored::Logs] {
        let some = match (blobs.folder(), blobs.bucket()) {
            (Some(folder), _) => {
                let mut shards = list(&folder.join(part.folder()))?.into_iter();
                shards.any(|shard| fs::read_dir(shard).is_ok_and(|mut files| files.next().is_some()))
            }
            (_, Some(bucket)) => bucket.any(part.folder())?.is_some(),
            (None, None) => false,
        };
        if some {
            return Ok(true);
        }
    }
    Ok(false)
}

fn in_folder(folder: &Path, part: &mut Inspected, watch: Watch<'_>) -> Result<()> {
    for shard in list(&folder.join(Stored::Blobs.folder()))? {
        for path in list(&shard)? {
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
    Ok(())
}

fn in_bucket(blobs: &Blobs, bucket: &Bucket, part: &mut Inspected, watch: Watch<'_>) -> Result<()> {
    let mut keys = Vec::new();
    bucket.list(Stored::Blobs.folder(), |key, _| {
        keys.push(key.to_owned());
        Ok(())
    })?;
    for key in keys {
        part.read += 1;
        watch(Progress { step: "files", done: part.read, total: None });
        let Ok(hash) = key.rsplit('/').next().unwrap_or(&key).parse() else {
            part.found(bucket.name(&key), "it is not called as a stored file is", "remove it");
            continue;
        };
        match blobs.check(&hash) {
            // Collected meanwhile.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => part.error(error, RESTORE),
        }
    }
    Ok(())
}

/// The logs of attempts that run: what is written so far. A block that is just being written is not damage.
pub(super) fn running_logs(data: &Path) -> Result<Inspected> {
    let mut part = Inspected::new("running logs");
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

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
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
