//! Who is let in: the one who has the server for themselves, or people with accounts.

mod brake;
mod known;
pub mod oidc;
mod owner;
mod passwords;
mod people;
mod principal;
mod second_factor;

pub use brake::{Brake, MEMORY as BRAKE_MEMORY, network_of};
pub use known::Known;
pub(crate) use owner::cookies;
pub use owner::{Owner, random_token};
pub use passwords::{Busy, Passwords, WeakPassword, check_strength};
pub use people::{People, SignInRules};
pub use principal::{Account, Principal};
#[cfg(test)]
pub use second_factor::code_at;
pub use second_factor::{RECOVERY_CODES, Secret, Step, matching_step, recovery_codes};

use ipnet::IpNet;
use rigi_model::people::{Key, KeyKind};

/// Keys of a server, and who else has some.
pub struct Auth {
    /// The one who has the server for themselves, and its machine's terminal.
    pub owner: Owner,
    /// People with accounts, where there are any.
    pub people: Option<People>,
    /// Whose word counts of where a request comes from.
    pub proxies: Vec<IpNet>,
    /// The address under which browsers reach this server.
    pub public_url: String,
}

impl Auth {
    /// Of one person, who has the server for themselves.
    #[must_use]
    pub const fn of_one(owner: Owner) -> Self {
        Self { owner, people: None, proxies: Vec::new(), public_url: String::new() }
    }

    /// Of people.
    #[must_use]
    pub const fn of_people(owner: Owner, people: People) -> Self {
        Self { owner, people: Some(people), proxies: Vec::new(), public_url: String::new() }
    }

    /// Whether those who have not signed in may look at public projects.
    #[must_use]
    pub fn lets_visitors_in(&self) -> bool {
        self.people.as_ref().is_some_and(|people| people.rules.public_projects)
    }

    /// Reached by browsers under this address.
    #[must_use]
    pub fn at(mut self, public_url: &str) -> Self {
        public_url.trim_end_matches('/').clone_into(&mut self.public_url);
        self
    }

    /// Behind proxies of these addresses.
    #[must_use]
    pub fn behind(mut self, proxies: Vec<IpNet>) -> Self {
        self.proxies = proxies;
        self
    }
}

/// A new key.
///
/// # Errors
/// If the system has no randomness to give.
pub fn new_key(kind: KeyKind) -> Result<Key, getrandom::Error> {
    loop {
        let mut seed = [0; rigi_model::people::SEED];
        getrandom::fill(&mut seed)?;
        if let Some(key) = Key::from_seed(kind, &seed) {
            return Ok(key);
        }
    }
}
