//! The files of a tool as inputs and outputs of a pipeline.

use serde_json::{Map, Value, json};

use super::items::{ItemKind, ToolItem};
use super::names::Names;
use super::schema::{Property, name, place};

/// An input or output: what the spec says of it, and what `tool.json` does.
pub(super) struct Port {
    pub name: String,
    pub spec: Value,
    pub tool: Value,
}

/// What a tool reads.
pub(super) fn input(item: &ToolItem, names: &mut Names) -> Port {
    let name = names.port(&item.path);
    let multiple = item.list || item.kind == ItemKind::InputPrefix;
    let mut spec = described(item);
    // What has a default of its own is there without being given.
    if !item.required || !item.default.is_empty() {
        spec.insert("required".to_owned(), false.into());
    }
    if multiple {
        spec.insert("multiple".to_owned(), true.into());
    }
    let tool = json!({"name": name, "path": item.path, "kind": kind_of(item)});
    Port { name, spec: Value::Object(spec), tool }
}

fn kind_of(item: &ToolItem) -> &'static str {
    match item.kind {
        ItemKind::InputPrefix | ItemKind::OutputPrefix => "prefix",
        _ if item.list => "list",
        _ => "file",
    }
}

fn described(item: &ToolItem) -> Map<String, Value> {
    let mut spec = Map::new();
    if !item.description.is_empty() {
        spec.insert("description".to_owned(), item.description.clone().into());
    }
    if !item.formats.is_empty() {
        spec.insert("formats".to_owned(), json!(item.formats));
    }
    spec
}

/// What a tool writes, and the parameter that says whether and as what it does, if that is open.
pub(super) fn output(
    item: &ToolItem,
    inputs: &[(&ToolItem, String)],
    names: &mut Names,
) -> (Port, Option<Property>) {
    let name = names.port(&item.path);
    let switch = switch(item);
    let tool = json!({
        "name": name,
        "path": item.path,
        "kind": kind_of(item),
        "formats": item.formats,
        "like": like(item, inputs),
    });
    (Port { name, spec: Value::Object(described(item)), tool }, switch)
}

/// The input that outputs take their names from: of a list, one that is a list as well.
fn like<'a>(item: &ToolItem, inputs: &'a [(&ToolItem, String)]) -> Option<&'a str> {
    let lists = || inputs.iter().filter(|(input, _)| input.list);
    let needed = |input: &&(&ToolItem, String)| input.0.required;
    let found = if item.list {
        lists().find(needed).or_else(|| lists().next()).or_else(|| inputs.first())
    } else {
        inputs.iter().find(needed)
    };
    found.map(|(_, name)| name.as_str())
}

/// `out: mzML`, or `none` where it need not be written.
fn switch(item: &ToolItem) -> Option<Property> {
    let (optional, formats) = (!item.required, &item.formats);
    let mut schema = Map::new();
    name(item, &mut schema);
    if !item.description.is_empty() {
        schema.insert("description".to_owned(), item.description.clone().into());
    }
    match (optional, formats.len()) {
        (false, 0 | 1) => return None,
        (true, 0) => schema.extend(members(json!({"type": "boolean", "default": false}))),
        (optional, _) => {
            let none = optional.then(|| "none".to_owned());
            let choices: Vec<String> = none.into_iter().chain(formats.iter().cloned()).collect();
            let default = choices.first().cloned();
            schema.extend(members(json!({"type": "string", "enum": choices, "default": default})));
        }
    }
    place(item, &mut schema);
    Some(Property { schema, required: false })
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
