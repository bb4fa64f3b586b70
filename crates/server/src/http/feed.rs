//! The live stream: what changes, told to whoever listens.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rigi_api::view::RunSummary;
use rigi_model::{ProjectName, RunId};
use rigi_store::Result;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiResult;
use super::extract::Query;
use super::present;
use super::scope::Scope;
use super::state::AppState;
use crate::live::{self, Changes, Happenings, Missed, Wants};

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

/// What changes, as it changes: `run` with a summary, `pipeline` with a name, `usage` of one run, `upload`, `version` and `project` with
/// an id and a kind (`created`; of a project `runs-removed`), `secret` with a kind (`set`, `removed`), `reset` when a reader has missed too much and must read everything again. A `Last-Event-ID` is told what happened since.
#[utoipa::path(get, path = "/events", tag = "events", extensions(("x-rigi-action" = json!("events.read"))),
    params(StreamEvents, ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was seen")),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream")))]
async fn stream_events(
    mut scope: Scope,
    Query(query): Query<StreamEvents>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let wants = match (&query.run, &query.usage) {
        (Some(id), _) => {
            let (within, run) = scope.find_run(id).await?;
            scope = within;
            Wants::Run(run.request.id)
        }
        (None, Some(id)) => Wants::All { usage: Some(scope.find_run(id).await?.1.request.id) },
        (None, None) => Wants::All { usage: None },
    };
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    Ok(live::respond(scope.feeds.of(scope.project()).listen(Arc::new(scope.clone()), wants, seen)))
}

/// Events that one who was away is told afterwards, at most; beyond it, it starts afresh.
const CATCH_UP: u32 = 5000;

impl Changes for Scope {
    fn project(&self) -> &ProjectName {
        Scope::project(self)
    }

    fn happenings(&self) -> Happenings {
        Happenings {
            commits: self.store().commits(),
            pulses: self.engine.pulses(),
            pipelines: self.catalog().changes(),
        }
    }

    fn newest(&self) -> BoxFuture<'_, Result<i64>> {
        self.store().db().last_event().boxed()
    }

    fn missed<'a>(&'a self, after: i64, only: Option<&'a RunId>) -> BoxFuture<'a, Result<Missed>> {
        async move {
            let since = self.store().db().runs_since(self.project(), after, CATCH_UP).await?;
            let newest = since.newest;
            let Some(mut runs) = since.runs else {
                return Ok(Missed { newest, runs: None, others: Vec::new() });
            };
            runs.retain(|run| only.is_none_or(|only| run.id == *only));
            let others = match only {
                Some(_) => Vec::new(),
                None => self.store().db().told_between(self.project(), after, newest).await?,
            };
            Ok(Missed { newest, runs: Some(present::summaries(self, &runs).await), others })
        }
        .boxed()
    }

    fn views(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<Vec<RunSummary>>> {
        async move {
            let mut runs = self.store().db().listed_by_id(&runs).await?;
            runs.retain(|run| run.project == *self.project());
            Ok(present::summaries(self, &runs).await)
        }
        .boxed()
    }

    fn some_waiting(&self, most: usize) -> BoxFuture<'_, Vec<RunId>> {
        self.engine.some_waiting(self.project(), most).boxed()
    }
}
