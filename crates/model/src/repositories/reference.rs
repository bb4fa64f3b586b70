//! What of a repository is taken: a branch, a tag or a commit.

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The branch that the repository says is its own.
    #[default]
    Head,
    /// The newest commit of a branch.
    Branch(String),
    /// The commit that a tag is of.
    Tag(String),
    /// This commit, for ever.
    Commit(String),
}

impl Reference {
    /// Of the three that people write, of which one at most is given.
    ///
    /// # Errors
    /// The field, and what is wrong.
    pub fn of(
        branch: Option<String>,
        tag: Option<String>,
        commit: Option<String>,
    ) -> Result<Self, (&'static str, String)> {
        match (branch, tag, commit) {
            (None, None, None) => Ok(Self::Head),
            (Some(branch), None, None) => Ok(Self::Branch(branch)),
            (None, Some(tag), None) => Ok(Self::Tag(tag)),
            (None, None, Some(commit)) => Ok(Self::Commit(commit.to_ascii_lowercase())),
            _ => Err(("/branch", "one of `branch`, `tag` and `commit` is given, or none".to_owned())),
        }
    }

    /// Holds it against the rules that `git` has for names.
    ///
    /// # Errors
    /// The field, and what is wrong.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match self {
            Self::Head => Ok(()),
            Self::Branch(name) if is_name(name) => Ok(()),
            Self::Branch(_) => Err(("/branch", "it cannot be the name of a branch".to_owned())),
            Self::Tag(name) if is_name(name) => Ok(()),
            Self::Tag(_) => Err(("/tag", "it cannot be the name of a tag".to_owned())),
            Self::Commit(id) if is_id(id) => Ok(()),
            Self::Commit(_) => Err(("/commit", "a commit is named by all of its 40 digits".to_owned())),
        }
    }

    /// The name that a server knows it by; for a commit its id.
    #[must_use]
    pub fn remote_name(&self) -> String {
        match self {
            Self::Head => "HEAD".to_owned(),
            Self::Branch(name) => format!("refs/heads/{name}"),
            Self::Tag(name) => format!("refs/tags/{name}"),
            Self::Commit(id) => id.clone(),
        }
    }

    /// The branch, where it is one.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(name) => Some(name),
            _ => None,
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.pad("the default branch"),
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Commit(id) => write!(f, "commit {}", id.get(..7).unwrap_or(id)),
        }
    }
}

/// Whether a text is the whole id of an object: SHA-1 or SHA-256, small letters.
#[must_use]
pub fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// As `git check-ref-format` has it, and no letters beyond ASCII's that look like others.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"~^:?*[\\\"'`".contains(&b);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    (1..=240).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_git_takes() {
        for good in ["main", "release/2.1", "v1.0", "feature/a@b", "a-b_c"] {
            assert!(Reference::Branch(good.into()).check().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a\n",
            "a//b",
            "/a",
            "a/",
            "a.lock",
            ".a",
            "a^",
            "a:b",
            "@",
            "a@{1}",
            "+a*",
        ] {
            assert!(Reference::Branch(bad.into()).check().is_err(), "{bad}");
        }
        assert!(Reference::Commit("a".repeat(40)).check().is_ok());
        assert!(
            Reference::Commit("a".repeat(7)).check().is_err()
                && Reference::Commit("G".repeat(40)).check().is_err()
        );
        assert!(Reference::of(Some("a".into()), Some("b".into()), None).is_err());
    }
}
