//! Reading logs, running or ended, and packing ended ones.
//!
//! A log is read where it lies: block headers are walked, and only the bodies that a page needs are decoded, so that a page
//! from either end of a log of any length costs little. Everything here blocks; callers keep it off the async threads.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rigi_model::Timestamp;
use rigi_model::log::{
    BlockBuilder, BlockHeader, Codec, Damage, Ending, ScanError, Scanned, Scanner, Stream, decode_lines,
};

use crate::blobs::{Blobs, sync_folder};
use crate::tables::attempts::StoredLog;
use crate::{Error, Result};

/// A log shorter than this is kept in the database's row.
pub const INLINE_LIMIT: usize = 8 << 10;
/// A page holds at most so many bytes of text, whatever its lines.
const PAGE_BYTES: usize = 4 << 20;

/// A line that owns its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// From 1.
    pub number: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Where it came from.
    pub stream: Stream,
    /// As written.
    pub text: Vec<u8>,
    /// It was too long and goes on in the next line of its stream.
    pub continues: bool,
}

/// Where a log lies.
#[derive(Debug, Clone)]
pub enum LogSource {
    /// There is none.
    Empty,
    /// In memory, or from the database.
    Bytes(std::sync::Arc<[u8]>),
    /// In a file, which may still grow.
    File(PathBuf),
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

type AnyScanner = Scanner<Box<dyn ReadSeek + Send>>;

impl LogSource {
    /// The log of an ended attempt.
    #[must_use]
    pub fn stored(log: StoredLog, blobs: &Blobs) -> Self {
        match (log.inline, log.object) {
            (Some(bytes), _) => Self::Bytes(bytes.into()),
            (None, Some(object)) => Self::File(blobs.log_path(&object)),
            (None, None) => Self::Empty,
        }
    }

    fn scanner(&self) -> Result<Option<AnyScanner>> {
        Ok(Some(Scanner::new(match self {
            Self::Empty => return Ok(None),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            Self::File(path) => match File::open(path) {
                Ok(file) => Box::new(BufReader::with_capacity(4 << 10, file)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(e) => {
                    return Err(Error::Io { what: format!("open the log {}", path.display()), source: e });
                }
            },
        })))
    }

    fn damaged(&self, why: impl std::fmt::Display) -> Error {
        let what = match self {
            Self::File(path) => format!("the log {}", path.display()),
            _ => "a log in the database".to_owned(),
        };
        Error::Damaged { what, why: why.to_string() }
    }

    /// Whole blocks so far; a block that is just being written is left out.
    fn blocks(&self) -> Result<(Option<AnyScanner>, Vec<Scanned>)> {
        let Some(mut scanner) = self.scanner()? else { return Ok((None, Vec::new())) };
        let length = match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(path) => {
                std::fs::metadata(path).map_err(Error::io(format!("read the log {}", path.display())))?.len()
            }
        };
        let mut blocks = Vec::new();
        loop {
            match scanner.next_block() {
                Ok(Some(block)) if block.end() <= length => blocks.push(block),
                Ok(_) | Err(ScanError::Damage(Damage::Truncated { .. })) => break,
                Err(e) => return Err(self.damaged(e)),
            }
        }
        Ok((Some(scanner), blocks))
    }

    fn lines_of(&self, scanner: &mut AnyScanner, block: &Scanned) -> Result<Vec<LogLine>> {
        let stored = scanner.read_body(block).map_err(|e| self.damaged(e))?;
        let raw = match block.header.codec {
            Codec::Plain => stored,
            Codec::Zstd => {
                zstd::bulk::decompress(&stored, block.header.raw_len as usize).map_err(|e| self.damaged(e))?
            }
        };
        let lines = decode_lines(&block.header, &raw).map_err(|e| self.damaged(e))?;
        let own = |line: &rigi_model::log::Line<'_>| LogLine {
            number: line.number,
            at: line.at,
            stream: line.stream,
            text: line.text.to_vec(),
            continues: line.ending == Ending::Continues,
        };
        Ok(lines.iter().map(own).collect())
    }

    /// How many lines there are now.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn total(&self) -> Result<u64> {
        let (_, blocks) = self.blocks()?;
        Ok(blocks.last().map_or(0, |b| b.header.next_line() - 1))
    }

    /// Up to `limit` lines from the line `from` on, of one stream or of all, and how many lines the log has.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn page(&self, from: u64, limit: usize, stream: Option<Stream>) -> Result<(Vec<LogLine>, u64)> {
        let (scanner, blocks) = self.blocks()?;
        let Some(mut scanner) = scanner else { return Ok((Vec::new(), 0)) };
        let total = blocks.last().map_or(0, |b| b.header.next_line() - 1);
        let (mut page, mut bytes) = (Vec::new(), 0);
        'blocks: for block in blocks.iter().filter(|b| b.header.next_line() > from) {
            for line in self.lines_of(&mut scanner, block)? {
                if line.number < from || stream.is_some_and(|s| s != line.stream) {
                    continue;
                }
                if page.len() >= limit || bytes > PAGE_BYTES {
                    break 'blocks;
                }
                bytes += line.text.len();
                page.push(line);
            }
        }
        Ok((page, total))
    }

    /// The last `limit` lines, of one stream or of all, and how many lines the log has.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn tail(&self, limit: usize, stream: Option<Stream>) -> Result<(Vec<LogLine>, u64)> {
        let (scanner, blocks) = self.blocks()?;
        let Some(mut scanner) = scanner else { return Ok((Vec::new(), 0)) };
        let total = blocks.last().map_or(0, |b| b.header.next_line() - 1);
        let mut page = Vec::new();
        for block in blocks.iter().rev() {
            if page.len() >= limit {
                break;
            }
            let lines = self.lines_of(&mut scanner, block)?;
            page.extend(lines.into_iter().rev().filter(|l| stream.is_none_or(|s| s == l.stream)));
        }
        page.truncate(limit);
        page.reverse();
        Ok((page, total))
    }

    /// Lines that contain `text` (without regard to ASCII case), from the line `from` on; and where to search on.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn search(&self, text: &str, from: u64, limit: usize) -> Result<(Vec<LogLine>, Option<u64>)> {
        let needle = text.to_ascii_lowercase().into_bytes();
        let (scanner, blocks) = self.blocks()?;
        let Some(mut scanner) = scanner else { return Ok((Vec::new(), None)) };
        let mut found = Vec::new();
        for block in blocks.iter().filter(|b| b.header.next_line() > from) {
            for line in self.lines_of(&mut scanner, block)? {
                if line.number < from || !contains(&line.text, &needle) {
                    continue;
                }
                if found.len() >= limit {
                    return Ok((found, Some(line.number)));
                }
                found.push(line);
            }
        }
        Ok((found, None))
    }

    /// Writes the program's own output, as it was written, without Rigi's words.
    ///
    /// # Errors
    /// If it cannot be read or is damaged, or if `out` fails.
    pub fn raw(&self, mut out: impl Write) -> Result<()> {
        let (scanner, blocks) = self.blocks()?;
        let Some(mut scanner) = scanner else { return Ok(()) };
        for block in &blocks {
            for line in self.lines_of(&mut scanner, block)? {
                let newline: &[u8] = if line.continues { b"" } else { b"\n" };
                out.write_all(&line.text)
                    .and_then(|()| out.write_all(newline))
                    .map_err(Error::io("send the log"))?;
            }
        }
        Ok(())
    }

    /// Packs an ended log: few large compressed blocks. A short one comes back as bytes; a longer one becomes an object.
    ///
    /// # Errors
    /// If it cannot be read or is damaged, or if the disk does not take it.
    pub fn pack(&self, blobs: &Blobs, object: &str) -> Result<Packed> {
        let (scanner, blocks) = self.blocks()?;
        let Some(mut scanner) = scanner.filter(|_| !blocks.is_empty()) else { return Ok(Packed::Empty) };
        let mut packer = Packer::new()?;
        for block in &blocks {
            for line in self.lines_of(&mut scanner, block)? {
                packer.push(&line)?;
            }
            if packer.done.len() > INLINE_LIMIT {
                packer.spill(blobs, object)?;
            }
        }
        packer.finish(blobs, object)
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

    fn push(&mut self, line: &LogLine) -> Result<()> {
        let ending = if line.continues { Ending::Continues } else { Ending::Newline };
        self.builder.push(line.at, line.stream, &line.text, ending);
        if self.builder.is_full() { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<()> {
        self.plain.clear();
        self.builder.finish(&mut self.plain);
        if self.plain.is_empty() {
            return Ok(());
        }
        let damaged = |e| Error::Damaged { what: "a log".into(), why: format!("{e}") };
        let mut header = BlockHeader::parse(&self.plain).map_err(damaged)?;
        let body = &self.plain[rigi_model::log::HEADER_LEN..];
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
        let path = blobs.log_path(&format!("{object}.tmp"));
        if self.file.is_none() {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(Error::io(format!("make {}", folder.display())))?;
            }
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
        if self.file.is_none() && self.done.len() <= INLINE_LIMIT {
            return Ok(Packed::Inline(self.done));
        }
        self.spill(blobs, object)?;
        let Some((file, temporary)) = self.file.take() else { return Ok(Packed::Empty) };
        file.sync_data().map_err(Error::io(format!("write {}", temporary.display())))?;
        let path = blobs.log_path(object);
        std::fs::rename(&temporary, &path).map_err(Error::io(format!("move to {}", path.display())))?;
        sync_folder(path.parent().unwrap_or_else(|| Path::new(".")))?;
        Ok(Packed::Object(object.to_owned()))
    }
}

fn contains(text: &[u8], lower_needle: &[u8]) -> bool {
    if lower_needle.is_empty() {
        return true;
    }
    text.windows(lower_needle.len()).any(|window| window.eq_ignore_ascii_case(lower_needle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rigi_model::log::Encoder;

    fn blocks(lines: u64) -> Vec<u8> {
        let mut encoder = Encoder::new(1);
        for n in 1..=lines {
            let stream = if n % 10 == 0 { Stream::Stderr } else { Stream::Stdout };
            encoder.write(Timestamp(n as i64), stream, format!("line {n}\n").as_bytes());
        }
        let mut bytes = Vec::new();
        encoder.take(&mut bytes);
        bytes
    }

    #[test]
    fn pages_come_from_either_end_and_search_finds() {
        let log = LogSource::Bytes(blocks(20_000).into());
        let (page, total) = log.page(11_000, 3, None).unwrap();
        assert_eq!(total, 20_000);
        assert_eq!(page.iter().map(|l| l.number).collect::<Vec<_>>(), [11_000, 11_001, 11_002]);
        let (tail, _) = log.tail(2, Some(Stream::Stderr)).unwrap();
        assert_eq!(tail.iter().map(|l| l.number).collect::<Vec<_>>(), [19_990, 20_000]);
        let (found, next) = log.search("LINE 1999", 1, 3).unwrap();
        assert_eq!(found.iter().map(|l| l.number).collect::<Vec<_>>(), [1999, 19_990, 19_991]);
        assert_eq!(next, Some(19_992));
    }

    #[test]
    fn packing_keeps_every_line_and_puts_short_logs_inline() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), "default").unwrap();
        assert_eq!(LogSource::Empty.pack(&blobs, "a").unwrap(), Packed::Empty);
        let short = LogSource::Bytes(blocks(10).into());
        let Packed::Inline(bytes) = short.pack(&blobs, "a").unwrap() else { panic!("not inline") };
        assert_eq!(
            LogSource::Bytes(bytes.into()).page(1, 100, None).unwrap(),
            short.page(1, 100, None).unwrap()
        );
        let long = LogSource::Bytes(blocks(200_000).into());
        let packed = long.pack(&blobs, "run/1").unwrap();
        assert_eq!(packed, Packed::Object("run/1".into()));
        let stored = LogSource::File(blobs.log_path("run/1"));
        assert_eq!(stored.page(1, 300_000, None).unwrap(), long.page(1, 300_000, None).unwrap());
    }

    #[test]
    fn damage_is_named_and_a_block_being_written_is_left_out() {
        let mut bytes = blocks(50_000);
        let whole = LogSource::Bytes(bytes.clone().into()).total().unwrap();
        let cut = LogSource::Bytes(bytes[..bytes.len() - 3].to_vec().into()).total().unwrap();
        assert!(cut < whole);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = LogSource::Bytes(bytes.into()).page(1, 100_000, None).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}
