//! What becomes of an upload when all of it is there: a file that is stored by its content, and an upload of the same id.

use rigi_model::{Timestamp, UploadId};
use rigi_store::{Arriving, OpenUpload, Stored};

use super::append::{blocking, not_here};
use super::turns::Entered;
use crate::http::error::ApiResult;
use crate::http::scope::Scope;

/// Stores one that is whole, and was not stored yet. What dies meanwhile is done again by whoever asks for it next.
pub(super) async fn store(
    scope: &Scope,
    mut entered: Entered,
    mut open: OpenUpload,
    parts: &[UploadId],
) -> ApiResult<OpenUpload> {
    if !open.is_to_be_stored() {
        return Ok(open);
    }
    let (blobs, of, hashed) = (scope.blobs(), open.clone(), entered.hashed.take());
    let file = blocking(move || blobs.arrive(&of.id, of.held, hashed)).await?;
    let stored = match (file, &open.content) {
        (Some(file), _) => keep(scope, &open, file).await?,
        // It was moved already.
        (None, Some(sha256)) => {
            let (blobs, stored) = (scope.blobs(), Stored { sha256: *sha256, size: open.length });
            let held = blocking(move || blobs.hold(&stored).map(|()| stored)).await;
            held.map_err(|_| not_here(&open))?
        }
        (None, None) => return Err(not_here(&open)),
    };
    scope.store().end_upload(&open, &stored, parts, Timestamp::now()).await?;
    let blobs = scope.blobs();
    for id in parts.iter().chain([&open.id]) {
        blobs.forget_arriving(id);
        scope.arrivals.forget(id);
    }
    open.content = Some(stored.sha256);
    open.stored = true;
    Ok(open)
}

async fn keep(scope: &Scope, open: &OpenUpload, mut file: Arriving) -> ApiResult<Stored> {
    let (file, sha256) = blocking(move || file.hash().map(|hash| (file, hash))).await?;
    // Where it went, if this dies between moving it and saying so.
    scope.store().know_upload(&open.id, &sha256).await?;
    let blobs = scope.blobs();
    Ok(blocking(move || blobs.keep_arrived(&file, &sha256)).await?)
}
