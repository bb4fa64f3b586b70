//! One sign-in: where the browser is sent, and what is made of the answer that it brings back (code, PKCE, state, nonce, `iss`).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use rigi_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Claims, OidcError, Provider, ProviderKind, SignedOut};
use crate::auth::random_token;

/// A sign-in must come to its end within this time.
pub(super) const LIFE: Duration = Duration::from_secs(600);

/// What is kept, sealed, in the browser while it is away at the provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Started {
    /// At which provider.
    pub provider: String,
    /// Comes back with the answer, so that it belongs to this browser.
    pub state: String,
    /// Comes back in the token, so that it belongs to this sign-in.
    pub nonce: String,
    /// What the code is exchanged with: its hash went to the provider.
    pub verifier: String,
    /// Where to go on this server afterwards.
    pub return_to: String,
    /// An invitation that is taken by this.
    pub invitation: Option<String>,
    /// When it began.
    pub at: Timestamp,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What is kept meanwhile.
    pub started: Started,
}

/// What the browser brings back.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Answer {
    /// What is exchanged for a token.
    pub code: Option<String>,
    /// As it was sent.
    pub state: Option<String>,
    /// Who says that it answers (RFC 9207).
    pub iss: Option<String>,
    /// That it says no.
    pub error: Option<String>,
    /// And why.
    pub error_description: Option<String>,
}

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Who vouches.
    pub issuer: String,
    /// What it says of them.
    pub claims: Claims,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

impl Provider {
    /// Begins a sign-in that comes back to `callback`.
    ///
    /// # Errors
    /// If the provider does not answer.
    pub async fn begin(
        &self,
        callback: &str,
        return_to: String,
        invitation: Option<String>,
        now: Timestamp,
    ) -> Result<Begun, OidcError> {
        let draw = || random_token().map_err(|error| self.unreachable(error.to_string()));
        let (state, nonce, verifier) = (draw()?, draw()?, draw()?);
        let endpoint = match self.settings.kind {
            ProviderKind::Oidc => self.metadata(now).await?.authorization_endpoint.clone(),
            ProviderKind::GitHub => {
                format!("{}/login/oauth/authorize", self.settings.issuer.trim_end_matches('/'))
            }
        };
        let mut url = self.fetch.address(&endpoint).map_err(|why| self.unreachable(why))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", callback)
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        let provider = self.settings.name.clone();
        let started = Started { provider, state, nonce, verifier, return_to, invitation, at: now };
        Ok(Begun { location: url.into(), started })
    }

    /// What the provider says of whoever comes back with this answer.
    ///
    /// # Errors
    /// If it is not genuine, or belongs to another sign-in.
    pub async fn finish(
        &self,
        started: &Started,
        answer: &Answer,
        callback: &str,
        now: Timestamp,
    ) -> Result<Verified, OidcError> {
        let same = |one: &str, other: &str| bool::from(one.as_bytes().ct_eq(other.as_bytes()));
        if !same(answer.state.as_deref().unwrap_or_default(), &started.state) {
            return Err(self.refused("it belongs to another sign-in"));
        }
        if started.provider != self.settings.name {
            return Err(self.refused("the sign-in began at another provider"));
        }
        if now.since(started.at) > LIFE || now < started.at {
            return Err(self.refused("it took longer than ten minutes"));
        }
        if let Some(error) = &answer.error {
            let why = answer.error_description.as_deref().unwrap_or(error);
            let why = rigi_model::text::excerpt(why);
            return Err(OidcError::Denied { provider: self.settings.label.clone(), why });
        }
        let code = answer.code.as_deref().filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| self.refused("it brings no code"))?;
        match self.settings.kind {
            ProviderKind::Oidc => self.finish_oidc(started, answer, code, callback, now).await,
            ProviderKind::GitHub => self.finish_github(started, code, callback).await,
        }
    }

    async fn finish_oidc(
        &self,
        started: &Started,
        answer: &Answer,
        code: &str,
        callback: &str,
        now: Timestamp,
    ) -> Result<Verified, OidcError> {
        let metadata = self.metadata(now).await?;
        match &answer.iss {
            Some(iss) if *iss != metadata.issuer => return Err(self.refused("it is of another issuer")),
            None if metadata.authorization_response_iss_parameter_supported => {
                return Err(self.refused("it does not say of whom it is"));
            }
            _ => {}
        }
        let exchanged = self.exchange(&metadata.token_endpoint, started, code, callback).await?;
        let token = exchanged.id_token.ok_or_else(|| self.refused("it gave no ID token"))?;
        let claims = self.verified(&metadata, &token, now).await?;
        let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(started.nonce.as_bytes())) {
            return Err(self.refused("its token belongs to another sign-in"));
        }
        if claims.get("exp").is_none() {
            return Err(self.refused("its token has no end"));
        }
        let beside = match (&metadata.userinfo_endpoint, &exchanged.access_token) {
            (Some(endpoint), Some(access)) => Some(self.userinfo(endpoint, access, &claims).await?),
            _ => None,
        };
        let mut claims = Claims::of(&claims, beside.as_ref(), &self.settings.groups_claim);
        if self.settings.omits_empty_groups && !claims.groups_left_out {
            claims.groups.get_or_insert_default();
        }
        if claims.subject.is_empty() {
            return Err(self.refused("its token does not say whom it is about"));
        }
        Ok(Verified { issuer: metadata.issuer.clone(), claims })
    }

    async fn exchange(
        &self,
        endpoint: &str,
        started: &Started,
        code: &str,
        callback: &str,
    ) -> Result<Exchanged, OidcError> {
        let asked = async {
            let address = self.fetch.address(endpoint)?;
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", callback),
                ("client_id", &self.settings.client_id),
                ("code_verifier", &started.verifier),
            ];
            let secret = self.settings.client_secret.iter().map(|secret| ("client_secret", secret.as_str()));
            let form = form.into_iter().chain(secret);
            let mut body = Url::parse("x:").map_err(|error| error.to_string())?;
            body.query_pairs_mut().extend_pairs(form);
            let request = self.fetch.post(address)?.header("accept", "application/json");
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            self.fetch.json::<Exchanged>(request.body(body.query().unwrap_or_default().to_owned())).await
        };
        let (status, exchanged) = asked.await.map_err(|why: String| self.unreachable(why))?;
        if let Some(error) =
            exchanged.error.as_deref().filter(|_| status != 200 || exchanged.access_token.is_none())
        {
            let why = rigi_model::text::excerpt(exchanged.error_description.as_deref().unwrap_or(error));
            return Err(self.refused(format!("it does not take its own code: {why}")));
        }
        if status != 200 {
            return Err(self.refused(format!("it does not take its own code: {status}")));
        }
        Ok(exchanged)
    }

    async fn userinfo(&self, endpoint: &str, access: &str, claims: &Value) -> Result<Value, OidcError> {
        let asked = async {
            let address = self.fetch.address(endpoint)?;
            self.fetch.json::<Value>(self.fetch.get(address)?.bearer_auth(access)).await
        };
        let (status, beside) = asked.await.map_err(|why: String| self.unreachable(why))?;
        if status != 200 {
            return Ok(Value::Null);
        }
        // It must be of the same person as the token.
        if beside.get("sub") != claims.get("sub") {
            return Err(self.refused("what it says of the person is of another one"));
        }
        Ok(beside)
    }

    /// What a provider says when a session of its own has ended (OpenID Connect Back-Channel Logout 1.0).
    ///
    /// # Errors
    /// If it is not genuine.
    pub async fn signed_out(&self, token: &str, now: Timestamp) -> Result<SignedOut, OidcError> {
        let metadata = self.metadata(now).await?;
        let claims = self.verified(&metadata, token, now).await?;
        const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
        let is_logout =
            claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object);
        // One with a nonce would be an ID token.
        if !is_logout || claims.get("nonce").is_some() {
            return Err(self.refused("its token does not end a session"));
        }
        let recent =
            claims.get("iat").and_then(Value::as_f64).is_some_and(|at| now.0 as f64 / 1e6 - at < 300.0);
        if !recent {
            return Err(self.refused("its token is old"));
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        // An empty name is that of sessions without one.
        let session = text("sid").filter(|session| !session.is_empty());
        Ok(SignedOut { subject: text("sub"), session })
    }

    /// What a provider's session is called here, among those of all providers; one that it gave no name has an empty one.
    #[must_use]
    pub fn session_name(&self, session: Option<&str>) -> String {
        format!("{} {}", self.settings.name, session.unwrap_or_default())
    }

    /// Where the provider's own session is ended, if it says so (OpenID Connect RP-Initiated Logout 1.0): the browser goes there, and comes
    /// back to `home`. No ID token is kept to be shown there: the provider asks the person itself.
    ///
    /// # Errors
    /// If it does not answer, or names an address that is none.
    pub async fn end_address(
        &self,
        session: Option<&str>,
        home: &str,
        now: Timestamp,
    ) -> Result<Option<String>, OidcError> {
        match self.settings.kind {
            ProviderKind::GitHub => Ok(None),
            ProviderKind::Oidc => {
                let metadata = self.metadata(now).await?;
                let Some(endpoint) = &metadata.end_session_endpoint else { return Ok(None) };
                let mut url = self.fetch.address(endpoint).map_err(|why| self.unreachable(why))?;
                url.query_pairs_mut()
                    .append_pair("client_id", &self.settings.client_id)
                    .append_pair("post_logout_redirect_uri", home)
                    .extend_pairs(session.map(|session| ("logout_hint", session)));
                Ok(Some(url.into()))
            }
        }
    }
}
