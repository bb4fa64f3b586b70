//! Reading a folder of backups from end to end.

use std::collections::HashSet;

use super::chunks::{LineReader, read_chunk};
use super::manifest::Manifest;
use super::objects::StoredFile;
use super::repository::{Repository, damaged};
use super::{Progress, Watch};
use crate::blobs::hash_of;
use crate::{Error, Result};

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// The snapshot that needs it.
    pub snapshot: String,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Snapshots.
    pub snapshots: u64,
    /// Objects, each once.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Reads one snapshot, or all, and everything that they need.
///
/// # Errors
/// If the folder cannot be read. What is damaged is no error but a finding.
pub fn verify(repository: &Repository, snapshot: Option<&str>, watch: Watch<'_>) -> Result<Verified> {
    let mut reader = Reader { repository, seen: HashSet::new(), verified: Verified::default(), watch };
    let ids = match snapshot {
        Some(id) => vec![id.to_owned()],
        None => repository.snapshots()?,
    };
    if ids.is_empty() {
        repository.manifest(None)?;
    }
    for id in ids {
        reader.verified.snapshots += 1;
        match repository.manifest(Some(&id)) {
            Ok(manifest) => reader.snapshot(&manifest)?,
            Err(error @ Error::NotFound { .. }) => return Err(error),
            Err(error) => reader.found(&id, error),
        }
    }
    Ok(reader.verified)
}

struct Reader<'a> {
    repository: &'a Repository,
    /// Hashes of objects that were read.
    seen: HashSet<String>,
    verified: Verified,
    watch: Watch<'a>,
}

impl Reader<'_> {
    fn snapshot(&mut self, manifest: &Manifest) -> Result<()> {
        for chunk in manifest.lists().flat_map(|list| &list.chunks) {
            if self.is_new(&chunk.sha256, chunk.size)
                && let Err(error) = read_chunk(self.repository, chunk)
            {
                self.found(&manifest.id, error);
            }
        }
        for path in &manifest.damaged {
            let what = path.clone();
            let why = "it was damaged when the backup was taken, and is not in it".to_owned();
            self.found(&manifest.id, Error::Damaged { what, why });
        }
        let mut lines = LineReader::new(self.repository, &manifest.files);
        // A chunk of the list that cannot be read was found above.
        while let Ok(Some(line)) = lines.next_line() {
            let file = StoredFile::parse(line)?;
            if self.is_new(&file.sha256, file.size) {
                self.file(&manifest.id, &file);
            }
        }
        Ok(())
    }

    fn file(&mut self, snapshot: &str, file: &StoredFile) {
        let path = self.repository.object(&file.sha256);
        match hash_of(&path) {
            Ok(hash) if hash.to_string() == file.sha256 => {}
            Ok(_) => self.found(snapshot, damaged(&path)),
            Err(error) => self.found(snapshot, error),
        }
    }

    fn is_new(&mut self, sha256: &str, size: u64) -> bool {
        let new = self.seen.insert(sha256.to_owned());
        if new {
            self.verified.objects += 1;
            self.verified.bytes += size;
            (self.watch)(Progress { step: "objects", done: self.verified.objects, total: None });
        }
        new
    }

    fn found(&mut self, snapshot: &str, error: Error) {
        let (file, problem) = match error {
            Error::Damaged { what, why } => (what, why),
            other => (self.repository.root().display().to_string(), other.to_string()),
        };
        self.verified.findings.push(Finding { file, problem, snapshot: snapshot.to_owned() });
    }
}
