//! Between values and text: `-p start=2040` on a command line, `start` in the environment.

use serde_json::Value;

use super::numbers::{inexact_number, read_exact};

/// The value that a text on a command line means, by the type that the schema gives the parameter. What does not
/// fit the type stays a text, so that the check says what is wrong with it.
#[must_use]
pub fn coerce_text(schema: Option<&Value>, name: &str, text: &str) -> Value {
    let property = schema.and_then(|schema| schema.get("properties")).and_then(|all| all.get(name));
    property.map_or_else(|| Value::String(text.to_owned()), |property| coerce(property, text))
}

fn coerce(property: &Value, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    // One of the values that it may have says it, whatever the type.
    if let Some(value) = among(property, text) {
        return value;
    }
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return as_text(),
    };
    types.iter().find_map(|name| coerce_to(name, property, text)).unwrap_or_else(as_text)
}

fn among(property: &Value, text: &str) -> Option<Value> {
    let values = property.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    let values = values.or_else(|| property.get("const").map(std::slice::from_ref))?;
    let same = values.iter().find(|value| variable_text(value) == text);
    same.or_else(|| values.iter().find(|value| value.is_null() && means_null(text))).cloned()
}

fn means_null(text: &str) -> bool {
    matches!(text.trim(), "" | "null")
}

fn coerce_to(name: &str, property: &Value, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match name {
        "integer" => {
            // `1e3` is as whole as `1000`, and is written so when it is checked.
            let number = Value::Number(read_exact(trimmed.strip_prefix('+').unwrap_or(trimmed))?);
            number.as_f64().is_some_and(|float| float.fract() == 0.0).then_some(number)
        }
        "number" => {
            coerce_to("integer", property, trimmed).or_else(|| read_exact(trimmed).map(Value::Number))
        }
        "boolean" => trimmed.parse().ok().map(Value::Bool),
        "null" => means_null(text).then_some(Value::Null),
        "object" => from_json(trimmed).filter(Value::is_object),
        "array" if trimmed.starts_with('[') => from_json(trimmed).filter(Value::is_array),
        "array" if trimmed.is_empty() => Some(Value::Array(Vec::new())),
        "array" => {
            let item = property.get("items").unwrap_or(&Value::Null);
            Some(text.split(',').map(|part| coerce(item, part.trim())).collect())
        }
        "string" => Some(Value::String(text.to_owned())),
        _ => None,
    }
}

/// JSON of which every number is kept as it is.
fn from_json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|_| inexact_number(text).is_none())
}

/// The text that a value has in an environment variable: texts as they are, all else as JSON.
#[must_use]
pub fn variable_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
