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

/// Whether a name and a version are nothing but that: they go into files and requests, and come from what others have packed.
#[must_use]
pub fn is_sound(pinned: &Pinned) -> bool {
    let Pinned { name, version } = pinned;
    let plain = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= LONGEST
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    plain(name, "-") && plain(version, ".-_!+")
}

/// Whether a text is a version by PEP 440.
#[must_use]
pub fn is_version(text: &str) -> bool {
    read(text).is_some()
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
        let odd = |name: &str, version: &str| Pinned { name: name.into(), version: version.into() };
        assert!(is_sound(&local) && is_sound(&odd("a-b", "1!2.0rc1")));
        for bad in [
            odd("a\n-r x", "1"),
            odd("", "1"),
            odd("a", ""),
            odd("a", "1 --x"),
            odd("-r", "1"),
            odd("é", "1"),
        ] {
            assert!(!is_sound(&bad), "{bad:?}");
        }
        assert!(is_version("2.1.0") && !is_version("2004d-x"));
        assert!(pinned(&Package::unchecked("x", "is a folder")).is_none());
    }
}
