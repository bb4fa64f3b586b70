//! A tool's parameter as a JSON Schema (draft 2020-12), with Rigi's words for forms.

use serde_json::{Map, Number, Value, json};

use super::items::{Choice, ItemKind, ToolItem};
use crate::parameters::read_exact;

/// A parameter's schema, and whether it must be given.
pub(super) struct Property {
    pub schema: Map<String, Value>,
    pub required: bool,
}

/// The schema of what is no file.
pub(super) fn property(item: &ToolItem, notes: &mut Vec<String>) -> Property {
    let mut schema = Map::new();
    name(item, &mut schema);
    if !item.description.is_empty() {
        schema.insert("description".to_owned(), item.description.clone().into());
    }
    let mut value = value_schema(item);
    if item.list {
        schema.insert("type".to_owned(), "array".into());
        schema.insert("items".to_owned(), Value::Object(value));
        if let Some(length) = item.length {
            schema.insert("minItems".to_owned(), length.into());
            schema.insert("maxItems".to_owned(), length.into());
        }
    } else {
        schema.append(&mut value);
    }
    let default = default_value(item, notes);
    let mut required = false;
    match default {
        Some(default) => drop(schema.insert("default".to_owned(), default)),
        None if item.required => {
            required = true;
            if item.list {
                schema.insert("minItems".to_owned(), item.length.unwrap_or(1).into());
            } else if item.kind == ItemKind::Text && !matches!(item.choice, Choice::Of(_)) {
                schema.insert("minLength".to_owned(), 1.into());
            }
        }
        None => {}
    }
    place(item, &mut schema);
    Property { schema, required }
}

/// What people call it, where that is not the parameter's own name.
pub(super) fn name(item: &ToolItem, schema: &mut Map<String, Value>) {
    let name = item.path.last().filter(|name| item.path.len() > 1 || !crate::text::is_variable(name));
    if let Some(title) = item.title.as_ref().or(name) {
        schema.insert("title".to_owned(), title.clone().into());
    }
}

/// Where the form has it: its section, and whether it is shown at once.
pub(super) fn place(item: &ToolItem, schema: &mut Map<String, Value>) {
    let sections = item.path.get(..item.path.len().saturating_sub(1)).unwrap_or_default();
    if !sections.is_empty() {
        schema.insert("x-section".to_owned(), section_name(sections).into());
    }
    if item.advanced {
        schema.insert("x-advanced".to_owned(), true.into());
    }
    if item.hidden {
        schema.insert("x-hidden".to_owned(), true.into());
    }
}

/// A section as people know it.
pub(super) fn section_name(path: &[String]) -> String {
    path.join(":")
}

fn value_schema(item: &ToolItem) -> Map<String, Value> {
    let mut schema = Map::new();
    let kind = match item.kind {
        ItemKind::Integer => "integer",
        ItemKind::Number => "number",
        ItemKind::Boolean => "boolean",
        _ => "string",
    };
    schema.insert("type".to_owned(), kind.into());
    match &item.choice {
        Choice::Any => {}
        Choice::Of(choices) if choices.is_empty() => {}
        Choice::Of(choices) => drop(schema.insert("enum".to_owned(), json!(choices))),
        Choice::Range(from, to) => {
            schema.extend(from.clone().map(|from| ("minimum".to_owned(), Value::Number(from))));
            schema.extend(to.clone().map(|to| ("maximum".to_owned(), Value::Number(to))));
        }
    }
    schema
}

fn default_value(item: &ToolItem, notes: &mut Vec<String>) -> Option<Value> {
    if item.list {
        let values: Option<Vec<Value>> = item.default.iter().map(|text| value(item.kind, text)).collect();
        return match values {
            Some(values) if values.is_empty() && (item.required || item.length.is_some()) => None,
            Some(values) if item.length.is_none_or(|length| length == values.len()) => {
                Some(Value::Array(values))
            }
            _ => {
                notes.push(format!(
                    "`{}`: its default is none of its type, and left to the tool",
                    item.shown()
                ));
                None
            }
        };
    }
    let Some(text) = item.default.first() else {
        // Nothing is a text, and no number.
        return (item.kind == ItemKind::Text && !item.required).then(|| "".into());
    };
    let value = value(item.kind, text);
    if value.is_none() {
        notes.push(format!(
            "`{}`: its default `{}` is none of its type, and left to the tool",
            item.shown(),
            crate::text::excerpt(text)
        ));
    }
    value
}

/// A number as tools write it, often with more digits than a double has: the double is what they mean.
pub(super) fn number(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    read_exact(text).or_else(|| Number::from_f64(text.parse().ok()?))
}

fn value(kind: ItemKind, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match kind {
        ItemKind::Integer => {
            let number = read_exact(trimmed.strip_prefix('+').unwrap_or(trimmed))?;
            let whole = number.as_f64().is_some_and(|float| float.fract() == 0.0);
            let mut value = Value::Number(number);
            crate::parameters::write_property_whole(&json!({"type": "integer"}), &mut value);
            whole.then_some(value)
        }
        ItemKind::Number => number(trimmed).map(Value::Number),
        ItemKind::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true.into()),
            "false" | "0" => Some(false.into()),
            _ => None,
        },
        _ => Some(text.into()),
    }
}
