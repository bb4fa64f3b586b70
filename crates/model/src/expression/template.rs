//! Values with places for expressions: `"${steps.count.outputs.rows}"` is the value itself, `"rows: ${…}"` a text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{EvalError, Expression, ParseError};

/// A value in which texts may have expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// As it stands.
    Plain(Value),
    /// What an expression is, of whatever type.
    Value(Expression),
    /// A text with expressions in it.
    Text(Vec<Piece>),
    /// A list of such.
    List(Vec<Self>),
    /// An object of such.
    Object(Vec<(String, Self)>),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// What an expression is: a text as it is, anything else as JSON.
    Value(Expression),
}

impl Template {
    /// Reads a value. `$${` stands for `${`.
    ///
    /// # Errors
    /// [`ParseError`], of the first expression that does not read as one.
    pub fn parse(value: &Value) -> Result<Self, ParseError> {
        Ok(match value {
            Value::String(text) if text.contains("${") => Self::of_text(text)?,
            Value::Array(items) => Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let read = |(name, value): (&String, &Value)| Ok((name.clone(), Self::parse(value)?));
                Self::Object(members.iter().map(read).collect::<Result<_, _>>()?)
            }
            other => Self::Plain(other.clone()),
        })
    }

    fn of_text(text: &str) -> Result<Self, ParseError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                plain.push_str(&rest[..at]);
                plain.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            let inner = &rest[at + 2..];
            let end = end_of(inner).ok_or_else(|| ParseError {
                at: text.chars().count() - inner.chars().count(),
                what: "`${` has no `}`".to_owned(),
            })?;
            pieces.push(Piece::Value(Expression::parse(&inner[..end])?));
            rest = &inner[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(match pieces.as_slice() {
            [Piece::Value(expression)] => Self::Value(expression.clone()),
            [Piece::Plain(text)] => Self::Plain(Value::String(text.clone())),
            _ => Self::Text(pieces),
        })
    }

    /// The value, with these names known.
    ///
    /// # Errors
    /// [`EvalError`] of an expression.
    pub fn value(&self, names: &Value) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Value(expression) => expression.value(names)?,
            Self::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => text.push_str(plain),
                        Piece::Value(expression) => match expression.value(names)? {
                            Value::String(value) => text.push_str(&value),
                            other => text.push_str(&other.to_string()),
                        },
                    }
                }
                Value::String(text)
            }
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.value(names)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let read = |(name, member): &(String, Self)| Ok((name.clone(), member.value(names)?));
                Value::Object(members.iter().map(read).collect::<Result<_, EvalError>>()?)
            }
        })
    }

    /// The first of these parameters that it is made of, other than as the whole of it: what is sealed stays so until a run begins, and
    /// nothing can be made of it before.
    #[must_use]
    pub fn secret_within(&self, secret: &BTreeSet<String>) -> Option<String> {
        if matches!(self, Self::Value(_)) {
            return None;
        }
        super::parameter_among(&self.names(), secret)
    }

    /// As [`Expression::names`], of all expressions in it.
    #[must_use]
    pub fn names(&self) -> BTreeSet<(String, Option<String>)> {
        match self {
            Self::Plain(_) => BTreeSet::new(),
            Self::Value(expression) => expression.names(),
            Self::Text(pieces) => {
                let of = |piece: &Piece| match piece {
                    Piece::Plain(_) => BTreeSet::new(),
                    Piece::Value(expression) => expression.names(),
                };
                pieces.iter().flat_map(of).collect()
            }
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.names()).collect(),
        }
    }
}

/// Where the bracket is that ends an expression: not one within a text of it.
fn end_of(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => _ = letters.next(),
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '}') => return Some(at),
            (None, _) => {}
        }
    }
    None
}
/// Parameters that are made of what has happened. One that is one expression, and whose value is not there, keeps its default.
///
/// # Errors
/// When an expression does not read as one or has no value, in words.
pub fn fill(parameters: &BTreeMap<String, Value>, names: &Value) -> Result<Map<String, Value>, String> {
    let mut filled = Map::new();
    for (name, value) in parameters {
        let wrong = |error: &dyn std::fmt::Display| format!("the parameter `{name}`: {error}");
        let template = Template::parse(value).map_err(|error| wrong(&error))?;
        let value = template.value(names).map_err(|error| wrong(&error))?;
        if !(value.is_null() && matches!(template, Template::Value(_))) {
            filled.insert(name.clone(), value);
        }
    }
    Ok(filled)
}

/// What is said of the first of these names that begins with none of the roots that there are.
#[must_use]
pub fn unknown_root(names: &BTreeSet<(String, Option<String>)>, roots: &[&str]) -> Option<String> {
    let (root, _) = names.iter().find(|(root, _)| !roots.contains(&root.as_str()))?;
    Some(format!("nothing is called `{root}` here; there are `{}`", roots.join("`, `")))
}
