//! What each letter says. The address of the server in it is the one that is configured, whatever a request says.

use rigi_model::people::Key;
use rigi_model::rights::Grant;
use rigi_model::{ProjectName, Timestamp};
use rigi_store::people::Link;

use super::Letter;

/// What was changed of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Its password.
    Password,
    /// It has a second factor from now on.
    FactorOn,
    /// It has none any more.
    FactorOff,
    /// Its mail address.
    Address,
}

impl Change {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Password => {
                ("Your password was changed", "has a new password, and all its other sessions have ended")
            }
            Self::FactorOn => ("A second factor was turned on", "has a second factor from now on"),
            Self::FactorOff => ("The second factor was turned off", "has no second factor any more"),
            Self::Address => (
                "Your mail address was changed",
                "has another mail address: this one signs in no more, and this is the last mail to it",
            ),
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Letters {
    url: String,
}

/// A time as letters say it, to the minute.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.chars().take(5).collect::<String>())
}

impl Letters {
    /// Of a server that people reach at this address.
    #[must_use]
    pub fn of(public_url: &str) -> Self {
        Self { url: public_url.trim_end_matches('/').to_owned() }
    }

    /// The server, as people know it.
    #[must_use]
    pub fn server(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest)
    }

    fn link(&self, key: &Key) -> String {
        format!("{}/join#{}", self.url, key.expose())
    }

    fn once(link: &Link) -> String {
        format!("The link serves once, and ends on {}.", minute(link.until))
    }

    /// Invites somebody, on behalf of somebody, to a project that is called so now.
    #[must_use]
    pub fn invitation(&self, by: &str, project: &ProjectName, key: &Key, link: &Link) -> Letter {
        let named = Some(project).filter(|project| **project != ProjectName::default());
        let place = named.map_or_else(|| "Rigi".to_owned(), ToString::to_string);
        let role = link.grant.as_ref().map(|grant| match grant {
            Grant::Administrator => ", as an administrator".to_owned(),
            Grant::Role(_, role) => {
                let role = role.as_str();
                let article = if role.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                format!(", as {article} {role}")
            }
        });
        let server = self.server();
        let (whose, role) = (link.mail.as_deref().unwrap_or("whoever has it"), role.unwrap_or_default());
        Letter::about(&format!("{by} invites you to {place}"))
            .says(&format!("{by} invites you to {place} on {server}{role}."))
            .link("Join", &self.link(key))
            .says(&format!("{} It is for {whose} alone.", Self::once(link)))
            .adds("If you did not expect it, leave this mail: without the link, nothing happens.")
    }

    /// Brings a link that somebody asked for who has forgotten a password.
    #[must_use]
    pub fn asked_reset(&self, name: &str, key: &Key, link: &Link) -> Letter {
        let server = self.server();
        Letter::about("A new password for Rigi")
            .says(&format!("Somebody asked for a new password for the account of {name} on {server}."))
            .link("Set a new password", &self.link(key))
            .says(&format!("{} When the password is set, all sessions end.", Self::once(link)))
            .adds("If it was not you, leave this mail: the password stays as it is.")
    }

    /// Brings a link that an administrator made: to set a password, or to sign in.
    #[must_use]
    pub fn given_link(&self, by: &str, name: &str, key: &Key, link: &Link) -> Letter {
        let server = self.server();
        let (subject, does, label) = match link.kind {
            rigi_model::people::LinkKind::SignIn => ("A link to sign in to Rigi", "signs you in", "Sign in"),
            _ => ("A new password for Rigi", "sets a new password", "Set a new password"),
        };
        Letter::about(subject)
            .says(&format!("{by} sends you a link that {does}, for the account of {name} on {server}."))
            .link(label, &self.link(key))
            .says(&Self::once(link))
            .adds("If you did not expect it, leave this mail: without the link, nothing happens.")
    }

    /// Brings a link that confirms its own address.
    #[must_use]
    pub fn confirm(&self, name: &str, key: &Key, link: &Link) -> Letter {
        let server = self.server();
        Letter::about("Confirm your mail address")
            .says(&format!("This address is that of the account of {name} on {server}, if you say so."))
            .link("Confirm the address", &self.link(key))
            .says(&Self::once(link))
            .adds("If the account is not yours, leave this mail.")
    }

    /// Tells that something was changed, when and from where.
    #[must_use]
    pub fn changed(&self, what: Change, name: &str, from: Option<&str>, at: Timestamp) -> Letter {
        let (server, (subject, words)) = (self.server(), what.words());
        let from = from.map(|address| format!(", from {address}")).unwrap_or_default();
        Letter::about(subject)
            .says(&format!("The account of {name} on {server} {words}."))
            .says(&format!("It was done on {}{from}.", minute(at)))
            .says("If it was not you, tell an administrator of this server now.")
    }

    /// Shows that mail arrives.
    #[must_use]
    pub fn test(&self, by: &str) -> Letter {
        let server = self.server();
        Letter::about("Mail from Rigi arrives")
            .says(&format!("{by} has sent this from {server}, to see whether mail arrives. It does."))
    }
}
