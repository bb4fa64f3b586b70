//! The log of one attempt: in memory at first, in its file from the moment it has grown or lived.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rigi_model::Timestamp;
use rigi_model::log::{Encoder, Stream};
use rigi_model::quantity::{show_count, show_size};
use rigi_work::mask::{MaskedStream, Masks};
use rigi_work::plan::EndedLog;

/// A log that is no longer than this at the end travels with the last word, if it was never written to its file.
const INLINE: usize = 16 * 1024;
/// So much waits in memory while the disk takes nothing; what comes after it is lost, and counted.
const HELD: usize = 1024 * 1024;
/// So much of a cut log's end is kept.
const TAIL: usize = 64 * 1024;

/// One attempt's log.
#[derive(Debug)]
pub struct Spool {
    encoder: Encoder,
    path: PathBuf,
    file: Option<File>,
    file_len: u64,
    /// Bytes of text taken so far, and how many may be.
    kept: u64,
    limit: u64,
    tail: Option<Tail>,
    /// Bytes that the disk did not take and that are lost, and why.
    refused: Option<(u64, String)>,
    /// Blocks on their way to the file.
    buffer: Vec<u8>,
    /// What covers secrets, where the attempt has any.
    cover: Option<Box<Cover>>,
}

/// What covers secrets in each of an attempt's streams.
#[derive(Debug)]
struct Cover {
    masks: Arc<Masks>,
    streams: [MaskedStream; 2],
    /// What may be told of a portion.
    told: Vec<u8>,
}

/// What came after the cut: the newest portions, in two halves, of which the older is dropped.
#[derive(Debug, Default)]
struct Tail {
    older: Vec<(Timestamp, Stream, Vec<u8>)>,
    newer: Vec<(Timestamp, Stream, Vec<u8>)>,
    newer_len: usize,
    dropped: u64,
}

impl Spool {
    /// A log that will lie at `path`; `limit` is in bytes of text.
    pub fn new(path: PathBuf, limit: Option<u64>) -> Self {
        Self {
            encoder: Encoder::default(),
            path,
            file: None,
            file_len: 0,
            kept: 0,
            limit: limit.unwrap_or(u64::MAX),
            tail: None,
            refused: None,
            buffer: Vec::new(),
            cover: None,
        }
    }

    /// Covers this in what is written from now on.
    pub fn cover(&mut self, masks: Arc<Masks>) {
        self.cover = Some(Box::new(Cover { masks, streams: Default::default(), told: Vec::new() }));
    }

    /// Takes what was read from the attempt. Returns whether [`Self::spill`] is due now, for there is much of it.
    pub fn write(&mut self, at: Timestamp, stream: Stream, bytes: &[u8]) -> bool {
        let Some(mut cover) = self.cover.take() else { return self.write_told(at, stream, bytes) };
        let Cover { masks, streams, told } = &mut *cover;
        streams[usize::from(stream == Stream::Stderr)].push(masks, bytes, told);
        let due = self.write_told(at, stream, told);
        told.clear();
        self.cover = Some(cover);
        due
    }

    /// The streams have ended: what was held back of them goes out.
    pub fn end_streams(&mut self, at: Timestamp) {
        let Some(mut cover) = self.cover.take() else { return };
        for (held, stream) in cover.streams.iter_mut().zip([Stream::Stdout, Stream::Stderr]) {
            held.end(&cover.masks, &mut cover.told);
            if !cover.told.is_empty() {
                self.write_told(at, stream, &cover.told);
                cover.told.clear();
            }
        }
    }

    fn write_told(&mut self, at: Timestamp, stream: Stream, bytes: &[u8]) -> bool {
        if let Some(tail) = &mut self.tail {
            tail.push(at, stream, bytes);
            return false;
        }
        let room = usize::try_from(self.limit - self.kept).unwrap_or(usize::MAX).min(bytes.len());
        let (now, later) = bytes.split_at(room);
        self.encoder.write(at, stream, now);
        self.kept += room as u64;
        if !later.is_empty() {
            let mut tail = Tail::default();
            tail.push(at, stream, later);
            self.tail = Some(tail);
            self.encoder.end(at, Stream::Stdout);
            self.encoder.end(at, Stream::Stderr);
            let limit = show_size(self.limit);
            self.encoder.note(
                at,
                &format!("The log limit of {limit} is reached: from here on only the end is kept."),
            );
        }
        self.encoder.pending() > INLINE
    }

    /// A line of Rigi's own.
    pub fn note(&mut self, at: Timestamp, text: &str) {
        self.encoder.note(at, text);
    }

    /// Writes what waits to the file. Returns lines and bytes of the log now.
    pub fn spill(&mut self) -> (u64, u64) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let before = buffer.len();
        self.encoder.take(&mut buffer);
        match self.append(&buffer) {
            Ok(()) => buffer.clear(),
            Err(error) => {
                self.undo();
                if buffer.len() > HELD {
                    self.refuse((buffer.len() - before) as u64, &error);
                    buffer.truncate(before);
                }
            }
        }
        self.buffer = buffer;
        (self.encoder.lines(), self.file_len)
    }

    /// Lines and bytes of the file, when it was last written to.
    pub const fn spilled(&self) -> (u64, u64) {
        (self.encoder.lines(), self.file_len)
    }

    /// The line of a stream that has not ended: which one, and what there is of it.
    pub fn unfinished(&self, stream: Stream) -> (u64, &[u8]) {
        self.encoder.unfinished(stream)
    }

    /// For a busy stream: starts the file, or writes those blocks to it that are full.
    pub fn spill_busy(&mut self) {
        let Some(file) = self.file.as_mut().filter(|_| self.buffer.is_empty()) else {
            self.spill();
            return;
        };
        let blocks = self.encoder.full_blocks();
        if blocks.is_empty() {
            return;
        }
        let len = blocks.len() as u64;
        match file.write_all(blocks) {
            Ok(()) => self.file_len += len,
            Err(_) => {
                self.buffer.extend_from_slice(blocks);
                self.undo();
            }
        }
        self.encoder.clear_full_blocks();
    }

    /// Cuts off what was written in part: a torn block would hide those after it.
    fn undo(&self) {
        if let Some(file) = &self.file {
            let _ = file.set_len(self.file_len);
        }
    }

    fn refuse(&mut self, len: u64, error: &io::Error) {
        self.refused.get_or_insert_with(|| (0, error.to_string())).0 += len;
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let file = File::options()
                .create(true)
                .append(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&self.path)?;
            file.set_len(0)?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
            self.file_len += bytes.len() as u64;
        }
        Ok(())
    }

    /// The attempt has ended and both streams with it.
    pub fn finish(&mut self, at: Timestamp) -> EndedLog {
        self.end_streams(at);
        let mut cut_bytes = 0;
        if let Some(tail) = self.tail.take() {
            cut_bytes = self.finish_tail(at, tail);
        }
        self.encoder.end(at, Stream::Stdout);
        self.encoder.end(at, Stream::Stderr);
        if let Some((bytes, why)) = self.refused.take() {
            cut_bytes += bytes;
            self.encoder.note(at, &format!("{} of this log could not be written: {why}", show_size(bytes)));
        }
        let mut log = EndedLog { lines: self.encoder.lines(), cut_bytes, ..EndedLog::default() };
        let short = self.buffer.is_empty() && self.encoder.pending() <= INLINE;
        if self.file.is_none() && short {
            self.encoder.take(&mut log.inline);
            return log;
        }
        self.spill();
        // What the disk does not take travels with the last word.
        log.inline = std::mem::take(&mut self.buffer);
        log.file = (self.file_len > 0).then(|| self.path.clone());
        log
    }

    fn finish_tail(&mut self, at: Timestamp, tail: Tail) -> u64 {
        let mut portions = tail.older;
        portions.extend(tail.newer);
        let mut cut = tail.dropped;
        // Each stream starts again with a whole line, if there is one.
        let mut begun = [tail.dropped == 0; 3];
        for (_, stream, bytes) in &mut portions {
            let begun = &mut begun[*stream as usize];
            if !*begun {
                let start = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
                *begun = start < bytes.len();
                cut += start as u64;
                bytes.drain(..start);
            }
        }
        if cut > 0 {
            let (cut, limit) = (show_count(i64::try_from(cut).unwrap_or(i64::MAX)), show_size(self.limit));
            self.encoder.note(at, &format!("… {cut} bytes cut: the log limit of {limit} is reached"));
        }
        for (at, stream, bytes) in portions {
            self.encoder.write(at, stream, &bytes);
        }
        cut
    }
}

impl Tail {
    fn push(&mut self, at: Timestamp, stream: Stream, bytes: &[u8]) {
        for bytes in bytes.chunks(TAIL) {
            if self.newer_len + bytes.len() > TAIL {
                self.dropped += self.older.iter().map(|(_, _, bytes)| bytes.len() as u64).sum::<u64>();
                self.older = std::mem::take(&mut self.newer);
                self.newer_len = 0;
            }
            self.newer_len += bytes.len();
            self.newer.push((at, stream, bytes.to_vec()));
        }
    }
}
