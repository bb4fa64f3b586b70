//! Whether a version is affected, as the OSV format says it is to be found out: it is listed, or lies in a range.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use pep440_rs::Version;

use super::osv::{Affected, Event, Range, Record};
use super::version::read;
use super::{Advisory, Known, Pinned};

/// Versions in which something is mended that are told.
const MOST_FIXED: usize = 10;

/// The names of the Python packages that a record is about.
#[must_use]
pub fn affected_names(record: &Record) -> BTreeSet<String> {
    record.affected.iter().filter_map(Affected::name).collect()
}

/// What records say about a package of a version. Those that were taken back, or are about others, say nothing. One that cannot be followed
/// makes the package one that could not be checked.
#[must_use]
pub fn advisories<'a>(asked: &Pinned, records: impl IntoIterator<Item = &'a Record>) -> Known {
    let mut found = Vec::new();
    let mut unclear = None;
    for record in records.into_iter().filter(|record| !record.is_withdrawn()) {
        let of_it = |one: &&Affected| one.name().as_deref() == Some(asked.name.as_str());
        let affected: Vec<&Affected> = record.affected.iter().filter(of_it).collect();
        let verdicts: Vec<_> = affected.iter().map(|one| is_affected(one, &asked.version)).collect();
        if verdicts.contains(&Ok(true)) {
            found.push(told(record, &affected, &asked.version));
        } else if let Some(why) = verdicts.into_iter().find_map(Result::err) {
            unclear = unclear.or_else(|| Some(format!("{}: {why}", record.id)));
        }
    }
    let found = together(found);
    match unclear {
        Some(why) => Known::Unchecked(why, found),
        None => Known::Advisories(found),
    }
}

fn told(record: &Record, affected: &[&Affected], version: &str) -> Advisory {
    let events =
        affected.iter().flat_map(|one| &one.ranges).filter(is_of_versions).flat_map(|range| &range.events);
    let later = |fixed: &Version| read(version).is_none_or(|version| *fixed > version);
    let fixed: BTreeSet<Version> =
        events.filter_map(|event| read(event.fixed.as_deref()?)).filter(later).collect();
    Advisory {
        id: record.id.clone(),
        aliases: record.aliases(),
        severity: record.severity(affected),
        summary: record.summary(),
        fixed_in: fixed.iter().take(MOST_FIXED).map(ToString::to_string).collect(),
    }
}

/// Ranges of commits say nothing about versions.
fn is_of_versions(range: &&Range) -> bool {
    matches!(range.kind.as_str(), "ECOSYSTEM" | "SEMVER")
}

/// # Errors
/// Why it cannot be said, as the end of a sentence.
fn is_affected(affected: &Affected, version: &str) -> Result<bool, String> {
    let number = read(version);
    let same = |listed: &String| match &number {
        Some(number) => read(listed).as_ref() == Some(number),
        None => listed == version,
    };
    if affected.versions.iter().any(same) {
        return Ok(true);
    }
    let mut ranges = affected.ranges.iter().filter(is_of_versions).peekable();
    if ranges.peek().is_none() {
        return match affected.versions.is_empty() {
            true => Err("it names no versions that can be compared".to_owned()),
            false => Ok(false),
        };
    }
    let Some(number) = number else {
        return Err(format!("`{version}` is no version that can be compared"));
    };
    let mut unclear = None;
    for range in ranges {
        match is_within(range, &number) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => unclear = Some(why),
        }
    }
    unclear.map_or(Ok(false), Err)
}

/// An event at a version, in the order in which events at the same one happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Fixed,
    Introduced,
    LastAffected,
}

/// `0` is before every version there is.
fn place(text: &str) -> Result<Option<Version>, String> {
    if text == "0" {
        return Ok(None);
    }
    read(text).map(Some).ok_or_else(|| format!("`{}` is no version", super::clean_text(text, 40)))
}

fn is_within(range: &Range, version: &Version) -> Result<bool, String> {
    let (mut turns, mut limits) = (Vec::new(), Vec::new());
    for Event { introduced, fixed, last_affected, limit } in &range.events {
        for (turn, at) in
            [(Turn::Introduced, introduced), (Turn::Fixed, fixed), (Turn::LastAffected, last_affected)]
        {
            turns.extend(at.as_deref().map(place).transpose()?.map(|at| (at, turn)));
        }
        limits.extend(limit.as_deref().filter(|limit| *limit != "*").map(place).transpose()?);
    }
    if !turns.iter().any(|(_, turn)| *turn == Turn::Introduced) {
        return Err("it does not say from which version on".to_owned());
    }
    turns.sort();
    let mut within = false;
    for (at, turn) in turns {
        let order = at.as_ref().map_or(Ordering::Greater, |at| version.cmp(at));
        match turn {
            Turn::Introduced if order.is_ge() => within = true,
            Turn::Fixed if order.is_ge() => within = false,
            Turn::LastAffected if order.is_gt() => within = false,
            _ => {}
        }
    }
    let below = |limit: &Option<Version>| limit.as_ref().is_some_and(|limit| version < limit);
    Ok(within && (limits.is_empty() || limits.iter().any(below)))
}

/// The same thing under several names is told once: by the database of Python's packages, if that has it, with what the others know beside.
pub(super) fn together(mut all: Vec<Advisory>) -> Vec<Advisory> {
    let rank = |id: &str| match id.split('-').next() {
        Some("PYSEC") => 0,
        Some("GHSA") => 1,
        _ => 2,
    };
    all.sort_by(|a, b| (rank(&a.id), &a.id).cmp(&(rank(&b.id), &b.id)));
    let mut kept: Vec<Advisory> = Vec::new();
    for one in all {
        let names = |advisory: &Advisory| -> BTreeSet<String> {
            advisory.aliases.iter().chain([&advisory.id]).cloned().collect()
        };
        let own = names(&one);
        match kept.iter_mut().find(|known| !names(known).is_disjoint(&own)) {
            None => kept.push(one),
            Some(known) => {
                let others: BTreeSet<String> = &names(known) | &own;
                known.aliases = others.into_iter().filter(|id| *id != known.id).collect();
                known.severity = known.severity.max(one.severity);
                known.summary = known.summary.take().or(one.summary);
                if known.fixed_in.is_empty() {
                    known.fixed_in = one.fixed_in;
                }
            }
        }
    }
    kept
}

#[cfg(test)]
#[path = "osv_tests.rs"]
mod tests;
