//! The version of a pipeline: a hash of its folder's content, the same for the same files everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What every listing begins with, so that a later way of hashing cannot give the same hash.
const DOMAIN: &[u8] = b"rigi-version-1\0";

/// One file of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileEntry<'a> {
    /// Relative to the folder, with `/` between its parts.
    pub path: &'a str,
    /// Of the file's content.
    pub sha256: [u8; 32],
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// SHA-256 over a folder's listing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionHash([u8; 32]);

/// A text that is not the hash of a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: it must be 64 hexadecimal digits")]
pub struct InvalidVersion(String);

/// The version of these files. Their order does not matter; times, owners and other permissions do not count.
#[must_use]
pub fn hash_version<'a>(entries: impl IntoIterator<Item = FileEntry<'a>>) -> VersionHash {
    let mut entries: Vec<FileEntry<'a>> = entries.into_iter().collect();
    entries.sort_unstable();
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    for entry in entries {
        // The length first: no name can be mistaken for a name and what follows it.
        hasher.update((entry.path.len() as u64).to_le_bytes());
        hasher.update(entry.path.as_bytes());
        hasher.update([u8::from(entry.executable)]);
        hasher.update(entry.sha256);
    }
    VersionHash(hasher.finalize().into())
}

impl VersionHash {
    /// The first seven digits, as people say it.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl fmt::Display for VersionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VersionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VersionHash {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.chars().take(80).collect());
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for VersionHash {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, InvalidVersion> {
        text.parse()
    }
}

impl From<VersionHash> for String {
    fn from(hash: VersionHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn entry(path: &str, content: u8, executable: bool) -> FileEntry<'_> {
        FileEntry { path, sha256: [content; 32], executable }
    }

    #[test]
    fn the_same_files_are_the_same_version() {
        let (a, b) = (entry("main.py", 1, false), entry("lib/x.py", 2, false));
        let version = hash_version([a, b]);
        assert_eq!(hash_version([b, a]), version);
        assert_ne!(hash_version([a]), version);
        assert_ne!(hash_version([a, entry("lib/x.py", 3, false)]), version);
        assert_ne!(hash_version([a, entry("lib/x.py", 2, true)]), version);
        assert_ne!(hash_version([a, entry("lib/y.py", 2, false)]), version);
        assert_eq!(version.to_string().parse(), Ok(version));
        assert_eq!(version.short().len(), 7);
        assert!(
            "0".repeat(63).parse::<VersionHash>().is_err() && "ä".repeat(32).parse::<VersionHash>().is_err()
        );
    }

    #[test]
    fn the_hash_is_the_same_for_ever() {
        let version = hash_version([entry("main.py", 1, false)]);
        insta::assert_snapshot!(version, @"8ce768553873e1bdf0b28c1c0af8d63e31585eace956bd4612fce23f0202711b");
    }
}
