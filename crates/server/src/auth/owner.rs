//! The one who has the server for themselves: whoever holds its token, and browsers that came by a link of it.
//!
//! The token lies in the data folder (0600) for the command line. A link carries a one-time code that becomes a session
//! cookie.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use rigi_model::Timestamp;
use rigi_model::hash::hex;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Beginning of the session cookie's name. Browsers keep the cookies of an address, not of a port: two servers of one
/// machine must not take each other's.
const COOKIE: &str = "rigi_session_";
/// The same of people, over TLS: a browser takes it from nobody else, and for no other path.
const PEOPLE_COOKIE: &str = "__Host-rigi";
/// A link that nobody opened ends after this time.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Links that wait to be opened, at most.
const MOST_LINKS: usize = 100;

/// See the module.
pub struct Owner {
    token: String,
    links: Mutex<HashMap<String, Timestamp>>,
    hosts: Vec<String>,
    cookie: String,
    /// Browsers are told never to send a session without TLS.
    secure: bool,
}

impl Owner {
    /// With this token (hex of 256 bits), answering only to these hosts.
    #[must_use]
    pub fn new(token: String, hosts: Vec<String>) -> Self {
        let mut owner = Self { token, links: Mutex::default(), hosts, cookie: String::new(), secure: false };
        owner.cookie = format!("{COOKIE}{}", &owner.sign("cookie")[..8]);
        owner
    }

    /// Behind an address with TLS: browsers are told never to send the session without it.
    #[must_use]
    pub const fn over_https(mut self) -> Self {
        self.secure = true;
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
    pub(crate) fn open_link(&self, code: &str, now: Timestamp) -> bool {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let found = links.keys().find(|known| same(known, code)).cloned();
        found.and_then(|code| links.remove(&code)).is_some_and(|made| now.since(made) < LINK_LIFE)
    }

    /// Whether this is the server's own token.
    #[must_use]
    pub fn is_token(&self, token: &str) -> bool {
        same(token, &self.token)
    }

    fn sign(&self, nonce: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.token.as_bytes()) else { return String::new() };
        mac.update(b"rigi session ");
        mac.update(nonce.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    pub(crate) fn new_session(&self) -> Result<String, getrandom::Error> {
        let nonce = random_token()?;
        Ok(format!("{nonce}.{}", self.sign(&nonce)))
    }

    fn is_session(&self, cookie: &str) -> bool {
        cookie.split_once('.').is_some_and(|(nonce, mark)| nonce.len() == 64 && same(&self.sign(nonce), mark))
    }

    /// Whether a request carries a session of this server.
    pub(crate) fn has_session(&self, headers: &HeaderMap) -> bool {
        cookies(headers, &self.cookie).any(|value| self.is_session(value))
    }

    /// The cookie of a session that lasts so long.
    pub(crate) fn session_cookie(&self, value: &str, life: Duration) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, life) = (&self.cookie, life.as_secs());
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}; Max-Age={life}")
    }

    /// Whether browsers come over TLS.
    pub(crate) const fn is_over_https(&self) -> bool {
        self.secure
    }

    /// What the cookie of people's sessions is called.
    fn people_cookie(&self) -> &str {
        if self.secure { PEOPLE_COOKIE } else { &self.cookie }
    }

    /// What a request says that a person's session is.
    pub(crate) fn person_session<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let plain = |value: &&str| value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit());
        cookies(headers, self.people_cookie()).find(plain)
    }

    /// The cookie of a person's session. Pages of others may lead here with it, and do nothing.
    pub(crate) fn person_cookie(&self, value: &str, life: Duration) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, life) = (self.people_cookie(), life.as_secs());
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={life}")
    }

    pub(crate) fn is_known_host(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name);
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Values of a cookie.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let parts = all.flat_map(|text| text.split(';')).filter_map(|part| part.trim().split_once('='));
    parts.filter(move |(found, _)| *found == name).map(|(_, value)| value)
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn auth() -> Owner {
        Owner::new("ab".repeat(32), vec!["127.0.0.1".into(), "localhost".into()])
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
        let (one, other) = (auth(), Owner::new("cd".repeat(32), Vec::new()));
        assert_ne!(one.cookie, other.cookie);
        let carry = |auth: &Owner, session: &str| {
            let text = format!("a=b; {}={session}", auth.cookie);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&text).unwrap());
            headers
        };
        let session = one.new_session().unwrap();
        assert!(one.has_session(&carry(&one, &session)));
        assert!(!other.has_session(&carry(&one, &session)) && !other.has_session(&carry(&other, &session)));
        let cookie = auth().over_https().person_cookie("x", Duration::from_secs(1));
        assert!(cookie.starts_with("__Host-rigi=x; Path=/; ") && cookie.contains("; Secure"), "{cookie}");
    }
}
