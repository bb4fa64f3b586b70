//! The live stream: what changed, told once to everybody who listens.
//!
//! One task turns commits into summaries, gathering what comes within a moment, and only while somebody listens.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use rigi_engine::{Pulse, PulseKind};
use rigi_model::RunId;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiResult;
use super::extract::Query;
use super::present;
use super::runs::find_run;
use super::state::AppState;
use super::view::UsageSample;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream_events))
}

/// How long changes gather before they are told.
const GATHER: Duration = Duration::from_millis(50);
/// Waiting runs whose place is told when something else changed.
const MOST_MOVED: usize = 50;
/// Events that a returning reader is told afterwards, at most; beyond it, it starts afresh.
const CATCH_UP: u32 = 5000;

/// Something to tell.
#[derive(Debug, Clone)]
struct Item {
    kind: &'static str,
    id: Option<i64>,
    data: Arc<str>,
}

/// Tells what changed.
#[derive(Clone)]
pub struct Feed {
    items: broadcast::Sender<Item>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { items: broadcast::channel(4096).0 }
    }
}

impl Feed {
    /// Starts telling.
    pub fn start(state: AppState) {
        tokio::spawn(tell_runs(state.clone()));
        tokio::spawn(tell_pipelines(state));
    }

    fn send(&self, kind: &'static str, id: Option<i64>, data: String) {
        let _ = self.items.send(Item { kind, id, data: data.into() });
    }
}

async fn tell_runs(state: AppState) {
    let mut commits = state.store().commits();
    let mut pulses = state.engine.pulses();
    loop {
        let mut changed = BTreeSet::new();
        let mut last = None;
        tokio::select! {
            commit = commits.recv() => match commit {
                Ok(commit) => { last = Some(commit.last_event); changed.extend(commit.runs.iter().cloned()); }
                Err(RecvError::Lagged(_)) => state.feed.send("reset", None, "{}".into()),
                Err(RecvError::Closed) => return,
            },
            pulse = pulses.recv() => match pulse {
                Ok(Pulse { run, what: PulseKind::Progress, .. }) => { changed.insert(run); }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        }
        if state.feed.items.receiver_count() == 0 {
            continue;
        }
        tokio::time::sleep(GATHER).await;
        while let Ok(commit) = commits.try_recv() {
            last = Some(commit.last_event);
            changed.extend(commit.runs.iter().cloned());
        }
        // Who waits moves up when somebody else goes: what people look at is told too, as long as it is little.
        if changed.len() < MOST_MOVED {
            changed.extend(state.engine.some_waiting(MOST_MOVED).await);
        }
        let changed: Vec<RunId> = changed.into_iter().collect();
        for (data, at_end) in summaries(&state, &changed).await {
            state.feed.send("run", last.filter(|_| at_end), data);
        }
    }
}

/// Summaries as JSON; the last one carries the id of the newest event, so that a reader resumes behind all of them.
async fn summaries(state: &AppState, runs: &[RunId]) -> Vec<(String, bool)> {
    let runs = match state.store().db().runs_by_id(runs).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::warn!(%error, "what changed cannot be told");
            return Vec::new();
        }
    };
    let views = present::summaries(state, &runs).await;
    let count = views.len();
    let texts = views.iter().filter_map(|view| serde_json::to_string(view).ok());
    texts.enumerate().map(|(index, text)| (text, index + 1 == count)).collect()
}

async fn tell_pipelines(state: AppState) {
    let mut changes = state.catalog.changes();
    loop {
        match changes.recv().await {
            Ok(name) => state.feed.send("pipeline", None, serde_json::json!({ "name": name }).to_string()),
            Err(RecvError::Lagged(_)) => state.feed.send("reset", None, "{}".into()),
            Err(RecvError::Closed) => return,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamEvents {
    /// Also tell what this run uses while it runs.
    run: Option<String>,
}

/// What changes, as it changes: `run` with a summary, `pipeline` with a name, `usage` of one run, `reset` when a reader
/// has missed too much and must read everything again. A `Last-Event-ID` is told what happened since.
#[utoipa::path(get, path = "/events", tag = "events",
    params(StreamEvents, ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was seen")),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream")))]
async fn stream_events(
    State(state): State<AppState>,
    Query(query): Query<StreamEvents>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let run = match &query.run {
        Some(id) => Some(find_run(&state, id).await?.request.id),
        None => None,
    };
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(tell_one(state, run, seen, sender));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response())
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn tell_one(state: AppState, run: Option<RunId>, seen: Option<i64>, sender: Sender) {
    let mut items = state.feed.items.subscribe();
    let mut pulses = state.engine.pulses();
    if catch_up(&state, seen, &sender).await.is_none() {
        return;
    }
    loop {
        let event = tokio::select! {
            () = sender.closed() => return,
            item = items.recv() => match item {
                Ok(item) => {
                    let event = Event::default().event(item.kind).data(&*item.data);
                    match item.id { Some(id) => event.id(id.to_string()), None => event }
                }
                Err(RecvError::Lagged(_)) => Event::default().event("reset").data("{}"),
                Err(RecvError::Closed) => return,
            },
            pulse = pulses.recv(), if run.is_some() => match pulse {
                Ok(pulse) => match usage(&pulse, run.as_ref()) { Some(event) => event, None => continue },
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        if sender.send(Ok(event)).await.is_err() {
            return;
        }
    }
}

async fn catch_up(state: &AppState, seen: Option<i64>, sender: &Sender) -> Option<()> {
    let newest = state.store().db().last_event().await.ok()?;
    let hello = Event::default().event("hello").id(newest.to_string()).data("{}");
    let Some(seen) = seen else { return sender.send(Ok(hello)).await.ok() };
    let missed = state.store().db().runs_since(seen, CATCH_UP).await.ok().flatten();
    let Some((runs, last)) = missed.filter(|_| seen <= newest) else {
        let event = Event::default().event("reset").id(newest.to_string()).data("{}");
        return sender.send(Ok(event)).await.ok();
    };
    for (data, at_end) in summaries(state, &runs).await {
        let event = Event::default().event("run").data(data);
        let event = if at_end { event.id(last.to_string()) } else { event };
        sender.send(Ok(event)).await.ok()?;
    }
    sender.send(Ok(hello)).await.ok()
}

fn usage(pulse: &Pulse, run: Option<&RunId>) -> Option<Event> {
    let PulseKind::Sample(at, s) = pulse.what else { return None };
    if Some(&pulse.run) != run {
        return None;
    }
    let sample = UsageSample { at, cpu: s.cpu, memory: s.memory, processes: s.processes };
    let data = serde_json::json!({ "run": pulse.run, "sample": sample });
    Some(Event::default().event("usage").data(data.to_string()))
}
