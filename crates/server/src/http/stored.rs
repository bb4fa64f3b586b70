//! The content of stored files as answers: whole or in part, or that it has not changed.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use rigi_model::ContentHash;
use rigi_store::{BlobReader, Blobs};

use super::error::ApiResult;
use super::etag;
use super::range::{self, Wanted};

/// A stored file as it is answered.
pub(super) struct StoredFile {
    /// Its content.
    pub sha256: ContentHash,
    /// Its size.
    pub size: u64,
    /// Its media type.
    pub kind: &'static str,
    /// What every answer about it carries, also that it has not changed: a browser puts these headers in place of those
    /// that it kept.
    pub common: Vec<(HeaderName, HeaderValue)>,
}

/// Answers with what a request wants of a file.
///
/// # Errors
/// If the file cannot be read, or is damaged.
pub(super) async fn answer(blobs: Blobs, file: StoredFile, request: &HeaderMap) -> ApiResult<Response> {
    let StoredFile { sha256, size, kind, common } = file;
    let tag = format!("\"{sha256}\"");
    let mut response = if etag::is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let part = match range::wanted(request, size, &tag) {
            Wanted::Beyond => return Ok(range::beyond(size)),
            Wanted::Part(part) => Some(part),
            Wanted::Whole => None,
        };
        let bytes = part.clone().unwrap_or(0..size);
        let length = bytes.end - bytes.start;
        let mut response = Response::new(body(blobs, sha256, size, bytes).await?);
        if let Some(part) = part {
            range::mark(&mut response, &part, size);
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.extend(common);
    Ok(response)
}

/// Of a file up to this length, a part is read with all the rest, which shows damage. Of a longer one only the part is read: it
/// is looked into by those who want a little of it, again and again.
const READ_WHOLE: u64 = 8 << 20;

/// Bytes of a stored file. Damage is an error where it is seen before the first byte goes out, which it is in every file that
/// is cut off or small; else the connection is cut before the last piece, so that nobody takes it for whole.
async fn body(blobs: Blobs, sha256: ContentHash, size: u64, wanted: Range<u64>) -> ApiResult<Body> {
    pieces(blobs, sha256, size, wanted).await.map(Body::from_stream).map_err(Into::into)
}

/// The same as a stream.
pub(super) async fn pieces(
    blobs: Blobs,
    sha256: ContentHash,
    size: u64,
    wanted: Range<u64>,
) -> rigi_store::Result<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static> {
    let opened = tokio::task::spawn_blocking(move || {
        let mut reader = blobs.get(&sha256)?;
        reader.expect_size(size)?;
        let is_part = wanted.start > 0 || wanted.end < size;
        let unchecked = is_part && size > READ_WHOLE;
        let at = if unchecked { wanted.start } else { 0 };
        if unchecked {
            reader.skip_to(at)?;
        }
        let mut pieces = Pieces { reader, wanted, at, unchecked, held: None };
        let piece = pieces.next()?;
        Ok::<_, rigi_store::Error>((pieces, piece))
    });
    let (pieces, first) = opened.await.map_err(|_| rigi_store::Error::Closed)??;
    let rest = stream::try_unfold(pieces, |mut pieces| async {
        let read = tokio::task::spawn_blocking(move || (pieces.next(), pieces));
        match read.await.map_err(std::io::Error::other)? {
            (Ok(piece), pieces) => Ok(piece.map(|piece| (piece, pieces))),
            (Err(error), _) => {
                tracing::error!(%error, "a download was cut off");
                Err(std::io::Error::other(error))
            }
        }
    });
    let first = stream::iter(first.map(Ok));
    Ok(first.chain(rest))
}

/// The wanted bytes of a file, piece by piece; the last of them when the file was read to its end.
struct Pieces {
    reader: BlobReader,
    wanted: Range<u64>,
    at: u64,
    /// It is read from somewhere within, and need not come to its end.
    unchecked: bool,
    held: Option<Bytes>,
}

impl Pieces {
    fn next(&mut self) -> rigi_store::Result<Option<Bytes>> {
        while let Some(piece) = self.reader.next_piece()? {
            let piece = self.cut(piece);
            // Whoever reads from within has nothing more to learn from the rest.
            if piece.is_empty() && self.unchecked && self.at >= self.wanted.end {
                break;
            }
            if piece.is_empty() {
                continue;
            }
            if let Some(held) = self.held.replace(piece) {
                return Ok(Some(held));
            }
        }
        Ok(self.held.take())
    }

    fn cut(&mut self, piece: Vec<u8>) -> Bytes {
        let (piece, begin) = (Bytes::from(piece), self.at);
        self.at += piece.len() as u64;
        // Within the piece, so that it fits.
        let within = |at: u64| usize::try_from(at.clamp(begin, self.at) - begin).unwrap_or(0);
        piece.slice(within(self.wanted.start)..within(self.wanted.end))
    }
}
