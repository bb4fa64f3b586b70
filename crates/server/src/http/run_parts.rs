//! What belongs to a run: attempts, events, usage, code and files.

use axum::http::HeaderMap;
use axum::response::Response;
use rigi_api::view::{
    ArtifactView, AttemptView, CodeFile, EventView, LogSummary, Page, UsageSample, UsageView,
};
use rigi_model::{AttemptState, RunState, Timestamp};
use rigi_store::Run;
use rigi_store::tables::attempts::AttemptRow;
use rigi_work::plan::Sample;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::file_answers::{Shown, file_of, media_type};
use super::pipelines::bounded;
use super::scope::Scope;
use super::state::AppState;
use super::stored::{self, StoredFile};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_attempts))
        .routes(routes!(list_events))
        .routes(routes!(list_usage))
        .routes(routes!(list_artifacts))
        .routes(routes!(get_artifact))
        .routes(routes!(list_code))
        .routes(routes!(get_code))
}

/// The attempts of a run, the current one last.
#[utoipa::path(get, path = "/runs/{id}/attempts", tag = "runs", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 200, description = "All attempts", body = Page<AttemptView>)))]
async fn list_attempts(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<Page<AttemptView>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let ended = scope.db().attempts(&run.request.id).await?;
    let mut items: Vec<AttemptView> = ended.into_iter().map(ended_attempt).collect();
    if run.status.state.is_active() {
        items.push(current_attempt(&run));
    }
    Ok(axum::Json(Page { items, next_cursor: None }))
}

fn ended_attempt(row: AttemptRow) -> AttemptView {
    let (created_at, started_at, ended_at) = row.times();
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    AttemptView {
        number: u32::try_from(row.number).unwrap_or(0),
        state: row.state(),
        exit_code: row.exit_code.and_then(|code| i32::try_from(code).ok()),
        created_at,
        started_at,
        ended_at: Some(ended_at),
        usage: UsageView { cpu_ms: unsigned(row.cpu_us) / 1000, max_memory: unsigned(row.max_memory) },
        log: LogSummary { lines: unsigned(row.log_lines), cut_bytes: unsigned(row.log_cut) },
        reason: row.reason,
        message: row.message,
    }
}

fn current_attempt(run: &Run) -> AttemptView {
    let status = &run.status;
    let state =
        if status.state == RunState::Running { AttemptState::Running } else { AttemptState::Starting };
    AttemptView {
        number: status.attempt,
        state,
        reason: status.reason.map(|reason| reason.to_string()),
        message: status.message.clone(),
        exit_code: None,
        created_at: status.claimed_at.unwrap_or(run.request.created_at),
        started_at: status.started_at,
        ended_at: None,
        usage: UsageView::default(),
        log: LogSummary::default(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// At most so many: 1 to 1000, 1000 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
}

/// What happened to a run, oldest first.
#[utoipa::path(get, path = "/runs/{id}/events", tag = "runs", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the run"), Paging),
    responses((status = 200, description = "A page", body = Page<EventView>)))]
async fn list_events(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<Paging>,
) -> ApiResult<axum::Json<Page<EventView>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let limit = bounded(query.limit, 1000, 1000)?;
    let wrong = |_| ApiError::invalid("/query/cursor", "the cursor is not one that a page gave");
    let after = query.cursor.map(|c| c.parse::<i64>()).transpose().map_err(wrong)?.unwrap_or(0);
    let rows = scope.db().events_of(&run.request.id, after, limit).await?;
    let full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| full).map(|row| row.id.to_string());
    let view = |row: rigi_store::tables::events::EventRow| EventView {
        id: row.id,
        at: row.time(),
        attempt: u32::try_from(row.attempt).unwrap_or(0),
        kind: row.kind,
        reason: row.reason,
        message: row.message,
    };
    Ok(axum::Json(Page { items: rows.into_iter().map(view).collect(), next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfAttempt {
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
}

/// What an attempt used while it ran. Short attempts have no samples.
#[utoipa::path(get, path = "/runs/{id}/usage", tag = "runs", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the run"), OfAttempt),
    responses((status = 200, description = "All samples", body = Page<UsageSample>)))]
async fn list_usage(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<OfAttempt>,
) -> ApiResult<axum::Json<Page<UsageSample>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let attempt = query.attempt.unwrap_or(run.status.attempt);
    let live = run.status.state.is_active() && attempt == run.status.attempt;
    let id = &run.request.id;
    let samples: Vec<(Timestamp, Sample)> = if live {
        let look = scope.engine.look(vec![id.clone()]).await.remove(id);
        look.map(|look| look.live.samples.into_iter().collect()).unwrap_or_default()
    } else {
        let stored = scope.db().attempt_samples(id, attempt).await.ok().flatten();
        stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    };
    let view = |(at, s): (Timestamp, Sample)| UsageSample {
        at,
        cpu: s.cpu,
        memory: s.memory,
        processes: s.processes,
    };
    Ok(axum::Json(Page { items: samples.into_iter().map(view).collect(), next_cursor: None }))
}

/// The files that a run left, by path.
#[utoipa::path(get, path = "/runs/{id}/artifacts", tag = "runs", extensions(("x-rigi-action" = json!("artifacts.read"))),
    params(("id" = String, Path, description = "Id of the run"), Paging),
    responses((status = 200, description = "A page", body = Page<ArtifactView>)))]
async fn list_artifacts(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<Paging>,
) -> ApiResult<axum::Json<Page<ArtifactView>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let limit = bounded(query.limit, 1000, 1000)?;
    let after = query.cursor.unwrap_or_default();
    let rows = scope.db().artifacts(&run.request.id, &after, limit).await?;
    let full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| full).map(|row| row.path.clone());
    let view = |a: rigi_store::tables::artifacts::Artifact| ArtifactView {
        media_type: media_type(&a.path).to_owned(),
        path: a.path,
        output: a.output,
        attempt: u32::try_from(a.attempt).unwrap_or(0),
        size: u64::try_from(a.size).unwrap_or(0),
        sha256: a.sha256.to_string(),
    };
    Ok(axum::Json(Page { items: rows.into_iter().map(view).collect(), next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Download {
    /// `1`: as a download, whatever it is.
    #[param(minimum = 0, maximum = 1)]
    download: Option<u8>,
}

/// The content of a file that a run left.
#[utoipa::path(get, path = "/runs/{id}/artifacts/{*path}", tag = "runs", extensions(("x-rigi-action" = json!("artifacts.read"))),
    params(("id" = String, Path, description = "Id of the run"),
           ("path" = String, Path, description = "Path of the file; may hold `/`"), Download),
    responses((status = 200, description = "The content", body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, description = "The part that `Range` asks for", body = Vec<u8>, content_type = "application/octet-stream")))]
async fn get_artifact(
    scope: Scope,
    Path((id, path)): Path<(String, String)>,
    Query(query): Query<Download>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    let found = scope.db().artifact(&run.request.id, &path).await?;
    let artifact = found.ok_or_else(|| ApiError::not_found("artifact", &path))?;
    let shown = if query.download.is_none_or(|d| d == 0) { Shown::InPlace } else { Shown::Download };
    let content = (artifact.sha256, u64::try_from(artifact.size).unwrap_or(0));
    let file = file_of(&path, content, keeping(run.status.state), shown);
    stored::answer(scope.blobs(), file, &headers).await
}

/// How long a browser may keep an artifact: for good once its run is over. Before, the next attempt may leave another file
/// of this name, so it asks each time.
fn keeping(state: RunState) -> &'static str {
    if state.is_terminal() { "private, max-age=31536000, immutable" } else { "private, no-cache" }
}

/// The files of the code that a run ran.
#[utoipa::path(get, path = "/runs/{id}/code", tag = "runs", extensions(("x-rigi-action" = json!("code.read"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 200, description = "All files", body = Page<CodeFile>)))]
async fn list_code(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<Page<CodeFile>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let version = scope.db().version(scope.project(), run.request.version).await?;
    let items = version.files.into_iter().map(|f| CodeFile { path: f.path, size: f.size }).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// A file of the code that a run ran, as text.
#[utoipa::path(get, path = "/runs/{id}/code/{*path}", tag = "runs", extensions(("x-rigi-action" = json!("code.read"))),
    params(("id" = String, Path, description = "Id of the run"),
           ("path" = String, Path, description = "Path of the file; may hold `/`")),
    responses((status = 200, description = "The file", body = String, content_type = "text/plain"),
              (status = 206, description = "The part that `Range` asks for", body = String, content_type = "text/plain")))]
async fn get_code(
    scope: Scope,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    let version = scope.db().version(scope.project(), run.request.version).await?;
    let file = version.files.into_iter().find(|file| file.path == path);
    let file = file.ok_or_else(|| ApiError::not_found("file", &path))?;
    let kind = "text/plain; charset=utf-8";
    let file = StoredFile { sha256: file.sha256, size: file.size, kind, common: Vec::new() };
    stored::answer(scope.blobs(), file, &headers).await
}
