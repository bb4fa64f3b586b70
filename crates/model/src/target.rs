//! Where attempts execute, by name.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a target: `process`, or what the operator calls an engine of containers or a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Target(Cow<'static, str>);

/// Characters of a name at most: those of a label of DNS.
const LONGEST: usize = 63;

impl Target {
    /// Processes of the server's machine.
    pub const PROCESS: Self = Self(Cow::Borrowed("process"));
    /// The container engine that is meant where none is named.
    pub const CONTAINER: Self = Self(Cow::Borrowed("container"));
    /// Where flows go on, which take no place: nothing of theirs is executed, their steps are runs of their own.
    pub const FLOW: Self = Self(Cow::Borrowed("flow"));
    /// The cluster that is meant where none is named.
    pub const KUBERNETES: Self = Self(Cow::Borrowed("kubernetes"));

    /// The target of this name; `None` if it cannot be one: lower-case letters, digits and `-`, a letter first.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Most names are known: a queue of many runs keeps no copy for each.
        for known in [Self::PROCESS, Self::CONTAINER, Self::KUBERNETES, Self::FLOW] {
            if known.as_str() == text {
                return Some(known);
            }
        }
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let edges = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        (plain && edges && text.len() <= LONGEST).then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The target that was stored by this name, even if none can be called so: no server has it then, and it is no
    /// other one.
    #[must_use]
    pub fn as_stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(Target::parse("process"), Some(Target::PROCESS));
        assert_eq!(Target::parse("lab-gpu2").unwrap().as_str(), "lab-gpu2");
        let long = "a".repeat(64);
        for bad in ["", "Process", "-a", "a-", "2a", "a b", "a_b", "a/b", long.as_str()] {
            assert_eq!(Target::parse(bad), None, "{bad:?}");
        }
    }
}
