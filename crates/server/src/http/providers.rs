//! Signing in by a provider: the browser goes there with a question, and comes back with an answer. What belongs to it waits sealed in the
//! browser meanwhile, so that several tabs and several servers do not mind each other.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rigi_api::view::{LookedView, Page, SignedOut, StartSignIn, StartedSignIn};
use rigi_model::people::{Key, SignInWay};
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::people::Carrier;
use rigi_store::people::audit::AuditFilter;
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::auth::{Shown, own_path, shown};
use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::newcomers::person_of;
use super::sign_in::{Began, new_session};
use super::state::AppState;
use crate::auth::oidc::{Answer, OidcError, Provider, Started};

/// The cookie of a sign-in that is under way; the beginning of its state follows.
const COOKIE: &str = "rigi_sign_in_";
const LIFE: Duration = Duration::from_secs(600);
/// Sign-ins by any provider among which the last one of this is looked for.
const LINES_LOOKED_AT: u32 = 1000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start_sign_in)).routes(routes!(check_provider))
}

/// Where providers send browsers, and tell that a session has ended.
pub(super) fn callbacks() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/api/auth/{provider}/callback", get(come_back))
        .route("/api/auth/{provider}/logout", post(signed_out))
}

fn find(state: &AppState, name: &str) -> ApiResult<Arc<Provider>> {
    let people = state.auth.people.as_ref();
    let mut providers = people.into_iter().flat_map(|people| people.providers.iter());
    let found = providers.find(|provider| provider.settings.name == name);
    found.cloned().ok_or_else(|| ApiError::not_found("provider", name))
}

/// Where the provider sends the browser back to.
fn callback(state: &AppState, provider: &Provider) -> String {
    format!("{}/api/auth/{}/callback", state.auth.public_url, provider.settings.name)
}

impl From<OidcError> for ApiError {
    fn from(error: OidcError) -> Self {
        let text = error.to_string();
        match error {
            OidcError::Unreachable { .. } => {
                let mut new =
                    Self::new(ErrorCode::Unavailable, text).cure("Try again, or sign in another way.");
                new.status = Some(StatusCode::BAD_GATEWAY);
                new
            }
            OidcError::Refused { .. } => Self::new(ErrorCode::Unauthenticated, text).cure("Sign in again."),
            OidcError::Denied { .. } => {
                Self::new(ErrorCode::Forbidden, text).cure("Sign in again, or another way.")
            }
        }
    }
}

/// Begins to sign in by a provider: the browser goes to `location`.
#[utoipa::path(post, path = "/sign-in/provider", tag = "account", extensions(("x-rigi-action" = json!("sign-in"))), security(()),
    request_body = StartSignIn, responses((status = 201, description = "Where the browser goes", body = StartedSignIn)))]
async fn start_sign_in(asker: Asker, Json(body): Json<StartSignIn>) -> ApiResult<Response> {
    asker.people()?;
    let provider = find(&asker.state, &body.provider)?;
    let return_to = own_path(body.return_to.as_deref().unwrap_or("/")).to_owned();
    // One that is not whole is none: it is said when the account would be made.
    let invitation = body.key.filter(|key| Key::read(key).is_some());
    let begun =
        provider.begin(&callback(&asker.state, &provider), return_to, invitation, Timestamp::now()).await?;
    let sealer = asker.state.store().sealer();
    let text = serde_json::to_string(&begun.started)
        .map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    let cookie = cookie(&asker.state, &begun.started.state, &sealer.seal(&text)?, LIFE);
    let started = StartedSignIn { location: begun.location };
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], axum::Json(started)).into_response())
}

/// Looks at a provider: whether it can be asked, is the one that is meant, and what it sent at the last sign-in, by names of claims alone.
#[utoipa::path(post, path = "/providers/{name}/check", tag = "people", extensions(("x-rigi-action" = json!("server.operate"))),
    params(("name" = String, Path, description = "Name of a provider")),
    responses((status = 200, description = "One line for each thing", body = Page<LookedView>)))]
async fn check_provider(asker: Asker, Path(name): Path<String>) -> ApiResult<axum::Json<Page<LookedView>>> {
    asker.people()?;
    let provider = find(&asker.state, &name)?;
    let mut items = provider.look(&callback(&asker.state, &provider)).await;
    let filter = AuditFilter {
        action: Some("provider.claims".to_owned()),
        limit: LINES_LOOKED_AT,
        ..AuditFilter::default()
    };
    let lines = asker.state.store().db().audit(&filter).await?;
    items.extend(provider.look_at_claims(&lines));
    Ok(axum::Json(Page { items, next_cursor: None }))
}

fn cookie(state: &AppState, of: &str, value: &str, life: Duration) -> String {
    let secure = if state.auth.owner.is_over_https() { "; Secure" } else { "" };
    let (name, life) = (of.get(..8).unwrap_or_default(), life.as_secs());
    format!("{COOKIE}{name}={value}; Path=/api/auth/; HttpOnly; SameSite=Lax{secure}; Max-Age={life}")
}

/// What waited in the browser for this answer.
fn waited(state: &AppState, headers: &HeaderMap, answer: &Answer) -> Option<Started> {
    let of = answer.state.as_deref()?.get(..8)?;
    let name = format!("{COOKIE}{of}");
    let sealed = crate::auth::cookies(headers, &name).next()?;
    let text = state.store().sealer().unseal(sealed).ok()??;
    serde_json::from_str(&text).ok()
}

/// The browser comes back. It is led on by a page: a redirect would come from the provider, without the new cookie.
async fn come_back(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(answer): Query<Answer>,
    request: Request,
) -> Response {
    let of = answer.state.clone().unwrap_or_default();
    let mut response = match finish(&state, &name, &answer, request).await {
        Ok((cookie, target)) => super::auth::led_on(cookie, &target),
        Err(error) => failed(&error),
    };
    // It serves once.
    if let Ok(value) =
        cookie(&state, &of.replace(|c: char| !c.is_ascii_alphanumeric(), ""), "", Duration::ZERO).parse()
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

async fn finish(
    state: &AppState,
    name: &str,
    answer: &Answer,
    request: Request,
) -> ApiResult<(String, String)> {
    let provider = find(state, name)?;
    let now = Timestamp::now();
    let started = waited(state, request.headers(), answer).ok_or_else(|| {
        ApiError::new(
            ErrorCode::Unauthenticated,
            "this browser has not begun to sign in, or took longer than ten minutes",
        )
        .cure("Sign in again.")
    })?;
    let verified = provider.finish(&started, answer, &callback(state, &provider), now).await?;
    let asker = asker_of(state, request, now).await?;
    let person = person_of(&asker, &provider, &verified, started.invitation.as_deref()).await?;
    let session = provider.session_name(verified.claims.session.as_deref());
    let began = Began { claim: Some(format!("sign-in {}", started.state)), provider_session: Some(session) };
    let cookie = new_session(&asker, &person, SignInWay::Provider, began).await?;
    Ok((cookie, started.return_to))
}

/// A provider that takes longer to say where it ends sessions is not waited for: whoever signs out is signed out here.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// Where a browser ends the provider's own session with which one here began; `None`: it is left alone.
pub(super) async fn end_there(asker: &Asker, began: &str) -> Option<SignedOut> {
    let (name, session) = began.split_once(' ')?;
    let provider = find(&asker.state, name).ok().filter(|provider| provider.settings.ends_session)?;
    let home = format!("{}/", asker.state.auth.public_url);
    let session = Some(session).filter(|session| !session.is_empty());
    let asked = provider.end_address(session, &home, Timestamp::now());
    let label = &provider.settings.label;
    let goes_on = |why: &str| format!("You are still signed in at {label}: {why}.");
    Some(match tokio::time::timeout(END_PATIENCE, asked).await {
        Ok(Ok(Some(location))) => SignedOut { location: Some(location), note: None },
        Ok(Ok(None)) => SignedOut { location: None, note: Some(goes_on("it does not say where that ends")) },
        Ok(Err(error)) => SignedOut { location: None, note: Some(goes_on(&error.to_string())) },
        Err(_) => SignedOut { location: None, note: Some(goes_on("it does not answer")) },
    })
}

/// Who asks: somebody who had signed in before, perhaps. These routes are for everybody.
async fn asker_of(state: &AppState, mut request: Request, now: Timestamp) -> ApiResult<Asker> {
    let client = Client::of(&request, &state.auth.proxies);
    if let Shown::Session(principal) = shown(state, request.headers(), now).await? {
        request.extensions_mut().insert(principal);
    }
    request.extensions_mut().insert(client);
    let (mut parts, _) = request.into_parts();
    Asker::from_request_parts(&mut parts, state).await
}

/// A page for people: they come from elsewhere, and see no problem document.
fn failed(error: &ApiError) -> Response {
    let problem = error.problem(&super::request::id());
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = include_str!("sign_in_failed.html")
        .replace("{detail}", &super::auth::escape(&problem.detail))
        .replace("{cure}", &super::auth::escape(problem.cure.as_deref().unwrap_or_default()));
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], page)
        .into_response()
}

#[derive(Deserialize)]
struct LogoutToken {
    logout_token: String,
}

/// The provider says that a session of its own has ended: those that began with it end here.
async fn signed_out(State(state): State<AppState>, Path(name): Path<String>, request: Request) -> Response {
    let ended = async {
        let provider = find(&state, &name)?;
        let now = Timestamp::now();
        let client = Client::of(&request, &state.auth.proxies);
        let form = Form::<LogoutToken>::from_request(request, &state).await;
        let Form(LogoutToken { logout_token }) =
            form.map_err(|_| ApiError::invalid("", "there is no `logout_token`"))?;
        let told = provider.signed_out(&logout_token, now).await?;
        let db = state.store().db();
        let sessions: Vec<_> = match (&told.session, &told.subject) {
            (Some(session), _) => {
                let known = db.sessions_of_provider(&provider.session_name(Some(session))).await?;
                known.into_iter().map(|(id, _)| id).collect()
            }
            (None, Some(subject)) => match db.person_of_identity(&provider.settings.issuer, subject).await? {
                Some(person) => {
                    let all = db.sessions_of(&person, Timestamp(0), Timestamp(0)).await?;
                    let own = all.into_iter().filter(|session| session.way == SignInWay::Provider);
                    own.map(|session| session.id).collect()
                }
                None => Vec::new(),
            },
            (None, None) => {
                return Err(ApiError::invalid("", "the token says neither whose session nor which"));
            }
        };
        let deed = rigi_store::people::Deed {
            actor: provider.settings.label.clone(),
            actor_id: None,
            via: "provider".to_owned(),
            address: client.address.map(|address| address.to_string()),
            request: Some(super::request::id().to_string()),
            at: now,
        };
        Ok::<_, ApiError>(state.store().end_sessions(&sessions, &deed).await?)
    };
    match ended.await {
        Ok(()) => StatusCode::OK.into_response(),
        // As the standard has it.
        Err(error) => {
            let body = json!({"error": "invalid_request", "error_description": error.detail});
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
    }
}

/// Whether a sign-in adds an identity to the account that asks, which has signed in with a session.
pub(super) fn links_to(asker: &Asker) -> Option<rigi_model::PersonId> {
    let account = asker.principal.account.as_ref()?;
    matches!(account.carrier, Carrier::Session(_)).then(|| account.person.id.clone())
}
