//! Who a request comes from. Host and Origin are checked, so that foreign pages can neither read nor act.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use rigi_model::people::Key;
use rigi_model::{ErrorCode, Timestamp};

use super::client::Client;
use super::ending;
use super::error::{ApiError, ApiResult};
use super::rights::Actions;
use super::state::AppState;
use crate::auth::Principal;
use crate::door::Seat;

/// A browser that came by a link of the one who has the server for themselves stays signed in for so long.
const OWNER_SESSION: Duration = Duration::from_secs(90 * 24 * 3600);

/// Who looks at a public project is let in anew after this time.
const VISIT: Duration = Duration::from_secs(60);

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The host that a request names: rebinding a foreign name to this address does not pass for this server.
pub async fn check_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default();
    if state.auth.owner.is_known_host(host) {
        return next.run(request).await;
    }
    ApiError::new(ErrorCode::Forbidden, format!("this server does not answer to the name `{host}`"))
        .cure("Use the address that `rigi up` printed, or set `server.public_url`.")
        .into_response()
}

/// By what a request shows who it comes from.
pub(super) enum Shown {
    /// Something that a program sends on purpose.
    Token(Principal),
    /// Something that a browser sends by itself.
    Session(Principal),
    Nothing,
}

/// Who a request says that it comes from.
pub(super) async fn shown(state: &AppState, headers: &HeaderMap, now: Timestamp) -> ApiResult<Shown> {
    let auth = &state.auth;
    if let Some(token) = bearer(headers) {
        if auth.owner.is_token(token) {
            let of_one = auth.people.is_none();
            return Ok(Shown::Token(if of_one { Principal::you() } else { Principal::terminal() }));
        }
        // What is no whole key is looked for nowhere.
        let Some((people, key)) = auth.people.as_ref().zip(Key::read(token)) else {
            return Ok(Shown::Nothing);
        };
        return Ok(people.known.token(&key, now).await?.map_or(Shown::Nothing, Shown::Token));
    }
    let session = match &auth.people {
        None => auth.owner.has_session(headers).then(Principal::you),
        Some(people) => match auth.owner.person_session(headers) {
            Some(secret) => people.known.session(secret, now).await?,
            None => None,
        },
    };
    Ok(session.map_or(Shown::Nothing, Shown::Session))
}

/// Finds out who asks. What is for everybody is done for nobody as well; with a session, only from this server's own pages.
pub async fn require(
    State((state, actions)): State<(AppState, Actions)>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = Client::of(&request, &state.auth.proxies);
    let shown = match shown(&state, request.headers(), Timestamp::now()).await {
        Ok(shown) => shown,
        Err(error) => return error.into_response(),
    };
    let by_token = matches!(shown, Shown::Token(_));
    let principal = match shown {
        Shown::Token(principal) | Shown::Session(principal) => {
            recognise(&request);
            principal
        }
        Shown::Nothing => match actions.stranger(&state, &request) {
            Some(principal) => principal,
            None => return nobody(&state).into_response(),
        },
    };
    if !by_token && !is_own(&request) {
        return ApiError::new(ErrorCode::Forbidden, "the request came from a foreign page").into_response();
    }
    let account = principal.account.clone();
    let visits = account.is_none() && !principal.standing.administrator;
    let ended = principal.ended.clone();
    request.extensions_mut().insert(principal);
    request.extensions_mut().insert(client);
    let response = next.run(request).await;
    match account {
        Some(account) => ending::with(response, ended, account.until),
        None if visits => ending::with(response, ended, Some(Timestamp::now().after(VISIT))),
        None => response,
    }
}

/// Who knocks, for what is open to those who have a key in their address.
pub async fn know_client(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let client = Client::of(&request, &state.auth.proxies);
    request.extensions_mut().insert(client);
    next.run(request).await
}

fn is_own(request: &Request) -> bool {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads { is_own_read(headers) } else { is_own_origin(headers) }
}

/// What is said to who has not signed in.
fn nobody(state: &AppState) -> ApiError {
    if state.auth.people.is_some() {
        return ApiError::new(ErrorCode::Unauthenticated, "nobody is signed in, or no longer")
            .cure("Sign in on the page, or in a terminal with `rigi login ADDRESS`.");
    }
    ApiError::new(ErrorCode::Unauthenticated, "this server is behind a link")
        .cure("Open the link that `rigi up` printed; `rigi status --link` prints a new one.")
}

/// The connection of a request that has signed in keeps its place.
pub(super) fn recognise(request: &Request) {
    if let Some(seat) = request.extensions().get::<Seat>() {
        seat.recognise();
    }
}

/// Foreign pages may lead to this server, and load nothing of it: pages of other ports of this machine are of the same
/// site, so that a browser sends them the cookie along.
fn is_own_read(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &[&str]| {
        headers.get(name).is_none_or(|value| wanted.iter().any(|wanted| value == wanted))
    };
    is("sec-fetch-site", &["same-origin", "none"])
        || (headers.contains_key("sec-fetch-mode") && is("sec-fetch-mode", &["navigate"]))
}

fn is_own_origin(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Browsers send an origin with every request that is not a plain read; tools send none.
        return headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str()) == host
}

/// Turns a link's code into a session cookie, and leads to the same page without the code.
pub async fn open_link(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    // A look ahead (a browser's prefetch, a preview by HEAD) must not use a link up.
    let opens = *request.method() == Method::GET && !request.headers().contains_key("sec-purpose");
    let of_one = state.auth.people.is_none();
    let code = query.split('&').find_map(|part| part.strip_prefix("token=")).filter(|_| opens && of_one);
    let Some(code) = code else {
        return next.run(request).await;
    };
    let target = own_path(request.uri().path()).to_owned();
    if !state.auth.owner.open_link(code, Timestamp::now()) {
        // Somebody who is in already may open an old link again.
        if state.auth.owner.has_session(request.headers()) {
            return Redirect::to(&target).into_response();
        }
        let page = include_str!("used_link.html");
        return (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
            .into_response();
    }
    let Ok(session) = state.auth.owner.new_session() else {
        return ApiError::new(ErrorCode::Internal, "the system has no randomness to give").into_response();
    };
    led_on(state.auth.owner.session_cookie(&session, OWNER_SESSION), &target)
}

/// A page that sets a cookie and leads on.
pub(super) fn led_on(cookie: String, target: &str) -> Response {
    // A redirect would come from the terminal's link as a foreign navigation, without the new cookie: a page does not.
    let page = include_str!("opened_link.html").replace("{target}", &escape(target));
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CONTENT_TYPE, "text/html; charset=utf-8".into()),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    (StatusCode::OK, headers, page).into_response()
}

/// A path that a browser takes for one of this server: `//name` and `/\name` lead to another.
pub(super) fn own_path(path: &str) -> &str {
    let leaves = path.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\']));
    if leaves || !path.starts_with('/') { "/" } else { path }
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_link_leads_nowhere_else() {
        for (path, target) in
            [("/runs/x", "/runs/x"), ("/", "/"), ("//evil.example/", "/"), ("/\\evil", "/"), ("", "/")]
        {
            assert_eq!(own_path(path), target, "{path}");
        }
    }

    #[test]
    fn foreign_pages_may_lead_here_and_load_nothing() {
        let asks = |site: &'static str, mode: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
            is_own_read(&headers)
        };
        assert!(asks("same-origin", "cors") && asks("none", "navigate") && is_own_read(&HeaderMap::new()));
        assert!(asks("cross-site", "navigate") && asks("same-site", "navigate"));
        assert!(!asks("same-site", "no-cors") && !asks("cross-site", "cors"));
    }
}
