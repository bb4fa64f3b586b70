//! Reads the files of a zip archive, one after the other: those that are stored or deflated, which is what archives of OSV's records are.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use flate2::read::DeflateDecoder;

/// The end of an archive, with the longest comment that there may be.
const LONGEST_END: u64 = 22 + 65_535;
/// Bytes of the table of contents.
const LARGEST_TABLE: u64 = 256 << 20;

/// A file in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path there.
    pub name: String,
    method: u16,
    packed: u64,
    at: u64,
}

/// An archive that is open.
#[derive(Debug)]
pub struct Archive {
    file: File,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    let found = bytes.get(at..at + N).and_then(|part| part.try_into().ok());
    found.ok_or_else(|| "it is cut off".to_owned())
}

fn short(bytes: &[u8], at: usize) -> Result<u16, String> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Result<u32, String> {
    number(bytes, at).map(u32::from_le_bytes)
}

impl Archive {
    /// Opens one, and reads what it holds.
    ///
    /// # Errors
    /// In words.
    pub fn open(path: &Path) -> Result<(Self, Vec<Member>), String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let archive = Self { file };
        let size = archive.file.metadata().map_err(|error| error.to_string())?.len();
        let tail = archive.part(size.saturating_sub(LONGEST_END), size.min(LONGEST_END))?;
        let end = tail.windows(4).rposition(|four| four == b"PK\x05\x06").ok_or("it is no zip archive")?;
        let end = &tail[end..];
        if end.len() < 22 {
            return Err("it is cut off".to_owned());
        }
        let (count, length, at) = (short(end, 10)?, long(end, 12)?, long(end, 16)?);
        if count == u16::MAX || length == u32::MAX || at == u32::MAX {
            return Err("it has more files than are read from an archive; unpack it into a folder".to_owned());
        }
        let (length, at) = (u64::from(length), u64::from(at));
        if length > LARGEST_TABLE || at + length > size {
            return Err("its table of contents is damaged".to_owned());
        }
        let table = archive.part(at, length)?;
        let mut members = Vec::with_capacity(usize::from(count));
        let mut next = 0;
        for _ in 0..count {
            let head = table.get(next..).ok_or("it is cut off")?;
            if !head.starts_with(b"PK\x01\x02") {
                return Err("its table of contents is damaged".to_owned());
            }
            let (name, extra, comment) = (short(head, 28)?, short(head, 30)?, short(head, 32)?);
            let [name, extra, comment] = [name, extra, comment].map(usize::from);
            let text = head.get(46..46 + name).ok_or("it is cut off")?;
            members.push(Member {
                name: String::from_utf8_lossy(text).into_owned(),
                method: short(head, 10)?,
                packed: u64::from(long(head, 20)?),
                at: u64::from(long(head, 42)?),
            });
            next += 46 + name + extra + comment;
        }
        Ok((archive, members))
    }

    fn part(&self, at: u64, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| "it is too large")?];
        self.file.read_exact_at(&mut bytes, at).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// The content of a member.
    ///
    /// # Errors
    /// In words; also if it is larger than `most`.
    pub fn read(&self, member: &Member, most: u64) -> Result<Vec<u8>, String> {
        let head = self.part(member.at, 30)?;
        if !head.starts_with(b"PK\x03\x04") {
            return Err("it is damaged".to_owned());
        }
        let begin = member.at + 30 + u64::from(short(&head, 26)?) + u64::from(short(&head, 28)?);
        if member.packed > most {
            return Err(format!("it is larger than {} MiB", most >> 20));
        }
        let packed = self.part(begin, member.packed)?;
        let mut content = Vec::new();
        match member.method {
            0 => content = packed,
            8 => {
                let read = DeflateDecoder::new(packed.as_slice()).take(most + 1).read_to_end(&mut content);
                read.map_err(|error| error.to_string())?;
            }
            other => return Err(format!("it is packed in a way ({other}) that is not read here")),
        }
        if content.len() as u64 > most {
            return Err(format!("it is larger than {} MiB", most >> 20));
        }
        Ok(content)
    }
}
