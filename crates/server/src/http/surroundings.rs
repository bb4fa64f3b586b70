//! What the server stands on: its targets and its storage, and whether they are as runs need them.

use axum::Json;
use axum::extract::State;
use futures_util::future::BoxFuture;
use rigi_api::view::{LookedView, Page, TargetView};
use rigi_model::{ErrorCode, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::state::AppState;

/// What the server was set up with.
pub trait Surroundings: Send + Sync {
    /// What an operator should know of them now.
    fn warnings(&self) -> Vec<String>;
    /// When the certificate of the server's own TLS ends.
    fn certificate_ends(&self) -> Option<Timestamp>;
    /// All targets, that of this machine's processes first.
    fn targets(&self) -> Vec<TargetView>;
    /// Looks at all that runs on a target need; `None` where there is no such target.
    fn check_target<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Vec<LookedView>>>;
    /// Looks at the storage.
    ///
    /// # Errors
    /// If it cannot be set up.
    fn check_storage(&self) -> BoxFuture<'_, Result<Vec<LookedView>, rigi_store::Error>>;
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_targets))
        .routes(routes!(check_target))
        .routes(routes!(check_storage))
}

/// Where runs can execute.
#[utoipa::path(get, path = "/targets", tag = "system", extensions(("x-rigi-action" = json!("server.read"))),
    responses((status = 200, description = "All targets", body = Page<TargetView>)))]
async fn list_targets(State(state): State<AppState>) -> Json<Page<TargetView>> {
    Json(Page { items: state.surroundings.targets(), next_cursor: None })
}

/// Looks at everything that runs on a target need; on a cluster it starts a pod, for up to two minutes. One look at a time.
#[utoipa::path(post, path = "/targets/{name}/check", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    params(("name" = String, Path, description = "Name of a target")),
    responses((status = 200, description = "One line for each thing", body = Page<LookedView>)))]
async fn check_target(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> ApiResult<Json<Page<LookedView>>> {
    look(state, async move |state| {
        let found = state.surroundings.check_target(&name).await;
        found.ok_or_else(|| ApiError::not_found("target", &name))
    })
    .await
}

/// Looks at the storage: a small file is written, read, compared and removed. One look at a time.
#[utoipa::path(post, path = "/storage/check", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    responses((status = 200, description = "One line for each thing", body = Page<LookedView>)))]
async fn check_storage(State(state): State<AppState>) -> ApiResult<Json<Page<LookedView>>> {
    look(state, async |state| {
        let found = state.surroundings.check_storage().await;
        found.map_err(|error| ApiError::new(ErrorCode::StorageUnavailable, error.to_string()))
    })
    .await
}

/// To its end, also when whoever asked goes away: what a look makes, it removes.
async fn look<F, L>(state: AppState, look: F) -> ApiResult<Json<Page<LookedView>>>
where
    F: FnOnce(AppState) -> L + Send + 'static,
    L: Future<Output = ApiResult<Vec<LookedView>>> + Send,
{
    let looking = tokio::spawn(async move {
        let Ok(_turn) = state.looking.clone().try_lock_owned() else {
            let busy = "targets and storage are being looked at already";
            return Err(ApiError::new(ErrorCode::StateConflict, busy).cure("ask again in a minute"));
        };
        look(state).await
    });
    let found = looking.await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Json(Page { items: found?, next_cursor: None }))
}
