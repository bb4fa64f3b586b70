//! What is asked of a provider: bounded in time and size, over TLS, and without following it elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::ProviderSettings;
use crate::calls;

/// A provider that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer at most: claims with ten thousand groups fit.
const LARGEST: usize = 2 << 20;

/// Asks one provider. Cheap to clone.
#[derive(Clone)]
pub(super) struct Fetch {
    client: Arc<OnceLock<Option<Client>>>,
    /// It is on this machine, without TLS: a provider under test.
    local: bool,
}

fn is_local(url: &Url) -> bool {
    url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

impl Fetch {
    pub(super) fn new(settings: &ProviderSettings) -> Self {
        let local = Url::parse(&settings.issuer).is_ok_and(|url| is_local(&url));
        Self { client: Arc::default(), local }
    }

    /// An address of the provider: over TLS, unless the whole provider is on this machine.
    pub(super) fn address(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|_| format!("`{text}` is no address"))?;
        if url.scheme() == "https" || (self.local && is_local(&url)) {
            return Ok(url);
        }
        Err(format!("`{text}` is not an https address"))
    }

    fn client(&self) -> Result<&Client, String> {
        let client = self.client.get_or_init(|| calls::client(PATIENCE));
        client.as_ref().ok_or_else(|| "TLS cannot be set up".to_owned())
    }

    pub(super) fn get(&self, url: Url) -> Result<RequestBuilder, String> {
        Ok(self.client()?.get(url))
    }

    pub(super) fn post(&self, url: Url) -> Result<RequestBuilder, String> {
        Ok(self.client()?.post(url))
    }

    /// Sends it, and reads JSON, whatever the status.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<(u16, T), String> {
        let response = request.send().await.map_err(|error| calls::why(&error, PATIENCE))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(format!("it answered {status}, and leads elsewhere"));
        }
        let bytes = read(response).await?;
        let value = serde_json::from_slice(&bytes);
        Ok((
            status.as_u16(),
            value
                .map_err(|_| format!("it answered {status} with something that is not what it should be"))?,
        ))
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| calls::why(&error, PATIENCE))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LARGEST {
            return Err(format!("its answer has more than {LARGEST} bytes"));
        }
    }
    Ok(bytes)
}
