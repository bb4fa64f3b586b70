//! Cancelling many runs at once: those of a list, or all that a filter finds.

use axum::http::StatusCode;
use rigi_api::view::{CancelRuns, CancelledRuns, RunSelection};
use rigi_model::{ErrorCode, PipelineName, RunId, RunState};
use rigi_store::tables::runs_list::RunFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(cancel_runs))
}

/// Runs of one commit: few commits for very many runs, and each short enough to keep nobody waiting.
const RUNS_AT_ONCE: u32 = 2000;
/// States of runs that have not ended.
const OPEN: [RunState; 4] = [RunState::Queued, RunState::Starting, RunState::Running, RunState::Retrying];

/// Asks many runs to stop: those with these ids, or all that a filter finds. Runs that have ended are passed over. The
/// answer comes when all requests are durable; runs that were accepted meanwhile may be left.
#[utoipa::path(post, path = "/runs/cancel", tag = "runs", extensions(("x-rigi-action" = json!("runs.cancel"))), request_body = CancelRuns,
    responses((status = 202, description = "Accepted; the runs end as cancelled", body = CancelledRuns)))]
async fn cancel_runs(
    scope: Scope,
    Json(body): Json<CancelRuns>,
) -> ApiResult<(StatusCode, axum::Json<CancelledRuns>)> {
    let cancelled = match (body.ids, body.filter) {
        (Some(ids), None) => cancel_listed(&scope, &ids).await?,
        (None, Some(selection)) => cancel_found(&scope, &selection).await?,
        _ => {
            return Err(ApiError::invalid(
                "",
                "give either `ids` or a `filter`; an empty filter finds all runs",
            ));
        }
    };
    Ok((StatusCode::ACCEPTED, axum::Json(CancelledRuns { cancelled })))
}

async fn cancel_listed(scope: &Scope, ids: &[RunId]) -> ApiResult<u64> {
    let mut cancelled = 0;
    for chunk in ids.chunks(RUNS_AT_ONCE as usize) {
        cancelled += cancel(scope, chunk.to_vec()).await?;
    }
    Ok(cancelled)
}

async fn cancel_found(scope: &Scope, selection: &RunSelection) -> ApiResult<u64> {
    let wanted = |state: &RunState| selection.states.is_empty() || selection.states.contains(state);
    let mut filter = RunFilter {
        pipeline: selection.pipeline.clone().map(PipelineName::unchecked),
        states: OPEN.into_iter().filter(wanted).collect(),
        labels: selection.labels.clone().into_iter().collect(),
        text: selection.q.clone(),
        since: selection.since,
        until: selection.until,
        before: None,
        limit: RUNS_AT_ONCE,
    };
    let mut cancelled = 0;
    // States that no open run can be in: nothing is found.
    while !filter.states.is_empty() {
        let (ids, next) = scope.db().find_runs(scope.project(), &filter).await?;
        cancelled += cancel(scope, ids).await?;
        filter.before = next;
        if filter.before.is_none() {
            break;
        }
    }
    Ok(cancelled)
}

async fn cancel(scope: &Scope, ids: Vec<RunId>) -> ApiResult<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let answer = scope.engine.cancel_many(scope.project(), ids, &scope.actor()).await;
    answer.ok_or_else(|| ApiError::new(ErrorCode::Unavailable, "the server is stopping"))
}
