//! The server itself: what it does, its links, collections, environments' logs, and the directory of resources.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rigi_api::view::{GcReport, RunCounts, SeatView, SystemView};
use rigi_engine::decide::LimitOf;
use rigi_engine::projects::Project;
use rigi_engine::retention::Collect;
use rigi_model::{ErrorCode, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::sign_in_links::first_administrator_link;
use super::state::AppState;
use crate::auth::Principal;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_system))
        .routes(routes!(collect_garbage))
        .routes(routes!(create_link))
        .routes(routes!(get_environment_log))
}

/// The server, its limits and what goes on. Who is no administrator is told of their own projects alone, and not where its files lie.
#[utoipa::path(get, path = "/system", tag = "system", extensions(("x-rigi-action" = json!("server.read"))),
    responses((status = 200, description = "The server", body = SystemView)))]
async fn get_system(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
) -> axum::Json<SystemView> {
    let whole = principal.standing.administrator;
    let mut own = state.projects.all();
    own.retain(|project| principal.standing.role_in(project.id()).is_some());
    let pipelines: Vec<_> = own.iter().flat_map(|project| project.catalog.all()).collect();
    let warnings = if whole { warnings(&state).await } else { Vec::new() };
    let folder = state.pipelines_folder.display().to_string();
    axum::Json(SystemView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pipelines_folder: if whole { folder } else { String::new() },
        database: state.store().db().name().to_owned(),
        started_at: state.started_at,
        now: Timestamp::now(),
        runs: if whole { all_runs(&state).await } else { own_runs(&state, &own).await },
        pipelines: pipelines.len() as u64,
        pipelines_with_mistakes: pipelines.iter().filter(|p| p.outcome.is_err()).count() as u64,
        max_active_runs: state
            .engine
            .settings()
            .active
            .get(&LimitOf::Everything)
            .copied()
            .unwrap_or(u64::MAX),
        seat: if state.engine.leads() { SeatView::Leader } else { SeatView::Follower },
        storage_gateway: state.gateway,
        warnings,
    })
}

async fn all_runs(state: &AppState) -> RunCounts {
    let (queued, active, retrying) = state.engine.counts().await;
    RunCounts { queued, active, retrying }
}

/// Of these projects; what is between attempts is not counted by project.
async fn own_runs(state: &AppState, own: &[Arc<Project>]) -> RunCounts {
    let of = own.iter().map(|project| LimitOf::Project(project.id().clone())).collect();
    let counts = state.engine.counts_of(of).await;
    let sum = |one: fn(&(u64, u64)) -> u64| counts.iter().map(one).sum();
    RunCounts { queued: sum(|(queued, _)| *queued), active: sum(|(_, active)| *active), retrying: 0 }
}

/// What an operator should know.
async fn warnings(state: &AppState) -> Vec<String> {
    let mut warnings = state.warnings.clone();
    warnings.extend(state.surroundings.warnings());
    let projects = state.projects.all();
    let unwatched: Vec<_> = projects.iter().flat_map(|project| project.catalog.unwatched()).collect();
    warnings.extend(unwatched.iter().map(|(name, why)| {
        format!(
            "changes of `{name}` are shown only when it is opened or run ({why}); a run takes what is on disk"
        )
    }));
    warnings.extend(state.store().storage().reach().await.err().map(|error| error.to_string()));
    warnings
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CollectGarbage {
    /// Only say what would be removed.
    dry_run: Option<bool>,
}

/// Removes what is no longer kept, now.
#[utoipa::path(post, path = "/system/gc", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))), params(CollectGarbage),
    responses((status = 200, description = "What was removed", body = GcReport)))]
async fn collect_garbage(
    State(state): State<AppState>,
    Query(query): Query<CollectGarbage>,
) -> ApiResult<axum::Json<GcReport>> {
    let dry_run = query.dry_run.unwrap_or(false);
    let how = if dry_run { Collect::Count } else { Collect::Remove };
    let collected = state.collector.collect(state.engine.ages(), how).await?;
    Ok(axum::Json(GcReport {
        dry_run,
        runs: collected.runs,
        objects: collected.objects,
        environments: collected.environments,
        bytes: collected.bytes,
    }))
}

/// A link that signs in one browser.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// Path and query, to be put behind the server's address.
    #[schema(example = "/?token=3hX…")]
    pub path: String,
}

/// Makes a link that signs in one browser, once, within a day. Where people have accounts, it makes the first administrator, as long
/// as there is none.
#[utoipa::path(post, path = "/links", tag = "system", extensions(("x-rigi-action" = json!("links.create"))),
    responses((status = 201, description = "The link", body = LinkView)))]
async fn create_link(State(state): State<AppState>) -> ApiResult<Response> {
    let path = if state.auth.people.is_some() {
        first_administrator_link(&state).await?.ok_or_else(|| {
            ApiError::new(ErrorCode::StateConflict, "people sign in here with their accounts")
                .cure("`rigi admin link --person NAME` makes a link that signs somebody in.")
        })?
    } else {
        let code = state.auth.owner.new_link(Timestamp::now());
        format!("/?token={}", code.map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?)
    };
    Ok((StatusCode::CREATED, axum::Json(LinkView { path })).into_response())
}

/// What was said while an environment was built.
#[utoipa::path(get, path = "/environments/{id}/log", tag = "system", extensions(("x-rigi-action" = json!("server.operate"))),
    params(("id" = String, Path, description = "Content hash of the environment")),
    responses((status = 200, description = "The log", body = String, content_type = "text/plain")))]
async fn get_environment_log(State(state): State<AppState>, Path(id): Path<String>) -> ApiResult<Response> {
    let plain = !id.is_empty() && id.len() <= 80 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let file = state.collector.environments.build_log(&id);
    let text = if plain { tokio::fs::read(&file).await.ok() } else { None };
    let text = text.ok_or_else(|| ApiError::not_found("log of an environment", &id))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text)
        .into_response())
}
