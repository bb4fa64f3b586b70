//! The folder of a pipeline that runs a tool: its spec, what becomes of each value, the tool's own description, and a
//! script that starts it.

use serde_json::{Map, Value, json};

use super::items::{ItemKind, ToolItem};
use super::names::{Names, folder_name};
use super::ports::{input, output};
use super::schema::{property, section_name};
use super::{ToldBy, ToolDescription, ToolError, yaml};
use crate::pipeline::{FolderFacts, SpecFormat, read_spec};

/// What starts the tool: Python's own library alone, of 3.8 or newer.
const SCRIPT: &str = include_str!("run_tool.py");

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl GeneratedFile {
    /// A file.
    pub fn new(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), bytes: content.into() }
    }
}

/// A pipeline that runs a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// A name for it, made of the tool's.
    pub name: String,
    /// All that its folder holds; the spec is first.
    pub files: Vec<GeneratedFile>,
    /// How many parameters it has, but for those of files.
    pub parameters: usize,
    /// Its inputs.
    pub inputs: Vec<String>,
    /// Its outputs.
    pub outputs: Vec<String>,
    /// What could not be taken as it stands, for people.
    pub notes: Vec<String>,
}

/// Writes the pipeline; `source` is the file that the description was read from.
///
/// # Errors
/// When what comes of it is no pipeline, such as one with a spec that is too large.
pub fn generate(tool: &ToolDescription, source: GeneratedFile) -> Result<Generated, ToolError> {
    let mut parts = Parts { notes: tool.notes.clone(), ..Parts::default() };
    parts.take(tool);
    let name = folder_name(&tool.name);
    let spec = spec_text(tool, &parts);
    let files = ["main.py", "tool.json", source.name.as_str()];
    if let Err(mistakes) = read_spec(SpecFormat::Yaml, spec.as_bytes(), &FolderFacts::new(&name, files)) {
        let first = mistakes.first().map(|mistake| mistake.message.clone()).unwrap_or_default();
        return Err(ToolError::new(format!("no pipeline comes of it: {first}")));
    }
    let inputs = parts.inputs.iter().map(|(name, _)| name.clone()).collect();
    let outputs = parts.outputs.iter().map(|(name, _)| name.clone()).collect();
    let parameters = parts.properties.len();
    let told = parts.tool_json(tool, &source.name);
    let files = vec![
        GeneratedFile::new("pipeline.yaml", spec),
        GeneratedFile::new("main.py", SCRIPT),
        GeneratedFile::new("tool.json", told),
        source,
    ];
    Ok(Generated { name, files, parameters, inputs, outputs, notes: parts.notes })
}

/// What becomes of a tool's items.
#[derive(Default)]
struct Parts {
    properties: Map<String, Value>,
    required: Vec<Value>,
    inputs: Vec<(String, Value)>,
    outputs: Vec<(String, Value)>,
    /// For `tool.json`.
    parameter_words: Vec<Value>,
    input_words: Vec<Value>,
    output_words: Vec<Value>,
    notes: Vec<String>,
}

impl Parts {
    fn take(&mut self, tool: &ToolDescription) {
        let (mut variables, mut ports) = (Names::default(), Names::default());
        let mut read: Vec<(&ToolItem, String)> = Vec::new();
        for item in tool.items.iter().filter(|item| item.kind.is_input()) {
            if item.executable {
                let program = crate::text::excerpt(&item.default.join(" "));
                let stays =
                    if program.is_empty() { "the tool's own".to_owned() } else { format!("`{program}`") };
                self.notes.push(format!("`{}`: stays {stays}, programs are no files of a run", item.shown()));
                continue;
            }
            let port = input(item, &mut ports);
            read.push((item, port.name.clone()));
            self.inputs.push((port.name, port.spec));
            self.input_words.push(port.tool);
        }
        let mut written = Names::default();
        for item in &tool.items {
            match item.kind {
                ItemKind::Input | ItemKind::InputPrefix => {}
                ItemKind::Output | ItemKind::OutputPrefix => {
                    let (mut port, switch) = output(item, &read, &mut written);
                    if let Some(switch) = switch {
                        let name = variables.variable(&item.path);
                        port.tool["parameter"] = name.clone().into();
                        self.properties.insert(name, Value::Object(switch.schema));
                    }
                    self.outputs.push((port.name, port.spec));
                    self.output_words.push(port.tool);
                }
                _ => self.parameter(tool, item, variables.variable(&item.path)),
            }
        }
    }

    fn parameter(&mut self, tool: &ToolDescription, item: &ToolItem, name: String) {
        let property = property(item, &mut self.notes);
        if property.required {
            self.required.push(name.clone().into());
        }
        let kind = match item.kind {
            ItemKind::Integer => "integer",
            ItemKind::Number => "number",
            ItemKind::Boolean if item.flag => "flag",
            ItemKind::Boolean => "boolean",
            _ => "text",
        };
        let mut words = json!({"name": name, "path": item.path, "kind": kind});
        if item.list {
            words["list"] = true.into();
        }
        // A file of its own says the rest.
        if !matches!(tool.told_by, ToldBy::Ini { .. })
            && let Some(default) = property.schema.get("default")
        {
            words["default"] = default.clone();
        }
        self.parameter_words.push(words);
        self.properties.insert(name, Value::Object(property.schema));
    }

    fn tool_json(&self, tool: &ToolDescription, file: &str) -> String {
        let (told_by, root, arguments) = match &tool.told_by {
            ToldBy::Ini { root } => ("ini", root.as_slice(), [].as_slice()),
            ToldBy::Names => ("names", [].as_slice(), [].as_slice()),
            ToldBy::Arguments(arguments) => ("arguments", [].as_slice(), arguments.as_slice()),
            ToldBy::Json => ("json", [].as_slice(), [].as_slice()),
        };
        let argument = |argument: &super::Argument| json!({"option": argument.option, "path": argument.item});
        let whole = json!({
            "tool": tool.name,
            "version": tool.version,
            "program": tool.program.as_deref().unwrap_or(&tool.name),
            "told_by": told_by,
            "file": file,
            "root": root,
            "parameters": self.parameter_words,
            "inputs": self.input_words,
            "outputs": self.output_words,
            "arguments": arguments.iter().map(argument).collect::<Vec<_>>(),
        });
        // What JSON made can be written as JSON.
        serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
    }
}

fn spec_text(tool: &ToolDescription, parts: &Parts) -> String {
    let mut spec = Map::new();
    let about = description(tool);
    if !about.is_empty() {
        spec.insert("description".to_owned(), about.into());
    }
    if !tool.categories.is_empty() {
        spec.insert("tags".to_owned(), json!(tool.categories));
    }
    let mut labels = Map::new();
    labels.insert("tool".to_owned(), cut(&tool.name, 200).into());
    if let Some(version) = &tool.version {
        labels.insert("tool-version".to_owned(), cut(version, 200).into());
    }
    spec.insert("labels".to_owned(), Value::Object(labels));
    spec.insert("parameters".to_owned(), Value::Object(parameters(tool, parts)));
    for (field, ports) in [("inputs", &parts.inputs), ("outputs", &parts.outputs)] {
        if !ports.is_empty() {
            spec.insert(field.to_owned(), Value::Object(ports.iter().cloned().collect()));
        }
    }
    let version = tool.version.as_deref().map(|version| format!(" {}", cut(version, 60))).unwrap_or_default();
    let head = format!(
        "# Made by `rigi pipelines from-tool` of {}{version}. Change what people see here; `tool.json` says what\n\
         # becomes of each value.\n",
        crate::text::excerpt(&tool.name)
    );
    head + &yaml::write(&Value::Object(spec))
}

fn parameters(tool: &ToolDescription, parts: &Parts) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    let used = |section: &str| {
        parts.properties.values().any(|property| {
            let of = property.get("x-section").and_then(Value::as_str).unwrap_or_default();
            of == section || of.strip_prefix(section).is_some_and(|rest| rest.starts_with(':'))
        })
    };
    let sections = tool.sections.iter().map(|section| (section_name(&section.path), section));
    let about: Map<String, Value> = sections
        .filter(|(name, _)| used(name))
        .map(|(name, section)| (name, section.description.clone().into()))
        .collect();
    if !about.is_empty() {
        schema.insert("x-sections".to_owned(), Value::Object(about));
    }
    schema.insert("properties".to_owned(), Value::Object(parts.properties.clone()));
    if !parts.required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(parts.required.clone()));
    }
    schema
}

fn description(tool: &ToolDescription) -> String {
    let mut parts = vec![tool.description.trim().to_owned()];
    parts.extend(tool.documentation.iter().map(|address| format!("[Documentation]({address})")));
    if !tool.citations.is_empty() {
        parts.push(format!("To cite: {}", tool.citations.join(", ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn cut(text: &str, most: usize) -> String {
    super::items::plain(text).chars().take(most).collect()
}
