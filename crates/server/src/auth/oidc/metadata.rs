//! What a provider says of itself (OpenID Connect Discovery 1.0), kept for an hour.

use std::sync::Arc;
use std::time::Duration;

use rigi_model::Timestamp;
use serde::Deserialize;

use super::{OidcError, Provider};

/// It is asked again after this time.
const FRESH: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, OidcError> {
        let mut remembered = self.remembered.lock().await;
        if let Some((metadata, read_at)) = &remembered.metadata
            && now.since(*read_at) < FRESH
        {
            return Ok(metadata.clone());
        }
        let asked = async {
            let metadata = self.discover().await?;
            self.calls_itself_so(&metadata)?;
            self.has_addresses(&metadata)?;
            Ok(metadata)
        };
        let metadata = Arc::new(asked.await.map_err(|why: String| self.unreachable(why))?);
        remembered.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }

    fn own_issuer(&self) -> &str {
        self.settings.issuer.trim_end_matches('/')
    }

    /// Where it says all that.
    pub(super) fn discovery_address(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.own_issuer())
    }

    /// What it says now, whatever that is.
    pub(super) async fn discover(&self) -> Result<Metadata, String> {
        let address = self.fetch.address(&self.discovery_address())?;
        let (status, said) = self.fetch.json::<serde_json::Value>(self.fetch.get(address)?).await?;
        if status != 200 {
            return Err(format!("it answered {status}"));
        }
        serde_json::from_value(said).map_err(|error| format!("what it says of itself is not whole: {error}"))
    }

    pub(super) fn calls_itself_so(&self, metadata: &Metadata) -> Result<(), String> {
        let issuer = self.own_issuer();
        if metadata.issuer.trim_end_matches('/') == issuer {
            return Ok(());
        }
        Err(format!("it calls itself `{}`, and `issuer` says `{issuer}`", metadata.issuer))
    }

    pub(super) fn has_addresses(&self, metadata: &Metadata) -> Result<(), String> {
        for address in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            self.fetch.address(address)?;
        }
        Ok(())
    }
}
