//! Covers the secrets of an attempt in what it says: before anything of it is stored, in every form in which a value is
//! likely to be said.
//!
//! A value becomes [`forms`], and each of these needles of at most [`LONGEST`] bytes. What any needle covers is replaced, so
//! that needles may overlap. A stream holds back only its end, and only where that end may be the beginning of a needle.

mod forms;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

pub use stream::MaskedStream;

/// What stands for a secret.
pub const COVER: &str = "***";
/// Shorter values are found everywhere, and covering them says where.
pub const SHORTEST: usize = 6;
/// Bytes of a needle at most, and therefore of what a stream holds back.
pub const LONGEST: usize = 64;
/// Bytes by which a place is looked at first.
const HEAD: usize = 4;
/// Bits of the filter.
const FILTER: usize = 1 << 16;

/// What is to be covered.
pub struct Masks {
    /// In order.
    needles: Vec<Box<str>>,
    known: HashSet<Box<str>>,
    /// The lengths of needles with the same head, longest first.
    lengths: Vec<(u32, Vec<u8>)>,
    /// A bit for each head of a needle.
    filter: Box<[u64; FILTER / 64]>,
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masks")
    }
}

impl Masks {
    /// Of these values; `None` if there is nothing to cover.
    #[must_use]
    pub fn of<T: AsRef<str>>(values: &[T]) -> Option<Self> {
        let mut known = HashSet::new();
        for value in values {
            forms::add_forms(value.as_ref(), &mut known);
        }
        if known.is_empty() {
            return None;
        }
        let mut needles: Vec<Box<str>> = known.iter().cloned().collect();
        needles.sort_unstable();
        let mut filter = Box::new([0; FILTER / 64]);
        let mut heads: Vec<(u32, u8)> = Vec::with_capacity(needles.len());
        for needle in &needles {
            let Some(head) = head(needle.as_bytes()) else { continue };
            let bit = slot(head);
            filter[bit / 64] |= 1 << (bit % 64);
            heads.push((head, u8::try_from(needle.len()).unwrap_or(u8::MAX)));
        }
        heads.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        heads.dedup();
        let mut lengths: Vec<(u32, Vec<u8>)> = Vec::new();
        for (head, length) in heads {
            match lengths.last_mut() {
                Some((last, all)) if *last == head => all.push(length),
                _ => lengths.push((head, vec![length])),
            }
        }
        Some(Self { needles, known, lengths, filter })
    }

    /// A text without what is to be covered.
    #[must_use]
    pub fn cover<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.find(text.as_bytes(), 0, text.len()).is_none() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut stream = MaskedStream::default();
        stream.push(self, text.as_bytes(), &mut out);
        stream.end(self, &mut out);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// The same of all texts in a value, the names of its members too; of a number that holds a secret, nothing is left.
    pub fn cover_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(covered) = self.cover(text) {
                    *text = covered;
                }
            }
            Value::Number(number) => {
                if let Cow::Owned(covered) = self.cover(&number.to_string()) {
                    *value = Value::String(covered);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.cover_value(item)),
            Value::Object(members) => {
                let all = std::mem::take(members);
                *members = all
                    .into_iter()
                    .map(|(name, mut value)| {
                        self.cover_value(&mut value);
                        (self.cover(&name).into_owned(), value)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The first place from `from` and before `until` at which a needle begins, and its end.
    fn find(&self, bytes: &[u8], from: usize, until: usize) -> Option<(usize, usize)> {
        let mut at = from;
        loop {
            let windows = bytes.get(at..)?.windows(HEAD).take(until.saturating_sub(at));
            let is_head = |window: &[u8]| head(window).is_some_and(|head| self.has_bit(head));
            at += windows.into_iter().position(is_head)?;
            if let Some(length) = self.longest_at(&bytes[at..]) {
                return Some((at, at + length));
            }
            at += 1;
        }
    }

    const fn has_bit(&self, head: u32) -> bool {
        let bit = slot(head);
        self.filter[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// The length of the longest needle that these bytes begin with.
    fn longest_at(&self, bytes: &[u8]) -> Option<usize> {
        let head = head(bytes)?;
        let found = self.lengths.binary_search_by_key(&head, |(head, _)| *head).ok()?;
        let lengths = self.lengths[found].1.iter().map(|length| usize::from(*length));
        lengths.filter(|length| *length <= bytes.len()).find(|length| {
            // What is no text is no needle.
            std::str::from_utf8(&bytes[..*length]).is_ok_and(|text| self.known.contains(text))
        })
    }

    /// Whether these bytes are the beginning of a needle, and not all of it.
    fn is_beginning(&self, bytes: &[u8]) -> bool {
        if head(bytes).is_some_and(|head| !self.has_bit(head)) {
            return false;
        }
        let from = self.needles.partition_point(|needle| needle.as_bytes() <= bytes);
        self.needles.get(from).is_some_and(|needle| needle.as_bytes().starts_with(bytes))
    }

    /// Where what may be the beginning of a needle begins.
    fn beginning_in(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(LONGEST - 1);
        (first..bytes.len()).find(|at| self.is_beginning(&bytes[*at..])).unwrap_or(bytes.len())
    }
}

fn head(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<HEAD>().map(|head| u32::from_le_bytes(*head))
}

const fn slot(head: u32) -> usize {
    (head.wrapping_mul(0x9E37_79B1) >> 16) as usize
}
