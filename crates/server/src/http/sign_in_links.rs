//! Links that make an account, join a project, sign in or set a password. Their key is in the fragment of an address, which browsers
//! send to nobody, and comes here in a body: it stands in no log.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{LinkLook, LookAtLink, TakeLink};
use rigi_model::people::{
    GrantSource, Key, KeyKind, LinkKind, PersonKind, PersonState, SignInWay, folded, mail_address,
    person_name,
};
use rigi_model::rights::{Grant, Role};
use rigi_model::{ErrorCode, LinkId, PersonId, Timestamp};
use rigi_store::people::{Deed, Link, NewPassword, NewPerson, Person};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account::made_of;
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::mails::note;
use super::sign_in::{Began, begin};
use super::state::AppState;
use crate::auth::new_key;
use crate::mail::Change;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(look_at_link)).routes(routes!(take_link))
}

/// What makes the first administrator the only first one.
pub(super) const FIRST: &str = "first administrator";

async fn find(asker: &Asker, key: &str) -> ApiResult<Link> {
    asker.people()?;
    let gone = || {
        ApiError::new(ErrorCode::NotFound, "this link has ended, was used, or is not whole")
            .cure("Ask whoever sent it for another one.")
    };
    let key = Key::read(key).ok_or_else(gone)?;
    let link = asker.state.store().db().link(&key, Timestamp::now()).await?.ok_or_else(gone)?;
    let first = link.kind == LinkKind::FirstAdministrator;
    if first && asker.state.store().db().has_administrator().await? {
        return Err(gone());
    }
    Ok(link)
}

/// As what a link lets somebody in.
pub(super) fn role_of(grant: &Grant) -> String {
    match grant {
        Grant::Administrator => "administrator".to_owned(),
        Grant::Role(_, role) => role.to_string(),
    }
}

/// What a link is for.
#[utoipa::path(post, path = "/sign-in/look", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = LookAtLink, responses((status = 200, description = "What it is for", body = LinkLook)))]
async fn look_at_link(asker: Asker, Json(body): Json<LookAtLink>) -> ApiResult<axum::Json<LinkLook>> {
    let link = find(&asker, &body.key).await?;
    let person = match &link.person {
        Some(person) => Some(asker.state.store().db().person(person).await?),
        None => None,
    };
    // Whoever has a link of an account can sign in to it: its address is no news to them.
    let (name, mail) = person.map_or((None, link.mail), |person| (Some(person.name), person.mail));
    Ok(axum::Json(LinkLook {
        kind: link.kind,
        name,
        project: link.grant.as_ref().and_then(Grant::project).map(|id| asker.state.projects.name_of(id)),
        role: link.grant.as_ref().map(role_of),
        mail,
        made_by: link.made_by,
        until: link.until,
    }))
}

/// Takes a link. What it makes of whoever takes it is in its answer; where that is a session, there is a cookie.
#[utoipa::path(post, path = "/sign-in/link", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = TakeLink, responses(
        (status = 201, description = "Signed in", body = rigi_api::view::AccountView),
        (status = 204, description = "Done; now sign in")))]
async fn take_link(asker: Asker, Json(body): Json<TakeLink>) -> ApiResult<Response> {
    let link = find(&asker, &body.key).await?;
    match link.kind {
        LinkKind::FirstAdministrator => {
            let grants = vec![(Grant::Administrator, GrantSource::First)];
            let person = make(&asker, body, None, grants, None, FIRST.to_owned()).await?;
            begin(&asker, &person, SignInWay::Link, Began::default()).await
        }
        LinkKind::Invitation => accept(&asker, link, body).await,
        LinkKind::Reset => reset(&asker, &link, body).await,
        LinkKind::Confirm => {
            let person = owner_of(&asker, &link).await?;
            super::mail_links::confirm(&asker, &person, &link).await
        }
        LinkKind::SignIn => {
            let person = owner_of(&asker, &link).await?;
            let began = Began { claim: link.next_claim(), ..Began::default() };
            begin(&asker, &person, SignInWay::Link, began).await
        }
    }
}

async fn owner_of(asker: &Asker, link: &Link) -> ApiResult<Person> {
    let id = link.person.clone().unwrap_or_else(|| PersonId::from_bits(0));
    let person = asker.state.store().db().person(&id).await?;
    if person.state == PersonState::Active {
        return Ok(person);
    }
    Err(ApiError::new(ErrorCode::Forbidden, "this account is blocked").cure("Ask an administrator."))
}

/// An account of one's own, made with what was given.
async fn make(
    asker: &Asker,
    body: TakeLink,
    mail: Option<String>,
    grants: Vec<(Grant, GrantSource)>,
    invited_by: Option<&str>,
    claim: String,
) -> ApiResult<Person> {
    let name = body.name.ok_or_else(|| ApiError::invalid("/name", "`name` is missing"))?;
    let name = person_name(name.trim()).map_err(|e| ApiError::invalid("/name", e.to_string()))?;
    let mail = mail.or(body.mail).ok_or_else(|| ApiError::invalid("/mail", "`mail` is missing"))?;
    let mail = mail_address(&mail).map_err(|e| ApiError::invalid("/mail", e.to_string()))?;
    let password = body.password.ok_or_else(|| ApiError::invalid("/password", "`password` is missing"))?;
    let db = asker.state.store().db();
    if db.person_by_mail(&mail).await?.is_some() {
        return Err(ApiError::new(ErrorCode::StateConflict, "there is an account with this mail address")
            .cure("Sign in with it, then open the link again."));
    }
    if db.person_by_name(&name).await?.is_some() {
        let detail = "another account has this name, or one that people take for the same";
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Choose another name."));
    }
    let phc = made_of(asker, "/password", password, &[&name, &mail]).await?;
    let new = NewPerson {
        kind: PersonKind::Person,
        name: name.clone(),
        mail: Some(mail),
        phc: Some(phc),
        grants,
        invited_by: invited_by.map(str::to_owned),
        claim: Some(claim),
        identity: None,
    };
    let mut deed = asker.deed();
    deed.actor = name;
    "link".clone_into(&mut deed.via);
    let id = asker.state.store().add_person(new, &deed).await.map_err(used)?;
    Ok(asker.state.store().db().person(&id).await?)
}

pub(super) fn used(error: rigi_store::Error) -> ApiError {
    match error {
        rigi_store::Error::Conflict(_) => ApiError::new(
            ErrorCode::StateConflict,
            "somebody else took this link, or this name, at the same time",
        )
        .cure("Open the link again."),
        other => other.into(),
    }
}

/// An invitation makes an account, or gives the one that asks what it is for.
async fn accept(asker: &Asker, link: Link, body: TakeLink) -> ApiResult<Response> {
    let claim = link.next_claim().unwrap_or_default();
    let Some(account) = &asker.principal.account else {
        let grants = link.grant.clone().into_iter().map(|grant| (grant, GrantSource::Invitation)).collect();
        let person = make(asker, body, link.mail.clone(), grants, Some(&link.made_by), claim).await?;
        return begin(asker, &person, SignInWay::Link, Began::default()).await;
    };
    let person = &account.person;
    let meant = link.mail.as_deref().map(folded);
    if meant.is_some() && meant != person.mail.as_deref().map(folded) {
        return Err(ApiError::new(ErrorCode::Forbidden, "this invitation is for another mail address")
            .cure("Sign in with the account of that address, or ask for an invitation without one."));
    }
    asker.state.store().take_link(&person.id, &link, &asker.deed()).await.map_err(used)?;
    let present = asker.state.store().db().person(&person.id).await?;
    let view = super::account::view_of(&asker.state, Some(&present), None).await?;
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

async fn reset(asker: &Asker, link: &Link, body: TakeLink) -> ApiResult<Response> {
    let person = owner_of(asker, link).await?;
    let password = body.password.ok_or_else(|| ApiError::invalid("/password", "`password` is missing"))?;
    let about = [person.name.as_str(), person.mail.as_deref().unwrap_or_default()];
    let made = made_of(asker, "/password", password, &about).await?;
    let mut deed = asker.deed();
    deed.actor.clone_from(&person.name);
    deed.actor_id = Some(person.id.clone());
    "link".clone_into(&mut deed.via);
    // Only a link that went by mail alone is for an address.
    let has = |mail: &String| person.mail.as_deref().map(folded) == Some(folded(mail));
    let new = NewPassword {
        phc: made,
        once: link.next_claim(),
        proves: link.mail.clone().filter(has),
        note: note(&asker.state, &person, Change::Password, &deed)?,
        ..NewPassword::default()
    };
    asker.state.store().set_password(&person.id, new, &deed).await.map_err(used)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The first administrator's link lasts so long.
const FIRST_LIFE: Duration = Duration::from_secs(3600);

/// A new link that makes the first administrator, in place of those before; `None`: there is one.
///
/// # Errors
/// If the database does not answer.
pub async fn first_administrator_link(state: &AppState) -> rigi_store::Result<Option<String>> {
    if state.store().db().has_administrator().await? {
        return Ok(None);
    }
    let now = Timestamp::now();
    let no_randomness =
        |e: getrandom::Error| rigi_store::Error::Io { what: "draw a key".to_owned(), source: e.into() };
    let key = new_key(KeyKind::Link).map_err(no_randomness)?;
    let deed = Deed::of_server("server", now);
    let link = new_link(LinkKind::FirstAdministrator, now.after(FIRST_LIFE));
    state.store().add_link(&key, &link, None, &deed).await?;
    Ok(Some(format!("/join#{}", key.expose())))
}

/// A link to be made.
pub(super) fn new_link(kind: LinkKind, until: Timestamp) -> Link {
    Link {
        id: LinkId::generate(),
        kind,
        person: None,
        mail: None,
        grant: None,
        uses: 1,
        used: 0,
        made_by: String::new(),
        made_at: Timestamp::now(),
        until,
    }
}

/// What an invitation makes of somebody: `None` of the server alone.
pub(super) fn grant_of(project: Option<&rigi_model::ProjectName>, role: Option<Role>) -> Option<Grant> {
    project.map(|project| Grant::Role(project.clone(), role.unwrap_or(Role::Viewer)))
}
