//! Reading a blob, from a file or from a bucket, and comparing it with what was stored.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use rigi_model::ContentHash;
use sha2::{Digest, Sha256};

use super::PIECE;
use crate::bucket::Bucket;
use crate::{Error, Result};

/// Reads a blob in pieces. The last piece is given only when the content is what was stored: a small file that is
/// damaged gives nothing, a large one never comes to its end.
#[derive(Debug)]
pub struct BlobReader {
    source: Source,
    sha256: ContentHash,
    /// `None`: it is read from somewhere within, and damage is not seen.
    hash: Option<Sha256>,
    /// A piece that was read and not given yet.
    held: Option<Vec<u8>>,
}

/// Where it is read from.
#[derive(Debug)]
pub(super) enum Source {
    File(File, PathBuf),
    Remote(Remote),
}

/// An object that is read part by part.
#[derive(Debug)]
pub(super) struct Remote {
    bucket: Arc<Bucket>,
    key: String,
    size: u64,
    /// What was fetched and not given yet, and where the next part begins.
    part: bytes::Bytes,
    next: u64,
}

impl Remote {
    pub fn open(bucket: Arc<Bucket>, key: String) -> Result<Self> {
        // No part of an empty object can be asked for.
        let size = bucket.facts(&key)?.map(|facts| facts.size);
        let size = size.ok_or_else(|| Error::NotFound { what: "stored file", id: bucket.name(&key) })?;
        Ok(Self { bucket, key, size, part: bytes::Bytes::new(), next: 0 })
    }

    pub fn read(&mut self) -> Result<Vec<u8>> {
        if self.part.is_empty() && self.next < self.size {
            (self.part, _) = self.bucket.read(&self.key, self.next)?;
            self.next += self.part.len() as u64;
        }
        Ok(self.part.split_to(PIECE.min(self.part.len())).to_vec())
    }
}

impl BlobReader {
    pub(super) fn new(source: Source, sha256: &ContentHash) -> Self {
        Self { source, sha256: *sha256, hash: Some(Sha256::new()), held: None }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Damaged`] instead of the last piece, if the content is not what was stored.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let piece = self.read()?;
            if piece.is_empty() {
                let found = self.hash.clone().map(|hash| ContentHash::new(hash.finalize().into()));
                let is_whole = found.is_none_or(|found| found == self.sha256);
                return if is_whole { Ok(self.held.take()) } else { Err(self.damaged()) };
            }
            if let Some(hash) = &mut self.hash {
                hash.update(&piece);
            }
            if let Some(held) = self.held.replace(piece) {
                return Ok(Some(held));
            }
        }
    }

    /// Goes on from here. What is read then is not held against what was stored: for that, all of it would have to be read.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn skip_to(&mut self, at: u64) -> Result<()> {
        self.hash = None;
        match &mut self.source {
            Source::File(file, path) => {
                let moved = file.seek(SeekFrom::Start(at));
                moved.map_err(Error::io(format!("read {}", path.display()))).map(drop)
            }
            Source::Remote(remote) => {
                (remote.next, remote.part) = (at, bytes::Bytes::new());
                Ok(())
            }
        }
    }

    fn read(&mut self) -> Result<Vec<u8>> {
        match &mut self.source {
            Source::File(file, path) => {
                let mut piece = Vec::with_capacity(PIECE);
                let read = (&*file).take(PIECE as u64).read_to_end(&mut piece);
                read.map_err(Error::io(format!("read {}", path.display())))?;
                Ok(piece)
            }
            Source::Remote(remote) => remote.read(),
        }
    }

    /// Whether it has as many bytes as were stored.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it has not.
    pub fn expect_size(&self, size: u64) -> Result<()> {
        let found = match &self.source {
            Source::File(file, path) => {
                file.metadata().map_err(Error::io(format!("read {}", path.display())))?.len()
            }
            Source::Remote(remote) => remote.size,
        };
        if found == size { Ok(()) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> Error {
        let what = match &self.source {
            Source::File(_, path) => path.display().to_string(),
            Source::Remote(remote) => remote.bucket.name(&remote.key),
        };
        Error::Damaged { what, why: "its content is not what was stored".into() }
    }
}
