//! Frames: a JSON head and a tail of plain bytes, with their lengths before them. The same on the socket and,
//! with a checksum, in the journal.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No frame is larger: ten megabytes of parameters fit, a mistaken length does not.
const LONGEST: usize = 256 * 1024 * 1024;

/// Bytes that are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A length that cannot be.
    #[error("a message claims to be {0} bytes long")]
    TooLong(usize),
    /// The head is not what was expected.
    #[error("a message cannot be read: {0}")]
    Head(#[from] serde_json::Error),
}

/// Appends a frame to `out`.
pub fn encode<T: Serialize>(out: &mut Vec<u8>, head: &T, tail: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    // Heads are plain structures with string keys, and a `Vec` takes every write: this cannot fail.
    if serde_json::to_writer(&mut *out, head).is_err() {
        out.truncate(start);
        return;
    }
    let head_len = u32::try_from(out.len() - start - 8).unwrap_or(u32::MAX);
    let tail_len = u32::try_from(tail.len()).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&head_len.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&tail_len.to_le_bytes());
    out.extend_from_slice(tail);
}

/// How long the frame at the start of `bytes` says it is.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let lengths = bytes.first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *lengths;
    let (head, tail) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    Some(8 + head as usize + tail as usize)
}

/// A frame's head and tail, and how many bytes it takes.
type Decoded<'a, T> = (T, &'a [u8], usize);

/// Takes one frame off the start of `bytes`. `None` if it is not all there.
///
/// # Errors
/// If it is no frame.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<Decoded<'_, T>>, FrameError> {
    let Some(lengths) = bytes.first_chunk::<8>() else { return Ok(None) };
    let length = |at: usize| {
        u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]) as usize
    };
    let (head, tail) = (length(0), length(4));
    if head + tail > LONGEST {
        return Err(FrameError::TooLong(head + tail));
    }
    let end = 8 + head + tail;
    if bytes.len() < end {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes[8..8 + head])?, &bytes[8 + head..end], end)))
}

/// Collects what arrives on a stream until frames are whole.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
}

impl Inbox {
    /// Takes what was read.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.start > 0 && (self.start == self.bytes.len() || self.start > 1024 * 1024) {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// If what came is no frame: the stream cannot be used any further.
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<(T, Vec<u8>)>, FrameError> {
        let Some((head, tail, taken)) = decode(&self.bytes[self.start..])? else {
            if self.start == self.bytes.len() && self.bytes.capacity() > 1024 * 1024 {
                *self = Self::default();
            }
            return Ok(None);
        };
        let tail = tail.to_vec();
        self.start += taken;
        Ok(Some((head, tail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_portions_and_nonsense_is_refused() {
        let mut stream = Vec::new();
        encode(&mut stream, &("one", 1), b"");
        encode(&mut stream, &("two", 2), b"\0tail");
        let mut inbox = Inbox::default();
        let mut seen = Vec::new();
        for byte in &stream {
            inbox.extend(&[*byte]);
            while let Some(frame) = inbox.next::<(String, u32)>().unwrap() {
                seen.push(frame);
            }
        }
        assert_eq!(seen, [(("one".to_owned(), 1), vec![]), (("two".to_owned(), 2), b"\0tail".to_vec())]);
        inbox.extend(&[0xff; 8]);
        assert!(matches!(inbox.next::<u32>(), Err(FrameError::TooLong(_))));
        assert!(matches!(decode::<u32>(b"\x01\0\0\0\0\0\0\0{"), Err(FrameError::Head(_))));
    }
}
