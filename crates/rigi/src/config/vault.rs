//! Where values of secrets may lie, and how Vault is reached.

use std::collections::BTreeMap;

use rigi_model::ProjectName;
use rigi_model::secret_source::{AllowedSource, VaultField};
use rigi_store::Hidden;
use rigi_store::references::{Allowed, References, Vault, VaultSettings};

use super::error::ConfigMistake;
use super::sections::Config;
use super::value::{Lines, Raw, Value};

/// Places, each as [`AllowedSource`] has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSources(pub Vec<AllowedSource>);

impl Value for AllowedSources {
    const KIND: &'static str = "list of places (`env:…`, `file:…`, `vault:…`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let read = |text: &String| text.parse().map_err(|why| format!("cannot be taken: {why}"));
        Lines::read(raw)?.0.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Option<String> {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// A field in Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPlace(pub VaultField);

impl Value for VaultPlace {
    const KIND: &'static str = "`mount/path#field`";

    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text()?.parse().map(Self).map_err(|why: String| format!("cannot be taken: {why}"))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Config {
    /// Vault, where there is one.
    ///
    /// # Errors
    /// If it cannot be used as it is set.
    pub fn vault(&self) -> Result<Option<Vault>, String> {
        let own = &self.vault;
        let Some(address) = &own.address else { return Ok(None) };
        let settings = VaultSettings {
            address: address.0.clone(),
            token: own.token.as_ref().map(|token| Hidden(token.0.clone())),
            token_file: own.token_file.clone(),
            namespace: own.namespace.clone(),
            ca_file: own.ca_file.clone(),
            mounts: own.mounts.0.clone(),
        };
        Vault::new(settings).map(Some)
    }

    /// What follows the references of secrets.
    #[must_use]
    pub fn references(&self, vault: Option<Vault>) -> References {
        let own = self.projects.iter().filter_map(|(name, project)| {
            Some((ProjectName::unchecked(name.clone()), project.secrets_from.as_ref()?.0.clone()))
        });
        let of_projects: BTreeMap<_, _> = own.collect();
        References::new(Allowed { all: self.secrets.from.0.clone(), of_projects }, vault)
    }
}

/// What no key says by itself.
pub(super) fn mistakes(config: &Config) -> Vec<ConfigMistake> {
    let mut mistakes = Vec::new();
    let mut wrong = |place: &str, message: &str| {
        mistakes.push(ConfigMistake { place: place.to_owned(), message: message.to_owned() });
    };
    let secrets = &config.secrets;
    let keys = [secrets.key.is_some(), secrets.vault_key.is_some(), secrets.vault_transit.is_some()];
    if keys.into_iter().filter(|given| *given).count() > 1 {
        wrong("secrets.key", "must stand alone: only one of `key`, `vault_key` and `vault_transit` is given");
    }
    if config.vault.address.is_some() {
        if let Err(why) = config.vault() {
            wrong("vault", &why);
        }
        return mistakes;
    }
    let own = config.projects.values().filter_map(|project| project.secrets_from.as_ref());
    let in_vault = [&secrets.from].into_iter().chain(own).flat_map(|allowed| &allowed.0);
    if in_vault.into_iter().any(|allowed| matches!(allowed, AllowedSource::Vault(_))) {
        wrong("secrets.from", "names Vault, and `vault.address` is missing");
    }
    if secrets.vault_key.is_some() || secrets.vault_transit.is_some() {
        wrong("secrets.vault_key", "needs `vault.address`");
    }
    mistakes
}
