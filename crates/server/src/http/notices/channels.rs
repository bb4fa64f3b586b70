//! Channels: where somebody is told.

use axum::http::StatusCode;
use rigi_api::view::{ChannelView, Page, SetChannel};
use rigi_model::notices::{ChannelKind, Facts, NoticeKind, message};
use rigi_model::people::mail_address;
use rigi_model::{ErrorCode, NoticeId};
use rigi_store::notices::Channel;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::asker::Asker;
use crate::http::drawn;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path, check_name};
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Channels of a project at most.
const MOST: usize = 100;
/// Addresses of mail of one channel at most.
const MOST_ADDRESSES: usize = 50;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_channels))
        .routes(routes!(get_channel, set_channel, remove_channel))
        .routes(routes!(test_channel))
}

fn view(scope: &Scope, channel: &Channel, secret: Option<String>) -> ApiResult<ChannelView> {
    let target = scope.store().channel_target(channel)?;
    let url = target.0.lines().next().unwrap_or_default();
    let leads_to = match channel.kind {
        ChannelKind::Mail => match url.split(',').count() {
            1 => "1 address".to_owned(),
            count => format!("{count} addresses"),
        },
        _ => reqwest::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default(),
    };
    Ok(ChannelView {
        name: channel.name.clone(),
        kind: channel.kind,
        leads_to,
        made_at: channel.made_at,
        made_by: channel.made_by.clone(),
        secret,
    })
}

/// The channels of the project, by name.
#[utoipa::path(get, path = "/channels", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))),
    responses((status = 200, description = "All of them", body = Page<ChannelView>)))]
async fn list_channels(scope: Scope) -> ApiResult<axum::Json<Page<ChannelView>>> {
    let all = scope.db().channels(scope.project()).await?;
    let items = all.iter().map(|channel| view(&scope, channel, None)).collect::<ApiResult<_>>()?;
    Ok(axum::Json(Page { items, next_cursor: None }))
}

async fn find(scope: &Scope, name: &str) -> ApiResult<Channel> {
    let all = scope.db().channels(scope.project()).await?;
    all.into_iter()
        .find(|channel| channel.name == name)
        .ok_or_else(|| ApiError::not_found("channel", name).cure("`rigi channels list` shows what there is."))
}

/// One channel.
#[utoipa::path(get, path = "/channels/{channel}", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))),
    params(("channel" = String, Path, description = "Name of the channel")),
    responses((status = 200, description = "The channel", body = ChannelView)))]
async fn get_channel(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<ChannelView>> {
    let channel = find(&scope, &name).await?;
    Ok(axum::Json(view(&scope, &channel, None)?))
}

/// Makes a channel, or has one lead elsewhere. The answer of a `webhook` has the secret that it is signed with, which is shown this once.
#[utoipa::path(put, path = "/channels/{channel}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))), request_body = SetChannel,
    params(("channel" = String, Path, description = "Name of the channel: up to 64 letters, digits and `-_.`")),
    responses((status = 200, description = "The channel", body = ChannelView)))]
async fn set_channel(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetChannel>,
) -> ApiResult<axum::Json<ChannelView>> {
    check_name(&name)?;
    let kind = ChannelKind::parse(&body.kind).ok_or_else(|| {
        ApiError::invalid("/kind", "it is `mail`, `slack`, `teams`, `discord`, `ntfy` or `webhook`")
    })?;
    let there = scope.db().channels(scope.project()).await?;
    if there.len() >= MOST && !there.iter().any(|channel| channel.name == name) {
        let detail = format!("there are {MOST} channels, and can be no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    let mut target = check_target(&asker, kind, &body.target)?;
    let mut secret = None;
    if kind == ChannelKind::Webhook {
        let drawn = drawn::standard_secret()?;
        target = format!("{target}\n{drawn}");
        secret = Some(drawn);
    }
    scope.store().put_channel(scope.project(), &name, kind, &target, &asker.deed()).await?;
    let channel = find(&scope, &name).await?;
    Ok(axum::Json(view(&scope, &channel, secret)?))
}

fn check_target(asker: &Asker, kind: ChannelKind, target: &str) -> ApiResult<String> {
    let target = target.trim();
    if kind != ChannelKind::Mail {
        let url = asker.state.outside.address(target).map_err(|why| ApiError::invalid("/target", why))?;
        let topic = url.path().trim_matches('/');
        if kind == ChannelKind::Ntfy && (topic.is_empty() || topic.contains('/')) {
            return Err(ApiError::invalid(
                "/target",
                "it ends with the topic, such as `https://ntfy.sh/a-topic`",
            ));
        }
        return Ok(url.to_string());
    }
    if asker.state.mail.is_none() {
        return Err(ApiError::new(ErrorCode::MailUnavailable, "this server sends no mail")
            .cure("An operator sets `mail.host`."));
    }
    let addresses: Vec<&str> =
        target.split(',').map(str::trim).filter(|address| !address.is_empty()).collect();
    if addresses.is_empty() || addresses.len() > MOST_ADDRESSES {
        return Err(ApiError::invalid("/target", format!("it is 1 to {MOST_ADDRESSES} addresses of mail")));
    }
    let read = |address: &&str| {
        mail_address(address).map_err(|error| ApiError::invalid("/target", error.to_string()))
    };
    Ok(addresses.iter().map(read).collect::<ApiResult<Vec<_>>>()?.join(","))
}

/// Removes a channel. What still waits for it is given up.
#[utoipa::path(delete, path = "/channels/{channel}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("channel" = String, Path, description = "Name of the channel")),
    responses((status = 204, description = "Removed")))]
async fn remove_channel(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    find(&scope, &name).await?;
    let used = scope.db().rules(scope.project()).await?;
    if let Some(rule) = used.iter().find(|rule| rule.rule.channels.contains(&name)) {
        let detail = format!("the rule `{}` tells the channel `{name}`", rule.name);
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Take it out of the rule first."));
    }
    scope.store().remove_channel(scope.project(), &name, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends something to a channel now, to see whether it arrives.
#[utoipa::path(post, path = "/channels/{channel}/test", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("channel" = String, Path, description = "Name of the channel")),
    responses((status = 204, description = "It was taken; of `mail`, it is on its way")))]
async fn test_channel(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let channel = find(&scope, &name).await?;
    let by = asker.signature().to_owned();
    let why = format!("{by} tries the channel `{name}`. It works.");
    let told = message(NoticeKind::Test, Facts { message: Some(why), ..Facts::default() }, None);
    if channel.kind == ChannelKind::Mail {
        super::told::send_to(&scope, &name, told, &NoticeId::generate().to_string()).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    asker.state.sender.send(&channel, &told, &NoticeId::generate().to_string()).await.map_err(|error| {
        ApiError::new(
            ErrorCode::RequestInvalid,
            format!("the channel `{name}` did not take it: {}", error.message),
        )
        .status(StatusCode::BAD_GATEWAY)
        .cure("Look at its address, and at who answers there.")
    })?;
    Ok(StatusCode::NO_CONTENT)
}
