//! Contents before they have a name: which are missing, and taking many in one stream.

use std::io::{self, Read};

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use futures_util::TryStreamExt;
use rigi_api::view::{ContentRef, Contents};
use rigi_model::{ContentHash, ErrorCode};
use rigi_store::{Blobs, Stored};
use sha2::{Digest, Sha256};
use tokio_util::io::{StreamReader, SyncIoBridge};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::hash_of;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Bytes of a list of contents at most.
const LARGEST_LIST: usize = 256 << 20;
/// Contents of one stream at most.
const MOST: usize = 1_000_000;
/// Bytes of one stream at most.
const LARGEST: u64 = 1 << 40;
/// A smaller content is stored together with others.
const SMALL: u64 = 256 << 10;
/// Bytes and number of contents that are stored together.
const TOGETHER: (usize, usize) = (16 << 20, 2000);

pub(super) fn router() -> OpenApiRouter<AppState> {
    let missing =
        OpenApiRouter::new().routes(routes!(missing_contents)).layer(DefaultBodyLimit::max(LARGEST_LIST));
    missing.merge(OpenApiRouter::new().routes(routes!(store_contents)).layer(DefaultBodyLimit::disable()))
}

/// Which of these contents are not stored yet. Those that are stay for some time, so that a version can be made of them.
#[utoipa::path(post, path = "/contents/missing", tag = "datasets", extensions(("x-rigi-action" = json!("uploads.create"))), request_body = Contents,
    responses((status = 200, description = "Those that are missing", body = Contents)))]
async fn missing_contents(scope: Scope, Json(body): Json<Contents>) -> ApiResult<axum::Json<Contents>> {
    let mut wanted = Vec::with_capacity(body.contents.len());
    for (index, content) in body.contents.iter().enumerate() {
        let sha256 = hash_of(&content.sha256, &format!("/contents/{index}/sha256"))?;
        wanted.push(Stored { sha256, size: content.size });
    }
    let trees = scope.engine.trees(scope.project());
    let sizes: std::collections::HashMap<ContentHash, u64> =
        wanted.iter().map(|content| (content.sha256, content.size)).collect();
    let missing = tokio::task::spawn_blocking(move || trees.missing(&wanted)).await;
    let missing = missing.map_err(|_| rigi_store::Error::Closed)??;
    let view = |sha256: ContentHash| ContentRef {
        sha256: sha256.to_string(),
        size: sizes.get(&sha256).copied().unwrap_or(0),
    };
    Ok(axum::Json(Contents { contents: missing.into_iter().map(view).collect() }))
}

/// Stores the files of a tar stream; their names say nothing. What came before a stream broke off is stored, so that whoever sends it asks
/// again what is missing and sends the rest.
#[utoipa::path(post, path = "/contents", tag = "datasets", extensions(("x-rigi-action" = json!("uploads.create"))),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "What is stored, in the order of the stream", body = Contents)))]
async fn store_contents(
    scope: Scope,
    body: Body,
) -> ApiResult<(axum::http::StatusCode, axum::Json<Contents>)> {
    scope.engine.has_storage(scope.project()).await?;
    let pieces = body.into_data_stream().map_err(io::Error::other);
    let bridge = SyncIoBridge::new(StreamReader::new(pieces));
    let blobs = scope.blobs();
    let stored = tokio::task::spawn_blocking(move || take(blobs, bridge)).await;
    let stored = stored.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))??;
    let view = |one: Stored| ContentRef { sha256: one.sha256.to_string(), size: one.size };
    let contents = Contents { contents: stored.into_iter().map(view).collect() };
    Ok((axum::http::StatusCode::CREATED, axum::Json(contents)))
}

/// Small contents that are stored together.
struct Batch {
    blobs: Blobs,
    waiting: Vec<Vec<u8>>,
    bytes: usize,
}

impl Batch {
    fn settle(&mut self) -> rigi_store::Result<()> {
        if !self.waiting.is_empty() {
            self.blobs.put_all(&std::mem::take(&mut self.waiting))?;
            self.bytes = 0;
        }
        Ok(())
    }

    fn add(&mut self, content: Vec<u8>) -> rigi_store::Result<Stored> {
        let stored =
            Stored { sha256: ContentHash::new(Sha256::digest(&content).into()), size: content.len() as u64 };
        self.bytes += content.len();
        self.waiting.push(content);
        if self.bytes >= TOGETHER.0 || self.waiting.len() >= TOGETHER.1 {
            self.settle()?;
        }
        Ok(stored)
    }
}

fn take(blobs: Blobs, from: impl Read) -> ApiResult<Vec<Stored>> {
    let broken = |error: io::Error| {
        ApiError::new(ErrorCode::RequestInvalid, format!("the stream is no tar, or broke off: {error}"))
            .cure("Ask what is missing, and send that.")
    };
    let mut archive = tar::Archive::new(from.take(LARGEST));
    let mut batch = Batch { blobs: blobs.clone(), waiting: Vec::new(), bytes: 0 };
    let mut all = Vec::new();
    // Whole files that came before it broke off are stored.
    let taken = (|| {
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            if all.len() >= MOST {
                let message = format!("one stream has at most {MOST} files");
                return Err(ApiError::new(ErrorCode::TooLarge, message));
            }
            let size = entry.size();
            all.push(match size <= SMALL {
                true => {
                    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                    entry.read_to_end(&mut content).map_err(broken)?;
                    if content.len() as u64 != size {
                        return Err(broken(io::ErrorKind::UnexpectedEof.into()));
                    }
                    batch.add(content)?
                }
                false => large(&blobs, &mut entry, size, broken)?,
            });
        }
        Ok(())
    })();
    batch.settle()?;
    taken.map(|()| all)
}

fn large(
    blobs: &Blobs,
    from: &mut impl Read,
    size: u64,
    broken: impl Fn(io::Error) -> ApiError,
) -> ApiResult<Stored> {
    let mut writer = blobs.create()?;
    let (mut piece, mut left) = (vec![0; 256 << 10], size);
    while left > 0 {
        let n = from.read(&mut piece).map_err(&broken)?;
        if n == 0 {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        writer.write(&piece[..n])?;
        left = left.saturating_sub(n as u64);
    }
    Ok(writer.finish()?)
}
