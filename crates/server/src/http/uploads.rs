//! Uploads: files that runs take as inputs.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use rigi_api::view::UploadView;
use rigi_engine::submit::is_file_name;
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::Stored;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Query;
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create_upload))
}

/// Bytes of one upload at most.
pub(super) const LARGEST: u64 = 50 << 30;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CreateUpload {
    /// File name.
    #[param(example = "measurements.csv")]
    name: String,
}

/// Stores a file: the body is its content, of any size up to 50 GiB. Nothing is kept of an upload that breaks off.
#[utoipa::path(post, path = "/uploads", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))), params(CreateUpload),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "Stored", body = UploadView)))]
async fn create_upload(scope: Scope, Query(query): Query<CreateUpload>, body: Body) -> ApiResult<Response> {
    if !is_file_name(&query.name) {
        return Err(ApiError::invalid(
            "/query/name",
            "the name must be a plain file name of at most 255 bytes",
        ));
    }
    scope.engine.has_storage(scope.project()).await?;
    let stored = store(&scope, body).await?;
    let id = scope.store().add_upload(scope.project(), &query.name, &stored, Timestamp::now()).await?;
    let view = UploadView { id, name: query.name, size: stored.size, sha256: stored.sha256.to_string() };
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

async fn store(scope: &Scope, body: Body) -> ApiResult<Stored> {
    let mut writer = scope.blobs().create()?;
    let mut pieces = body.into_data_stream();
    let mut size = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ApiError::new(ErrorCode::RequestInvalid, "the upload broke off"))?;
        size += piece.len() as u64;
        if size > LARGEST {
            return Err(ApiError::new(ErrorCode::TooLarge, "the file is larger than 50 GiB"));
        }
        // Off the async threads, one piece after the other: what is slow is the disk, and it sets the pace.
        let written = tokio::task::spawn_blocking(move || writer.write(&piece).map(|()| writer));
        writer = written.await.map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))??;
    }
    let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
    Ok(finished.map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))??)
}
