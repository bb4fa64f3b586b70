//! What the supervisor must not forget when it is killed: which attempts it took on, their processes, and how they
//! ended, until the server has released them.
//!
//! Records are appended to segment files, many by one write. Nothing is synced: a killed process loses nothing of what
//! it wrote, and a machine that loses its power loses the processes too. When a segment is full, what is not released
//! is written into the next one, and those before it are removed; a start does the same.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rigi_model::{AttemptKey, Timestamp};
use rigi_work::plan::Ended;
use serde::{Deserialize, Serialize};

use crate::frame;

/// A segment is followed by the next when it has reached this size.
const SEGMENT: u64 = 4 * 1024 * 1024;

/// One entry. The blocks of an `Ended` log are the frame's tail.
#[derive(Debug, Serialize, Deserialize)]
pub enum Record {
    /// A supervisor has opened the journal.
    Opened { pid: i32, boot_id: String },
    /// From now on a process of it may exist.
    Accepted { key: AttemptKey },
    /// The process exists; its start lies between these microseconds since the machine's start.
    Started { key: AttemptKey, pid: i32, boot_us: (u64, u64), at: Timestamp },
    /// It has ended.
    Ended { key: AttemptKey, at: Timestamp, ended: Box<Ended> },
    /// The server needs it no more.
    Released { key: AttemptKey },
}

/// What the journal says of an attempt that was not released.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Its process, when that has started, and when it was.
    pub process: Option<(i32, (u64, u64), Timestamp)>,
    /// Its end.
    pub ended: Option<(Timestamp, Ended)>,
}

/// What an earlier supervisor left.
#[derive(Debug, Default)]
pub struct Past {
    /// Attempts by key.
    pub attempts: BTreeMap<AttemptKey, Remembered>,
    /// The sessions of earlier supervisors since the machine's start: what they started was born in these.
    pub sessions: Vec<i32>,
    /// Whether the machine was started anew since: then no process is left.
    pub rebooted: bool,
}

/// The journal, open for writing.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    number: u64,
    file: File,
    len: u64,
    pending: Vec<u8>,
    /// The first record of every segment.
    opened: Vec<u8>,
    /// The records of attempts that are not released, as they are written.
    live: HashMap<AttemptKey, Vec<u8>>,
}

fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal-{number}"))
}

fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?.file_name();
        let number = entry.to_str().and_then(|name| name.strip_prefix("journal-")?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The bytes from where the first frame says that it ends.
fn behind(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(4 + frame::length(bytes.get(4..)?)?..)
}

/// The next record that is whole: one that is damaged takes no other with it. One that was torn has nothing behind it.
fn next_whole(mut bytes: &[u8]) -> io::Result<Option<Next<'_>>> {
    loop {
        if let Some(found) = next_record(bytes)? {
            return Ok(Some(found));
        }
        let Some(rest) = behind(bytes) else { return Ok(None) };
        bytes = rest;
    }
}

/// Whether a frame with its checksum before it is what was written.
fn is_whole(bytes: &[u8]) -> bool {
    let whole = |(crc, frame): (&[u8; 4], &[u8])| crc32fast::hash(frame) == u32::from_le_bytes(*crc);
    bytes.split_first_chunk::<4>().is_some_and(whole)
}

/// Names the segments that hold anything but whole records, with the first byte that is none.
///
/// # Errors
/// If a file cannot be read.
pub fn check(folder: &Path) -> io::Result<(u64, Vec<(PathBuf, usize)>)> {
    let (mut read, mut damaged) = (0, Vec::new());
    for number in segments(folder)? {
        let path = segment(folder, number);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // The next one has taken over meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        read += 1;
        let mut rest = &bytes[..];
        while let Some(after) = behind(rest).filter(|after| is_whole(&rest[..rest.len() - after.len()])) {
            rest = after;
        }
        if !rest.is_empty() {
            damaged.push((path, bytes.len() - rest.len()));
        }
    }
    Ok((read, damaged))
}

/// Reads what is there. A segment's end may be torn; every whole record counts.
///
/// # Errors
/// If a file cannot be read, or holds whole records that this version does not know: to pass over them would be to
/// forget processes.
pub fn read(folder: &Path, boot_id: &str) -> io::Result<Past> {
    let mut past = Past::default();
    for number in segments(folder)? {
        past.replay(&fs::read(segment(folder, number))?, boot_id)?;
    }
    Ok(past)
}

/// A record, its tail, and the bytes after it.
type Next<'a> = (Record, &'a [u8], &'a [u8]);

fn next_record(bytes: &[u8]) -> io::Result<Option<Next<'_>>> {
    let Some((crc, bytes)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let whole = |taken: usize| crc32fast::hash(&bytes[..taken]) == u32::from_le_bytes(*crc);
    match frame::decode::<Record>(bytes) {
        Ok(Some((record, tail, taken))) if whole(taken) => Ok(Some((record, tail, &bytes[taken..]))),
        Err(error) if matches!(frame::decode::<serde_json::Value>(bytes), Ok(Some((_, _, taken))) if whole(taken)) =>
        {
            let why =
                format!("the journal was written by another version of Rigi, which must finish it: {error}");
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
        _ => Ok(None),
    }
}

impl Past {
    /// Takes what a segment says, as far as it is whole.
    ///
    /// # Errors
    /// As [`read`].
    pub fn replay(&mut self, mut segment: &[u8], boot_id: &str) -> io::Result<()> {
        while let Some((record, tail, after)) = next_whole(segment)? {
            self.apply(record, tail, boot_id);
            segment = after;
        }
        Ok(())
    }

    fn apply(&mut self, record: Record, tail: &[u8], boot: &str) {
        match record {
            Record::Opened { pid, boot_id } => {
                self.rebooted = boot_id != boot;
                self.sessions.push(pid);
            }
            Record::Accepted { key } => {
                self.attempts.entry(key).or_default();
            }
            Record::Started { key, pid, boot_us, at } => {
                self.attempts.entry(key).or_default().process = Some((pid, boot_us, at));
            }
            Record::Ended { key, at, mut ended } => {
                ended.log.inline = tail.to_vec();
                self.attempts.entry(key).or_default().ended = Some((at, *ended));
            }
            Record::Released { key } => {
                self.attempts.remove(&key);
            }
        }
    }
}

fn frame_of(record: &Record, tail: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    frame::encode(&mut bytes, record, tail);
    let crc = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

impl Journal {
    /// Starts a new segment, which takes over what the past still holds; the earlier segments are removed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(folder: &Path, boot_id: &str, past: &Past) -> io::Result<Self> {
        let number = segments(folder)?.last().copied().unwrap_or(0);
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        let mut journal = Self {
            folder: folder.to_owned(),
            number,
            // Replaced at once.
            file: File::open(folder)?,
            len: 0,
            pending: Vec::new(),
            opened: frame_of(&Record::Opened { pid, boot_id: boot_id.to_owned() }, &[]),
            live: HashMap::new(),
        };
        for (key, remembered) in &past.attempts {
            journal.append(&Record::Accepted { key: key.clone() }, &[]);
            if let Some((pid, boot_us, at)) = remembered.process {
                journal.append(&Record::Started { key: key.clone(), pid, boot_us, at }, &[]);
            }
            if let Some((at, ended)) = &remembered.ended {
                journal.append_ended(key, *at, ended);
            }
        }
        journal.pending.clear();
        journal.rotate()?;
        Ok(journal)
    }

    /// Adds a record; it is kept from the next [`Self::commit`] on.
    pub fn append(&mut self, record: &Record, tail: &[u8]) {
        let bytes = frame_of(record, tail);
        self.pending.extend_from_slice(&bytes);
        match record {
            Record::Opened { .. } => {}
            Record::Released { key } => _ = self.live.remove(key),
            Record::Accepted { key } | Record::Started { key, .. } | Record::Ended { key, .. } => {
                self.live.entry(key.clone()).or_default().extend_from_slice(&bytes);
            }
        }
    }

    /// Adds an end, with its log as the tail.
    pub fn append_ended(&mut self, key: &AttemptKey, at: Timestamp, ended: &Ended) {
        let mut head = ended.clone();
        let inline = std::mem::take(&mut head.log.inline);
        self.append(&Record::Ended { key: key.clone(), at, ended: Box::new(head) }, &inline);
    }

    /// Writes what was added. If that fails, nothing of it is written and it stays for the next time.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn commit(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            if let Err(error) = self.file.write_all(&self.pending) {
                // Part of it may be there: what follows a torn record would never be read.
                self.file.set_len(self.len)?;
                return Err(error);
            }
            self.len += self.pending.len() as u64;
            self.pending.clear();
        }
        let live: usize = if self.len < SEGMENT { 0 } else { self.live.values().map(Vec::len).sum() };
        if self.len >= SEGMENT.max(2 * live as u64) {
            self.rotate()?;
        }
        Ok(())
    }

    /// Writes what is live into the next segment and removes those before.
    fn rotate(&mut self) -> io::Result<()> {
        let mut bytes = self.opened.clone();
        for records in self.live.values() {
            bytes.extend_from_slice(records);
        }
        let path = segment(&self.folder, self.number + 1);
        let mut file = File::options().create_new(true).append(true).open(&path)?;
        if let Err(error) = file.write_all(&bytes) {
            fs::remove_file(path)?;
            return Err(error);
        }
        (self.file, self.number, self.len) = (file, self.number + 1, bytes.len() as u64);
        for number in segments(&self.folder)? {
            if number < self.number {
                fs::remove_file(segment(&self.folder, number))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
