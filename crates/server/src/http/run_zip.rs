//! All files that a run left as one zip.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use rigi_model::ErrorCode;
use rigi_model::data::FileAt;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::scope::Scope;
use super::state::AppState;
use super::zipped::{self, Contents};

/// Files of one zip at most.
const MOST: usize = 200_000;
/// Files that are asked for at a time.
const PAGE: u32 = 1000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_artifacts_zip))
}

/// All files that a run left, as a zip. Once the run is over its bytes are always the same; its length is known, and any part of it may be
/// asked for.
#[utoipa::path(get, path = "/runs/{id}/artifacts-zip", tag = "runs", extensions(("x-rigi-action" = json!("artifacts.read"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 200, description = "The zip", body = Vec<u8>, content_type = "application/zip"),
              (status = 206, description = "The part that `Range` asks for", body = Vec<u8>, content_type = "application/zip")))]
async fn get_artifacts_zip(scope: Scope, Path(id): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    let (mut files, mut after) = (Vec::new(), String::new());
    let mut hash = Sha256::new();
    loop {
        let rows = scope.db().artifacts(&run.request.id, &after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.path);
        for row in rows {
            hash.update(row.path.as_bytes());
            hash.update([0]);
            hash.update(row.sha256.to_string());
            let size = u64::try_from(row.size).unwrap_or(0);
            files.push(FileAt { path: row.path, sha256: row.sha256, size });
        }
        if files.len() > MOST {
            let message = format!("one zip has at most {MOST} files");
            let cure = format!(
                "`rigi runs artifacts {} -d FOLDER` fetches them one by one.",
                run.request.id.short()
            );
            return Err(ApiError::new(ErrorCode::TooLarge, message).cure(cure));
        }
    }
    if files.is_empty() {
        return Err(ApiError::not_found("file of the run", run.request.id.as_str()));
    }
    let name =
        format!("{}-{}.zip", run.request.pipeline.to_string().replace('/', "-"), run.request.id.short());
    let tag = format!("\"zip-{}\"", rigi_model::hash::hex(&hash.finalize()));
    let contents = Contents { made: Vec::new(), stored: files };
    let mut answer = zipped::answer(scope.blobs(), contents, &tag, &headers).await?;
    if let Ok(shown) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, shown);
    }
    Ok(answer)
}
