//! A small language for conditions and for values that are handed on: `params.region == "north" && steps.count.outputs.rows > 0`.
//!
//! It has values, paths, comparisons and `and`, `or`, `not`: nothing that loops or calls out, so that every text ends at once and is
//! checked before anything runs. Values are those of JSON.

mod eval;
mod parse;
mod template;

pub use eval::EvalError;
pub use template::{Template, fill, unknown_root};

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Characters of an expression at most.
pub const LONGEST: usize = 4096;

/// An expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

/// What does not read as an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {what}")]
pub struct ParseError {
    /// Counts from 1.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Literal(Value),
    List(Vec<Node>),
    /// A name and what follows it.
    Path(Vec<Part>),
    Size(Box<Node>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Name(String),
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// [`ParseError`], with the place.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { text: text.to_owned(), root: parse::parse(text)? })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is, with these names known. What a path leads to and is not there is null.
    ///
    /// # Errors
    /// [`EvalError`], when values of two kinds are compared.
    pub fn value(&self, names: &Value) -> Result<Value, EvalError> {
        eval::value(&self.root, names)
    }

    /// Whether it holds: `true`; `false` and null do not.
    ///
    /// # Errors
    /// [`EvalError`], when it is neither true nor false.
    pub fn holds(&self, names: &Value) -> Result<bool, EvalError> {
        eval::holds(&self.value(names)?)
    }

    /// The first two names of each path in it: (`steps`, `count`), (`item`, nothing).
    #[must_use]
    pub fn names(&self) -> BTreeSet<(String, Option<String>)> {
        let mut names = BTreeSet::new();
        collect(&self.root, &mut names);
        names
    }
}

/// The first parameter among names that is one of these.
#[must_use]
pub fn parameter_among(
    names: &BTreeSet<(String, Option<String>)>,
    parameters: &BTreeSet<String>,
) -> Option<String> {
    let of_params = names.iter().filter(|(root, _)| root == "params");
    of_params.filter_map(|(_, name)| name.clone()).find(|name| parameters.contains(name))
}

fn collect(node: &Node, names: &mut BTreeSet<(String, Option<String>)>) {
    match node {
        Node::Literal(_) => {}
        Node::Path(parts) => {
            let name = |at: usize| match parts.get(at) {
                Some(Part::Name(name)) => Some(name.clone()),
                _ => None,
            };
            names.extend(name(0).map(|first| (first, name(1))));
        }
        Node::Size(inner) | Node::Not(inner) => collect(inner, names),
        Node::List(all) | Node::All(all) | Node::Any(all) => {
            all.iter().for_each(|node| collect(node, names));
        }
        Node::Compare(_, left, right) => {
            collect(left, names);
            collect(right, names);
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
