//! Versions are added, datasets described, tagged, protected and removed.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{AddDatasetVersion, ChangeDataset, DatasetVersionView, DatasetView, TagDataset};
use rigi_engine::datasets::{AddVersion, Files};
use rigi_model::ErrorCode;
use rigi_model::data::{FileAt, Which, is_tag};
use rigi_store::datasets::Dataset;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::show::{version_view, view};
use super::{hash_of, version_of};
use crate::http::asker::Asker;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path};
use crate::http::projects_change::check_labels;
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Bytes of a list of files at most.
const LARGEST_LIST: usize = 256 << 20;
/// Characters of a note or a description at most.
const LONGEST_TEXT: usize = 2000;
/// Tags of one dataset at most.
const MOST_TAGS: usize = 1000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    let add =
        OpenApiRouter::new().routes(routes!(add_dataset_version)).layer(DefaultBodyLimit::max(LARGEST_LIST));
    add.routes(routes!(change_dataset, remove_dataset))
        .routes(routes!(remove_dataset_version))
        .routes(routes!(tag_dataset, untag_dataset))
}

fn check_text(pointer: &str, text: Option<&String>) -> ApiResult<()> {
    let wrong = text.is_some_and(|text| text.chars().count() > LONGEST_TEXT || text.contains('\0'));
    let message = || format!("it has more than {LONGEST_TEXT} characters, or a NUL");
    if wrong { Err(ApiError::invalid(pointer, message())) } else { Ok(()) }
}

/// Adds a version, of files whose contents are stored already. The dataset is made with its first version; one with the same files as
/// the newest is not made anew.
#[utoipa::path(post, path = "/datasets/{dataset}/versions", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.write"))), request_body = AddDatasetVersion,
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`")),
    responses((status = 201, description = "The version", body = DatasetVersionView),
              (status = 200, description = "The newest version, which is the same", body = DatasetVersionView)))]
async fn add_dataset_version(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<AddDatasetVersion>,
) -> ApiResult<Response> {
    check_text("/note", body.note.as_ref())?;
    let mut files = Vec::with_capacity(body.files.len());
    for (index, file) in body.files.into_iter().enumerate() {
        let sha256 = hash_of(&file.sha256, &format!("/files/{index}/sha256"))?;
        files.push(FileAt { path: file.path, sha256, size: file.size });
    }
    let files = match body.base {
        Some(base) => {
            let base = Which::parse(&base).map_err(|why| ApiError::invalid("/base", why))?;
            Files::Changed { base, add: files, remove: body.remove }
        }
        None if body.remove.is_empty() => Files::All(files),
        None => return Err(ApiError::invalid("/remove", "without a `base` there is nothing to take away")),
    };
    let wanted = AddVersion { name, files, note: body.note, run: None };
    let added = scope.engine.add_version(scope.project(), wanted, &asker.deed()).await?;
    let status = if added.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let view = DatasetVersionView { is_new: Some(added.is_new), ..version_view(added.version) };
    Ok((status, axum::Json(view)).into_response())
}

/// Describes a dataset, labels it, protects it.
#[utoipa::path(patch, path = "/datasets/{dataset}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.manage"))), request_body = ChangeDataset,
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`")),
    responses((status = 200, description = "The dataset", body = DatasetView)))]
async fn change_dataset(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<ChangeDataset>,
) -> ApiResult<axum::Json<DatasetView>> {
    check_text("/description", body.description.as_ref())?;
    if let Some(labels) = &body.labels {
        check_labels(labels)?;
    }
    let before = scope.db().dataset(scope.project(), &name).await?;
    let one = Dataset {
        description: body.description.or(before.description.clone()).filter(|text| !text.is_empty()),
        labels: body.labels.unwrap_or_else(|| before.labels.clone()),
        protected: body.protected.unwrap_or(before.protected),
        ..before
    };
    scope.store().change_dataset(scope.project(), &one, &asker.deed()).await?;
    let one = scope.db().dataset(scope.project(), &name).await?;
    Ok(axum::Json(view(&scope, one).await?))
}

async fn unprotected(scope: &Scope, name: &str) -> ApiResult<Dataset> {
    let one = scope.db().dataset(scope.project(), name).await?;
    if one.protected {
        let detail = format!("`{name}` is protected: nothing of it is removed");
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure(format!("`rigi data set {name} --unprotect` takes that away.")));
    }
    Ok(one)
}

/// Removes a dataset with all its versions. Its files go at the next collection, unless something else refers to them.
#[utoipa::path(delete, path = "/datasets/{dataset}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.manage"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`")),
    responses((status = 204, description = "Removed")))]
async fn remove_dataset(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    unprotected(&scope, &name).await?;
    scope.store().remove_dataset(scope.project(), &name, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a version, with the tags that lead to it. Its number is not given again.
#[utoipa::path(delete, path = "/datasets/{dataset}/versions/{version}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.manage"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("version" = String, Path, description = "Number of the version")),
    responses((status = 204, description = "Removed")))]
async fn remove_dataset_version(
    scope: Scope,
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    unprotected(&scope, &name).await?;
    let version = version_of(&scope, &name, &version).await?.version;
    scope.store().remove_dataset_version(scope.project(), &name, version, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a tag lead to a version.
#[utoipa::path(put, path = "/datasets/{dataset}/tags/{tag}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.write"))), request_body = TagDataset,
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("tag" = String, Path, description = "The tag")),
    responses((status = 200, description = "The dataset", body = DatasetView)))]
async fn tag_dataset(
    scope: Scope,
    asker: Asker,
    Path((name, tag)): Path<(String, String)>,
    Json(body): Json<TagDataset>,
) -> ApiResult<axum::Json<DatasetView>> {
    if !is_tag(&tag) {
        let message = "a tag has up to 64 letters, digits and `-_.`, a letter first; `latest` is the newest";
        return Err(ApiError::invalid("/path/tag", message));
    }
    let one = scope.db().dataset(scope.project(), &name).await?;
    scope.db().dataset_version(scope.project(), &name, &Which::Number(body.version)).await?;
    let tags = scope.db().dataset_tags(scope.project(), &name).await?;
    if tags.len() >= MOST_TAGS && !tags.iter().any(|(known, _)| *known == tag) {
        let detail = format!("`{name}` has {MOST_TAGS} tags, and can have no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    scope.store().tag_dataset(scope.project(), &name, &tag, Some(body.version), &asker.deed()).await?;
    Ok(axum::Json(view(&scope, one).await?))
}

/// Takes a tag away. The version stays.
#[utoipa::path(delete, path = "/datasets/{dataset}/tags/{tag}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.write"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("tag" = String, Path, description = "The tag")),
    responses((status = 204, description = "Taken away")))]
async fn untag_dataset(
    scope: Scope,
    asker: Asker,
    Path((name, tag)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let tags = scope.db().dataset_tags(scope.project(), &name).await?;
    if !tags.iter().any(|(known, _)| *known == tag) {
        return Err(ApiError::not_found("tag of a dataset", &format!("{name}@{tag}")));
    }
    scope.store().tag_dataset(scope.project(), &name, &tag, None, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
