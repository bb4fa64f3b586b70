//! What starts runs when something has happened: triggers of specs and those that people make beside them, what became of each event, and
//! where sensors go on.

use axum::http::StatusCode;
use rigi_api::view::{
    CursorView, Page, PauseView, PipelineTriggerView, SetCursor, SetTrigger, TriggerEventView, WaitingEnd,
};
use rigi_engine::triggers::KnownTrigger;
use rigi_model::parameters::secret_parameters;
use rigi_model::pipeline::{FolderFacts, PipelineSpec, SpecFormat, read_spec};
use rigi_model::triggers::lines::LONGEST_CURSOR;
use rigi_model::triggers::{TriggerOn, TriggerSpec};
use rigi_model::{ErrorCode, PipelineName, Timestamp};
use rigi_store::triggers::{Pause, TriggerEvent, TriggerKey};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query, is_own_name};
use super::schedules::project_of;
use super::scope::Scope;
use super::state::AppState;
use super::trigger_words;

/// Triggers that people make for one pipeline, at most.
const MOST: usize = 100;
/// Ends that wait, and are shown.
const WAITING: u32 = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_triggers))
        .routes(routes!(get_trigger, set_trigger, remove_trigger))
        .routes(routes!(pause_trigger))
        .routes(routes!(resume_trigger))
        .routes(routes!(list_trigger_events))
        .routes(routes!(get_cursor, set_cursor))
}

fn event_view(one: TriggerEvent) -> TriggerEventView {
    TriggerEventView { event: one.event, at: one.at, outcome: one.outcome, reason: one.reason, run: one.run }
}

async fn view(scope: &Scope, one: &KnownTrigger) -> ApiResult<PipelineTriggerView> {
    let pause = |pause: &Pause| PauseView { at: pause.at, by: pause.by.clone(), why: pause.why.clone() };
    let last = scope.db().trigger_events(&one.key, None, 1).await?.into_iter().next();
    let waiting = match one.spec.on {
        TriggerOn::After(_) => scope.db().all_arrivals(&one.key, WAITING).await?,
        _ => Vec::new(),
    };
    let end = |(key, one): (String, rigi_model::triggers::join::Arrived)| WaitingEnd {
        key,
        pipeline: one.pipeline,
        run: one.run,
        at: one.at,
    };
    Ok(PipelineTriggerView {
        pipeline: one.key.pipeline.to_string(),
        id: one.key.id.clone(),
        source: if one.made { "made" } else { "spec" }.to_owned(),
        kind: one.spec.on.kind().to_owned(),
        waits_for: one.spec.on.words(),
        trigger: trigger_words::shown(&one.spec),
        off: one.off.map(str::to_owned),
        paused: one.paused.as_ref().map(pause),
        problem: one.problem.clone(),
        last: last.map(event_view),
        waiting: waiting.into_iter().map(end).collect(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListTriggers {
    /// Of this pipeline alone.
    pipeline: Option<String>,
}

/// The triggers of the project's pipelines, by pipeline and id, with what happened last.
#[utoipa::path(get, path = "/triggers", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))), params(ListTriggers),
    responses((status = 200, description = "All of them", body = Page<PipelineTriggerView>)))]
async fn list_triggers(
    scope: Scope,
    Query(query): Query<ListTriggers>,
) -> ApiResult<axum::Json<Page<PipelineTriggerView>>> {
    let all = scope.engine.triggers_of(&*project_of(&scope)?).await?;
    let mut items = Vec::new();
    for one in
        all.iter().filter(|one| query.pipeline.as_ref().is_none_or(|name| one.key.pipeline == name.as_str()))
    {
        items.push(view(&scope, one).await?);
    }
    Ok(axum::Json(Page { items, next_cursor: None }))
}

async fn find(scope: &Scope, pipeline: &str, id: &str) -> ApiResult<KnownTrigger> {
    let all = scope.engine.triggers_of(&*project_of(scope)?).await?;
    let found = all.into_iter().find(|one| one.key.pipeline == pipeline && one.key.id == id);
    found.ok_or_else(|| {
        ApiError::not_found("trigger", &format!("{pipeline}/{id}"))
            .cure("`rigi triggers list` shows what there is.")
    })
}

/// One trigger.
#[utoipa::path(get, path = "/triggers/{pipeline}/{trigger}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 200, description = "The trigger", body = PipelineTriggerView)))]
async fn get_trigger(
    scope: Scope,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<PipelineTriggerView>> {
    Ok(axum::Json(view(&scope, &find(&scope, &pipeline, &id).await?).await?))
}

/// Makes a trigger beside those of the spec, or changes one that was made so.
#[utoipa::path(put, path = "/triggers/{pipeline}/{trigger}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))), request_body = SetTrigger,
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 200, description = "The trigger", body = PipelineTriggerView)))]
async fn set_trigger(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
    Json(body): Json<SetTrigger>,
) -> ApiResult<axum::Json<PipelineTriggerView>> {
    if !is_own_name(&id) {
        return Err(ApiError::invalid("/id", "an id has up to 64 letters, digits and `-_.`"));
    }
    let found = scope.catalog().get(&pipeline).ok_or_else(|| ApiError::not_found("pipeline", &pipeline))?;
    let spec = read(&pipeline, &id, &body, found.outcome.as_ref().ok().map(|ready| &ready.spec))?;
    check_files(&scope, &spec)?;
    let all = scope.engine.triggers_of(&*project_of(&scope)?).await?;
    let own = |one: &&KnownTrigger| one.key.pipeline == pipeline.as_str();
    if all.iter().filter(own).any(|one| one.key.id == id && !one.made) {
        let detail = format!("the spec of `{pipeline}` has a trigger `{id}`");
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure("Change it there, or give this one another id."));
    }
    if all.iter().filter(own).filter(|one| one.made && one.key.id != id).count() >= MOST {
        let detail = format!("`{pipeline}` has {MOST} triggers beside its spec, and can have no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    let name = PipelineName::unchecked(pipeline.as_str());
    let key = TriggerKey { project: scope.project().clone(), pipeline: name, id: id.clone() };
    scope.store().put_trigger(&key, &spec, &asker.deed()).await?;
    Ok(axum::Json(view(&scope, &find(&scope, &pipeline, &id).await?).await?))
}

/// What a body says, read as a spec's would be: with the pipeline's inputs and schedules.
fn read(pipeline: &str, id: &str, body: &SetTrigger, spec: Option<&PipelineSpec>) -> ApiResult<TriggerSpec> {
    let mut entry = serde_json::to_value(body).unwrap_or_default();
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("id".to_owned(), json!(id));
    }
    let inputs = spec
        .into_iter()
        .flat_map(|spec| &spec.inputs)
        .map(|(name, input)| (name.clone(), json!({"multiple": input.multiple})));
    let inputs: serde_json::Map<_, _> = inputs.collect();
    let schedules = spec.into_iter().flat_map(|spec| &spec.schedules).map(|entry| json!({"id": entry.id}));
    let schedules: Vec<_> = schedules.collect();
    // JSON is YAML, and as such it is read without Fast-Flow's habits.
    let text = json!({"command": ["true"], "inputs": inputs, "schedules": schedules, "triggers": [entry]})
        .to_string();
    let facts = FolderFacts::new(pipeline, Vec::<String>::new());
    let reading = read_spec(SpecFormat::Yaml, text.as_bytes(), &facts).map_err(|mistakes| {
        let first = mistakes.first();
        let message = first.map_or_else(
            || "it cannot be read".to_owned(),
            |mistake| mistake.message.replace("`triggers[0].", "`").replace("`triggers[0]`", "it"),
        );
        let field = message.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(field, _)| field);
        let pointer = field.map(|field| format!("/{}", field.replace(['.', '['], "/").replace(']', "")));
        let refused = ApiError::invalid(&pointer.unwrap_or_default(), message.clone());
        match first.and_then(|mistake| mistake.cure.clone()) {
            Some(cure) => refused.cure(cure),
            None => refused,
        }
    })?;
    let trigger =
        reading.spec.triggers.into_iter().next().ok_or_else(|| ApiError::invalid("", "it cannot be read"))?;
    let secret = secret_parameters(spec.and_then(|spec| spec.parameters.as_ref()));
    match trigger.parameters.keys().find(|name| secret.contains(*name)) {
        None => Ok(trigger),
        Some(name) => Err(ApiError::invalid(
            &format!("/parameters/{name}"),
            format!("`{name}` is secret, and a trigger is read by others"),
        )
        .cure("Make it a secret of the project, and name it in the spec's `secrets`.")),
    }
}

/// A folder that may not be looked at is told at once.
fn check_files(scope: &Scope, spec: &TriggerSpec) -> ApiResult<()> {
    let TriggerOn::Files(files) = &spec.on else { return Ok(()) };
    let Ok(pattern) = rigi_model::triggers::files::Pattern::parse(&files.pattern) else { return Ok(()) };
    if pattern.stored {
        return Ok(());
    }
    let (folder, data) = (std::path::Path::new(&pattern.folder), scope.store().data());
    let checked = scope.engine.settings().watched_folders.check(folder, data);
    checked.map(drop).map_err(|why| ApiError::invalid("/files", why))
}

/// Removes a trigger that was made beside the spec. What has happened stays known.
#[utoipa::path(delete, path = "/triggers/{pipeline}/{trigger}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 204, description = "Removed")))]
async fn remove_trigger(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let one = find(&scope, &pipeline, &id).await?;
    if !one.made {
        let detail = format!("`{id}` is in the spec of `{pipeline}`");
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure(format!("Take it out there, or pause it: `rigi triggers pause {pipeline}/{id}`.")));
    }
    scope.store().remove_trigger(&one.key, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// It starts nothing until it goes on. Files that come meanwhile start runs then; what others end or say meanwhile does not count.
#[utoipa::path(post, path = "/triggers/{pipeline}/{trigger}/pause", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 200, description = "The trigger", body = PipelineTriggerView)))]
async fn pause_trigger(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<PipelineTriggerView>> {
    paused(&scope, &asker, (&pipeline, &id), true).await
}

/// Lets a trigger go on.
#[utoipa::path(post, path = "/triggers/{pipeline}/{trigger}/resume", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 200, description = "The trigger", body = PipelineTriggerView)))]
async fn resume_trigger(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<PipelineTriggerView>> {
    paused(&scope, &asker, (&pipeline, &id), false).await
}

async fn paused(
    scope: &Scope,
    asker: &Asker,
    (pipeline, id): (&str, &str),
    pauses: bool,
) -> ApiResult<axum::Json<PipelineTriggerView>> {
    let one = find(scope, pipeline, id).await?;
    if one.paused.is_some() != pauses {
        let deed = asker.deed();
        let pause = Pause { at: deed.at, by: deed.actor.clone(), why: None };
        scope.store().pause_trigger(&one.key, pauses.then_some(&pause), &deed).await?;
    }
    Ok(axum::Json(view(scope, &find(scope, pipeline, id).await?).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListEvents {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 50 unless told.
    limit: Option<u32>,
}

/// What has happened for a trigger, and what became of each: a run, ignored, or refused with why. The newest first.
#[utoipa::path(get, path = "/triggers/{pipeline}/{trigger}/events", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(ListEvents, ("pipeline" = String, Path, description = "Name of the pipeline"), ("trigger" = String, Path, description = "Id of the trigger")),
    responses((status = 200, description = "What has happened", body = Page<TriggerEventView>)))]
async fn list_trigger_events(
    scope: Scope,
    Path((pipeline, id)): Path<(String, String)>,
    Query(query): Query<ListEvents>,
) -> ApiResult<axum::Json<Page<TriggerEventView>>> {
    let one = find(&scope, &pipeline, &id).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let before = query.cursor.as_deref().map(|cursor| {
        let (at, event) = cursor.split_once(' ')?;
        Some((Timestamp(at.parse().ok()?), event.to_owned()))
    });
    let wrong = || ApiError::invalid("/query/cursor", "no page ends with it");
    let before = before.map(|before| before.ok_or_else(wrong)).transpose()?;
    let mut events = scope.db().trigger_events(&one.key, before, limit + 1).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next_cursor = events.last().filter(|_| more).map(|event| format!("{} {}", event.at.0, event.event));
    Ok(axum::Json(Page { items: events.into_iter().map(event_view).collect(), next_cursor }))
}

async fn cursor_of(scope: &Scope, pipeline: &str) -> ApiResult<axum::Json<CursorView>> {
    let found = scope.db().cursor(scope.project(), pipeline).await?;
    let (at, run) = found.as_ref().map_or((None, None), |found| (Some(found.at), found.run.clone()));
    Ok(axum::Json(CursorView { cursor: found.map(|found| found.value), at, run }))
}

/// Where a sensor goes on.
#[utoipa::path(get, path = "/pipelines/{name}/cursor", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "The cursor", body = CursorView)))]
async fn get_cursor(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<CursorView>> {
    scope.catalog().get(&name).ok_or_else(|| ApiError::not_found("pipeline", &name))?;
    cursor_of(&scope, &name).await
}

/// Says where a sensor goes on, or has it begin anew. What it has said before is not done twice.
#[utoipa::path(put, path = "/pipelines/{name}/cursor", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))), request_body = SetCursor,
    params(("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "The cursor", body = CursorView)))]
async fn set_cursor(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetCursor>,
) -> ApiResult<axum::Json<CursorView>> {
    scope.catalog().get(&name).ok_or_else(|| ApiError::not_found("pipeline", &name))?;
    if let Some(cursor) = &body.cursor
        && (cursor.len() > LONGEST_CURSOR || cursor.contains('\0'))
    {
        let message = format!("a cursor is a text of up to {LONGEST_CURSOR} bytes, without NUL");
        return Err(ApiError::invalid("/cursor", message));
    }
    scope.store().set_cursor(scope.project(), &name, body.cursor.as_deref(), &asker.deed()).await?;
    cursor_of(&scope, &name).await
}
