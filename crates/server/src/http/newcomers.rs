//! Whose account it is that a provider vouches for, and who gets one by it. Identity is issuer and subject; a mail address decides
//! nothing by itself.

use rigi_model::people::{
    GrantSource, Key, LinkKind, PersonKind, PersonState, folded, mail_address, person_name,
};
use rigi_model::rights::Grant;
use rigi_model::{ErrorCode, PersonId, Timestamp};
use rigi_store::people::{Deed, Entry, Identity, NewPerson, Person};
use serde_json::{Value, json};

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::providers::links_to;
use super::sign_in_links::FIRST;
use crate::auth::oidc::{Allow, Provider, Rule, Verified};

/// Names that are tried for somebody whose own is taken.
const TRIES: u32 = 50;

/// The account that signs in: one that is there, or a new one.
pub(super) async fn person_of(
    asker: &Asker,
    provider: &Provider,
    verified: &Verified,
    invitation: Option<&str>,
) -> ApiResult<Person> {
    let store = asker.state.store();
    let known = store.db().person_of_identity(&verified.issuer, &verified.claims.subject).await?;
    let id = match known {
        Some(id) => id,
        None => match linked(asker, provider, verified).await? {
            Some(id) => id,
            None => match newcomer(asker, provider, verified, invitation).await {
                Ok(id) => id,
                Err(error) => {
                    let after = Some(said(provider, verified));
                    let entry = Entry {
                        action: "provider.claims",
                        subject: "person",
                        id: "unknown",
                        after,
                        ..Entry::default()
                    };
                    store.audit_refused(&deed_of(asker, provider, None), entry).await?;
                    return Err(error);
                }
            },
        },
    };
    let person = store.db().person(&id).await?;
    if person.state != PersonState::Active {
        return Err(
            ApiError::new(ErrorCode::Forbidden, "this account is blocked").cure("Ask an administrator.")
        );
    }
    sync(asker, provider, verified, &person).await?;
    Ok(person)
}

/// What a provider sent, by name: whoever looks for a mistake in its setup needs no more.
fn said(provider: &Provider, verified: &Verified) -> Value {
    let groups = verified.claims.groups.as_ref().map(Vec::len);
    json!({"provider": provider.settings.name, "claims": verified.claims.names, "groups": groups})
}

fn identity_of(verified: &Verified) -> Identity {
    let mail_seen = verified.claims.mail.clone();
    Identity { issuer: verified.issuer.clone(), subject: verified.claims.subject.clone(), mail_seen }
}

fn deed_of(asker: &Asker, provider: &Provider, person: Option<&Person>) -> Deed {
    let mut deed = asker.deed();
    deed.via = format!("provider {}", provider.settings.name);
    if let Some(person) = person {
        deed.actor.clone_from(&person.name);
        deed.actor_id = Some(person.id.clone());
    }
    deed
}

/// An account that is there gets the identity: the one that has signed in here, or where the operator trusts this provider's word for
/// it, the one of the address that it has verified.
async fn linked(asker: &Asker, provider: &Provider, verified: &Verified) -> ApiResult<Option<PersonId>> {
    let store = asker.state.store();
    let own = match links_to(asker) {
        Some(id) => Some(store.db().person(&id).await?),
        None => {
            let claims = &verified.claims;
            let mail =
                claims.mail.as_deref().filter(|_| claims.mail_verified && provider.settings.trusts_mail);
            match mail {
                Some(mail) => store.db().person_by_mail(mail).await?,
                None => None,
            }
        }
    };
    let Some(person) = own.filter(|person| person.kind == PersonKind::Person) else { return Ok(None) };
    let deed = deed_of(asker, provider, Some(&person));
    store.add_identity(&person.id, &identity_of(verified), &deed).await?;
    Ok(Some(person.id))
}

/// Somebody who has no account gets one if they may.
async fn newcomer(
    asker: &Asker,
    provider: &Provider,
    verified: &Verified,
    invitation: Option<&str>,
) -> ApiResult<PersonId> {
    let store = asker.state.store();
    let claims = &verified.claims;
    let mail = claims.mail.as_deref().filter(|_| claims.mail_verified);
    let mail = mail.and_then(|mail| mail_address(mail).ok());
    if let Some(mail) = &mail
        && store.db().person_by_mail(mail).await?.is_some()
    {
        let detail = format!(
            "there is an account with your mail address, and it is not linked to {}",
            provider.settings.label
        );
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure("Sign in with it as before, then with this provider once more: that links both."));
    }
    let (grants, invited_by, claim) = ground(asker, provider, verified, mail.as_deref(), invitation).await?;
    let ruled = ruled(asker, provider, claims.groups.as_deref()).unwrap_or_default();
    let grants =
        grants.into_iter().chain(ruled.into_iter().map(|grant| (grant, GrantSource::Rule))).collect();
    let name = free_name(asker, claims.name.as_deref().or(mail.as_deref()).unwrap_or("somebody")).await?;
    let new = NewPerson {
        kind: PersonKind::Person,
        name: name.clone(),
        mail,
        phc: None,
        grants,
        invited_by,
        claim,
        identity: Some(identity_of(verified)),
    };
    let mut deed = deed_of(asker, provider, None);
    deed.actor = name;
    match store.add_person(new, &deed).await {
        Err(rigi_store::Error::Conflict(_)) => Err(ApiError::new(
            ErrorCode::StateConflict,
            "somebody else took this name or this invitation at the same time",
        )
        .cure("Sign in again.")),
        other => Ok(other?),
    }
}

/// What comes with the account, who gave it, and what makes it happen once.
type Ground = (Vec<(Grant, GrantSource)>, Option<String>, Option<String>);

/// Why somebody may have an account, and what comes with it.
async fn ground(
    asker: &Asker,
    provider: &Provider,
    verified: &Verified,
    mail: Option<&str>,
    invitation: Option<&str>,
) -> ApiResult<Ground> {
    let store = asker.state.store();
    if let Some(key) = invitation.and_then(Key::read)
        && let Some(link) = store.db().link(&key, Timestamp::now()).await?
        && link.kind == LinkKind::Invitation
        && link.mail.as_deref().is_none_or(|meant| mail.is_some_and(|mail| folded(mail) == folded(meant)))
    {
        let grants = link.grant.clone().into_iter().map(|grant| (grant, GrantSource::Invitation)).collect();
        return Ok((grants, Some(link.made_by.clone()), link.next_claim()));
    }
    let first = asker.people()?.rules.first_administrator.as_deref();
    if mail.is_some_and(|mail| first.is_some_and(|first| folded(first) == folded(mail)))
        && !store.db().has_administrator().await?
    {
        return Ok((vec![(Grant::Administrator, GrantSource::First)], None, Some(FIRST.to_owned())));
    }
    let claims = &verified.claims;
    if provider.settings.allow.iter().any(|allow| allow.lets_in(claims)) {
        return Ok((Vec::new(), None, None));
    }
    let by_group = provider.settings.allow.iter().any(|allow| matches!(allow, Allow::Group(_)));
    let refused = |detail: String, cure: &str| Err(ApiError::new(ErrorCode::Forbidden, detail).cure(cure));
    let label = &provider.settings.label;
    if by_group && claims.groups_left_out {
        return refused(
            format!("{label} leaves your groups out of its answer: they are too many"),
            "Let the provider send only groups that are assigned to this application.",
        );
    }
    if by_group && claims.groups.is_none() {
        return refused(
            format!("{label} does not say your groups"),
            "Ask an administrator: the provider must send the claim that `groups_claim` names, or `omits_empty_groups` says that none is sent for no groups. The audit log has the names of all that it sent.",
        );
    }
    refused("you have no account here".to_owned(), "Ask an owner of a project for an invitation.")
}

/// The name, or with a number behind it where another has one that people take for the same.
async fn free_name(asker: &Asker, wanted: &str) -> ApiResult<String> {
    let plain: String = wanted.chars().filter(|c| !c.is_control()).take(90).collect();
    let plain = person_name(plain.trim()).unwrap_or_else(|_| "somebody".to_owned());
    for number in 1..=TRIES {
        let name = if number == 1 { plain.clone() } else { format!("{plain} {number}") };
        if asker.state.store().db().person_by_name(&name).await?.is_none() {
            return Ok(name);
        }
    }
    Ok(format!("{plain} {}", PersonId::generate().short()))
}

/// Roles by rule become those that follow from the groups of now. Where the provider does not say groups, nothing follows.
async fn sync(asker: &Asker, provider: &Provider, verified: &Verified, person: &Person) -> ApiResult<()> {
    let (store, claims) = (asker.state.store(), &verified.claims);
    let deed = deed_of(asker, provider, Some(person));
    let mut after = said(provider, verified);
    if !provider.settings.rules.is_empty() {
        match ruled(asker, provider, claims.groups.as_deref()) {
            Some(grants) => {
                let synced = store.sync_rules(&person.id, &grants, &deed).await?;
                if synced.kept_last_administrator {
                    after["kept"] = "they stay administrator: nobody else is one".into();
                }
            }
            None => after["kept"] = "their roles stay: the provider does not say groups".into(),
        }
    }
    let id = person.id.as_str();
    let entry =
        Entry { action: "provider.claims", subject: "person", id, after: Some(after), ..Entry::default() };
    Ok(store.audit_done(&deed, entry).await?)
}

/// What follows from groups: rules name projects as people do.
fn ruled(asker: &Asker, provider: &Provider, groups: Option<&[String]>) -> Option<Vec<Grant>> {
    let known = |grant| match grant {
        Grant::Role(project, role) => {
            let id = asker.state.projects.id_of(project.as_str());
            Grant::Role(id.unwrap_or(project), role)
        }
        Grant::Administrator => grant,
    };
    Some(Rule::apply(&provider.settings.rules, groups)?.into_iter().map(known).collect())
}
