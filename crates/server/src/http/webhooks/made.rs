//! Webhooks that people make: who may send what, and what becomes of it.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_api::view::{Page, SetWebhook, WebhookView};
use rigi_model::expression::Expression;
use rigi_model::webhooks::{MOST_PER_MINUTE, PER_MINUTE, WebhookKind, WebhookSpec};
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::triggers::Webhook;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deliveries;
use crate::http::asker::Asker;
use crate::http::drawn;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path, check_name};
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Webhooks of a project at most.
const MOST: usize = 200;
/// A secret that was replaced counts for so long.
const FORMER: Duration = Duration::from_secs(24 * 3600);
/// Characters of a secret that a sender brings.
const SHORTEST_SECRET: usize = 16;
const LONGEST_SECRET: usize = 500;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks))
        .routes(routes!(get_webhook, set_webhook, remove_webhook))
        .routes(routes!(replace_webhook_secret))
}

async fn view(scope: &Scope, hook: &Webhook, secret: Option<String>) -> ApiResult<WebhookView> {
    let last = scope.db().deliveries(&hook.id, None, 1).await?.into_iter().next();
    Ok(WebhookView {
        name: hook.name.clone(),
        pipeline: hook.spec.pipeline.clone(),
        kind: hook.spec.kind,
        path: format!("/api/hooks/{}", hook.id),
        schedule: hook.spec.schedule.clone(),
        parameters: hook.spec.parameters.clone(),
        when: hook.spec.when.as_ref().map(ToString::to_string),
        per_minute: hook.spec.per_minute,
        paused_at: hook.paused_at,
        made_at: hook.made_at,
        made_by: hook.made_by.clone(),
        former_until: hook.former_until.filter(|until| Timestamp::now() < *until),
        last: last.map(deliveries::view),
        secret,
    })
}

/// The signed webhooks of the project, by name.
#[utoipa::path(get, path = "/webhooks", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    responses((status = 200, description = "All of them", body = Page<WebhookView>)))]
async fn list_webhooks(scope: Scope) -> ApiResult<axum::Json<Page<WebhookView>>> {
    let mut items = Vec::new();
    for hook in scope.db().webhooks(scope.project()).await? {
        items.push(view(&scope, &hook, None).await?);
    }
    Ok(axum::Json(Page { items, next_cursor: None }))
}

async fn find_any(scope: &Scope, name: &str) -> ApiResult<Option<Webhook>> {
    Ok(scope.db().webhooks(scope.project()).await?.into_iter().find(|hook| hook.name == name))
}

pub(super) async fn find(scope: &Scope, name: &str) -> ApiResult<Webhook> {
    find_any(scope, name)
        .await?
        .ok_or_else(|| ApiError::not_found("webhook", name).cure("`rigi webhooks list` shows what there is."))
}

/// One webhook.
#[utoipa::path(get, path = "/webhooks/{webhook}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(("webhook" = String, Path, description = "Name of the webhook")),
    responses((status = 200, description = "The webhook", body = WebhookView)))]
async fn get_webhook(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<WebhookView>> {
    let hook = find(&scope, &name).await?;
    Ok(axum::Json(view(&scope, &hook, None).await?))
}

/// Makes a webhook, or changes one. The answer to the first has its secret, which is shown this once.
#[utoipa::path(put, path = "/webhooks/{webhook}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))), request_body = SetWebhook,
    params(("webhook" = String, Path, description = "Name of the webhook: up to 64 letters, digits and `-_.`")),
    responses((status = 200, description = "Changed", body = WebhookView), (status = 201, description = "Made, with its secret", body = WebhookView)))]
async fn set_webhook(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetWebhook>,
) -> ApiResult<(StatusCode, axum::Json<WebhookView>)> {
    check_name(&name)?;
    let spec = read(&scope, &body)?;
    let deed = asker.deed();
    if let Some(secret) = &body.secret {
        check_secret(spec.kind, secret)?;
    }
    let paused_at = |before: Option<Timestamp>| body.paused.then(|| before.unwrap_or(deed.at));
    match find_any(&scope, &name).await? {
        Some(before) => {
            let mut changed = before.clone();
            (changed.spec, changed.paused_at) = (spec, paused_at(before.paused_at));
            scope.store().change_webhook(&changed, &deed).await?;
            if let Some(secret) = &body.secret {
                scope.store().set_webhook_secret(&before, secret, deed.at.after(FORMER), &deed).await?;
            }
            let hook = find(&scope, &name).await?;
            Ok((StatusCode::OK, axum::Json(view(&scope, &hook, None).await?)))
        }
        None => {
            if scope.db().webhooks(scope.project()).await?.len() >= MOST {
                let detail = format!("there are {MOST} webhooks, and can be no more");
                return Err(
                    ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used.")
                );
            }
            let secret = body.secret.clone().map_or_else(|| draw(spec.kind), Ok)?;
            let hook = Webhook::new(scope.project().clone(), name.clone(), spec, &deed);
            scope.store().make_webhook(&hook, &secret, &deed).await?;
            let shown = body.secret.is_none().then_some(secret);
            let mut hook = find(&scope, &name).await?;
            if body.paused {
                hook.paused_at = Some(deed.at);
                scope.store().change_webhook(&hook, &deed).await?;
            }
            Ok((StatusCode::CREATED, axum::Json(view(&scope, &hook, shown).await?)))
        }
    }
}

fn read(scope: &Scope, body: &SetWebhook) -> ApiResult<WebhookSpec> {
    let kind = body.kind.as_deref().unwrap_or(WebhookKind::Standard.as_str());
    let kind = WebhookKind::parse(kind)
        .ok_or_else(|| ApiError::invalid("/kind", "it is `standard`, `github`, `gitea` or `gitlab`"))?;
    let when = body.when.as_deref().filter(|when| !when.trim().is_empty()).map(Expression::parse).transpose();
    let when = when.map_err(|error| ApiError::invalid("/when", error.to_string()))?;
    let per_minute = body.per_minute.unwrap_or(PER_MINUTE);
    if !(1..=MOST_PER_MINUTE).contains(&per_minute) {
        return Err(ApiError::invalid("/per_minute", format!("it may be 1 to {MOST_PER_MINUTE}")));
    }
    let spec = WebhookSpec {
        pipeline: body.pipeline.clone(),
        kind,
        schedule: body.schedule.clone(),
        parameters: body.parameters.clone(),
        when,
        per_minute,
    };
    if body.parameters.len() > 100 || serde_json::to_string(&spec).is_ok_and(|text| text.len() > 64 << 10) {
        return Err(ApiError::invalid("/parameters", "they may be 100, and 64 KiB"));
    }
    spec.check().map_err(|(pointer, why)| ApiError::invalid(&pointer, why))?;
    let found = scope.catalog().get(&spec.pipeline);
    let found = found.ok_or_else(|| ApiError::not_found("pipeline", &spec.pipeline))?;
    if let (Some(id), Ok(ready)) = (&spec.schedule, &found.outcome)
        && !ready.spec.schedules.iter().any(|entry| entry.id == *id)
    {
        let message = format!("`schedules` of the pipeline has no entry `{id}`");
        return Err(ApiError::invalid("/schedule", message));
    }
    Ok(spec)
}

fn check_secret(kind: WebhookKind, secret: &str) -> ApiResult<()> {
    let length = secret.len();
    if !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&length) || secret.chars().any(char::is_control) {
        let message = format!("a secret has {SHORTEST_SECRET} to {LONGEST_SECRET} characters, on one line");
        return Err(ApiError::invalid("/secret", message));
    }
    if let Some(encoded) = secret.strip_prefix("whsec_").filter(|_| kind == WebhookKind::Standard)
        && STANDARD.decode(encoded).is_err()
    {
        return Err(ApiError::invalid("/secret", "behind `whsec_` there is base64"));
    }
    Ok(())
}

/// A secret as its senders write them.
fn draw(kind: WebhookKind) -> ApiResult<String> {
    match kind {
        WebhookKind::Standard => drawn::standard_secret(),
        WebhookKind::Github | WebhookKind::Gitea | WebhookKind::Gitlab => drawn::hex_secret(),
    }
}

/// Removes a webhook, with what is known of what came to it.
#[utoipa::path(delete, path = "/webhooks/{webhook}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("webhook" = String, Path, description = "Name of the webhook")),
    responses((status = 204, description = "Removed")))]
async fn remove_webhook(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let hook = find(&scope, &name).await?;
    scope.store().remove_webhook(&hook, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook another secret, which is shown this once. The former counts for a day, so that its sender can be told.
#[utoipa::path(post, path = "/webhooks/{webhook}/secret", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("webhook" = String, Path, description = "Name of the webhook")),
    responses((status = 200, description = "The webhook, with its secret", body = WebhookView)))]
async fn replace_webhook_secret(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<WebhookView>> {
    let hook = find(&scope, &name).await?;
    let secret = draw(hook.spec.kind)?;
    let deed = asker.deed();
    scope.store().set_webhook_secret(&hook, &secret, deed.at.after(FORMER), &deed).await?;
    let hook = find(&scope, &name).await?;
    Ok(axum::Json(view(&scope, &hook, Some(secret)).await?))
}
