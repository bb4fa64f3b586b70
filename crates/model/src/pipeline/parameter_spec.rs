//! Reads `parameters`: the short form (a name, its schema) and the long one (a JSON Schema) become one schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::{Member, Node, NodeValue, note_places};
use super::form_words;
use super::section::{Found, MOST_MISTAKES, Notes};
use crate::parameters::{ParameterSchema, ParameterSources, explain_meta, is_reserved, write_property_whole};
use crate::place::Position;
use crate::place::push_pointer;
use crate::text::is_variable;
use crate::text::{excerpt, list_choices, meant};

/// A spec's parameters.
pub(super) struct ReadParameters {
    /// An object schema.
    pub schema: Value,
    /// Where everything in it stands, by JSON pointer into `schema`.
    pub rules: BTreeMap<String, Position>,
    /// `None` when the schema has a mistake.
    pub compiled: Option<ParameterSchema>,
}

/// Keywords of draft 2020-12 that say something about a value, and Rigi's two. A misspelt one would be ignored
/// by every validator, so that it is named.
const KEYWORDS: &[&str] = &[
    "type",
    "enum",
    "const",
    "default",
    "title",
    "description",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "items",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "required",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "secret",
    "$ref",
    "$defs",
    "$id",
    "$schema",
    "$anchor",
    "$comment",
    "$dynamicRef",
    "$dynamicAnchor",
    "$vocabulary",
];

/// How many parameters of a broken schema are looked at one by one.
const MOST_SINGLE: usize = 100;

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object", "null"];

/// What people call the types in other places.
const ALIASES: &[(&str, &str)] = &[
    ("str", "string"),
    ("text", "string"),
    ("int", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("bool", "boolean"),
    ("list", "array"),
    ("dict", "object"),
    ("map", "object"),
    ("none", "null"),
];

/// `parameters`.
pub(super) fn read_parameters(found: &Found<'_>, notes: &mut Notes) -> Option<ReadParameters> {
    let before = notes.mistakes.len();
    found.refuse_inexact(notes);
    let (schema, rules) =
        if is_long(found.node) { read_long(found, notes) } else { read_short(found, notes) }?;
    let reader = Locator { found, rules: &rules };
    reader.check_meta(&schema, notes);
    let compiled = reader.compile(&schema, notes).filter(|_| notes.mistakes.len() == before);
    if let Some(compiled) = &compiled {
        reader.check_defaults(compiled, notes);
    }
    Some(ReadParameters { schema, rules, compiled })
}

/// A JSON Schema of its own, and not names with the schema of each.
fn is_long(node: &Node) -> bool {
    let is_map = |key| node.member(key).is_some_and(|member| matches!(member.node.value, NodeValue::Map(_)));
    let is_text =
        |key| node.member(key).is_some_and(|member| matches!(member.node.value, NodeValue::Text(_)));
    is_text("type") || is_text("$ref") || is_text("$schema") || is_map("$defs") || is_map("properties")
}

type Located = (Value, BTreeMap<String, Position>);

fn read_short(found: &Found<'_>, notes: &mut Notes) -> Option<Located> {
    let (mut properties, mut required, mut rules) = (Map::new(), Vec::new(), BTreeMap::new());
    for member in found.members(notes)? {
        let child = found.child(member);
        check_name(member, found, notes);
        let Some(property) = read_property(&child, notes) else { continue };
        if property.required.unwrap_or_else(|| property.schema.get("default").is_none()) {
            required.push(Value::String(member.key.clone()));
        }
        let pointer = push_pointer("/properties", &member.key);
        rules.insert(pointer.clone(), member.key_at);
        note_places(&member.node, &pointer, &mut rules);
        properties.insert(member.key.clone(), Value::Object(property.schema));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    Some((Value::Object(schema), rules))
}

fn read_long(found: &Found<'_>, notes: &mut Notes) -> Option<Located> {
    let mut rules = BTreeMap::new();
    note_places(found.node, "", &mut rules);
    let Value::Object(mut schema) = found.node.to_value() else { return None };
    if let Some(member) = found.node.member("type")
        && !matches!(&member.node.value, NodeValue::Text(text) if text == "object")
    {
        let child = found.child(member);
        let message = format!("{} is {} and must be `object`", child.name(), member.node.describe());
        notes.wrong_with(member.node.at, message, "Or write names with the schema of each.");
    }
    if let Some(draft) = schema.get("$schema").and_then(Value::as_str)
        && !draft.trim_end_matches('#').ends_with("draft/2020-12/schema")
    {
        let at = rules.get("/$schema").copied().unwrap_or(found.key_at);
        let message = format!("`parameters` are of draft 2020-12 and not of `{}`", excerpt(draft));
        notes.wrong_with(at, message, "Use `https://json-schema.org/draft/2020-12/schema`.");
    }
    check_keywords(found, notes);
    let mut also_required = Vec::new();
    if let Some(member) = found.node.member("properties") {
        let mut properties = Map::new();
        let list = found.child(member);
        for member in list.members(notes)? {
            let child = list.child(member);
            check_name(member, &list, notes);
            let Some(property) = read_property(&child, notes) else { continue };
            if property.required == Some(true) {
                also_required.push(Value::String(member.key.clone()));
            }
            properties.insert(member.key.clone(), Value::Object(property.schema));
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    if !also_required.is_empty() {
        let list = schema.entry("required").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(names) = list {
            also_required.retain(|name| !names.contains(name));
            names.append(&mut also_required);
        }
    }
    schema.entry("type").or_insert_with(|| "object".into());
    if !schema.contains_key("unevaluatedProperties") && !schema.contains_key("patternProperties") {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    Some((Value::Object(schema), rules))
}

struct Property {
    schema: Map<String, Value>,
    /// What `required: true` within it says.
    required: Option<bool>,
}

/// A parameter's schema, with Rigi's `secret` and `required` taken out of it.
fn read_property(found: &Found<'_>, notes: &mut Notes) -> Option<Property> {
    if !matches!(found.node.value, NodeValue::Map(_)) {
        let cure = "Write it like `{type: integer, default: 1990}`.";
        let message =
            format!("{} is {} and must be the schema of a parameter", found.name(), found.node.describe());
        notes.wrong_with(found.node.at, message, cure);
        return None;
    }
    check_keywords(found, notes);
    let Value::Object(mut schema) = found.node.to_value() else { return None };
    if let Some(secret) = found.node.member("secret") {
        schema.remove("secret");
        if found.child(secret).bool(notes)? {
            schema.insert("writeOnly".to_owned(), true.into());
        }
    }
    // In a schema of draft 2020-12, `required` is the list of the members of an object.
    let mut default = schema.get("default").cloned();
    if let Some(default) = &mut default {
        write_property_whole(&Value::Object(schema.clone()), default);
        schema.insert("default".to_owned(), default.clone());
    }
    let required = schema.get("required").and_then(Value::as_bool);
    if required.is_some() {
        schema.remove("required");
    }
    Some(Property { schema, required })
}

fn check_name(member: &Member, list: &Found<'_>, notes: &mut Notes) {
    let (name, list) = (excerpt(&member.key), list.name());
    if !is_variable(&member.key) {
        let cure = "It becomes an environment variable: use letters, digits and `_`, and no digit first.";
        notes.wrong_with(member.key_at, format!("{list}: `{name}` cannot be a parameter's name"), cure);
    } else if is_reserved(&member.key) {
        let message = format!("{list}: `{name}` is one of the names that Rigi sets itself");
        notes.wrong_with(member.key_at, message, "Use a name that does not begin with `RIGI_`.");
    }
}

/// Names misspelt keywords and types, here and in what lies within.
fn check_keywords(found: &Found<'_>, notes: &mut Notes) {
    let NodeValue::Map(members) = &found.node.value else { return };
    for member in members {
        let child = found.child(member);
        match member.key.as_str() {
            "type" => check_type(&child, notes),
            key if key.starts_with("x-") => form_words::check(key, &child, notes),
            "items" | "not" | "contains" => check_keywords(&child, notes),
            key if KEYWORDS.contains(&key) => {}
            _ if notes.mistakes.len() + notes.warnings.len() > MOST_MISTAKES => {}
            key => match meant(key, KEYWORDS.iter().copied()) {
                Some(name) => {
                    let message = format!("{}: there is no such rule; the nearest is `{name}`", child.name());
                    notes.wrong(member.key_at, message);
                }
                None => notes.warn(
                    member.key_at,
                    format!("{}: there is no such rule; it has no effect", child.name()),
                ),
            },
        }
    }
}

fn check_type(found: &Found<'_>, notes: &mut Notes) {
    let items = match &found.node.value {
        NodeValue::Text(text) => vec![(text, found.node.at)],
        NodeValue::List(items) => {
            let text = |item: &Node| matches!(item.value, NodeValue::Text(_));
            items
                .iter()
                .filter(|item| text(item))
                .filter_map(|item| match &item.value {
                    NodeValue::Text(text) => Some((text, item.at)),
                    _ => None,
                })
                .collect()
        }
        // The meta schema says the rest.
        _ => return,
    };
    for (text, at) in items.into_iter().filter(|(text, _)| !TYPES.contains(&text.as_str())) {
        let lower = text.to_lowercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map(|(_, name)| *name);
        let message = match alias.or_else(|| meant(text, TYPES.iter().copied())) {
            Some(name) => {
                format!("{}: there is no type `{}`; the nearest is `{name}`", found.name(), excerpt(text))
            }
            None => {
                let names = list_choices(TYPES.iter().copied());
                format!("{} is `{}` and must be {names}", found.name(), excerpt(text))
            }
        };
        notes.wrong(at, message);
    }
}

/// Finds the place of what a validator complains about.
struct Locator<'a> {
    found: &'a Found<'a>,
    rules: &'a BTreeMap<String, Position>,
}

impl Locator<'_> {
    /// The place of a pointer, or of what it lies in.
    fn place(&self, pointer: &str) -> Position {
        let mut pointer = pointer;
        loop {
            if let Some(position) = self.rules.get(pointer) {
                return *position;
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return self.found.key_at,
            }
        }
    }

    fn check_meta(&self, schema: &Value, notes: &mut Notes) {
        let validator = jsonschema::draft202012::meta::validator();
        for error in validator.iter_errors(schema).take(20) {
            let path = error.instance_path().to_string();
            // Types were looked at before, with better words.
            let is_known =
                path.ends_with("/type") && notes.mistakes.iter().any(|known| known.message.contains(".type"));
            if !is_known {
                notes.wrong(self.place(&path), explain_meta(&self.name(&path), &error));
            }
        }
    }

    /// Compiles the whole; if that fails, each parameter by itself, so that every mistake is told.
    fn compile(&self, schema: &Value, notes: &mut Notes) -> Option<ParameterSchema> {
        let whole = match ParameterSchema::compile(schema) {
            Ok(compiled) => return Some(compiled),
            Err(error) => error,
        };
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let definitions = schema.get("$defs").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let single = properties.take(MOST_SINGLE).filter_map(|(name, property)| {
            let alone = json!({"$defs": definitions.clone(), "properties": {name: property}});
            ParameterSchema::compile(&alone).err()
        });
        for error in single.chain([whole]) {
            let at = self.place(&error.pointer);
            // The meta schema may have told it already.
            if !notes.mistakes.iter().any(|known| known.position() == at || error.pointer.ends_with("/type"))
            {
                notes.wrong(at, format!("`{}`: {}", self.name(&error.pointer), error.message));
            }
        }
        None
    }

    /// A pointer as people know it: `parameters.start.maximum`.
    fn name(&self, pointer: &str) -> String {
        let is_short = !is_long(self.found.node);
        let shown = if is_short { pointer.strip_prefix("/properties").unwrap_or(pointer) } else { pointer };
        format!("{}{}", self.found.path, shown.replace('/', "."))
    }

    /// A default that breaks its own rules.
    fn check_defaults(&self, schema: &ParameterSchema, notes: &mut Notes) {
        let sources = ParameterSources::default();
        for mistake in schema.check_some(schema.defaults(), &sources) {
            let property = push_pointer("/properties", &mistake.parameter);
            let message = format!("the default of {}", mistake.message);
            notes.wrong(self.place(&format!("{property}/default")), message);
        }
    }
}

/// Checks the values of a preset or a schedule against the parameters.
pub(super) fn check_values(found: &Found<'_>, parameters: Option<&ReadParameters>, notes: &mut Notes) {
    let Value::Object(values) = found.node.to_value() else { return };
    let sources = ParameterSources::default();
    let mistakes = match parameters {
        Some(ReadParameters { compiled: Some(schema), .. }) => schema.check_some(&values, &sources),
        // The schema has a mistake, which is told already.
        Some(_) => return,
        None => crate::parameters::check_free(values, &sources).err().unwrap_or_default(),
    };
    let mut places = BTreeMap::new();
    note_places(found.node, "/parameters", &mut places);
    for mistake in mistakes {
        let at = places.get(&mistake.pointer).copied().unwrap_or(found.key_at);
        notes.wrong(at, format!("{}: {}", found.name(), mistake.message));
    }
}
