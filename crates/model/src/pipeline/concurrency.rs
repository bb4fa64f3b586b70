//! `concurrency` of a spec: how many runs of one key may be active at a time, and what becomes of one too many.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fields;
use super::section::{Found, Notes, Section};
use crate::expression::{EvalError, ParseError, Template, parameter_among};
use crate::state::text_enum;
use std::collections::BTreeSet;

/// Characters of a key at most.
const LONGEST_KEY: usize = 200;

text_enum! {
    /// What becomes of a run of a key of which as many are active as may be.
    KeyOverlap {
        /// It waits.
        Queue = "queue",
        /// It is skipped.
        Skip = "skip",
        /// The oldest of them is stopped.
        Replace = "replace",
    }
}

/// Runs that have the same key, and how many of them may be active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// A text with `${params.…}` in it, or `{…}` for short; empty: all runs of the pipeline have the same.
    pub key: String,
    /// So many at a time.
    pub limit: u32,
    /// What becomes of one more.
    pub overlap: KeyOverlap,
    /// Whether other pipelines of the project with the same key count too.
    pub shared: bool,
}

/// The key of one run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// Within the project.
    pub key: Arc<str>,
    /// So many runs of it at a time.
    pub limit: u32,
    /// What becomes of one more.
    pub overlap: KeyOverlap,
}

impl RunKey {
    /// The variable of a run that keeps it.
    pub const VARIABLE: &'static str = "RIGI_CONCURRENCY";

    /// As that variable has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let (overlap, limit, key) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { key: key.into(), limit: limit.parse().ok()?, overlap: KeyOverlap::parse(overlap)? })
    }
}

impl std::fmt::Display for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.overlap, self.limit, self.key)
    }
}

/// Why a run has no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It does not read as a text with expressions.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// An expression has no value.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// It is too long to be one.
    #[error("it is {0} characters long and may have {LONGEST_KEY}")]
    Long(usize),
}

impl Concurrency {
    /// The text as a template: `{customer}` stands for `${params.customer}`.
    fn template(&self) -> Result<Template, ParseError> {
        let mut text = String::with_capacity(self.key.len());
        let mut rest = self.key.as_str();
        while let Some(at) = rest.find('{') {
            let (before, inner) = (&rest[..at], &rest[at + 1..]);
            let name = inner.find('}').map(|end| &inner[..end]);
            let short = name.filter(|name| !before.ends_with('$') && is_name(name));
            text.push_str(before);
            match short {
                Some(name) => {
                    text.push_str("${params.");
                    text.push_str(name);
                    text.push('}');
                    rest = &inner[name.len() + 1..];
                }
                None => {
                    text.push('{');
                    rest = inner;
                }
            }
        }
        text.push_str(rest);
        Template::parse(&Value::String(text))
    }

    /// The key of a run with these parameters.
    ///
    /// # Errors
    /// [`KeyError`], when an expression has no value, or the key is too long.
    pub fn key_of(&self, pipeline: &str, parameters: &Map<String, Value>) -> Result<RunKey, KeyError> {
        let value = self.template()?.value(&json!({"params": parameters}))?;
        let key = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let length = key.chars().count();
        if length > LONGEST_KEY {
            return Err(KeyError::Long(length));
        }
        let key = if self.shared { key } else { format!("{pipeline}/{key}") };
        Ok(RunKey { key: key.into(), limit: self.limit, overlap: self.overlap })
    }

    /// Which of these secret parameters it is made of: a key is shown.
    #[must_use]
    pub fn secret_within(&self, secret: &BTreeSet<String>) -> Option<String> {
        parameter_among(&self.template().ok()?.names(), secret)
    }
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `concurrency`.
pub(super) fn read_concurrency(found: &Found<'_>, notes: &mut Notes) -> Option<Concurrency> {
    let section = Section::open(found, fields::CONCURRENCY, notes)?;
    let read = Concurrency {
        key: section.read("key", notes, Found::text).unwrap_or_default(),
        limit: section.read("limit", notes, |found, notes| found.count(1, 1_000_000, notes)).unwrap_or(1),
        overlap: section.read("overlap", notes, read_overlap).unwrap_or(KeyOverlap::Queue),
        shared: section.read("shared", notes, Found::bool).unwrap_or(false),
    };
    let at = section.get("key").map_or(found.node.at, |key| key.node.at);
    match read.template() {
        Err(error) => notes.wrong(at, format!("`concurrency.key` cannot be read: {error}")),
        Ok(template) => {
            if let Some((root, _)) = template.names().iter().find(|(root, _)| root != "params") {
                let message = format!("`concurrency.key`: nothing is called `{root}` here");
                notes.wrong_with(at, message, "There is `params`: `{customer}` or `${params.customer}`.");
            }
        }
    }
    if read.shared && read.key.is_empty() {
        notes.wrong_with(
            at,
            "`concurrency.shared` has no `key` to share".to_owned(),
            "Name one, such as `warehouse`.",
        );
    }
    Some(read)
}

fn read_overlap(found: &Found<'_>, notes: &mut Notes) -> Option<KeyOverlap> {
    let text = found.text(notes)?;
    KeyOverlap::parse(&text).or_else(|| found.refuse("`queue`, `skip` or `replace`", notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concurrency(key: &str, shared: bool) -> Concurrency {
        Concurrency { key: key.to_owned(), limit: 2, overlap: KeyOverlap::Skip, shared }
    }

    #[test]
    fn keys_are_made_of_parameters() {
        let parameters = json!({"customer": "a b", "n": 3, "o": {"x": true}});
        let parameters = parameters.as_object().unwrap();
        for (key, shared, made) in [
            ("{customer}", false, "etl/a b"),
            ("${params.customer}-{n}", true, "a b-3"),
            ("", false, "etl/"),
            ("{not a name} {o}", true, "{not a name} {\"x\":true}"),
            ("{missing}", true, "null"),
            ("$${customer}", true, "${customer}"),
        ] {
            let key = concurrency(key, shared).key_of("etl", parameters).unwrap();
            assert_eq!(&*key.key, made);
            assert_eq!(RunKey::parse(&key.to_string()), Some(key));
        }
        let long = concurrency(&"x".repeat(201), false).key_of("etl", parameters);
        assert!(matches!(long, Err(KeyError::Long(201))));
    }

    #[test]
    fn a_key_shows_no_secret() {
        let secret = BTreeSet::from(["token".to_owned()]);
        assert_eq!(concurrency("{token}", false).secret_within(&secret), Some("token".to_owned()));
        assert_eq!(concurrency("{customer}", false).secret_within(&secret), None);
    }
}
