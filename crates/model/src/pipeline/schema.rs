//! The JSON Schema (draft 2020-12) of a spec, for editors: made from the table that the reader uses.

use serde_json::{Map, Value, json};

use super::fields::{Field, Kind, SPEC};

/// Where the published schema says it lives.
pub const SCHEMA_ID: &str =
    "https://raw.githubusercontent.com/rigi-run/rigi/main/docs/reference/pipeline.schema.json";

/// The schema of a spec. It knows every field and every form of its value; what depends on the folder or on
/// other fields only the reader checks.
#[must_use]
pub fn spec_schema() -> Value {
    let mut schema = object(SPEC);
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".to_owned(), SCHEMA_ID.into());
    schema.insert("title".to_owned(), "A pipeline of Rigi".into());
    let about = "What a pipeline folder's pipeline.yaml, pipeline.toml or pipeline.json may say.";
    schema.insert("description".to_owned(), about.into());
    Value::Object(schema)
}

fn object(fields: &'static [Field]) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in fields {
        for name in field.names() {
            properties.insert(name.to_owned(), field_schema(field, name));
        }
    }
    if std::ptr::eq(fields, SPEC) {
        properties.insert("$schema".to_owned(), json!({"type": "string"}));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("patternProperties".to_owned(), json!({"^(x-|_|/|\\$comment$)": true}));
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

fn field_schema(field: &Field, name: &str) -> Value {
    let mut schema = kind_schema(&field.kind);
    schema.insert("title".to_owned(), title(name).into());
    let description = if name == field.name {
        field.description.to_owned()
    } else {
        format!("Another name of `{}`. {}", field.name, field.description)
    };
    schema.insert("description".to_owned(), description.into());
    // A test reads every example.
    if let Ok(example) = serde_json::from_str::<Value>(field.example) {
        schema.insert("examples".to_owned(), Value::Array(vec![example]));
    }
    Value::Object(schema)
}

/// `max_instances` as `Max instances`.
fn title(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn kind_schema(kind: &Kind) -> Map<String, Value> {
    let amount = r"^\s*[0-9.]+\s*[A-Za-z]*\s*$";
    let time = r"^\s*([0-9.]+\s*[A-Za-zµ]*\s*)+$";
    let value = match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer(least, i64::MAX) => json!({"type": "integer", "minimum": least}),
        Kind::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Choice(choices) => json!({"type": "string", "enum": choices}),
        Kind::Version => json!({"type": ["string", "number"]}),
        Kind::Cores => json!({"type": ["number", "string"], "exclusiveMinimum": 0, "pattern": amount}),
        Kind::Bytes => json!({"type": ["string", "integer"], "minimum": 1, "pattern": amount}),
        Kind::Duration => json!({"type": ["string", "number"], "minimum": 0, "pattern": time}),
        Kind::Moment => json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}"}),
        Kind::Cron => json!({"type": "string", "pattern": r"^\s*(@[a-zA-Z]+|\S+(\s+\S+){4,5})\s*$"}),
        Kind::Texts => {
            one_of(vec![json!({"type": "string"}), json!({"type": "array", "items": {"type": "string"}})])
        }
        Kind::TextsOrObjects(fields) => {
            let item = one_of(vec![json!({"type": "string"}), Value::Object(object(fields))]);
            one_of(vec![json!({"type": "string"}), json!({"type": "array", "items": item})])
        }
        Kind::Durations => json!({"type": "array", "minItems": 1, "items": kind_schema(&Kind::Duration)}),
        Kind::Command => {
            let item = json!({"type": ["string", "number", "boolean"]});
            one_of(vec![json!({"type": "string"}), json!({"type": "array", "minItems": 1, "items": item})])
        }
        Kind::TextMap => {
            json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Kind::Values => json!({"type": "object"}),
        Kind::Parameters => parameters(),
        Kind::Object(fields) => Value::Object(object(fields)),
        Kind::Objects(fields) => json!({"type": "array", "items": object(fields)}),
        Kind::NamedObjects(fields) => {
            let entry = one_of(vec![Value::Object(object(fields)), json!({"type": ["string", "null"]})]);
            let names = json!({"type": "array", "items": {"type": "string"}});
            one_of(vec![json!({"type": "object", "additionalProperties": entry}), names])
        }
        Kind::Presets(fields) => {
            let entry = one_of(vec![Value::Object(object(fields)), json!({"type": "object"})]);
            json!({"type": "object", "additionalProperties": entry})
        }
        Kind::Either(kinds) => one_of(kinds.iter().map(|kind| Value::Object(kind_schema(kind))).collect()),
    };
    match value {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn one_of(forms: Vec<Value>) -> Value {
    json!({"anyOf": forms})
}

/// Either form; the rules of JSON Schema itself are left to the reader, so that the schema needs no other file.
fn parameters() -> Value {
    let property = json!({
        "type": "object",
        "properties": {
            "secret": {"type": "boolean", "description": "Its values are sealed and never shown."},
            "required": {"description": "`false`: may be left out, also without a default."},
        },
    });
    let long = json!({
        "type": "object",
        "properties": {"type": {"const": "object"}, "properties": {"type": "object", "additionalProperties": property}},
        "required": ["properties"],
    });
    one_of(vec![json!({"type": "object", "additionalProperties": property}), long])
}
