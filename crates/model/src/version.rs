//! The version of a pipeline: a hash of its folder's content, the same for the same files everywhere.

use sha2::{Digest, Sha256};

use crate::{ContentHash, VersionHash};

/// What every listing begins with, so that a later way of hashing cannot give the same hash.
const DOMAIN: &[u8] = b"rigi-version-1\0";

/// One file of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileEntry<'a> {
    /// Relative to the folder, with `/` between its parts.
    pub path: &'a str,
    /// Of the file's content.
    pub sha256: ContentHash,
    /// Whether its owner may execute it.
    pub executable: bool,
}

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
        hasher.update(entry.sha256.bytes());
    }
    VersionHash::new(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn entry(path: &str, content: u8, executable: bool) -> FileEntry<'_> {
        FileEntry { path, sha256: ContentHash::new([content; 32]), executable }
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
    }

    #[test]
    fn the_hash_is_the_same_for_ever() {
        let version = hash_version([entry("main.py", 1, false)]);
        insta::assert_snapshot!(version, @"8ce768553873e1bdf0b28c1c0af8d63e31585eace956bd4612fce23f0202711b");
    }
}
