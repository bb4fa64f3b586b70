//! Runs: starting, listing, reading, stopping, repeating.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rigi_api::view::{
    BulkAccepted, BulkSubmit, InputRef, Page, RerunCode, RerunRun, RunSummary, RunView, SubmitRun,
};
use rigi_engine::CancelAnswer;
use rigi_engine::submit::{InputSource, Submission, SubmitError, Submitted};
use rigi_model::{Actor, ErrorCode, PipelineName, RunId, RunState, Timestamp, Trigger, TriggerKind};
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::{IdempotencyKey, Run};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query, idempotency, pairs};
use super::pipelines::{bounded, missing};
use super::present;
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(submit_run))
        .routes(routes!(list_runs, submit_runs))
        .routes(routes!(get_run))
        .routes(routes!(cancel_run))
        .routes(routes!(retry_run))
        .routes(routes!(rerun_run))
}

fn sources(inputs: BTreeMap<String, Vec<InputRef>>) -> Result<BTreeMap<String, Vec<InputSource>>, ApiError> {
    let source = |input: &str, file: InputRef| match (file.upload, file.dataset) {
        (Some(id), None) => Ok(InputSource::Upload { id, name: file.name }),
        (None, Some(dataset)) if file.name.is_none() => Ok(InputSource::Dataset(dataset)),
        _ => {
            let message = "a file of an input has `upload`, or `dataset` without a `name`";
            Err(ApiError::invalid(&format!("/inputs/{input}"), message))
        }
    };
    let all = |(input, files): (String, Vec<InputRef>)| {
        let files = files.into_iter().map(|file| source(&input, file)).collect::<Result<_, _>>()?;
        Ok((input, files))
    };
    inputs.into_iter().map(all).collect()
}

fn submission(by: Actor, pipeline: PipelineName, run: SubmitRun, count: u32) -> ApiResult<Submission> {
    Ok(Submission {
        parameters: run.parameters,
        inputs: sources(run.inputs)?,
        env: run.env,
        labels: run.labels,
        priority: run.priority,
        target: run.target,
        entry: run.schedule,
        no_cache: run.no_cache,
        count,
        ..Submission::of(pipeline, Trigger::manual(by))
    })
}

/// Starts a run. The answer comes when the run is durable; an `Idempotency-Key` makes it safe to repeat.
#[utoipa::path(post, path = "/pipelines/{name}/runs", tag = "runs", extensions(("x-rigi-action" = json!("runs.start"))), request_body = SubmitRun,
    params(("name" = String, Path, description = "Name of the pipeline", example = "co2-trend"),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[ -~]+$",
            description = "The same key and request is one run")),
    responses((status = 202, description = "Accepted", body = RunView)))]
async fn submit_run(
    scope: Scope,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(body): Json<SubmitRun>,
) -> ApiResult<Response> {
    let key = idempotency(&headers, &format!("submit {name}"), &body)?;
    let wanted = submission(scope.actor(), PipelineName::unchecked(name), body, 1)?;
    accept_one(&scope, wanted, key).await
}

async fn submit(scope: &Scope, wanted: Vec<Submission>, key: Option<IdempotencyKey>) -> ApiResult<Submitted> {
    scope.engine.submit(scope.catalog(), wanted, key).await.map_err(|error| match error {
        SubmitError::NoPipeline(name) => missing(scope, name.as_str()),
        error => error.into(),
    })
}

pub(super) async fn accept_one(
    scope: &Scope,
    wanted: Submission,
    key: Option<IdempotencyKey>,
) -> ApiResult<Response> {
    let Submitted { ids, first } = submit(scope, vec![wanted], key).await?;
    let id = ids.into_iter().next().ok_or_else(|| ApiError::new(ErrorCode::Internal, "no run was made"))?;
    let run = match first {
        Some(run) => run,
        None => scope.db().run(scope.project(), &id).await?,
    };
    let view = present::view(scope, &run).await?;
    let location = format!("{}/runs/{id}", scope.path());
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(view)).into_response())
}

/// Starts many runs, all or none.
#[utoipa::path(post, path = "/runs", tag = "runs", extensions(("x-rigi-action" = json!("runs.start"))), request_body = BulkSubmit,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[ -~]+$",
            description = "The same key and request is one submission")),
    responses((status = 202, description = "Accepted", body = BulkAccepted)))]
async fn submit_runs(scope: Scope, headers: HeaderMap, Json(body): Json<BulkSubmit>) -> ApiResult<Response> {
    let key = idempotency(&headers, "submit", &body)?;
    let wanted = body.runs.into_iter().filter(|item| item.count != Some(0));
    let wanted = wanted
        .map(|item| {
            let (pipeline, count) = (PipelineName::unchecked(item.pipeline), item.count.unwrap_or(1));
            submission(scope.actor(), pipeline, item.run, count)
        })
        .collect::<ApiResult<_>>()?;
    let Submitted { ids, .. } = submit(&scope, wanted, key).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(BulkAccepted { ids })).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListRuns {
    /// Of this pipeline.
    pipeline: Option<String>,
    /// In one of these states, separated by commas.
    #[param(example = "queued,running")]
    state: Option<String>,
    /// With all of these labels: `key=value`, separated by commas or one at a time.
    #[serde(default)]
    label: Vec<String>,
    /// Part of the pipeline's name, or the beginning or the last four characters of an id.
    q: Option<String>,
    /// Accepted at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Accepted before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// At most so many: 1 to 500, 50 unless told.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
}

impl ListRuns {
    fn filter(&self) -> ApiResult<RunFilter> {
        let mut states = Vec::new();
        for text in self.state.iter().flat_map(|text| text.split(',')).filter(|text| !text.is_empty()) {
            let state = RunState::parse(text).ok_or_else(|| {
                let known: Vec<_> = RunState::ALL.iter().map(|s| s.as_str()).collect();
                ApiError::invalid(
                    "/query/state",
                    format!("`{text}` is no state; states are {}", known.join(", ")),
                )
            })?;
            states.push(state);
        }
        let wrong = |_| ApiError::invalid("/query/cursor", "the cursor is not one that a page gave");
        let before = self.cursor.as_deref().map(str::parse::<RunId>).transpose().map_err(wrong)?;
        Ok(RunFilter {
            pipeline: self.pipeline.clone().map(PipelineName::unchecked),
            states,
            labels: pairs(&self.label)?,
            text: self.q.clone().map(|text| text.chars().take(200).collect()),
            since: self.since,
            until: self.until,
            before,
            limit: bounded(self.limit, 50, 500)?,
        })
    }
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", extensions(("x-rigi-action" = json!("runs.read"))), params(ListRuns),
    responses((status = 200, description = "A page", body = Page<RunSummary>)))]
async fn list_runs(scope: Scope, Query(query): Query<ListRuns>) -> ApiResult<axum::Json<Page<RunSummary>>> {
    let filter = query.filter()?;
    let page = scope.db().list_runs(scope.project(), &filter).await?;
    let next_cursor = page.next.map(|id| id.to_string());
    Ok(axum::Json(Page { items: present::summaries(&scope, &page.runs).await, next_cursor }))
}

/// One run. Any unique beginning or end of an id will do.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id, or a unique beginning or end of it", example = "7Q2A")),
    responses((status = 200, description = "The run", body = RunView)))]
async fn get_run(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<RunView>> {
    let (scope, run) = scope.find_run(&id).await?;
    Ok(axum::Json(present::view(&scope, &run).await?))
}

/// Asks a run to stop: its whole process tree, within the grace period. A second time is no mistake.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", extensions(("x-rigi-action" = json!("runs.cancel"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 202, description = "Accepted; the run ends as cancelled", body = RunView)))]
async fn cancel_run(scope: Scope, Path(id): Path<String>) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    let id = run.request.id.clone();
    let answer = scope.engine.cancel(&id, &scope.actor()).await;
    let answer = answer.ok_or_else(|| ApiError::new(ErrorCode::Unavailable, "the server is stopping"))?;
    let run = scope.db().run(scope.project(), &id).await?;
    if answer == CancelAnswer::Ended && run.status.state != RunState::Cancelled {
        let detail = format!("run {} has ended as {}", id.short(), run.status.state);
        return Err(ApiError::new(ErrorCode::StateConflict, detail));
    }
    Ok((StatusCode::ACCEPTED, axum::Json(present::view(&scope, &run).await?)).into_response())
}

/// Repeats an ended run as a new one: the same code, parameters and inputs.
#[utoipa::path(post, path = "/runs/{id}/retry", tag = "runs", extensions(("x-rigi-action" = json!("runs.start"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 202, description = "The new run", body = RunView)))]
async fn retry_run(scope: Scope, Path(id): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    if !run.status.state.is_terminal() {
        let detail = format!("run {} is {} and has not ended", run.request.id.short(), run.status.state);
        return Err(
            ApiError::new(ErrorCode::StateConflict, detail).cure("Cancel it first, or rerun it beside.")
        );
    }
    let key = idempotency(&headers, &format!("retry {}", run.request.id), &())?;
    accept_one(&scope, repeated(scope.actor(), &run, RerunRun::default())?, key).await
}

/// Repeats a run with changes, with the code that it ran or with the code of now.
#[utoipa::path(post, path = "/runs/{id}/rerun", tag = "runs", extensions(("x-rigi-action" = json!("runs.start"))), request_body = RerunRun,
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 202, description = "The new run", body = RunView)))]
async fn rerun_run(
    scope: Scope,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<RerunRun>,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    if body.from_failed && !run.status.state.is_terminal() {
        let detail = format!("run {} is {} and has not ended", run.request.id.short(), run.status.state);
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Wait for its end, or cancel it."));
    }
    let key = idempotency(&headers, &format!("rerun {}", run.request.id), &body)?;
    accept_one(&scope, repeated(scope.actor(), &run, body)?, key).await
}

/// A run again, with changes.
pub(super) fn repeated(by: Actor, run: &Run, changes: RerunRun) -> ApiResult<Submission> {
    let request = &run.request;
    let again = Submission::again(request, Trigger { kind: TriggerKind::Rerun, by });
    let mut parameters = again.parameters;
    for (name, value) in changes.parameters {
        if value.is_null() {
            parameters.remove(&name);
        } else {
            parameters.insert(name, value);
        }
    }
    let (mut inputs, mut labels) = (again.inputs, again.labels);
    inputs.extend(sources(changes.inputs)?);
    labels.extend(changes.labels);
    Ok(Submission {
        parameters,
        inputs,
        labels,
        version: (changes.code == RerunCode::Same).then_some(request.version),
        no_cache: changes.no_cache,
        keeps: changes.from_failed.then(|| request.id.clone()),
        ..again
    })
}
