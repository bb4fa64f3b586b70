//! Providers that people sign in with, by name: `[providers.NAME]`.

use rigi_server::auth::oidc::{Allow, ProviderKind, ProviderSettings, Rule};

use super::named::{Section, named_keys};
use super::value::{Lines, Password, WebAddress};

named_keys! {
    /// What an operator says of one provider.
    ProviderConfig, KEYS {
        /// `oidc` (any OpenID Connect issuer), `google`, `microsoft`, or `github`.
        kind: String, &[], "the provider's name, if it is one of these; else `oidc`";
        /// Its address, as it calls itself, such as `https://keycloak.example.org/realms/lab`. For `microsoft`, it names the tenant:
        /// `https://login.microsoftonline.com/TENANT/v2.0`.
        issuer: WebAddress, &[], "Google's and GitHub's own; else it must be given";
        /// As people know it.
        label: String, &[], "its name, with a capital letter";
        /// What this server is called there.
        client_id: String, &[], "none: it must be given";
        /// What proves that. Give it by `RIGI_PROVIDERS__NAME__CLIENT_SECRET_FILE` rather than in a file that others read.
        client_secret: Password, &[], "none";
        /// What is asked for.
        scopes: Lines, &[], "`openid`, `profile`, `email`; for `github`, `read:user`, `user:email`, `read:org`";
        /// Where in the claims the groups are, with names between dots, such as `realm_access.roles`.
        groups_claim: String, &[], "`groups`";
        /// `true`: it leaves the claim out for people who are in no group, as Keycloak does. Else a missing claim takes no role away.
        omits_empty_groups: bool, &[], "`false`";
        /// Who gets an account by signing in: `invited`, `everybody`, `group:NAME`, `domain:example.org`.
        allow: Lines, &[], "`invited`";
        /// What groups make of people: `GROUP = administrator`, `GROUP = PROJECT:ROLE`.
        rules: Lines, &[], "none";
        /// `true`: a mail address that it has verified proves whose account it is that has this address.
        trusts_mail: bool, &[], "`false`";
        /// `true`: whoever signs out here is led to the provider, which ends its own session as well, and back. Register the server's own
        /// address with `/` at its end there, as one to come back to after signing out.
        end_session: bool, &[], "`false`";
    }
}

/// The section.
pub const PROVIDERS: Section<ProviderConfig> = Section {
    name: "providers",
    one: "a provider",
    doc: "One provider that people sign in with, where they have accounts (`people.enabled`). At the provider, the address to come back to is \
          `https://rigi.example.org/api/auth/NAME/callback`, and the one that ends sessions (back-channel logout) \
          `https://rigi.example.org/api/auth/NAME/logout`. As variables: `RIGI_PROVIDERS__KEYCLOAK__CLIENT_ID` sets \
          `providers.keycloak.client_id`.",
    keys: KEYS,
    tables: |config| &config.providers,
    tables_mut: |config| &mut config.providers,
    refuses: |name| {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits = plain && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 40;
        (!fits).then(|| "a provider's name has lower-case letters, digits and `-`, a letter first".to_owned())
    },
};

impl ProviderConfig {
    /// What it means.
    ///
    /// # Errors
    /// If something that it needs is missing, or cannot be read.
    pub fn settings(&self, name: &str) -> Result<ProviderSettings, String> {
        let named = ["google", "microsoft", "github"].contains(&name);
        let kind = self.kind.as_deref().unwrap_or(if named { name } else { "oidc" });
        let missing = |key: &str| format!("`providers.{name}.{key}` must be given");
        let own = match kind {
            "google" => Some("https://accounts.google.com"),
            "github" => Some("https://github.com"),
            "oidc" | "microsoft" => None,
            other => {
                return Err(format!(
                    "`providers.{name}.kind` is `{other}` and must be one of `oidc`, `google`, `microsoft`, `github`"
                ));
            }
        };
        let issuer = self.issuer.as_ref().map(|issuer| issuer.0.clone()).or(own.map(str::to_owned));
        let issuer = issuer.ok_or_else(|| missing("issuer"))?;
        if kind == "microsoft"
            && ["/common", "/organizations", "/consumers"].iter().any(|all| issuer.contains(all))
        {
            return Err(format!(
                "`providers.{name}.issuer` must name a tenant: `common` would let in those of all others"
            ));
        }
        let lines = |lines: &Option<Lines>, default: &[&str]| match lines {
            Some(lines) => lines.0.clone(),
            None => default.iter().map(|line| (*line).to_owned()).collect(),
        };
        let scopes: &[&str] = if kind == "github" {
            &["read:user", "user:email", "read:org"]
        } else {
            &["openid", "profile", "email"]
        };
        let allow =
            lines(&self.allow, &["invited"]).iter().map(|text| Allow::parse(text)).collect::<Result<_, _>>();
        let rules = lines(&self.rules, &[]).iter().map(|text| Rule::parse(text)).collect::<Result<_, _>>();
        let mut capital = name.chars();
        let label: String = capital.next().into_iter().flat_map(char::to_uppercase).chain(capital).collect();
        Ok(ProviderSettings {
            name: name.to_owned(),
            label: self.label.clone().unwrap_or(if kind == "github" { "GitHub".to_owned() } else { label }),
            kind: if kind == "github" { ProviderKind::GitHub } else { ProviderKind::Oidc },
            issuer,
            client_id: self.client_id.clone().ok_or_else(|| missing("client_id"))?,
            client_secret: self.client_secret.as_ref().map(|secret| secret.0.clone()),
            scopes: lines(&self.scopes, scopes),
            groups_claim: self.groups_claim.clone().unwrap_or_else(|| "groups".to_owned()),
            omits_empty_groups: self.omits_empty_groups.unwrap_or(false),
            allow: allow.map_err(|error| format!("`providers.{name}.allow`: {error}"))?,
            rules: rules.map_err(|error| format!("`providers.{name}.rules`: {error}"))?,
            trusts_mail: self.trusts_mail.unwrap_or(false),
            ends_session: self.end_session.unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_that_are_known_need_little_and_others_all() {
        let with = |change: fn(&mut ProviderConfig)| {
            let mut config = ProviderConfig { client_id: Some("rigi".into()), ..ProviderConfig::default() };
            change(&mut config);
            config
        };
        let google = with(|_| {}).settings("google").unwrap();
        assert_eq!(
            (google.issuer.as_str(), google.label.as_str()),
            ("https://accounts.google.com", "Google")
        );
        assert_eq!(google.allow, [Allow::Invited]);
        let github = with(|_| {}).settings("github").unwrap();
        assert_eq!((github.kind, github.label.as_str()), (ProviderKind::GitHub, "GitHub"));
        assert!(with(|_| {}).settings("keycloak").unwrap_err().contains("issuer"));
        assert!(ProviderConfig::default().settings("google").unwrap_err().contains("client_id"));
        let common = with(|config| {
            config.issuer = Some(WebAddress("https://login.microsoftonline.com/common/v2.0".into()));
        });
        assert!(common.settings("microsoft").unwrap_err().contains("tenant"));
        let rule = with(|config| config.rules = Some(Lines(vec!["x = lab:king".into()])));
        assert!(rule.settings("google").unwrap_err().contains("rules"));
    }
}
