//! What an audit comes to.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Advice, AuditOutcome, Finding, Ignored, Known, Package, pinned};

/// Findings of one audit that are kept.
const MOST_FINDINGS: usize = 2000;

/// What an audit of an environment came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In a word.
    pub outcome: AuditOutcome,
    /// What could not be checked, and why; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// All packages; what could not be checked says so.
    pub packages: Vec<Package>,
    /// What is known against them, the worst first.
    pub findings: Vec<Finding>,
    /// Whether the source has answered at all.
    pub answered: bool,
    /// Why there may be more packages than these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// A finding that was told, and is not over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stands {
    /// The package.
    pub package: String,
    /// The advisory's id.
    pub id: String,
}

/// What an audit changes beside the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// What stands from now on.
    pub standing: Vec<Stands>,
    /// What did not stand before: it is told.
    pub news: Vec<&'a Finding>,
    /// Whether all is over that stood.
    pub over: bool,
}

/// What follows from what a source says about an environment's packages. `incomplete` says why there may be more packages than these.
#[must_use]
pub fn verdict(
    packages: &[Package],
    incomplete: Option<&str>,
    advice: Result<&Advice, &str>,
    ignored: &[Ignored],
    today: Date,
) -> Report {
    let mut all = packages.to_vec();
    let mut findings = Vec::new();
    for package in &mut all {
        let Some(asked) = pinned(package) else { continue };
        let known = match &advice {
            Ok(advice) => advice.get(&asked),
            // What the source as a whole says is told once, of all.
            Err(_) => continue,
        };
        let found = match known {
            Some(Known::Advisories(found)) => found,
            Some(Known::Unchecked(why, found)) => {
                package.unchecked = Some(why.clone());
                found
            }
            None => {
                package.unchecked = Some("the source of advisories says nothing about it".to_owned());
                continue;
            }
        };
        findings.extend(found.iter().map(|advisory| Finding {
            package: package.name.clone(),
            version: asked.version.clone(),
            ignored: ignored.iter().find(|one| one.covers(advisory, today)).map(|one| one.reason.clone()),
            advisory: advisory.clone(),
        }));
    }
    let worst = |finding: &Finding| (finding.ignored.is_some(), std::cmp::Reverse(finding.advisory.severity));
    findings
        .sort_by(|a, b| (worst(a), &a.package, &a.advisory.id).cmp(&(worst(b), &b.package, &b.advisory.id)));
    findings.truncate(MOST_FINDINGS);
    let message = why_not(&all, incomplete, advice.err());
    let outcome = match findings.iter().any(|finding| finding.ignored.is_none()) {
        true => AuditOutcome::Vulnerable,
        false if message.is_some() => AuditOutcome::Unknown,
        false => AuditOutcome::Clean,
    };
    let incomplete = incomplete.map(str::to_owned);
    Report { outcome, message, packages: all, findings, answered: advice.is_ok(), incomplete }
}

/// What could not be checked.
fn why_not(packages: &[Package], incomplete: Option<&str>, source: Option<&str>) -> Option<String> {
    if let Some(why) = source {
        return Some(format!("could not be checked: {why}"));
    }
    let unchecked: Vec<&Package> = packages.iter().filter(|one| one.unchecked.is_some()).collect();
    let of_some = unchecked.first().map(|first| {
        let why = first.unchecked.as_deref().unwrap_or_default();
        let more = match unchecked.len() - 1 {
            0 => String::new(),
            1 => ", and 1 more".to_owned(),
            more => format!(", and {more} more"),
        };
        format!("not all could be checked: {} ({why}){more}", first.name)
    });
    match (of_some, incomplete) {
        (Some(some), Some(why)) => Some(format!("{some}; {why}")),
        (Some(some), None) => Some(some),
        (None, why) => why.map(str::to_owned),
    }
}

/// What a report changes. What could not be checked again still stands.
#[must_use]
pub fn follow<'a>(before: &[Stands], report: &'a Report) -> Change<'a> {
    let key = |one: &Finding| Stands { package: one.package.clone(), id: one.advisory.id.clone() };
    let counting = || report.findings.iter().filter(|one| one.ignored.is_none());
    let told: BTreeSet<Stands> = report.findings.iter().map(key).collect();
    let unsure = |package: &str| {
        let mut same = report.packages.iter().filter(|one| one.name == package).peekable();
        match same.peek() {
            None => report.incomplete.is_some(),
            Some(_) => same.any(|one| one.unchecked.is_some()),
        }
    };
    let mut standing: BTreeSet<Stands> = counting().map(key).collect();
    let left = before.iter().filter(|one| !told.contains(one) && (!report.answered || unsure(&one.package)));
    standing.extend(left.cloned());
    Change {
        news: counting().filter(|one| !before.contains(&key(one))).collect(),
        over: !before.is_empty() && standing.is_empty(),
        standing: standing.into_iter().collect(),
    }
}

/// Findings in a line each, for people: `requests 2.19.0: PYSEC-2018-28 (high), mended in 2.20.0`.
#[must_use]
pub fn words(findings: &[&Finding]) -> String {
    const SHOWN: usize = 8;
    let line = |finding: &&Finding| {
        let severity = finding.advisory.severity.map(|one| format!(" ({one})")).unwrap_or_default();
        let fixed =
            finding.advisory.fixed_in.first().map(|one| format!(", mended in {one}")).unwrap_or_default();
        format!("{} {}: {}{severity}{fixed}", finding.package, finding.version, finding.advisory.id)
    };
    let mut lines: Vec<String> = findings.iter().take(SHOWN).map(line).collect();
    if findings.len() > SHOWN {
        lines.push(format!("and {} more", findings.len() - SHOWN));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::{Advisory, Pinned, Severity};
    use super::*;

    fn advisory(id: &str, severity: Option<Severity>) -> Advisory {
        Advisory {
            id: id.into(),
            aliases: vec![format!("CVE-{id}")],
            severity,
            summary: None,
            fixed_in: vec!["2".into()],
        }
    }

    fn advice(of: &[(&str, Known)]) -> Advice {
        of.iter()
            .map(|(name, known)| (Pinned { name: (*name).into(), version: "1".into() }, known.clone()))
            .collect()
    }

    const TODAY: Date = Date::constant(2026, 11, 30);

    #[test]
    fn what_could_not_be_checked_is_never_none() {
        let (a, b) = (Package::pinned("a", "1"), Package::pinned("b", "1"));
        let none = Known::Advisories(Vec::new());
        let of =
            |packages: &[Package], advice: Result<&Advice, &str>| verdict(packages, None, advice, &[], TODAY);
        let both = advice(&[("a", none.clone()), ("b", none.clone())]);
        assert_eq!(of(&[a.clone(), b.clone()], Ok(&both)).outcome, AuditOutcome::Clean);
        assert_eq!(of(&[], Ok(&Advice::new())).outcome, AuditOutcome::Clean);
        // The source is silent about one.
        let half = of(&[a.clone(), b], Ok(&advice(&[("a", none)])));
        assert_eq!(half.outcome, AuditOutcome::Unknown);
        assert!(half.packages[1].unchecked.is_some() && half.packages[0].unchecked.is_none());
        // It is away altogether.
        let away = of(std::slice::from_ref(&a), Err("it does not answer"));
        assert_eq!(
            (away.outcome, away.message.as_deref()),
            (AuditOutcome::Unknown, Some("could not be checked: it does not answer"))
        );
        // One has no version.
        let loose = of(&[a.clone(), Package::unchecked("own", "is a folder")], Ok(&both));
        assert_eq!(loose.outcome, AuditOutcome::Unknown);
        assert_eq!(loose.message.as_deref(), Some("not all could be checked: own (is a folder)"));
        // There may be more than these.
        let more = verdict(&[a], Some("it was never installed"), Ok(&both), &[], TODAY);
        assert_eq!(more.outcome, AuditOutcome::Unknown);
    }

    #[test]
    fn what_is_found_counts_unless_it_is_ignored_and_what_is_new_is_told() {
        let packages = [Package::pinned("a", "1"), Package::pinned("b", "1+local")];
        let known = advice(&[
            (
                "a",
                Known::Advisories(vec![
                    advisory("1", Some(Severity::Low)),
                    advisory("2", Some(Severity::High)),
                ]),
            ),
            ("b", Known::Unchecked("it is unclear".into(), vec![advisory("3", None)])),
        ]);
        let ignored = ["1: not reached", "CVE-3 until 2026-11-30: soon", "2 until 2026-11-29: over"]
            .map(|text| Ignored::parse(text).unwrap());
        let report = verdict(&packages, None, Ok(&known), &ignored, TODAY);
        let told: Vec<_> =
            report.findings.iter().map(|one| (&*one.advisory.id, one.ignored.as_deref())).collect();
        assert_eq!(told, [("2", None), ("1", Some("not reached")), ("3", Some("soon"))]);
        assert_eq!(report.outcome, AuditOutcome::Vulnerable);
        assert!(report.message.is_some());
        let first = follow(&[], &report);
        assert_eq!(words(&first.news), "a 1: 2 (high), mended in 2");
        assert!(follow(&first.standing, &report).news.is_empty());
        // The last day is over: what was ignored is new.
        let later = verdict(&packages, None, Ok(&known), &ignored, TODAY.tomorrow().unwrap());
        assert_eq!(follow(&first.standing, &later).news.len(), 1);
    }

    #[test]
    fn what_stands_is_over_only_when_that_is_known() {
        let stands = [Stands { package: "a".into(), id: "1".into() }];
        let (a, clean) = ([Package::pinned("a", "1")], advice(&[("a", Known::Advisories(Vec::new()))]));
        let over = |report: &Report| follow(&stands, report).over;
        let of = |incomplete, advice: Result<&Advice, &str>| verdict(&a, incomplete, advice, &[], TODAY);
        assert!(over(&of(None, Ok(&clean))));
        assert!(over(&of(Some("more"), Ok(&clean))));
        assert!(!over(&of(None, Err("away"))));
        let unclear = advice(&[("a", Known::Unchecked("unclear".into(), Vec::new()))]);
        assert!(!over(&of(None, Ok(&unclear))));
        // It is not there any more, or may still be.
        assert!(over(&verdict(&[], None, Ok(&Advice::new()), &[], TODAY)));
        assert!(!over(&verdict(&[], Some("more"), Ok(&Advice::new()), &[], TODAY)));
        // From now on it is ignored.
        let found = advice(&[("a", Known::Advisories(vec![advisory("1", None)]))]);
        let ignored = [Ignored::parse("1: known").unwrap()];
        assert!(over(&verdict(&a, None, Ok(&found), &ignored, TODAY)));
        assert!(!over(&verdict(&a, None, Ok(&found), &[], TODAY)));
        assert!(!follow(&[], &of(None, Ok(&clean))).over);
    }
}
