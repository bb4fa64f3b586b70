//! People of Fast-Flow: accounts without a password, known by who they are at a provider. Nothing that signs in comes: no session, no token.

use rigi_model::people::{
    GrantSource, Key, KeyKind, LinkKind, PersonKind, PersonState, SEED, mail_address, person_name,
};
use rigi_model::rights::{Grant, Role};
use rigi_model::{LinkId, ProjectName, Timestamp};
use rigi_store::people::{Identity, Link, NewPerson, Person, Principal};
use rigi_store::{ForeignRow, Store};
use sha2::{Digest, Sha512};

use super::values::{time, truth};
use super::{Moving, of_store};
use crate::trouble::Trouble;

const SUBJECT: &str = "people";
const INVITATIONS: &str = "invitations";
/// Names that are tried for somebody whose own is another's here.
const TRIES: u32 = 100;

/// Who vouches for people, by the column that Fast-Flow keeps them in. `None`: nobody knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Issuers {
    pub microsoft: Option<String>,
    pub custom: Option<String>,
}

impl Issuers {
    /// The issuer of a column, or why there is none.
    fn of(&self, column: &str) -> Result<String, &'static str> {
        match column {
            "github_id" => Ok("https://github.com".to_owned()),
            "google_id" => Ok("https://accounts.google.com".to_owned()),
            "microsoft_id" => self.microsoft.clone().ok_or(
                "their Microsoft account is not linked, as the tenant is not known: set `providers.microsoft.issuer`, or give Fast-Flow's `.env` with `MICROSOFT_TENANT_ID`",
            ),
            _ => self.custom.clone().ok_or(
                "their account at the custom provider is not linked, as its issuer is not known: configure it (`[providers.NAME]`) and import again",
            ),
        }
    }
}

const COLUMNS: [&str; 4] = ["github_id", "google_id", "microsoft_id", "custom_oauth_id"];

/// An account of Fast-Flow.
#[derive(Debug, PartialEq, Eq)]
struct Theirs {
    name: String,
    mail: Option<String>,
    grant: Grant,
    identities: Vec<Identity>,
    is_blocked: bool,
    is_pending: bool,
    /// What of it does not come.
    left: Vec<String>,
}

/// What a role makes of somebody here.
fn grant(role: &str, project: &ProjectName) -> Result<Grant, String> {
    Ok(match role {
        "READONLY" => Grant::Role(project.clone(), Role::Viewer),
        "WRITE" => Grant::Role(project.clone(), Role::Editor),
        "ADMIN" => Grant::Administrator,
        other => return Err(format!("the role `{other}` is none of Fast-Flow's")),
    })
}

/// Reads an account; why it does not come.
fn read(row: &ForeignRow, project: &ProjectName, issuers: &Issuers) -> Result<Theirs, String> {
    if row.get("status") == Some("rejected") {
        return Err("was rejected in Fast-Flow; nobody comes in here without being let".to_owned());
    }
    let name = row.get("username").unwrap_or_default();
    let name = person_name(name.trim()).map_err(|error| error.to_string())?;
    let grant = grant(row.get("role").unwrap_or("READONLY"), project)?;
    let mut left = Vec::new();
    let mail = match row.get("email").filter(|mail| !mail.trim().is_empty()).map(mail_address) {
        Some(Err(error)) => {
            left.push(format!("{error}, and is left out"));
            None
        }
        Some(Ok(mail)) => Some(mail),
        None => None,
    };
    let mut identities = Vec::new();
    for column in COLUMNS {
        let Some(subject) = row.get(column).filter(|subject| !subject.is_empty()) else { continue };
        match issuers.of(column) {
            Ok(issuer) => {
                let (subject, mail_seen) = (subject.to_owned(), mail.clone());
                identities.push(Identity { issuer, subject, mail_seen });
            }
            Err(why) => left.push(why.to_owned()),
        }
    }
    if identities.is_empty() && mail.is_none() {
        left.push("has no way to sign in: `rigi admin link --person NAME` makes one".to_owned());
    }
    Ok(Theirs {
        name,
        mail,
        grant,
        identities,
        is_blocked: row.get("blocked").is_some_and(truth),
        is_pending: row.get("status") == Some("pending"),
        left,
    })
}

impl Moving<'_> {
    /// Who vouches for people: what is configured here, then what Fast-Flow's variables say.
    fn issuers(&self) -> Issuers {
        let configured = |kind: &str| -> Vec<String> {
            let providers = self.loaded.config.providers.iter();
            let known = ["google", "microsoft", "github"];
            let of_kind = providers.filter(|(name, provider)| {
                let own = provider.kind.as_deref();
                own.unwrap_or(if known.contains(&name.as_str()) { name } else { "oidc" }) == kind
            });
            of_kind.filter_map(|(name, provider)| Some(provider.settings(name).ok()?.issuer)).collect()
        };
        let tenant = self.variables.get("MICROSOFT_TENANT_ID");
        let tenant =
            tenant.filter(|tenant| !["common", "organizations", "consumers"].contains(&tenant.as_str()));
        let of_tenant = tenant.map(|tenant| format!("https://login.microsoftonline.com/{tenant}/v2.0"));
        // The subject is another claim's where they say so.
        let is_subject = self.variables.get("CUSTOM_OAUTH_CLAIM_ID").is_none_or(|claim| claim == "sub");
        let [custom] = &configured("oidc")[..] else {
            return Issuers {
                microsoft: configured("microsoft").into_iter().next().or(of_tenant),
                custom: None,
            };
        };
        Issuers {
            microsoft: configured("microsoft").into_iter().next().or(of_tenant),
            custom: Some(custom.clone()).filter(|_| is_subject),
        }
    }

    pub(super) async fn bring_people(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let issuers = self.issuers();
        for row in self.rows("users").await? {
            let name = row.get("username").unwrap_or_default().to_owned();
            match read(&row, &self.project, &issuers) {
                Ok(theirs) => self.bring_person(theirs).await.map_err(|error| of_store(&error))?,
                Err(why) => self.report.left_out(SUBJECT, &name, why),
            }
        }
        self.bring_invitations().await?;
        if !self.loaded.config.people.enabled {
            let why = "accounts count once `people.enabled = true` stands in `rigi.toml`, with the providers that they sign in by";
            self.report.ask(SUBJECT, "all", why);
        }
        Ok(())
    }

    async fn bring_person(&mut self, theirs: Theirs) -> rigi_store::Result<()> {
        for why in &theirs.left {
            self.report.differs(SUBJECT, &theirs.name, why.clone());
        }
        let known = match self.known() {
            Some(store) => find(store, &theirs).await?,
            None => None,
        };
        if let Some(known) = known {
            self.report.here(SUBJECT, 1);
            return self.link_more(&known, &theirs).await;
        }
        self.report.came(SUBJECT, 1);
        if theirs.is_pending {
            let why = "waits to be let in: its request is with the project's members (`rigi members`)";
            self.report.differs(SUBJECT, &theirs.name, why);
        }
        let Some(store) = self.store().cloned() else { return Ok(()) };
        let name = free_name(&store, &theirs.name).await?;
        if name != theirs.name {
            let why = format!("somebody else here has this name; it is `{name}` here");
            self.report.differs(SUBJECT, &theirs.name, why);
        }
        let grants =
            if theirs.is_pending { Vec::new() } else { vec![(theirs.grant.clone(), GrantSource::Hand)] };
        let new = NewPerson {
            kind: PersonKind::Person,
            name,
            mail: theirs.mail,
            phc: None,
            grants,
            invited_by: None,
            claim: None,
            // With one, the mail address would count as proven, which Fast-Flow does not say.
            identity: None,
        };
        let id = store.add_person(new, &self.deed).await?;
        for identity in &theirs.identities {
            store.add_identity(&id, identity, &self.deed).await?;
        }
        if theirs.is_blocked {
            let person = store.db().person(&id).await?;
            store.set_person_state(&person, PersonState::Blocked, &self.deed).await?;
        }
        if theirs.is_pending {
            store.ask_to_join(&self.project, &id, "asked to join in Fast-Flow", &self.deed).await?;
        }
        Ok(())
    }

    /// Somebody who is here: what they are stays, and ways to sign in that are new come.
    async fn link_more(&mut self, known: &Person, theirs: &Theirs) -> rigi_store::Result<()> {
        let Some(store) = self.known().cloned() else { return Ok(()) };
        for identity in &theirs.identities {
            if store.db().person_of_identity(&identity.issuer, &identity.subject).await?.is_none() {
                let why = format!("is linked to {} now, too", identity.issuer);
                self.report.differs(SUBJECT, &theirs.name, why);
                if let Some(store) = self.store() {
                    store.add_identity(&known.id, identity, &self.deed).await?;
                }
            }
        }
        let has = store.db().granted_to(&known.id).await?;
        let of_theirs = Principal::Person(known.id.clone());
        let same = has.iter().any(|has| has.principal == of_theirs && has.grant == theirs.grant);
        if !same && !theirs.is_pending {
            self.report.differs(SUBJECT, &theirs.name, "is here with another role, which stays");
        }
        Ok(())
    }

    /// Invitations that can still be taken. Their links are others here, and are shown.
    async fn bring_invitations(&mut self) -> Result<(), Trouble> {
        let now = self.deed.at;
        let rows = self.rows(INVITATIONS).await?;
        for row in rows {
            let mail = row.get("recipient_email").unwrap_or_default().to_owned();
            let Some((link, key)) = invitation(&row, &self.project, now) else {
                self.report.left_out(INVITATIONS, &mail, "it was taken, or has ended");
                continue;
            };
            let (link, key) = match (mail_address(&mail), key) {
                (Ok(mail), Some(key)) => (Link { mail: Some(mail), ..link }, key),
                _ => {
                    self.report.left_out(INVITATIONS, &mail, "its address or its token is none");
                    continue;
                }
            };
            let known = match self.known() {
                Some(store) => store.db().link(&key, now).await.map_err(|error| of_store(&error))?.is_some(),
                None => false,
            };
            if known {
                self.report.here(INVITATIONS, 1);
                continue;
            }
            self.report.came(INVITATIONS, 1);
            let path = format!("/join#{}", key.expose());
            let why = match &self.loaded.config.server.public_url {
                Some(address) => {
                    format!("its link is another now; hand it on: {}{path}", address.trim_end_matches('/'))
                }
                None => format!("its link is another now; hand it on, behind the server's address: {path}"),
            };
            self.report.ask(INVITATIONS, &mail, why);
            if let Some(store) = self.store() {
                store.add_link(&key, &link, None, &self.deed).await.map_err(|error| of_store(&error))?;
            }
        }
        Ok(())
    }
}

/// The link of an invitation, and its key, which follows from the token there; `None`: nobody can take it any more.
fn invitation(row: &ForeignRow, project: &ProjectName, now: Timestamp) -> Option<(Link, Option<Key>)> {
    let until = row.get("expires_at").and_then(time).filter(|until| *until > now)?;
    if row.get("is_used").is_some_and(truth) {
        return None;
    }
    let grant = grant(row.get("role")?, project).ok()?;
    let token = row.get("token").filter(|token| token.len() >= 16);
    // Another way to write the same token: whoever has it may make this key, and they may come in.
    let seed: Option<[u8; SEED]> =
        token.map(|token| Sha512::digest(format!("invitation of Fast-Flow {token}")).into());
    let key = seed.and_then(|seed| Key::from_seed(KeyKind::Invitation, &seed));
    let link = Link {
        id: LinkId::generate(),
        kind: LinkKind::Invitation,
        person: None,
        mail: None,
        grant: Some(grant),
        uses: 1,
        used: 0,
        made_by: "import of Fast-Flow".to_owned(),
        made_at: now,
        until,
    };
    Some((link, key))
}

/// Who of those that are here somebody is: by a provider, then by the mail address, then, where neither is known, by name.
async fn find(store: &Store, theirs: &Theirs) -> rigi_store::Result<Option<Person>> {
    for identity in &theirs.identities {
        if let Some(id) = store.db().person_of_identity(&identity.issuer, &identity.subject).await? {
            return store.db().person(&id).await.map(Some);
        }
    }
    match &theirs.mail {
        Some(mail) => store.db().person_by_mail(mail).await,
        None if theirs.identities.is_empty() => store.db().person_by_name(&theirs.name).await,
        None => Ok(None),
    }
}

async fn free_name(store: &Store, name: &str) -> rigi_store::Result<String> {
    if store.db().person_by_name(name).await?.is_none() {
        return Ok(name.to_owned());
    }
    let short: String = name.chars().take(90).collect();
    for number in 2..TRIES {
        let other = format!("{}-{number}", short.trim_end());
        if store.db().person_by_name(&other).await?.is_none() {
            return Ok(other);
        }
    }
    Err(rigi_store::Error::Conflict(format!("too many are called `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(more: &[(&str, &str)]) -> ForeignRow {
        let all =
            [("username", "ada"), ("email", "ada@example.org"), ("role", "WRITE"), ("status", "active")];
        let mut all: std::collections::BTreeMap<&str, &str> = all.into();
        all.extend(more.iter().copied());
        ForeignRow::from_iter(all)
    }

    #[test]
    fn roles_are_ours_and_identities_have_their_issuer() {
        let project = ProjectName::default();
        let read = |more: &[(&str, &str)]| read(&row(more), &project, &Issuers::default());
        let ada = read(&[("github_id", "17"), ("google_id", "g")]).unwrap();
        assert_eq!(ada.grant, Grant::Role(project.clone(), Role::Editor));
        let issuers: Vec<&str> = ada.identities.iter().map(|identity| &*identity.issuer).collect();
        assert_eq!(issuers, ["https://github.com", "https://accounts.google.com"]);
        assert!(ada.left.is_empty() && !ada.is_blocked && !ada.is_pending);
        assert_eq!(read(&[("role", "ADMIN")]).unwrap().grant, Grant::Administrator);
        assert_eq!(read(&[("role", "READONLY")]).unwrap().grant, Grant::Role(project.clone(), Role::Viewer));
        assert!(read(&[("role", "KING")]).unwrap_err().contains("KING"));
        assert!(read(&[("status", "rejected")]).unwrap_err().contains("rejected"));
        assert!(read(&[("username", "a\nb")]).is_err());
        assert!(
            read(&[("blocked", "1"), ("status", "pending")])
                .is_ok_and(|ada| ada.is_blocked && ada.is_pending)
        );
    }

    #[test]
    fn what_does_not_fit_is_told_and_the_rest_comes() {
        let project = ProjectName::default();
        let read =
            |more: &[(&str, &str)], issuers: &Issuers| super::read(&row(more), &project, issuers).unwrap();
        let none = Issuers::default();
        let ada = read(&[("email", "no address"), ("microsoft_id", "m"), ("custom_oauth_id", "c")], &none);
        assert!(ada.mail.is_none() && ada.identities.is_empty());
        assert_eq!(ada.left.len(), 4, "{:?}", ada.left);
        let known = Issuers { microsoft: Some("https://m".into()), custom: Some("https://c".into()) };
        assert_eq!(read(&[("microsoft_id", "m"), ("custom_oauth_id", "c")], &known).identities.len(), 2);
    }

    #[test]
    fn an_invitation_that_is_open_has_the_same_key_each_time() {
        let (project, now) = (ProjectName::default(), Timestamp(1_785_564_000_000_000));
        let open = [
            ("expires_at", "2099-01-01"),
            ("is_used", "0"),
            ("token", "a-token-long-enough"),
            ("role", "WRITE"),
        ];
        let (link, key) = invitation(&row(&open), &project, now).unwrap();
        assert_eq!(link.grant, Some(Grant::Role(project.clone(), Role::Editor)));
        assert!(key.is_some());
        assert_eq!(invitation(&row(&open), &project, now).unwrap().1, key);
        for change in [("is_used", "1"), ("expires_at", "2020-01-01"), ("expires_at", "x")] {
            assert!(
                invitation(&row(&[&open[..], &[change]].concat()), &project, now).is_none(),
                "{change:?}"
            );
        }
        assert!(
            invitation(&row(&[&open[..], &[("token", "short")]].concat()), &project, now)
                .unwrap()
                .1
                .is_none()
        );
    }
}
