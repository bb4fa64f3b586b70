//! Links that go by mail alone: to set a new password when one has forgotten it, and to confirm an address.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{AskReset, Mailed};
use rigi_model::mail::MailKind;
use rigi_model::people::{KeyKind, LinkKind, PersonKind, PersonState, folded};
use rigi_model::{ErrorCode, PersonId, Timestamp};
use rigi_store::people::{Asked, Link, Person, Tried};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::mails::mail_of;
use super::people::drawn;
use super::sign_in::{hold_back, with_passwords};
use super::sign_in_links::{new_link, used};
use super::state::AppState;
use crate::auth::network_of;
use crate::mail::sealed;

/// A link that somebody asked for who has forgotten a password.
const RESET_LIFE: Duration = Duration::from_secs(3600);
/// A link that confirms an address.
const CONFIRM_LIFE: Duration = Duration::from_secs(24 * 3600);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ask_reset)).routes(routes!(ask_confirmation))
}

/// Asks for a link that sets a new password, by mail. The answer is the same whether there is such an account or not, and takes as long.
#[utoipa::path(post, path = "/sign-in/reset", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = AskReset, responses((status = 202, description = "If an account has this address and a password, a mail is on its way")))]
async fn ask_reset(asker: Asker, Json(body): Json<AskReset>) -> ApiResult<StatusCode> {
    with_passwords(&asker)?;
    let mail = mail_of(&asker.state)?;
    let (store, now) = (asker.state.store(), Timestamp::now());
    let network = network_of(asker.client.address);
    hold_back(&asker, Tried::Reset, &body.mail, &network, now).await?;
    let person = store.db().person_by_mail(&body.mail).await?;
    let person = person.filter(|p| p.kind == PersonKind::Person && p.state == PersonState::Active);
    let nobody = PersonId::from_bits(0);
    let id = person.as_ref().map_or(&nobody, |person| &person.id);
    // Who signs in with a provider alone gets no password by mail.
    let has_password = store.db().password_of(id).await?.is_some();
    // Drawn and sealed for nobody as well: it takes as long.
    let (key, mut link) = (drawn(KeyKind::Link)?, new_link(LinkKind::Reset, now.after(RESET_LIFE)));
    let person = person.filter(|_| has_password);
    let (name, to) = match &person {
        // Where it is known to be, and not what was typed: letters of two kinds may look the same.
        Some(Person { name, mail: Some(to), .. }) => (name.as_str(), to.as_str()),
        _ => ("nobody", "nobody"),
    };
    link.person = person.as_ref().map(|person| person.id.clone());
    link.mail = Some(to.to_owned());
    let letter = mail.letters.asked_reset(name, &key, &link);
    let new = sealed(store, MailKind::Reset, to, &letter, Some(link.until))?;
    let made = person.as_ref().map(|_| (&key, &link, &new));
    let subject = person.as_ref().map(|person| &person.id);
    let asked = Asked { action: "account.reset-asked", mail: &body.mail, network: &network, subject, made };
    store.asked_by_mail(asked, &asker.deed()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Mails a link to one's own address, which shows that mail to it arrives.
#[utoipa::path(post, path = "/account/mail/confirm", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    responses((status = 202, description = "It is on its way", body = Mailed)))]
async fn ask_confirmation(asker: Asker) -> ApiResult<Response> {
    let account = asker.account()?;
    let mail = mail_of(&asker.state)?;
    let (store, now) = (asker.state.store(), Timestamp::now());
    // As it is now: what is remembered of it may be a moment old.
    let person = store.db().person(&account.person.id).await?;
    let to = person.mail.clone().ok_or_else(|| {
        ApiError::new(ErrorCode::StateConflict, "this account has no mail address")
            .cure("An administrator gives it one.")
    })?;
    let network = network_of(asker.client.address);
    hold_back(&asker, Tried::Reset, &to, &network, now).await?;
    let (key, mut link) = (drawn(KeyKind::Link)?, new_link(LinkKind::Confirm, now.after(CONFIRM_LIFE)));
    link.person = Some(person.id.clone());
    link.mail = Some(to.clone());
    let letter = mail.letters.confirm(&person.name, &key, &link);
    let new = sealed(store, MailKind::Confirm, &to, &letter, Some(link.until))?;
    let made = Some((&key, &link, &new));
    let asked = Asked {
        action: "account.confirm-asked",
        mail: &to,
        network: &network,
        subject: Some(&person.id),
        made,
    };
    store.asked_by_mail(asked, &asker.deed()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(Mailed { mailed_to: to })).into_response())
}

/// Takes a link that confirms an address, if the account still has it.
pub(super) async fn confirm(asker: &Asker, person: &Person, link: &Link) -> ApiResult<Response> {
    let has = |mail: &&String| person.mail.as_deref().map(folded) == Some(folded(mail));
    let Some(mail) = link.mail.as_ref().filter(has) else {
        return Err(ApiError::new(ErrorCode::StateConflict, "the account has another address by now")
            .cure("Ask for another mail on the page of your account."));
    };
    let mut deed = asker.deed();
    deed.actor.clone_from(&person.name);
    deed.actor_id = Some(person.id.clone());
    "link".clone_into(&mut deed.via);
    asker.state.store().confirm_mail(&person.id, mail, link, &deed).await.map_err(used)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
