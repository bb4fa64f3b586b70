//! `POST /api/v1/repositories/{name}/hook`: the host of a repository says that something was pushed. Whoever does not know the secret is
//! answered as if there were no such repository. What the body says does not count: what the repository has is looked at.

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rigi_model::repositories::hook::{Signed, is_genuine};
use rigi_model::rights::Action;
use serde_json::json;

use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::rights::still_taking;
use super::scope::Scope;
use super::state::AppState;
use super::webhooks::LARGEST;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/repositories/{name}/hook", post(pushed))
        .layer(DefaultBodyLimit::max(LARGEST))
}

async fn pushed(
    State(state): State<AppState>,
    Path(name): Path<String>,
    client: Option<axum::Extension<Client>>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    state.webhook_calls.count(client.and_then(|client| client.0.address), Instant::now())?;
    let missing =
        || ApiError::not_found("hook", &name).cure("Look at the name of the repository and at the secret.");
    let project =
        Scope::named(&state, &extensions).and_then(|id| state.projects.of(&id)).ok_or_else(missing)?;
    let store = state.store();
    let repositories = store.db().repositories(project.id()).await?;
    let repository = repositories.into_iter().find(|one| one.name == name).ok_or_else(missing)?;
    let secret = store.open_repository(project.id(), &repository).await?.hook_secret.ok_or_else(missing)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = Signed {
        hub: header("x-hub-signature-256"),
        gitea: header("x-gitea-signature"),
        gitlab: header("x-gitlab-token"),
    };
    if !is_genuine(&signed, &body, &secret.0) {
        return Err(missing());
    }
    still_taking(&state, Action::RepositoriesSync, project.id())?;
    state.repositories.called(project.id(), &name);
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"repository": name}))).into_response())
}
