//! Long outputs that were stored before the server was stopped: they are not copied again.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rigi_model::ContentHash;
use rigi_store::{Blobs, Stored};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

/// What is shorter is copied again sooner than it is written down.
const SHORTEST: u64 = 16 << 20;
/// Beside the outputs folder, one JSON object a line.
const FILE: &str = "kept.jsonl";

/// A stored file, and what it looked like then.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    name: String,
    looks: (u64, u64, i64, i64),
    sha256: ContentHash,
    size: u64,
}

/// See the module.
pub(super) struct Resumed {
    place: PathBuf,
    known: HashMap<String, Line>,
    file: Mutex<Option<File>>,
}

fn looks(facts: &Metadata) -> (u64, u64, i64, i64) {
    (facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec())
}

impl Resumed {
    /// Of an attempt with this outputs folder.
    pub fn open(outputs: &Path) -> Self {
        let place = outputs.with_file_name(FILE);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&place);
        let plain = opened.ok().filter(|file| file.metadata().is_ok_and(|facts| facts.is_file()));
        let lines = plain.into_iter().flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
        let known = lines.filter_map(|line| serde_json::from_str(&line).ok());
        let known = known.map(|line: Line| (line.name.clone(), line)).collect();
        Self { place, known, file: Mutex::default() }
    }

    /// Its content, if it was stored, is still there, and the file is as it was.
    pub fn find(&self, name: &str, facts: &Metadata, blobs: &Blobs) -> Option<Stored> {
        let line = self.known.get(name).filter(|line| line.looks == looks(facts))?;
        let content = Stored { sha256: line.sha256, size: line.size };
        blobs.hold(&content).is_ok().then_some(content)
    }

    /// A file was stored.
    pub fn note(&self, name: &str, facts: &Metadata, content: &Stored) {
        if content.size < SHORTEST {
            return;
        }
        let Stored { sha256, size } = content.clone();
        let line = Line { name: name.to_owned(), looks: looks(facts), sha256, size };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600);
            options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            *file = options.open(&self.place).ok();
        }
        // If it cannot be written, the file is copied again, should it come to that.
        if let Some(file) = file.as_mut() {
            let _ = file.write_all(&text);
        }
    }
}
