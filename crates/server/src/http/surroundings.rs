//! What the server stands on: its targets and its storage, and whether they are as runs need them.

use std::time::Duration;

use axum::extract::State;
use futures_util::future::BoxFuture;
use rigi_api::view::{LogLevelView, LookedView, Page, TargetView};
use rigi_model::{ErrorCode, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Json as Sent, Path};
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
    /// How much is written into the server's own log.
    fn log_level(&self) -> LogLevelView;
    /// Changes it for so long; without a level, back to what is configured. `None`: there is no such level.
    fn set_log_level(&self, level: Option<&str>, time: Duration) -> Option<LogLevelView>;
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_targets))
        .routes(routes!(check_target))
        .routes(routes!(check_storage))
        .routes(routes!(get_log_level, set_log_level))
}

/// Where runs can execute.
#[utoipa::path(get, path = "/targets", tag = "system", extensions(("x-rigi-action" = json!("server.read"))),
    responses((status = 200, description = "All targets", body = Page<TargetView>)))]
async fn list_targets(State(state): State<AppState>) -> axum::Json<Page<TargetView>> {
    axum::Json(Page { items: state.surroundings.targets(), next_cursor: None })
}

/// Looks at everything that runs on a target need; on a cluster it starts a pod, for up to two minutes. One look at a time.
#[utoipa::path(post, path = "/targets/{name}/check", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    params(("name" = String, Path, description = "Name of a target")),
    responses((status = 200, description = "One line for each thing", body = Page<LookedView>)))]
async fn check_target(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<Page<LookedView>>> {
    look(state, async move |state| {
        let found = state.surroundings.check_target(&name).await;
        found.ok_or_else(|| ApiError::not_found("target", &name))
    })
    .await
}

/// Looks at the storage: a small file is written, read, compared and removed. One look at a time.
#[utoipa::path(post, path = "/storage/check", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    responses((status = 200, description = "One line for each thing", body = Page<LookedView>)))]
async fn check_storage(State(state): State<AppState>) -> ApiResult<axum::Json<Page<LookedView>>> {
    look(state, async |state| {
        let found = state.surroundings.check_storage().await;
        found.map_err(|error| ApiError::new(ErrorCode::StorageUnavailable, error.to_string()))
    })
    .await
}

/// To its end, also when whoever asked goes away: what a look makes, it removes.
async fn look<F, L>(state: AppState, look: F) -> ApiResult<axum::Json<Page<LookedView>>>
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
    Ok(axum::Json(Page { items: found?, next_cursor: None }))
}

/// How much this server writes into its own log.
#[utoipa::path(get, path = "/system/log-level", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    responses((status = 200, description = "The level", body = LogLevelView)))]
async fn get_log_level(State(state): State<AppState>) -> axum::Json<LogLevelView> {
    axum::Json(state.surroundings.log_level())
}

/// Another level of the log, for a while.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetLogLevel {
    /// `error`, `warn`, `info`, `debug` or `trace`; without it, what is configured counts again.
    #[schema(example = "debug")]
    level: Option<String>,
    /// For so many minutes, 1 to 1440: 15 unless told.
    #[schema(minimum = 1, maximum = 1440)]
    minutes: Option<u32>,
}

/// Changes how much this server writes into its own log, for a while. Other servers of the database go on as they are.
#[utoipa::path(put, path = "/system/log-level", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))), request_body = SetLogLevel,
    responses((status = 200, description = "The level", body = LogLevelView)))]
async fn set_log_level(
    State(state): State<AppState>,
    Sent(asked): Sent<SetLogLevel>,
) -> ApiResult<axum::Json<LogLevelView>> {
    let minutes = asked.minutes.unwrap_or(15);
    if !(1..=1440).contains(&minutes) {
        return Err(ApiError::new(ErrorCode::RequestInvalid, "`minutes` is 1 to 1440"));
    }
    let time = Duration::from_secs(60 * u64::from(minutes));
    let set = state.surroundings.set_log_level(asked.level.as_deref(), time);
    set.map(axum::Json).ok_or_else(|| {
        let known = "`level` is one of `error`, `warn`, `info`, `debug`, `trace`";
        ApiError::new(ErrorCode::RequestInvalid, known)
    })
}
