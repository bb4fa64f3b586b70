//! Files that come in parts, in a folder: each part is a file until the whole is made of them. They survive a restart.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::SystemTime;

use rigi_model::area::FileKey;
use serde::{Deserialize, Serialize};

use super::folder::{FolderArea, etag_of};
use super::spool::{self, Spooled};
use super::{Body, FileFacts, Overwrite, Said, blocking};
use crate::durable::make_folder;
use crate::{Error, Result};

/// The folder of those of a project.
const FOLDER: &str = "parts";
/// What says whose parts they are.
const ABOUT: &str = "about.json";

#[derive(Debug, Serialize, Deserialize)]
struct About {
    key: String,
    said: Said,
}

fn unknown(upload: &str) -> Error {
    Error::NotFound { what: "upload", id: upload.chars().take(80).collect() }
}

impl FolderArea {
    /// The folder of what was begun; a name that none was given is none.
    fn begun(&self, key: &FileKey, upload: &str) -> Result<(PathBuf, Said)> {
        let is_name =
            !upload.is_empty() && upload.len() <= 64 && upload.bytes().all(|b| b.is_ascii_alphanumeric());
        let folder = self.root.join(FOLDER).join(if is_name { upload } else { return Err(unknown(upload)) });
        let text = fs::read(folder.join(ABOUT)).map_err(|_| unknown(upload))?;
        let about: About = serde_json::from_slice(&text).map_err(|_| unknown(upload))?;
        if about.key == key.as_str() { Ok((folder, about.said)) } else { Err(unknown(upload)) }
    }

    pub(super) fn begin(&self, key: &FileKey, said: &Said) -> Result<String> {
        let random = crate::seal::random::<16>()?;
        let upload = rigi_model::hash::hex(&random);
        let folder = self.root.join(FOLDER).join(&upload);
        make_folder(&folder)?;
        let about = About { key: key.to_string(), said: said.clone() };
        let text = serde_json::to_vec(&about).unwrap_or_default();
        fs::write(folder.join(ABOUT), text).map_err(Error::io(format!("begin {key}")))?;
        Ok(upload)
    }

    pub(super) async fn part(&self, key: &FileKey, upload: &str, number: u16, body: Body) -> Result<String> {
        let (folder, of, id) = (self.clone(), key.clone(), upload.to_owned());
        blocking(move || folder.begun(&of, &id)).await?;
        let spooled = spool::write(&self.temporary, body).await?;
        let (folder, of, id) = (self.clone(), key.clone(), upload.to_owned());
        blocking(move || {
            // It may have been given up meanwhile.
            let (folder, _) = folder.begun(&of, &id)?;
            let facts = spooled.file.metadata();
            let moved = fs::rename(&spooled.path, folder.join(format!("{number:05}")));
            moved.map_err(Error::io(format!("write a part of {of}")))?;
            Ok(etag_of(&facts.map_err(Error::io(format!("read a part of {of}")))?))
        })
        .await
    }

    pub(super) fn complete(&self, key: &FileKey, upload: &str, parts: &[(u16, String)]) -> Result<FileFacts> {
        let (folder, said) = self.begun(key, upload)?;
        let path = self.temporary.join(format!("whole-{}", rigi_model::UploadId::generate()));
        let whole = File::create_new(&path).map_err(Error::io(format!("create {}", path.display())))?;
        let mut whole = Spooled { file: whole, path, size: 0 };
        for (number, etag) in parts {
            let part = File::open(folder.join(format!("{number:05}")));
            let is_it = |part: &File| part.metadata().is_ok_and(|facts| etag_of(&facts) == *etag);
            let Some(mut part) = part.ok().filter(is_it) else {
                return Err(Error::Parts(format!("number {number} of {key} is not what was sent")));
            };
            let copied = std::io::copy(&mut part, &mut whole.file);
            whole.size += copied.map_err(Error::io(format!("put the parts of {key} together")))?;
        }
        let facts = self.put_in_place(key, &whole, &said, Overwrite::Yes)?;
        // What is left of it goes with those that were broken off.
        let _ = fs::remove_dir_all(folder);
        Ok(facts)
    }

    pub(super) fn give_up(&self, key: &FileKey, upload: &str) -> Result<()> {
        let (folder, _) = self.begun(key, upload)?;
        fs::remove_dir_all(&folder).map_err(Error::io(format!("remove the parts of {key}")))
    }

    /// Removes the parts of files that nobody has gone on with since `before`. How many there were.
    pub(super) fn give_up_old(&self, before: SystemTime) -> u64 {
        let mut count = 0;
        for entry in fs::read_dir(self.root.join(FOLDER)).into_iter().flatten().flatten() {
            // A part that comes changes its folder.
            let touched = entry.metadata().and_then(|facts| facts.modified());
            if touched.is_ok_and(|touched| touched < before) && fs::remove_dir_all(entry.path()).is_ok() {
                count += 1;
            }
        }
        count
    }
}
