//! Looks at a provider as `rigi doctor oidc` tells it: whether it can be asked, is the one that is meant, and signs in a way that is taken;
//! and what it sent at the last sign-in, by the names of its claims alone.

use rigi_api::view::LookedView;
use rigi_model::Timestamp;
use rigi_store::people::Audited;
use serde_json::Value;

use super::keys::ALGORITHMS;
use super::metadata::Metadata;
use super::{Allow, Provider, ProviderKind};

fn well(what: &str, message: String) -> LookedView {
    LookedView { what: what.to_owned(), ok: true, message, cure: None }
}

fn wrong(what: &str, message: String, cure: impl Into<String>) -> LookedView {
    LookedView { what: what.to_owned(), ok: false, message, cure: Some(cure.into()) }
}

impl Provider {
    /// Looks at the provider as it is now: nothing of it is remembered.
    pub async fn look(&self, callback: &str) -> Vec<LookedView> {
        let mut looked = match self.settings.kind {
            ProviderKind::Oidc => self.look_at_issuer().await,
            ProviderKind::GitHub => vec![self.look_at_github().await],
        };
        let secret = match self.settings.client_secret {
            Some(_) => format!("as `{}`, with a secret", self.settings.client_id),
            None => format!("as `{}`, without a secret", self.settings.client_id),
        };
        looked.push(well(
            "client",
            format!("{secret}; the provider must let browsers come back to {callback}"),
        ));
        looked
    }

    async fn look_at_issuer(&self) -> Vec<LookedView> {
        let name = &self.settings.name;
        let metadata = match self.discover().await {
            Ok(metadata) => metadata,
            Err(why) => {
                let cure = format!(
                    "Check `providers.{name}.issuer`, and that this machine reaches {}.",
                    self.discovery_address()
                );
                return vec![wrong("reachable", why, cure)];
            }
        };
        let mut looked = vec![well("reachable", self.discovery_address())];
        looked.push(match self.calls_itself_so(&metadata) {
            Ok(()) => well("issuer", metadata.issuer.clone()),
            Err(why) => {
                let cure = format!(
                    "Set `providers.{name}.issuer` to what it calls itself, if that is who is meant."
                );
                wrong("issuer", why, cure)
            }
        });
        if let Err(why) = self.has_addresses(&metadata) {
            looked.push(wrong(
                "addresses",
                why,
                "The provider must name https addresses; behind a proxy, it must know its public one.",
            ));
        }
        looked.push(self.look_at_keys(&metadata).await);
        looked.push(algorithms(&metadata));
        looked
    }

    async fn look_at_keys(&self, metadata: &Metadata) -> LookedView {
        match self.read_keys(metadata).await {
            Ok(keys) if keys.is_empty() => wrong(
                "keys",
                format!("{} has no key that signs", metadata.jwks_uri),
                "Make a signing key at the provider (RSA, EC or Ed25519).",
            ),
            Ok(keys) => well("keys", format!("{} at {}", keys.len(), metadata.jwks_uri)),
            Err(why) => wrong("keys", why, format!("This machine must reach {} as well.", metadata.jwks_uri)),
        }
    }

    async fn look_at_github(&self) -> LookedView {
        let address = self.api("/meta");
        let asked = async {
            let url = self.fetch.address(&address)?;
            let request = self.fetch.get(url)?.header("accept", "application/vnd.github+json");
            self.fetch.json::<Value>(request).await
        };
        match asked.await {
            Ok((200 | 403 | 429, _)) => well("reachable", address),
            Ok((status, _)) => wrong("reachable", format!("it answered {status}"), "Check `issuer`."),
            Err(why) => wrong("reachable", why, format!("This machine must reach {address}.")),
        }
    }

    /// What it sent at the last sign-in, of lines of the audit log with the newest first.
    #[must_use]
    pub fn look_at_claims(&self, lines: &[Audited]) -> Vec<LookedView> {
        let of_this = lines.iter().find_map(|line| {
            let said: Value = serde_json::from_str(line.after.as_deref()?).ok()?;
            (said["provider"].as_str() == Some(&self.settings.name)).then_some((line, said))
        });
        let Some((line, said)) = of_this else {
            let message = "nobody has signed in by it yet, as far as the audit log goes back".to_owned();
            return vec![well("last sign-in", message)];
        };
        let names: Vec<&str> =
            said["claims"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let outcome = if line.result == "done" { "" } else { ", who got no account" };
        let at = Timestamp(line.at);
        let mut looked = vec![well("last sign-in", format!("{at}{outcome}; it sent {}", names.join(", ")))];
        looked.push(self.look_at_groups(&said, &names));
        looked.push(mail(&names));
        looked
    }

    fn look_at_groups(&self, said: &Value, names: &[&str]) -> LookedView {
        let settings = &self.settings;
        let path = &settings.groups_claim;
        if let Some(count) = said["groups"].as_u64() {
            let groups = if count == 1 { "1 group".to_owned() } else { format!("{count} groups") };
            return well("groups", format!("{groups} in the claim `{path}`"));
        }
        let needed =
            !settings.rules.is_empty() || settings.allow.iter().any(|allow| matches!(allow, Allow::Group(_)));
        if !needed {
            return well("groups", format!("no claim `{path}`; nothing depends on it"));
        }
        if names.contains(&"_claim_names") {
            let cure = "Let the provider send only groups that are assigned to this application.";
            return wrong("groups", "they are too many for its answer, and were left out".to_owned(), cure);
        }
        let cure = format!(
            "Have the provider send it, or name the claim that has the groups: `providers.{name}.groups_claim`. If it sends none for people \
             who are in no group: `providers.{name}.omits_empty_groups = true`.",
            name = settings.name
        );
        wrong("groups", format!("no claim `{path}` came, and `allow` or `rules` need it"), cure)
    }
}

fn algorithms(metadata: &Metadata) -> LookedView {
    let offered = &metadata.id_token_signing_alg_values_supported;
    let taken: Vec<String> = ALGORITHMS.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    if offered.is_empty() {
        return well("algorithms", "it does not say how it signs".to_owned());
    }
    let both: Vec<&str> = offered.iter().filter(|one| taken.contains(one)).map(String::as_str).collect();
    if both.is_empty() {
        let message = format!("it signs by {}, of which none is taken", offered.join(", "));
        return wrong("algorithms", message, format!("Have it sign by one of {}.", taken.join(", ")));
    }
    well("algorithms", both.join(", "))
}

fn mail(names: &[&str]) -> LookedView {
    let has = |name: &str| names.contains(&name);
    match (has("email"), has("email_verified")) {
        (true, true) => well("mail address", "it came, with whether it is verified".to_owned()),
        (true, false) => well(
            "mail address",
            "it came, and nothing says that it is verified: it counts for nothing".to_owned(),
        ),
        (false, _) => {
            let cure = "Ask for the scope `email`, and have the provider send the address: invitations for an address need it.";
            wrong("mail address", "none came".to_owned(), cure)
        }
    }
}
