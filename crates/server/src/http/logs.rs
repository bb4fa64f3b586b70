//! Logs: pages from either end, search, download, and live.

use std::io;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use rigi_api::view::{LogMatches, LogPage};
use rigi_model::ErrorCode;
use rigi_model::log::Stream;
use rigi_store::logs::{Bounds, Cursor, LogSource};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::pipelines::bounded;
use super::scope::Scope;
use super::state::AppState;
use crate::live::{self, Attempts, LogPlace};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_log))
        .routes(routes!(stream_log))
        .routes(routes!(search_log))
        .routes(routes!(download_log))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetLog {
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
    /// First line, from 1.
    from: Option<u64>,
    /// Instead of `from`: the last so many lines.
    #[param(minimum = 1, maximum = 5000)]
    tail: Option<u32>,
    /// At most so many lines: 1 to 5000, 1000 unless told.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u32>,
    /// Only `stdout`, `stderr` or `system`.
    stream: Option<String>,
}

fn stream_named(name: Option<&str>) -> ApiResult<Option<Stream>> {
    Ok(Some(match name {
        None => return Ok(None),
        Some("stdout") => Stream::Stdout,
        Some("stderr") => Stream::Stderr,
        Some("system") => Stream::System,
        Some(other) => {
            let message =
                format!("`{}` is no stream; streams are stdout, stderr, system", other.escape_debug());
            return Err(ApiError::invalid("/query/stream", message));
        }
    }))
}

/// Reads off the async threads.
async fn read<T: Send + 'static>(
    source: LogSource,
    work: impl FnOnce(LogSource) -> rigi_store::Result<T> + Send + 'static,
) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(move || work(source)).await;
    Ok(done.map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))??)
}

/// A page of a log, from a line on or from its end.
#[utoipa::path(get, path = "/runs/{id}/log", tag = "logs", extensions(("x-rigi-action" = json!("logs.read"))),
    params(("id" = String, Path, description = "Id of the run"), GetLog),
    responses((status = 200, description = "The lines", body = LogPage)))]
async fn get_log(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<GetLog>,
) -> ApiResult<axum::Json<LogPage>> {
    let (scope, run) = scope.find_run(&id).await?;
    let attempt = query.attempt.unwrap_or(run.status.attempt);
    let limit = bounded(query.tail.or(query.limit), 1000, 5000)? as usize;
    let stream = stream_named(query.stream.as_deref())?;
    let source = scope.engine.log_of(&run, attempt).await?;
    let (from, tail) = (query.from.unwrap_or(1), query.tail.is_some());
    let page =
        read(source, move |log| if tail { log.tail(limit, stream) } else { log.page(from, limit, stream) });
    let (lines, total) = page.await?;
    let complete =
        run.status.state.is_terminal() || attempt < run.status.attempt || !run.status.state.is_active();
    let lines = lines.into_iter().map(live::line).collect();
    Ok(axum::Json(LogPage { lines, total, complete, attempt, cut_bytes: run.status.log.cut_bytes }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchLog {
    /// Text to find, without regard to case.
    q: String,
    /// From this line on.
    from: Option<u64>,
    /// At most so many lines: 1 to 1000, 100 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
}

/// Lines that contain a text.
#[utoipa::path(get, path = "/runs/{id}/log/search", tag = "logs", extensions(("x-rigi-action" = json!("logs.read"))),
    params(("id" = String, Path, description = "Id of the run"), SearchLog),
    responses((status = 200, description = "The lines", body = LogMatches)))]
async fn search_log(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<SearchLog>,
) -> ApiResult<axum::Json<LogMatches>> {
    let (scope, run) = scope.find_run(&id).await?;
    let limit = bounded(query.limit, 100, 1000)? as usize;
    let source = scope.engine.log_of(&run, query.attempt.unwrap_or(run.status.attempt)).await?;
    let found = read(source, move |log| log.search(&query.q, query.from.unwrap_or(1), limit)).await?;
    Ok(axum::Json(LogMatches { lines: found.0.into_iter().map(live::line).collect(), next: found.1 }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfAttempt {
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
}

/// The whole log as the program wrote it, as a download.
#[utoipa::path(get, path = "/runs/{id}/log/raw", tag = "logs", extensions(("x-rigi-action" = json!("logs.read"))),
    params(("id" = String, Path, description = "Id of the run"), OfAttempt),
    responses((status = 200, description = "The log", body = String, content_type = "text/plain")))]
async fn download_log(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<OfAttempt>,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    let attempt = query.attempt.unwrap_or(run.status.attempt);
    let source = scope.engine.log_of(&run, attempt).await?;
    let cursor = read(source, Cursor::open).await?;
    let pieces = stream::try_unfold((cursor, 1), |(cursor, next)| async move {
        let Some(cursor) = cursor else { return Ok(None) };
        // Read when it is asked for: a slow reader holds no thread.
        tokio::task::spawn_blocking(move || piece(cursor, next)).await?.map(Some).map_err(io::Error::other)
    });
    let name = format!("attachment; filename=\"{}-{attempt}.log\"", run.request.id);
    let mut response = Response::new(Body::from_stream(pieces));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// So much of a download is read at once.
const PIECE: Bounds = Bounds { lines: 8192, bytes: 256 << 10 };

/// Where a download goes on: nowhere once the cursor is gone.
type Rest = (Option<Cursor>, u64);

/// The bytes of the lines from `next` on, and how it goes on.
fn piece(mut cursor: Cursor, next: u64) -> rigi_store::Result<(Vec<u8>, Rest)> {
    let part = cursor.read(next, PIECE)?;
    let mut bytes = Vec::with_capacity(PIECE.bytes + (16 << 10));
    for line in &part.lines {
        bytes.extend_from_slice(&line.text);
        if !line.continues {
            bytes.push(b'\n');
        }
    }
    let next = part.lines.last().map_or(next, |line| line.number + 1);
    Ok((bytes, (part.end.is_none().then_some(cursor), next)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamLog {
    /// Which attempt; without it the last one, and those that follow it.
    attempt: Option<u32>,
    /// First line, from 1.
    from: Option<u64>,
}

/// A log as it is written: `lines` with arrays of lines, `attempt` when the next attempt begins, `end` at the end.
/// A `Last-Event-ID` goes on after that line.
#[utoipa::path(get, path = "/runs/{id}/log/stream", tag = "logs", extensions(("x-rigi-action" = json!("logs.read"))),
    params(("id" = String, Path, description = "Id of the run"), StreamLog,
           ("Last-Event-ID" = Option<String>, Header, description = "`attempt.line` of the last line that was seen")),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream")))]
async fn stream_log(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<StreamLog>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    if !scope.engine.leads() && !run.status.state.is_terminal() {
        return Err(rigi_store::Error::Elsewhere("the log of a run that has not ended").into());
    }
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(behind);
    let attempts = if query.attempt.is_none() { Attempts::On } else { Attempts::One };
    let place = seen.unwrap_or_else(|| LogPlace {
        attempt: query.attempt.unwrap_or(run.status.attempt).max(1),
        line: query.from.unwrap_or(1).max(1),
    });
    Ok(live::respond(scope.logs.follow(run, place, attempts)))
}

/// The place behind the last line that was seen.
fn behind(id: &str) -> Option<LogPlace> {
    let (attempt, line) = id.split_once('.')?;
    Some(LogPlace {
        attempt: attempt.parse::<u32>().ok()?.max(1),
        line: line.parse::<u64>().ok()?.checked_add(1)?,
    })
}
