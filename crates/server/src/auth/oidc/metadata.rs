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
        let issuer = self.settings.issuer.trim_end_matches('/');
        let asked = async {
            let address = self.fetch.address(&format!("{issuer}/.well-known/openid-configuration"))?;
            let (status, metadata) = self.fetch.json::<Metadata>(self.fetch.get(address)?).await?;
            if status != 200 {
                return Err(format!("it answered {status}"));
            }
            if metadata.issuer.trim_end_matches('/') != issuer {
                return Err(format!("it calls itself `{}`, and `issuer` says `{issuer}`", metadata.issuer));
            }
            for address in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
                self.fetch.address(address)?;
            }
            Ok(metadata)
        };
        let metadata = Arc::new(asked.await.map_err(|why: String| self.unreachable(why))?);
        remembered.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }
}
