//! What datasets and versions there are, and what differs between two.

use std::collections::BTreeMap;

use rigi_api::view::{DatasetChange, DatasetDiff, DatasetVersionView, DatasetView, Page};
use rigi_model::ContentHash;
use rigi_model::data::{EntryKind, diff_folders};
use rigi_store::datasets::{Dataset, DatasetPage, DatasetVersion, Trees};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::version_of;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};
use crate::http::pipelines::bounded;
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Differences that are told.
const MOST_CHANGES: usize = 2000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_datasets))
        .routes(routes!(get_dataset))
        .routes(routes!(list_dataset_versions))
        .routes(routes!(diff_dataset))
}

pub(super) fn version_view(one: DatasetVersion) -> DatasetVersionView {
    let (run, output) = one.run.unzip();
    DatasetVersionView {
        version: one.version,
        root: one.root.to_string(),
        files: one.totals.files,
        bytes: one.totals.bytes,
        own_bytes: one.own_bytes,
        made_from: one.made_from,
        made_at: one.made_at,
        made_by: one.made_by,
        note: one.note,
        run,
        output,
        is_new: None,
    }
}

pub(super) async fn view(scope: &Scope, one: Dataset) -> ApiResult<DatasetView> {
    let db = scope.db();
    let newest = db.dataset_versions(scope.project(), &one.name, None, 1).await?;
    let tags = db.dataset_tags(scope.project(), &one.name).await?;
    Ok(DatasetView {
        name: one.name,
        description: one.description,
        labels: one.labels,
        protected: one.protected,
        made_at: one.made_at,
        made_by: one.made_by,
        changed_at: one.changed_at,
        tags: tags.into_iter().collect::<BTreeMap<_, _>>(),
        newest: newest.into_iter().next().map(version_view),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListDatasets {
    /// Names that begin so.
    prefix: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many: 1 to 200, 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The datasets of the project, by name.
#[utoipa::path(get, path = "/datasets", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))), params(ListDatasets),
    responses((status = 200, description = "A page", body = Page<DatasetView>)))]
async fn list_datasets(
    scope: Scope,
    Query(query): Query<ListDatasets>,
) -> ApiResult<axum::Json<Page<DatasetView>>> {
    let limit = bounded(query.limit, 50, 200)?;
    let page = DatasetPage { prefix: query.prefix, after: query.cursor, limit: limit + 1 };
    let mut all = scope.db().datasets(scope.project(), &page).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|one| one.name.clone());
    let mut items = Vec::with_capacity(all.len());
    for one in all {
        items.push(view(&scope, one).await?);
    }
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One dataset, with its tags and its newest version.
#[utoipa::path(get, path = "/datasets/{dataset}", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`")),
    responses((status = 200, description = "The dataset", body = DatasetView)))]
async fn get_dataset(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<DatasetView>> {
    let one = scope.db().dataset(scope.project(), &name).await?;
    Ok(axum::Json(view(&scope, one).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListVersions {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many: 1 to 200, 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The versions of a dataset, the newest first.
#[utoipa::path(get, path = "/datasets/{dataset}/versions", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ListVersions),
    responses((status = 200, description = "A page", body = Page<DatasetVersionView>)))]
async fn list_dataset_versions(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<ListVersions>,
) -> ApiResult<axum::Json<Page<DatasetVersionView>>> {
    scope.db().dataset(scope.project(), &name).await?;
    let limit = bounded(query.limit, 50, 200)?;
    let before = query.cursor.map(|cursor| cursor.parse::<u32>()).transpose();
    let before = before.map_err(|_| ApiError::invalid("/query/cursor", "no page ends with it"))?;
    let mut all = scope.db().dataset_versions(scope.project(), &name, before, limit + 1).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|one| one.version.to_string());
    Ok(axum::Json(Page { items: all.into_iter().map(version_view).collect(), next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Diff {
    /// The version before: a number or a tag; the one before `to` unless told.
    from: Option<String>,
    /// The version after: a number or a tag; the newest unless told.
    to: Option<String>,
}

/// What differs between two versions of a dataset. Only folders that differ are read.
#[utoipa::path(get, path = "/datasets/{dataset}/diff", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), Diff),
    responses((status = 200, description = "What differs", body = DatasetDiff)))]
async fn diff_dataset(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<Diff>,
) -> ApiResult<axum::Json<DatasetDiff>> {
    let to = version_of(&scope, &name, query.to.as_deref().unwrap_or_default()).await?;
    let from = match query.from {
        Some(from) => version_of(&scope, &name, &from).await?,
        None => {
            let before = scope.db().dataset_versions(scope.project(), &name, Some(to.version), 1).await?;
            let none =
                || ApiError::not_found("version of the dataset before", &format!("{name}@{}", to.version));
            before.into_iter().next().ok_or_else(none)?
        }
    };
    let trees = scope.engine.trees(scope.project());
    let (before, after) = (from.root, to.root);
    let told = tokio::task::spawn_blocking(move || {
        let mut changes = Vec::new();
        let more = !walk(&trees, (Some(before), Some(after)), "", &mut changes)?;
        Ok::<_, rigi_store::Error>((changes, more))
    });
    let (changes, more) = told.await.map_err(|_| rigi_store::Error::Closed)??;
    Ok(axum::Json(DatasetDiff { from: from.version, to: to.version, changes, more }))
}

/// `false`: there is more.
fn walk(
    trees: &Trees,
    (before, after): (Option<ContentHash>, Option<ContentHash>),
    path: &str,
    changes: &mut Vec<DatasetChange>,
) -> rigi_store::Result<bool> {
    let folder = |hash: Option<ContentHash>| match hash {
        Some(hash) => trees.folder(&hash),
        None => Ok(rigi_model::data::Folder::default()),
    };
    for change in diff_folders(&folder(before)?, &folder(after)?) {
        let path = if path.is_empty() { change.name.clone() } else { format!("{path}/{}", change.name) };
        if change.is_within() {
            let hashes = (change.before.map(|old| old.sha256), change.after.map(|new| new.sha256));
            if !walk(trees, hashes, &path, changes)? {
                return Ok(false);
            }
            continue;
        }
        if changes.len() >= MOST_CHANGES {
            return Ok(false);
        }
        let is_file = |kind: EntryKind| kind == EntryKind::File;
        let now = change.after.as_ref().or(change.before.as_ref()).map(|entry| entry.kind);
        changes.push(DatasetChange {
            path,
            kind: change.kind,
            of: if now.is_some_and(is_file) { "file" } else { "folder" }.to_owned(),
            before: change.before.map(|old| old.size),
            after: change.after.map(|new| new.size),
        });
    }
    Ok(true)
}
