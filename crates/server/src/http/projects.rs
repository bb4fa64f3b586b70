//! Projects: which there are, and what goes on in each.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use rigi_api::view::{Page, ProjectUsage, ProjectView, QuotaView, RetentionView, UsedBy, UsedFor};
use rigi_engine::decide::LimitOf;
use rigi_engine::projects::Project;
use rigi_model::pipeline::spec::Retention;
use rigi_model::project::{ProjectState, Quota};
use rigi_model::rights::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::present::millis;
use super::scope::Scope;
use super::state::AppState;
use crate::auth::Principal;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_projects))
        .routes(routes!(get_project))
        .routes(routes!(get_usage))
}

/// Every project that one may see, by name; those that are deleted, and can be brought back, to those who may do that. Where there is one
/// alone, nothing else speaks of projects.
#[utoipa::path(get, path = "/projects", tag = "projects", extensions(("x-rigi-action" = json!("projects.list"))),
    responses((status = 200, description = "All projects", body = Page<ProjectView>)))]
async fn list_projects(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
) -> axum::Json<Page<ProjectView>> {
    let mut projects = state.projects.all_with_deleted();
    projects.retain(|project| {
        let least = if project.state() == ProjectState::Deleted { Role::Owner } else { Role::Viewer };
        principal.standing.role_in(project.id()) >= Some(least)
    });
    projects.sort_by(|one, other| one.name().cmp(other.name()));
    axum::Json(Page { items: views(&state, &principal, &projects).await, next_cursor: None })
}

/// One project. Its things lie below it: `/projects/{project}/runs` is `/runs` in this project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", extensions(("x-rigi-action" = json!("project.read"))),
    params(("project" = String, Path, description = "Name of the project", example = "air-quality")),
    responses((status = 200, description = "The project", body = ProjectView)))]
async fn get_project(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<ProjectView>> {
    let project = find(&state, &principal, &name)?;
    one_view(&state, &principal, &project).await
}

/// The project of this name; one that is deleted is there for those alone who can bring it back.
pub(super) fn find(state: &AppState, principal: &Principal, name: &str) -> ApiResult<Arc<Project>> {
    let project = state.projects.id_of(name).and_then(|id| state.projects.with_deleted(&id));
    let owns = |project: &Project| principal.standing.role_in(project.id()) >= Some(Role::Owner);
    project
        .filter(|project| project.state() != ProjectState::Deleted || owns(project))
        .ok_or_else(|| missing(name))
}

/// There is no such project, or none that may be seen.
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::not_found("project", name).cure("`rigi projects list` shows what there is.")
}

/// How one project is shown.
pub(super) async fn one_view(
    state: &AppState,
    principal: &Principal,
    project: &Arc<Project>,
) -> ApiResult<axum::Json<ProjectView>> {
    let view = views(state, principal, std::slice::from_ref(project)).await.pop();
    view.map(axum::Json).ok_or_else(|| missing(project.name().as_str()))
}

async fn views(state: &AppState, principal: &Principal, projects: &[Arc<Project>]) -> Vec<ProjectView> {
    let of = |project: &Arc<Project>| LimitOf::Project(project.id().clone());
    let counts = state.engine.counts_of(projects.iter().map(of).collect()).await;
    let counts = counts.into_iter().chain(std::iter::repeat((0, 0)));
    let kept_for = state.engine.settings().deleted_projects_age;
    let view = |(project, (queued, active)): (&Arc<Project>, (u64, u64))| {
        let pipelines = project.catalog.all();
        ProjectView {
            name: project.name().clone(),
            id: project.id().clone(),
            state: project.state(),
            gone_at: project.facts.deleted_at.map(|at| at.after(kept_for)),
            declared: project.declared.is_some(),
            role: principal.standing.role_in(project.id()),
            created_at: project.facts.created_at,
            labels: project.settings.labels.clone(),
            public: project.settings.public,
            joinable: project.settings.joinable,
            target: project.settings.target.clone(),
            retention: retention_view(&project.settings.retention),
            quota: quota_view(&project.settings.quota),
            fixed: fixed(project).into_iter().map(str::to_owned).collect(),
            pipelines: pipelines.len() as u64,
            pipelines_with_mistakes: pipelines.iter().filter(|p| p.outcome.is_err()).count() as u64,
            queued,
            active,
        }
    };
    projects.iter().zip(counts).map(view).collect()
}

/// What the configuration sets of a project, as it calls it.
pub(super) fn fixed(project: &Project) -> Vec<&'static str> {
    let Some(declared) = &project.declared else { return Vec::new() };
    let (own, quota) = (&declared.settings, &declared.settings.quota);
    let all = [
        ("archived", declared.archived),
        ("target", own.target.is_some()),
        ("runs", quota.runs.is_some()),
        ("weight", quota.weight.is_some()),
        ("queued", quota.queued.is_some()),
        ("cpu", quota.cpu.is_some()),
        ("memory", quota.memory.is_some()),
        ("storage", quota.storage.is_some()),
        ("max_timeout", quota.max_timeout_ms.is_some()),
        ("max_cpu", quota.max_cpu.is_some()),
        ("max_memory", quota.max_memory.is_some()),
        ("targets", quota.targets.is_some()),
    ];
    all.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

fn retention_view(retention: &Retention) -> RetentionView {
    RetentionView { runs: retention.runs, age_ms: retention.age.map(millis), bytes: retention.bytes }
}

pub(super) fn quota_view(quota: &Quota) -> QuotaView {
    let quota = quota.clone();
    QuotaView {
        runs: quota.runs,
        weight: quota.weight,
        queued: quota.queued,
        cpu: quota.cpu,
        memory: quota.memory,
        storage: quota.storage,
        max_timeout_ms: quota.max_timeout_ms,
        max_cpu: quota.max_cpu,
        max_memory: quota.max_memory,
        targets: quota.targets,
    }
}

/// What the project uses of what it may have, and who uses it.
#[utoipa::path(get, path = "/usage", tag = "projects", extensions(("x-rigi-action" = json!("members.read"))),
    responses((status = 200, description = "What it uses", body = ProjectUsage)))]
async fn get_usage(scope: Scope) -> ApiResult<axum::Json<ProjectUsage>> {
    let (id, db) = (scope.project().clone(), scope.db());
    let settings = scope.engine.settings().projects.of(&id);
    let of = [LimitOf::Project(id.clone()), LimitOf::Cpu(id.clone()), LimitOf::Memory(id.clone())];
    let counts = scope.engine.counts_of(of.to_vec()).await;
    let counts: HashMap<LimitOf, (u64, u64)> = of.iter().cloned().zip(counts).collect();
    let taken = |of: &LimitOf| counts.get(of).map(|(_, active)| *active);
    let counted = |set: bool, of: &LimitOf| taken(of).filter(|_| set && scope.engine.leads());
    let [runs, cpu, memory] = &of;
    let (queued, active) = counts.get(runs).copied().unwrap_or_default();
    let people = db.open_runs_by_person(&id).await?;
    let pipelines = db.stored_by_pipeline(&id).await?;
    Ok(axum::Json(ProjectUsage {
        queued,
        active,
        cpu: counted(settings.quota.cpu.is_some(), cpu).map(|thousandths| thousandths as f64 / 1000.0),
        memory: counted(settings.quota.memory.is_some(), memory),
        storage: db.stored_bytes(&id).await?,
        people: people.into_iter().map(|(name, queued, active)| UsedBy { name, queued, active }).collect(),
        pipelines: pipelines
            .into_iter()
            .map(|(pipeline, runs, storage)| UsedFor { pipeline, runs, storage })
            .collect(),
        quota: quota_view(&settings.quota),
    }))
}
