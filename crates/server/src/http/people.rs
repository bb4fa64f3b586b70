//! Accounts, as administrators see and change them.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{
    ChangePerson, CreateLink, CreatePerson, CreateToken, GrantView, MadeLink, NewTokenView, Page, PersonView,
    TokenView,
};
use rigi_model::mail::MailKind;
use rigi_model::people::{
    GrantSource, Key, KeyKind, LinkKind, PersonKind, PersonState, folded, mail_address, person_name,
};
use rigi_model::rights::Grant;
use rigi_model::{ErrorCode, PersonId, Timestamp};
use rigi_store::people::{Granted, Link, NewPerson, PeoplePage, Person, Principal as Holder};
use rigi_store::tables::mails::NewMail;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account::taken;
use super::account_access::{made_token, take_back, tokens_page};
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::mails::{mail_of, note};
use super::sign_in_links::{new_link, role_of};
use super::state::AppState;
use crate::auth::new_key;
use crate::mail::{Change, sealed};

/// A link for somebody's account lasts so long.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
const PAGE: u32 = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_people, create_person))
        .routes(routes!(get_person, change_person, delete_person))
        .routes(routes!(end_sessions_of_person))
        .routes(routes!(create_link_for_person))
        .routes(routes!(list_tokens_of_person, create_token_of_person))
        .routes(routes!(remove_token_of_person))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListPeople {
    /// Part of a name or a mail address.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 100 unless told.
    limit: Option<u32>,
}

pub(super) fn view(state: &AppState, person: Person, grants: Option<Vec<Granted>>) -> PersonView {
    let holder = Holder::Person(person.id.clone());
    PersonView {
        grants: grants
            .map(|all| all.into_iter().map(|granted| grant_view(state, granted, &holder)).collect()),
        id: person.id,
        kind: person.kind,
        name: person.name,
        mail: person.mail,
        mail_verified: person.mail_verified,
        state: person.state,
        created_at: person.created_at,
        created_by: person.created_by,
        seen_at: person.seen_at,
    }
}

/// A role, as one that this holder has by themselves or by a group.
pub(super) fn grant_view(state: &AppState, granted: Granted, holder: &Holder) -> GrantView {
    GrantView {
        project: granted.grant.project().map(|id| state.projects.name_of(id)),
        role: role_of(&granted.grant),
        source: granted.source,
        group: (granted.principal != *holder).then_some(granted.name),
        by: granted.by,
        at: granted.at,
    }
}

/// Everybody who has an account, by name.
#[utoipa::path(get, path = "/people", tag = "people", extensions(("x-rigi-action" = json!("people.read"))), params(ListPeople),
    responses((status = 200, description = "Accounts", body = Page<PersonView>)))]
async fn list_people(
    asker: Asker,
    Query(query): Query<ListPeople>,
) -> ApiResult<axum::Json<Page<PersonView>>> {
    asker.people()?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, 500);
    let after = query.cursor.as_deref().map(|cursor| {
        let (id, name) = cursor.split_once(' ').unwrap_or((cursor, ""));
        (name.to_owned(), id.to_owned())
    });
    let page = PeoplePage { text: query.q, after, limit: limit + 1 };
    let mut people = asker.state.store().db().people(&page).await?;
    let more = people.len() > limit as usize;
    people.truncate(limit as usize);
    let next_cursor =
        people.last().filter(|_| more).map(|last| format!("{} {}", last.id, folded(&last.name)));
    Ok(axum::Json(Page {
        items: people.into_iter().map(|person| view(&asker.state, person, None)).collect(),
        next_cursor,
    }))
}

/// The account of an id, an address or a name in a path.
pub(super) async fn find(asker: &Asker, who: &str) -> ApiResult<Person> {
    asker.people()?;
    let db = asker.state.store().db();
    let missing = || ApiError::not_found("person", who).cure("`rigi people list` shows who there is.");
    let found = match who.parse::<PersonId>() {
        Ok(id) => match db.person(&id).await {
            Err(rigi_store::Error::NotFound { .. }) => None,
            other => Some(other?),
        },
        Err(_) if who.contains('@') => db.person_by_mail(who).await?,
        Err(_) => db.person_by_name(who).await?,
    };
    found.filter(|person| person.state != PersonState::Deleted).ok_or_else(missing)
}

/// Refuses a name or an address that another account has, and says which.
async fn free(asker: &Asker, name: Option<&str>, mail: Option<&str>) -> ApiResult<()> {
    let db = asker.state.store().db();
    let conflict = || rigi_store::Error::Conflict(String::new());
    if let Some(mail) = mail
        && db.person_by_mail(mail).await?.is_some()
    {
        return Err(taken(conflict(), "mail address"));
    }
    if let Some(name) = name
        && db.person_by_name(name).await?.is_some()
    {
        return Err(taken(conflict(), "name"));
    }
    Ok(())
}

/// Makes an account: of a program, or of a person, who gets in by a link.
#[utoipa::path(post, path = "/people", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = CreatePerson,
    responses((status = 201, description = "The account", body = PersonView)))]
async fn create_person(asker: Asker, Json(body): Json<CreatePerson>) -> ApiResult<Response> {
    asker.people()?;
    let name = person_name(body.name.trim()).map_err(|e| ApiError::invalid("/name", e.to_string()))?;
    let kind = body.kind.unwrap_or(PersonKind::Person);
    let mail = body.mail.map(|mail| mail_address(&mail)).transpose();
    let mail = mail.map_err(|e| ApiError::invalid("/mail", e.to_string()))?;
    if kind == PersonKind::Person && mail.is_none() {
        return Err(ApiError::invalid("/mail", "a person has a mail address"));
    }
    free(&asker, Some(&name), mail.as_deref()).await?;
    let new = NewPerson {
        kind,
        name,
        mail,
        phc: None,
        grants: Vec::new(),
        invited_by: None,
        claim: None,
        identity: None,
    };
    let store = asker.state.store();
    let id = store.add_person(new, &asker.deed()).await.map_err(|e| taken(e, "name or mail address"))?;
    let person = store.db().person(&id).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&asker.state, person, Some(Vec::new())))).into_response())
}

/// One account, with everything that it has and why.
#[utoipa::path(get, path = "/people/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.read"))),
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 200, description = "The account", body = PersonView)))]
async fn get_person(asker: Asker, Path(id): Path<String>) -> ApiResult<axum::Json<PersonView>> {
    whole(&asker, find(&asker, &id).await?).await
}

async fn whole(asker: &Asker, person: Person) -> ApiResult<axum::Json<PersonView>> {
    let grants = asker.state.store().db().granted_to(&person.id).await?;
    Ok(axum::Json(view(&asker.state, person, Some(grants))))
}

/// Changes an account: its name and address, whether it may be used, whether it is an administrator by hand.
#[utoipa::path(patch, path = "/people/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = ChangePerson,
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 200, description = "The account", body = PersonView)))]
async fn change_person(
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<ChangePerson>,
) -> ApiResult<axum::Json<PersonView>> {
    let person = find(&asker, &id).await?;
    let (store, deed) = (asker.state.store(), asker.deed());
    // All of it is looked at before any of it is done.
    let name = body.name.map(|name| person_name(name.trim())).transpose();
    let name = name.map_err(|e| ApiError::invalid("/name", e.to_string()))?;
    let mail = body.mail.map(|mail| mail_address(&mail)).transpose();
    let mail = mail.map_err(|e| ApiError::invalid("/mail", e.to_string()))?;
    if body.state == Some(PersonState::Deleted) {
        return Err(ApiError::invalid("/state", "an account is deleted by DELETE"));
    }
    if let Some(name) = name.filter(|name| *name != person.name) {
        store.rename_person(&person, &name, &deed).await.map_err(|e| taken(e, "name"))?;
    }
    if let Some(mail) = mail.filter(|mail| Some(mail) != person.mail.as_ref()) {
        // To the address that it was: whoever has the account learns of it there.
        let note = note(&asker.state, &person, Change::Address, &deed)?;
        store
            .set_mail(&person, Some(&mail), note.as_ref(), &deed)
            .await
            .map_err(|e| taken(e, "mail address"))?;
    }
    if let Some(state) = body.state.filter(|state| *state != person.state) {
        store.set_person_state(&person, state, &deed).await?;
    }
    if let Some(administrator) = body.administrator {
        set_administrator(&asker, &person, administrator).await?;
    }
    whole(&asker, store.db().person(&person.id).await?).await
}

async fn set_administrator(asker: &Asker, person: &Person, wanted: bool) -> ApiResult<()> {
    let (store, deed) = (asker.state.store(), asker.deed());
    let holder = Holder::Person(person.id.clone());
    if wanted {
        return Ok(store.grant(&holder, &Grant::Administrator, GrantSource::Hand, &deed).await?);
    }
    let held = store.db().granted_to(&person.id).await?;
    let own = held
        .into_iter()
        .filter(|granted| granted.principal == holder && granted.grant == Grant::Administrator);
    // What follows from a provider's groups comes back at the next sign-in: its rule is where to change it.
    for granted in own.filter(|granted| granted.source != GrantSource::Rule) {
        store.take_back(&holder, None, granted.source, &deed).await?;
    }
    Ok(())
}

/// Removes an account, its sessions and tokens. What it did keeps its name.
#[utoipa::path(delete, path = "/people/{id}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 204, description = "Removed")))]
async fn delete_person(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let person = find(&asker, &id).await?;
    asker.state.store().delete_person(&person, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of somebody.
#[utoipa::path(delete, path = "/people/{id}/sessions", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 204, description = "Ended")))]
async fn end_sessions_of_person(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let person = find(&asker, &id).await?;
    let all = asker.state.store().db().sessions_of(&person.id, Timestamp(0), Timestamp(0)).await?;
    let ids: Vec<_> = all.into_iter().map(|session| session.id).collect();
    asker.state.store().end_sessions(&ids, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link that lets somebody set a new password, or signs them in. It is shown this once, and mailed to them where that is asked for.
#[utoipa::path(post, path = "/people/{id}/link", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = CreateLink,
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 201, description = "The link", body = MadeLink)))]
async fn create_link_for_person(
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<CreateLink>,
) -> ApiResult<Response> {
    let person = find(&asker, &id).await?;
    if person.kind == PersonKind::Service {
        return Err(ApiError::new(
            ErrorCode::StateConflict,
            "a service account signs in nowhere: it has tokens",
        ));
    }
    if !matches!(body.kind, LinkKind::Reset | LinkKind::SignIn) {
        return Err(ApiError::invalid("/kind", "a link for an account is a `reset` or a `sign-in`"));
    }
    let mut link = new_link(body.kind, Timestamp::now().after(LINK_LIFE));
    link.person = Some(person.id.clone());
    let key = drawn(KeyKind::Link)?;
    let letter = match body.mail {
        Some(true) => {
            let to = person.mail.clone().ok_or_else(|| {
                ApiError::new(ErrorCode::StateConflict, "this account has no mail address")
                    .cure("Leave `mail` out, and hand the link on yourself.")
            })?;
            let kind = if body.kind == LinkKind::SignIn { MailKind::SignIn } else { MailKind::Reset };
            let letters = &mail_of(&asker.state)?.letters;
            let letter = letters.given_link(asker.signature(), &person.name, &key, &link);
            Some(sealed(asker.state.store(), kind, &to, &letter, Some(link.until))?)
        }
        _ => None,
    };
    made(&asker, &key, link, letter).await
}

/// A new key.
pub(super) fn drawn(kind: KeyKind) -> ApiResult<Key> {
    new_key(kind).map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))
}

/// Stores a link with its mail, and shows it once.
pub(super) async fn made(asker: &Asker, key: &Key, link: Link, mail: Option<NewMail>) -> ApiResult<Response> {
    asker.state.store().add_link(key, &link, mail.as_ref(), &asker.deed()).await?;
    let path = format!("/join#{}", key.expose());
    let mailed_to = mail.map(|mail| mail.to);
    let made = MadeLink { path, id: link.id, until: link.until, mailed_to };
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}

/// Tokens of an account.
#[utoipa::path(get, path = "/people/{id}/tokens", tag = "people", extensions(("x-rigi-action" = json!("people.read"))),
    params(("id" = String, Path, description = "Id, mail address or name")),
    responses((status = 200, description = "Tokens", body = Page<TokenView>)))]
async fn list_tokens_of_person(
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<Page<TokenView>>> {
    tokens_page(&asker, &find(&asker, &id).await?).await
}

/// Makes a token of a service account.
#[utoipa::path(post, path = "/people/{id}/tokens", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))), request_body = CreateToken,
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 201, description = "The token, whose key is shown this once", body = NewTokenView)))]
async fn create_token_of_person(
    asker: Asker,
    Path(id): Path<String>,
    Json(body): Json<CreateToken>,
) -> ApiResult<Response> {
    let person = find(&asker, &id).await?;
    if person.kind == PersonKind::Person {
        return Err(ApiError::new(ErrorCode::StateConflict, "a person makes their tokens themselves")
            .cure("Make a service account for a program."));
    }
    made_token(&asker, &person, body).await
}

/// Takes a token of an account back.
#[utoipa::path(delete, path = "/people/{id}/tokens/{token}", tag = "people", extensions(("x-rigi-action" = json!("people.manage"))),
    params(("id" = String, Path, description = "Id, mail address or name"), ("token" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "Taken back")))]
async fn remove_token_of_person(
    asker: Asker,
    Path((id, token)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let person = find(&asker, &id).await?;
    take_back(&asker, &person, &token).await
}
