//! One block: its header, its lines, and the way from lines to bytes and back.

use super::{BLOCK_LEN, Damage, Ending, Line, Stream};
use crate::Timestamp;

/// Bytes of a block's header.
pub const HEADER_LEN: usize = 48;

const MAGIC: [u8; 4] = *b"RLG1";

/// How a body is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    Plain,
    /// As one zstd frame.
    Zstd,
}

/// What stands before each body. All numbers are little-endian; the last four bytes are the header's own checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// Number of the first line.
    pub first_line: u64,
    /// How many lines.
    pub lines: u32,
    /// Bytes of the body before compression.
    pub raw_len: u32,
    /// Bytes of the body as stored.
    pub stored_len: u32,
    /// How the body is stored.
    pub codec: Codec,
    /// Time of the first line.
    pub first_at: Timestamp,
    /// CRC-32 of the body as stored.
    pub crc32: u32,
}

impl BlockHeader {
    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = match self.codec {
            Codec::Plain => 0,
            Codec::Zstd => 1,
        };
        bytes[8..16].copy_from_slice(&self.first_line.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.lines.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.raw_len.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.stored_len.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.first_at.0.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.crc32.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..44]);
        bytes[44..48].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// If there is no whole, undamaged header; offsets count from the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        if !bytes.starts_with(&MAGIC[..MAGIC.len().min(bytes.len())]) {
            return Err(Damage::NotABlock { offset: 0 });
        }
        let Some(bytes) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(Damage::Truncated { offset: 0 });
        };
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if crc32fast::hash(&bytes[..44]) != u32_at(44) {
            return Err(Damage::Header { offset: 0 });
        }
        let codec = match bytes[4] {
            0 => Codec::Plain,
            1 => Codec::Zstd,
            _ => return Err(Damage::Header { offset: 0 }),
        };
        Ok(Self {
            first_line: u64_at(8),
            lines: u32_at(16),
            raw_len: u32_at(20),
            stored_len: u32_at(24),
            codec,
            first_at: Timestamp(u64_at(28).cast_signed()),
            crc32: u32_at(36),
        })
    }

    /// The number that follows the block's last line.
    #[must_use]
    pub const fn next_line(&self) -> u64 {
        self.first_line.saturating_add(self.lines as u64)
    }
}

/// Checks a body as stored against its header.
///
/// # Errors
/// If length or checksum differ. The offset is that of the block's start, 0: see [`Damage::at`].
pub fn check_body(header: &BlockHeader, stored: &[u8]) -> Result<(), Damage> {
    if stored.len() != header.stored_len as usize {
        return Err(Damage::Truncated { offset: 0 });
    }
    if crc32fast::hash(stored) != header.crc32 {
        return Err(Damage::Body { offset: 0 });
    }
    Ok(())
}

/// The lines of a body, which was checked, and decompressed if need be.
///
/// # Errors
/// If the lines do not fill the body exactly.
pub fn decode_lines<'a>(header: &BlockHeader, raw: &'a [u8]) -> Result<Vec<Line<'a>>, Damage> {
    // A line takes at least two bytes: a header that lies cannot make this allocate more than the body is worth.
    let mut lines = Vec::with_capacity((header.lines as usize).min(raw.len() / 2));
    let mut at = header.first_at.0;
    let mut rest = raw;
    while !rest.is_empty() {
        let damage = Damage::Lines { offset: (raw.len() - rest.len()) as u64 };
        let Some((line, after)) = decode_line(rest, &mut at) else { return Err(damage) };
        lines.push(Line { number: header.first_line.saturating_add(lines.len() as u64), ..line });
        rest = after;
    }
    if lines.len() != header.lines as usize || raw.len() != header.raw_len as usize {
        return Err(Damage::Lines { offset: raw.len() as u64 });
    }
    Ok(lines)
}

fn decode_line<'a>(bytes: &'a [u8], at: &mut i64) -> Option<(Line<'a>, &'a [u8])> {
    let (delta, bytes) = read_varint(bytes)?;
    let (packed, bytes) = read_varint(bytes)?;
    *at = at.wrapping_add((delta >> 1).cast_signed() ^ -(delta & 1).cast_signed());
    let stream = Stream::from_code(packed & 3)?;
    let ending = match packed >> 2 & 3 {
        0 => Ending::Newline,
        1 => Ending::Continues,
        2 => Ending::Nothing,
        _ => return None,
    };
    let (text, rest) = bytes.split_at_checked(usize::try_from(packed >> 4).ok()?)?;
    Some((Line { number: 0, at: Timestamp(*at), stream, text, ending }, rest))
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(i).ok()?)?;
        if byte < 0x80 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[inline]
fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits and a mark")]
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 0x80")]
    out.push(value as u8);
}

/// Collects lines into one block after the other.
#[derive(Debug)]
pub struct BlockBuilder {
    first_line: u64,
    lines: u32,
    first_at: i64,
    last_at: i64,
    body: Vec<u8>,
}

impl BlockBuilder {
    /// Starts with the line of this number; the first of a log is 1.
    #[must_use]
    pub const fn new(first_line: u64) -> Self {
        Self { first_line, lines: 0, first_at: 0, last_at: 0, body: Vec::new() }
    }

    /// Adds a line. Call [`Self::finish`] when [`Self::is_full`]; text is expected to be at most a piece long.
    #[inline]
    pub fn push(&mut self, at: Timestamp, stream: Stream, text: &[u8], ending: Ending) {
        if self.lines == 0 {
            (self.first_at, self.last_at) = (at.0, at.0);
        }
        let delta = at.0.wrapping_sub(self.last_at);
        self.last_at = at.0;
        let ending = match ending {
            Ending::Newline => 0,
            Ending::Continues => 1,
            Ending::Nothing => 2,
        };
        self.body.reserve(text.len() + 20);
        write_varint(&mut self.body, (delta << 1 ^ delta >> 63).cast_unsigned());
        write_varint(&mut self.body, (text.len() as u64) << 4 | ending << 2 | stream.code());
        self.body.extend_from_slice(text);
        self.lines += 1;
    }

    /// Whether the block has reached its size.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.body.len() >= BLOCK_LEN
    }

    /// Whether no line was added since the last block.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Bytes of the body so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.body.len()
    }

    /// The number that the next line will have.
    #[must_use]
    pub const fn next_line(&self) -> u64 {
        self.first_line + self.lines as u64
    }

    /// Appends the block to `out` and starts the next; does nothing if there is no line.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.lines == 0 {
            return;
        }
        // A piece is at most 16 KiB and a full block is closed: far below 4 GiB.
        let len = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let header = BlockHeader {
            first_line: self.first_line,
            lines: self.lines,
            raw_len: len,
            stored_len: len,
            codec: Codec::Plain,
            first_at: Timestamp(self.first_at),
            crc32: crc32fast::hash(&self.body),
        };
        out.reserve(HEADER_LEN + self.body.len());
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(&self.body);
        self.first_line = header.next_line();
        self.lines = 0;
        self.body.clear();
    }
}
