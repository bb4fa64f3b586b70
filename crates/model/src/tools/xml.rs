//! XML as a small tree: without document types, without entities but those that XML itself has, and with bounds.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::{LARGEST_DESCRIPTION, ToolError};
use crate::text::excerpt;

/// How deep elements may lie within each other.
const DEEPEST: usize = 64;
/// How many elements there may be.
const MOST_ELEMENTS: usize = 100_000;
/// How many attributes one may have.
const MOST_ATTRIBUTES: usize = 64;

/// An element with what lies in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Self>,
    pub text: String,
    /// Of its start; counts from 1.
    pub line: usize,
}

impl Element {
    /// An attribute, if it says anything.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// What is said by an attribute or, as old descriptions do, by an element of that name.
    pub fn said(&self, name: &str) -> Option<String> {
        let words = self.attribute(name).map(str::trim).filter(|text| !text.is_empty());
        let words = words.or_else(|| Some(self.child(name)?.text.trim()).filter(|text| !text.is_empty()));
        words.map(str::to_owned)
    }
}

/// Reads a whole document.
pub(super) fn read_tree(bytes: &[u8]) -> Result<Element, ToolError> {
    if bytes.len() > LARGEST_DESCRIPTION {
        return Err(ToolError::new("it has more than 8 MiB"));
    }
    let text = decode(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Builder { text, lines: Lines::default(), open: Vec::new(), root: None, elements: 0 }.read()
}

/// OpenMS declares its INI files as ISO-8859-1, and writes UTF-8 into some of them.
fn decode(bytes: &[u8]) -> Result<String, ToolError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    if head.starts_with("<?xml") && (head.contains("iso-8859-1") || head.contains("latin1")) {
        return Ok(bytes.iter().map(|byte| char::from(*byte)).collect());
    }
    Err(ToolError::new("it is neither UTF-8 nor what it says of itself"))
}

/// Counts lines on the way.
#[derive(Default)]
struct Lines {
    at: usize,
    line: usize,
}

impl Lines {
    fn of(&mut self, text: &str, position: usize) -> usize {
        let position = position.min(text.len()).max(self.at);
        self.line += memchr::memchr_iter(b'\n', &text.as_bytes()[self.at..position]).count();
        self.at = position;
        self.line + 1
    }
}

struct Builder<'a> {
    text: &'a str,
    lines: Lines,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder<'_> {
    fn read(mut self) -> Result<Element, ToolError> {
        let mut reader = Reader::from_str(self.text);
        loop {
            let event = reader.read_event();
            let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let line = self.lines.of(self.text, position);
            let wrong = |error: &dyn std::fmt::Display| ToolError::at(line, format!("it is no XML: {error}"));
            match event.map_err(|error| wrong(&error))? {
                Event::Start(start) => self.begin(&start, line)?,
                Event::Empty(start) => {
                    self.begin(&start, line)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.say(&text.decode().map_err(|error| wrong(&error))?),
                Event::CData(text) => self.say(&text.decode().map_err(|error| wrong(&error))?),
                Event::GeneralRef(reference) => {
                    let resolved = reference.resolve_char_ref().map_err(|error| wrong(&error))?;
                    let name = reference.decode().map_err(|error| wrong(&error))?;
                    match (resolved, predefined(&name)) {
                        (Some(character), _) => self.say(character.encode_utf8(&mut [0; 4])),
                        (None, Some(text)) => self.say(text),
                        (None, None) => return Err(unknown_entity(line, &name)),
                    }
                }
                Event::DocType(_) => {
                    let message = "it has a document type (`<!DOCTYPE`), which is not read";
                    return Err(ToolError::at(line, message));
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            let message = format!("`<{}>` has no end", excerpt(&open.name));
            return Err(ToolError::at(open.line, message));
        }
        self.root.ok_or_else(|| ToolError::new("it holds no XML"))
    }

    fn begin(&mut self, start: &BytesStart<'_>, line: usize) -> Result<(), ToolError> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS {
            return Err(ToolError::at(line, format!("it has more than {MOST_ELEMENTS} elements")));
        }
        if self.open.len() >= DEEPEST {
            return Err(ToolError::at(line, format!("its elements lie deeper than {DEEPEST} in each other")));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(ToolError::at(line, "it is no XML: something follows its end"));
        }
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        let mut element = Element { name, line, ..Element::default() };
        for attribute in start.attributes() {
            let wrong = |error: &dyn std::fmt::Display| ToolError::at(line, format!("it is no XML: {error}"));
            let attribute = attribute.map_err(|error| wrong(&error))?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| wrong(&error))?;
            if element.attributes.len() >= MOST_ATTRIBUTES {
                return Err(ToolError::at(
                    line,
                    format!("an element has more than {MOST_ATTRIBUTES} attributes"),
                ));
            }
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            element.attributes.push((key, value.into_owned()));
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(around) => around.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }
}

fn predefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "apos" => "'",
        "quot" => "\"",
        _ => return None,
    })
}

fn unknown_entity(line: usize, name: &str) -> ToolError {
    ToolError::at(line, format!("it has the entity `&{};`, and none of its own is read", excerpt(name)))
}
