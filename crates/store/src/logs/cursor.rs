//! A cursor over a log that may still grow: it finds a line by marks put on its way, and goes on where the log ended.
//!
//! Blocks of a running log can be as short as a line. What has grown is therefore read in one portion, whatever the
//! number of blocks in it, and a line far back is looked for from the nearest mark and not from the start.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use rigi_model::log::{BlockHeader, Codec, Damage, HEADER_LEN, Line, check_body, decode_lines};

use super::{LogLine, LogSource};
use crate::{Error, Result};

/// Bytes that are read at once.
const PORTION: usize = 64 << 10;
/// Bytes that are read at once where only headers are looked at.
const GLANCE: usize = 16 << 10;
/// Marks are at least so many bytes apart.
const MARK_EVERY: u64 = 256 << 10;

/// What to read at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lines.
    pub lines: usize,
    /// Bytes of text; the line that reaches it is the last.
    pub bytes: usize,
}

/// Lines in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPart {
    /// As they stand in the log.
    pub lines: Vec<LogLine>,
    /// If all was read that there is: the number that the log's next line will have.
    pub end: Option<u64>,
}

/// See the module. Everything here blocks.
#[derive(Debug)]
pub struct Cursor {
    bytes: Bytes,
    /// A portion, and where it starts.
    portion: Vec<u8>,
    start: u64,
    /// Lines, and where the blocks start that begin with them; both grow.
    marks: Vec<(u64, u64)>,
}

#[derive(Debug)]
enum Bytes {
    Memory(Arc<[u8]>),
    File(File, PathBuf),
}

impl Cursor {
    /// Opens a log; `None` if nothing is there yet. What is open stays readable when the file is removed.
    ///
    /// # Errors
    /// If there is one and it cannot be opened.
    pub fn open(source: LogSource) -> Result<Option<Self>> {
        let bytes = match source {
            LogSource::Empty => return Ok(None),
            LogSource::Bytes(bytes) => Bytes::Memory(bytes),
            LogSource::File(path) => match File::open(&path) {
                Ok(file) => Bytes::File(file, path),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(source) => {
                    return Err(Error::Io { what: format!("open the log {}", path.display()), source });
                }
            },
        };
        Ok(Some(Self { bytes, portion: Vec::new(), start: 0, marks: vec![(1, 0)] }))
    }

    /// Whole lines from the line `from` on.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn read(&mut self, from: u64, most: Bounds) -> Result<LogPart> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let end = self.walk(from, |line| {
            if lines.len() >= most.lines || bytes >= most.bytes {
                return ControlFlow::Break(());
            }
            bytes += line.text.len();
            lines.push(line.into());
            ControlFlow::Continue(())
        })?;
        Ok(LogPart { lines, end })
    }

    /// How many lines there are now.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn total(&mut self) -> Result<u64> {
        let end = self.walk(u64::MAX, |_| ControlFlow::Continue(()))?;
        Ok(end.map_or(0, |end| end - 1))
    }

    /// The lines that marks stand at, first to last; what is between two fits into memory.
    pub(super) fn marked_lines(&self) -> Vec<u64> {
        self.marks.iter().map(|(line, _)| *line).collect()
    }

    /// Visits whole lines from the line `from` on. A block that is just being written is left for the next time. If all
    /// was visited that there is, returns the number that the log's next line will have.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn walk(
        &mut self,
        from: u64,
        mut visit: impl FnMut(&Line<'_>) -> ControlFlow<()>,
    ) -> Result<Option<u64>> {
        let known = self.marks.partition_point(|(line, _)| *line <= from);
        let (mut next_line, mut offset) = self.marks[known.saturating_sub(1)];
        // What was read before may have been a block in the making.
        self.portion.clear();
        while let Some(header) = self.header(offset, if next_line < from { GLANCE } else { PORTION })? {
            let end = offset + HEADER_LEN as u64 + u64::from(header.stored_len);
            if header.next_line() > from {
                let Some(body) = self.body(offset, &header)? else { break };
                match visit_block(&header, body, from, &mut visit) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => return Ok(None),
                    Err(why) => return Err(self.damaged(why)),
                }
            } else if !self.reaches(end)? {
                break;
            }
            (next_line, offset) = (header.next_line(), end);
            if self.marks.last().is_some_and(|(line, at)| next_line > *line && offset >= at + MARK_EVERY) {
                self.marks.push((next_line, offset));
            }
        }
        Ok(Some(next_line))
    }

    /// The header at `offset`, reading `ahead` bytes if it has to be fetched; `None` if it is not there yet.
    fn header(&mut self, offset: u64, ahead: usize) -> Result<Option<BlockHeader>> {
        let Some(bytes) = self.slice(offset, HEADER_LEN, ahead)? else { return Ok(None) };
        match BlockHeader::parse(bytes) {
            Ok(header) => Ok(Some(header)),
            Err(Damage::Truncated { .. }) => Ok(None),
            Err(damage) => Err(self.damaged(damage.at(offset))),
        }
    }

    /// The body of the block at `offset`, checked; `None` if it is not all there yet.
    fn body(&mut self, offset: u64, header: &BlockHeader) -> Result<Option<&[u8]>> {
        let (at, len) = (offset + HEADER_LEN as u64, header.stored_len as usize);
        // A header that lies does not make this allocate more than there is.
        if !self.reaches(at + len as u64)? {
            return Ok(None);
        }
        if let Some(body) = self.slice(at, len, PORTION)?
            && let Err(damage) = check_body(header, body)
        {
            return Err(self.damaged(damage.at(offset)));
        }
        self.slice(at, len, PORTION)
    }

    /// `len` bytes from `offset` on; `None` if there are fewer.
    fn slice(&mut self, offset: u64, len: usize, ahead: usize) -> Result<Option<&[u8]>> {
        let Self { bytes, portion, start, .. } = self;
        match bytes {
            Bytes::Memory(bytes) => Ok(within(bytes, 0, offset, len)),
            Bytes::File(file, path) => {
                if within(portion, *start, offset, len).is_none() {
                    let wanted = len.max(ahead);
                    portion.resize(wanted, 0);
                    *start = offset;
                    let read = read_at(file, portion, offset)
                        .map_err(Error::io(format!("read the log {}", path.display())))?;
                    portion.truncate(read);
                }
                Ok(within(portion, *start, offset, len))
            }
        }
    }

    /// Whether the log goes up to `end`.
    fn reaches(&self, end: u64) -> Result<bool> {
        match &self.bytes {
            Bytes::Memory(bytes) => Ok(bytes.len() as u64 >= end),
            Bytes::File(..) if self.start + self.portion.len() as u64 >= end => Ok(true),
            Bytes::File(file, path) => {
                let facts = file.metadata().map_err(Error::io(format!("read the log {}", path.display())))?;
                Ok(facts.len() >= end)
            }
        }
    }

    fn damaged(&self, why: impl std::fmt::Display) -> Error {
        let what = match &self.bytes {
            Bytes::File(_, path) => format!("the log {}", path.display()),
            Bytes::Memory(_) => "a log in the database".to_owned(),
        };
        Error::Damaged { what, why: why.to_string() }
    }
}

/// Visits the lines from `from` on of a block whose body was checked; or says what is wrong with them.
fn visit_block(
    header: &BlockHeader,
    stored: &[u8],
    from: u64,
    visit: &mut impl FnMut(&Line<'_>) -> ControlFlow<()>,
) -> std::result::Result<ControlFlow<()>, String> {
    let unpacked;
    let raw = match header.codec {
        Codec::Plain => stored,
        Codec::Zstd => {
            unpacked = zstd::bulk::decompress(stored, header.raw_len as usize).map_err(|e| e.to_string())?;
            &unpacked
        }
    };
    let lines = decode_lines(header, raw).map_err(|e| e.to_string())?;
    Ok(lines.iter().filter(|line| line.number >= from).try_for_each(visit))
}

fn within(bytes: &[u8], start: u64, offset: u64, len: usize) -> Option<&[u8]> {
    let from = usize::try_from(offset.checked_sub(start)?).ok()?;
    bytes.get(from..from.checked_add(len)?)
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use rigi_model::Timestamp;
    use rigi_model::log::{Encoder, Stream};

    use super::*;

    const SOME: Bounds = Bounds { lines: 100, bytes: 4000 };

    fn text(n: u64) -> String {
        format!("line {n} {}", "x".repeat((n % 97) as usize))
    }

    /// Follows to the end, and says how far the log goes.
    fn follow(cursor: &mut Cursor, next: &mut u64, most: Bounds) -> u64 {
        loop {
            let part = cursor.read(*next, most).unwrap();
            for line in &part.lines {
                assert_eq!(line.number, *next);
                assert_eq!(line.text, text(*next).into_bytes());
                *next += 1;
            }
            if let Some(end) = part.end {
                return end;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_growing_log_is_read_once_in_order_however_it_is_cut(
            portions in prop::collection::vec(1u64..400, 1..40),
            cuts in prop::collection::vec(0.0f64..1.0, 1..6),
            lines in 1usize..300,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            let mut file = File::create(&path).unwrap();
            let mut cursor = Cursor::open(LogSource::File(path)).unwrap().unwrap();
            let mut encoder = Encoder::default();
            let (mut written, mut next) = (0, 1);
            for (portion, cut) in portions.iter().zip(cuts.iter().cycle()) {
                for _ in 0..*portion {
                    written += 1;
                    encoder.write(Timestamp(written as i64), Stream::Stdout, format!("{}\n", text(written)).as_bytes());
                }
                let mut block = Vec::new();
                encoder.take(&mut block);
                let (now, later) = block.split_at((block.len() as f64 * cut) as usize);
                file.write_all(now).unwrap();
                follow(&mut cursor, &mut next, Bounds { lines, bytes: 4000 });
                prop_assert!(next <= written + 1);
                file.write_all(later).unwrap();
                let end = follow(&mut cursor, &mut next, Bounds { lines, bytes: 4000 });
                prop_assert_eq!((next, end), (written + 1, written + 1));
            }
            // From anywhere, back and forth, and behind the end.
            for from in [1, written / 2 + 1, written, 1, written + 1, written + 7] {
                let part = cursor.read(from, SOME).unwrap();
                let first = part.lines.first().map(|line| line.number);
                prop_assert_eq!(first, (from <= written).then_some(from));
            }
        }
    }

    #[test]
    fn lines_far_apart_in_a_long_log_are_found_by_marks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut encoder = Encoder::default();
        let mut file = File::create(&path).unwrap();
        let mut bytes = Vec::new();
        for n in 1..=60_000 {
            encoder.write(Timestamp(n), Stream::Stdout, format!("{}\n", text(n as u64)).as_bytes());
            if n % 7 == 0 {
                encoder.take(&mut bytes);
            }
        }
        encoder.take(&mut bytes);
        file.write_all(&bytes).unwrap();
        let mut cursor = Cursor::open(LogSource::File(path)).unwrap().unwrap();
        assert_eq!(cursor.read(u64::MAX, SOME).unwrap(), LogPart { lines: Vec::new(), end: Some(60_001) });
        assert!(cursor.marks.len() > 8, "{}", cursor.marks.len());
        for from in [59_990, 3, 30_000, 1, 44_444] {
            assert_eq!(cursor.read(from, SOME).unwrap().lines[0].number, from);
        }
        let few = cursor.read(10, Bounds { lines: 1000, bytes: 300 }).unwrap();
        assert!(few.lines.len() < 30 && few.end.is_none());
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut encoder = Encoder::default();
        encoder.write(Timestamp(1), Stream::Stdout, b"one\ntwo\n");
        let mut bytes = Vec::new();
        encoder.take(&mut bytes);
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut cursor = Cursor::open(LogSource::File(path)).unwrap().unwrap();
        assert!(matches!(cursor.read(1, SOME), Err(Error::Damaged { .. })));
        assert!(Cursor::open(LogSource::File(folder.path().join("none"))).unwrap().is_none());
    }
}
