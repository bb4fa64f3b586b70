//! The live stream: what changes, told to whoever listens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use rigi_model::RunId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiResult;
use super::extract::Query;
use super::runs::find_run;
use super::state::AppState;
use crate::live::{self, Wants};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream_events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamEvents {
    /// Only what happens to this run, and what it uses while it runs.
    run: Option<String>,
    /// Of all runs, and beside it what this one uses while it runs.
    usage: Option<String>,
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
    let wants = match (&query.run, &query.usage) {
        (Some(run), _) => Wants::Run(id_of(&state, run).await?),
        (None, Some(run)) => Wants::All { usage: Some(id_of(&state, run).await?) },
        (None, None) => Wants::All { usage: None },
    };
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    Ok(live::respond(state.feed.listen(Arc::new(state.clone()), wants, seen)))
}

async fn id_of(state: &AppState, run: &str) -> ApiResult<RunId> {
    Ok(find_run(state, run).await?.request.id)
}
