//! A mistake in a spec: where it is, what is wrong and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::is_unseen;

/// A place in a text; both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Counts from 1.
    pub line: u32,
    /// In characters, counts from 1.
    pub column: u32,
}

impl Position {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong with a spec, or (as a warning) what does not mean what it seems to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mistake {
    /// Counts from 1; 0 is a file or folder as a whole.
    pub line: u32,
    /// In characters, counts from 1.
    pub column: u32,
    /// Below the pipeline's folder, where it is not the spec's file; empty is the folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do, as a sentence, where the message does not say it already.
    pub cure: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    #[must_use]
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self { line: at.line, column: at.column, path: None, message: message.into(), cure: None }
    }

    /// A mistake of a file or folder as a whole, by its path below the pipeline's folder; an empty one is that folder.
    #[must_use]
    pub fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self { path: Some(path.to_owned()), ..Self::new(Position { line: 0, column: 0 }, message) }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn with_cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }
}

impl fmt::Display for Mistake {
    /// `4:1  message`, and the cure in brackets; whoever prints puts the file's name and a colon in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.position(), self.message)?;
        self.cure.as_ref().map_or(Ok(()), |cure| write!(f, " ({cure})"))
    }
}

/// The name among `known` that was most likely meant, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; what is far longer than any of them is not a slip of the finger.
    if word.len() > 80 {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `a`, `b` or `c`, as running text.
pub(crate) fn list_choices<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// A user's text as it may stand in a message: on one line and not endless.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut short: String =
        text.chars().take(60).map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away_or_not_named() {
        let known = ["timeout", "tags", "target", "retries"];
        assert_eq!(nearest("timout", known), Some("timeout"));
        assert_eq!(nearest("Timeout", known), Some("timeout"));
        assert_eq!(nearest("tag", known), Some("tags"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn texts_of_users_stay_on_one_line() {
        assert_eq!(excerpt("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(excerpt(&"x".repeat(100)).chars().count(), 61);
        assert_eq!(list_choices(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
