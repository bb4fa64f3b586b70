//! Signing in and out, by mail address and password.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rigi_api::view::{AccountView, ProviderView, SignIn, SignedOut, WaysIn};
use rigi_model::people::{PersonKind, PersonState, SignInWay};
use rigi_model::{ErrorCode, PersonId, Timestamp};
use rigi_store::people::{Carrier, NewSession, Person, Tried};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account::view_of;
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::state::AppState;
use crate::auth::oidc::Provider;
use crate::auth::{Brake, Busy, People, Secret, matching_step, network_of, random_token};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ways_in)).routes(routes!(sign_in, sign_out))
}

/// How one may sign in.
#[utoipa::path(get, path = "/sign-in", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    responses((status = 200, description = "The ways", body = WaysIn)))]
async fn ways_in(State(state): State<AppState>) -> ApiResult<axum::Json<WaysIn>> {
    let people = state.auth.people.as_ref();
    let first_administrator = people.is_some() && !state.store().db().has_administrator().await?;
    let mut public = state.projects.all();
    public.retain(|project| project.settings.public && state.auth.lets_visitors_in());
    Ok(axum::Json(WaysIn {
        public: public.iter().map(|project| project.name().clone()).collect(),
        people: people.is_some(),
        passwords: people.is_some_and(|people| people.rules.passwords),
        mail: people.is_some() && state.mail.is_some(),
        first_administrator,
        providers: people
            .into_iter()
            .flat_map(|people| people.providers.iter())
            .map(|one| view(one))
            .collect(),
    }))
}

fn view(provider: &Provider) -> ProviderView {
    ProviderView { name: provider.settings.name.clone(), label: provider.settings.label.clone() }
}

/// Signs in with mail address and password, and with a code where the account has a second factor. The answer sets a cookie.
#[utoipa::path(post, path = "/session", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = SignIn, responses((status = 201, description = "Signed in", body = AccountView)))]
async fn sign_in(asker: Asker, Json(body): Json<SignIn>) -> ApiResult<Response> {
    let people = with_passwords(&asker)?;
    let (person, claim) = by_password(&asker, people, &body).await?;
    begin(&asker, &person, SignInWay::Password, Began { claim, ..Began::default() }).await
}

/// People of this server, if they may sign in with a password.
///
/// # Errors
/// If they may not.
pub(super) fn with_passwords(asker: &Asker) -> ApiResult<&People> {
    let people = asker.people()?;
    if people.rules.passwords {
        return Ok(people);
    }
    Err(ApiError::new(ErrorCode::Forbidden, "this server lets nobody sign in with a password")
        .cure("Sign in with one of the providers on the page."))
}

/// Ends the session, or takes the token back that a terminal signed in with.
#[utoipa::path(delete, path = "/session", tag = "account", extensions(("x-rigi-action" = json!("account.read"))),
    responses(
        (status = 200, description = "Signed out here; the provider that one signed in with ends its own session at `location`", body = SignedOut),
        (status = 204, description = "Signed out"),
    ))]
async fn sign_out(asker: Asker) -> ApiResult<Response> {
    let account = asker.account()?;
    let mut at_provider = None;
    match &account.carrier {
        Carrier::Session(id) => {
            let began = asker.state.store().db().provider_session(id).await?;
            asker.state.store().end_sessions(std::slice::from_ref(id), &asker.deed()).await?;
            if let Some(began) = began {
                at_provider = super::providers::end_there(&asker, &began).await;
            }
        }
        Carrier::Token(id) => {
            let tokens = asker.state.store().db().tokens_of(&account.person.id).await?;
            if let Some(token) = tokens.iter().find(|token| token.id == *id) {
                asker.state.store().remove_token(token, &asker.deed()).await?;
            }
        }
    }
    let gone = [(header::SET_COOKIE, asker.state.auth.owner.person_cookie("", Duration::ZERO))];
    Ok(match at_provider {
        Some(view) => (gone, axum::Json(view)).into_response(),
        None => (StatusCode::NO_CONTENT, gone).into_response(),
    })
}

fn wrong(asker: &Asker) -> ApiError {
    let link = match asker.state.mail {
        Some(_) => "Check both, or have a link to set a new password mailed to you.",
        None => "Check both. A link to set a new password comes from an administrator.",
    };
    ApiError::new(ErrorCode::Unauthenticated, "mail address and password do not belong together").cure(link)
}

pub(super) fn busy(_: Busy) -> ApiError {
    ApiError::too_many("too many people sign in at this moment", Duration::from_secs(2))
}

/// Whose password this is. It takes the same time whether there is such an account or not.
async fn by_password(asker: &Asker, people: &People, body: &SignIn) -> ApiResult<(Person, Option<String>)> {
    let (store, now) = (asker.state.store(), Timestamp::now());
    let network = network_of(asker.client.address);
    hold_back(asker, Tried::SignIn, &body.mail, &network, now).await?;
    let person = store.db().person_by_mail(&body.mail).await?;
    let person = person.filter(|person| person.kind == PersonKind::Person);
    let nobody = PersonId::from_bits(0);
    let known = person.as_ref().map(|person| person.id.clone());
    let phc = store.db().password_of(person.as_ref().map_or(&nobody, |person| &person.id)).await?;
    let fits = people.passwords.fits(body.password.clone(), phc).await.map_err(busy)?;
    let Some(person) = person.filter(|_| fits) else {
        store.sign_in_failed(&body.mail, &network, known.as_ref(), &asker.deed()).await?;
        return Err(wrong(asker));
    };
    if person.state != PersonState::Active {
        return Err(
            ApiError::new(ErrorCode::Forbidden, "this account is blocked").cure("Ask an administrator.")
        );
    }
    let claim = match by_factor(asker, &person, body.code.as_deref(), now).await {
        Ok(claim) => claim,
        Err(error) => {
            // A code that is missing is no failure: the page asks for it when it is told to.
            if body.code.is_some() {
                store.sign_in_failed(&body.mail, &network, Some(&person.id), &asker.deed()).await?;
            }
            return Err(error);
        }
    };
    store.sign_in_succeeded(&body.mail, &network, now).await?;
    Ok((person, claim))
}

/// After tries that failed, the next one waits; after mails that were asked for, the next one does.
pub(super) async fn hold_back(
    asker: &Asker,
    tried: Tried,
    mail: &str,
    network: &str,
    now: Timestamp,
) -> ApiResult<()> {
    let since = now.before(crate::auth::BRAKE_MEMORY);
    let failed = asker.state.store().db().failed_sign_ins(tried, mail, network, since).await?;
    let (detail, cure) = match tried {
        Tried::SignIn => (
            "too many tries to sign in went wrong",
            "Wait, and try again. Somebody who is signed in elsewhere stays so.",
        ),
        Tried::Reset => (
            "too many mails were asked for",
            "Look for the mails that came, also among what is sorted out as junk; then wait, and ask again.",
        ),
    };
    match Brake::after(&failed, now) {
        Brake::Free => Ok(()),
        Brake::Wait(time) => Err(ApiError::too_many(detail, time).cure(cure)),
    }
}

/// What makes the code of a second factor serve once; nothing where there is none.
pub(super) async fn by_factor(
    asker: &Asker,
    person: &Person,
    code: Option<&str>,
    now: Timestamp,
) -> ApiResult<Option<String>> {
    let store = asker.state.store();
    let factor = store.db().factor_of(&person.id).await?.filter(|factor| factor.confirmed_at.is_some());
    let Some(factor) = factor else { return Ok(None) };
    let needed = |detail: &str| ApiError::new(ErrorCode::SecondFactorNeeded, detail);
    let code = code.ok_or_else(|| needed("this account has a second factor: give its code"))?;
    if let Some(claim) = store.db().recovery_claim(&person.id, &code.trim().to_lowercase()).await? {
        return Ok(Some(claim));
    }
    let secret = store.sealer().unseal(&factor.sealed)?.unwrap_or_default();
    let step = matching_step(&Secret::stored(secret), code, now);
    let step = step.ok_or_else(|| {
        needed("the code is none of this moment").cure(
            "Give the one that the telephone shows now, or a recovery code. Check the telephone's clock.",
        )
    })?;
    Ok(Some(factor_claim(&person.id, step)))
}

/// What makes the code of a moment serve once.
pub(super) fn factor_claim(person: &PersonId, step: u64) -> String {
    format!("factor {person} {step}")
}

/// What a session begins with.
#[derive(Debug, Default)]
pub(super) struct Began {
    /// What makes it happen once.
    pub claim: Option<String>,
    /// What the provider calls its session.
    pub provider_session: Option<String>,
}

/// Begins a session in place of the one that the browser may have had, and answers with its cookie.
pub(super) async fn begin(
    asker: &Asker,
    person: &Person,
    way: SignInWay,
    began: Began,
) -> ApiResult<Response> {
    let cookie = new_session(asker, person, way, began).await?;
    let view = view_of(&asker.state, Some(person), None).await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], axum::Json(view)).into_response())
}

/// The cookie of a new session.
pub(super) async fn new_session(
    asker: &Asker,
    person: &Person,
    way: SignInWay,
    began: Began,
) -> ApiResult<String> {
    let people = asker.people()?;
    let secret = random_token().map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    let replaces = asker.principal.account.as_ref().and_then(|account| match &account.carrier {
        Carrier::Session(id) => Some(id.clone()),
        Carrier::Token(_) => None,
    });
    let mut deed = asker.deed();
    deed.actor.clone_from(&person.name);
    deed.actor_id = Some(person.id.clone());
    way.as_str().clone_into(&mut deed.via);
    let new = NewSession {
        secret: secret.clone(),
        person: person.id.clone(),
        way,
        until: deed.at.after(people.rules.longest),
        agent: asker.agent.clone(),
        provider_session: began.provider_session,
        replaces,
        claim: began.claim,
    };
    match asker.state.store().begin_session(new, &deed).await {
        Err(rigi_store::Error::Conflict(_)) => {
            Err(ApiError::new(ErrorCode::SecondFactorNeeded, "this code was used before")
                .cure("Give another one: each serves once."))
        }
        other => other.map_err(ApiError::from),
    }?;
    asker.state.store().saw_person(&person.id, deed.at).await?;
    Ok(asker.state.auth.owner.person_cookie(&secret, people.rules.longest))
}
