//! Logs, running or ended: reading them where they lie, and packing ended ones.
//!
//! Block headers are walked, and only the bodies that a page needs are decoded, so that a page from either end of a log of
//! any length costs little, and memory no more than a page. Everything here blocks; callers keep it off the async threads.

mod cursor;
mod pack;

use std::ops::ControlFlow;
use std::path::PathBuf;

use rigi_model::Timestamp;
use rigi_model::log::{Ending, Line, Stream};

pub use cursor::{Bounds, Cursor, LogPart};
pub use pack::{INLINE_LIMIT, Notes, Packed};

use crate::Result;
use crate::blobs::Blobs;
use crate::tables::attempts::StoredLog;

/// A page holds about so many bytes of text at most, whatever its lines.
const PAGE_BYTES: usize = 4 << 20;
/// A search goes through about so many bytes of text, then says where to go on.
const SEARCH_BYTES: usize = 64 << 20;

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

impl From<&Line<'_>> for LogLine {
    fn from(line: &Line<'_>) -> Self {
        Self {
            number: line.number,
            at: line.at,
            stream: line.stream,
            text: line.text.to_vec(),
            continues: line.ending == Ending::Continues,
        }
    }
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

impl LogSource {
    /// The log of an ended attempt. Blocks where it lies in a bucket.
    ///
    /// # Errors
    /// If it cannot be had from there.
    pub fn stored(log: StoredLog, blobs: &Blobs) -> Result<Self> {
        Ok(match (log.inline, log.object) {
            (Some(bytes), _) => Self::Bytes(bytes.into()),
            (None, Some(object)) => Self::File(blobs.log_file(&object)?),
            (None, None) => Self::Empty,
        })
    }

    /// Up to `limit` lines from the line `from` on, of one stream or of all, and how many lines the log has.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn page(self, from: u64, limit: usize, stream: Option<Stream>) -> Result<(Vec<LogLine>, u64)> {
        let Some(mut cursor) = Cursor::open(self)? else { return Ok((Vec::new(), 0)) };
        let (mut page, mut bytes) = (Vec::new(), 0);
        cursor.walk(from, |line| {
            if page.len() >= limit || bytes > PAGE_BYTES {
                return ControlFlow::Break(());
            }
            if stream.is_none_or(|stream| stream == line.stream) {
                bytes += line.text.len();
                page.push(line.into());
            }
            ControlFlow::Continue(())
        })?;
        Ok((page, cursor.total()?))
    }

    /// The last `limit` lines, of one stream or of all, and how many lines the log has.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn tail(self, limit: usize, stream: Option<Stream>) -> Result<(Vec<LogLine>, u64)> {
        let Some(mut cursor) = Cursor::open(self)? else { return Ok((Vec::new(), 0)) };
        let total = cursor.total()?;
        let (mut tail, mut bytes, mut until) = (Vec::new(), 0, u64::MAX);
        for begin in cursor.marked_lines().into_iter().rev() {
            let mut stretch: Vec<LogLine> = Vec::new();
            cursor.walk(begin, |line| {
                if line.number >= until {
                    return ControlFlow::Break(());
                }
                if stream.is_none_or(|stream| stream == line.stream) {
                    stretch.push(line.into());
                }
                ControlFlow::Continue(())
            })?;
            until = begin;
            for line in stretch.into_iter().rev() {
                if tail.len() >= limit || bytes > PAGE_BYTES {
                    break;
                }
                bytes += line.text.len();
                tail.push(line);
            }
            if tail.len() >= limit || bytes > PAGE_BYTES {
                break;
            }
        }
        tail.reverse();
        Ok((tail, total))
    }

    /// Lines that contain `text` (without regard to ASCII case), from the line `from` on; and where to search on, if
    /// there are more, or if the log is too long to be searched in one go.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn search(self, text: &str, from: u64, limit: usize) -> Result<(Vec<LogLine>, Option<u64>)> {
        let needle = Needle::new(text);
        let Some(mut cursor) = Cursor::open(self)? else { return Ok((Vec::new(), None)) };
        let (mut found, mut next, mut bytes) = (Vec::new(), None, 0);
        cursor.walk(from, |line| {
            let fits = needle.is_in(line.text);
            if bytes > SEARCH_BYTES || (fits && found.len() >= limit) {
                next = Some(line.number);
                return ControlFlow::Break(());
            }
            bytes += line.text.len();
            if fits {
                found.push(line.into());
            }
            ControlFlow::Continue(())
        })?;
        Ok((found, next))
    }
}

/// A text to find, whatever the case of its ASCII letters.
struct Needle {
    lower: Vec<u8>,
    /// Its first byte in both cases.
    first: Option<[u8; 2]>,
}

impl Needle {
    fn new(text: &str) -> Self {
        let lower = text.to_ascii_lowercase().into_bytes();
        let first = lower.first().map(|byte| [*byte, byte.to_ascii_uppercase()]);
        Self { lower, first }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        let Some([lower, upper]) = self.first else { return true };
        let Some(last) = text.len().checked_sub(self.lower.len()) else { return false };
        let mut starts = memchr::memchr2_iter(lower, upper, &text[..=last]);
        starts.any(|at| text[at..at + self.lower.len()].eq_ignore_ascii_case(&self.lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
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

    fn total(bytes: &[u8]) -> u64 {
        LogSource::Bytes(bytes.into()).page(1, 1, None).unwrap().1
    }

    #[test]
    fn pages_come_from_either_end_and_search_finds() {
        let log = LogSource::Bytes(blocks(20_000).into());
        let (page, total) = log.clone().page(11_000, 3, None).unwrap();
        assert_eq!(total, 20_000);
        assert_eq!(page.iter().map(|l| l.number).collect::<Vec<_>>(), [11_000, 11_001, 11_002]);
        let (tail, _) = log.clone().tail(2, Some(Stream::Stderr)).unwrap();
        assert_eq!(tail.iter().map(|l| l.number).collect::<Vec<_>>(), [19_990, 20_000]);
        let (found, next) = log.search("LINE 1999", 1, 3).unwrap();
        assert_eq!(found.iter().map(|l| l.number).collect::<Vec<_>>(), [1999, 19_990, 19_991]);
        assert_eq!(next, Some(19_992));
    }

    #[test]
    fn packing_keeps_every_line_and_puts_short_logs_inline() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        assert_eq!(LogSource::Empty.pack(&blobs, "a", &Notes::default()).unwrap(), Packed::Empty);
        let short = LogSource::Bytes(blocks(10).into());
        let Packed::Inline(bytes) = short.clone().pack(&blobs, "a", &Notes::default()).unwrap() else {
            panic!("not inline")
        };
        assert_eq!(
            LogSource::Bytes(bytes.into()).page(1, 100, None).unwrap(),
            short.page(1, 100, None).unwrap()
        );
        let long = LogSource::Bytes(blocks(200_000).into());
        let packed = long.clone().pack(&blobs, "run/1", &Notes::default()).unwrap();
        assert_eq!(packed, Packed::Object("run/1".into()));
        let stored = LogSource::File(blobs.log_file("run/1").unwrap());
        assert_eq!(stored.page(1, 300_000, None).unwrap(), long.page(1, 300_000, None).unwrap());
    }

    #[test]
    fn damage_is_named_and_a_block_being_written_is_left_out() {
        let mut bytes = blocks(50_000);
        let whole = total(&bytes);
        let cut = total(&bytes[..bytes.len() - 3]);
        assert!(cut < whole);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = LogSource::Bytes(bytes.into()).page(1, 100_000, None).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_tail_reaches_back_over_stretches_without_such_a_line() {
        let mut encoder = Encoder::new(1);
        for n in 1..=100_000 {
            let stream = if n % 40_000 == 1 { Stream::Stderr } else { Stream::Stdout };
            encoder.write(Timestamp(n), stream, format!("line {n}\n").as_bytes());
        }
        let mut bytes = Vec::new();
        encoder.take(&mut bytes);
        let (tail, total) = LogSource::Bytes(bytes.into()).tail(5, Some(Stream::Stderr)).unwrap();
        assert_eq!(tail.iter().map(|l| l.number).collect::<Vec<_>>(), [1, 40_001, 80_001]);
        assert_eq!(total, 100_000);
    }

    #[test]
    fn lines_keep_their_numbers_where_some_could_not_be_written() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        let mut bytes = blocks(3);
        let mut encoder = Encoder::new(9);
        encoder.write(Timestamp(9), Stream::Stdout, b"after the gap\n");
        encoder.take(&mut bytes);
        let log = LogSource::Bytes(bytes.into());
        let Packed::Inline(packed) = log.clone().pack(&blobs, "a", &Notes::default()).unwrap() else {
            panic!("not inline")
        };
        let packed = LogSource::Bytes(packed.into());
        assert_eq!(packed.clone().page(1, 10, None).unwrap(), log.page(1, 10, None).unwrap());
        assert_eq!(packed.page(4, 10, None).unwrap().0[0].number, 9);
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        let found = |text: &str, needle: &str| Needle::new(needle).is_in(text.as_bytes());
        assert!(
            found("An Error: no", "error") && found("error", "ERROR") && found("x", "") && found("aab", "ab")
        );
        assert!(!found("erro", "error") && !found("", "e") && !found("grüße", "GRÜSSE"));
        assert!(found("grüße", "GRü"));
    }
}
