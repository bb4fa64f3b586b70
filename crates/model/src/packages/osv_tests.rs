//! Records in the format's own shapes, and such as nobody should write.

use serde_json::{Value, json};

use super::*;
use crate::packages::Severity;

fn record(value: &Value) -> Record {
    Record::read(value.to_string().as_bytes()).unwrap()
}

fn pinned(name: &str, version: &str) -> Pinned {
    Pinned { name: name.into(), version: version.into() }
}

/// A record about `lib` with these events.
fn with_events(events: &Value) -> Record {
    record(&json!({"id": "PYSEC-2026-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "Lib"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}]}]}))
}

fn hits(record: &Record, version: &str) -> Option<bool> {
    match advisories(&pinned("lib", version), [record]) {
        Known::Advisories(found) => Some(!found.is_empty()),
        Known::Unchecked(..) => None,
    }
}

#[test]
fn versions_lie_in_ranges_as_the_format_says() {
    let several = with_events(
        &json!([{"fixed": "1.4.2"}, {"introduced": "2.0a1"}, {"introduced": "1.2"}, {"fixed": "2.0.5"}]),
    );
    for (version, hit) in [
        ("1.1", false),
        ("1.2.dev1", false),
        ("1.2", true),
        ("1.4.1", true),
        ("1.4.2rc1", true),
        ("1.4.2", false),
        ("1.9", false),
        ("2.0a1", true),
        ("2.0.dev1", false),
        ("2.0.4.post1", true),
        ("2.0.5", false),
        ("1!1.0", false),
    ] {
        assert_eq!(hits(&several, version), Some(hit), "{version}");
    }
    let last = with_events(&json!([{"introduced": "0"}, {"last_affected": "3.1"}]));
    for (version, hit) in [
        ("0.0.1", true),
        ("0.dev0", true),
        ("3.1", true),
        ("3.1.0", true),
        ("3.1.post1", false),
        ("3.2", false),
    ] {
        assert_eq!(hits(&last, version), Some(hit), "{version}");
    }
    let one = with_events(&json!([{"introduced": "3.1"}, {"last_affected": "3.1"}]));
    assert_eq!(
        [hits(&one, "3.0"), hits(&one, "3.1"), hits(&one, "3.2")],
        [Some(false), Some(true), Some(false)]
    );
    let open = with_events(&json!([{"introduced": "1!2"}]));
    assert_eq!([hits(&open, "2026.1"), hits(&open, "1!2.1")], [Some(false), Some(true)]);
    let limited = with_events(&json!([{"introduced": "0"}, {"limit": "2"}]));
    assert_eq!([hits(&limited, "1.9"), hits(&limited, "2.0")], [Some(true), Some(false)]);
}

#[test]
fn a_record_is_told_with_its_ids_severity_and_cure() {
    let ghsa = record(&json!({
        "schema_version": "1.6.0", "id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-01-02T03:04:05Z",
        "aliases": ["CVE-2026-1", "PYSEC-2026-9", "bad id"], "summary": "Lib leaks\nmore", "details": "Long.",
        "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}, {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "affected": [
            {"package": {"ecosystem": "npm", "name": "lib"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]},
            {"package": {"ecosystem": "PyPI", "name": "lib", "purl": "pkg:pypi/lib"},
             "ranges": [{"type": "GIT", "repo": "https://example.org/l", "events": [{"introduced": "0"}]},
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.10"}]},
                        {"type": "ECOSYSTEM", "events": [{"introduced": "2"}, {"fixed": "2.3"}]}],
             "versions": ["1.2", "0.9"]}],
        "database_specific": {"severity": "MODERATE"}}));
    let pysec = record(&json!({"id": "PYSEC-2026-9", "details": "It leaks.", "aliases": ["CVE-2026-1"],
        "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1.2.0"]}]}));
    let withdrawn = record(&json!({"id": "PYSEC-2026-8", "withdrawn": "2026-02-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1.2"]}]}));
    let Known::Advisories(found) = advisories(&pinned("lib", "1.2"), [&ghsa, &pysec, &withdrawn]) else {
        panic!()
    };
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.id, "PYSEC-2026-9");
    assert_eq!(one.aliases, ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(one.severity, Some(Severity::High));
    assert_eq!(one.summary.as_deref(), Some("It leaks."));
    assert_eq!(one.fixed_in, ["1.10", "2.3"]);
    assert_eq!(affected_names(&ghsa), ["lib".to_owned()].into());
    let word = record(
        &json!({"id": "GHSA-x", "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1"]}],
        "database_specific": {"severity": "MODERATE"}}),
    );
    let Known::Advisories(found) = advisories(&pinned("lib", "1"), [&word]) else { panic!() };
    assert_eq!(found[0].severity, Some(Severity::Medium));
}

#[test]
fn what_cannot_be_followed_is_unchecked_and_not_none() {
    let about = |rest: &Value| {
        let mut affected = json!({"package": {"ecosystem": "PyPI", "name": "lib"}});
        affected.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        record(&json!({"id": "PYSEC-1", "affected": [affected]}))
    };
    for rest in [
        json!({}),
        json!({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}),
        json!({"ranges": [{"type": "ECOSYSTEM", "events": []}]}),
        json!({"ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "1"}]}]}),
        json!({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "first"}]}]}),
        json!({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "../x"}]}]}),
    ] {
        assert_eq!(hits(&about(&rest), "1.0"), None, "{rest}");
    }
    // No version by PEP 440 is found by its text alone.
    let listed = about(&json!({"versions": ["2004d-x"]}));
    assert_eq!([hits(&listed, "2004d-x"), hits(&listed, "2004e-x")], [Some(true), Some(false)]);
    let range = with_events(&json!([{"introduced": "0"}]));
    assert_eq!(hits(&range, "2004d-x"), None);
    // What is sure stays sure.
    let Known::Unchecked(why, found) = advisories(&pinned("lib", "1"), [&about(&json!({})), &range]) else {
        panic!()
    };
    assert!(why.starts_with("PYSEC-1: ") && found.len() == 1);
}

#[test]
fn a_hundred_records_that_are_none_are_refused_or_harmless() {
    let sound = json!({"id": "PYSEC-1", "aliases": ["A"], "withdrawn": null, "summary": "s", "details": "d",
        "severity": [{"type": "CVSS_V3", "score": "x"}], "database_specific": {"severity": 3},
        "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1"], "severity": [],
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]});
    assert_eq!(hits(&record(&sound), "1"), Some(true));
    let paths = [
        "",
        "/id",
        "/aliases",
        "/severity",
        "/affected",
        "/affected/0",
        "/affected/0/package",
        "/affected/0/package/name",
        "/affected/0/ranges",
        "/affected/0/ranges/0",
        "/affected/0/ranges/0/type",
        "/affected/0/ranges/0/events",
        "/affected/0/ranges/0/events/1",
        "/affected/0/versions",
    ];
    let long = "9".repeat(100_000);
    let wrong = [
        json!(null),
        json!(7),
        json!(-1.5e300),
        json!([]),
        json!({}),
        json!([[]]),
        json!("\u{0}<script>"),
        json!(long),
    ];
    let mut tried = 0;
    for path in paths {
        for value in &wrong {
            let mut hostile = sound.clone();
            *hostile.pointer_mut(path).unwrap() = value.clone();
            tried += 1;
            let Ok(record) = Record::read(hostile.to_string().as_bytes()) else { continue };
            // Whatever it is, it is read in no time, and nothing of it is told that could do harm.
            match advisories(&pinned("lib", "1"), [&record]) {
                Known::Advisories(found) | Known::Unchecked(_, found) => {
                    assert!(found.iter().all(is_sound), "{path} {value}");
                }
            }
        }
    }
    assert!(tried >= 100, "{tried}");
    let deep = "[".repeat(100_000);
    for text in [
        "",
        "{",
        "\u{feff}{}",
        "<html></html>",
        "[1]",
        "\"PYSEC\"",
        deep.as_str(),
        r#"{"id": "../../etc/passwd"}"#,
        r#"{"id": "a b"}"#,
        r#"{"id": ""}"#,
        "{\"id\": \"\\u0000\"}",
    ] {
        assert!(Record::read(text.as_bytes()).is_err(), "{}", text.chars().take(30).collect::<String>());
    }
}

fn is_sound(advisory: &Advisory) -> bool {
    crate::packages::is_advisory_id(&advisory.id)
        && advisory.aliases.iter().all(|id| crate::packages::is_advisory_id(id))
        && advisory.summary.as_ref().is_none_or(|text| text.len() < 2000 && !text.contains('\0'))
        && advisory.fixed_in.iter().all(|version| version.len() < 250)
}
