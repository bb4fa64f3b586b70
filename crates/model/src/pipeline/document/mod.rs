//! A spec's text as one tree in which every key and value knows its place, whatever it is written in.

mod json;
mod lines;
mod toml;
mod yaml;
mod yaml_scalar;

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::mistake::Mistake;
use crate::place::{Position, push_pointer};
use crate::text::excerpt;

/// The largest spec that is read, in bytes.
pub const LARGEST_SPEC: usize = 1024 * 1024;

/// How deep lists and maps may lie within one another.
pub const DEEPEST_NESTING: usize = 64;

crate::state::text_enum! {
    /// What a spec is written in.
    SpecFormat {
        /// YAML 1.2, core schema: `yes` and `on` are texts.
        Yaml = "yaml",
        /// TOML 1.1.
        Toml = "toml",
        /// JSON (RFC 8259), without comments.
        Json = "json",
    }
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Where it begins.
    pub at: Position,
}

/// A value of any of the formats.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number and how it was written: `3.10` is not `3.1` where a version is meant.
    Number(Number, String),
    /// A text; also TOML's dates.
    Text(String),
    /// Values in their order.
    List(Vec<Node>),
    /// Members in their order, each name once.
    Map(Vec<Member>),
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The name.
    pub key: String,
    /// Where the name begins.
    pub key_at: Position,
    /// The value.
    pub node: Node,
}

/// A text that was read: the tree, if there is one, and every mistake that was found.
#[derive(Debug, Default)]
pub struct Document {
    /// `None` when the text is too broken to go on; then there is a mistake.
    pub root: Option<Node>,
    /// In the order of the text.
    pub mistakes: Vec<Mistake>,
    /// JSON only: names that stand twice in one object. The last one is in the tree, as readers of JSON do; whether
    /// that is a mistake depends on what the object is.
    pub repeated: Vec<Mistake>,
}

impl Document {
    fn broken(mistake: Mistake) -> Self {
        Self { root: None, mistakes: vec![mistake], repeated: Vec::new() }
    }
}

/// Reads a spec's bytes. Everything that the format itself forbids is a mistake, and so is what is too large,
/// too deep, ambiguous (the same key twice) or cannot be given to a program (NUL bytes).
#[must_use]
pub fn read_document(format: SpecFormat, bytes: &[u8]) -> Document {
    if bytes.len() > LARGEST_SPEC {
        let size = crate::quantity::show_bytes(bytes.len() as u64);
        let message = format!("the spec has {size} and may have at most 1 MiB");
        return Document::broken(
            Mistake::new(Position::START, message).with_cure("Keep data in files beside it."),
        );
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => return Document::broken(not_utf8(bytes, error.valid_up_to())),
    };
    if let Some(offset) = text.find('\0') {
        let at = lines::Lines::new(text).position(offset);
        return Document::broken(Mistake::new(at, "a NUL byte; a spec is text").with_cure("Remove it."));
    }
    let mut document = match format {
        SpecFormat::Yaml => yaml::read(text),
        SpecFormat::Toml => toml::read(text),
        SpecFormat::Json => json::read(text),
    };
    if let Some(root) = &document.root {
        refuse_nul(root, &mut document.mistakes);
    }
    document.mistakes.sort();
    document
}

fn not_utf8(bytes: &[u8], valid: usize) -> Mistake {
    // The bytes before are valid, so that the position is one in characters.
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let at = lines::Lines::new(&before).position(before.len());
    let message = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the spec is written in UTF-16 and must be UTF-8".to_owned(),
        _ => format!("the spec is not UTF-8: byte 0x{:02x} cannot stand here", bytes[valid]),
    };
    Mistake::new(at, message).with_cure("Save the file as UTF-8.")
}

/// NUL bytes that came by way of an escape: no program can be given one in a variable or an argument.
fn refuse_nul(node: &Node, mistakes: &mut Vec<Mistake>) {
    let complain =
        |at| Mistake::new(at, "a NUL character; no program can be given one").with_cure("Remove it.");
    match &node.value {
        NodeValue::Text(text) if text.contains('\0') => mistakes.push(complain(node.at)),
        NodeValue::List(items) => items.iter().for_each(|item| refuse_nul(item, mistakes)),
        NodeValue::Map(members) => {
            for member in members {
                if member.key.contains('\0') {
                    mistakes.push(complain(member.key_at));
                }
                refuse_nul(&member.node, mistakes);
            }
        }
        _ => {}
    }
}

fn too_deep(at: Position) -> Mistake {
    let message = format!("lists and maps lie more than {DEEPEST_NESTING} deep within one another");
    Mistake::new(at, message).with_cure("Make it flatter.")
}

fn not_finite(at: Position, text: &str) -> Mistake {
    Mistake::new(at, format!("`{}` is not a finite number", excerpt(text)))
}

/// Collects a map's members and refuses names that come twice.
#[derive(Default)]
struct Members {
    list: Vec<Member>,
    seen: BTreeMap<String, Position>,
}

impl Members {
    fn add(&mut self, member: Member, mistakes: &mut Vec<Mistake>) {
        if let Some(first) = self.seen.get(&member.key) {
            let message = format!("`{}` stands here twice; the first is at {first}", excerpt(&member.key));
            mistakes.push(Mistake::new(member.key_at, message).with_cure("Keep one of them."));
            return;
        }
        self.seen.insert(member.key.clone(), member.key_at);
        self.list.push(member);
    }

    /// Adds a member in place of one of the same name; that there was one is noted.
    fn replace(&mut self, member: Member, repeated: &mut Vec<Mistake>) {
        if let Some(first) = self.seen.insert(member.key.clone(), member.key_at) {
            let message = format!("`{}` stands here twice; the first is at {first}", excerpt(&member.key));
            repeated.push(Mistake::new(member.key_at, message).with_cure("Keep one of them."));
            self.list.retain(|known| known.key != member.key);
        }
        self.list.push(member);
    }
}

/// A number as JSON writes it.
pub(crate) fn read_number(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

impl Node {
    /// The same value without places.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(number, _) => Value::Number(number.clone()),
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(items) => items.iter().map(Self::to_value).collect(),
            NodeValue::Map(members) => {
                let pairs = members.iter().map(|member| (member.key.clone(), member.node.to_value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// What it is, as running text: `a list`, `the text \`abc\``.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            NodeValue::Null => "empty".to_owned(),
            NodeValue::Bool(value) => format!("{value}"),
            NodeValue::Number(_, text) => format!("the number {}", excerpt(text)),
            NodeValue::Text(text) => format!("the text `{}`", excerpt(text)),
            NodeValue::List(_) => "a list".to_owned(),
            NodeValue::Map(_) => "a map".to_owned(),
        }
    }

    /// The member of this name, if this is a map that has it.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Member> {
        match &self.value {
            NodeValue::Map(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }
}

/// Notes where everything below `node` stands, by JSON pointer: members where their name begins.
pub(crate) fn note_places(node: &Node, pointer: &str, places: &mut BTreeMap<String, Position>) {
    match &node.value {
        NodeValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let here = format!("{pointer}/{index}");
                places.insert(here.clone(), item.at);
                note_places(item, &here, places);
            }
        }
        NodeValue::Map(members) => {
            for member in members {
                let here = push_pointer(pointer, &member.key);
                places.insert(here.clone(), member.key_at);
                note_places(&member.node, &here, places);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
