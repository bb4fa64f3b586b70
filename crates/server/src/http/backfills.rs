//! Backfills: runs for a range of due times, with a look at it first.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use rigi_api::view::{BackfillPreview, BackfillTimeView, BackfillView, MakeBackfill, Page};
use rigi_engine::triggers::Scheduled;
use rigi_model::parameters::{ParameterSources, secret_parameters};
use rigi_model::triggers::{BackfillOrder, BackfillSpec, BackfillState, MOST_TIMES, TimeState, due_between};
use rigi_model::{BackfillId, ErrorCode, Timestamp};
use rigi_store::triggers::{Backfill, BackfillTime, TimesPage};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::scope::Scope;
use super::state::AppState;

/// Due times that a look shows.
const SHOWN: usize = 1000;
/// Runs at a time at most.
const MOST_PARALLEL: u32 = 1000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_backfills, make_backfill))
        .routes(routes!(preview_backfill))
        .routes(routes!(get_backfill))
        .routes(routes!(list_backfill_times))
        .routes(routes!(pause_backfill))
        .routes(routes!(resume_backfill))
        .routes(routes!(cancel_backfill))
        .routes(routes!(retry_backfill))
}

async fn view(scope: &Scope, one: Backfill) -> ApiResult<BackfillView> {
    let counts = scope.db().backfill_counts(&one.id).await?;
    Ok(BackfillView {
        id: one.id.to_string(),
        pipeline: one.schedule.pipeline.to_string(),
        schedule: one.schedule.id,
        state: one.state,
        from: one.spec.from,
        to: one.spec.to,
        parameters: one.spec.parameters,
        order: one.spec.order,
        parallel: one.spec.parallel,
        times: counts.values().sum(),
        counts,
        made_at: one.made_at,
        made_by: one.made_by,
        ended_at: one.ended_at,
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListBackfills {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 100; 20 unless told.
    limit: Option<u32>,
}

/// Backfills, the newest first.
#[utoipa::path(get, path = "/backfills", tag = "triggers", extensions(("x-rigi-action" = json!("runs.read"))), params(ListBackfills),
    responses((status = 200, description = "Backfills", body = Page<BackfillView>)))]
async fn list_backfills(
    scope: Scope,
    Query(query): Query<ListBackfills>,
) -> ApiResult<axum::Json<Page<BackfillView>>> {
    let limit = query.limit.unwrap_or(20).clamp(1, 100);
    let before = query.cursor.as_deref().map(str::parse::<BackfillId>).transpose();
    let before = before.map_err(|_| ApiError::invalid("/query/cursor", "no page ends with it"))?;
    let mut all = scope.db().backfills(scope.project(), before.as_ref(), limit + 1).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|last| last.id.to_string());
    let mut items = Vec::with_capacity(all.len());
    for one in all {
        items.push(view(&scope, one).await?);
    }
    Ok(axum::Json(Page { items, next_cursor }))
}

async fn find(scope: &Scope, id: &str) -> ApiResult<Backfill> {
    let missing = || ApiError::not_found("backfill", id).cure("`rigi backfills list` shows what there is.");
    let known: BackfillId = id.parse().map_err(|_| missing())?;
    let found = scope.db().backfill(&known).await?;
    found.filter(|one| one.schedule.project == *scope.project()).ok_or_else(missing)
}

fn moment(pointer: &str, text: &str) -> ApiResult<Timestamp> {
    let text = text.trim();
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let read: jiff::Timestamp = whole.parse().map_err(|_| {
        ApiError::invalid(
            pointer,
            "it is a time such as `2026-01-31T06:00:00Z`, or a day such as `2026-01-31`",
        )
    })?;
    Ok(Timestamp(read.as_microsecond()))
}

/// The schedule, what is to be done, its due times, and how many of them have a run already.
async fn read(
    scope: &Scope,
    body: &MakeBackfill,
) -> ApiResult<(Scheduled, BackfillSpec, Vec<Timestamp>, u64)> {
    let scheduled = super::schedules::find(scope, &body.pipeline, &body.schedule).await?;
    let Some(rhythm) = scheduled.rhythm.clone().filter(|_| !scheduled.restarts) else {
        return Err(ApiError::invalid("/schedule", format!("`{}` has no due times", body.schedule)));
    };
    let order = body.order.as_deref().map_or(Some(BackfillOrder::Oldest), BackfillOrder::parse);
    let parallel = body.parallel.unwrap_or(1);
    if !(1..=MOST_PARALLEL).contains(&parallel) {
        return Err(ApiError::invalid("/parallel", format!("it may be 1 to {MOST_PARALLEL}")));
    }
    let spec = BackfillSpec {
        from: moment("/from", &body.from)?,
        to: moment("/to", &body.to)?,
        parameters: body.parameters.clone(),
        order: order.ok_or_else(|| ApiError::invalid("/order", "it is `oldest` or `newest`"))?,
        parallel,
        only_missing: body.only_missing,
    };
    if spec.from >= spec.to {
        return Err(ApiError::invalid("/to", "it is not after `from`"));
    }
    let mut due = due_between(&rhythm, &spec);
    if due.len() > MOST_TIMES {
        return Err(ApiError::invalid("/to", format!("the range has more than {MOST_TIMES} due times"))
            .cure("Make several of it."));
    }
    let fired = scope.db().fired_between(&scheduled.key, spec.from, spec.to).await?;
    let fired: BTreeSet<Timestamp> = fired.into_iter().collect();
    let already = due.iter().filter(|due| fired.contains(due)).count() as u64;
    if spec.only_missing {
        due.retain(|due| !fired.contains(due));
    }
    check_parameters(scope, body)?;
    Ok((scheduled, spec, due, already))
}

fn check_parameters(scope: &Scope, body: &MakeBackfill) -> ApiResult<()> {
    let found =
        scope.catalog().get(&body.pipeline).ok_or_else(|| ApiError::not_found("pipeline", &body.pipeline))?;
    let Ok(ready) = &found.outcome else { return Ok(()) };
    let secret = secret_parameters(ready.spec.parameters.as_ref());
    if let Some(name) = body.parameters.keys().find(|name| secret.contains(*name)) {
        return Err(ApiError::invalid(
            &format!("/parameters/{name}"),
            format!("`{name}` is secret, and a backfill is read by others"),
        ));
    }
    let Some(schema) = &ready.schema else { return Ok(()) };
    let entry = ready.spec.schedules.iter().find(|entry| entry.id == body.schedule);
    let mut whole: serde_json::Map<_, _> =
        entry.map(|entry| entry.parameters.clone().into_iter().collect()).unwrap_or_default();
    whole.extend(body.parameters.clone());
    let sources = ParameterSources { file: None, rules: None, given_by: None };
    schema.check(whole, &sources).map(|_| ()).map_err(|mistakes| {
        let detail =
            mistakes.first().map_or_else(|| "a parameter is wrong".to_owned(), |m| m.message.clone());
        ApiError::parameters(&mistakes, detail)
    })
}

/// What a backfill would do: how many runs, and for which due times. Nothing is started.
#[utoipa::path(post, path = "/backfills/preview", tag = "triggers", extensions(("x-rigi-action" = json!("runs.start"))), request_body = MakeBackfill,
    responses((status = 200, description = "What it would do", body = BackfillPreview)))]
async fn preview_backfill(
    scope: Scope,
    Json(body): Json<MakeBackfill>,
) -> ApiResult<axum::Json<BackfillPreview>> {
    let (_, _, mut due, already) = read(&scope, &body).await?;
    let count = due.len() as u64;
    due.truncate(SHOWN);
    Ok(axum::Json(BackfillPreview { count, already, due }))
}

/// Makes a backfill. Its runs are started one after the other, as many at a time as it says; each knows its due time.
#[utoipa::path(post, path = "/backfills", tag = "triggers", extensions(("x-rigi-action" = json!("runs.start"))), request_body = MakeBackfill,
    responses((status = 201, description = "The backfill", body = BackfillView)))]
async fn make_backfill(
    scope: Scope,
    asker: Asker,
    Json(body): Json<MakeBackfill>,
) -> ApiResult<(StatusCode, axum::Json<BackfillView>)> {
    let (scheduled, spec, due, already) = read(&scope, &body).await?;
    if due.is_empty() {
        let detail = match already {
            0 => "the range has no due time".to_owned(),
            all => format!("each of its {all} due times has a run already"),
        };
        return Err(ApiError::invalid("/from", detail));
    }
    let deed = asker.deed();
    let one = Backfill {
        id: BackfillId::generate(),
        schedule: scheduled.key,
        spec,
        state: BackfillState::Running,
        made_at: deed.at,
        made_by: deed.actor.clone(),
        ended_at: None,
    };
    scope.store().make_backfill(&one, &due, &deed).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&scope, one).await?)))
}

/// One backfill.
#[utoipa::path(get, path = "/backfills/{backfill}", tag = "triggers", extensions(("x-rigi-action" = json!("runs.read"))),
    params(("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "The backfill", body = BackfillView)))]
async fn get_backfill(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<BackfillView>> {
    let one = find(&scope, &id).await?;
    Ok(axum::Json(view(&scope, one).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListTimes {
    /// Those alone of which a run failed, or none could be made.
    #[serde(default)]
    failed: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 1,000; 100 unless told.
    limit: Option<u32>,
}

/// The due times of a backfill, in their order, and the run of each.
#[utoipa::path(get, path = "/backfills/{backfill}/times", tag = "triggers", extensions(("x-rigi-action" = json!("runs.read"))),
    params(ListTimes, ("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "Due times", body = Page<BackfillTimeView>)))]
async fn list_backfill_times(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<ListTimes>,
) -> ApiResult<axum::Json<Page<BackfillTimeView>>> {
    let one = find(&scope, &id).await?;
    let limit = query.limit.unwrap_or(100).clamp(1, 1000);
    let after = query.cursor.as_deref().map(str::parse::<i64>).transpose();
    let after = after.map_err(|_| ApiError::invalid("/query/cursor", "no page ends with it"))?;
    let page = TimesPage { failed: query.failed, after, limit: limit + 1 };
    let mut all = scope.db().backfill_times(&one.id, &page).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|last| last.place.to_string());
    let view = |time: BackfillTime| BackfillTimeView {
        due: time.due,
        state: time.state,
        run: time.run,
        run_state: time.run_state,
        reason: time.reason,
    };
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor }))
}

fn conflict(one: &Backfill, what: &str) -> ApiError {
    ApiError::new(ErrorCode::StateConflict, format!("the backfill is {}, and {what}", one.state))
}

/// Starts nothing of it until it goes on. Runs that have started go on.
#[utoipa::path(post, path = "/backfills/{backfill}/pause", tag = "triggers", extensions(("x-rigi-action" = json!("runs.start"))),
    params(("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "The backfill", body = BackfillView)))]
async fn pause_backfill(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<BackfillView>> {
    change(&scope, &asker, &id, (BackfillState::Running, BackfillState::Paused)).await
}

/// Lets it go on.
#[utoipa::path(post, path = "/backfills/{backfill}/resume", tag = "triggers", extensions(("x-rigi-action" = json!("runs.start"))),
    params(("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "The backfill", body = BackfillView)))]
async fn resume_backfill(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<BackfillView>> {
    change(&scope, &asker, &id, (BackfillState::Paused, BackfillState::Running)).await
}

async fn change(
    scope: &Scope,
    asker: &Asker,
    id: &str,
    (from, to): (BackfillState, BackfillState),
) -> ApiResult<axum::Json<BackfillView>> {
    let one = find(scope, id).await?;
    if one.state == from {
        let deed = asker.deed();
        scope.store().set_backfill(&one, to, &[], Some(&deed), deed.at).await?;
    } else if one.state != to {
        return Err(conflict(&one, "cannot be paused or go on"));
    }
    Ok(axum::Json(view(scope, find(scope, id).await?).await?))
}

/// Ends it: nothing more is started, and its runs are asked to stop.
#[utoipa::path(post, path = "/backfills/{backfill}/cancel", tag = "triggers", extensions(("x-rigi-action" = json!("runs.cancel"))),
    params(("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "The backfill", body = BackfillView)))]
async fn cancel_backfill(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<BackfillView>> {
    let one = find(&scope, &id).await?;
    match one.state {
        BackfillState::Cancelled => {}
        BackfillState::Done => return Err(conflict(&one, "has nothing left to end")),
        BackfillState::Running | BackfillState::Paused => {
            let deed = asker.deed();
            let waiting = scope.db().waiting_times(&one.id, u32::MAX).await?;
            let skipped: Vec<BackfillTime> =
                waiting.into_iter().map(|time| BackfillTime { state: TimeState::Skipped, ..time }).collect();
            scope
                .store()
                .set_backfill(&one, BackfillState::Cancelled, &skipped, Some(&deed), deed.at)
                .await?;
            let open = scope.db().open_backfill_runs(&one.id).await?;
            let by = asker.principal.actor.clone();
            scope.engine.cancel_many(scope.project(), open, &by).await;
        }
    }
    Ok(axum::Json(view(&scope, find(&scope, &id).await?).await?))
}

/// Wants a run once more for each due time of which one failed, was stopped, or could not be made.
#[utoipa::path(post, path = "/backfills/{backfill}/retry", tag = "triggers", extensions(("x-rigi-action" = json!("runs.start"))),
    params(("backfill" = String, Path, description = "Its id")),
    responses((status = 200, description = "The backfill", body = BackfillView)))]
async fn retry_backfill(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<BackfillView>> {
    let one = find(&scope, &id).await?;
    let page = TimesPage { failed: true, after: None, limit: MOST_TIMES as u32 };
    let failed = scope.db().backfill_times(&one.id, &page).await?;
    if failed.is_empty() {
        return Err(conflict(&one, "none of its runs failed"));
    }
    let again: Vec<BackfillTime> = failed
        .into_iter()
        .map(|time| BackfillTime {
            state: TimeState::Waiting,
            tries: time.tries + 1,
            run: None,
            reason: None,
            ..time
        })
        .collect();
    let deed = asker.deed();
    scope.store().set_backfill(&one, BackfillState::Running, &again, Some(&deed), deed.at).await?;
    Ok(axum::Json(view(&scope, find(&scope, &id).await?).await?))
}
