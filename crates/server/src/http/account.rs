//! What is one's own: name, password, second factor.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{
    AccountView, ChangeAccount, ChangePassword, FactorBegun, FactorCode, IdentityView, RecoveryCodes,
    RoleView,
};
use rigi_model::people::person_name;
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::people::{Carrier, NewPassword, Person};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::Json;
use super::mails::note;
use super::sign_in::{busy, by_factor, factor_claim};
use super::state::AppState;
use crate::auth::{Principal, Secret, check_strength, matching_step, recovery_codes};
use crate::mail::Change;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_account, change_account))
        .routes(routes!(change_password))
        .routes(routes!(begin_factor, confirm_factor))
        .routes(routes!(remove_factor))
}

/// Who one is, and what one may.
#[utoipa::path(get, path = "/account", tag = "account", extensions(("x-rigi-action" = json!("account.read"))),
    responses((status = 200, description = "The account", body = AccountView)))]
async fn get_account(asker: Asker) -> ApiResult<axum::Json<AccountView>> {
    let Some(account) = &asker.principal.account else {
        return Ok(axum::Json(view_of(&asker.state, None, Some(&asker.principal)).await?));
    };
    let person = asker.state.store().db().person(&account.person.id).await?;
    Ok(axum::Json(view_of(&asker.state, Some(&person), Some(&asker.principal)).await?))
}

/// An account as its owner sees it: with the rights of whoever asks, or all of them.
pub(super) async fn view_of(
    state: &AppState,
    person: Option<&Person>,
    principal: Option<&Principal>,
) -> ApiResult<AccountView> {
    let db = state.store().db();
    let standing = match (principal, person) {
        (Some(principal), _) => (*principal.standing).clone(),
        (None, Some(person)) => db.standing_of(&person.id).await?,
        (None, None) => rigi_model::rights::Standing::default(),
    };
    let shown =
        |(id, role)| state.projects.of(&id).map(|project| RoleView { project: project.name().clone(), role });
    let roles = standing.roles.into_iter().filter_map(shown).collect();
    let actor = principal.map_or_else(String::new, |principal| principal.actor.to_string());
    let mut view = AccountView {
        id: person.map(|person| person.id.clone()),
        name: person.map_or(actor, |person| person.name.clone()),
        mail: person.and_then(|person| person.mail.clone()),
        mail_verified: person.is_some_and(|person| person.mail_verified),
        administrator: standing.administrator,
        everywhere: standing.everywhere,
        roles,
        has_password: false,
        has_second_factor: false,
        recovery_codes_left: 0,
        identities: Vec::new(),
        session: principal.and_then(|principal| principal.account.as_ref()).and_then(
            |account| match &account.carrier {
                Carrier::Session(id) => Some(id.clone()),
                Carrier::Token(_) => None,
            },
        ),
    };
    if let Some(person) = person {
        view.has_password = db.password_of(&person.id).await?.is_some();
        view.has_second_factor = db.factor_of(&person.id).await?.is_some_and(|f| f.confirmed_at.is_some());
        view.recovery_codes_left = u64::try_from(db.recovery_codes_left(&person.id).await?).unwrap_or(0);
        let identity = |identity: rigi_store::people::Identity| IdentityView {
            issuer: identity.issuer,
            mail: identity.mail_seen,
        };
        view.identities = db.identities_of(&person.id).await?.into_iter().map(identity).collect();
    }
    Ok(view)
}

/// Changes what others see of one.
#[utoipa::path(patch, path = "/account", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    request_body = ChangeAccount, responses((status = 200, description = "The account", body = AccountView)))]
async fn change_account(asker: Asker, Json(body): Json<ChangeAccount>) -> ApiResult<axum::Json<AccountView>> {
    let account = asker.account()?;
    let store = asker.state.store();
    if let Some(name) = body.name {
        let name = person_name(&name).map_err(|e| ApiError::invalid("/name", e.to_string()))?;
        if name != account.person.name {
            store.rename_person(&account.person, &name, &asker.deed()).await.map_err(|e| taken(e, "name"))?;
        }
    }
    let person = store.db().person(&account.person.id).await?;
    Ok(axum::Json(view_of(&asker.state, Some(&person), Some(&asker.principal)).await?))
}

/// A name, an address or an identity that another account has.
pub(super) fn taken(error: rigi_store::Error, what: &str) -> ApiError {
    match error {
        rigi_store::Error::Conflict(_) => {
            let detail = format!("another account has this {what}, or one that people take for the same");
            let mut new = ApiError::new(ErrorCode::StateConflict, detail.clone());
            let fields = ["name", "mail"].into_iter().filter(|field| what.contains(field));
            new.errors =
                fields.map(|field| json!({"pointer": format!("/{field}"), "message": detail})).collect();
            new.cure(format!("Choose another {what}."))
        }
        other => other.into(),
    }
}

/// What a password is made into, if it is none that is guessed first.
pub(super) async fn made_of(
    asker: &Asker,
    pointer: &str,
    password: String,
    about: &[&str],
) -> ApiResult<String> {
    check_strength(&password, about).map_err(|weak| {
        ApiError::invalid(pointer, format!("this password will not do: {weak}"))
            .cure("Take a few words that do not belong together, or let a password manager draw one.")
    })?;
    let made = asker.people()?.passwords.make(password).await.map_err(busy)?;
    made.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the system has no randomness to give"))
}

/// Sets a new password. All other sessions end.
#[utoipa::path(put, path = "/account/password", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    request_body = ChangePassword, responses((status = 204, description = "Set")))]
async fn change_password(asker: Asker, Json(body): Json<ChangePassword>) -> ApiResult<StatusCode> {
    let account = asker.account()?;
    let (store, person) = (asker.state.store(), &account.person);
    let phc = store.db().password_of(&person.id).await?;
    if phc.is_some() {
        let present = body.present.unwrap_or_default();
        let fits = asker.people()?.passwords.fits(present, phc).await.map_err(busy)?;
        if !fits {
            return Err(ApiError::invalid("/present", "this is not the present password"));
        }
    }
    let about = [person.name.as_str(), person.mail.as_deref().unwrap_or_default()];
    let made = made_of(&asker, "/new", body.new, &about).await?;
    let but = match &account.carrier {
        Carrier::Session(id) => Some(id.clone()),
        Carrier::Token(_) => None,
    };
    let deed = asker.deed();
    let note = note(&asker.state, person, Change::Password, &deed)?;
    store
        .set_password(&person.id, NewPassword { phc: made, but, note, ..NewPassword::default() }, &deed)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a second factor: the secret is shown this once, and counts when its first code has come.
#[utoipa::path(post, path = "/account/factor", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    responses((status = 201, description = "The secret", body = FactorBegun)))]
async fn begin_factor(asker: Asker) -> ApiResult<Response> {
    let account = asker.account()?;
    let (store, person) = (asker.state.store(), &account.person);
    if store.db().factor_of(&person.id).await?.is_some_and(|factor| factor.confirmed_at.is_some()) {
        return Err(ApiError::new(ErrorCode::StateConflict, "this account has a second factor already")
            .cure("Give that one up first."));
    }
    let secret = Secret::generate().map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    store.begin_factor(&person.id, store.sealer().seal(secret.expose())?).await?;
    let account = person.mail.as_deref().unwrap_or(&person.name);
    let begun = FactorBegun { address: secret.address("Rigi", account), secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, axum::Json(begun)).into_response())
}

/// Takes the second factor into use, by its first code.
#[utoipa::path(put, path = "/account/factor", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    request_body = FactorCode, responses((status = 200, description = "Codes for when the telephone is lost", body = RecoveryCodes)))]
async fn confirm_factor(asker: Asker, Json(body): Json<FactorCode>) -> ApiResult<axum::Json<RecoveryCodes>> {
    let account = asker.account()?;
    let (store, person) = (asker.state.store(), &account.person);
    let factor = store.db().factor_of(&person.id).await?.filter(|factor| factor.confirmed_at.is_none());
    let factor = factor.ok_or_else(|| {
        ApiError::new(ErrorCode::StateConflict, "no second factor waits for its first code")
            .cure("Begin one: POST /account/factor.")
    })?;
    let secret = Secret::stored(store.sealer().unseal(&factor.sealed)?.unwrap_or_default());
    let step = matching_step(&secret, &body.code, Timestamp::now());
    let step = step.ok_or_else(|| {
        ApiError::invalid("/code", "the code is none of this moment").cure("Check the telephone's clock.")
    })?;
    let codes = recovery_codes().map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    let deed = asker.deed();
    let note = note(&asker.state, person, Change::FactorOn, &deed)?;
    let claim = factor_claim(&person.id, step);
    store.confirm_factor(&person.id, &codes, claim, note.as_ref(), &deed).await?;
    Ok(axum::Json(RecoveryCodes { recovery_codes: codes }))
}

/// Gives the second factor up, by one more code of it.
#[utoipa::path(post, path = "/account/factor/off", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    request_body = FactorCode, responses((status = 204, description = "Given up")))]
async fn remove_factor(asker: Asker, Json(body): Json<FactorCode>) -> ApiResult<StatusCode> {
    let account = asker.account()?;
    let claim = by_factor(&asker, &account.person, Some(&body.code), Timestamp::now()).await?;
    if claim.is_some() {
        let deed = asker.deed();
        let note = note(&asker.state, &account.person, Change::FactorOff, &deed)?;
        asker.state.store().remove_factor(&account.person.id, note.as_ref(), &deed).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
