//! Letting terminals in: a terminal asks and shows a short code, somebody who has signed in types it on the page and says yes, and the
//! terminal, which waits for that, gets a token (after RFC 8628; the answer is waited for, not asked for again and again).

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{AnswerDevice, AskForDevice, DeviceAsked, DeviceTaken, DeviceView, TakeDeviceToken};
use rigi_model::people::KeyKind;
use rigi_model::{ErrorCode, PersonId, Timestamp, TokenId};
use rigi_store::people::{Device, Token};
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::state::AppState;
use crate::auth::{new_key, random_token};

/// Codes end after this time.
const LIFE: Duration = Duration::from_secs(600);
/// A terminal's question is answered after this time, with `waiting`.
const PATIENCE: Duration = Duration::from_secs(25);
/// A terminal's token ends after this time.
const TOKEN_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// Terminals that may wait at a time: of one address, so that nobody keeps others out, and in all.
const MOST_OF_ADDRESS: i64 = 20;
const MOST: i64 = 10_000;
/// Consonants: no word comes of them, and none is taken for another.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a short code: 34 bits, for ten minutes.
const SHORT: usize = 8;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(ask_for_device))
        .routes(routes!(take_device_token))
        .routes(routes!(get_device, answer_device))
}

/// Eight consonants in two groups.
fn short_code() -> Result<String, getrandom::Error> {
    let mut code = String::new();
    while code.len() < SHORT {
        let mut byte = [0; 1];
        getrandom::fill(&mut byte)?;
        // As likely as each other.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0] % 20)]));
        }
    }
    code.insert(SHORT / 2, '-');
    Ok(code)
}

/// As somebody types it.
fn read_short(text: &str) -> String {
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let mut code = letters.to_ascii_uppercase();
    if code.len() == SHORT {
        code.insert(SHORT / 2, '-');
    }
    code
}

/// A terminal asks to be let in, and shows the short code.
#[utoipa::path(post, path = "/device/codes", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = AskForDevice, responses((status = 201, description = "The codes", body = DeviceAsked)))]
async fn ask_for_device(asker: Asker, Json(body): Json<AskForDevice>) -> ApiResult<Response> {
    asker.people()?;
    let now = Timestamp::now();
    let store = asker.state.store();
    let address = asker.client.address.map(|address| address.to_string());
    let (here, all) = store.db().waiting_devices(address.as_deref(), now).await?;
    if here >= MOST_OF_ADDRESS || all >= MOST {
        return Err(ApiError::too_many("too many terminals wait to be let in", Duration::from_secs(60)));
    }
    let internal = |e: getrandom::Error| ApiError::new(ErrorCode::Internal, e.to_string());
    let secret = random_token().map_err(internal)?;
    let name: String = body.name.trim().chars().filter(|c| !c.is_control()).take(100).collect();
    let device = Device {
        user_code: short_code().map_err(internal)?,
        name: if name.is_empty() { "a terminal".to_owned() } else { name },
        address,
        created_at: now,
        until: now.after(LIFE),
        allowed_by: None,
        denied: false,
    };
    store.add_device(&secret, &device).await?;
    let asked = DeviceAsked {
        device_code: secret,
        path: format!("/device?code={}", device.user_code),
        user_code: device.user_code,
        until: device.until,
    };
    Ok((StatusCode::CREATED, axum::Json(asked)).into_response())
}

fn unknown(code: &str) -> ApiError {
    ApiError::not_found("code of a terminal", code)
        .cure("Codes end after ten minutes: run `rigi login` again, and type what it shows.")
}

async fn find(asker: &Asker, code: &str) -> ApiResult<Device> {
    let code = read_short(code);
    let found = asker.state.store().db().device_by_user_code(&code, Timestamp::now()).await?;
    found.filter(|device| device.allowed_by.is_none() && !device.denied).ok_or_else(|| unknown(&code))
}

/// The terminal that shows a code and waits.
#[utoipa::path(get, path = "/device/codes/{code}", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    params(("code" = String, Path, description = "What the terminal shows", example = "BCDF-GHJK")),
    responses((status = 200, description = "The terminal", body = DeviceView)))]
async fn get_device(asker: Asker, Path(code): Path<String>) -> ApiResult<axum::Json<DeviceView>> {
    asker.account()?;
    let Device { user_code, name, address, created_at, .. } = find(&asker, &code).await?;
    Ok(axum::Json(DeviceView { user_code, name, address, created_at }))
}

/// Lets a terminal in as oneself, or does not.
#[utoipa::path(post, path = "/device/codes/{code}", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    params(("code" = String, Path, description = "What the terminal shows", example = "BCDF-GHJK")), request_body = AnswerDevice,
    responses((status = 204, description = "Answered")))]
async fn answer_device(
    asker: Asker,
    Path(code): Path<String>,
    Json(body): Json<AnswerDevice>,
) -> ApiResult<StatusCode> {
    let person = asker.account()?.person.id.clone();
    let device = find(&asker, &code).await?;
    let answered = asker.state.store().answer_device(&device, &person, body.allow, &asker.deed()).await;
    match answered {
        Err(rigi_store::Error::Conflict(_)) => Err(unknown(&device.user_code)),
        other => Ok(other.map(|()| StatusCode::NO_CONTENT)?),
    }
}

/// What became of a terminal's question. The answer comes when somebody has said yes or no, or after 25 seconds with `waiting`.
#[utoipa::path(post, path = "/device/tokens", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = TakeDeviceToken, responses((status = 200, description = "What became of it", body = DeviceTaken)))]
async fn take_device_token(
    asker: Asker,
    Json(body): Json<TakeDeviceToken>,
) -> ApiResult<axum::Json<DeviceTaken>> {
    asker.people()?;
    // Heard from now on: what is said while the database is asked is not missed.
    let mut commits = asker.state.store().commits();
    let state = |state: &str| DeviceTaken { state: state.to_owned(), key: None, name: None };
    let waiting = async {
        loop {
            let device =
                asker.state.store().db().device_by_secret(&body.device_code, Timestamp::now()).await?;
            let device = device.ok_or_else(|| unknown("of this terminal"))?;
            if device.denied || device.allowed_by.is_some() {
                return Ok(device);
            }
            let told = |commit: &rigi_store::Commit| commit.others.iter().any(|o| o.id == device.user_code);
            while !commits.recv().await.is_ok_and(|commit| told(&commit)) {
                if asker
                    .state
                    .store()
                    .db()
                    .device_by_secret(&body.device_code, Timestamp::now())
                    .await?
                    .is_none()
                {
                    return Err(unknown("of this terminal"));
                }
            }
        }
    };
    let device: Device = match timeout(PATIENCE, waiting).await {
        Err(_) => return Ok(axum::Json(state("waiting"))),
        Ok(device) => device?,
    };
    match &device.allowed_by {
        None => Ok(axum::Json(state("denied"))),
        Some(person) => let_in(&asker, &body.device_code, &device, person).await.map(axum::Json),
    }
}

async fn let_in(asker: &Asker, secret: &str, device: &Device, person: &PersonId) -> ApiResult<DeviceTaken> {
    let store = asker.state.store();
    let person = store.db().person(person).await?;
    let key = new_key(KeyKind::Device).map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    let mut deed = asker.deed();
    deed.actor.clone_from(&person.name);
    deed.actor_id = Some(person.id.clone());
    "device".clone_into(&mut deed.via);
    let token = Token {
        id: TokenId::generate(),
        name: format!("terminal on {}", device.name),
        hint: key.hint(),
        project: None,
        role: None,
        created_at: deed.at,
        until: Some(deed.at.after(TOKEN_LIFE)),
        used_at: None,
    };
    match store.let_in(secret, &person.id, &key, &token, &deed).await {
        Err(rigi_store::Error::Conflict(_)) => Err(unknown("of this terminal")),
        other => Ok(other.map(|()| DeviceTaken {
            state: "allowed".to_owned(),
            key: Some(key.expose().to_owned()),
            name: Some(person.name.clone()),
        })?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_codes_are_read_however_they_are_typed() {
        let code = short_code().unwrap();
        assert_eq!((code.len(), code.as_bytes()[4]), (SHORT + 1, b'-'));
        assert_eq!(read_short(&code.to_lowercase().replace('-', " ")), code);
        assert_eq!(read_short("bcdfghjk"), "BCDF-GHJK");
        assert_eq!(read_short("bcd"), "BCD");
    }
}
