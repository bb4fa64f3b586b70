//! Git repositories that pipelines of a project come from: where each lies, what of it is taken, and what a sync would change.

pub mod address;
pub mod plan;
pub mod reference;
pub mod tree;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use address::{Address, Forge, Scheme};
pub use reference::Reference;

use crate::state::text_enum;

/// Between two syncs that nobody asks for, at least.
pub const LEAST_INTERVAL: Duration = Duration::from_secs(30);
/// The same at most: a year.
pub const MOST_INTERVAL: Duration = Duration::from_secs(366 * 24 * 3600);
/// Repositories of a project at most.
pub const MOST_REPOSITORIES: usize = 50;
/// Characters of a repository's name at most.
const LONGEST_NAME: usize = 64;
/// The variable that tells a run which commit its code is of.
pub const COMMIT: &str = "RIGI_COMMIT";

text_enum! {
    /// What made a sync begin.
    Cause {
        /// Somebody asked for it.
        Hand = "hand",
        /// The repository said that something was pushed.
        Webhook = "webhook",
        /// Its time had come.
        Interval = "interval",
    }
}

text_enum! {
    /// What became of a sync.
    Outcome {
        /// What is there is another commit than before.
        Changed = "changed",
        /// It is the same.
        Unchanged = "unchanged",
        /// It did not go well, and nothing has changed.
        Failed = "failed",
    }
}

/// Where a repository lies, and what is taken of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositorySpec {
    /// Its address, as `git` takes it.
    pub url: String,
    /// What is taken: a branch, a tag or a commit.
    #[serde(default)]
    pub reference: Reference,
    /// The folder whose subfolders are pipelines; empty is the top.
    #[serde(default)]
    pub folder: String,
    /// Seconds between two syncs that nobody asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// By whose ways its pages have addresses, where its host does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<Forge>,
    /// The name that goes with a token, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl RepositorySpec {
    /// Reads the parts that people write, and says what is wrong with the first that is.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn check(&self) -> Result<Address, (&'static str, String)> {
        let address = Address::parse(&self.url).map_err(|why| ("/url", why))?;
        self.reference.check()?;
        tree::check_folder(&self.folder).map_err(|why| ("/folder", why))?;
        if let Some(seconds) = self.interval
            && !(LEAST_INTERVAL.as_secs()..=MOST_INTERVAL.as_secs()).contains(&seconds)
        {
            return Err(("/interval", format!("the interval is {seconds} s and may be 30 s to a year")));
        }
        let is_user = |user: &String| {
            user.len() <= 100 && user.bytes().all(|b| b.is_ascii_graphic() && b != b':') && !user.is_empty()
        };
        if !self.user.as_ref().is_none_or(is_user) {
            return Err(("/user", "the user has up to 100 letters without spaces and colons".to_owned()));
        }
        Ok(address)
    }

    /// The page of a commit, where it has one.
    #[must_use]
    pub fn commit_page(&self, commit: &str) -> Option<String> {
        Address::parse(&self.url).ok()?.commit_page(self.forge, commit)
    }
}

/// What is wrong with a repository's name.
///
/// # Errors
/// In words.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if begins && name.len() <= LONGEST_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!(
        "the name has up to {LONGEST_NAME} small letters, digits and `-_.`, and begins with a letter or digit"
    ))
}

/// Whether a token can be one: it goes into a header.
///
/// # Errors
/// In words, without the token.
pub fn check_token(token: &str) -> Result<(), String> {
    if (1..=4096).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err("a token has up to 4096 letters, digits and signs, and no spaces".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_held_against_its_rules() {
        let good = RepositorySpec {
            url: "https://git.example.org/lab/tools.git".into(),
            reference: Reference::Branch("main".into()),
            folder: "pipelines".into(),
            interval: Some(30),
            forge: None,
            user: None,
        };
        assert!(good.check().is_ok());
        let wrong = |change: fn(&mut RepositorySpec)| {
            let mut spec = good.clone();
            change(&mut spec);
            spec.check().map(drop).map_err(|(field, _)| field)
        };
        assert_eq!(wrong(|spec| spec.interval = Some(29)), Err("/interval"));
        assert_eq!(wrong(|spec| spec.folder = "../x".into()), Err("/folder"));
        assert_eq!(wrong(|spec| spec.reference = Reference::Branch("-x".into())), Err("/branch"));
        assert_eq!(wrong(|spec| spec.url = "https://a:b@git.example.org/x".into()), Err("/url"));
        assert_eq!(wrong(|spec| spec.user = Some("a:b".into())), Err("/user"));
        let text = serde_json::to_string(&good).unwrap_or_default();
        assert_eq!(serde_json::from_str::<RepositorySpec>(&text).ok(), Some(good));
    }

    #[test]
    fn names_are_plain() {
        assert!(check_name("tools-2.x").is_ok());
        for bad in ["", "-a", ".git", "A", "a/b", "a b", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_token("ghp_abc").is_ok() && check_token("a\r\nb").is_err() && check_token("").is_err());
    }
}
