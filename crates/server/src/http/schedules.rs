//! Schedules: those of specs and those that people make beside them; when they are due next, and what became of it before.

use axum::http::StatusCode;
use rigi_api::view::{ExplainView, FireView, Page, PauseView, ScheduleView, SetSchedule};
use rigi_engine::projects::Project;
use rigi_engine::triggers::{Scheduled, rhythm_text};
use rigi_model::parameters::{ParameterSources, secret_parameters};
use rigi_model::pipeline::spec::Schedule;
use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};
use rigi_model::{ErrorCode, PipelineName, Timestamp};
use rigi_store::triggers::{Fire, FirePage, Pause, ScheduleKey};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query, is_own_name};
use super::schedule_words;
use super::scope::Scope;
use super::state::AppState;

/// Due times that are told of each schedule in a list.
const NEXT: usize = 3;
/// Schedules that people make for one pipeline, at most.
const MOST: usize = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_schedules))
        .routes(routes!(get_schedule, set_schedule, remove_schedule))
        .routes(routes!(explain_schedule))
        .routes(routes!(pause_schedule))
        .routes(routes!(resume_schedule))
        .routes(routes!(list_fires))
}

pub(super) fn project_of(scope: &Scope) -> ApiResult<Arc<Project>> {
    scope.projects.of(scope.project()).ok_or_else(|| super::projects::missing(scope.project().as_str()))
}

pub(super) fn view(one: &Scheduled, now: Timestamp, count: usize) -> ScheduleView {
    let pause = |pause: &Pause| PauseView { at: pause.at, by: pause.by.clone(), why: pause.why.clone() };
    let no_rhythm = one.rhythm.is_none().then_some("it has no time, and is a named set of overrides");
    ScheduleView {
        pipeline: one.key.pipeline.to_string(),
        id: one.key.id.clone(),
        source: if one.made { "made" } else { "spec" }.to_owned(),
        schedule: schedule_words::shown(&one.schedule),
        rhythm: schedule_words::rhythm(&one.schedule),
        off: one.off.or(no_rhythm).map(str::to_owned),
        paused: one.paused.as_ref().map(pause),
        next: if one.is_armed() { one.next(now, count) } else { Vec::new() },
        last: one.last,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListSchedules {
    /// Of this pipeline alone.
    pipeline: Option<String>,
}

/// The schedules of the project's pipelines, by pipeline and id, with when they are due next.
#[utoipa::path(get, path = "/schedules", tag = "triggers", extensions(("x-rigi-action" = json!("pipelines.read"))), params(ListSchedules),
    responses((status = 200, description = "All of them", body = Page<ScheduleView>)))]
async fn list_schedules(
    scope: Scope,
    Query(query): Query<ListSchedules>,
) -> ApiResult<axum::Json<Page<ScheduleView>>> {
    let mut all = scope.engine.schedules_of(&*project_of(&scope)?).await?;
    all.retain(|one| query.pipeline.as_ref().is_none_or(|name| one.key.pipeline == name.as_str()));
    let now = Timestamp::now();
    let items = all.iter().map(|one| view(one, now, NEXT)).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

pub(super) async fn find(scope: &Scope, pipeline: &str, id: &str) -> ApiResult<Scheduled> {
    let all = scope.engine.schedules_of(&*project_of(scope)?).await?;
    let found = all.into_iter().find(|one| one.key.pipeline == pipeline && one.key.id == id);
    found.ok_or_else(|| {
        ApiError::not_found("schedule", &format!("{pipeline}/{id}"))
            .cure("`rigi schedules list` shows what there is.")
    })
}

/// One schedule.
#[utoipa::path(get, path = "/schedules/{pipeline}/{schedule}", tag = "triggers", extensions(("x-rigi-action" = json!("pipelines.read"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView)))]
async fn get_schedule(
    scope: Scope,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<ScheduleView>> {
    Ok(axum::Json(view(&find(&scope, &pipeline, &id).await?, Timestamp::now(), 10)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Explain {
    /// Due times, up to 100; 5 unless told.
    count: Option<usize>,
}

/// When a schedule is due, what it does about what is late, and what daylight saving does to it.
#[utoipa::path(get, path = "/schedules/{pipeline}/{schedule}/explain", tag = "triggers", extensions(("x-rigi-action" = json!("pipelines.read"))),
    params(Explain, ("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 200, description = "What it does", body = ExplainView)))]
async fn explain_schedule(
    scope: Scope,
    Path((pipeline, id)): Path<(String, String)>,
    Query(query): Query<Explain>,
) -> ApiResult<axum::Json<ExplainView>> {
    let one = find(&scope, &pipeline, &id).await?;
    let count = query.count.unwrap_or(5).clamp(1, 100);
    Ok(axum::Json(schedule_words::explain(&one, Timestamp::now(), count)))
}

/// Makes a schedule beside those of the spec, or changes one that was made so. What it was due for before is settled.
#[utoipa::path(put, path = "/schedules/{pipeline}/{schedule}", tag = "triggers", extensions(("x-rigi-action" = json!("schedules.manage"))), request_body = SetSchedule,
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView)))]
async fn set_schedule(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
    Json(body): Json<SetSchedule>,
) -> ApiResult<axum::Json<ScheduleView>> {
    if !is_own_name(&id) {
        return Err(ApiError::invalid("/id", "an id has up to 64 letters, digits and `-_.`"));
    }
    let schedule = read(&id, &body)?;
    check_parameters(&scope, &pipeline, &body)?;
    if let Some(target) = &schedule.target {
        super::projects_change::check_target(&scope, target, "/target")?;
    }
    let project = project_of(&scope)?;
    let all = scope.engine.schedules_of(&project).await?;
    let own = |one: &&Scheduled| one.key.pipeline == pipeline.as_str();
    if all.iter().filter(own).any(|one| one.key.id == id && !one.made) {
        let detail = format!("the spec of `{pipeline}` has a schedule `{id}`");
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure("Change it there, or give this one another id."));
    }
    if all.iter().filter(own).filter(|one| one.made && one.key.id != id).count() >= MOST {
        let detail = format!("`{pipeline}` has {MOST} schedules beside its spec, and can have no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    let name = PipelineName::unchecked(pipeline.as_str());
    let key = ScheduleKey { project: scope.project().clone(), pipeline: name, id: id.clone() };
    scope.store().put_schedule(&key, &schedule, &rhythm_text(&schedule), &asker.deed()).await?;
    Ok(axum::Json(view(&find(&scope, &pipeline, &id).await?, Timestamp::now(), NEXT)))
}

/// What a body says, read as a spec's would be.
fn read(id: &str, body: &SetSchedule) -> ApiResult<Schedule> {
    let mut entry = serde_json::to_value(body).unwrap_or_default();
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("id".to_owned(), json!(id));
    }
    if [&body.cron, &body.interval, &body.once_at].into_iter().flatten().count() != 1 {
        return Err(ApiError::invalid("/cron", "it has one of `cron`, `interval` and `once_at`"));
    }
    // JSON is YAML, and as such it is read without Fast-Flow's habits.
    let text = json!({"command": ["true"], "schedules": [entry]}).to_string();
    let facts = FolderFacts::new("schedule", Vec::<String>::new());
    let reading = read_spec(SpecFormat::Yaml, text.as_bytes(), &facts).map_err(|mistakes| {
        let first = mistakes.first();
        let message = first.map_or_else(
            || "it cannot be read".to_owned(),
            |mistake| mistake.message.replace("`schedules[0].", "`"),
        );
        let refused = ApiError::invalid("", message);
        match first.and_then(|mistake| mistake.cure.clone()) {
            Some(cure) => refused.cure(cure),
            None => refused,
        }
    })?;
    reading.spec.schedules.into_iter().next().ok_or_else(|| ApiError::invalid("", "it cannot be read"))
}

/// Holds its parameters against the pipeline's, as it is now.
fn check_parameters(scope: &Scope, pipeline: &str, body: &SetSchedule) -> ApiResult<()> {
    let found = scope.catalog().get(pipeline).ok_or_else(|| ApiError::not_found("pipeline", pipeline))?;
    let Ok(ready) = &found.outcome else { return Ok(()) };
    let secret = secret_parameters(ready.spec.parameters.as_ref());
    if let Some(name) = body.parameters.keys().find(|name| secret.contains(*name)) {
        return Err(ApiError::invalid(
            &format!("/parameters/{name}"),
            format!("`{name}` is secret, and a schedule is read by others"),
        )
        .cure("Make it a secret of the project, and name it in the spec's `secrets`."));
    }
    if let Some(schema) = &ready.schema {
        let sources = ParameterSources { file: None, rules: None, given_by: None };
        schema.check(body.parameters.clone(), &sources).map_err(|mistakes| {
            let detail =
                mistakes.first().map_or_else(|| "a parameter is wrong".to_owned(), |m| m.message.clone());
            ApiError::parameters(&mistakes, detail)
        })?;
    }
    Ok(())
}

/// Removes a schedule that was made beside the spec. What became of its due times stays.
#[utoipa::path(delete, path = "/schedules/{pipeline}/{schedule}", tag = "triggers", extensions(("x-rigi-action" = json!("schedules.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 204, description = "Removed")))]
async fn remove_schedule(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let one = find(&scope, &pipeline, &id).await?;
    if !one.made {
        let detail = format!("`{id}` is in the spec of `{pipeline}`");
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure(format!("Take it out there, or pause it: `rigi schedules pause {pipeline}/{id}`.")));
    }
    scope.store().remove_schedule(&one.key, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// It starts nothing until it goes on, whatever becomes of the spec. Runs that have started go on.
#[utoipa::path(post, path = "/schedules/{pipeline}/{schedule}/pause", tag = "triggers", extensions(("x-rigi-action" = json!("schedules.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView)))]
async fn pause_schedule(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<ScheduleView>> {
    paused(&scope, &asker, (&pipeline, &id), true).await
}

/// Lets a schedule go on. What was due meanwhile is made up for as its `catch_up` says.
#[utoipa::path(post, path = "/schedules/{pipeline}/{schedule}/resume", tag = "triggers", extensions(("x-rigi-action" = json!("schedules.manage"))),
    params(("pipeline" = String, Path, description = "Name of the pipeline"), ("schedule" = String, Path, description = "Id of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView)))]
async fn resume_schedule(
    scope: Scope,
    asker: Asker,
    Path((pipeline, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<ScheduleView>> {
    paused(&scope, &asker, (&pipeline, &id), false).await
}

/// A schedule that is paused, or goes on, from now on; one that does already stays as it is.
async fn paused(
    scope: &Scope,
    asker: &Asker,
    (pipeline, id): (&str, &str),
    pauses: bool,
) -> ApiResult<axum::Json<ScheduleView>> {
    let one = find(scope, pipeline, id).await?;
    if one.paused.is_some() != pauses {
        let deed = asker.deed();
        let pause = Pause { at: deed.at, by: deed.actor.clone(), why: None };
        let pause = pauses.then_some(&pause);
        scope.store().pause_schedule(&one.key, &rhythm_text(&one.schedule), pause, &deed).await?;
    }
    Ok(axum::Json(view(&find(scope, pipeline, id).await?, Timestamp::now(), NEXT)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListFires {
    /// Of this pipeline alone.
    pipeline: Option<String>,
    /// Of this schedule alone.
    schedule: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 50 unless told.
    limit: Option<u32>,
}

/// Due times and what became of each: a run, skipped or missed, with why. The newest first.
#[utoipa::path(get, path = "/fires", tag = "triggers", extensions(("x-rigi-action" = json!("runs.read"))), params(ListFires),
    responses((status = 200, description = "Due times", body = Page<FireView>)))]
async fn list_fires(scope: Scope, Query(query): Query<ListFires>) -> ApiResult<axum::Json<Page<FireView>>> {
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let after = query.cursor.as_deref().map(|cursor| {
        let mut parts = cursor.splitn(3, ' ');
        let due = parts.next()?.parse::<i64>().ok()?;
        // Pipelines' names have no spaces, and those of schedules may.
        Some((Timestamp(due), parts.next()?.to_owned(), parts.next()?.to_owned()))
    });
    let wrong = || ApiError::invalid("/query/cursor", "no page ends with it");
    let after = after.map(|after| after.ok_or_else(wrong)).transpose()?;
    let page = FirePage {
        pipeline: query.pipeline.map(PipelineName::unchecked),
        schedule: query.schedule,
        after,
        limit: limit + 1,
    };
    let mut fires = scope.db().fires(scope.project(), &page).await?;
    let more = fires.len() > limit as usize;
    fires.truncate(limit as usize);
    let cursor = |fire: &Fire| format!("{} {} {}", fire.due.0, fire.schedule.pipeline, fire.schedule.id);
    let next_cursor = fires.last().filter(|_| more).map(cursor);
    let view = |fire: Fire| FireView {
        pipeline: fire.schedule.pipeline.to_string(),
        schedule: fire.schedule.id,
        due: fire.due,
        outcome: fire.outcome,
        reason: fire.reason,
        run: fire.run,
        at: fire.at,
    };
    Ok(axum::Json(Page { items: fires.into_iter().map(view).collect(), next_cursor }))
}
