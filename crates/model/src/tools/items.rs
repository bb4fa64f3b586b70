//! The parameters of a tool: `ITEM` and `ITEMLIST` in their `NODE`s.

use serde_json::Number;

use super::schema::number;
use super::xml::Element;
use super::{MOST_ITEMS, ToolError};
use crate::text::excerpt;

/// How many sections may lie in each other.
const DEEPEST: usize = 16;
/// The longest name of a section or of a parameter, in bytes.
const LONGEST_NAME: usize = 200;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A text.
    Text,
    /// A file that is read.
    Input,
    /// What the names of several files that are read begin with.
    InputPrefix,
    /// A file that is written.
    Output,
    /// What the names of several files that are written begin with.
    OutputPrefix,
}

impl ItemKind {
    /// Whether it is a file, read or written.
    #[must_use]
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Input | Self::InputPrefix | Self::Output | Self::OutputPrefix)
    }

    /// Whether it is read.
    #[must_use]
    pub const fn is_input(self) -> bool {
        matches!(self, Self::Input | Self::InputPrefix)
    }
}

/// What a value is restricted to.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Choice {
    /// Nothing.
    #[default]
    Any,
    /// One of these.
    Of(Vec<String>),
    /// From, to.
    Range(Option<Number>, Option<Number>),
}

/// A parameter of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolItem {
    /// The sections that it is in, and its name: `["algorithm", "signal_to_noise"]`.
    pub path: Vec<String>,
    /// What it is.
    pub kind: ItemKind,
    /// Whether it is a list of such values.
    pub list: bool,
    /// How many values a list must have.
    pub length: Option<usize>,
    /// What people call it, if not by its name.
    pub title: Option<String>,
    /// For people.
    pub description: String,
    /// Its value as it stands; several of a list, none where there is none.
    pub default: Vec<String>,
    /// What it is restricted to; of a list, each of its values.
    pub choice: Choice,
    /// Endings of files, without a dot.
    pub formats: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// For those who know the tool well.
    pub advanced: bool,
    /// Not for people.
    pub hidden: bool,
    /// The default stands for a program, not for data.
    pub executable: bool,
    /// Given alone, without a value, it is true.
    pub flag: bool,
    /// Its place on the command line.
    pub position: Option<u32>,
}

impl ToolItem {
    /// `algorithm:signal_to_noise`, as the tool writes it.
    #[must_use]
    pub fn shown(&self) -> String {
        excerpt(&self.path.join(":"))
    }
}

/// A section that says something about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSection {
    /// The names of those that it is in, and its own.
    pub path: Vec<String>,
    /// For people.
    pub description: String,
}

/// What is found in sections.
#[derive(Default)]
pub(super) struct Found {
    pub items: Vec<ToolItem>,
    pub sections: Vec<ToolSection>,
    pub notes: Vec<String>,
}

impl Found {
    /// Takes what lies in a section.
    pub fn take(&mut self, section: &Element, path: &[String]) -> Result<(), ToolError> {
        if path.len() > DEEPEST {
            return Err(ToolError::at(
                section.line,
                format!("sections lie deeper than {DEEPEST} in each other"),
            ));
        }
        for element in &section.children {
            if !matches!(element.name.as_str(), "NODE" | "ITEM" | "ITEMLIST") {
                continue;
            }
            let mut path = path.to_vec();
            path.push(name_of(element)?);
            if element.name == "NODE" {
                let description = plain(element.attribute("description").unwrap_or_default());
                if !description.is_empty() {
                    self.sections.push(ToolSection { path: path.clone(), description });
                }
                self.take(element, &path)?;
            } else {
                self.item(element, path)?;
            }
        }
        Ok(())
    }

    fn item(&mut self, element: &Element, path: Vec<String>) -> Result<(), ToolError> {
        if self.items.len() >= MOST_ITEMS {
            return Err(ToolError::at(element.line, format!("it has more than {MOST_ITEMS} parameters")));
        }
        let list = element.name == "ITEMLIST";
        let tags = Tags(element.attribute("tags").unwrap_or_default());
        let restrictions = element.attribute("restrictions").unwrap_or_default();
        let (kind, length) = kind_of(element, &tags, restrictions)?;
        let default = default_of(element, length)?;
        let formats = element.attribute("supported_formats");
        let formats = formats.or_else(|| Some(restrictions).filter(|_| kind.is_file())).unwrap_or_default();
        let flag = |name: &str| matches!(element.attribute(name), Some("true" | "1"));
        let mut item = ToolItem {
            path,
            kind,
            list: list || length.is_some(),
            length,
            title: None,
            description: plain(element.attribute("description").unwrap_or_default()),
            default,
            choice: Choice::Any,
            formats: Vec::new(),
            required: flag("required") || tags.has("required"),
            advanced: flag("advanced") || tags.has("advanced"),
            hidden: tags.has("internal") || tags.has("hidden"),
            executable: tags.has("is_executable") || tags.has("skipexists"),
            flag: kind == ItemKind::Boolean && element.attribute("type") != Some("string"),
            position: element.attribute("position").and_then(|text| text.trim().parse().ok()),
        };
        item.executable |= item.path.last().is_some_and(|name| name.ends_with("executable"));
        item.formats = self.formats(&item, formats);
        if !kind.is_file() {
            item.choice = self.choice(&item, restrictions);
        }
        if self.items.iter().any(|other| other.path == item.path) {
            return Err(ToolError::at(element.line, format!("`{}` is there twice", item.shown())));
        }
        self.items.push(item);
        Ok(())
    }

    fn formats(&mut self, item: &ToolItem, text: &str) -> Vec<String> {
        let mut formats: Vec<String> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let ending = part.trim_start_matches('*').trim_start_matches('.').trim_start();
            if part == "*" || part == "*.*" {
                return Vec::new();
            }
            if !crate::pipeline::name::is_format(ending) {
                self.notes.push(format!("`{}`: `{}` is no ending of files", item.shown(), excerpt(part)));
            } else if !formats.iter().any(|known| known == ending) {
                formats.push(ending.to_owned());
            }
        }
        formats
    }

    fn choice(&mut self, item: &ToolItem, text: &str) -> Choice {
        if text.is_empty() {
            return Choice::Any;
        }
        if item.kind == ItemKind::Text {
            let mut choices: Vec<String> = Vec::new();
            for choice in text.split(',').map(str::trim).filter(|choice| !choice.is_empty()) {
                if !choices.iter().any(|known| known == choice) {
                    choices.push(choice.to_owned());
                }
            }
            self.widen(item, &mut choices);
            return Choice::Of(choices);
        }
        if item.kind == ItemKind::Boolean {
            return Choice::Any;
        }
        let bound = |text: &str| -> Option<Option<Number>> {
            let text = text.trim();
            if text.is_empty() { Some(None) } else { number(text).map(Some) }
        };
        let range = text.split_once(':').and_then(|(from, to)| Some((bound(from)?, bound(to)?)));
        let Some((from, to)) = range else {
            let message =
                format!("`{}`: its restriction `{}` is none of numbers", item.shown(), excerpt(text));
            self.notes.push(message);
            return Choice::Any;
        };
        self.range(item, from, to)
    }

    /// A default that is none of the choices: nothing is what "not given" is called; anything else is told.
    fn widen(&mut self, item: &ToolItem, choices: &mut Vec<String>) {
        if item.default.is_empty() && !item.list && !item.required {
            choices.insert(0, String::new());
        }
        for value in &item.default {
            if !choices.contains(value) {
                let (value, shown) = (value.clone(), excerpt(value));
                if !value.is_empty() {
                    let message =
                        format!("`{}`: its own default `{shown}` is none of its choices", item.shown());
                    self.notes.push(format!("{message}, and is one now"));
                }
                choices.insert(0, value);
            }
        }
    }

    fn range(&mut self, item: &ToolItem, from: Option<Number>, to: Option<Number>) -> Choice {
        let value = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
        let (low, high) = (value(&from), value(&to));
        if low.zip(high).is_some_and(|(low, high)| low > high) {
            self.notes
                .push(format!("`{}`: its smallest value is above its largest; neither counts", item.shown()));
            return Choice::Any;
        }
        let defaults = || item.default.iter().filter_map(|text| text.trim().parse::<f64>().ok());
        let below = low.is_some_and(|low| defaults().any(|default| default < low));
        let above = high.is_some_and(|high| defaults().any(|default| default > high));
        if below || above {
            self.notes.push(format!(
                "`{}`: its own default is outside of its range; the {} does not count",
                item.shown(),
                if below { "smallest value" } else { "largest value" }
            ));
        }
        Choice::Range(from.filter(|_| !below), to.filter(|_| !above))
    }
}

/// `input file,required`, as old descriptions have it.
struct Tags<'a>(&'a str);

impl Tags<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.split(',').any(|tag| tag.trim() == name)
    }
}

fn kind_of(
    element: &Element,
    tags: &Tags<'_>,
    restrictions: &str,
) -> Result<(ItemKind, Option<usize>), ToolError> {
    let kind = match element.attribute("type").unwrap_or("string").trim() {
        "int" | "integer" | "long" => (ItemKind::Integer, None),
        "double" | "float" => (ItemKind::Number, None),
        "bool" | "boolean" => (ItemKind::Boolean, None),
        "int-pair" => (ItemKind::Integer, Some(2)),
        "double-pair" => (ItemKind::Number, Some(2)),
        "input-file" => (ItemKind::Input, None),
        "input-prefix" => (ItemKind::InputPrefix, None),
        "output-file" => (ItemKind::Output, None),
        "output-prefix" | "output-dir" => (ItemKind::OutputPrefix, None),
        "string" if tags.has("input file") => (ItemKind::Input, None),
        "string" if tags.has("output file") => (ItemKind::Output, None),
        "string" if tags.has("output prefix") => (ItemKind::OutputPrefix, None),
        "string" if is_truth(restrictions) && element.name == "ITEM" => (ItemKind::Boolean, None),
        "string" => (ItemKind::Text, None),
        other => {
            let name = excerpt(element.attribute("name").unwrap_or_default());
            return Err(ToolError::at(
                element.line,
                format!("`{name}` is of the unknown type `{}`", excerpt(other)),
            ));
        }
    };
    Ok(kind)
}

fn is_truth(restrictions: &str) -> bool {
    matches!(restrictions.trim(), "true,false" | "false,true")
}

fn default_of(element: &Element, length: Option<usize>) -> Result<Vec<String>, ToolError> {
    let values: Vec<String> = if element.name == "ITEMLIST" {
        let items = element.children.iter().filter(|child| child.name == "LISTITEM");
        items.map(|item| item.attribute("value").unwrap_or_default().to_owned()).collect()
    } else {
        let value = element.attribute("value");
        match length {
            Some(_) => value
                .unwrap_or_default()
                .split([',', ':', ' '])
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            None => value.map(str::to_owned).into_iter().collect(),
        }
    };
    if let Some(value) = values.iter().find(|value| value.contains(char::is_control)) {
        let message = format!("the value `{}` holds a control character", excerpt(value));
        return Err(ToolError::at(element.line, message));
    }
    Ok(values)
}

/// The name of a section or of an item.
pub(super) fn name_of(element: &Element) -> Result<String, ToolError> {
    let name = element.attribute("name").unwrap_or_default();
    let wrong = if name.is_empty() {
        "has no name"
    } else if name.len() > LONGEST_NAME {
        "has a name of more than 200 bytes"
    } else if name.contains(crate::text::is_unseen) {
        "has a name with characters that cannot be seen"
    } else {
        return Ok(name.to_owned());
    };
    Err(ToolError::at(element.line, format!("`<{}>` {wrong}", excerpt(&element.name))))
}

/// A description as a paragraph: what steers a terminal or cannot be seen is left out, an end of a line is a space.
pub(super) fn plain(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let seen: String = spaced.chars().filter(|c| !crate::text::steers(*c)).collect();
    let mut words = seen.split(' ').filter(|word| !word.is_empty()).peekable();
    let mut plain = String::with_capacity(seen.len());
    while let Some(word) = words.next() {
        plain.push_str(word);
        if words.peek().is_some() {
            plain.push(' ');
        }
    }
    plain
}
