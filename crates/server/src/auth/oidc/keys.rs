//! Keys that a provider signs with. One that is not known is looked for anew, at most once a minute.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, TokenData, Validation, decode, decode_header};
use rigi_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::metadata::Metadata;
use super::{OidcError, Provider};

/// Between two times that keys are asked for.
const AT_MOST_EVERY: Duration = Duration::from_secs(60);
/// Keys that are kept of one provider.
const MOST: usize = 100;
/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// Signatures that are taken: with public keys alone. `none`, and what a client's secret would sign, are not.
pub(super) const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// See the module.
#[derive(Default)]
pub(super) struct KeyRing {
    keys: HashMap<String, Jwk>,
    read_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Provider {
    /// What a token of the provider says, once its signature, issuer, audience and times were checked.
    pub(super) async fn verified(
        &self,
        metadata: &Metadata,
        token: &str,
        now: Timestamp,
    ) -> Result<Value, OidcError> {
        let header = decode_header(token).map_err(|_| self.refused("its token is none"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(self.refused(format!("its token is signed by {:?}, which is not taken", header.alg)));
        }
        let offered = &metadata.id_token_signing_alg_values_supported;
        if !offered.is_empty() && !offered.contains(&format!("{:?}", header.alg)) {
            return Err(self.refused("its token is signed in a way that it does not offer"));
        }
        let key = self.key_of(metadata, &header, now).await?;
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[&metadata.issuer]);
        rules.set_audience(&[&self.settings.client_id]);
        rules.set_required_spec_claims(&["iss", "aud"]);
        // Times are held against the moment that was handed in, below.
        rules.validate_exp = false;
        let decoded: TokenData<Value> =
            decode(token, &key, &rules).map_err(|error| self.refused(words(&error).to_owned()))?;
        self.check_times(&decoded.claims, now)?;
        self.check_audience(&decoded.claims)?;
        Ok(decoded.claims)
    }

    fn check_times(&self, claims: &Value, now: Timestamp) -> Result<(), OidcError> {
        let at = |name: &str| claims.get(name).and_then(Value::as_f64);
        let (now, leeway) = (now.0 as f64 / 1e6, LEEWAY.as_secs_f64());
        if at("exp").is_some_and(|end| end + leeway < now) {
            return Err(self.refused("its token has ended; check the clocks of both machines"));
        }
        let early = |name: &str| at(name).is_some_and(|begin| begin - leeway > now);
        if early("nbf") || early("iat") {
            return Err(self.refused("its token is of a time to come; check the clocks of both machines"));
        }
        Ok(())
    }

    /// Of several audiences, this server must be the one that the token was made for.
    fn check_audience(&self, claims: &Value) -> Result<(), OidcError> {
        let several = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        let azp = claims.get("azp").and_then(Value::as_str);
        match azp {
            Some(azp) if azp != self.settings.client_id => {
                Err(self.refused("its token was made for another"))
            }
            None if several => {
                Err(self.refused("its token is for several, and does not say for whom it was made"))
            }
            _ => Ok(()),
        }
    }

    async fn key_of(
        &self,
        metadata: &Metadata,
        header: &Header,
        now: Timestamp,
    ) -> Result<DecodingKey, OidcError> {
        let mut remembered = self.remembered.lock().await;
        let find = |ring: &KeyRing| match &header.kid {
            Some(kid) => ring.keys.get(kid).cloned(),
            // Without a name, only where there is no choice.
            None if ring.keys.len() == 1 => ring.keys.values().next().cloned(),
            None => None,
        };
        let mut found = find(&remembered.keys);
        let may_ask = remembered.keys.read_at.is_none_or(|at| now.since(at) >= AT_MOST_EVERY);
        if found.is_none() && may_ask {
            let keys = self.read_keys(metadata).await.map_err(|why| self.unreachable(why))?;
            remembered.keys = KeyRing { keys, read_at: Some(now) };
            found = find(&remembered.keys);
        }
        let key =
            found.ok_or_else(|| self.refused("its token is signed with a key that it does not publish"))?;
        DecodingKey::from_jwk(&key)
            .map_err(|_| self.refused("the key that its token is signed with cannot be used"))
    }

    pub(super) async fn read_keys(&self, metadata: &Metadata) -> Result<HashMap<String, Jwk>, String> {
        let address = self.fetch.address(&metadata.jwks_uri)?;
        let (status, set) = self.fetch.json::<KeySet>(self.fetch.get(address)?).await?;
        if status != 200 {
            return Err(format!("it answered {status} for its keys"));
        }
        // Keys of kinds that are not known are passed over: they may be for other uses.
        let known = set.keys.into_iter().take(MOST).filter(|key| key["use"] != "enc" && key["kty"] != "oct");
        let known = known.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(known.map(|key| (key.common.key_id.clone().unwrap_or_default(), key)).collect())
    }
}

fn words(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind as E;
    match error.kind() {
        E::InvalidSignature => "its token is not signed with its key",
        E::InvalidIssuer => "its token is of another issuer",
        E::InvalidAudience => "its token is for another",
        E::MissingRequiredClaim(_) => "its token does not say of whom and for whom it is",
        _ => "its token is none",
    }
}
