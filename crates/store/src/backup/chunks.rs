//! Lines in chunks, compressed, each an object.
//!
//! Where a chunk ends is decided by the lines themselves: a line whose checksum ends in enough zeros is the last of its
//! chunk. A row that is added, changed or removed changes its own chunk only, and all others are found again.

use serde::{Deserialize, Serialize};

use super::manifest::Listed;
use super::repository::{Added, Repository};
use crate::{Error, Result};

/// One line in so many ends a chunk.
const LINES: u32 = 2048;
/// A chunk is closed at this size in any case.
const MOST_BYTES: usize = 8 << 20;
/// One line may make a chunk as large as this.
const LIMIT: u64 = 2 << 30;

/// A chunk of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// Of the object.
    pub sha256: String,
    /// Of the object.
    pub size: u64,
    /// Decompressed.
    pub bytes: u64,
    pub lines: u64,
}

/// Makes chunks of lines.
pub(super) struct ChunkWriter<'a> {
    repository: &'a Repository,
    added: &'a mut Added,
    compressor: zstd::bulk::Compressor<'static>,
    text: Vec<u8>,
    lines: u64,
    listed: Listed,
}

impl<'a> ChunkWriter<'a> {
    pub(super) fn new(repository: &'a Repository, added: &'a mut Added) -> Result<Self> {
        let compressor = zstd::bulk::Compressor::new(3).map_err(Error::io("prepare the compression"))?;
        Ok(Self { repository, added, compressor, text: Vec::new(), lines: 0, listed: Listed::default() })
    }

    /// Takes a line with its newline.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<()> {
        self.text.extend_from_slice(line);
        self.lines += 1;
        if crc32fast::hash(line).is_multiple_of(LINES) || self.text.len() >= MOST_BYTES {
            return self.close();
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if self.lines == 0 {
            return Ok(());
        }
        let packed = self.compressor.compress(&self.text).map_err(Error::io("compress rows"))?;
        let sha256 = self.repository.put(&packed, self.added)?;
        let (size, bytes) = (packed.len() as u64, self.text.len() as u64);
        self.listed.chunks.push(Chunk { sha256, size, bytes, lines: self.lines });
        self.listed.lines += self.lines;
        self.text.clear();
        self.lines = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Listed> {
        self.close()?;
        Ok(self.listed)
    }
}

/// The text of a chunk, checked.
pub(super) fn read_chunk(repository: &Repository, chunk: &Chunk) -> Result<String> {
    let what = || repository.object(&chunk.sha256).display().to_string();
    let damaged = |why: String| Error::Damaged { what: what(), why };
    let packed = repository.get(&chunk.sha256)?;
    if chunk.bytes > LIMIT {
        return Err(damaged(format!("it claims to hold {} bytes", chunk.bytes)));
    }
    let size = usize::try_from(chunk.bytes).unwrap_or(usize::MAX);
    let text = zstd::bulk::decompress(&packed, size).map_err(|e| damaged(e.to_string()))?;
    let lines = text.iter().filter(|b| **b == b'\n').count() as u64;
    if text.len() != size || lines != chunk.lines || text.last() != Some(&b'\n') {
        return Err(damaged(format!("it holds {lines} lines instead of {}", chunk.lines)));
    }
    String::from_utf8(text).map_err(|e| damaged(e.to_string()))
}

/// Reads lines, chunk after chunk.
pub(super) struct LineReader<'a> {
    repository: &'a Repository,
    chunks: std::slice::Iter<'a, Chunk>,
    text: String,
    at: usize,
}

impl<'a> LineReader<'a> {
    pub(super) fn new(repository: &'a Repository, listed: &'a Listed) -> Self {
        Self { repository, chunks: listed.chunks.iter(), text: String::new(), at: 0 }
    }

    /// The next line without its newline.
    pub(super) fn next_line(&mut self) -> Result<Option<&str>> {
        if self.at >= self.text.len() {
            let Some(chunk) = self.chunks.next() else { return Ok(None) };
            self.text = read_chunk(self.repository, chunk)?;
            self.at = 0;
        }
        let start = self.at;
        let end = self.text[start..].find('\n').map_or(self.text.len(), |end| start + end);
        self.at = end + 1;
        Ok(Some(&self.text[start..end]))
    }
}
