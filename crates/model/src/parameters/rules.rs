//! Broken rules of JSON Schema in plain words.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::SchemaError;
use crate::place::push_pointer;
use crate::text::excerpt;

/// The steps of a JSON pointer, unescaped.
pub(super) fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// Whether a name is not among those that there are.
pub(super) fn is_unknown(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. })
}

/// What an error is about, as people call it (`filters.min`) and as a pointer: the value itself, or the names
/// that are missing or not known.
pub(super) fn subjects(error: &ValidationError<'_>, path: &[String]) -> Vec<(String, String)> {
    let pointer = error.instance_path().to_string();
    let below = |name: &str| {
        let mut path = path.to_vec();
        path.push(name.to_owned());
        (path.join("."), push_pointer(&pointer, name))
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| below(name)).collect()
        }
        Kind::Required { property } => vec![below(property.as_str().unwrap_or_default())],
        _ => vec![(path.join("."), pointer)],
    }
}

/// "`start` is 2040 and may be at most 2001". A secret's value is not told.
pub(super) fn explain(
    subject: &str,
    error: &ValidationError<'_>,
    limit: Option<&Value>,
    is_secret: bool,
) -> String {
    let name = if subject.is_empty() { "the whole".to_owned() } else { format!("`{}`", excerpt(subject)) };
    if let Kind::Required { .. } = error.kind() {
        return format!("{name} is missing");
    }
    let demand = demand(error, limit);
    if is_secret {
        format!("{name} {demand}")
    } else {
        format!("{name} is {} and {demand}", describe(error.instance()))
    }
}

/// What is demanded: "may be at most 2001".
fn demand(error: &ValidationError<'_>, limit: Option<&Value>) -> String {
    let plural = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match error.kind() {
        Kind::Maximum { limit } => format!("may be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::Type { .. } => {
            let kind = limit.map_or_else(|| "of another type".to_owned(), types);
            format!("must be {kind}{}", why_inexact(error.instance()))
        }
        Kind::Enum { options } => format!("must be one of {}", options_text(options)),
        Kind::Constant { expected_value } => format!("must be {}", describe(expected_value)),
        Kind::MinLength { limit } => format!("must have at least {}", plural(*limit, "character")),
        Kind::MaxLength { limit } => format!("may have at most {}", plural(*limit, "character")),
        Kind::MinItems { limit } => format!("must have at least {}", plural(*limit, "item")),
        Kind::MaxItems { limit } => format!("may have at most {}", plural(*limit, "item")),
        Kind::MinProperties { limit } => format!("must have at least {}", plural(*limit, "member")),
        Kind::MaxProperties { limit } => format!("may have at most {}", plural(*limit, "member")),
        Kind::AdditionalItems { limit } => format!("may have at most {}", plural(*limit as u64, "item")),
        Kind::Pattern { pattern } => format!("must match the pattern `{}`", excerpt(pattern)),
        Kind::Format { format } => format!("must be {}", format_text(format)),
        Kind::UniqueItems => "has an item twice".to_owned(),
        Kind::Contains => "has no item of the kind that it must have".to_owned(),
        Kind::FalseSchema => "is not allowed".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "fits none of the forms that it may have".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => "fits several of the forms of which it must have one".to_owned(),
        Kind::Not { .. } => "is what it must not be".to_owned(),
        Kind::PropertyNames { .. } => "has a member of a name that is not allowed".to_owned(),
        _ => format!("breaks the rule `{}`", error.kind().keyword()),
    }
}

/// A text is left one where it writes a number that would be changed, alone or in an object or a list.
fn why_inexact(value: &Value) -> String {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if number && text.parse::<f64>().is_ok() && !super::is_exact(text) {
        return format!("; this {}", super::INEXACT);
    }
    let within = text.starts_with(['{', '[']).then(|| super::inexact_number(text)).flatten();
    within.map(|number| format!("; the number {number} in it {}", super::INEXACT)).unwrap_or_default()
}

/// A value as running text.
fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", excerpt(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

fn types(names: &Value) -> String {
    let name = |name: &Value| match name.as_str() {
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("string") => "a text",
        Some("boolean") => "`true` or `false`",
        Some("array") => "a list",
        Some("object") => "an object",
        Some("null") => "null",
        _ => "of another type",
    };
    match names {
        Value::Array(names) => names.iter().map(name).collect::<Vec<_>>().join(" or "),
        single => name(single).to_owned(),
    }
}

fn options_text(options: &Value) -> String {
    let all: Vec<String> = options.as_array().into_iter().flatten().map(describe).collect();
    match all.len() {
        0..=12 => all.join(", "),
        count => format!("{}, … ({count} in all)", all[..10].join(", ")),
    }
}

fn format_text(format: &str) -> String {
    match format {
        "date" => "a date such as 2026-06-01".to_owned(),
        "date-time" => "a time such as 2026-06-01T08:00:00Z".to_owned(),
        "time" => "a time of day such as 08:00:00Z".to_owned(),
        "email" => "a mail address".to_owned(),
        "uri" => "an address such as https://example.org".to_owned(),
        other => format!("of the format `{}`", excerpt(other)),
    }
}

/// A schema's own mistake, in as plain words as there are.
pub(super) fn explain_schema(error: &ValidationError<'_>) -> String {
    match error.kind() {
        // The meta schema and the pattern compiler both report by these kinds.
        Kind::Format { format } if format == "regex" => {
            format!(
                "{} is not a regular expression (look-around is not supported)",
                describe(error.instance())
            )
        }
        _ => {
            let limit = None;
            format!("{} {}", describe(error.instance()), demand(error, limit))
        }
    }
}

/// For the reader of specs: a mistake that the meta schema found.
pub(crate) fn explain_meta(name: &str, error: &ValidationError<'_>) -> String {
    let limit = match error.kind() {
        Kind::Type { kind } => Some(kind_names(kind)),
        _ => None,
    };
    explain(name, error, limit.as_ref(), false)
}

fn kind_names(kind: &jsonschema::error::TypeKind) -> Value {
    match kind {
        jsonschema::error::TypeKind::Single(single) => Value::String(single.to_string()),
        jsonschema::error::TypeKind::Multiple(set) => {
            set.iter().map(|one| Value::String(one.to_string())).collect()
        }
    }
}

/// Refuses references that a check could follow for ever, or out of the spec: only `#/…` within the schema, never
/// in a circle without looking into a value.
pub(super) fn refuse_loops(schema: &Value) -> Result<(), SchemaError> {
    let mut open = vec![(String::new(), schema)];
    // What was followed once to its end is in no circle.
    let mut trail = Trail::default();
    while let Some((pointer, node)) = open.pop() {
        refuse_bases(&pointer, node)?;
        follow(schema, &pointer, node, &mut trail)?;
        match node {
            Value::Object(members) => {
                // What is written as a value is no schema.
                let schemas = members.iter().filter(|(key, _)| !VALUES.contains(&key.as_str()));
                open.extend(schemas.map(|(key, value)| (push_pointer(&pointer, key), value)));
            }
            Value::Array(items) => {
                open.extend(
                    items.iter().enumerate().map(|(index, item)| (format!("{pointer}/{index}"), item)),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

const VALUES: [&str; 4] = ["default", "const", "enum", "examples"];

/// Keywords that change what a reference means; no parameter needs them.
fn refuse_bases(pointer: &str, node: &Value) -> Result<(), SchemaError> {
    let is_text = |keyword: &&str| node.get(*keyword).is_some_and(Value::is_string);
    let within =
        ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"].into_iter().find(|key| is_text(key));
    let Some(keyword) = within.or_else(|| Some("$id").filter(|key| !pointer.is_empty() && is_text(key)))
    else {
        return Ok(());
    };
    let message = format!("`{keyword}` is not supported; use `$ref: '#/$defs/…'`");
    Err(SchemaError { pointer: push_pointer(pointer, keyword), message })
}

/// How many references may follow on one another.
const LONGEST_CHAIN: usize = 64;

#[derive(Default)]
struct Trail {
    open: Vec<String>,
    done: BTreeSet<String>,
}

/// Follows what applies to the same value: references, and combinations of them.
fn follow(schema: &Value, start: &str, node: &Value, trail: &mut Trail) -> Result<(), SchemaError> {
    if let Some(target) = node.get("$ref").and_then(Value::as_str) {
        let complain = |end: &str| {
            let message = format!("the reference `{}` {end}", excerpt(target));
            Err(SchemaError { pointer: format!("{start}/$ref"), message })
        };
        let Some(inner) = target.strip_prefix('#') else {
            return complain("leads out of the spec; nothing is fetched");
        };
        let Some(next) = schema.pointer(inner) else { return complain("leads nowhere") };
        if trail.open.iter().any(|open| open == inner) {
            return complain("leads in a circle");
        }
        if trail.open.len() >= LONGEST_CHAIN {
            return complain("is one of too many that follow on one another");
        }
        if trail.done.insert(inner.to_owned()) {
            trail.open.push(inner.to_owned());
            follow(schema, start, next, trail)?;
            trail.open.pop();
        }
    }
    let lists = ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| node.get(keyword)?.as_array());
    let maps =
        ["dependentSchemas", "dependencies"].iter().filter_map(|keyword| node.get(keyword)?.as_object());
    let single = ["not", "if", "then", "else"].iter().filter_map(|keyword| node.get(keyword));
    let all = lists.flatten().chain(maps.flat_map(serde_json::Map::values)).chain(single);
    all.into_iter().try_for_each(|next| follow(schema, start, next, trail))
}

/// About how many bytes a value has as JSON, counted without writing it.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>()
        }
    }
}

/// Whether a NUL character stands anywhere in it.
pub(super) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}
