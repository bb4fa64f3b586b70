//! The runner's way to its server: tried again until it is heard, for a server may be away for a while.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Body, ClientBuilder, RequestBuilder, Response, StatusCode};
use rigi_model::causes::with_causes;
use rigi_work::wire::KEPT;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Between two tries: at first, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server that takes a connection and says nothing for so long is tried again.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// A socket that is mounted into the container.
    Socket(PathBuf),
    /// `http://…` or `https://…`.
    Url(String),
}

/// What came of a call.
#[derive(Debug, thiserror::Error)]
pub enum CallTrouble {
    /// The server has its reasons: it is not to be asked again.
    #[error("{0}")]
    Final(String),
    /// Another time, perhaps.
    #[error("{0}")]
    Passing(String),
    /// The server has only so many bytes of what was sent to another one.
    #[error("the server has {0} bytes of the log")]
    Behind(u64),
    /// It is not the server's fault, and no other try will help.
    #[error("{0}")]
    Here(String),
}

/// Talks to the server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For what takes as long as it takes: a bound on silence counts from when a request begins.
    patient: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    pub fn new(place: &Server, token: &str) -> Result<Self, String> {
        let base = match place {
            Server::Socket(_) => "http://rigi".to_owned(),
            Server::Url(url) => url.trim_end_matches('/').to_owned(),
        };
        let builder = || {
            let builder = without_proxy(&base).connect_timeout(CONNECT);
            match place {
                Server::Socket(path) => builder.unix_socket(path.clone()),
                Server::Url(_) => builder,
            }
        };
        let build = |builder: ClientBuilder| builder.build().map_err(|error| with_causes(&error));
        let (http, patient) = (build(builder().read_timeout(SILENCE))?, build(builder())?);
        Ok(Self { http, patient, base, token: token.to_owned() })
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.call(self.http.get(self.url(path)))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.call(self.http.post(self.url(path)))
    }

    /// Sends what may be long.
    pub fn put(&self, path: &str, body: Body) -> RequestBuilder {
        self.call(self.patient.put(self.url(path)).body(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/runner/v1/{path}", self.base)
    }

    fn call(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.token)
    }

    pub async fn post_json<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, CallTrouble> {
        ask(self.post(path).json(body)).await
    }

    pub async fn get_json<A: DeserializeOwned>(&self, path: &str) -> Result<A, CallTrouble> {
        ask(self.get(path)).await
    }

    /// Tries until it works, or never will. Says on standard error when it takes long.
    pub async fn insist<T, F: Future<Output = Result<T, CallTrouble>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, CallTrouble> {
        let mut pause = PAUSE;
        loop {
            match call().await {
                Err(CallTrouble::Passing(why)) => {
                    if pause >= LONGEST_PAUSE {
                        eprintln!("rigi runner: the server cannot be reached at {}: {why}", self.base);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return other,
            }
        }
    }
}

/// A client of what is at `url`, without proxies: they are the image's.
pub fn without_proxy(url: &str) -> ClientBuilder {
    // Installed once per process; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy();
    // An image may hold no certificates of authorities; they are looked for only where they are needed.
    if url.starts_with("https://") { builder } else { builder.tls_certs_only([]) }
}

/// Sends a request whose answer is JSON.
pub async fn ask<A: DeserializeOwned>(request: RequestBuilder) -> Result<A, CallTrouble> {
    send(request).await?.json().await.map_err(|error| CallTrouble::Passing(error.to_string()))
}

/// Sends a request; an answer that is no success is trouble.
pub async fn send(request: RequestBuilder) -> Result<Response, CallTrouble> {
    let answer = request.send().await.map_err(|error| CallTrouble::Passing(with_causes(&error)))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let kept = answer.headers().get(KEPT).and_then(|kept| kept.to_str().ok()?.parse().ok());
    if let Some(kept) = kept {
        return Err(CallTrouble::Behind(kept));
    }
    let text = answer.text().await.unwrap_or_default();
    let why = format!("{status}: {}", text.chars().take(500).collect::<String>());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::CONFLICT | StatusCode::GONE | StatusCode::BAD_REQUEST => {
            Err(CallTrouble::Final(why))
        }
        // What the server has is damaged or gone.
        StatusCode::UNPROCESSABLE_ENTITY => Err(CallTrouble::Here(text)),
        _ => Err(CallTrouble::Passing(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_tls_needs_no_certificates() {
        // The builder reads them when it builds: in an empty image there are none.
        for place in [Server::Socket("/rigi/server/sock".into()), Server::Url("http://10.0.0.5:7445/".into())]
        {
            assert!(Client::new(&place, "rat1").is_ok(), "{place:?}");
        }
    }
}
