//! `POST /api/hooks/{webhook}`: what others send. A body is read up to a bound, held against the secret as it came, and only then read as
//! JSON. What is accepted is answered when it is durable; what comes again is answered the same.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rigi_engine::triggers::{Coming, DeliverError, is_kept};
use rigi_model::rights::Action;
use rigi_model::webhooks::{LARGEST_BODY, verify};
use rigi_model::{ErrorCode, Timestamp, WebhookId};
use rigi_store::triggers::Webhook;
use serde_json::json;

use super::calls::{Caller, OF_ADDRESS};
use crate::http::client::Client;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Path;
use crate::http::rights::still_taking;
use crate::http::state::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/hooks/{webhook}", post(receive)).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

async fn receive(
    State(state): State<AppState>,
    Path(id): Path<String>,
    client: Option<axum::Extension<Client>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let (now, instant) = (Timestamp::now(), Instant::now());
    let caller = Caller::Address(client.and_then(|client| client.0.address));
    // Who tries secrets is slowed down; who has one is not counted here.
    state.webhook_calls.check(caller.clone(), OF_ADDRESS, instant)?;
    let missing = || {
        let _ = state.webhook_calls.count(caller.clone(), OF_ADDRESS, instant);
        ApiError::not_found("webhook", &id).cure("Look at its address: `rigi webhooks list`.")
    };
    let known: WebhookId = id.parse().map_err(|_| missing())?;
    let hook = state.store().db().webhook(&known).await?.ok_or_else(missing)?;
    let project = state.projects.of(&hook.project).ok_or_else(missing)?;
    let secrets = state.store().webhook_secrets(&hook, now)?;
    let secrets: Vec<&str> = secrets.iter().map(|secret| secret.0.as_str()).collect();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let verified = verify(hook.spec.kind, &secrets, header, &body, now).map_err(|refusal| {
        let _ = state.webhook_calls.count(caller.clone(), OF_ADDRESS, instant);
        ApiError::new(
            ErrorCode::Unauthenticated,
            format!("the webhook `{}` does not take it: {refusal}", hook.name),
        )
        .cure("Look at the kind of the webhook, at its secret and at the clocks.")
    })?;
    state.webhook_calls.count(Caller::Webhook(hook.id.clone()), hook.spec.per_minute, instant)?;
    if hook.paused_at.is_some() {
        let detail = format!("the webhook `{}` is paused", hook.name);
        return Err(
            ApiError::new(ErrorCode::StateConflict, detail).cure("`rigi webhooks resume` lets it go on.")
        );
    }
    still_taking(&state, Action::RunsStart, project.id())?;
    let kept: BTreeMap<String, String> = headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let coming =
        Coming { id: verified.id, event: verified.event, headers: kept, body: body.to_vec(), again_of: None };
    answer(&state, &project.catalog, &hook, coming, now).await
}

/// Has a delivery done, and says what became of it.
pub(super) async fn answer(
    state: &AppState,
    catalog: &rigi_engine::catalog::Catalog,
    hook: &Webhook,
    coming: Coming,
    now: Timestamp,
) -> ApiResult<Response> {
    match state.engine.deliver(catalog, hook, coming, now).await {
        Ok(delivery) => {
            let answer =
                json!({"delivery": delivery.event, "outcome": delivery.outcome, "run": delivery.run});
            Ok((StatusCode::ACCEPTED, axum::Json(answer)).into_response())
        }
        Err(DeliverError::Refused(delivery)) => {
            let why = delivery.reason.unwrap_or_default();
            Err(ApiError::new(
                ErrorCode::RequestInvalid,
                format!("the webhook `{}` starts no run: {why}", hook.name),
            )
            .status(StatusCode::UNPROCESSABLE_ENTITY)
            .cure("Change what the webhook makes of a body, and have the delivery done again."))
        }
        Err(DeliverError::Later(error)) => Err(error.into()),
        Err(DeliverError::Store(error)) => Err(error.into()),
    }
}
