//! `POST /api/v1/repositories/{name}/hook`: the host of a repository says that something was pushed. Whoever does not know the secret is
//! answered as if there were no such repository. What the body says does not count: what the repository has is looked at.

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rigi_model::Timestamp;
use rigi_model::rights::Action;
use rigi_model::webhooks::{LARGEST_BODY, WebhookKind, verify};
use serde_json::json;

use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::rights::still_taking;
use super::scope::Scope;
use super::state::AppState;
use super::webhooks::{Caller, OF_ADDRESS};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/repositories/{name}/hook", post(pushed))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

async fn pushed(
    State(state): State<AppState>,
    Path(name): Path<String>,
    client: Option<axum::Extension<Client>>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let caller = Caller::Address(client.and_then(|client| client.0.address));
    state.webhook_calls.count(caller, OF_ADDRESS, Instant::now())?;
    let missing =
        || ApiError::not_found("hook", &name).cure("Look at the name of the repository and at the secret.");
    let project =
        Scope::named(&state, &extensions).and_then(|id| state.projects.of(&id)).ok_or_else(missing)?;
    let store = state.store();
    let repositories = store.db().repositories(project.id()).await?;
    let repository = repositories.into_iter().find(|one| one.name == name).ok_or_else(missing)?;
    let secret = store.open_repository(project.id(), &repository).await?.hook_secret.ok_or_else(missing)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // The first way of signing that is there counts.
    let kind = match (header("x-hub-signature-256"), header("x-gitlab-token")) {
        (Some(_), _) => WebhookKind::Github,
        (None, Some(_)) => WebhookKind::Gitlab,
        (None, None) => WebhookKind::Gitea,
    };
    verify(kind, &[&secret.0], header, &body, Timestamp::now()).map_err(|_| missing())?;
    still_taking(&state, Action::RepositoriesSync, project.id())?;
    state.repositories.called(project.id(), &name);
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"repository": name}))).into_response())
}
