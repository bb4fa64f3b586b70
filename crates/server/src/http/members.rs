//! Members of a project: who has a role in it, and every reason why. Invitations to it.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use rigi_api::view::{CreateInvitation, InvitationView, MadeLink, MemberView, Page, SetMember};
use rigi_model::mail::MailKind;
use rigi_model::people::{GrantSource, KeyKind, LinkKind, PersonState, mail_address};
use rigi_model::rights::{Grant, Role};
use rigi_model::{ErrorCode, LinkId, ProjectName, Timestamp};
use rigi_store::people::{Granted, Link, Principal as Holder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account_access::expiry;
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::people::{drawn, grant_view, made};
use super::scope::Scope;
use super::sign_in_links::{grant_of, new_link, role_of};
use super::state::AppState;
use crate::mail::sealed;

const HOUR: Duration = Duration::from_secs(3600);
/// How many may take one invitation at most.
const MOST_USES: u32 = 10_000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_members))
        .routes(routes!(set_member, remove_member))
        .routes(routes!(list_invitations, invite))
        .routes(routes!(take_invitation_back))
}

fn views(state: &AppState, granted: Vec<Granted>) -> Vec<MemberView> {
    let mut members: Vec<MemberView> = Vec::new();
    for one in granted {
        let Grant::Role(_, role) = one.grant.clone() else { continue };
        let holder = one.principal.clone();
        let (id, name) = (holder.as_str().to_owned(), one.name.clone());
        let kind = if matches!(holder, Holder::Person(_)) { "person" } else { "group" };
        let grant = grant_view(state, one, &holder);
        match members.last_mut().filter(|member| member.id == id) {
            Some(member) => {
                member.role = member.role.max(role);
                member.grants.push(grant);
            }
            None => members.push(MemberView { id, kind: kind.to_owned(), name, role, grants: vec![grant] }),
        }
    }
    members
}

/// Everybody who has a role in the project, by name, with where it comes from. Administrators own every project, and are not named here.
#[utoipa::path(get, path = "/members", tag = "people", extensions(("x-rigi-action" = json!("members.read"))),
    responses((status = 200, description = "Members", body = Page<MemberView>)))]
async fn list_members(scope: Scope, asker: Asker) -> ApiResult<axum::Json<Page<MemberView>>> {
    asker.people()?;
    let granted = scope.db().granted_in(Some(scope.project())).await?;
    Ok(axum::Json(Page { items: views(&asker.state, granted), next_cursor: None }))
}

/// Who is meant: a person by id, address or name, or a group by id or name.
pub(super) async fn find(asker: &Asker, who: &str) -> ApiResult<Holder> {
    asker.people()?;
    let db = asker.state.store().db();
    let missing = || {
        ApiError::not_found("person or group", who)
            .cure("Give a mail address, a name or an id. Who has no account yet is invited.")
    };
    match Holder::parse(who) {
        Some(Holder::Person(id)) => {
            let person = db.person(&id).await.map_err(|_| missing())?;
            let there = person.state != PersonState::Deleted;
            there.then_some(Holder::Person(id)).ok_or_else(missing)
        }
        Some(Holder::Group(id)) => {
            db.group(&id).await.map(|group| Holder::Group(group.id)).map_err(|_| missing())
        }
        None if who.contains('@') => {
            db.person_by_mail(who).await?.map(|person| Holder::Person(person.id)).ok_or_else(missing)
        }
        None => match db.person_by_name(who).await? {
            Some(person) => Ok(Holder::Person(person.id)),
            None => {
                let wanted = rigi_model::people::folded(who);
                let groups = db.groups().await?;
                let found =
                    groups.into_iter().find(|group| rigi_model::people::folded(&group.name) == wanted);
                found.map(|group| Holder::Group(group.id)).ok_or_else(missing)
            }
        },
    }
}

async fn one(asker: &Asker, project: &ProjectName, holder: &Holder) -> ApiResult<Option<MemberView>> {
    let granted = asker.state.store().db().granted_in(Some(project)).await?;
    Ok(views(&asker.state, granted.into_iter().filter(|granted| granted.principal == *holder).collect())
        .pop())
}

/// Gives a person or a group a role, by hand, in place of one that came with an invitation. Roles by rule stay; the strongest counts.
#[utoipa::path(put, path = "/members/{who}", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))), request_body = SetMember,
    params(("who" = String, Path, description = "Id, mail address or name of a person, id or name of a group")),
    responses((status = 200, description = "The member", body = MemberView)))]
async fn set_member(
    scope: Scope,
    asker: Asker,
    Path(who): Path<String>,
    Json(body): Json<SetMember>,
) -> ApiResult<axum::Json<MemberView>> {
    let holder = find(&asker, &who).await?;
    let grant = Grant::Role(scope.project().clone(), body.role);
    let (store, deed) = (asker.state.store(), asker.deed());
    store.grant(&holder, &grant, GrantSource::Hand, &deed).await?;
    // Somebody has decided since: what the invitation said counts no more.
    match store.take_back(&holder, Some(scope.project()), GrantSource::Invitation, &deed).await {
        Err(rigi_store::Error::NotFound { .. }) => {}
        other => other?,
    }
    let member = one(&asker, scope.project(), &holder).await?;
    member.map(axum::Json).ok_or_else(|| ApiError::not_found("member", &who))
}

/// Takes the roles back that somebody has by hand or by an invitation. What follows from a provider's groups stays, and is said.
#[utoipa::path(delete, path = "/members/{who}", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))),
    params(("who" = String, Path, description = "Id, mail address or name of a person, id or name of a group")),
    responses((status = 204, description = "They have no role in the project any more")))]
async fn remove_member(scope: Scope, asker: Asker, Path(who): Path<String>) -> ApiResult<StatusCode> {
    let holder = find(&asker, &who).await?;
    let member = one(&asker, scope.project(), &holder).await?;
    let member = member.ok_or_else(|| ApiError::not_found("member", &who))?;
    let (by_rule, own): (Vec<_>, Vec<_>) =
        member.grants.into_iter().partition(|grant| grant.source == GrantSource::Rule);
    for grant in own {
        asker.state.store().take_back(&holder, Some(scope.project()), grant.source, &asker.deed()).await?;
    }
    match by_rule.first() {
        None => Ok(StatusCode::NO_CONTENT),
        Some(rule) => {
            let detail =
                format!("{} stays {}: that follows from groups of their provider", member.name, rule.role);
            Err(ApiError::new(ErrorCode::StateConflict, detail)
                .cure("Take them out of the group at the provider, or change the rule in the configuration."))
        }
    }
}

fn invitation(link: Link) -> InvitationView {
    InvitationView {
        role: link.grant.as_ref().map(role_of),
        id: link.id,
        mail: link.mail,
        uses: u64::try_from(link.uses).unwrap_or(0),
        used: u64::try_from(link.used).unwrap_or(0),
        made_by: link.made_by,
        made_at: link.made_at,
        until: link.until,
    }
}

/// Invitations to the project that can still be taken, the newest first.
#[utoipa::path(get, path = "/invitations", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))),
    responses((status = 200, description = "Invitations", body = Page<InvitationView>)))]
async fn list_invitations(scope: Scope, asker: Asker) -> ApiResult<axum::Json<Page<InvitationView>>> {
    asker.people()?;
    let links = scope.db().invitations(Some(scope.project()), Timestamp::now()).await?;
    Ok(axum::Json(Page { items: links.into_iter().map(invitation).collect(), next_cursor: None }))
}

/// Invites to the project. The link is shown this once, and mailed to the address that it is for, where this server sends mail.
#[utoipa::path(post, path = "/invitations", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))), request_body = CreateInvitation,
    responses((status = 201, description = "The link", body = MadeLink)))]
async fn invite(scope: Scope, asker: Asker, Json(body): Json<CreateInvitation>) -> ApiResult<Response> {
    asker.people()?;
    let now = Timestamp::now();
    let until = expiry(body.expires_in.as_deref().unwrap_or("7d"), now)?;
    let within = |until: &Timestamp| (HOUR..=366 * 24 * HOUR).contains(&until.since(now));
    let until = until.filter(within);
    let until = until
        .ok_or_else(|| ApiError::invalid("/expires_in", "an invitation lasts from an hour to a year"))?;
    let mail = body.mail.map(|mail| mail_address(&mail)).transpose();
    let mail = mail.map_err(|e| ApiError::invalid("/mail", e.to_string()))?;
    let uses = body.uses.unwrap_or(1);
    if !(1..=MOST_USES).contains(&uses) || (mail.is_some() && uses > 1) {
        let message = format!("1 to {MOST_USES} may take an invitation, and one that is for an address");
        return Err(ApiError::invalid("/uses", message));
    }
    let mut link = new_link(LinkKind::Invitation, until);
    link.mail = mail;
    link.uses = i64::from(uses);
    link.grant = grant_of(Some(scope.project()), body.role.or(Some(Role::Viewer)));
    let key = drawn(KeyKind::Invitation)?;
    // Where mail goes from here, whoever it is for has it at once.
    let mail = match (&asker.state.mail, &link.mail) {
        (Some(mail), Some(to)) => {
            let project = asker.state.projects.name_of(scope.project());
            let letter = mail.letters.invitation(asker.signature(), &project, &key, &link);
            Some(sealed(asker.state.store(), MailKind::Invitation, to, &letter, Some(link.until))?)
        }
        _ => None,
    };
    made(&asker, &key, link, mail).await
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "people", extensions(("x-rigi-action" = json!("members.manage"))),
    params(("id" = String, Path, description = "Id of the invitation")),
    responses((status = 204, description = "Taken back")))]
async fn take_invitation_back(scope: Scope, asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    asker.people()?;
    let wanted = id.parse::<LinkId>().ok();
    let links = scope.db().invitations(Some(scope.project()), Timestamp::now()).await?;
    let link = links.iter().find(|link| Some(&link.id) == wanted.as_ref());
    let link = link.ok_or_else(|| ApiError::not_found("invitation", &id))?;
    asker.state.store().remove_link(link, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
