//! Groups of people.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{GroupMember, GroupView, NameGroup, Page};
use rigi_model::people::{GrantSource, person_name};
use rigi_model::{GroupId, PersonId};
use rigi_store::people::Group;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account::taken;
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::people;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, rename_group, delete_group))
        .routes(routes!(join_group, leave_group))
}

fn view(group: Group, members: Option<Vec<(PersonId, String, GrantSource)>>) -> GroupView {
    let member = |(id, name, source)| GroupMember { id, name, source };
    GroupView {
        id: group.id,
        name: group.name,
        people: u64::try_from(group.people).unwrap_or(0),
        members: members.map(|all| all.into_iter().map(member).collect()),
    }
}

/// The group of an id or a name in a path.
async fn find(asker: &Asker, which: &str) -> ApiResult<Group> {
    asker.people()?;
    let folded = rigi_model::people::folded(which);
    let id = which.parse::<GroupId>().ok();
    let groups = asker.state.store().db().groups().await?;
    let found = groups.into_iter().find(|group| match &id {
        Some(id) => group.id == *id,
        None => rigi_model::people::folded(&group.name) == folded,
    });
    found.ok_or_else(|| ApiError::not_found("group", which).cure("`rigi groups list` shows what there is."))
}

async fn whole(asker: &Asker, which: &str) -> ApiResult<GroupView> {
    let group = find(asker, which).await?;
    let members = asker.state.store().db().people_in(&group.id).await?;
    Ok(view(group, Some(members)))
}

fn named(body: &NameGroup) -> ApiResult<String> {
    person_name(body.name.trim()).map_err(|e| ApiError::invalid("/name", e.to_string()))
}

/// All groups, by name.
#[utoipa::path(get, path = "/groups", tag = "people", extensions(("x-rigi-action" = json!("people.read"))),
    responses((status = 200, description = "Groups", body = Page<GroupView>)))]
async fn list_groups(asker: Asker) -> ApiResult<axum::Json<Page<GroupView>>> {
    asker.people()?;
    let groups = asker.state.store().db().groups().await?;
    Ok(axum::Json(Page {
        items: groups.into_iter().map(|group| view(group, None)).collect(),
        next_cursor: None,
    }))
}

/// Makes a group.
#[utoipa::path(post, path = "/groups", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = NameGroup,
    responses((status = 201, description = "The group", body = GroupView)))]
async fn create_group(asker: Asker, Json(body): Json<NameGroup>) -> ApiResult<Response> {
    asker.people()?;
    let name = named(&body)?;
    let store = asker.state.store();
    let id = store.add_group(&name, &asker.deed()).await.map_err(|e| taken(e, "name"))?;
    Ok((StatusCode::CREATED, axum::Json(whole(&asker, id.as_str()).await?)).into_response())
}

/// One group, with who is in it.
#[utoipa::path(get, path = "/groups/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.read"))),
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, description = "The group", body = GroupView)))]
async fn get_group(asker: Asker, Path(id): Path<String>) -> ApiResult<axum::Json<GroupView>> {
    whole(&asker, &id).await.map(axum::Json)
}

/// Gives a group another name. Its rights stay.
#[utoipa::path(patch, path = "/groups/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = NameGroup,
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, description = "The group", body = GroupView)))]
async fn rename_group(
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<NameGroup>,
) -> ApiResult<axum::Json<GroupView>> {
    let group = find(&asker, &id).await?;
    let name = named(&body)?;
    asker.state.store().rename_group(&group, &name, &asker.deed()).await.map_err(|e| taken(e, "name"))?;
    whole(&asker, group.id.as_str()).await.map(axum::Json)
}

/// Removes a group, with everything that it gave.
#[utoipa::path(delete, path = "/groups/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 204, description = "Removed")))]
async fn delete_group(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let group = find(&asker, &id).await?;
    asker.state.store().delete_group(&group, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts somebody into a group.
#[utoipa::path(put, path = "/groups/{id}/people/{person}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id or name of the group"), ("person" = String, Path, description = "Id, mail address or name")),
    responses((status = 200, description = "The group", body = GroupView)))]
async fn join_group(
    asker: Asker,
    Path((id, person)): Path<(String, String)>,
) -> ApiResult<axum::Json<GroupView>> {
    let group = find(&asker, &id).await?;
    let person = people::find(&asker, &person).await?;
    asker.state.store().join_group(&group, &person.id, GrantSource::Hand, &asker.deed()).await?;
    whole(&asker, group.id.as_str()).await.map(axum::Json)
}

/// Takes somebody out of a group who was put into it by hand.
#[utoipa::path(delete, path = "/groups/{id}/people/{person}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id or name of the group"), ("person" = String, Path, description = "Id, mail address or name")),
    responses((status = 204, description = "Taken out")))]
async fn leave_group(asker: Asker, Path((id, person)): Path<(String, String)>) -> ApiResult<StatusCode> {
    let group = find(&asker, &id).await?;
    let person = people::find(&asker, &person).await?;
    asker.state.store().leave_group(&group, &person.id, GrantSource::Hand, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
