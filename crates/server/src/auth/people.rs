//! People with accounts: what is remembered of them, and the rules by which they sign in.

use std::sync::Arc;
use std::time::Duration;

use rigi_store::Store;

use super::oidc::{Provider, ProviderSettings};
use super::{Known, Passwords};

/// Rules of signing in.
#[derive(Debug, Clone)]
pub struct SignInRules {
    /// A session that is not used for so long has ended.
    pub idle: Duration,
    /// A session ends after this time, whatever it is used for.
    pub longest: Duration,
    /// People may sign in by mail address and password.
    pub passwords: bool,
    /// Whoever has this address at a provider becomes the first administrator.
    pub first_administrator: Option<String>,
    /// Projects may be public.
    pub public_projects: bool,
}

impl Default for SignInRules {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            idle: hours(12),
            longest: hours(30 * 24),
            passwords: true,
            first_administrator: None,
            public_projects: false,
        }
    }
}

/// See the module.
pub struct People {
    /// Who carries what.
    pub known: Known,
    /// Makes and compares passwords.
    pub passwords: Passwords,
    /// By which they sign in.
    pub rules: SignInRules,
    /// With which they sign in.
    pub providers: Vec<Arc<Provider>>,
}

impl People {
    /// Of this store.
    #[must_use]
    pub fn start(store: Store, rules: SignInRules, providers: Vec<ProviderSettings>) -> Self {
        let providers = providers.into_iter().map(|settings| Arc::new(Provider::new(settings))).collect();
        Self { known: Known::start(store, rules.idle), passwords: Passwords::new(), rules, providers }
    }
}
