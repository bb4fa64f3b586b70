//! From a byte offset to a line and a column.

use crate::place::Position;

/// How many bytes lie between two known counts of characters.
const STRIDE: usize = 256;

/// Where each line of a text begins, and how many characters there are before every 256th byte: a place costs the
/// same in a text of one long line.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    counts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        let blocks = text.as_bytes().chunks(STRIDE).scan(0, |sum, block| {
            *sum += count(block);
            Some(*sum)
        });
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
            counts: std::iter::once(0).chain(blocks).collect(),
        }
    }

    /// The place of a byte; one behind the end is the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let column = self.characters_before(offset) - self.characters_before(self.starts[line]);
        Position { line: clamp(line + 1), column: clamp(column + 1) }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / STRIDE;
        self.counts[block] + count(&self.text.as_bytes()[block * STRIDE..offset])
    }

    /// The byte at a line and a byte column, both from 1, as `serde_json` counts them.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        (start + column.saturating_sub(1)).min(self.text.len())
    }
}

/// The characters that begin in these bytes: all but those that continue one.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// A spec has at most a million bytes, so that this never cuts.
pub(super) fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
