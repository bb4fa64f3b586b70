//! Projects: which there are, and what goes on in each.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use rigi_api::view::{CpuQuota, MemoryQuota, Page, ProjectView};
use rigi_engine::decide::LimitOf;
use rigi_model::ProjectName;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::state::AppState;
use crate::auth::Principal;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_projects)).routes(routes!(get_project))
}

/// Every project that one may see, by name. Where there is one alone, nothing else speaks of projects.
#[utoipa::path(get, path = "/projects", tag = "projects", extensions(("x-rigi-action" = json!("projects.list"))),
    responses((status = 200, description = "All projects", body = Page<ProjectView>)))]
async fn list_projects(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
) -> axum::Json<Page<ProjectView>> {
    let all = state.catalogs.iter().map(|catalog| catalog.project());
    let projects = all.filter(|project| principal.standing.role_in(project).is_some()).cloned().collect();
    axum::Json(Page { items: views(&state, projects).await, next_cursor: None })
}

/// One project. Its things lie below it: `/projects/{project}/runs` is `/runs` in this project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", extensions(("x-rigi-action" = json!("project.read"))),
    params(("project" = String, Path, description = "Name of the project", example = "air-quality")),
    responses((status = 200, description = "The project", body = ProjectView)))]
async fn get_project(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<ProjectView>> {
    let project = name.parse::<ProjectName>().ok().filter(|project| state.catalogs.of(project).is_some());
    let project = project.ok_or_else(|| missing(&name))?;
    let view = views(&state, vec![project]).await.pop();
    view.map(axum::Json).ok_or_else(|| missing(&name))
}

/// There is no such project, or none that may be seen.
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::not_found("project", name).cure("`rigi projects list` shows what there is.")
}

async fn views(state: &AppState, projects: Vec<ProjectName>) -> Vec<ProjectView> {
    let settings = state.engine.settings();
    let limits = &settings.active;
    // Of what a project has no quota of, nothing is counted; who follows counts runs alone.
    let counted =
        |of: &LimitOf| matches!(of, LimitOf::Project(_)) || (state.engine.leads() && limits.contains_key(of));
    let of = |name: &ProjectName| {
        [LimitOf::Project(name.clone()), LimitOf::Cpu(name.clone()), LimitOf::Memory(name.clone())]
    };
    let asked: Vec<LimitOf> = projects.iter().flat_map(of).filter(counted).collect();
    let counts = state.engine.counts_of(asked.clone()).await;
    let counts: HashMap<LimitOf, (u64, u64)> = asked.into_iter().zip(counts).collect();
    let used = |of: &LimitOf| Some((counts.get(of)?.1, *limits.get(of)?));
    let cores = |thousandths: u64| thousandths as f64 / 1000.0;
    let view = |project: ProjectName| {
        let pipelines =
            state.catalogs.of(&project).map(rigi_engine::catalog::Catalog::all).unwrap_or_default();
        let [runs, cpu, memory] = of(&project);
        let (queued, active) = counts.get(&runs).copied().unwrap_or_default();
        ProjectView {
            pipelines: pipelines.len() as u64,
            pipelines_with_mistakes: pipelines.iter().filter(|p| p.outcome.is_err()).count() as u64,
            queued,
            active,
            max_active_runs: limits.get(&runs).copied(),
            max_queued_runs: settings.quotas.get(&project).and_then(|quota| quota.queued),
            cpu: used(&cpu).map(|(used, most)| CpuQuota { used: cores(used), most: cores(most) }),
            memory: used(&memory).map(|(used, most)| MemoryQuota { used, most }),
            name: project.to_string(),
        }
    };
    projects.into_iter().map(view).collect()
}
