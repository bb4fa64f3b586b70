//! Walks over the blocks of a stored log by their headers, so that any line is found without reading all of it.

use std::io::{self, Read, Seek, SeekFrom};

use super::{BlockHeader, Damage, HEADER_LEN, check_body};

/// A block's header and where the block starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// In bytes, from where the scan began counting.
    pub offset: u64,
    /// What the block says of itself.
    pub header: BlockHeader,
}

impl Scanned {
    /// Where the next block starts.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + HEADER_LEN as u64 + self.header.stored_len as u64
    }
}

/// Why a scan stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The log is damaged, or ends within a block.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// It cannot be read.
    #[error("the log cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// Reads headers one after the other. A log that is being appended to can be scanned: its last block may be
/// [`Damage::Truncated`], and [`Self::from_offset`] goes on from there later.
#[derive(Debug)]
pub struct Scanner<R> {
    reader: R,
    next: u64,
}

impl<R: Read + Seek> Scanner<R> {
    /// From the first block on.
    pub const fn new(reader: R) -> Self {
        Self::from_offset(reader, 0)
    }

    /// From the block that starts at this byte on.
    pub const fn from_offset(reader: R, offset: u64) -> Self {
        Self { reader, next: offset }
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// If there is no whole, undamaged header; the scan stays where it is.
    pub fn next_block(&mut self) -> Result<Option<Scanned>, ScanError> {
        self.reader.seek(SeekFrom::Start(self.next))?;
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        self.reader.by_ref().take(HEADER_LEN as u64).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let header = BlockHeader::parse(&bytes).map_err(|damage| damage.at(self.next))?;
        let found = Scanned { offset: self.next, header };
        self.next = found.end();
        Ok(Some(found))
    }

    /// The body of a block as stored, checked.
    ///
    /// # Errors
    /// If it is not all there or does not match its checksum.
    pub fn read_body(&mut self, block: &Scanned) -> Result<Vec<u8>, ScanError> {
        self.reader.seek(SeekFrom::Start(block.offset + HEADER_LEN as u64))?;
        let mut body = Vec::new();
        self.reader.by_ref().take(u64::from(block.header.stored_len)).read_to_end(&mut body)?;
        check_body(&block.header, &body).map_err(|damage| damage.at(block.offset))?;
        Ok(body)
    }
}
