//! Reads `retries`, and Fast-Flow's `retry_attempts` and `retry_strategy`.

use std::time::Duration;

use super::document::NodeValue;
use super::fields;
use super::section::{Found, Notes, Section, refuse_both};
use crate::retry::{RetryPolicy, RetryStrategy};

/// Fast-Flow's defaults, which are ours.
const DELAY: Duration = Duration::from_secs(60);
const MAX_DELAY: Duration = Duration::from_secs(3600);
const MULTIPLIER: f64 = 2.0;

/// How often and when to try again, in either form.
pub(super) fn read_retry(section: &Section<'_>, notes: &mut Notes) -> Option<RetryPolicy> {
    let (attempts, strategy) = (section.get("retry_attempts"), section.get("retry_strategy"));
    let Some(retries) = section.get("retries") else { return read_fast_flow(attempts, strategy, notes) };
    for theirs in [attempts, strategy].into_iter().flatten() {
        refuse_both(retries, theirs, notes);
    }
    match &retries.node.value {
        NodeValue::Number(..) => {
            let attempts = retries.count(0, 1000, notes)?;
            Some(RetryPolicy { attempts, ..RetryPolicy::default() })
        }
        NodeValue::Map(_) => {
            let object = Section::open(retries, fields::RETRIES, notes)?;
            let attempts = object.read("attempts", notes, |found, notes| found.count(0, 1000, notes));
            if object.get("attempts").is_none() {
                let message = format!("{} does not say how many `attempts`", retries.name());
                notes.wrong_with(retries.key_at, message, "Add `attempts`, such as `attempts: 3`.");
            }
            let name = object.read("strategy", notes, read_strategy_name);
            let strategy = read_strategy(&object, name, "delay", notes);
            let jitter =
                object.read("jitter", notes, |found, notes| found.number(0.0, 1.0, notes)).unwrap_or(0.0);
            Some(RetryPolicy { attempts: attempts?, strategy, jitter })
        }
        _ => retries.refuse("a number of attempts, or a map with `attempts`", notes),
    }
}

/// A notebook's: Fast-Flow repeats its cells, not itself, so that of the fields those of Rigi alone count.
pub(super) fn retry_of_notebook(
    section: &Section<'_>,
    read: Option<RetryPolicy>,
    notes: &mut Notes,
) -> Option<RetryPolicy> {
    if section.get("retries").is_some() {
        return read;
    }
    let theirs = section.get("retry_attempts").or_else(|| section.get("retry_strategy"));
    if let Some(found) = theirs
        && read.as_ref().is_some_and(|policy| policy.attempts > 0)
    {
        let name = found.name();
        let message =
            format!("{name} has no effect on a notebook, as in Fast-Flow; `cells` and `retries` have");
        notes.warn(found.key_at, message);
    }
    // Nor does the server's default repeat one that was written for Fast-Flow.
    let is_theirs = notes.lenient || theirs.is_some();
    if is_theirs { Some(RetryPolicy { attempts: 0, ..RetryPolicy::default() }) } else { read }
}

fn read_fast_flow(
    attempts: Option<&Found<'_>>,
    strategy: Option<&Found<'_>>,
    notes: &mut Notes,
) -> Option<RetryPolicy> {
    if let (None, Some(strategy)) = (attempts, strategy) {
        notes.warn(strategy.key_at, format!("{} has no effect without `retry_attempts`", strategy.name()));
    }
    let count = attempts.and_then(|attempts| attempts.count(0, 1000, notes));
    let mut policy = RetryPolicy { attempts: count.unwrap_or(0), ..RetryPolicy::default() };
    if let Some(object) = strategy.and_then(|found| Section::open(found, fields::RETRY_STRATEGY, notes)) {
        let name = object.read("type", notes, read_strategy_name);
        let (used, other) = match name {
            Some(Name::Exponential) => ("initial_delay", "delay"),
            _ => ("delay", "initial_delay"),
        };
        policy.strategy = read_strategy(&object, name, used, notes);
        if object.read(other, notes, Found::duration).is_some() {
            warn_unused(&object, &[other], notes);
        }
    }
    count.map(|_| policy)
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
            notes.tolerate(found.node.at, &message, "60 s are between two attempts", "");
            None
        }
    }
}

/// The strategy of this name, or the one that the other fields speak of. `delay` is the field of the first delay.
fn read_strategy(object: &Section<'_>, name: Option<Name>, delay: &str, notes: &mut Notes) -> RetryStrategy {
    let name = name.unwrap_or_else(|| {
        if object.get("delays").is_some() {
            Name::Custom
        } else if object.get("max_delay").or_else(|| object.get("multiplier")).is_some() {
            Name::Exponential
        } else {
            Name::Fixed
        }
    });
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
                notes.tolerate(
                    object.at,
                    message,
                    "60 s are between two attempts",
                    "Add them: `delays: [10s, 1m]`.",
                );
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
