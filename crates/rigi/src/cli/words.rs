//! Runs in words: states, times and amounts as people say them.

use std::time::Duration;

use rigi_api::view::{RunSummary, TriggerView};
use rigi_model::quantity::show_duration;
use rigi_model::{RunId, RunState, Timestamp};

use super::table::Field;
use crate::terminal::Colour;

/// `just now`, `4 s ago`, `3 min ago`, `2 days ago`.
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let time = now.since(then);
    if time.as_secs() == 0 { "just now".to_owned() } else { format!("{} ago", about(time)) }
}

/// One unit, rounded down: `41 s`, `3 min`, `2 h`, `5 days`.
#[must_use]
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What is left of something: rounded up, as nobody is cross when it is sooner.
#[must_use]
pub fn left(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 50.0 {
        return format!("about {:.0} s left", (seconds / 10.0).ceil().max(1.0) * 10.0);
    }
    about_left(seconds)
}

fn about_left(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil();
    if minutes < 90.0 {
        format!("about {minutes:.0} min left")
    } else {
        format!("about {:.0} h left", (minutes / 60.0).ceil())
    }
}

/// Local time of the day: `12:04:11`.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    local(at, "%H:%M:%S").unwrap_or_else(|| at.to_string())
}

/// Local date and time: `2026-03-01 12:04:11`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    local(at, "%Y-%m-%d %H:%M:%S").unwrap_or_else(|| at.to_string())
}

fn local(at: Timestamp, format: &str) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(at.0).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string())
}

/// `2,225`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `2 runs`.
#[must_use]
pub fn many(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `timed out` instead of `timed_out`.
#[must_use]
pub fn state_word(state: RunState) -> String {
    state.as_str().replace('_', " ")
}

/// The colour of a state.
#[must_use]
pub const fn state_colour(state: RunState) -> Colour {
    match state {
        RunState::Running => Colour::Blue,
        RunState::Retrying => Colour::Amber,
        RunState::Succeeded => Colour::Green,
        RunState::Failed | RunState::TimedOut => Colour::Red,
        RunState::Queued | RunState::Starting | RunState::Cancelled | RunState::Skipped => Colour::Grey,
    }
}

/// A state with why and how long: `retrying in 28 s · exit 1, attempt 2 of 5`.
#[must_use]
pub fn state_words(run: &RunSummary, now: Timestamp) -> String {
    let mut parts = vec![state_word(run.state)];
    match run.state {
        RunState::Retrying => {
            if let Some(next) = run.next_attempt_at {
                parts[0] = format!("retrying in {}", about(next.since(now)));
            }
            let attempt = format!("attempt {} of {}", run.attempt, run.max_attempts);
            parts.push(
                run.message.as_ref().map_or_else(|| attempt.clone(), |why| format!("{why}, {attempt}")),
            );
        }
        RunState::Running => parts.extend(progress_words(run, now)),
        RunState::Succeeded => {}
        _ => parts.extend(run.message.clone().filter(|message| *message != state_word(run.state))),
    }
    if run.cancel_requested_at.is_some() && !run.state.is_terminal() {
        parts.push("cancelling".to_owned());
    }
    parts.join(" · ")
}

fn progress_words(run: &RunSummary, now: Timestamp) -> Vec<String> {
    let Some(progress) = &run.progress else { return Vec::new() };
    let mut words = Vec::new();
    words.extend(progress.message.clone());
    let fraction = progress.fraction.filter(|part| (0.01..1.0).contains(part));
    if let (Some(fraction), Some(started)) = (fraction, run.started_at) {
        let rest = now.since(started).as_secs_f64() * (1.0 - fraction) / fraction;
        words.extend(Duration::try_from_secs_f64(rest).ok().map(left));
    }
    words
}

/// The same as a cell in its colour.
#[must_use]
pub fn state_field(run: &RunSummary, now: Timestamp) -> Field {
    Field::coloured(state_colour(run.state), state_words(run, now))
}

/// How long it ran, or runs.
#[must_use]
pub fn took(run: &RunSummary, now: Timestamp) -> String {
    let running =
        || run.started_at.filter(|_| run.state == RunState::Running).map(|started| now.since(started));
    let time = run.duration_ms.map(Duration::from_millis).or_else(running);
    time.map(show_duration).unwrap_or_default()
}

/// What started it: `you`, `schedule "nightly"`, `after 7Q2A`.
#[must_use]
pub fn started_by(trigger: &TriggerView) -> String {
    // Of a run, as people say it.
    let run = trigger.by.parse::<RunId>().map(|run| run.short().to_owned());
    match trigger.kind.as_str() {
        "manual" => trigger.by.clone(),
        "downstream" => format!("after {}", run.unwrap_or_else(|_| trigger.by.clone())),
        "restart" => run.map_or_else(|_| "restart".to_owned(), |run| format!("restart after {run}")),
        "event" => format!("event of {}", trigger.by),
        "schedule" => format!("schedule \"{}\"", trigger.by),
        "rerun" => format!("rerun, {}", trigger.by),
        kind => format!("{kind} {}", trigger.by),
    }
}

/// `k=v` pairs.
#[must_use]
pub fn labels(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A word as a POSIX shell takes it: commands that are told to people can be copied.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_copied() {
        assert_eq!(quoted("./a/b-1.x"), "./a/b-1.x");
        assert_eq!(quoted("My Pipeline (v2)"), "'My Pipeline (v2)'");
        assert_eq!(quoted("Bob's"), r"'Bob'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn numbers_are_rounded_for_people() {
        assert_eq!(
            (count(0), count(999), count(2225), count(1_000_000)),
            ("0".to_owned(), "999".to_owned(), "2,225".to_owned(), "1,000,000".to_owned())
        );
        assert_eq!((many(1, "run"), many(2, "run")), ("1 run".to_owned(), "2 runs".to_owned()));
        let seconds = Duration::from_secs;
        assert_eq!(about(seconds(59)), "59 s");
        assert_eq!(about(seconds(3599)), "59 min");
        assert_eq!(about(seconds(100_000)), "27 h");
        assert_eq!(about(seconds(200_000)), "2 days");
        assert_eq!(left(seconds(3)), "about 10 s left");
        assert_eq!(left(seconds(55)), "about 1 min left");
        assert_eq!(left(seconds(7200)), "about 2 h left");
    }
}
