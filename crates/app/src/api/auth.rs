//! Who may use a single user's server: whoever holds its token, and browsers that came by a link of it.
//!
//! The token lies in the data folder (0600) for the command line. A link carries a one-time code that becomes a session
//! cookie. Host and Origin are checked, so that foreign pages can neither read nor act.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use hmac::{Hmac, KeyInit, Mac};
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::hex;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::state::AppState;

/// Name of the session cookie.
const COOKIE: &str = "rigi_session";
/// A link that nobody opened ends after this time.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Links that wait to be opened, at most.
const MOST_LINKS: usize = 100;

/// Keys of a server.
pub struct Auth {
    token: String,
    links: Mutex<HashMap<String, Timestamp>>,
    hosts: Vec<String>,
}

impl Auth {
    /// With this token (hex of 256 bits), answering only to these hosts.
    #[must_use]
    pub fn new(token: String, hosts: Vec<String>) -> Self {
        Self { token, links: Mutex::default(), hosts }
    }

    /// A new one-time code for a link.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new_link(&self, now: Timestamp) -> Result<String, getrandom::Error> {
        let code = random_token()?;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, made| now.since(*made) < LINK_LIFE);
        if links.len() >= MOST_LINKS
            && let Some(oldest) = links.iter().min_by_key(|(_, made)| **made).map(|(code, _)| code.clone())
        {
            links.remove(&oldest);
        }
        links.insert(code.clone(), now);
        Ok(code)
    }

    /// Takes a link's code; `true` once.
    fn open_link(&self, code: &str, now: Timestamp) -> bool {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let found = links.keys().find(|known| same(known, code)).cloned();
        found.and_then(|code| links.remove(&code)).is_some_and(|made| now.since(made) < LINK_LIFE)
    }

    fn sign(&self, nonce: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.token.as_bytes()) else { return String::new() };
        mac.update(b"rigi session ");
        mac.update(nonce.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    fn new_session(&self) -> Result<String, getrandom::Error> {
        let nonce = random_token()?;
        Ok(format!("{nonce}.{}", self.sign(&nonce)))
    }

    fn is_session(&self, cookie: &str) -> bool {
        cookie.split_once('.').is_some_and(|(nonce, mark)| nonce.len() == 64 && same(&self.sign(nonce), mark))
    }

    fn is_known_host(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name);
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// 256 random bits, in hex.
///
/// # Errors
/// If the system has no randomness to give.
pub fn random_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';')).find_map(|part| part.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The host that a request names: rebinding a foreign name to this address does not pass for this server.
pub async fn check_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default();
    if state.auth.is_known_host(host) {
        return next.run(request).await;
    }
    ApiError::new(ErrorCode::Forbidden, format!("this server does not answer to the name `{host}`"))
        .cure("Use the address that `rigi up` printed, or set `server.public_url`.")
        .into_response()
}

/// Lets requests pass that carry the token or a session; with a session, only from this server's own pages.
pub async fn require(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if bearer(headers).is_some_and(|token| same(token, &state.auth.token)) {
        return next.run(request).await;
    }
    if !cookie(headers).is_some_and(|session| state.auth.is_session(session)) {
        return ApiError::new(ErrorCode::Unauthenticated, "this server is behind a link")
            .cure("Open the link that `rigi up` printed; `rigi status --link` prints a new one.")
            .into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !is_own_origin(headers) {
        return ApiError::new(ErrorCode::Forbidden, "the request came from a foreign page").into_response();
    }
    next.run(request).await
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
    let Some(code) = query.split('&').find_map(|part| part.strip_prefix("token=")) else {
        return next.run(request).await;
    };
    let target = request.uri().path().to_owned();
    if !state.auth.open_link(code, Timestamp::now()) {
        // Somebody who is in already may open an old link again.
        if cookie(request.headers()).is_some_and(|session| state.auth.is_session(session)) {
            return Redirect::to(&target).into_response();
        }
        let page = include_str!("used_link.html");
        return (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
            .into_response();
    }
    let Ok(session) = state.auth.new_session() else {
        return ApiError::new(ErrorCode::Internal, "the system has no randomness to give").into_response();
    };
    let life = 90 * 24 * 3600;
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}");
    // A redirect would come from the terminal's link as a foreign navigation, without the new cookie: a page does not.
    let page = include_str!("opened_link.html").replace("{target}", &escape(&target));
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CONTENT_TYPE, "text/html; charset=utf-8".into()),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    (StatusCode::OK, headers, page).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> Auth {
        Auth::new("ab".repeat(32), vec!["127.0.0.1".into(), "localhost".into()])
    }

    #[test]
    fn a_link_opens_once_and_not_after_a_day() {
        let auth = auth();
        let code = auth.new_link(Timestamp(0)).unwrap();
        assert!(!auth.open_link("nonsense", Timestamp(1)));
        assert!(auth.open_link(&code, Timestamp(1)));
        assert!(!auth.open_link(&code, Timestamp(2)));
        let old = auth.new_link(Timestamp(0)).unwrap();
        assert!(!auth.open_link(&old, Timestamp(0).after(LINK_LIFE)));
    }

    #[test]
    fn sessions_are_signed_and_hosts_are_known() {
        let auth = auth();
        let session = auth.new_session().unwrap();
        assert!(auth.is_session(&session));
        let forged = session.replace(&session[..1], if session.starts_with('0') { "1" } else { "0" });
        assert!(!auth.is_session(&forged));
        assert!(auth.is_known_host("127.0.0.1:7444") && auth.is_known_host("LOCALHOST"));
        assert!(!auth.is_known_host("evil.example:7444"));
    }
}
