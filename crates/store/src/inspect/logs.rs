//! Whether a log is all there. Blocks carry checksums; how many lines an ended log has, its row says.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use rigi_model::log::{Codec, Damage, ScanError, Scanned, Scanner, decode_lines};

use crate::tables::attempts::StoredLog;
use crate::{Blobs, Error, Result};

/// How much of a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Headers of blocks: whether it has all its lines. Lines are compared with their checksums when they are read.
    Headers,
    /// Every line.
    Lines,
}

/// Looks at the log of an ended attempt.
///
/// # Errors
/// [`Error::Damaged`] if it is not what was stored.
pub fn check_stored(log: &StoredLog, blobs: &Blobs, depth: Depth) -> Result<()> {
    let (inline, object) = (log.inline.as_deref(), log.object.as_deref());
    let lines = walk_stored(inline, object, blobs, depth)?;
    if lines == log.lines {
        return Ok(());
    }
    let why = format!("it ends after line {lines} of {}", log.lines);
    Err(Error::Damaged { what: name_of(object, blobs), why })
}

/// How many lines a log has that was just stored.
///
/// # Errors
/// [`Error::Damaged`] if it is not all there.
pub fn stored_lines(inline: Option<&[u8]>, object: Option<&str>, blobs: &Blobs) -> Result<u64> {
    walk_stored(inline, object, blobs, Depth::Headers)
}

fn name_of(object: Option<&str>, blobs: &Blobs) -> String {
    let path = object.map(|object| format!("the log {}", blobs.log_name(object)));
    path.unwrap_or_else(|| "a log in the database".to_owned())
}

fn walk_stored(inline: Option<&[u8]>, object: Option<&str>, blobs: &Blobs, depth: Depth) -> Result<u64> {
    let walked = match (inline, object) {
        (Some(bytes), _) => walk(Cursor::new(bytes), bytes.len() as u64, depth),
        (None, Some(object)) => {
            let file = match depth {
                Depth::Headers => blobs.log_file(object),
                Depth::Lines => blobs.fetch_log(object),
            };
            match file {
                Ok(file) => walk_file(&file, depth),
                Err(Error::NotFound { .. }) => Err("it is missing".to_owned()),
                Err(error) => return Err(error),
            }
        }
        (None, None) => return Ok(0),
    };
    let damaged = |why: String| Error::Damaged { what: name_of(object, blobs), why };
    match walked.map_err(damaged)? {
        Walked { torn: Some(torn), .. } => Err(damaged(torn.to_string())),
        Walked { lines, torn: None } => Ok(lines),
    }
}

/// Looks at the log of an attempt that runs; a block that is just being written is not damage.
pub(super) fn check_running(path: &Path) -> Result<()> {
    let walked = walk_file(path, Depth::Lines);
    walked.map(drop).map_err(|why| Error::Damaged { what: path.display().to_string(), why })
}

#[derive(Debug, Default)]
struct Walked {
    lines: u64,
    /// The last block is not all there.
    torn: Option<Damage>,
}

fn walk_file(path: &Path, depth: Depth) -> Result<Walked, String> {
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "it is missing".to_owned(),
        _ => e.to_string(),
    })?;
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    walk(BufReader::with_capacity(4 << 10, file), length, depth)
}

fn walk(reader: impl Read + Seek, length: u64, depth: Depth) -> Result<Walked, String> {
    let mut scanner = Scanner::new(reader);
    let mut walked = Walked::default();
    loop {
        match scanner.next_block() {
            Ok(None) => return Ok(walked),
            Ok(Some(block)) if block.end() > length => {
                walked.torn = Some(Damage::Truncated { offset: block.offset });
                return Ok(walked);
            }
            Ok(Some(block)) => {
                if depth == Depth::Lines {
                    decode(&mut scanner, &block)?;
                }
                walked.lines = block.header.next_line() - 1;
            }
            Err(ScanError::Damage(torn @ Damage::Truncated { .. })) => {
                walked.torn = Some(torn);
                return Ok(walked);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn decode(scanner: &mut Scanner<impl Read + Seek>, block: &Scanned) -> Result<(), String> {
    let stored = scanner.read_body(block).map_err(|e| e.to_string())?;
    let raw = match block.header.codec {
        Codec::Plain => stored,
        Codec::Zstd => {
            zstd::bulk::decompress(&stored, block.header.raw_len as usize).map_err(|e| e.to_string())?
        }
    };
    decode_lines(&block.header, &raw).map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use rigi_model::Timestamp;
    use rigi_model::log::{Encoder, Stream};

    use super::*;

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_stored_log_is_found() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        let mut encoder = Encoder::new(1);
        for n in 0..40 {
            encoder.write(Timestamp(n), Stream::Stdout, format!("line {n}\n").as_bytes());
        }
        let mut good = Vec::new();
        encoder.take(&mut good);
        let of =
            |bytes: &[u8]| StoredLog { lines: 40, cut_bytes: 0, inline: Some(bytes.to_vec()), object: None };
        check_stored(&of(&good), &blobs, Depth::Lines).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 8;
            assert!(check_stored(&of(&bad), &blobs, Depth::Lines).is_err(), "byte {at}");
            assert!(check_stored(&of(&good[..at]), &blobs, Depth::Headers).is_err(), "{at} bytes");
        }
        let gone = StoredLog { lines: 40, cut_bytes: 0, inline: None, object: Some("gone/x".into()) };
        let error = check_stored(&gone, &blobs, Depth::Headers).unwrap_err();
        assert!(error.to_string().contains("gone/x is damaged: it is missing"), "{error}");
    }
}
