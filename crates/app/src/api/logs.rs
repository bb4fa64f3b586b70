//! Logs: pages from either end, search, download, and live.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use rigi_engine::PulseKind;
use rigi_model::log::Stream;
use rigi_model::{ErrorCode, RunId, RunState};
use rigi_store::logs::LogSource;
use rigi_store::{Run, logs};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::pipelines::bounded;
use super::runs::find_run;
use super::state::AppState;
use super::view::{LogLine, LogMatches, LogPage};

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
    tail: Option<u32>,
    /// At most so many lines: 1 to 5000, 1000 unless told.
    limit: Option<u32>,
    /// Only `stdout`, `stderr` or `system`.
    stream: Option<String>,
}

fn line(line: logs::LogLine) -> LogLine {
    let stream = match line.stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
        Stream::System => "system",
    };
    LogLine {
        n: line.number,
        at: line.at,
        stream: stream.to_owned(),
        text: String::from_utf8_lossy(&line.text).into_owned(),
        continues: line.continues,
    }
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
    work: impl FnOnce(&LogSource) -> rigi_store::Result<T> + Send + 'static,
) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(move || work(&source)).await;
    Ok(done.map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))??)
}

/// A page of a log, from a line on or from its end.
#[utoipa::path(get, path = "/runs/{id}/log", tag = "logs",
    params(("id" = String, Path, description = "Id of the run"), GetLog),
    responses((status = 200, description = "The lines", body = LogPage)))]
async fn get_log(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<GetLog>,
) -> ApiResult<axum::Json<LogPage>> {
    let run = find_run(&state, &id).await?;
    let attempt = query.attempt.unwrap_or(run.status.attempt);
    let limit = bounded(query.tail.or(query.limit), 1000, 5000)? as usize;
    let stream = stream_named(query.stream.as_deref())?;
    let source = state.engine.log_of(&run, attempt).await?;
    let (from, tail) = (query.from.unwrap_or(1), query.tail.is_some());
    let page =
        read(source, move |log| if tail { log.tail(limit, stream) } else { log.page(from, limit, stream) });
    let (lines, total) = page.await?;
    let complete =
        run.status.state.is_terminal() || attempt < run.status.attempt || !run.status.state.is_active();
    let lines = lines.into_iter().map(line).collect();
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
    limit: Option<u32>,
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
}

/// Lines that contain a text.
#[utoipa::path(get, path = "/runs/{id}/log/search", tag = "logs",
    params(("id" = String, Path, description = "Id of the run"), SearchLog),
    responses((status = 200, description = "The lines", body = LogMatches)))]
async fn search_log(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<SearchLog>,
) -> ApiResult<axum::Json<LogMatches>> {
    let run = find_run(&state, &id).await?;
    let limit = bounded(query.limit, 100, 1000)? as usize;
    let source = state.engine.log_of(&run, query.attempt.unwrap_or(run.status.attempt)).await?;
    let found = read(source, move |log| log.search(&query.q, query.from.unwrap_or(1), limit)).await?;
    Ok(axum::Json(LogMatches { lines: found.0.into_iter().map(line).collect(), next: found.1 }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfAttempt {
    /// Which attempt; the last unless told.
    attempt: Option<u32>,
}

/// The whole log as the program wrote it, as a download.
#[utoipa::path(get, path = "/runs/{id}/log/raw", tag = "logs",
    params(("id" = String, Path, description = "Id of the run"), OfAttempt),
    responses((status = 200, description = "The log", body = String, content_type = "text/plain")))]
async fn download_log(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<OfAttempt>,
) -> ApiResult<Response> {
    let run = find_run(&state, &id).await?;
    let attempt = query.attempt.unwrap_or(run.status.attempt);
    let source = state.engine.log_of(&run, attempt).await?;
    let (writer, reader) = tokio::io::duplex(256 << 10);
    tokio::task::spawn_blocking(move || {
        let out = std::io::BufWriter::with_capacity(64 << 10, tokio_util::io::SyncIoBridge::new(writer));
        if let Err(error) = source.raw(out) {
            tracing::debug!(%error, "a download of a log ended early");
        }
    });
    let name = format!("attachment; filename=\"{}-{attempt}.log\"", run.request.id);
    let mut response = Response::new(Body::from_stream(tokio_util::io::ReaderStream::new(reader)));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
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
#[utoipa::path(get, path = "/runs/{id}/log/stream", tag = "logs",
    params(("id" = String, Path, description = "Id of the run"), StreamLog,
           ("Last-Event-ID" = Option<String>, Header, description = "`attempt.line` of the last line that was seen")),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream")))]
async fn stream_log(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<StreamLog>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let run = find_run(&state, &id).await?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(parse_seen);
    let (attempt, next) = match seen {
        Some((attempt, line)) => (Some(attempt), line + 1),
        None => (query.attempt, query.from.unwrap_or(1)),
    };
    let follow_on = query.attempt.is_none();
    let (sender, receiver) = mpsc::channel(16);
    let attempt = attempt.unwrap_or_else(|| run.status.attempt.max(1));
    let follower = Follower { state, id: run.request.id, attempt, next, follow_on, sender };
    tokio::spawn(follower.run());
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response())
}

fn parse_seen(id: &str) -> Option<(u32, u64)> {
    let (attempt, line) = id.split_once('.')?;
    Some((attempt.parse().ok()?, line.parse().ok()?))
}

/// Lines of one event at most.
const LINES_PER_EVENT: usize = 1000;

/// One reader of a growing log.
struct Follower {
    state: AppState,
    id: RunId,
    attempt: u32,
    next: u64,
    follow_on: bool,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

/// The reader went away, or there is nothing more to say.
struct Done;

impl Follower {
    async fn run(mut self) {
        let mut pulses = self.state.engine.pulses();
        let mut commits = self.state.store().commits();
        loop {
            let run = match self.state.store().db().run(self.state.project(), &self.id).await {
                Ok(run) => run,
                Err(error) => {
                    tracing::debug!(%error, "a log's reader was sent away");
                    return;
                }
            };
            if self.catch_up(&run).await.is_err() {
                return;
            }
            // Log pulses need no look at the database; a commit of the run does.
            loop {
                tokio::select! {
                    () = self.sender.closed() => return,
                    pulse = pulses.recv() => match pulse {
                        Ok(pulse) if pulse.run == self.id && matches!(pulse.what, PulseKind::Log(_)) => {
                            if self.send_lines(&run).await.is_err() { return; }
                        }
                        Ok(_) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => break,
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                    },
                    commit = commits.recv() => match commit {
                        Ok(commit) if commit.runs.contains(&self.id) => break,
                        Ok(_) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => break,
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Sends all that is there; `Done` after the end.
    async fn catch_up(&mut self, run: &Run) -> Result<(), Done> {
        loop {
            self.send_lines(run).await?;
            let status = &run.status;
            let ended = self.attempt < status.attempt || !status.state.is_active();
            if ended && self.follow_on && self.attempt < status.attempt {
                self.attempt += 1;
                self.next = 1;
                let event =
                    Event::default().event("attempt").data(format!("{{\"attempt\":{}}}", self.attempt));
                self.send(event).await?;
                continue;
            }
            let over =
                status.state.is_terminal() || (!self.follow_on && ended && status.state != RunState::Queued);
            if over {
                let data = format!("{{\"state\":\"{}\"}}", status.state);
                self.send(Event::default().event("end").data(data)).await?;
                return Err(Done);
            }
            return Ok(());
        }
    }

    async fn send_lines(&mut self, run: &Run) -> Result<(), Done> {
        loop {
            let source = self.state.engine.log_of(run, self.attempt).await.map_err(|_| Done)?;
            let from = self.next;
            let page = read(source, move |log| log.page(from, LINES_PER_EVENT, None)).await;
            let (lines, _) = page.map_err(|error| {
                tracing::warn!(detail = error.detail, cause = error.cause, "a log cannot be followed");
                Done
            })?;
            let Some(last) = lines.last().map(|line| line.number) else { return Ok(()) };
            let full = lines.len() == LINES_PER_EVENT;
            let lines: Vec<LogLine> = lines.into_iter().map(line).collect();
            let data = serde_json::to_string(&lines).map_err(|_| Done)?;
            let id = format!("{}.{last}", self.attempt);
            self.send(Event::default().event("lines").id(id).data(data)).await?;
            self.next = last + 1;
            if !full {
                return Ok(());
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), Done> {
        self.sender.send(Ok(event)).await.map_err(|_| Done)
    }
}
