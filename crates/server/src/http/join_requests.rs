//! People ask to be in projects that let them, and owners answer.

use axum::http::StatusCode;
use rigi_api::view::{AnswerRequest, AskToJoin, JoinRequestView, JoinableView, Page};
use rigi_model::PersonId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::projects::missing;
use super::scope::Scope;
use super::state::AppState;

/// Characters of what somebody says of themselves.
const LONGEST_NOTE: usize = 500;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_joinable))
        .routes(routes!(ask))
        .routes(routes!(list_requests))
        .routes(routes!(answer, refuse))
}

/// Projects that one has no role in, and may ask to be in.
#[utoipa::path(get, path = "/joinable", tag = "people", extensions(("x-rigi-action" = json!("account.read"))),
    responses((status = 200, description = "Projects", body = Page<JoinableView>)))]
async fn list_joinable(asker: Asker) -> ApiResult<axum::Json<Page<JoinableView>>> {
    let (db, account) = (asker.state.store().db(), asker.account()?);
    let asked = db.asked_to_join(&account.person.id).await?;
    let standing = db.standing_of(&account.person.id).await?;
    let mut projects = asker.state.projects.all();
    projects.retain(|project| project.settings.joinable && standing.role_in(project.id()).is_none());
    let view = |project: &std::sync::Arc<rigi_engine::projects::Project>| JoinableView {
        name: project.name().clone(),
        labels: project.settings.labels.clone(),
        asked: asked.contains(project.id()),
    };
    Ok(axum::Json(Page { items: projects.iter().map(view).collect(), next_cursor: None }))
}

/// Asks to be in a project that lets people ask. Owners see it among the members.
#[utoipa::path(post, path = "/join-requests", tag = "people", extensions(("x-rigi-action" = json!("account.change"))), request_body = AskToJoin,
    responses((status = 204, description = "Asked")))]
async fn ask(asker: Asker, Json(body): Json<AskToJoin>) -> ApiResult<StatusCode> {
    let account = asker.account()?;
    let projects = &asker.state.projects;
    let project = projects.id_of(&body.project).and_then(|id| projects.of(&id));
    // What does not let people ask is not there for those who are not in it.
    let project =
        project.filter(|project| project.settings.joinable).ok_or_else(|| missing(&body.project))?;
    let note = body.note.unwrap_or_default();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(ApiError::invalid("/note", format!("a note has at most {LONGEST_NOTE} characters")));
    }
    let standing = asker.state.store().db().standing_of(&account.person.id).await?;
    if let Some(role) = standing.role_in(project.id()) {
        let detail = format!("you are {role} in `{}`", project.name());
        return Err(ApiError::new(rigi_model::ErrorCode::StateConflict, detail));
    }
    asker.state.store().ask_to_join(project.id(), &account.person.id, &note, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who asks to be in the project, the oldest first.
#[utoipa::path(get, path = "/requests", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))),
    responses((status = 200, description = "Requests", body = Page<JoinRequestView>)))]
async fn list_requests(scope: Scope, asker: Asker) -> ApiResult<axum::Json<Page<JoinRequestView>>> {
    asker.people()?;
    let all = scope.db().join_requests(scope.project()).await?;
    let view = |one: rigi_store::people::JoinRequest| JoinRequestView {
        person: one.person,
        name: one.name,
        note: one.note,
        at: one.at,
    };
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor: None }))
}

fn person_of(who: &str) -> ApiResult<PersonId> {
    who.parse().map_err(|_| ApiError::not_found("request to join", who))
}

/// Lets somebody in who asked, with this role.
#[utoipa::path(put, path = "/requests/{who}", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))), request_body = AnswerRequest,
    params(("who" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "They are in it")))]
async fn answer(
    scope: Scope,
    asker: Asker,
    Path(who): Path<String>,
    Json(body): Json<AnswerRequest>,
) -> ApiResult<StatusCode> {
    let person = person_of(&who)?;
    scope.store().answer_join(scope.project(), &person, Some(body.role), &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does not let somebody in who asked.
#[utoipa::path(delete, path = "/requests/{who}", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))),
    params(("who" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "The request is gone")))]
async fn refuse(scope: Scope, asker: Asker, Path(who): Path<String>) -> ApiResult<StatusCode> {
    scope.store().answer_join(scope.project(), &person_of(&who)?, None, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
