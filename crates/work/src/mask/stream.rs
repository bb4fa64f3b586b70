//! Covering what comes in pieces.

use super::{COVER, Masks};

/// One stream of bytes, and how far it has been let out.
#[derive(Debug, Default)]
pub struct MaskedStream {
    /// What is held back: it may be the beginning of a needle.
    held: Vec<u8>,
    /// So many bytes of it are covered, and their cover is out.
    covered: usize,
    /// Whether the last that went out was a cover: what is covered next to it needs none of its own.
    after_cover: bool,
}

impl MaskedStream {
    /// Takes a piece; appends to `out` what can be told of it.
    pub fn push(&mut self, masks: &Masks, bytes: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            let keep = masks.beginning_in(bytes);
            self.let_out(masks, bytes, keep, out);
            self.held.extend_from_slice(&bytes[keep..]);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            let keep = masks.beginning_in(&held);
            self.let_out(masks, &held, keep, out);
            held.drain(..keep);
            self.held = held;
        }
    }

    /// There is no more of it.
    pub fn end(&mut self, masks: &Masks, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        self.let_out(masks, &held, held.len(), out);
        *self = Self::default();
    }

    /// A cover for each line of these bytes: what follows them stays on the line that it is on.
    fn cover(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            if *byte == b'\n' {
                out.push(b'\n');
                self.after_cover = false;
            } else if !self.after_cover {
                out.extend_from_slice(COVER.as_bytes());
                self.after_cover = true;
            }
        }
    }

    /// Lets out what is before `until`, covered where a needle begins before it.
    fn let_out(&mut self, masks: &Masks, bytes: &[u8], until: usize, out: &mut Vec<u8>) {
        let mut told = self.covered;
        let mut at = 0;
        while let Some((start, end)) = masks.find(bytes, at, until) {
            if start > told {
                out.extend_from_slice(&bytes[told..start]);
                told = start;
                self.after_cover = false;
            }
            if end > told {
                self.cover(&bytes[told..end], out);
                told = end;
            }
            at = start + 1;
        }
        if told < until {
            out.extend_from_slice(&bytes[told..until]);
            told = until;
            self.after_cover = false;
        }
        self.covered = told - until;
    }
}
