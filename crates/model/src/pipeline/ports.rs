//! Reads what goes into a run and comes out of it: inputs, outputs, labels, presets.

use std::collections::BTreeMap;

use super::document::NodeValue;
use super::fields::{self, Field};
use super::name::{is_format, is_label_key, is_port};
use super::section::{Found, Notes, Section};
use super::spec::{InputSpec, OutputSpec, Preset};
use crate::place::Position;
use crate::text::excerpt;

/// What one entry of `inputs` or `outputs` says.
enum Port<'a> {
    /// Just its name.
    Bare,
    /// A description.
    Described(String),
    /// Its fields.
    Fields(Section<'a>),
}

/// Reads names with objects, with descriptions or with nothing; or a list of names.
fn read_ports<'a>(
    found: &Found<'a>,
    fields: &'static [Field],
    notes: &mut Notes,
) -> Option<Vec<(String, Port<'a>)>> {
    if let NodeValue::List(_) = &found.node.value {
        let items = found.items(notes)?;
        let names = items.iter().filter_map(|item| {
            let name = item.text(notes)?;
            check_port(&name, found, item.key_at, notes).then_some((name, Port::Bare))
        });
        return Some(names.collect());
    }
    let mut ports = Vec::new();
    for member in found.members(notes)? {
        let child = found.child(member);
        if !check_port(&member.key, found, member.key_at, notes) {
            continue;
        }
        let port = match &member.node.value {
            NodeValue::Null => Some(Port::Bare),
            NodeValue::Text(text) => Some(Port::Described(text.clone())),
            NodeValue::Map(_) => Section::open(&child, fields, notes).map(Port::Fields),
            _ => child.refuse("a description, or a map of its fields", notes),
        };
        ports.extend(port.map(|port| (member.key.clone(), port)));
    }
    Some(ports)
}

fn check_port(name: &str, list: &Found<'_>, at: Position, notes: &mut Notes) -> bool {
    let sound = is_port(name);
    if !sound {
        let message = format!("{}: `{}` cannot be a name here", list.name(), excerpt(name));
        let cure = "Use letters, digits, `.`, `_` and `-`, a letter or digit first, at most 128.";
        notes.wrong_with(at, message, cure);
    }
    sound
}

/// `inputs`.
pub(super) fn read_inputs(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, InputSpec>> {
    let ports = read_ports(found, fields::INPUT, notes)?;
    let inputs = ports.into_iter().map(|(name, port)| {
        let mut input = InputSpec { required: true, ..InputSpec::default() };
        match port {
            Port::Bare => {}
            Port::Described(text) => input.description = Some(text),
            Port::Fields(section) => {
                input.description = section.read("description", notes, Found::text);
                input.required = section.read("required", notes, Found::bool).unwrap_or(true);
                input.multiple = section.read("multiple", notes, Found::bool).unwrap_or(false);
                input.accept = section.read("accept", notes, Found::texts).unwrap_or_default();
                input.formats = section.read("formats", notes, read_formats).unwrap_or_default();
            }
        }
        (name, input)
    });
    Some(inputs.collect())
}

/// `outputs`.
pub(super) fn read_outputs(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, OutputSpec>> {
    let ports = read_ports(found, fields::OUTPUT, notes)?;
    let outputs = ports.into_iter().map(|(name, port)| {
        let mut output = OutputSpec::default();
        match port {
            Port::Bare => {}
            Port::Described(text) => output.description = Some(text),
            Port::Fields(section) => {
                output.description = section.read("description", notes, Found::text);
                output.formats = section.read("formats", notes, read_formats).unwrap_or_default();
                output.dataset = section.read("dataset", notes, read_dataset);
            }
        }
        (name, output)
    });
    Some(outputs.collect())
}

fn read_dataset(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let name = found.filled_text(notes)?;
    match crate::data::check_name(&name) {
        Ok(()) => Some(name),
        Err(why) => {
            notes.wrong(found.node.at, format!("{}: {why}", found.name()));
            None
        }
    }
}

/// `formats`: endings of files, without a dot.
fn read_formats(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<String>> {
    let formats = found.texts(notes)?;
    for format in formats.iter().filter(|format| !is_format(format)) {
        let message = format!("{}: `{}` is no ending of files", found.name(), excerpt(format));
        notes.wrong_with(
            found.node.at,
            message,
            "Write it without a dot in front, such as `mzML` or `tar.gz`.",
        );
    }
    Some(formats)
}

/// `labels`.
pub(super) fn read_labels(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for member in found.members(notes)? {
        let child = found.child(member);
        if !is_label_key(&member.key) {
            let message = format!("{}: `{}` cannot be a label", found.name(), excerpt(&member.key));
            notes.wrong_with(
                member.key_at,
                message,
                "Use letters, digits, `.`, `_`, `-` and `/`, at most 128.",
            );
            continue;
        }
        let Some(value) = child.scalar_text("a text", notes) else { continue };
        if value.chars().count() > 256 || value.contains(char::is_control) {
            notes.wrong(
                member.node.at,
                format!("{} has more than 256 characters or a line break", child.name()),
            );
            continue;
        }
        labels.insert(member.key.clone(), value);
    }
    Some(labels)
}

/// `presets`: each an object with `parameters`, or the values themselves.
pub(super) fn read_presets(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, Preset>> {
    let mut presets = BTreeMap::new();
    for member in found.members(notes)? {
        let child = found.child(member);
        let Some(values) = preset_values(&child) else {
            let parameters = child.values(notes).unwrap_or_default();
            presets.insert(member.key.clone(), Preset { description: None, parameters });
            continue;
        };
        let Some(section) = Section::open(&child, fields::PRESET, notes) else { continue };
        let description = section.read("description", notes, Found::text);
        let parameters = values.values(notes).unwrap_or_default();
        presets.insert(member.key.clone(), Preset { description, parameters });
    }
    Some(presets)
}

/// The `parameters` within a preset, if it is written in the long form.
pub(super) fn preset_values<'a>(preset: &Found<'a>) -> Option<Found<'a>> {
    let member = preset.node.member("parameters")?;
    matches!(member.node.value, NodeValue::Map(_)).then(|| preset.child(member))
}
