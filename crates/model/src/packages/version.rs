//! Names and versions of Python packages (PEP 503, PEP 440).

use std::str::FromStr;

use pep440_rs::Version;

use super::{Package, Pinned};

/// Characters of a name or a version at most.
const LONGEST: usize = 200;

/// A package's name as PEP 503 has it: in lower case, with one `-` for each run of `-`, `_` and `.`.
#[must_use]
pub fn name_of(text: &str) -> String {
    let mut name = String::with_capacity(text.len().min(LONGEST));
    for c in text.trim().chars().take(LONGEST) {
        match c {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            other => name.extend(other.to_lowercase()),
        }
    }
    name
}

/// What is asked about a package; `None`: it cannot be checked. What was added to a version locally is no part of the public one, which
/// advisories name.
#[must_use]
pub fn pinned(package: &Package) -> Option<Pinned> {
    let version = package.version.as_deref().filter(|_| package.unchecked.is_none())?;
    let public = read(version).map_or_else(|| version.to_owned(), |version| version.to_string());
    Some(Pinned { name: package.name.clone(), version: public })
}

/// A version without what was added to it locally; `None`: it is none by PEP 440.
pub(super) fn read(text: &str) -> Option<Version> {
    if text.len() > LONGEST {
        return None;
    }
    Some(Version::from_str(text.trim()).ok()?.without_local())
}

/// A line for people: without control characters, and no longer than this.
#[must_use]
pub fn clean_text(text: &str, longest: usize) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_pep_503_has_them() {
        for (text, name) in [
            ("Pillow", "pillow"),
            ("zope.interface", "zope-interface"),
            ("ruamel_yaml", "ruamel-yaml"),
            ("A--b__c..d-_.e", "a-b-c-d-e"),
            (" Flask ", "flask"),
        ] {
            assert_eq!(name_of(text), name);
        }
        assert_eq!(name_of(&"x".repeat(10_000)).len(), LONGEST);
    }

    #[test]
    fn versions_are_compared_as_pep_440_has_them() {
        let ordered = [
            "0.9",
            "1.0.dev1",
            "1.0a1",
            "1.0b2",
            "1.0rc1",
            "1.0",
            "1.0.post1",
            "1.1.dev1",
            "1.1",
            "1.10",
            "2024.1",
            "1!0.1",
            "1!0.2",
        ];
        let read: Vec<_> = ordered.iter().map(|text| read(text).unwrap()).collect();
        assert!(read.is_sorted(), "{read:?}");
        assert_eq!(super::read("1.0"), super::read("1.0.0"));
        assert_eq!(super::read("v1.0"), super::read("1.0+cu118"));
        assert!(super::read("2004d-x").is_none() && super::read(&"1.".repeat(200)).is_none());
        let local = pinned(&Package::pinned("torch", "2.1.0+cu118")).unwrap();
        assert_eq!(local.version, "2.1.0");
        assert_eq!(pinned(&Package::pinned("pytz", "2004d")).unwrap().version, "2004d");
        assert!(pinned(&Package::unchecked("x", "is a folder")).is_none());
    }
}
