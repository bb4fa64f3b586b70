//! Readers of single values: each takes what was found and gives the value, or notes what is wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::NodeValue;
use super::mistake::Mistake;
use super::section::{Found, Notes};
use crate::parameters::{INEXACT, is_exact};
use crate::place::Position;
use crate::quantity::{
    MOST_CORES, QuantityError, parse_bytes, parse_cpu, parse_duration, show_count, write_duration,
};
use crate::text::is_variable;
use crate::text::{excerpt, list_choices, meant};

impl<'a> Found<'a> {
    /// A text.
    pub(super) fn text(&self, notes: &mut Notes) -> Option<String> {
        match &self.node.value {
            NodeValue::Text(text) => Some(text.clone()),
            _ => self.refuse("a text", notes),
        }
    }

    /// A text that says something.
    pub(super) fn filled_text(&self, notes: &mut Notes) -> Option<String> {
        let text = self.text(notes)?;
        if text.trim().is_empty() {
            notes.wrong(self.node.at, format!("{} is empty", self.name()));
            return None;
        }
        Some(text)
    }

    /// A text, or a number or truth value as it was written: `3.10` stays `3.10`.
    pub(super) fn scalar_text(&self, expected: &str, notes: &mut Notes) -> Option<String> {
        match &self.node.value {
            NodeValue::Text(text) | NodeValue::Number(_, text) => Some(text.clone()),
            NodeValue::Bool(value) => Some(value.to_string()),
            _ => self.refuse(expected, notes),
        }
    }

    /// `true` or `false`.
    pub(super) fn bool(&self, notes: &mut Notes) -> Option<bool> {
        match &self.node.value {
            NodeValue::Bool(value) => Some(*value),
            _ => self.refuse("`true` or `false`", notes),
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(&self, least: i64, most: i64, notes: &mut Notes) -> Option<i64> {
        let expected = if most == i64::MAX {
            format!("a whole number of at least {least}")
        } else {
            format!("a whole number from {} to {}", show_count(least), show_count(most))
        };
        let number = match &self.node.value {
            // `3.0` is as whole as `3`.
            NodeValue::Number(number, _) => number.as_i64().or_else(|| {
                number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15).map(|f| f as i64)
            }),
            _ => None,
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None if notes.lenient && self.is_above(most as f64) => {
                self.take_for(&expected, &show_count(most), notes);
                Some(most)
            }
            None => self.refuse(&expected, notes),
        }
    }

    fn is_above(&self, most: f64) -> bool {
        matches!(&self.node.value, NodeValue::Number(number, _) if number.as_f64().is_some_and(|n| n > most))
    }

    fn take_for(&self, expected: &str, taken: &str, notes: &mut Notes) {
        let is = self.node.describe();
        notes.warn(
            self.node.at,
            format!("{} is {is} and must be {expected}; it is taken for {taken}", self.name()),
        );
    }

    /// A whole number within bounds, none of them below zero.
    pub(super) fn count(&self, least: u32, most: u32, notes: &mut Notes) -> Option<u32> {
        self.integer(least.into(), most.into(), notes).and_then(|number| u32::try_from(number).ok())
    }

    /// A number within bounds.
    pub(super) fn number(&self, least: f64, most: f64, notes: &mut Notes) -> Option<f64> {
        let number = match &self.node.value {
            NodeValue::Number(number, _) => number.as_f64(),
            _ => None,
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(within) => Some(within),
            None => {
                let expected = format!("a number from {least} to {most}");
                let Some(nearest) = number.filter(|_| notes.lenient).map(|number| number.clamp(least, most))
                else {
                    return self.refuse(&expected, notes);
                };
                self.take_for(&expected, &nearest.to_string(), notes);
                Some(nearest)
            }
        }
    }

    /// "`type` is `notebok`, which there is not; the nearest is `notebook`".
    pub(super) fn unlike(&self, text: &str, choices: &[&'static str]) -> String {
        let start = format!(
            "{} is `{}` and must be {}",
            self.name(),
            excerpt(text),
            list_choices(choices.iter().copied())
        );
        match meant(text, choices.iter().copied()) {
            Some(name) => format!("{start}; the nearest is `{name}`"),
            None => start,
        }
    }

    /// Cores: a number, or a text such as `500m`.
    pub(super) fn cores(&self, notes: &mut Notes) -> Option<f64> {
        match &self.node.value {
            NodeValue::Number(number, _) => {
                let cores = number.as_f64().filter(|cores| *cores > 0.0 && *cores <= MOST_CORES);
                if cores.is_none() {
                    self.must_be("a number of cores, more than 0 and at most 100,000", notes);
                }
                cores
            }
            NodeValue::Text(text) => self.quantity(parse_cpu(text), notes),
            _ => self.refuse("cores such as `2`, `0.5` or `500m`", notes),
        }
    }

    /// Bytes, more than none: a text such as `512MiB`, or a number.
    pub(super) fn bytes(&self, notes: &mut Notes) -> Option<u64> {
        let expected = "an amount such as `512MiB` or `1.5g`";
        let bytes = match &self.node.value {
            NodeValue::Number(number, _) => match number.as_u64() {
                Some(bytes) if bytes <= i64::MAX.unsigned_abs() => bytes,
                _ => return self.refuse(expected, notes),
            },
            NodeValue::Text(text) => self.quantity(parse_bytes(text), notes)?,
            _ => return self.refuse(expected, notes),
        };
        if bytes == 0 {
            notes.wrong_with(
                self.node.at,
                format!("{} is 0", self.name()),
                "Remove it to have no limit of its own.",
            );
            return None;
        }
        Some(bytes)
    }

    /// A time: a text such as `30s`, or seconds as a number.
    pub(super) fn duration(&self, notes: &mut Notes) -> Option<Duration> {
        let expected = "a time such as `30s` or `1h30m`, or a number of seconds";
        match &self.node.value {
            NodeValue::Number(number, _) => {
                let longest = crate::quantity::LONGEST_DURATION;
                let seconds = number.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let duration = seconds.filter(|duration| *duration <= longest);
                if duration.is_none() {
                    self.must_be("a number of seconds from 0 to a hundred years", notes);
                }
                duration
            }
            NodeValue::Text(text) => self.quantity(parse_duration(text), notes),
            _ => self.refuse(expected, notes),
        }
    }

    /// A time of at least `least`.
    pub(super) fn duration_from(&self, least: Duration, notes: &mut Notes) -> Option<Duration> {
        let duration = self.duration(notes)?;
        if duration < least {
            self.must_be(&format!("at least {}", write_duration(least)), notes);
            return None;
        }
        Some(duration)
    }

    fn quantity<T>(&self, read: Result<T, QuantityError>, notes: &mut Notes) -> Option<T> {
        read.map_err(|error| notes.wrong(self.node.at, format!("{}: {error}", self.name()))).ok()
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, notes: &mut Notes) -> Option<Vec<String>> {
        match &self.node.value {
            NodeValue::Text(text) => Some(vec![text.clone()]),
            NodeValue::List(_) => {
                let items = self.items(notes)?;
                // Each item by itself, so that every mistake is told.
                Some(items.iter().filter_map(|item| item.filled_text(notes)).collect())
            }
            _ => self.refuse("a list of texts", notes),
        }
    }

    /// Environment variables. Numbers and truth values are taken as they are written.
    pub(super) fn variables(&self, notes: &mut Notes) -> Option<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for member in self.members(notes)? {
            let child = self.child(member);
            if !check_variable(&member.key, self, member.key_at, notes) {
                continue;
            }
            match &member.node.value {
                NodeValue::Text(text) | NodeValue::Number(_, text) => {
                    variables.insert(member.key.clone(), text.clone());
                }
                NodeValue::Bool(value) => {
                    warn_of_false(&child, *value, member.node.at, notes);
                    variables.insert(member.key.clone(), value.to_string());
                }
                NodeValue::Null | NodeValue::List(_) | NodeValue::Map(_) => {
                    let message =
                        format!("{} is {} and must be a text", child.name(), member.node.describe());
                    notes.tolerate(member.node.at, &message, "it is left out", "Put the value into quotes.");
                }
            }
        }
        Some(variables)
    }

    /// Notes every number that would not be kept as it is written.
    pub(super) fn refuse_inexact(&self, notes: &mut Notes) {
        match &self.node.value {
            NodeValue::Number(_, text) if !is_exact(text) => {
                let message = format!("{} is {} and {INEXACT}", self.name(), excerpt(text));
                notes.wrong_with(self.node.at, message, "Write it as a text, in quotes.");
            }
            NodeValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.item(index, item).refuse_inexact(notes);
                }
            }
            NodeValue::Map(members) => {
                members.iter().for_each(|member| self.child(member).refuse_inexact(notes));
            }
            _ => {}
        }
    }

    /// Names with any values.
    pub(super) fn values(&self, notes: &mut Notes) -> Option<BTreeMap<String, serde_json::Value>> {
        self.refuse_inexact(notes);
        let members = self.members(notes)?;
        Some(members.iter().map(|member| (member.key.clone(), member.node.to_value())).collect())
    }

    /// Notes that it is not what it must be.
    pub(super) fn refuse<T>(&self, expected: &str, notes: &mut Notes) -> Option<T> {
        self.must_be(expected, notes);
        None
    }
}

/// `false` in a spec is no `false` in a program: variables are texts.
fn warn_of_false(found: &Found<'_>, value: bool, at: Position, notes: &mut Notes) {
    if !value {
        let message = format!("{} becomes the text `false`, which counts as true in Python", found.name());
        let cure = "Leave it out, or write the text that the program compares with, in quotes.";
        notes.warnings.push(Mistake::new(at, message).with_cure(cure));
    }
}

/// Whether a name that stands in `list` may be an environment variable's; notes it if not.
pub(super) fn check_variable(name: &str, list: &Found<'_>, at: Position, notes: &mut Notes) -> bool {
    if crate::parameters::is_reserved(name) {
        let message =
            format!("{}: `{}` is one of the names that Rigi sets itself", list.name(), excerpt(name));
        notes.wrong_with(at, message, "Use a name that does not begin with `RIGI_`.");
        return false;
    }
    if is_variable(name) {
        return true;
    }
    let message = format!("{}: `{}` is not a name of an environment variable", list.name(), excerpt(name));
    let cure = "Use letters, digits and `_`, and no digit first.";
    // An operating system takes any name without `=`, and Fast-Flow passes on any.
    if notes.lenient && !name.trim().is_empty() && !name.contains(['=', '\0']) {
        notes.tolerate(at, &message, "it is set all the same", cure);
        return true;
    }
    notes.wrong_with(at, message, cure);
    false
}
