//! What `pip-audit --format json` says: `dependencies[].{name, version, vulns[], skip_reason}`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::osv_match::together;
use super::version::read as read_version;
use super::{Advice, Advisory, Known, Pinned, clean_text, is_advisory_id, name_of};

#[derive(Debug, Deserialize)]
struct Said {
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    version: Option<String>,
    /// Absent where it was skipped; to be there and empty is what "none" means.
    vulns: Option<Vec<Vulnerability>>,
    skip_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    fix_versions: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    description: Option<String>,
}

/// Reads it, as the answer to what was asked. What it does not speak of could not be checked.
///
/// # Errors
/// In words, as the end of a sentence.
pub fn read(asked: &[Pinned], text: &[u8]) -> Result<Advice, String> {
    let said: Said = serde_json::from_slice(text).map_err(|error| {
        format!("what it says is not its own format: {}", clean_text(&error.to_string(), 200))
    })?;
    let mut by_name: BTreeMap<String, Vec<Dependency>> = BTreeMap::new();
    for one in said.dependencies {
        by_name.entry(name_of(&one.name)).or_default().push(one);
    }
    let known = |pinned: &Pinned| {
        let all = by_name.get(&pinned.name).map(Vec::as_slice).unwrap_or_default();
        (pinned.clone(), known_of(pinned, all))
    };
    Ok(asked.iter().map(known).collect())
}

fn known_of(asked: &Pinned, said: &[Dependency]) -> Known {
    let unchecked = |why: String| Known::Unchecked(why, Vec::new());
    if let Some(why) = said.iter().find_map(|one| one.skip_reason.as_deref()) {
        return unchecked(format!("pip-audit has skipped it: {}", clean_text(why, 200)));
    }
    let same = |one: &&Dependency| {
        one.version.as_deref().is_some_and(|version| {
            version == asked.version
                || read_version(version).is_some_and(|v| Some(v) == read_version(&asked.version))
        })
    };
    let Some(vulns) = said.iter().find(same).and_then(|one| one.vulns.as_deref()) else {
        return unchecked("pip-audit says nothing about it".to_owned());
    };
    if let Some(bad) = vulns.iter().find(|one| !is_advisory_id(&one.id)) {
        return unchecked(format!("pip-audit names an advisory `{}`", clean_text(&bad.id, 40)));
    }
    let advisory = |one: &Vulnerability| Advisory {
        id: one.id.clone(),
        aliases: one.aliases.iter().filter(|id| is_advisory_id(id)).take(50).cloned().collect(),
        severity: None,
        summary: one.description.as_deref().map(|text| clean_text(text, 300)).filter(|text| !text.is_empty()),
        fixed_in: one.fix_versions.iter().take(10).map(|version| clean_text(version, 40)).collect(),
    };
    Known::Advisories(together(vulns.iter().map(advisory).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(all: &[(&str, &str)]) -> Vec<Pinned> {
        all.iter()
            .map(|(name, version)| Pinned { name: (*name).into(), version: (*version).into() })
            .collect()
    }

    #[test]
    fn its_own_format_is_read_and_skipped_is_not_none() {
        let text = br#"{"dependencies": [
            {"name": "Requests", "version": "2.19.0", "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"],
             "aliases": ["CVE-2018-18074", "GHSA-x84v-xcm2-53pg"], "description": "Sends credentials.\nMore."}]},
            {"name": "idna", "version": "3.0.0", "vulns": []},
            {"name": "own", "skip_reason": "Dependency not found on PyPI"},
            {"name": "half", "version": "1.0"}], "fixes": []}"#;
        let all = asked(&[
            ("requests", "2.19.0"),
            ("idna", "3.0"),
            ("own", "1"),
            ("half", "1.0"),
            ("gone", "1"),
            ("idna", "9"),
        ]);
        let advice = read(&all, text).unwrap();
        let Known::Advisories(found) = &advice[&all[0]] else { panic!("{advice:?}") };
        assert_eq!(
            (&*found[0].id, found[0].summary.as_deref()),
            ("PYSEC-2018-28", Some("Sends credentials."))
        );
        assert_eq!(found[0].fixed_in, ["2.20.0"]);
        assert_eq!(advice[&all[1]], Known::Advisories(Vec::new()));
        for (one, why) in
            all[2..].iter().zip(["not found on PyPI", "says nothing", "says nothing", "says nothing"])
        {
            assert!(matches!(&advice[one], Known::Unchecked(said, _) if said.contains(why)), "{one:?}");
        }
    }

    #[test]
    fn what_is_not_its_format_is_an_error() {
        for bad in [
            "",
            "[]",
            "{}",
            "null",
            "<html>",
            r#"{"dependencies": {}}"#,
            r#"{"dependencies": [{}]}"#,
            r#"{"dependencies": [{"name": "a", "version": "1", "vulns": {}}]}"#,
            r#"[{"name": "a", "vulns": []}]"#,
        ] {
            assert!(read(&asked(&[("a", "1")]), bad.as_bytes()).is_err(), "{bad}");
        }
        let lie = br#"{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "../x"}]}]}"#;
        let advice = read(&asked(&[("a", "1")]), lie).unwrap();
        assert!(advice.values().all(|known| matches!(known, Known::Unchecked(..))));
    }
}
