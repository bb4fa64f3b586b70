//! Stored files as one zip: not packed, so that its length is known before and its bytes are always the same. Any part of it may be asked for.
//!
//! What lies before a wanted part is not sent; its checksums are needed at the end, and are remembered by content.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Crc;
use futures_util::StreamExt as _;
use rigi_model::ContentHash;
use rigi_model::data::FileAt;
use rigi_store::Blobs;
use tokio::sync::mpsc;

use super::error::ApiResult;
use super::etag;
use super::range::{self, Wanted};

/// Checksums that are remembered.
const MOST_KNOWN: usize = 500_000;
/// Pieces that wait for whoever reads.
const AHEAD: usize = 8;
/// From this size on, zip64.
const LARGE: u64 = 0xffff_ffff;
/// 1980-01-01, the first day that a zip knows: when a file was changed is not part of its content.
const DAY: u16 = 0x21;

static KNOWN: LazyLock<Mutex<HashMap<ContentHash, u32>>> = LazyLock::new(Mutex::default);

/// What a zip is made of.
pub(super) struct Contents {
    /// Files that were made for it, by name; they come first.
    pub made: Vec<(String, Bytes)>,
    /// Stored files.
    pub stored: Vec<FileAt>,
}

/// Answers with what a request wants of a zip of these files.
///
/// # Errors
/// If a file cannot be read.
pub(super) async fn answer(
    blobs: Blobs,
    contents: Contents,
    tag: &str,
    request: &HeaderMap,
) -> ApiResult<Response> {
    if etag::is_known(request, tag) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let plan = Plan::of(contents);
    let size = plan.length;
    let part = match range::wanted(request, size, tag) {
        Wanted::Beyond => return Ok(range::beyond(size)),
        Wanted::Part(part) => Some(part),
        Wanted::Whole => None,
    };
    let wanted = part.clone().unwrap_or(0..size);
    let length = wanted.end - wanted.start;
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut out = Out { sender, wanted, at: 0 };
        if let Err(error) = plan.write(&blobs, &mut out)
            && !out.sender.is_closed()
        {
            tracing::error!(%error, "a zip was cut off");
            _ = out.sender.blocking_send(Err(std::io::Error::other(error)));
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    // What lies in between may ask again after the end.
    let mut response = Response::new(Body::from_stream(pieces.fuse()));
    if let Some(part) = part {
        range::mark(&mut response, &part, size);
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// What a zip consists of.
struct Plan {
    files: Arc<[Packed]>,
    length: u64,
}

/// A file of it.
struct Packed {
    path: String,
    size: u64,
    content: Content,
}

enum Content {
    Made(Bytes),
    Stored(ContentHash),
}

/// What goes out: of all that is written, the wanted part.
struct Out {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
    wanted: Range<u64>,
    at: u64,
}

impl Out {
    fn write(&mut self, bytes: &[u8]) -> rigi_store::Result<()> {
        let begin = self.at;
        self.at += bytes.len() as u64;
        let within = |at: u64| usize::try_from(at.clamp(begin, self.at) - begin).unwrap_or(0);
        let part = &bytes[within(self.wanted.start)..within(self.wanted.end)];
        if part.is_empty() {
            return Ok(());
        }
        let sent = self.sender.blocking_send(Ok(Bytes::copy_from_slice(part)));
        sent.map_err(|_| rigi_store::Error::Closed)
    }

    /// Nobody wants anything of the next bytes.
    const fn skips(&self, bytes: u64) -> bool {
        let end = self.at + bytes;
        end <= self.wanted.start || self.at >= self.wanted.end
    }
}

impl Plan {
    fn of(contents: Contents) -> Self {
        let made = contents.made.into_iter().map(|(path, bytes)| Packed {
            path,
            size: bytes.len() as u64,
            content: Content::Made(bytes),
        });
        let stored = contents.stored.into_iter().map(|file| Packed {
            path: file.path,
            size: file.size,
            content: Content::Stored(file.sha256),
        });
        let files: Vec<Packed> = made.chain(stored).collect();
        let each = |file: &Packed| {
            let name = file.path.len() as u64;
            let large = file.size >= LARGE;
            (30 + name + if large { 20 } else { 0 }) + file.size + if large { 24 } else { 16 }
        };
        let mut at = 0;
        let mut central = 0;
        for file in &files {
            central += 46 + file.path.len() as u64 + extra_of(file.size, at).len() as u64;
            at += each(file);
        }
        let length = at + central + 56 + 20 + 22;
        Self { files: files.into(), length }
    }

    fn write(&self, blobs: &Blobs, out: &mut Out) -> rigi_store::Result<()> {
        let mut central: Vec<u8> = Vec::new();
        for file in &*self.files {
            if out.at >= out.wanted.end {
                return Ok(());
            }
            let begin = out.at;
            out.write(&local(file))?;
            let crc = content(blobs, file, out)?;
            let mut descriptor = 0x0807_4b50_u32.to_le_bytes().to_vec();
            descriptor.extend(crc.to_le_bytes());
            match file.size >= LARGE {
                true => descriptor.extend([file.size.to_le_bytes(), file.size.to_le_bytes()].concat()),
                false => descriptor.extend([small(file.size), small(file.size)].concat()),
            }
            out.write(&descriptor)?;
            central.extend(entry(file, crc, begin));
        }
        let begin = out.at;
        out.write(&central)?;
        out.write(&end(self.files.len() as u64, begin, central.len() as u64))
    }
}

/// Sends a file's content, or reads its checksum alone.
fn content(blobs: &Blobs, file: &Packed, out: &mut Out) -> rigi_store::Result<u32> {
    let sha256 = match &file.content {
        Content::Stored(sha256) => sha256,
        Content::Made(bytes) => {
            let mut crc = Crc::new();
            crc.update(bytes);
            out.write(bytes)?;
            return Ok(crc.sum());
        }
    };
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(sha256).copied();
    if let Some(crc) = known.filter(|_| out.skips(file.size)) {
        out.at += file.size;
        return Ok(crc);
    }
    let mut crc = Crc::new();
    let mut reader = blobs.get(sha256)?;
    reader.expect_size(file.size)?;
    while let Some(piece) = reader.next_piece()? {
        crc.update(&piece);
        out.write(&piece)?;
    }
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_KNOWN {
        all.clear();
    }
    all.insert(*sha256, crc.sum());
    Ok(crc.sum())
}

/// A size in four bytes, or that it is said elsewhere.
fn small(size: u64) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}

fn short(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes()
}

/// Version that is needed, flags (a checksum follows; names are UTF-8), not packed, when.
fn common(large: bool) -> Vec<u8> {
    let version: u16 = if large { 45 } else { 20 };
    [version.to_le_bytes(), 0x0808_u16.to_le_bytes(), [0, 0], [0, 0], DAY.to_le_bytes()].concat()
}

fn local(file: &Packed) -> Vec<u8> {
    let large = file.size >= LARGE;
    let mut head = 0x0403_4b50_u32.to_le_bytes().to_vec();
    head.extend(common(large));
    head.extend([[0; 4], small(file.size), small(file.size)].concat());
    head.extend([short(file.path.len()), short(if large { 20 } else { 0 })].concat());
    head.extend(file.path.as_bytes());
    if large {
        head.extend([short(1), short(16)].concat());
        head.extend([file.size.to_le_bytes(), file.size.to_le_bytes()].concat());
    }
    head
}

/// What does not fit into four bytes.
fn extra_of(size: u64, offset: u64) -> Vec<u8> {
    let mut values = Vec::new();
    if size >= LARGE {
        values.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
    }
    if offset >= LARGE {
        values.extend(offset.to_le_bytes());
    }
    match values.is_empty() {
        true => values,
        false => [&short(1)[..], &short(values.len()), &values].concat(),
    }
}

fn entry(file: &Packed, crc: u32, offset: u64) -> Vec<u8> {
    let extra = extra_of(file.size, offset);
    let mut entry = 0x0201_4b50_u32.to_le_bytes().to_vec();
    // Made on Unix.
    entry.extend((3_u16 << 8 | 45).to_le_bytes());
    entry.extend(common(!extra.is_empty()));
    entry.extend([crc.to_le_bytes(), small(file.size), small(file.size)].concat());
    entry.extend([short(file.path.len()), short(extra.len()), [0; 2], [0; 2], [0; 2]].concat());
    // A plain file that may be read by all and written by its owner.
    entry.extend((0o100_644_u32 << 16).to_le_bytes());
    entry.extend(small(offset));
    entry.extend(file.path.as_bytes());
    entry.extend(extra);
    entry
}

fn end(count: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut end = 0x0606_4b50_u32.to_le_bytes().to_vec();
    end.extend(44_u64.to_le_bytes());
    end.extend([(3_u16 << 8 | 45).to_le_bytes(), 45_u16.to_le_bytes()].concat());
    end.extend([[0; 4], [0; 4]].concat());
    end.extend([count.to_le_bytes(), count.to_le_bytes(), size.to_le_bytes(), offset.to_le_bytes()].concat());
    end.extend(0x0706_4b50_u32.to_le_bytes());
    end.extend([0; 4]);
    end.extend((offset + size).to_le_bytes());
    end.extend(1_u32.to_le_bytes());
    end.extend(0x0605_4b50_u32.to_le_bytes());
    let files = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
    end.extend([[0; 2], [0; 2], files, files].concat());
    end.extend([small(size), small(offset)].concat());
    end.extend([0; 2]);
    end
}
