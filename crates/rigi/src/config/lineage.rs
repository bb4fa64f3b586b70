//! Where events of runs go.

use rigi_server::lineage::{Destination, LineageSettings};

use super::sections::Config;

impl Config {
    /// Where events of lineage go. An address counts before a file.
    #[must_use]
    pub fn lineage_settings(&self) -> LineageSettings {
        let own = &self.lineage;
        let token = own.token.as_ref().map(|token| token.0.trim().to_owned());
        let address = own.url.as_ref().map(|url| Destination::Address { url: url.0.clone(), token });
        let to = address.or_else(|| own.file.clone().map(Destination::File));
        LineageSettings { to, namespace: own.namespace.clone() }
    }
}
