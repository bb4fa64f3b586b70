//! One call of the API.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use rigi_api::view::{LookedView, Page, ReadyView};
use rigi_api::{OF_PROJECTS, percent};
use rigi_model::ProjectName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::discover::ServerPlace;
use super::problem::Problem;

/// A server that does not take a connection within this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers come at once; a server that says nothing for so long hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address of the server is none.
    #[error("`{url}` is not the address of a server")]
    Address {
        /// As given.
        url: String,
    },
    /// Nothing answers there.
    #[error("the server at {url} does not answer: {}", innermost(.source))]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{}", said(.problem, .status))]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// What it said.
        problem: Box<Problem>,
    },
    /// The answer is not what this version understands.
    #[error("the server at {url} answered {path} with something else than expected: {detail}")]
    Strange {
        /// Where it is.
        url: String,
        /// What was asked for.
        path: String,
        /// What is wrong with the answer.
        detail: String,
    },
}

impl CallError {
    /// Whether the same call may succeed a moment later: the server was replaced, or was busy.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Address { .. } | Self::Strange { .. } => false,
        }
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

fn said(problem: &Problem, status: &StatusCode) -> String {
    let words = [&problem.detail, &problem.title].into_iter().find(|text| !text.is_empty());
    words.cloned().unwrap_or_else(|| format!("the server answered {status}"))
}

/// Trusts whom this machine trusts (or `SSL_CERT_FILE` names). Reading all of them takes a moment, which calls of a
/// server on this machine do not need.
fn tls(scheme: &str) -> Result<rustls::ClientConfig, rustls::Error> {
    let mut trusted = rustls::RootCertStore::empty();
    if scheme == "https" {
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

/// Talks to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// Where people reach it, if not there.
    public: Option<String>,
    token: Option<String>,
    /// Whose things are asked for, if not those of the project that is always there.
    project: Option<String>,
}

impl Client {
    /// A client of this server. Nothing is sent yet.
    ///
    /// # Errors
    /// When its address is none.
    pub fn new(server: &ServerPlace) -> Result<Self, CallError> {
        let wrong = || CallError::Address { url: server.url.clone() };
        let base = Url::parse(&server.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(wrong)?;
        let agent = concat!("rigi/", env!("CARGO_PKG_VERSION"));
        let tls = tls(base.scheme()).map_err(|_| wrong())?;
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).user_agent(agent);
        let http = http.tls_backend_preconfigured(tls);
        // No proxy: the token must not pass through one by accident, and loopback never does.
        let http = http.no_proxy().build().map_err(|_| wrong())?;
        Ok(Self { http, base, public: server.public.clone(), token: server.token.clone(), project: None })
    }

    /// The same server, in a project.
    #[must_use]
    pub fn within(self, project: Option<&str>) -> Self {
        let other = project.filter(|name| !name.is_empty() && ProjectName::default() != **name);
        Self { project: other.map(str::to_owned), ..self }
    }

    /// The server's address.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address that people use.
    #[must_use]
    pub fn public(&self) -> &str {
        self.public.as_deref().unwrap_or_else(|| self.base()).trim_end_matches('/')
    }

    /// Address of a page of the project: of `/runs/…`.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        let project = self.project.as_deref().map(|name| format!("/projects/{}", percent(name)));
        format!("{}{}{path}", self.public(), project.unwrap_or_default())
    }

    /// A request for `/api/v1/…`.
    pub(super) fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        // Encoded here: what takes URLs apart leaves out tabs and newlines, which names of files may hold.
        let of_project = path.first().is_some_and(|resource| OF_PROJECTS.contains(resource));
        let project = self.project.as_deref().filter(|_| of_project).map(|project| ["projects", project]);
        let path = project.as_slice().as_flattened().iter().chain(path);
        let path: String = path.map(|part| format!("/{}", percent(part))).collect();
        url.set_path(&format!("{}/api/v1{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it; anything but success is an error with what the server said.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        let problem = serde_json::from_str(&text).unwrap_or_default();
        Err(CallError::Refused { status, problem: Box::new(problem) })
    }

    pub(super) fn unreachable(&self, source: reqwest::Error) -> CallError {
        CallError::Unreachable { url: self.base().to_owned(), source }
    }

    /// Reads an answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, CallError> {
        let path = response.url().path().to_owned();
        let text = response.text().await.map_err(|source| self.unreachable(source))?;
        serde_json::from_str(&text).map_err(|error| CallError::Strange {
            url: self.base().to_owned(),
            path,
            detail: error.to_string(),
        })
    }

    /// Gets one thing.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, CallError> {
        let request = self.request(Method::GET, path, query).timeout(ANSWER_TIMEOUT);
        self.read(self.send(request).await?).await
    }

    /// Gets a whole list, page by page.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Vec<T>, CallError> {
        let (mut all, mut query) = (Vec::new(), query.to_vec());
        loop {
            let page: Page<T> = self.get(path, &query).await?;
            all.extend(page.items);
            query.retain(|(name, _)| *name != "cursor");
            match page.next_cursor {
                Some(cursor) => query.push(("cursor", cursor)),
                None => return Ok(all),
            }
        }
    }

    /// Posts without a body, and reads the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn act<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, CallError> {
        let request = self.request(Method::POST, path, query).timeout(ANSWER_TIMEOUT);
        self.read(self.send(request).await?).await
    }

    /// Has the server look at something, however long that takes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn look(&self, path: &[&str]) -> Result<Vec<LookedView>, CallError> {
        let answer = self.send(self.request(Method::POST, path, &[])).await?;
        Ok(self.read::<Page<LookedView>>(answer).await?.items)
    }

    /// As [`Client::act`], however long the server waits for another one.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn act_patiently<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, CallError> {
        self.read(self.send(self.request(Method::POST, path, query)).await?).await
    }

    /// As [`Client::post`], however long the server waits for another one.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_patiently<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, CallError> {
        self.read(self.send(self.request(Method::POST, path, &[]).json(body)).await?).await
    }

    /// Sends a body (or none) and reads the answer, which may be empty: then it is `null`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, CallError> {
        let mut request = self.request(method, path, &[]).timeout(ANSWER_TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            let strange = |error: serde_json::Error| CallError::Strange {
                url: self.base().to_owned(),
                path: path.join("/"),
                detail: error.to_string(),
            };
            return serde_json::from_value(serde_json::Value::Null).map_err(strange);
        }
        self.read(response).await
    }

    /// Posts a body and reads the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.post_once(path, body, None).await
    }

    /// As [`Client::post`], with an idempotency key: the same call twice is one.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<T, CallError> {
        let mut request = self.request(Method::POST, path, &[]).timeout(ANSWER_TIMEOUT).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.read(self.send(request).await?).await
    }

    /// Removes something.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete(&self, path: &[&str], query: &[(&str, String)]) -> Result<(), CallError> {
        self.send(self.request(Method::DELETE, path, query).timeout(ANSWER_TIMEOUT)).await.map(drop)
    }

    /// What the server measures, as Prometheus reads it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn metrics(&self) -> Result<String, CallError> {
        let mut request = self.request(Method::GET, &[], &[]).timeout(ANSWER_TIMEOUT).build();
        if let Ok(request) = &mut request {
            let base = self.base.path().trim_end_matches('/').to_owned();
            request.url_mut().set_path(&format!("{base}/metrics"));
        }
        let request = request.map_err(|source| self.unreachable(source))?;
        let response = self.http.execute(request).await.map_err(|source| self.unreachable(source))?;
        response.text().await.map_err(|source| self.unreachable(source))
    }

    /// Whether the server can do its work; one that cannot says so with status 503 and the same body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn ready(&self) -> Result<ReadyView, CallError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("readyz");
        }
        let request = self.http.get(url).timeout(ANSWER_TIMEOUT);
        self.read(request.send().await.map_err(|source| self.unreachable(source))?).await
    }

    /// Opens something that comes as bytes, however long it takes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn open(&self, path: &[&str], query: &[(&str, String)]) -> Result<Response, CallError> {
        self.send(self.request(Method::GET, path, query)).await
    }

    /// Opens a stream of events, behind the event `last`.
    pub(super) async fn open_events(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        last: Option<&str>,
    ) -> Result<Response, CallError> {
        let mut request = self.request(Method::GET, path, query).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = self.send(request).await?;
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
        if kind.starts_with("text/event-stream") {
            return Ok(response);
        }
        let detail = format!("a stream of events was asked for, and {kind} came");
        Err(CallError::Strange {
            url: self.base().to_owned(),
            path: response.url().path().to_owned(),
            detail,
        })
    }
}
