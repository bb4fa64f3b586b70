//! From what a program writes, in whatever portions it arrives, to blocks of lines.

use super::{BlockBuilder, Ending, Stream};
use crate::Timestamp;

/// A line longer than this is broken into pieces of this length.
pub const PIECE_LEN: usize = 16 * 1024;

/// Splits streams into lines and packs these into blocks.
#[derive(Debug)]
pub struct Encoder {
    builder: BlockBuilder,
    /// Per stream, the start of a line whose end has not come yet; always shorter than a piece.
    open: [Vec<u8>; 3],
    /// Per stream, how many lines have ended.
    ended: [u64; 3],
    done: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Encoder {
    /// Starts with the line of this number; the first of a log is 1.
    #[must_use]
    pub const fn new(first_line: u64) -> Self {
        let open = [const { Vec::new() }; 3];
        Self { builder: BlockBuilder::new(first_line), open, ended: [0; 3], done: Vec::new() }
    }

    /// Takes what was read from a stream at `at`.
    pub fn write(&mut self, at: Timestamp, stream: Stream, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.end_line(at, stream, &bytes[..end], Ending::Newline);
            bytes = &bytes[end + 1..];
        }
        let mut open = std::mem::take(&mut self.open[stream.code() as usize]);
        while open.len() + bytes.len() > PIECE_LEN {
            let (now, later) = bytes.split_at(PIECE_LEN - open.len());
            open.extend_from_slice(now);
            self.push(at, stream, &open, Ending::Continues);
            open.clear();
            bytes = later;
        }
        open.extend_from_slice(bytes);
        self.open[stream.code() as usize] = open;
    }

    /// One line of Rigi's own.
    pub fn note(&mut self, at: Timestamp, text: &str) {
        for line in text.lines() {
            self.end_line(at, Stream::System, line.as_bytes(), Ending::Newline);
        }
    }

    /// The stream has ended: what was written after its last newline becomes a line.
    pub fn end(&mut self, at: Timestamp, stream: Stream) {
        if !self.open[stream.code() as usize].is_empty() {
            self.end_line(at, stream, &[], Ending::Nothing);
        }
    }

    /// The line that has not ended: which one of its stream, and what there is of it.
    #[must_use]
    pub fn unfinished(&self, stream: Stream) -> (u64, &[u8]) {
        let index = stream.code() as usize;
        (self.ended[index], &self.open[index])
    }

    fn end_line(&mut self, at: Timestamp, stream: Stream, mut rest: &[u8], ending: Ending) {
        let index = stream.code() as usize;
        self.ended[index] += 1;
        if !self.open[index].is_empty() {
            let mut open = std::mem::take(&mut self.open[index]);
            let (now, later) = rest.split_at(rest.len().min(PIECE_LEN - open.len()));
            open.extend_from_slice(now);
            rest = later;
            let last = rest.is_empty();
            self.push(at, stream, &open, if last { ending } else { Ending::Continues });
            open.clear();
            self.open[index] = open;
            if last {
                return;
            }
        }
        while rest.len() > PIECE_LEN {
            self.push(at, stream, &rest[..PIECE_LEN], Ending::Continues);
            rest = &rest[PIECE_LEN..];
        }
        self.push(at, stream, rest, ending);
    }

    fn push(&mut self, at: Timestamp, stream: Stream, text: &[u8], ending: Ending) {
        self.builder.push(at, stream, text, ending);
        if self.builder.is_full() {
            self.builder.finish(&mut self.done);
        }
    }

    /// Whole lines so far, those of taken blocks too.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.builder.next_line() - 1
    }

    /// Bytes that wait to be taken, headers not counted.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.builder.len() + self.done.len()
    }

    /// Full blocks, without closing the one that is being filled.
    #[must_use]
    pub fn full_blocks(&self) -> &[u8] {
        &self.done
    }

    /// Forgets [`Self::full_blocks`]: they are kept elsewhere now.
    pub fn clear_full_blocks(&mut self) {
        self.done.clear();
    }

    /// Closes the block that is being filled and moves everything to `out`.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.done);
        self.builder.finish(out);
    }
}

#[cfg(test)]
mod tests;
