//! Between values and text: `-p start=2040` on a command line, `start` in the environment.

use serde_json::{Number, Value};

/// The value that a text on a command line means, by the type that the schema gives the parameter. What does not
/// fit the type stays a text, so that the check says what is wrong with it.
#[must_use]
pub fn coerce_text(schema: Option<&Value>, name: &str, text: &str) -> Value {
    let property = schema.and_then(|schema| schema.get("properties")).and_then(|all| all.get(name));
    property.map_or_else(|| Value::String(text.to_owned()), |property| coerce(property, text))
}

fn coerce(property: &Value, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        // Without a type, a value of the enumeration may say it.
        _ => return among(property, text).unwrap_or_else(as_text),
    };
    types.iter().find_map(|name| coerce_to(name, property, text)).unwrap_or_else(as_text)
}

fn among(property: &Value, text: &str) -> Option<Value> {
    let values = property.get("enum")?.as_array()?;
    values.iter().find(|value| variable_text(value) == text).cloned()
}

fn coerce_to(name: &str, property: &Value, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match name {
        "integer" => {
            let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
            let signed = digits.parse::<i64>().map(Number::from);
            let number = signed.or_else(|_| digits.parse::<u64>().map(Number::from)).ok()?;
            Some(Value::Number(number))
        }
        "number" => coerce_to("integer", property, trimmed)
            .or_else(|| trimmed.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)),
        "boolean" => trimmed.parse().ok().map(Value::Bool),
        "null" => (trimmed.is_empty() || trimmed == "null").then_some(Value::Null),
        "object" => serde_json::from_str(trimmed).ok().filter(Value::is_object),
        "array" if trimmed.starts_with('[') => serde_json::from_str(trimmed).ok().filter(Value::is_array),
        "array" if trimmed.is_empty() => Some(Value::Array(Vec::new())),
        "array" => {
            let item = property.get("items").unwrap_or(&Value::Null);
            Some(text.split(',').map(|part| coerce(item, part.trim())).collect())
        }
        "string" => Some(Value::String(text.to_owned())),
        _ => None,
    }
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
