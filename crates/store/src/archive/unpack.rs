//! Reading an archive that anybody may have made: plain files alone, names of bounded length, and no more bytes than may be.

use std::io::{self, BufReader, Read};

use super::{FORMAT, HEAD, Head, Refusable, Refused, TAIL, Tail, wrong};

/// Bytes of a description at most.
const LARGEST_TEXT: u64 = 1 << 20;
/// Bytes of a name at most.
const LONGEST_NAME: u64 = 4096;
/// What archives of this size at most unpack to is read for a description.
const HEAD_WITHIN: u64 = 4 << 20;

/// Ends with an error where more comes than may.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        self.left = self.left.checked_sub(n as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(n)
    }
}

/// Why an archive cannot be read: it ends too early, or is none.
pub(super) fn unreadable(error: io::Error) -> Refused {
    match error.kind() {
        // Said better by who knows the limit.
        io::ErrorKind::FileTooLarge => Refused::TooLarge(0),
        _ => wrong(format!("it cannot be read: {error}")),
    }
}

/// A file in an archive.
pub(super) struct Member<'a> {
    pub path: &'a str,
    pub mode: u32,
    pub content: &'a mut dyn Read,
}

impl Member<'_> {
    /// All of a description.
    pub(super) fn text(&mut self) -> Refusable<Vec<u8>> {
        let mut text = Vec::new();
        let mut most = self.content.take(LARGEST_TEXT + 1);
        most.read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LARGEST_TEXT {
            Err(wrong(format!("its `{}` is too long", self.path)))
        } else {
            Ok(text)
        }
    }
}

/// Whether to read on.
pub(super) enum Next {
    More,
    Enough,
}

/// Hands each file of an archive to `each`, which unpacks to `most` bytes at most.
pub(super) fn each_member(
    archive: impl Read,
    most: u64,
    mut each: impl FnMut(&mut Member<'_>) -> Refusable<Next>,
) -> Refusable<()> {
    let decoder = zstd::Decoder::with_buffer(BufReader::new(archive)).map_err(unreadable)?;
    let mut archive = tar::Archive::new(Limited { inner: decoder, left: most });
    let mut name: Option<Vec<u8>> = None;
    let told = |refused| match refused {
        Refused::TooLarge(_) => Refused::TooLarge(most),
        refused => refused,
    };
    // As they stand: what else would be made of names and sizes, is made without bounds.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable).map_err(told)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() && name.is_none() && entry.size() <= LONGEST_NAME {
            let mut long = Vec::new();
            entry.read_to_end(&mut long).map_err(unreadable).map_err(told)?;
            long.truncate(long.iter().position(|byte| *byte == 0).unwrap_or(long.len()));
            name = Some(long);
            continue;
        }
        let path = name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8(path).map_err(|_| wrong("a name in it is no text"))?;
        if !kind.is_file() {
            return Err(wrong(format!("`{}` in it is no plain file", path.escape_debug())));
        }
        let mode = entry.header().mode().map_err(unreadable)?;
        match each(&mut Member { path: &path, mode, content: &mut entry }).map_err(told)? {
            Next::More => {}
            Next::Enough => return Ok(()),
        }
    }
    Err(wrong("it ends too early"))
}

/// What an archive says of itself.
///
/// # Errors
/// If it is none, or is newer than this version.
pub fn read_head(archive: impl Read) -> Result<Head, Refused> {
    let mut head = None;
    each_member(archive, HEAD_WITHIN, |member| {
        head = Some(parse_head(member)?);
        Ok(Next::Enough)
    })?;
    head.ok_or_else(|| wrong("it is empty"))
}

/// What an archive says of itself at both ends: it is there to its end.
///
/// # Errors
/// If it is none, or is not whole.
pub fn read_ends(archive: impl Read) -> Result<(Head, Tail), Refused> {
    let (mut head, mut tail) = (None, None);
    each_member(archive, u64::MAX, |member| {
        if head.is_none() {
            head = Some(parse_head(member)?);
        } else if member.path == TAIL {
            tail = Some(parse_tail(member)?);
            return Ok(Next::Enough);
        }
        Ok(Next::More)
    })?;
    head.zip(tail).ok_or_else(|| wrong("it ends too early"))
}

pub(super) fn parse_tail(member: &mut Member<'_>) -> Refusable<Tail> {
    let tail = serde_json::from_slice(&member.text()?);
    tail.map_err(|error| wrong(format!("its `{TAIL}` cannot be read: {error}")))
}

pub(super) fn parse_head(member: &mut Member<'_>) -> Refusable<Head> {
    if member.path != HEAD {
        return Err(wrong("it is no archive of a project"));
    }
    let text = member.text()?;
    let bad = |error: serde_json::Error| wrong(format!("its `{HEAD}` cannot be read: {error}"));
    // What a newer one looks like, nobody knows here.
    let head: serde_json::Value = serde_json::from_slice(&text).map_err(bad)?;
    match head["format"].as_u64() {
        Some(format) if format > u64::from(FORMAT) => {
            return Err(wrong(format!(
                "it has format {format}, and this version knows formats up to {FORMAT}: bring Rigi up to date"
            )));
        }
        Some(1..) => {}
        _ => return Err(wrong("it says no format")),
    }
    let head: Head = serde_json::from_value(head).map_err(bad)?;
    head.name.as_str().parse::<rigi_model::ProjectName>().map_err(|error| wrong(error.to_string()))?;
    Ok(head)
}
