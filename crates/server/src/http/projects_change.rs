//! Projects are made, renamed, archived, deleted and brought back, and given quotas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{ChangeProject, CreateProject, ProjectView, QuotaView, RetentionView};
use rigi_engine::projects::Project;
use rigi_model::people::GrantSource;
use rigi_model::pipeline::name::is_label_key;
use rigi_model::pipeline::spec::Retention;
use rigi_model::project::{ProjectFacts, ProjectSettings, ProjectState, Quota};
use rigi_model::rights::{Grant, Role};
use rigi_model::{ErrorCode, ProjectName, RunState, Timestamp};
use rigi_store::people::Principal as Holder;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::members;
use super::projects::{find, fixed, one_view};
use super::state::AppState;

/// Labels of a project at most, and characters of one.
const MOST_LABELS: usize = 64;
const LONGEST_LABEL: usize = 256;
/// Projects that people can make, at most.
const MOST_PROJECTS: usize = 10_000;
/// What `/projects/import` is for.
const IMPORT: &str = "import";
/// The heaviest.
const MOST_WEIGHT: u32 = 1000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_project))
        .routes(routes!(change_project, delete_project))
        .routes(routes!(restore_project))
        .routes(routes!(set_quota))
}

pub(super) fn name_of(text: &str) -> ApiResult<ProjectName> {
    if text == IMPORT {
        return Err(ApiError::invalid(
            "/name",
            format!("`{IMPORT}` is a path of the API, and no project's name"),
        ));
    }
    text.parse::<ProjectName>().map_err(|e| ApiError::invalid("/name", e.to_string()))
}

/// Refuses a name that another project has. Names that one had are free.
pub(super) fn free(state: &AppState, name: &ProjectName, own: Option<&ProjectName>) -> ApiResult<()> {
    let taken = state.projects.all_with_deleted().into_iter().any(|project| {
        Some(project.id()) != own
            && (project.name() == name || (project.declared.is_some() && project.id() == name))
    });
    if taken {
        let detail = format!("there is a project `{name}`, or one that is deleted and can be brought back");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Choose another name."));
    }
    Ok(())
}

pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> ApiResult<()> {
    let wrong = |(key, value): (&String, &String)| {
        !is_label_key(key) || value.chars().count() > LONGEST_LABEL || value.chars().any(char::is_control)
    };
    if labels.len() > MOST_LABELS || labels.iter().any(wrong) {
        let message = format!(
            "there are at most {MOST_LABELS} labels: a key of letters, digits and `-._/`, a value of at most {LONGEST_LABEL} characters"
        );
        return Err(ApiError::invalid("/labels", message));
    }
    Ok(())
}

pub(super) fn check_target(state: &AppState, name: &str, pointer: &str) -> ApiResult<()> {
    let there = state.engine.targets();
    if there.iter().any(|target| target == name) {
        return Ok(());
    }
    let message = format!("this server has no target `{name}`; it has `{}`", there.join("`, `"));
    Err(ApiError::invalid(pointer, message))
}

/// Makes a project. Its pipelines lie in a folder of its own; whoever makes it owns it, or whoever is named.
#[utoipa::path(post, path = "/projects", tag = "projects", extensions(("x-rigi-action" = json!("projects.manage"))), request_body = CreateProject,
    responses((status = 201, description = "The project", body = ProjectView)))]
async fn create_project(asker: Asker, Json(body): Json<CreateProject>) -> ApiResult<Response> {
    let (state, name) = (&asker.state, name_of(&body.name)?);
    check_labels(&body.labels)?;
    let owner = match &body.owner {
        Some(who) => Some(members::find(&asker, who).await?),
        None => None,
    };
    let _one = state.changing_projects.lock().await;
    free(state, &name, None)?;
    room_for_one(state)?;
    let settings = ProjectSettings { labels: body.labels, ..ProjectSettings::default() };
    let made = state.store().make_project(&name, settings, &asker.deed()).await?;
    match owner {
        Some(owner) => make_owner(&asker, &owner, &made.id).await?,
        None => owned_by_asker(&asker, &made.id).await?,
    }
    let view = fresh(&asker, &made.id).await?;
    Ok((StatusCode::CREATED, view).into_response())
}

pub(super) fn room_for_one(state: &AppState) -> ApiResult<()> {
    if state.projects.all_with_deleted().len() < MOST_PROJECTS {
        return Ok(());
    }
    let detail = format!("a server has at most {MOST_PROJECTS} projects");
    Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Delete one that is not used."))
}

async fn make_owner(asker: &Asker, owner: &Holder, id: &ProjectName) -> ApiResult<()> {
    let grant = Grant::Role(id.clone(), Role::Owner);
    Ok(asker.state.store().grant(owner, &grant, GrantSource::Hand, &asker.deed()).await?)
}

/// Whoever made it owns it, where they have an account.
pub(super) async fn owned_by_asker(asker: &Asker, id: &ProjectName) -> ApiResult<()> {
    let Some(account) = &asker.principal.account else { return Ok(()) };
    make_owner(asker, &Holder::Person(account.person.id.clone()), id).await
}

/// The project as it is now, after it was changed.
pub(super) async fn fresh(asker: &Asker, id: &ProjectName) -> ApiResult<axum::Json<ProjectView>> {
    let state = &asker.state;
    state.projects.refresh(&state.engine).await?;
    let project = state.projects.with_deleted(id).ok_or_else(|| super::projects::missing(id.as_str()))?;
    one_view(state, &asker.principal, &project).await
}

/// Refuses to change what the configuration sets.
fn not_fixed(project: &Project, wanted: &[(&'static str, bool)]) -> ApiResult<()> {
    let fixed = fixed(project);
    let hit = wanted.iter().find(|(name, changes)| *changes && fixed.contains(name));
    match hit {
        None => Ok(()),
        Some((name, _)) => Err(declared(project, &format!("`{name}` of"))),
    }
}

fn declared(project: &Project, what: &str) -> ApiError {
    let detail = format!("{what} the project `{}` is said by the server's configuration", project.name());
    ApiError::new(ErrorCode::StateConflict, detail)
        .cure(format!("Change `[projects.{}]` there, and start the server again.", project.id()))
}

/// Changes a project's name, labels, default target and retention; archives it, or opens it again.
#[utoipa::path(patch, path = "/projects/{project}", tag = "projects", extensions(("x-rigi-action" = json!("project.manage"))), request_body = ChangeProject,
    params(("project" = String, Path, description = "Name of the project")),
    responses((status = 200, description = "The project", body = ProjectView)))]
async fn change_project(
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<ChangeProject>,
) -> ApiResult<axum::Json<ProjectView>> {
    let state = &asker.state;
    let _one = state.changing_projects.lock().await;
    let project = find(state, &asker.principal, &name)?;
    there(&project)?;
    not_fixed(&project, &[("archived", body.archived.is_some()), ("target", body.target.is_some())])?;
    let (before, mut after, mut action) = (&project.facts, project.facts.clone(), "projects.change");
    if let Some(name) = &body.name {
        after.name = name_of(name)?;
        if project.declared.is_some() && after.name != *project.id() {
            return Err(declared(&project, "the name of"));
        }
        free(state, &after.name, Some(project.id()))?;
        action = "projects.rename";
    }
    if let Some(archived) = body.archived {
        (after.state, action) = match archived {
            true => (ProjectState::Archived, "projects.archive"),
            false => (ProjectState::Open, "projects.open"),
        };
    }
    if let Some(public) = body.public {
        if public && !state.auth.lets_visitors_in() {
            let detail = "this server shows nothing to those who have not signed in";
            return Err(ApiError::new(ErrorCode::StateConflict, detail)
                .cure("An operator sets `people.public_projects`, and starts the server again."));
        }
        (after.settings.public, action) = (public, "projects.public");
    }
    if let Some(joinable) = body.joinable {
        after.settings.joinable = joinable;
    }
    if let Some(labels) = body.labels {
        check_labels(&labels)?;
        after.settings.labels = labels;
    }
    if let Some(target) = body.target {
        if !target.is_empty() {
            check_target(state, &target, "/target")?;
        }
        after.settings.target = Some(target).filter(|target| !target.is_empty());
    }
    if let Some(RetentionView { runs, age_ms, bytes }) = body.retention {
        after.settings.retention = Retention { runs, age: age_ms.map(Duration::from_millis), bytes };
    }
    write(&asker, before, &after, action).await
}

async fn write(
    asker: &Asker,
    before: &ProjectFacts,
    after: &ProjectFacts,
    action: &'static str,
) -> ApiResult<axum::Json<ProjectView>> {
    if before != after {
        asker.state.store().change_project(before, after, action, &asker.deed()).await?;
    }
    fresh(asker, &after.id).await
}

/// What is deleted is brought back before it is changed.
pub(super) fn there(project: &Project) -> ApiResult<()> {
    if project.state() != ProjectState::Deleted {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::StateConflict, format!("the project `{}` is deleted", project.name()))
        .cure(format!("Bring it back first: `rigi projects restore {}`.", project.name())))
}

fn quota_of(body: QuotaView) -> Quota {
    Quota {
        runs: body.runs,
        weight: body.weight,
        queued: body.queued,
        cpu: body.cpu,
        memory: body.memory,
        storage: body.storage,
        max_timeout_ms: body.max_timeout_ms,
        max_cpu: body.max_cpu,
        max_memory: body.max_memory,
        targets: body.targets,
    }
}

pub(super) fn check_quota(quota: &Quota) -> ApiResult<()> {
    let positive =
        |amount: Option<f64>| amount.is_none_or(|amount| amount.is_finite() && amount > 0.0 && amount < 1e9);
    if !positive(quota.cpu) || !positive(quota.max_cpu) {
        return Err(ApiError::invalid("/cpu", "cores are a number above 0"));
    }
    if quota.weight.is_some_and(|weight| !(1..=MOST_WEIGHT).contains(&weight)) {
        return Err(ApiError::invalid("/weight", format!("a weight is 1 to {MOST_WEIGHT}")));
    }
    Ok(())
}

/// Says what a project may have, in place of what was said. Runs that were accepted stay.
#[utoipa::path(put, path = "/projects/{project}/quota", tag = "projects", extensions(("x-rigi-action" = json!("projects.manage"))), request_body = QuotaView,
    params(("project" = String, Path, description = "Name of the project")),
    responses((status = 200, description = "The project", body = ProjectView)))]
async fn set_quota(
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<QuotaView>,
) -> ApiResult<axum::Json<ProjectView>> {
    let state = &asker.state;
    let quota = quota_of(body.clone());
    check_quota(&quota)?;
    for target in body.targets.iter().flatten() {
        check_target(state, target, "/targets")?;
    }
    let _one = state.changing_projects.lock().await;
    let project = find(state, &asker.principal, &name)?;
    there(&project)?;
    let (before, mut after) = (&project.facts, project.facts.clone());
    let own = &project.settings.quota;
    not_fixed(
        &project,
        &[
            ("runs", body.runs != own.runs),
            ("weight", body.weight != own.weight),
            ("queued", body.queued != own.queued),
            ("cpu", body.cpu != own.cpu),
            ("memory", body.memory != own.memory),
            ("storage", body.storage != own.storage),
            ("max_timeout", body.max_timeout_ms != own.max_timeout_ms),
            ("max_cpu", body.max_cpu != own.max_cpu),
            ("max_memory", body.max_memory != own.max_memory),
            ("targets", body.targets != own.targets),
        ],
    )?;
    after.settings.quota = quota;
    write(&asker, before, &after, "projects.quota").await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeleteProject {
    /// Without days of grace: all of it goes now. It takes an administrator.
    at_once: Option<bool>,
}

/// Deletes a project: its runs are stopped, nobody sees it any more, and after 30 days (`retention.projects`) all of it goes, with its
/// files. Until then it can be brought back.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects", extensions(("x-rigi-action" = json!("project.manage"))), params(
        DeleteProject, ("project" = String, Path, description = "Name of the project")),
    responses((status = 200, description = "The project, until it goes", body = ProjectView),
        (status = 204, description = "It is gone")))]
async fn delete_project(
    asker: Asker,
    Path(name): Path<String>,
    Query(query): Query<DeleteProject>,
) -> ApiResult<Response> {
    let state = &asker.state;
    let at_once = query.at_once.unwrap_or(false);
    if at_once && !asker.principal.standing.administrator {
        return Err(ApiError::new(
            ErrorCode::Forbidden,
            "to delete a project at once takes an administrator",
        )
        .cure("Leave `at_once` out: it goes in 30 days."));
    }
    let _one = state.changing_projects.lock().await;
    let project = find(state, &asker.principal, &name)?;
    if project.declared.is_some() {
        return Err(declared(&project, "that there is"));
    }
    let after = ProjectFacts {
        state: ProjectState::Deleted,
        deleted_at: Some(project.facts.deleted_at.unwrap_or_else(Timestamp::now)),
        ..project.facts.clone()
    };
    let view = write(&asker, &project.facts, &after, "projects.delete").await?;
    let left = stop_runs(&asker, &project).await?;
    if !at_once {
        return Ok(view.into_response());
    }
    if left > 0 {
        let detail = format!("the project `{name}` is deleted; runs of it are still being stopped");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Ask again when they have ended."));
    }
    state.collector.forget(&after, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Asks all runs of a project to stop; how many have not ended.
async fn stop_runs(asker: &Asker, project: &Arc<Project>) -> ApiResult<u64> {
    let state = &asker.state;
    let open: Vec<RunState> = RunState::ALL.iter().copied().filter(|state| !state.is_terminal()).collect();
    let runs = state.store().db().open_runs(project.id(), &open, None, u32::MAX).await?;
    let ids: Vec<_> = runs.into_iter().map(|run| run.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let stopped = state.engine.cancel_many(project.id(), ids, &asker.principal.actor).await;
    stopped.ok_or_else(|| rigi_store::Error::Closed.into())
}

/// Brings a project back that was deleted, as it was.
#[utoipa::path(post, path = "/projects/{project}/restore", tag = "projects", extensions(("x-rigi-action" = json!("project.manage"))),
    params(("project" = String, Path, description = "Name of the project")),
    responses((status = 200, description = "The project", body = ProjectView)))]
async fn restore_project(
    State(state): State<AppState>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<ProjectView>> {
    let _one = state.changing_projects.lock().await;
    let project = find(&state, &asker.principal, &name)?;
    if project.state() != ProjectState::Deleted {
        let detail = format!("the project `{}` is not deleted", project.name());
        return Err(ApiError::new(ErrorCode::StateConflict, detail));
    }
    let after = ProjectFacts { state: ProjectState::Open, deleted_at: None, ..project.facts.clone() };
    write(&asker, &project.facts, &after, "projects.restore").await
}
