//! What an expression is.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Comparison, Node, Part};

/// What has no value, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(String);

pub(super) fn value(node: &Node, names: &Value) -> Result<Value, EvalError> {
    Ok(match node {
        Node::Literal(value) => value.clone(),
        Node::List(all) => Value::Array(all.iter().map(|node| value(node, names)).collect::<Result<_, _>>()?),
        Node::Path(parts) => follow(names, parts).cloned().unwrap_or(Value::Null),
        Node::Size(inner) => match value(inner, names)? {
            Value::Array(all) => all.len().into(),
            Value::Object(all) => all.len().into(),
            Value::String(text) => text.chars().count().into(),
            Value::Null => 0.into(),
            other => return Err(EvalError(format!("{} has no size", kind(&other)))),
        },
        Node::Not(inner) => Value::Bool(!holds(&value(inner, names)?)?),
        Node::All(all) => {
            for node in all {
                if !holds(&value(node, names)?)? {
                    return Ok(Value::Bool(false));
                }
            }
            Value::Bool(true)
        }
        Node::Any(all) => {
            for node in all {
                if holds(&value(node, names)?)? {
                    return Ok(Value::Bool(true));
                }
            }
            Value::Bool(false)
        }
        Node::Compare(how, left, right) => {
            Value::Bool(compare(*how, &value(left, names)?, &value(right, names)?)?)
        }
    })
}

pub(super) fn holds(value: &Value) -> Result<bool, EvalError> {
    match value {
        Value::Bool(holds) => Ok(*holds),
        Value::Null => Ok(false),
        other => {
            Err(EvalError(format!("{} is neither true nor false: compare it with something", kind(other))))
        }
    }
}

fn follow<'a>(from: &'a Value, parts: &[Part]) -> Option<&'a Value> {
    parts.iter().try_fold(from, |value, part| match (part, value) {
        (Part::Name(name), Value::Object(members)) => members.get(name),
        (Part::Index(index), Value::Array(items)) => items.get(*index),
        (Part::Index(index), Value::Object(members)) => members.get(&index.to_string()),
        _ => None,
    })
}

fn compare(how: Comparison, left: &Value, right: &Value) -> Result<bool, EvalError> {
    let ordered = |wanted: fn(Ordering) -> bool| order(left, right).map(wanted);
    match how {
        Comparison::Equal => Ok(equal(left, right)),
        Comparison::Unequal => Ok(!equal(left, right)),
        Comparison::Less => ordered(Ordering::is_lt),
        Comparison::LessOrEqual => ordered(Ordering::is_le),
        Comparison::Greater => ordered(Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(Ordering::is_ge),
        Comparison::In => match (left, right) {
            (_, Value::Array(items)) => Ok(items.iter().any(|item| equal(left, item))),
            (Value::String(name), Value::Object(members)) => Ok(members.contains_key(name)),
            (Value::String(part), Value::String(text)) => Ok(text.contains(part.as_str())),
            _ => Err(EvalError(format!("nothing can be in {}", kind(right)))),
        },
    }
}

/// 1 and 1.0 are the same.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Result<Ordering, EvalError> {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => {
            if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
                return Ok(one.cmp(&other));
            }
            let found = one.as_f64().zip(other.as_f64()).and_then(|(one, other)| one.partial_cmp(&other));
            found.ok_or_else(|| EvalError("these numbers cannot be compared".to_owned()))
        }
        (Value::String(one), Value::String(other)) => Ok(one.cmp(other)),
        _ => Err(EvalError(format!("{} cannot be less or more than {}", kind(left), kind(right)))),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
