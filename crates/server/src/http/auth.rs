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
use rigi_model::hash::hex;
use rigi_model::{ErrorCode, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::rights::Principal;
use super::state::AppState;
use crate::door::Seat;

/// Beginning of the session cookie's name. Browsers keep the cookies of an address, not of a port: two servers of one
/// machine must not take each other's.
const COOKIE: &str = "rigi_session_";
/// A link that nobody opened ends after this time.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Links that wait to be opened, at most.
const MOST_LINKS: usize = 100;

/// Keys of a server.
pub struct Auth {
    token: String,
    links: Mutex<HashMap<String, Timestamp>>,
    hosts: Vec<String>,
    cookie: String,
    /// What follows the value of the cookie.
    attributes: &'static str,
    /// Tokens of others, by which the gate is tried.
    #[cfg(test)]
    others: Vec<(String, Principal)>,
}

impl Auth {
    /// With this token (hex of 256 bits), answering only to these hosts.
    #[must_use]
    pub fn new(token: String, hosts: Vec<String>) -> Self {
        let mut auth = Self {
            token,
            links: Mutex::default(),
            hosts,
            cookie: String::new(),
            #[cfg(test)]
            others: Vec::new(),
            attributes: "Path=/; HttpOnly; SameSite=Strict",
        };
        auth.cookie = format!("{COOKIE}{}", &auth.sign("cookie")[..8]);
        auth
    }

    /// Behind an address with TLS: browsers are told never to send the session without it.
    #[must_use]
    pub const fn over_https(mut self) -> Self {
        self.attributes = "Path=/; HttpOnly; SameSite=Strict; Secure";
        self
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

    /// With tokens of others, by which the gate is tried.
    #[cfg(test)]
    pub(super) fn knowing(mut self, others: Vec<(String, Principal)>) -> Self {
        self.others = others;
        self
    }

    /// Whose token this is.
    fn principal(&self, token: &str) -> Option<Principal> {
        let own = same(token, &self.token).then(Principal::you);
        #[cfg(test)]
        let own =
            own.or_else(|| self.others.iter().find(|(other, _)| other == token).map(|(_, p)| p.clone()));
        own
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

    /// Whether a request carries a session of this server.
    fn has_session(&self, headers: &HeaderMap) -> bool {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut parts = all.flat_map(|text| text.split(';')).filter_map(|part| part.trim().split_once('='));
        parts.any(|(name, value)| name == self.cookie && self.is_session(value))
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

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
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
pub async fn require(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(principal) = bearer(headers).and_then(|token| state.auth.principal(token)) {
        recognise(&request);
        request.extensions_mut().insert(principal);
        return next.run(request).await;
    }
    if !state.auth.has_session(headers) {
        return ApiError::new(ErrorCode::Unauthenticated, "this server is behind a link")
            .cure("Open the link that `rigi up` printed; `rigi status --link` prints a new one.")
            .into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let own = if reads { is_own_read(headers) } else { is_own_origin(headers) };
    if !own {
        return ApiError::new(ErrorCode::Forbidden, "the request came from a foreign page").into_response();
    }
    recognise(&request);
    request.extensions_mut().insert(Principal::you());
    next.run(request).await
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
    let code = query.split('&').find_map(|part| part.strip_prefix("token=")).filter(|_| opens);
    let Some(code) = code else {
        return next.run(request).await;
    };
    let target = own_path(request.uri().path()).to_owned();
    if !state.auth.open_link(code, Timestamp::now()) {
        // Somebody who is in already may open an old link again.
        if state.auth.has_session(request.headers()) {
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
    let Auth { cookie, attributes, .. } = &state.auth;
    let cookie = format!("{cookie}={session}; {attributes}; Max-Age={life}");
    // A redirect would come from the terminal's link as a foreign navigation, without the new cookie: a page does not.
    let page = include_str!("opened_link.html").replace("{target}", &escape(&target));
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CONTENT_TYPE, "text/html; charset=utf-8".into()),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    (StatusCode::OK, headers, page).into_response()
}

/// A path that a browser takes for one of this server: `//name` and `/\name` lead to another.
fn own_path(path: &str) -> &str {
    let leaves = path.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\']));
    if leaves || !path.starts_with('/') { "/" } else { path }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
        assert!(!auth.is_known_host("127.0.0.1.evil.example") && !auth.is_known_host(""));
    }

    #[test]
    fn a_cookie_is_named_for_its_server_and_counts_for_it_alone() {
        let (one, other) = (auth(), Auth::new("cd".repeat(32), Vec::new()));
        assert_ne!(one.cookie, other.cookie);
        let carry = |auth: &Auth, session: &str| {
            let text = format!("a=b; {}={session}", auth.cookie);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&text).unwrap());
            headers
        };
        let session = one.new_session().unwrap();
        assert!(one.has_session(&carry(&one, &session)));
        assert!(!other.has_session(&carry(&one, &session)) && !other.has_session(&carry(&other, &session)));
        assert!(auth().over_https().attributes.ends_with("; Secure"));
    }

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
