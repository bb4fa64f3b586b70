//! Cancelling many runs at once: those of a list, or all that a filter finds.

use axum::extract::State;
use axum::http::StatusCode;
use rigi_model::{Actor, ErrorCode, PipelineName, RunId, RunState};
use rigi_store::tables::runs_list::RunFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::state::AppState;
use super::view::{CancelRuns, CancelledRuns, RunSelection};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(cancel_runs))
}

/// Runs of one commit: few commits for very many runs, and each short enough to keep nobody waiting.
const RUNS_AT_ONCE: u32 = 2000;
/// States of runs that have not ended.
const OPEN: [RunState; 4] = [RunState::Queued, RunState::Starting, RunState::Running, RunState::Retrying];

/// Asks many runs to stop: those with these ids, or all that a filter finds. Runs that have ended are passed over. The
/// answer comes when all requests are durable; runs that were accepted meanwhile may be left.
#[utoipa::path(post, path = "/runs/cancel", tag = "runs", request_body = CancelRuns,
    responses((status = 202, description = "Accepted; the runs end as cancelled", body = CancelledRuns)))]
async fn cancel_runs(
    State(state): State<AppState>,
    Json(body): Json<CancelRuns>,
) -> ApiResult<(StatusCode, axum::Json<CancelledRuns>)> {
    let cancelled = match (body.ids, body.filter) {
        (Some(ids), None) => cancel_listed(&state, &ids).await?,
        (None, Some(selection)) => cancel_found(&state, &selection).await?,
        _ => {
            return Err(ApiError::invalid(
                "",
                "give either `ids` or a `filter`; an empty filter finds all runs",
            ));
        }
    };
    Ok((StatusCode::ACCEPTED, axum::Json(CancelledRuns { cancelled })))
}

async fn cancel_listed(state: &AppState, ids: &[RunId]) -> ApiResult<u64> {
    let mut cancelled = 0;
    for chunk in ids.chunks(RUNS_AT_ONCE as usize) {
        cancelled += cancel(state, chunk.to_vec()).await?;
    }
    Ok(cancelled)
}

async fn cancel_found(state: &AppState, selection: &RunSelection) -> ApiResult<u64> {
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
        let (ids, next) = state.store().db().find_runs(state.project(), &filter).await?;
        cancelled += cancel(state, ids).await?;
        filter.before = next;
        if filter.before.is_none() {
            break;
        }
    }
    Ok(cancelled)
}

async fn cancel(state: &AppState, ids: Vec<RunId>) -> ApiResult<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let answer = state.engine.cancel_many(ids, &Actor::you()).await;
    answer.ok_or_else(|| ApiError::new(ErrorCode::Unavailable, "the server is stopping"))
}
