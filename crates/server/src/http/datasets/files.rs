//! What lies in a version: folders, files, and all of it as a zip.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use rigi_api::view::{DatasetEntry, Page};
use rigi_model::ErrorCode;
use rigi_model::data::{Entry, EntryKind, FileAt};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::version_of;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};
use crate::http::file_answers::{Shown, file_of};
use crate::http::pipelines::bounded;
use crate::http::scope::Scope;
use crate::http::state::AppState;
use crate::http::stored;
use crate::http::zipped::{self, Contents};

/// Files of one zip at most.
const MOST_ZIPPED: usize = 200_000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_dataset_files))
        .routes(routes!(get_dataset_file))
        .routes(routes!(get_dataset_zip))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListFiles {
    /// The folder; the root unless told.
    path: Option<String>,
    /// `1`: all files below, and no folders.
    #[param(minimum = 0, maximum = 1)]
    recursive: Option<u8>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many: 1 to 5000, 1000 unless told.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u32>,
}

fn entry_view(path: String, entry: &Entry) -> DatasetEntry {
    let (kind, files) = match entry.kind {
        EntryKind::File => ("file", None),
        EntryKind::Folder(files) => ("folder", Some(files)),
    };
    DatasetEntry { path, kind: kind.to_owned(), size: entry.size, files, sha256: entry.sha256.to_string() }
}

fn nothing(name: &str, version: u32, path: &str) -> ApiError {
    ApiError::not_found("file of the dataset", &format!("{name}@{version}:{path}"))
}

/// What lies in a folder of a version, by name; or all files below it.
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}/files", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("version" = String, Path, description = "Number or tag; `latest` is the newest"), ListFiles),
    responses((status = 200, description = "A page", body = Page<DatasetEntry>)))]
async fn list_dataset_files(
    scope: Scope,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<ListFiles>,
) -> ApiResult<axum::Json<Page<DatasetEntry>>> {
    let version = version_of(&scope, &name, &version).await?;
    let limit = bounded(query.limit, 1000, 5000)? as usize;
    let (path, after) = (query.path.unwrap_or_default(), query.cursor);
    let trees = scope.engine.trees(scope.project());
    let (root, all, at) = (version.root, query.recursive == Some(1), path.trim_matches('/').to_owned());
    let found = tokio::task::spawn_blocking(move || {
        let Some(entry) = trees.find(&root, &at)? else { return Ok(None) };
        let whole = |name: String| if at.is_empty() { name } else { format!("{at}/{name}") };
        let is_behind = |path: &String| after.as_ref().is_none_or(|after| path > after);
        let mut items = Vec::new();
        if entry.kind == EntryKind::File {
            items.push(entry_view(at, &entry));
        } else if all {
            trees.walk_from(&entry.sha256, after.as_deref().map(|after| below(after, &at)), &mut |file| {
                let entry = Entry { kind: EntryKind::File, sha256: file.sha256, size: file.size };
                items.push(entry_view(whole(file.path), &entry));
                items.len() <= limit
            })?;
        } else {
            let entries = trees.folder(&entry.sha256)?.entries.into_iter();
            let entries = entries.map(|(name, entry)| (whole(name), entry));
            let page = entries.filter(|(path, _)| is_behind(path)).take(limit + 1);
            items.extend(page.map(|(path, entry)| entry_view(path, &entry)));
        }
        Ok::<_, rigi_store::Error>(Some(items))
    });
    let found = found.await.map_err(|_| rigi_store::Error::Closed)??;
    let mut items = found.ok_or_else(|| nothing(&name, version.version, &path))?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|entry| entry.path.clone());
    Ok(axum::Json(Page { items, next_cursor }))
}

/// A path below a folder.
fn below<'a>(path: &'a str, folder: &str) -> &'a str {
    path.strip_prefix(folder).map_or(path, |rest| rest.trim_start_matches('/'))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetFile {
    /// The file.
    path: String,
    /// `1`: as a download, whatever it is.
    #[param(minimum = 0, maximum = 1)]
    download: Option<u8>,
}

/// The content of a file of a version.
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}/file", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("version" = String, Path, description = "Number or tag; `latest` is the newest"), GetFile),
    responses((status = 200, description = "The content", body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, description = "The part that `Range` asks for", body = Vec<u8>, content_type = "application/octet-stream")))]
async fn get_dataset_file(
    scope: Scope,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<GetFile>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let by_number = version.bytes().all(|b| b.is_ascii_digit());
    let version = version_of(&scope, &name, &version).await?;
    let (trees, root, path) = (scope.engine.trees(scope.project()), version.root, query.path.clone());
    let found = tokio::task::spawn_blocking(move || trees.find(&root, &path)).await;
    let found = found.map_err(|_| rigi_store::Error::Closed)??;
    let entry = found.filter(|entry| entry.kind == EntryKind::File);
    let entry = entry.ok_or_else(|| nothing(&name, version.version, &query.path))?;
    let shown = if query.download.is_some_and(|d| d != 0) { Shown::Download } else { Shown::InPlace };
    // A number leads to the same for good; a tag may be moved.
    let keep = if by_number { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    let file = file_of(&query.path, (entry.sha256, entry.size), keep, shown);
    stored::answer(scope.blobs(), file, &headers).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetZip {
    /// A folder; all of it unless told.
    path: Option<String>,
}

/// A version, or a folder of it, as a zip. Its bytes are always the same, its length is known, and any part of it may be asked for.
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}/zip", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("version" = String, Path, description = "Number or tag; `latest` is the newest"), GetZip),
    responses((status = 200, description = "The zip", body = Vec<u8>, content_type = "application/zip"),
              (status = 206, description = "The part that `Range` asks for", body = Vec<u8>, content_type = "application/zip")))]
async fn get_dataset_zip(
    scope: Scope,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<GetZip>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let version = version_of(&scope, &name, &version).await?;
    let path = query.path.unwrap_or_default().trim_matches('/').to_owned();
    let (trees, root, at) = (scope.engine.trees(scope.project()), version.root, path.clone());
    let found = tokio::task::spawn_blocking(move || {
        let folder = trees.find(&root, &at)?.filter(|entry| entry.kind != EntryKind::File);
        let Some(folder) = folder else { return Ok(None) };
        let mut files: Vec<FileAt> = Vec::new();
        trees.walk(&folder.sha256, &mut |file| {
            files.push(file);
            files.len() <= MOST_ZIPPED
        })?;
        Ok::<_, rigi_store::Error>(Some(files))
    });
    let found = found.await.map_err(|_| rigi_store::Error::Closed)??;
    let files = found.ok_or_else(|| nothing(&name, version.version, &path))?;
    if files.len() > MOST_ZIPPED {
        let message = format!("one zip has at most {MOST_ZIPPED} files");
        return Err(ApiError::new(ErrorCode::TooLarge, message)
            .cure(format!("Ask for a folder, or use `rigi data get {name}@{}`.", version.version)));
    }
    let last = path.rsplit('/').next().filter(|last| !last.is_empty());
    let file = format!("{}-{}.zip", last.unwrap_or(&name).replace('/', "-"), version.version);
    let tag = format!("\"zip-{}-{path}\"", version.root).replace(|c: char| !c.is_ascii_graphic(), "_");
    let contents = Contents { made: Vec::new(), stored: files };
    let mut answer = zipped::answer(scope.blobs(), contents, &tag, &headers).await?;
    let shown = format!("attachment; filename=\"{file}\"");
    if let Ok(shown) = HeaderValue::from_str(&shown) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, shown);
    }
    Ok(answer)
}
