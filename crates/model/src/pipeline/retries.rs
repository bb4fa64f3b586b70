//! Reads `retries`, and Fast-Flow's `retry_attempts` and `retry_strategy`.

use std::time::Duration;

use super::document::NodeValue;
use super::fields;
use super::section::{Found, Notes, Section, refuse_both};
use crate::retry::{RetrySpec, RetryStrategy};

/// Fast-Flow's defaults, which are ours.
const DELAY: Duration = Duration::from_secs(60);
const MAX_DELAY: Duration = Duration::from_secs(3600);
const MULTIPLIER: f64 = 2.0;
/// What is done where Fast-Flow's form does not say it.
const INSTEAD: &str = "60 s are between two attempts";
/// Further attempts at most.
const MOST_ATTEMPTS: u32 = 1000;

/// How often and when to try again, in either form.
pub(super) fn read_retry(section: &Section<'_>, notes: &mut Notes) -> Option<RetrySpec> {
    let Some(retries) = section.get("retries") else { return read_fast_flow(section, notes) };
    for theirs in ["retry_attempts", "retry_strategy"].iter().filter_map(|name| section.get(name)) {
        refuse_both(retries, theirs, notes);
    }
    section.read("retries", notes, read_retries)
}

/// `retries`.
pub(super) fn read_retries(retries: &Found<'_>, notes: &mut Notes) -> Option<RetrySpec> {
    match &retries.node.value {
        NodeValue::Number(..) => {
            let attempts = retries.count(0, MOST_ATTEMPTS, notes)?;
            Some(RetrySpec { attempts: Some(attempts), ..RetrySpec::default() })
        }
        NodeValue::Map(_) => {
            let object = Section::open(retries, fields::RETRIES, notes)?;
            let attempts =
                object.read("attempts", notes, |found, notes| found.count(0, MOST_ATTEMPTS, notes));
            if object.get("attempts").is_none() {
                let message = format!("{} does not say how many `attempts`", retries.name());
                notes.wrong_with(retries.key_at, message, "Add `attempts`, such as `attempts: 3`.");
            }
            let name = object.read("strategy", notes, read_strategy_name).or_else(|| spoken_of(&object));
            let strategy = name.map(|name| read_strategy(&object, name, "delay", notes));
            let jitter = object.read("jitter", notes, |found, notes| found.number(0.0, 1.0, notes));
            Some(RetrySpec { attempts: Some(attempts?), strategy, jitter })
        }
        _ => retries.refuse("a number of attempts, or a map with `attempts`", notes),
    }
}

/// A notebook's: Fast-Flow repeats its cells, not itself, so that of the fields those of Rigi alone count.
pub(super) fn retry_of_notebook(
    section: &Section<'_>,
    read: Option<RetrySpec>,
    notes: &mut Notes,
) -> Option<RetrySpec> {
    if section.get("retries").is_some() {
        return read;
    }
    let theirs = section.get("retry_attempts").or_else(|| section.get("retry_strategy"));
    if let Some(found) = theirs
        && read.as_ref().is_some_and(|spec| spec.attempts.is_some_and(|attempts| attempts > 0))
    {
        let name = found.name();
        let message =
            format!("{name} has no effect on a notebook, as in Fast-Flow; `cells` and `retries` have");
        notes.warn(found.key_at, message);
    }
    // Nor does the server's default repeat one that was written for Fast-Flow.
    let is_theirs = notes.lenient || theirs.is_some();
    if is_theirs { Some(RetrySpec { attempts: Some(0), ..RetrySpec::default() }) } else { read }
}

/// The strategy that the other fields speak of, if any does.
fn spoken_of(object: &Section<'_>) -> Option<Name> {
    let has = |name: &str| object.get(name).is_some();
    if has("delays") {
        Some(Name::Custom)
    } else if has("max_delay") || has("multiplier") {
        Some(Name::Exponential)
    } else {
        has("delay").then_some(Name::Fixed)
    }
}

/// `retry_attempts` and `retry_strategy`, either of which may stand alone.
fn read_fast_flow(section: &Section<'_>, notes: &mut Notes) -> Option<RetrySpec> {
    let attempts = section.read("retry_attempts", notes, |found, notes| found.count(0, MOST_ATTEMPTS, notes));
    let strategy = section.read("retry_strategy", notes, read_their_strategy);
    (attempts.is_some() || strategy.is_some()).then_some(RetrySpec { attempts, strategy, jitter: None })
}

/// Fast-Flow waits 60 s whatever else stands there, unless the type is one that it knows.
fn read_their_strategy(found: &Found<'_>, notes: &mut Notes) -> Option<RetryStrategy> {
    let object = Section::open(found, fields::RETRY_STRATEGY, notes)?;
    let name = object.read("type", notes, read_strategy_name);
    let Some(name) = name else {
        if object.get("type").is_none() {
            let message = format!("{} has no `type`", found.name());
            notes.tolerate(found.key_at, &message, INSTEAD, "Add one, such as `fixed_delay`.");
        }
        if notes.lenient {
            warn_unused(&object, &["delay", "initial_delay", "max_delay", "multiplier", "delays"], notes);
        } else {
            // Read in any case, so that every mistake is told.
            let _ = object.read("initial_delay", notes, Found::duration);
            let _ = read_strategy(&object, Name::Exponential, "delay", notes);
        }
        return Some(RetryStrategy::FixedDelay { delay: DELAY });
    };
    let (used, other) = match name {
        Name::Exponential => ("initial_delay", "delay"),
        _ => ("delay", "initial_delay"),
    };
    let strategy = read_strategy(&object, name, used, notes);
    if object.read(other, notes, Found::duration).is_some() {
        warn_unused(&object, &[other], notes);
    }
    Some(strategy)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Fixed,
    Exponential,
    Custom,
}

fn read_strategy_name(found: &Found<'_>, notes: &mut Notes) -> Option<Name> {
    let text = found.text(notes)?;
    match text.as_str() {
        "fixed" | "fixed_delay" => Some(Name::Fixed),
        "exponential" | "exponential_backoff" => Some(Name::Exponential),
        "custom" | "custom_schedule" => Some(Name::Custom),
        _ => {
            let names: &[&str] = if found.path.ends_with("type") {
                &["fixed_delay", "exponential_backoff", "custom_schedule"]
            } else {
                &["fixed", "exponential", "custom"]
            };
            let message = found.unlike(&text, names);
            notes.tolerate(found.node.at, &message, INSTEAD, "");
            None
        }
    }
}

/// The strategy of this name. `delay` is the field of the first delay.
fn read_strategy(object: &Section<'_>, name: Name, delay: &str, notes: &mut Notes) -> RetryStrategy {
    let first = object.read(delay, notes, Found::duration).unwrap_or(DELAY);
    let max_delay = object.read("max_delay", notes, Found::duration).unwrap_or(MAX_DELAY);
    let multiplier = object.read("multiplier", notes, |found, notes| found.number(1.0, 1000.0, notes));
    let delays = object.read("delays", notes, read_delays);
    let (unused, strategy): (&[&str], _) = match name {
        Name::Fixed => (&["max_delay", "multiplier", "delays"], RetryStrategy::FixedDelay { delay: first }),
        Name::Exponential => {
            let multiplier = multiplier.unwrap_or(MULTIPLIER);
            (&["delays"], RetryStrategy::ExponentialBackoff { initial_delay: first, max_delay, multiplier })
        }
        Name::Custom => {
            if object.get("delays").is_none() {
                let message = "a custom schedule of retries has no `delays`";
                notes.tolerate(object.at, message, INSTEAD, "Add them: `delays: [10s, 1m]`.");
            }
            let delays = delays.unwrap_or_else(|| vec![DELAY]);
            (&[delay, "max_delay", "multiplier"], RetryStrategy::CustomSchedule { delays })
        }
    };
    warn_unused(object, unused, notes);
    strategy
}

fn warn_unused(object: &Section<'_>, unused: &[&str], notes: &mut Notes) {
    for found in unused.iter().filter_map(|field| object.get(field)) {
        notes.warn(found.key_at, format!("{} has no effect with this strategy", found.name()));
    }
}

fn read_delays(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<Duration>> {
    let delays: Vec<_> = found.items(notes)?.iter().filter_map(|item| item.duration(notes)).collect();
    if delays.is_empty() && matches!(&found.node.value, NodeValue::List(items) if items.is_empty()) {
        notes.tolerate(found.node.at, &format!("{} is empty", found.name()), "60 s are used", "Add a time.");
    }
    (!delays.is_empty()).then_some(delays)
}
