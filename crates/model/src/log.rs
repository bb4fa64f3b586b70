//! Logs of attempts: lines with their time and stream, packed into blocks that carry a checksum.
//!
//! A log is a row of blocks. A block is a header of [`HEADER_LEN`] bytes and a body: per line one varint for the time
//! since the line before (zigzag, microseconds), one for length and flags, and the bytes as the program wrote them.
//! Blocks can be appended, put one after the other, compressed one by one, and skipped by their headers alone.
//! Text is never decoded here: a log holds what was written, whatever it is.

mod block;
mod encoder;
mod last_words;
mod scan;

pub use block::{BlockBuilder, BlockHeader, Codec, HEADER_LEN, check_body, decode_lines};
pub use encoder::{Encoder, PIECE_LEN};
pub use last_words::LastWords;
pub use scan::{ScanError, Scanned, Scanner};

use crate::Timestamp;

/// A body is closed when it has reached this many bytes, before compression.
pub const BLOCK_LEN: usize = 64 * 1024;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// The program's standard output.
    Stdout,
    /// The program's standard error.
    Stderr,
    /// Rigi itself.
    System,
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 3] = [Self::Stdout, Self::Stderr, Self::System];

    const fn code(self) -> u64 {
        match self {
            Self::Stdout => 0,
            Self::Stderr => 1,
            Self::System => 2,
        }
    }

    const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Self::Stdout),
            1 => Some(Self::Stderr),
            2 => Some(Self::System),
            _ => None,
        }
    }
}

/// What follows a line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// A newline.
    #[default]
    Newline,
    /// The next line of the same stream: it was longer than [`PIECE_LEN`] and was broken up.
    Continues,
    /// Nothing: the stream ended.
    Nothing,
}

/// One line of a log, or a piece of a long one. Pieces are numbered like lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counts from 1 over the whole log.
    pub number: u64,
    /// When its end was read.
    pub at: Timestamp,
    /// Where it came from.
    pub stream: Stream,
    /// What was written, without the newline.
    pub text: &'a [u8],
    /// What follows it.
    pub ending: Ending,
}

/// A line that a program has not ended yet, as it stands. It has no number, and is in no log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unfinished {
    /// Where it stands.
    pub stream: Stream,
    /// Its end, of a few kilobytes at most, behind what was written over.
    pub text: String,
}

/// What is wrong with stored bytes. Offsets are in bytes, from the start of what was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// There is no block here.
    #[error("the log is damaged at byte {offset}: no block starts here")]
    NotABlock {
        /// Where.
        offset: u64,
    },
    /// The header's checksum does not match.
    #[error("the log is damaged at byte {offset}: the block's header does not match its checksum")]
    Header {
        /// Where the block starts.
        offset: u64,
    },
    /// The body's checksum does not match.
    #[error("the log is damaged: the block at byte {offset} does not match its checksum")]
    Body {
        /// Where the block starts.
        offset: u64,
    },
    /// The block is not all there: a log that is being written, or one that was cut off.
    #[error("the log ends within the block at byte {offset}")]
    Truncated {
        /// Where the block starts.
        offset: u64,
    },
    /// The checksum holds but the lines do not fill the body.
    #[error("the log is damaged: the lines of a block do not fit it, from byte {offset} of its body on")]
    Lines {
        /// Within the body.
        offset: u64,
    },
}

impl Damage {
    /// The same damage, of bytes that start at `base` of a larger whole.
    #[must_use]
    pub const fn at(self, base: u64) -> Self {
        match self {
            Self::NotABlock { offset } => Self::NotABlock { offset: offset + base },
            Self::Header { offset } => Self::Header { offset: offset + base },
            Self::Body { offset } => Self::Body { offset: offset + base },
            Self::Truncated { offset } => Self::Truncated { offset: offset + base },
            Self::Lines { offset } => Self::Lines { offset: offset + base },
        }
    }
}
