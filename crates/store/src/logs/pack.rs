//! Packing an ended log: few large compressed blocks instead of many small ones.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use rigi_model::Timestamp;
use rigi_model::log::{BlockBuilder, BlockHeader, Codec, Ending, HEADER_LEN, Line, Stream};

use super::{Cursor, LogSource};
use crate::blobs::Blobs;
use crate::{Error, Result};

/// A log shorter than this is kept in the database's row.
pub const INLINE_LIMIT: usize = 8 << 10;

impl LogSource {
    /// Packs an ended log, with `notes` of Rigi's own behind its last line. A short one comes back as bytes; a longer one
    /// becomes an object.
    ///
    /// # Errors
    /// If it cannot be read or is damaged, or if the disk does not take it.
    pub fn pack(self, blobs: &Blobs, object: &str, notes: &Notes) -> Result<Packed> {
        self.pack_heard(blobs, object, notes, |_| ())
    }

    /// The same, where `hear` is told each line of the attempt on its way.
    ///
    /// # Errors
    /// As [`Self::pack`].
    pub fn pack_heard(
        self,
        blobs: &Blobs,
        object: &str,
        notes: &Notes,
        hear: impl FnMut(&Line<'_>),
    ) -> Result<Packed> {
        let mut packer = Packer::new()?;
        if let Some(cursor) = Cursor::open(self)? {
            packer.take(cursor, blobs, object, hear)?;
        } else if notes.lines.is_empty() {
            return Ok(Packed::Empty);
        }
        for note in &notes.lines {
            let (number, text) = (packer.builder.next_line(), note.as_bytes());
            let line = Line { number, at: notes.at, stream: Stream::System, text, ending: Ending::Newline };
            packer.push(&line, blobs, object)?;
        }
        packer.finish(blobs, object)
    }
}

/// Lines of Rigi's own for the end of a log.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// When they are said.
    pub at: Timestamp,
    /// What is said.
    pub lines: Vec<String>,
}

impl Packer {
    fn take(
        &mut self,
        mut cursor: Cursor,
        blobs: &Blobs,
        object: &str,
        mut hear: impl FnMut(&Line<'_>),
    ) -> Result<()> {
        let mut failed = None;
        cursor.walk(1, |line| {
            hear(line);
            match self.push(line, blobs, object) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}

/// What became of an ended log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// It had no line.
    Empty,
    /// Its blocks.
    Inline(Vec<u8>),
    /// The object that holds its blocks.
    Object(String),
}

struct Packer {
    builder: BlockBuilder,
    compressor: zstd::bulk::Compressor<'static>,
    plain: Vec<u8>,
    done: Vec<u8>,
    file: Option<(File, PathBuf)>,
}

impl Packer {
    fn new() -> Result<Self> {
        let compressor =
            zstd::bulk::Compressor::new(3).map_err(Error::io("prepare the compression of a log"))?;
        Ok(Self {
            builder: BlockBuilder::new(1),
            compressor,
            plain: Vec::new(),
            done: Vec::new(),
            file: None,
        })
    }

    fn push(&mut self, line: &Line<'_>, blobs: &Blobs, object: &str) -> Result<()> {
        // Lines that the disk did not take keep their numbers: those after them are known by theirs.
        if line.number != self.builder.next_line() {
            self.close_block()?;
            self.builder = BlockBuilder::new(line.number);
        }
        self.builder.push(line.at, line.stream, line.text, line.ending);
        if self.builder.is_full() {
            self.close_block()?;
            if self.done.len() > INLINE_LIMIT {
                self.spill(blobs, object)?;
            }
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<()> {
        self.plain.clear();
        self.builder.finish(&mut self.plain);
        if self.plain.is_empty() {
            return Ok(());
        }
        let damaged = |e| Error::Damaged { what: "a log".into(), why: format!("{e}") };
        let mut header = BlockHeader::parse(&self.plain).map_err(damaged)?;
        let body = &self.plain[HEADER_LEN..];
        let small = self.compressor.compress(body).map_err(Error::io("compress a log"))?;
        if small.len() < body.len() {
            header.codec = Codec::Zstd;
            header.stored_len = u32::try_from(small.len()).unwrap_or(u32::MAX);
            header.crc32 = crc32fast::hash(&small);
            self.done.extend_from_slice(&header.to_bytes());
            self.done.extend_from_slice(&small);
        } else {
            self.done.extend_from_slice(&self.plain);
        }
        Ok(())
    }

    fn spill(&mut self, blobs: &Blobs, object: &str) -> Result<()> {
        if self.file.is_none() {
            let path = blobs.log_draft(object)?;
            let file = File::create(&path).map_err(Error::io(format!("create {}", path.display())))?;
            self.file = Some((file, path));
        }
        if let Some((file, path)) = &mut self.file {
            file.write_all(&self.done).map_err(Error::io(format!("write {}", path.display())))?;
            self.done.clear();
        }
        Ok(())
    }

    fn finish(mut self, blobs: &Blobs, object: &str) -> Result<Packed> {
        self.close_block()?;
        if self.file.is_none() && self.done.is_empty() {
            return Ok(Packed::Empty);
        }
        if self.file.is_none() && self.done.len() <= INLINE_LIMIT {
            return Ok(Packed::Inline(self.done));
        }
        self.spill(blobs, object)?;
        let Some((file, temporary)) = self.file.take() else { return Ok(Packed::Empty) };
        blobs.keep_log(object, &file, &temporary)?;
        Ok(Packed::Object(object.to_owned()))
    }
}
