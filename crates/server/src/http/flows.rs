//! Flows: their steps, the runs of these, the answers of people, and drawings.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{
    AnswerBody, AnswerView, ApprovalView, FlowView, GraphView, Page, RunView, StepCounts, StepRunView,
    StepView, WhyNotCached,
};
use rigi_engine::flows::NotCached;
use rigi_model::flows::{Begun, Counts, GraphForm, StepFacts, does, graph, state_of};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::step::{StepAction, StepSpec};
use rigi_model::{ErrorCode, RunId, RunState, Timestamp};
use rigi_store::Run;
use rigi_store::flows::{Answer, StepCount, StepRun, StepRunsPage};
use rigi_store::people::Deed;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::pipelines::{bounded, missing};
use super::present;
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_steps))
        .routes(routes!(list_step_runs))
        .routes(routes!(approve_run))
        .routes(routes!(reject_run))
        .routes(routes!(why_not_cached))
        .routes(routes!(draw_pipeline))
}

/// Characters of a note at most.
const LONGEST_NOTE: usize = 1000;

/// The spec that a run goes by; `None`: its version cannot be read.
async fn spec_of(scope: &Scope, run: &Run) -> ApiResult<PipelineSpec> {
    let of = run.request.part();
    let version = scope.db().version(scope.project(), of.version).await?;
    Ok(version.spec.part(&of.part).into_owned())
}

/// The steps of a flow's run, in the order in which they are written. A run that is no flow has none.
#[utoipa::path(get, path = "/runs/{id}/steps", tag = "flows", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 200, description = "All steps", body = FlowView)))]
async fn list_steps(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<FlowView>> {
    let (scope, run) = scope.find_run(&id).await?;
    let spec = spec_of(&scope, &run).await?;
    if !spec.is_flow() {
        return Ok(axum::Json(FlowView { steps: Vec::new() }));
    }
    let (db, id) = (scope.db(), &run.request.id);
    let mut stored: BTreeMap<String, Begun> =
        db.flow_steps(id).await?.into_iter().map(|step| (step.step, step.begun)).collect();
    let mut counts: BTreeMap<String, Vec<StepCount>> = BTreeMap::new();
    for count in db.step_counts(id).await? {
        counts.entry(count.step.clone()).or_default().push(count);
    }
    let mut steps = Vec::with_capacity(spec.steps.len());
    for step in &spec.steps {
        let begun = stored.remove(&step.name);
        let mut view = step_view(step, begun, &counts.remove(&step.name).unwrap_or_default());
        if step.for_each.is_none() && view.counts.items > 0 {
            let page = StepRunsPage { step: Some(step.name.clone()), limit: 1, ..StepRunsPage::default() };
            if let Some(run) = db.step_runs(id, &page).await?.pop() {
                view.message = view.message.or(run.message);
                view.run = Some(run.id);
            }
        }
        steps.push(view);
    }
    Ok(axum::Json(FlowView { steps }))
}

fn step_view(step: &StepSpec, begun: Option<Begun>, counts: &[StepCount]) -> StepView {
    let sum = |wanted: &[RunState]| {
        counts.iter().filter(|count| wanted.contains(&count.state)).map(|count| count.count).sum::<u32>()
    };
    let mut shown = StepCounts {
        items: 0,
        waiting: sum(&[RunState::Queued, RunState::Retrying]),
        active: sum(&[RunState::Starting, RunState::Running]),
        succeeded: sum(&[RunState::Succeeded]),
        failed: sum(&[RunState::Failed, RunState::TimedOut, RunState::Skipped]),
        cancelled: sum(&[RunState::Cancelled]),
    };
    let failed = shown.failed + shown.cancelled;
    let started = shown.waiting + shown.active + shown.succeeded + failed;
    let facts = StepFacts { begun, counts: Counts { started, succeeded: shown.succeeded, failed } };
    let state = state_of(step, &facts);
    let message = match facts.begun {
        Some(Begun::Items(items)) => {
            shown.items = items;
            None
        }
        Some(Begun::Skipped(why) | Begun::Failed(why)) => Some(why),
        None => None,
    };
    let ended = counts.iter().map(|count| count.ended_at).max().flatten();
    StepView {
        name: step.name.clone(),
        description: step.description.clone(),
        kind: kind(step).to_owned(),
        does: does(step),
        needs: step.needs.clone(),
        run_if: step.run_if.to_string(),
        when: step.when.as_ref().map(ToString::to_string),
        optional: step.optional,
        fans_out: step.for_each.is_some(),
        state,
        message,
        counts: shown,
        run: None,
        started_at: counts.iter().filter_map(|count| count.started_at).min(),
        ended_at: ended.filter(|_| state.is_terminal()),
    }
}

fn kind(step: &StepSpec) -> &'static str {
    match &step.action {
        StepAction::Run { entry } => super::pipelines::kind(entry),
        StepAction::Pipeline { .. } => "pipeline",
        StepAction::Approval { .. } => "approval",
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListStepRuns {
    /// In this state.
    #[param(example = "failed")]
    state: Option<String>,
    /// At most so many: 1 to 1000, 1000 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
}

/// The runs of a step, in the order of its items.
#[utoipa::path(get, path = "/runs/{id}/steps/{step}", tag = "flows", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the flow's run"),
           ("step" = String, Path, description = "Name of the step", example = "count"), ListStepRuns),
    responses((status = 200, description = "A page", body = Page<StepRunView>)))]
async fn list_step_runs(
    scope: Scope,
    Path((id, step)): Path<(String, String)>,
    Query(query): Query<ListStepRuns>,
) -> ApiResult<axum::Json<Page<StepRunView>>> {
    let (scope, run) = scope.find_run(&id).await?;
    let limit = bounded(query.limit, 1000, 1000)?;
    let wrong = |_| ApiError::invalid("/query/cursor", "the cursor is not one that a page gave");
    let state = query.state.map(|text| {
        RunState::parse(&text)
            .ok_or_else(|| ApiError::invalid("/query/state", format!("`{text}` is no state")))
    });
    let page = StepRunsPage {
        step: Some(step.clone()),
        state: state.transpose()?,
        after: query.cursor.as_deref().map(str::parse::<RunId>).transpose().map_err(wrong)?,
        limit,
    };
    if spec_of(&scope, &run).await?.step(&step).is_none() {
        return Err(ApiError::not_found("step", &step));
    }
    let rows = scope.db().step_runs(&run.request.id, &page).await?;
    let full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| full).map(|run| run.id.to_string());
    Ok(axum::Json(Page { items: rows.into_iter().map(step_run).collect(), next_cursor }))
}

fn step_run(run: StepRun) -> StepRunView {
    StepRunView {
        short: run.id.short().to_owned(),
        item: run.item,
        pipeline: run.pipeline.to_string(),
        state: run.state,
        message: run.message,
        attempt: run.attempt,
        created_at: run.created_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
        result_of: run.rerun_of,
        id: run.id,
    }
}

/// Says yes to a run that waits for a person. The first answer counts.
#[utoipa::path(post, path = "/runs/{id}/approve", tag = "flows", extensions(("x-rigi-action" = json!("runs.start"))), request_body = AnswerBody,
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 202, description = "Accepted; the run ends as succeeded", body = RunView)))]
async fn approve_run(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<AnswerBody>,
) -> ApiResult<Response> {
    answer(scope, &asker.deed(), &id, true, body).await
}

/// Says no to a run that waits for a person. The first answer counts.
#[utoipa::path(post, path = "/runs/{id}/reject", tag = "flows", extensions(("x-rigi-action" = json!("runs.start"))), request_body = AnswerBody,
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 202, description = "Accepted; the run ends as failed", body = RunView)))]
async fn reject_run(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<AnswerBody>,
) -> ApiResult<Response> {
    answer(scope, &asker.deed(), &id, false, body).await
}

async fn answer(
    scope: Scope,
    deed: &Deed,
    id: &str,
    approved: bool,
    body: AnswerBody,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(id).await?;
    let short = run.request.id.short();
    let spec = spec_of(&scope, &run).await?;
    let Entry::Approval { role, .. } = &spec.entry else {
        let detail = format!("run {short} waits for nobody's answer");
        return Err(ApiError::new(ErrorCode::StateConflict, detail));
    };
    if run.status.state.is_terminal() {
        let detail = format!("run {short} has ended as {}", run.status.state);
        return Err(ApiError::new(ErrorCode::StateConflict, detail));
    }
    if scope.role().is_none_or(|own| own < *role) {
        let detail = format!("to answer run {short} takes the role {role} in the project");
        return Err(ApiError::new(ErrorCode::Forbidden, detail));
    }
    if body.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        let detail = format!("a note has {LONGEST_NOTE} characters at most");
        return Err(ApiError::invalid("/note", detail));
    }
    let note = body.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    let at = Timestamp::now();
    let answer = Answer { approved, by: scope.actor().to_string(), note, at };
    let written = scope.store().answer(scope.project(), &run.request.id, &answer, deed).await;
    written.map_err(|error| match error {
        rigi_store::Error::Conflict(_) => {
            ApiError::new(ErrorCode::StateConflict, format!("run {short} was answered before"))
        }
        error => error.into(),
    })?;
    let run = scope.db().run(scope.project(), &run.request.id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(present::view(&scope, &run).await?)).into_response())
}

/// What a run waits for a person for; `None`: for nothing.
pub(super) async fn approval(
    scope: &Scope,
    run: &Run,
    spec: &PipelineSpec,
) -> ApiResult<Option<ApprovalView>> {
    let part = spec.part(&run.request.part().part);
    let Entry::Approval { role, message } = &part.entry else { return Ok(None) };
    let answer = scope.db().answer(&run.request.id).await?;
    let answer = answer.map(|Answer { approved, by, note, at }| AnswerView { approved, by, note, at });
    Ok(Some(ApprovalView { role: role.to_string(), message: message.clone(), answer }))
}

/// Why a run of a step was executed, though its step may be cached.
#[utoipa::path(get, path = "/runs/{id}/why-not-cached", tag = "flows", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("id" = String, Path, description = "Id of the step's run")),
    responses((status = 200, description = "Why", body = WhyNotCached)))]
async fn why_not_cached(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<WhyNotCached>> {
    let (scope, run) = scope.find_run(&id).await?;
    let said =
        |why: &str, run: Option<RunId>, parts: Vec<String>| WhyNotCached { why: why.to_owned(), run, parts };
    Ok(axum::Json(match scope.engine.why_not_cached(&run).await? {
        NotCached::Unasked => said("unasked", None, Vec::new()),
        NotCached::Counts(run) => said("counts", Some(run), Vec::new()),
        NotCached::First => said("first", None, Vec::new()),
        NotCached::Refused(run) => said("refused", Some(run), Vec::new()),
        NotCached::Differs(difference) => said("differs", Some(difference.run), difference.parts),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Draw {
    /// `text` (unless told), `dot` or `mermaid`.
    #[param(example = "mermaid")]
    form: Option<String>,
}

/// The steps of a flow, drawn. A pipeline without steps is an empty drawing.
#[utoipa::path(get, path = "/pipelines/{name}/graph", tag = "flows", extensions(("x-rigi-action" = json!("pipelines.read"))),
    params(("name" = String, Path, description = "Name of the pipeline", example = "co2-trend"), Draw),
    responses((status = 200, description = "The drawing", body = GraphView)))]
async fn draw_pipeline(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<Draw>,
) -> ApiResult<axum::Json<GraphView>> {
    let text = query.form.as_deref().unwrap_or("text");
    let form = GraphForm::parse(text)
        .ok_or_else(|| ApiError::invalid("/query/form", format!("`{text}` is none of text, dot, mermaid")))?;
    let pipeline = scope.catalog().get(&name).ok_or_else(|| missing(&scope, &name))?;
    let steps = pipeline.outcome.as_ref().map(|ready| ready.spec.steps.as_slice()).unwrap_or_default();
    Ok(axum::Json(GraphView { form: form.to_string(), text: graph(&name, steps, form) }))
}
