//! What became of each word, and trouble that goes on.

use axum::http::StatusCode;
use rigi_api::view::{IncidentView, NoticeView, Page};
use rigi_model::notices::{Message, NoticeState};
use rigi_model::{ErrorCode, NoticeId, ProjectName, Timestamp};
use rigi_store::Store;
use rigi_store::notices::{Happened, IncidentPage, IncidentRow, NewNotice, Notice, NoticePage, Words};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};
use crate::http::scope::Scope;
use crate::http::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_notices))
        .routes(routes!(retry_notice))
        .routes(routes!(list_incidents))
}

fn view(notice: Notice) -> NoticeView {
    NoticeView {
        id: notice.id.to_string(),
        kind: notice.message.kind,
        rule: Some(notice.rule).filter(|rule| !rule.is_empty()),
        channel: notice.channel,
        title: notice.message.title,
        text: notice.message.text,
        pipeline: notice.message.facts.pipeline,
        run: notice.message.facts.run,
        state: notice.state,
        tries: notice.tries,
        next_at: notice.next_at,
        error: notice.error,
        created_at: notice.created_at,
        ended_at: notice.ended_at,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListNotices {
    /// In this state alone: `waiting`, `sent`, `dead`.
    state: Option<String>,
    /// To this channel alone.
    channel: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 50 unless told.
    limit: Option<u32>,
}

fn before(cursor: Option<&str>) -> ApiResult<Option<NoticeId>> {
    cursor.map(str::parse).transpose().map_err(|_| ApiError::invalid("/query/cursor", "no page ends with it"))
}

/// Notices and what became of each, the newest first.
#[utoipa::path(get, path = "/notices", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))), params(ListNotices),
    responses((status = 200, description = "Notices", body = Page<NoticeView>)))]
async fn list_notices(
    scope: Scope,
    Query(query): Query<ListNotices>,
) -> ApiResult<axum::Json<Page<NoticeView>>> {
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let state = query.state.as_deref().map(|word| {
        NoticeState::parse(word)
            .ok_or_else(|| ApiError::invalid("/query/state", "it is `waiting`, `sent` or `dead`"))
    });
    let page = NoticePage {
        state: state.transpose()?,
        channel: query.channel,
        before: before(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let mut all = scope.db().notices(scope.project(), &page).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor }))
}

/// Has a notice that was given up tried again.
#[utoipa::path(post, path = "/notices/{notice}/retry", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("notice" = String, Path, description = "Its id")),
    responses((status = 204, description = "It is tried")))]
async fn retry_notice(scope: Scope, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let missing = || {
        ApiError::not_found("notice", &id)
            .cure("`rigi notices list --state dead` shows those that were given up.")
    };
    let known: NoticeId = id.parse().map_err(|_| missing())?;
    let notice = scope.db().notice(&known).await?.filter(|notice| notice.project == *scope.project());
    let notice = notice.ok_or_else(missing)?;
    if notice.state != NoticeState::Dead {
        let detail = format!("the notice is {}, and was not given up", notice.state);
        return Err(ApiError::new(ErrorCode::StateConflict, detail));
    }
    scope.store().retry_notice(&notice, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListIncidents {
    /// Those that go on alone.
    #[serde(default)]
    open: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 50 unless told.
    limit: Option<u32>,
}

/// Trouble that goes on or went on, as far as there are rules: of one kind and pipeline, the newest first.
#[utoipa::path(get, path = "/incidents", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))), params(ListIncidents),
    responses((status = 200, description = "Incidents", body = Page<IncidentView>)))]
async fn list_incidents(
    scope: Scope,
    Query(query): Query<ListIncidents>,
) -> ApiResult<axum::Json<Page<IncidentView>>> {
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let page = IncidentPage { open: query.open, before: before(query.cursor.as_deref())?, limit: limit + 1 };
    let mut all = scope.db().incidents(scope.project(), &page).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|last| last.id.to_string());
    let view = |incident: IncidentRow| IncidentView {
        id: incident.id.to_string(),
        kind: incident.kind,
        pipeline: Some(incident.pipeline).filter(|pipeline| !pipeline.is_empty()),
        opened_at: incident.opened_at,
        count: incident.count,
        last_at: incident.last_at,
        last_run: incident.last_run,
        closed_at: incident.closed_at,
    };
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor }))
}

/// Has a channel told something, whatever the rules are.
pub(super) async fn send_to(scope: &Scope, channel: &str, message: Message, dedupe: &str) -> ApiResult<()> {
    send_by(scope.store(), scope.project(), &[channel.to_owned()], message, dedupe).await
}

/// The same to several.
pub(super) async fn send_by(
    store: &Store,
    project: &ProjectName,
    channels: &[String],
    message: Message,
    dedupe: &str,
) -> ApiResult<()> {
    let now = Timestamp::now();
    let notice = |channel: &String| NewNotice {
        project: project.clone(),
        rule: String::new(),
        channel: channel.clone(),
        dedupe: dedupe.to_owned(),
        message: message.clone(),
        due: now,
    };
    let words = Words { incidents: Vec::new(), notices: channels.iter().map(notice).collect() };
    Ok(store.tell_of(&Happened::Seen(project.clone()), words, now).await?)
}
