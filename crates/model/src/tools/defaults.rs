//! The `DEFAULTS` of a Python script, as JSON: names with values, or a list of entries as the web template of OpenMS has it
//! (`key`, `value`, `name`, `help`, `hide`, `options`, `min`, `max`, `widget_type`, `advanced`).

use serde_json::{Map, Number, Value};

use super::items::{Choice, ItemKind, ToolItem, plain};
use super::{LARGEST_DESCRIPTION, MOST_ITEMS, ToldBy, ToolDescription, ToolError};
use crate::text::excerpt;

/// Reads what the literal `DEFAULTS` of a script holds.
///
/// # Errors
/// When it is neither form, or an entry has no key.
pub fn read_defaults(name: &str, json: &[u8]) -> Result<ToolDescription, ToolError> {
    if json.len() > LARGEST_DESCRIPTION {
        return Err(ToolError::new("`DEFAULTS` has more than 8 MiB"));
    }
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| ToolError::new(format!("`DEFAULTS` cannot be read as JSON: {error}")))?;
    let entries: Vec<Map<String, Value>> = match value {
        Value::Object(values) => values.into_iter().map(entry_of).collect(),
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Value::Object(entry) => Ok(entry),
                _ => Err(ToolError::new(format!("`DEFAULTS`: entry {} is no dictionary", at + 1))),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(ToolError::new("`DEFAULTS` is neither a dictionary nor a list of them")),
    };
    if entries.len() > MOST_ITEMS {
        return Err(ToolError::new(format!("`DEFAULTS` has more than {MOST_ITEMS} entries")));
    }
    let (mut items, mut notes): (Vec<ToolItem>, Vec<String>) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        let item = item(entry, at + 1, &mut notes)?;
        if items.iter().any(|other| other.path == item.path) {
            return Err(ToolError::new(format!("`DEFAULTS`: `{}` is there twice", item.shown())));
        }
        items.push(item);
    }
    Ok(ToolDescription {
        name: name.to_owned(),
        version: None,
        description: String::new(),
        documentation: None,
        categories: Vec::new(),
        citations: Vec::new(),
        program: None,
        told_by: ToldBy::Json,
        sections: Vec::new(),
        items,
        notes,
    })
}

fn entry_of((key, value): (String, Value)) -> Map<String, Value> {
    Map::from_iter([("key".to_owned(), key.into()), ("value".to_owned(), value)])
}

fn item(entry: &Map<String, Value>, at: usize, notes: &mut Vec<String>) -> Result<ToolItem, ToolError> {
    let text =
        |name: &str| entry.get(name).and_then(Value::as_str).map(plain).filter(|text| !text.is_empty());
    let key = entry.get("key").and_then(Value::as_str).filter(|key| !key.is_empty() && key.len() <= 200);
    let key = key.filter(|key| !key.contains(crate::text::is_unseen));
    let key = key.ok_or_else(|| ToolError::new(format!("`DEFAULTS`: entry {at} has no usable `key`")))?;
    let value = entry.get("value").unwrap_or(&Value::Null);
    let flag = |name: &str| entry.get(name).and_then(Value::as_bool) == Some(true);
    let hidden = flag("hide");
    let options: Vec<String> =
        entry.get("options").and_then(Value::as_array).into_iter().flatten().map(shown).collect();
    let (kind, list) = match port_of(key, value, hidden) {
        Some(kind) => (kind, true),
        None => kind_of(value),
    };
    let default = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(_) => {
            notes.push(format!("`{}`: a dictionary, given as JSON", excerpt(key)));
            vec![value.to_string()]
        }
        other => vec![shown(other)],
    };
    let mut choice = range(entry);
    if !options.is_empty() && kind == ItemKind::Text {
        let others: Vec<String> = default.iter().filter(|value| !options.contains(value)).cloned().collect();
        choice = Choice::Of(options.into_iter().chain(others).collect());
    } else if !options.is_empty() && !kind.is_file() {
        notes.push(format!("`{}`: its options are not among those of texts, and left out", excerpt(key)));
    }
    Ok(ToolItem {
        path: vec![key.to_owned()],
        kind,
        list,
        length: None,
        title: text("name"),
        description: text("help").unwrap_or_default(),
        default: if kind.is_file() { Vec::new() } else { default },
        choice,
        formats: Vec::new(),
        required: kind == ItemKind::Input,
        advanced: flag("advanced"),
        hidden: hidden && !kind.is_file(),
        executable: false,
        flag: false,
        position: None,
    })
}

/// Files are hidden lists: what is called `in…` is read, `out…` is written.
fn port_of(key: &str, value: &Value, hidden: bool) -> Option<ItemKind> {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("") || value.is_null();
    if !hidden || !empty {
        return None;
    }
    let lower = key.to_lowercase();
    if lower.starts_with("in") {
        return Some(ItemKind::Input);
    }
    lower.starts_with("out").then_some(ItemKind::Output)
}

fn kind_of(value: &Value) -> (ItemKind, bool) {
    let single = |value: &Value| match value {
        Value::Bool(_) => ItemKind::Boolean,
        Value::Number(number) if number.is_f64() => ItemKind::Number,
        Value::Number(_) => ItemKind::Integer,
        _ => ItemKind::Text,
    };
    match value {
        Value::Array(items) => {
            let kinds: Vec<ItemKind> = items.iter().map(single).collect();
            let first = kinds.first().copied().unwrap_or(ItemKind::Text);
            let mixed = |other: ItemKind| kinds.iter().all(|kind| *kind == first || *kind == other);
            let kind = match first {
                first if kinds.iter().all(|kind| *kind == first) => first,
                ItemKind::Integer if mixed(ItemKind::Number) => ItemKind::Number,
                ItemKind::Number if mixed(ItemKind::Integer) => ItemKind::Number,
                _ => ItemKind::Text,
            };
            (kind, true)
        }
        other => (single(other), false),
    }
}

fn range(entry: &Map<String, Value>) -> Choice {
    let bound = |name: &str| -> Option<Number> { entry.get(name)?.as_number().cloned() };
    match (bound("min"), bound("max")) {
        (None, None) => Choice::Any,
        (from, to) => {
            let value = entry.get("value").and_then(Value::as_f64);
            let fits = |low: f64, high: f64| low <= high;
            let from =
                from.filter(|from| value.zip(from.as_f64()).is_none_or(|(value, from)| fits(from, value)));
            let to = to.filter(|to| value.zip(to.as_f64()).is_none_or(|(value, to)| fits(value, to)));
            Choice::Range(from, to)
        }
    }
}

fn shown(value: &Value) -> String {
    crate::parameters::variable_text(value)
}
