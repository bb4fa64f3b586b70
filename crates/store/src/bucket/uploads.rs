//! Notes of uploads in parts that are under way, in the data folder: one that was broken off by the server's own end is
//! given up later, so that its parts do not lie in the bucket for ever.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use super::Bucket;
use crate::durable::make_folder;
use crate::{Error, Result};

/// An upload that is under way.
pub(super) struct Upload {
    note: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Note {
    key: String,
    id: String,
}

impl Upload {
    /// Notes it down.
    pub fn begin(folder: &Path, key: &Key, id: &str) -> Result<Self> {
        make_folder(folder)?;
        let note = folder.join(rigi_model::UploadId::generate().to_string());
        let text = serde_json::to_vec(&Note { key: key.to_string(), id: id.to_owned() }).unwrap_or_default();
        fs::write(&note, text).map_err(Error::io(format!("write {}", note.display())))?;
        Ok(Self { note })
    }

    /// It is not old while it goes on.
    pub fn goes_on(&self) {
        let _ = File::options()
            .write(true)
            .open(&self.note)
            .and_then(|note| note.set_modified(SystemTime::now()));
    }

    /// It is whole, or given up.
    pub fn end(self) {
        let _ = fs::remove_file(self.note);
    }
}

impl Bucket {
    /// Gives up what was begun before and does not go on, of whichever project. Returns how many.
    pub fn give_up_uploads(&self, before: SystemTime) -> Result<u64> {
        let folder = &self.inner.uploads;
        let read = || Error::io(format!("read {}", folder.display()));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(read()(error)),
        };
        let mut count = 0;
        for entry in entries {
            let entry = entry.map_err(read())?;
            if !is_old(&entry.path(), before).map_err(read())? {
                continue;
            }
            let note = fs::read(entry.path()).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(Note { key, id }) = note {
                let whole = Key::parse(&key).unwrap_or_default();
                self.wait(|inner| async move {
                    let given_up = inner.objects.abort_multipart(&whole, &id).await;
                    match given_up {
                        // It was given up or ended meanwhile.
                        Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
                        Err(error) => {
                            Err(super::trouble::of(&format!("give up the upload of {key}"), &error))
                        }
                    }
                })?;
                count += 1;
            }
            let _ = fs::remove_file(entry.path());
        }
        Ok(count)
    }
}

/// Whether nothing was heard of an upload since `before`.
fn is_old(note: &Path, before: SystemTime) -> std::io::Result<bool> {
    match fs::symlink_metadata(note).and_then(|facts| facts.modified()) {
        Ok(modified) => Ok(modified < before),
        // It ended meanwhile, or somebody else has given it up.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_upload_that_has_ended_meanwhile_is_left_alone_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("note");
        assert!(!is_old(&note, SystemTime::now()).unwrap());
        fs::write(&note, "x").unwrap();
        let written = fs::metadata(&note).unwrap().modified().unwrap();
        assert!(!is_old(&note, written).unwrap());
        assert!(is_old(&note, written + Duration::from_secs(1)).unwrap());
        assert!(is_old(&note.join("inside of a file"), written).is_err());
    }
}
