//! Signing in by a provider: OpenID Connect of any issuer, and GitHub. A provider is asked when somebody signs in, never at start.

mod claims;
mod fetch;
mod flow;
mod github;
mod keys;
mod look;
mod metadata;
mod rules;
#[cfg(test)]
mod tests;

pub use claims::{Claims, SignedOut};
pub use flow::{Answer, Begun, Started, Verified};
pub use rules::{Allow, Rule};

use std::sync::Arc;

use fetch::Fetch;
use keys::KeyRing;
use metadata::Metadata;
use rigi_model::Timestamp;
use tokio::sync::Mutex;

/// What kind of provider it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect.
    Oidc,
    /// GitHub, or a GitHub Enterprise server: OAuth 2 and an API of its own.
    GitHub,
}

/// How a provider is set up.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its name in the configuration, and in the path of its callback.
    pub name: String,
    /// As people know it.
    pub label: String,
    /// What kind it is.
    pub kind: ProviderKind,
    /// Who vouches: its address, as it calls itself.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// What proves that.
    pub client_secret: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Where in the claims the groups are: names between dots.
    pub groups_claim: String,
    /// It leaves the groups out for people who are in none: then a missing claim is an empty list.
    pub omits_empty_groups: bool,
    /// Who may make an account by signing in.
    pub allow: Vec<Allow>,
    /// What groups make of people.
    pub rules: Vec<Rule>,
    /// A mail address that it has verified is taken for proof that somebody has the account of this address.
    pub trusts_mail: bool,
    /// Who signs out here is led to the provider, which ends its own session too.
    pub ends_session: bool,
}

impl std::fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.name, self.issuer)
    }
}

/// A provider. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    /// How it is set up.
    pub settings: Arc<ProviderSettings>,
    fetch: Fetch,
    remembered: Arc<Mutex<Remembered>>,
}

/// What was fetched from it.
#[derive(Default)]
struct Remembered {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: KeyRing,
}

/// Why somebody is not signed in by a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or with something else than was expected.
    #[error("{provider} cannot be asked: {why}")]
    Unreachable {
        /// Its label.
        provider: String,
        /// What came instead.
        why: String,
    },
    /// Its answer does not belong to a sign-in that began here, or is not genuine.
    #[error("the answer of {provider} is not accepted: {why}")]
    Refused {
        /// Its label.
        provider: String,
        /// What is wrong with it.
        why: String,
    },
    /// It says that the person may not, or does not want to.
    #[error("{provider} says no: {why}")]
    Denied {
        /// Its label.
        provider: String,
        /// What it said.
        why: String,
    },
}

impl Provider {
    /// One that is set up so.
    #[must_use]
    pub fn new(settings: ProviderSettings) -> Self {
        let fetch = Fetch::new(&settings);
        Self { settings: Arc::new(settings), fetch, remembered: Arc::default() }
    }

    fn unreachable(&self, why: impl Into<String>) -> OidcError {
        OidcError::Unreachable { provider: self.settings.label.clone(), why: why.into() }
    }

    fn refused(&self, why: impl Into<String>) -> OidcError {
        OidcError::Refused { provider: self.settings.label.clone(), why: why.into() }
    }
}
