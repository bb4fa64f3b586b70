//! Where events go: an address of the operator's, which may lie inside, or a file, a line each.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::calls;

/// Who takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where events go, and as whose.
#[derive(Debug, Clone, Default)]
pub struct LineageSettings {
    /// `None`: none are sent.
    pub to: Option<Destination>,
    /// The namespace of jobs and datasets.
    pub namespace: String,
}

/// Where events go.
#[derive(Clone)]
pub enum Destination {
    /// To an address, by POST; with a token, where there is one.
    Address {
        /// The whole address.
        url: String,
        /// Sent as `Authorization: Bearer`.
        token: Option<String>,
    },
    /// To the end of a file.
    File(PathBuf),
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { url, .. } => f.write_str(url),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotTaken {
    /// In words.
    pub message: String,
    /// Whether it may go well later.
    pub passes: bool,
}

fn passing(message: String) -> NotTaken {
    NotTaken { message, passes: true }
}

/// Sends events.
#[derive(Debug)]
pub(super) struct Sender {
    to: Destination,
    client: Option<Client>,
}

impl Sender {
    pub(super) fn new(to: Destination) -> Self {
        let client = match to {
            Destination::Address { .. } => calls::client(PATIENCE),
            Destination::File(_) => None,
        };
        Self { to, client }
    }

    /// Sends one.
    pub(super) async fn send(&self, event: &Value) -> Result<(), NotTaken> {
        match &self.to {
            Destination::Address { url, token } => self.post(url, token.as_deref(), event).await,
            Destination::File(path) => {
                let line = format!("{event}\n");
                let write = async {
                    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
                    file.write_all(line.as_bytes()).await?;
                    file.flush().await
                };
                write
                    .await
                    .map_err(|error| passing(format!("`{}` cannot be written: {error}", path.display())))
            }
        }
    }

    async fn post(&self, url: &str, token: Option<&str>, event: &Value) -> Result<(), NotTaken> {
        let client = self.client.as_ref().ok_or_else(|| passing("TLS cannot be set up".to_owned()))?;
        let url = Url::parse(url).map_err(|error| passing(format!("`{url}` is no address: {error}")))?;
        let body = serde_json::to_vec(event).unwrap_or_default();
        let mut request = client.post(url).header("content-type", "application/json").body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let sent = request.send().await;
        let answer = sent.map_err(|error| passing(calls::why(&error, PATIENCE)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = calls::said(answer).await;
        // An event that is wrong stays wrong. A missing token or a moved address is mended by an operator, and nothing is lost until then.
        let passes = !matches!(status.as_u16(), 400 | 413 | 422);
        Err(NotTaken { message: format!("it answered {status} {said}").trim().to_owned(), passes })
    }
}
