//! Programs that send notices: `POST /api/notifications/send` with a key, as Fast-Flow has it.

use std::time::Instant;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use rigi_api::view::{NoticeKeyView, Page};
use rigi_model::notices::{ChannelKind, Facts, NoticeKind, message};
use rigi_model::{ErrorCode, NoticeId};
use rigi_store::notices::NoticeKey;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::told::send_by;
use crate::http::asker::Asker;
use crate::http::client::Client;
use crate::http::drawn;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path, check_name};
use crate::http::scope::Scope;
use crate::http::state::AppState;
use crate::http::webhooks::Caller;

/// Bytes of a body at most.
const LARGEST: usize = 64 << 10;
/// Notices of one address within a minute, as in Fast-Flow.
const PER_MINUTE: u32 = 30;
/// Keys of a project at most.
const MOST: usize = 50;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_notice_keys)).routes(routes!(make_notice_key, remove_notice_key))
}

pub(super) fn addresses() -> axum::Router<AppState> {
    axum::Router::new().route("/api/notifications/send", post(send)).layer(DefaultBodyLimit::max(LARGEST))
}

fn view(known: NoticeKey, key: Option<String>) -> NoticeKeyView {
    NoticeKeyView { name: known.name, made_at: known.made_at, made_by: known.made_by, key }
}

/// Keys of programs that send notices, by name.
#[utoipa::path(get, path = "/notice-keys", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))),
    responses((status = 200, description = "All of them", body = Page<NoticeKeyView>)))]
async fn list_notice_keys(scope: Scope) -> ApiResult<axum::Json<Page<NoticeKeyView>>> {
    let all = scope.db().notice_keys(scope.project()).await?;
    Ok(axum::Json(Page { items: all.into_iter().map(|key| view(key, None)).collect(), next_cursor: None }))
}

/// Makes a key for a program that sends notices, or puts another in its place. It is shown this once.
#[utoipa::path(put, path = "/notice-keys/{key}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("key" = String, Path, description = "What it is called")),
    responses((status = 200, description = "The key", body = NoticeKeyView)))]
async fn make_notice_key(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<NoticeKeyView>> {
    check_name(&name)?;
    let there = scope.db().notice_keys(scope.project()).await?;
    if there.len() >= MOST && !there.iter().any(|key| key.name == name) {
        let detail = format!("there are {MOST} keys, and can be no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Take one back that is not used."));
    }
    let key = format!("rigi_notice_{}", drawn::hex_secret()?);
    scope.store().put_notice_key(scope.project(), &name, &key, &asker.deed()).await?;
    let all = scope.db().notice_keys(scope.project()).await?;
    let made = all.into_iter().find(|known| known.name == name);
    let made = made.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the key was not made"))?;
    Ok(axum::Json(view(made, Some(key))))
}

/// Takes a key back: it sends nothing any more.
#[utoipa::path(delete, path = "/notice-keys/{key}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("key" = String, Path, description = "What it is called")),
    responses((status = 204, description = "Taken back")))]
async fn remove_notice_key(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let there = scope.db().notice_keys(scope.project()).await?;
    if !there.iter().any(|key| key.name == name) {
        return Err(ApiError::not_found("key", &name));
    }
    scope.store().remove_notice_key(scope.project(), &name, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a program sends.
#[derive(Debug, Deserialize)]
struct Sent {
    subject: String,
    body: String,
    /// Names of channels, or their kinds (`email` is Fast-Flow's word for `mail`); all unless told.
    channels: Option<Vec<String>>,
    /// Addresses of mail. Whom mail goes to is said by the channel: a key that could say it would be one to send mail to anybody.
    recipients: Option<Vec<String>>,
}

async fn send(
    State(state): State<AppState>,
    client: Option<axum::Extension<Client>>,
    headers: HeaderMap,
    Json(sent): Json<Sent>,
) -> ApiResult<axum::Json<Value>> {
    let caller = Caller::Address(client.and_then(|client| client.0.address));
    state.webhook_calls.count(caller, PER_MINUTE, Instant::now())?;
    let key = headers.get("x-notification-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let unknown = || {
        ApiError::new(ErrorCode::Unauthenticated, "the header `X-Notification-Key` has no key that counts")
            .cure("Make one: `rigi notices key NAME`.")
    };
    let (project, name) = state.store().db().notice_key(key.trim()).await?.ok_or_else(unknown)?;
    if sent.subject.trim().is_empty() || sent.body.trim().is_empty() {
        return Err(ApiError::invalid("/subject", "it has a `subject` and a `body`"));
    }
    if sent.recipients.as_ref().is_some_and(|recipients| !recipients.is_empty()) {
        return Err(ApiError::invalid("/recipients", "whom mail goes to is said by the channel")
            .cure("Make a channel of kind `mail` with these addresses, and name it in `channels`."));
    }
    let there = state.store().db().channels(&project).await?;
    let wanted = |name: &str, kind: ChannelKind| {
        let Some(words) = &sent.channels else { return true };
        words.iter().any(|word| {
            word == name || word == kind.as_str() || (word == "email" && kind == ChannelKind::Mail)
        })
    };
    let channels: Vec<String> =
        there.into_iter().filter(|one| wanted(&one.name, one.kind)).map(|one| one.name).collect();
    if channels.is_empty() {
        return Err(ApiError::invalid("/channels", "no channel is called so, or is of this kind")
            .cure("`rigi channels list` shows what there is."));
    }
    let facts = Facts {
        project: (project != rigi_model::ProjectName::default())
            .then(|| state.projects.name_of(&project).to_string()),
        title: Some(sent.subject),
        message: Some(sent.body),
        subject: Some(name),
        ..Facts::default()
    };
    let told = message(NoticeKind::Sent, facts, None);
    send_by(state.store(), &project, &channels, told, &NoticeId::generate().to_string()).await?;
    let words = format!("on its way to {}", channels.join(", "));
    Ok(axum::Json(json!({"status": "success", "message": words})))
}
