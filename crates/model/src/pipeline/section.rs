//! One object of a spec while it is read: its fields by their proper names, and the mistakes that were found.

use std::collections::BTreeMap;

use super::document::{Member, Node, NodeValue, SpecFormat};
use super::fast_flow;
use super::fields::{Field, LIMITS, SPEC};
use super::mistake::Mistake;
use crate::place::Position;
use crate::text::{excerpt, meant};

/// How many mistakes are told; of the others, how many there are.
pub(super) const MOST_MISTAKES: usize = 200;

/// What is noticed while a spec is read.
#[derive(Debug)]
pub(super) struct Notes {
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
    /// Mistakes in Rigi's own fields within what is forgiven.
    firm: Vec<Mistake>,
    /// While a field of Fast-Flow is read in its format, which is JSON: what it passes or drops is a warning there,
    /// not a mistake.
    pub lenient: bool,
    /// Names that nobody knows have no effect in Fast-Flow's objects, as there.
    pub passes_unknown: bool,
}

impl Notes {
    pub(super) fn new(format: SpecFormat) -> Self {
        Self {
            mistakes: Vec::new(),
            warnings: Vec::new(),
            firm: Vec::new(),
            lenient: format == SpecFormat::Json,
            passes_unknown: false,
        }
    }

    pub(super) fn wrong(&mut self, at: Position, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    pub(super) fn wrong_with(&mut self, at: Position, message: impl Into<String>, cure: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message).with_cure(cure));
    }

    pub(super) fn warn(&mut self, at: Position, message: impl Into<String>) {
        self.warnings.push(Mistake::new(at, message));
    }

    /// Every mistake, and every warning.
    pub(super) fn finish(mut self) -> (Vec<Mistake>, Vec<Mistake>) {
        self.mistakes.append(&mut self.firm);
        (self.mistakes, self.warnings)
    }

    /// Reads one of Rigi's own fields within Fast-Flow's: a mistake in it is one.
    pub(super) fn hold<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.mistakes.len();
        let value = read(self);
        self.firm.extend(self.mistakes.drain(known..));
        value
    }

    /// Reads what Fast-Flow would pass or drop, whatever is wrong with it: that is left out, with a warning.
    pub(super) fn forgive<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.mistakes.len();
        let value = read(self);
        let forgiven = self.mistakes.split_off(known).into_iter();
        let left_out =
            |mistake: Mistake| Mistake { message: format!("{}; it is left out", mistake.message), ..mistake };
        self.warnings.extend(forgiven.map(left_out));
        value
    }

    /// A mistake, or in Fast-Flow's format a warning with what is done instead. An empty cure is none.
    pub(super) fn tolerate(&mut self, at: Position, message: &str, instead: &str, cure: &str) {
        let cure = Some(cure).filter(|cure| !cure.is_empty()).map(str::to_owned);
        if self.lenient {
            self.warnings.push(Mistake { cure, ..Mistake::new(at, format!("{message}; {instead}")) });
        } else {
            self.mistakes.push(Mistake { cure, ..Mistake::new(at, message) });
        }
    }
}

/// A value that was found in a spec, with the path by which people know it (`limits.memory`).
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    pub path: String,
    pub key_at: Position,
    pub node: &'a Node,
    /// One of Fast-Flow's fields.
    pub fast_flow: bool,
}

impl<'a> Found<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self { path: String::new(), key_at: node.at, node, fast_flow: false }
    }

    /// A member of this map.
    pub(super) fn child(&self, member: &'a Member) -> Self {
        let key = excerpt(&member.key);
        let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
        Self { path, key_at: member.key_at, node: &member.node, fast_flow: false }
    }

    /// An item of this list.
    pub(super) fn item(&self, index: usize, node: &'a Node) -> Self {
        Self { path: format!("{}[{index}]", self.path), key_at: node.at, node, fast_flow: false }
    }

    /// Notes that the value is not what it must be: "`timeout` is a list and must be …".
    pub(super) fn must_be(&self, expected: &str, notes: &mut Notes) {
        notes.wrong(
            self.node.at,
            format!("{} is {} and must be {expected}", self.name(), self.node.describe()),
        );
    }

    /// The path in backquotes, or "the spec".
    pub(super) fn name(&self) -> String {
        if self.path.is_empty() { "the spec".to_owned() } else { format!("`{}`", self.path) }
    }

    /// The members of this map.
    pub(super) fn members(&self, notes: &mut Notes) -> Option<&'a [Member]> {
        match &self.node.value {
            NodeValue::Map(members) => Some(members),
            _ => {
                self.must_be("a map of names and values", notes);
                None
            }
        }
    }

    /// The items of a list that may have at most so many.
    pub(super) fn few_items(&self, most: usize, notes: &mut Notes) -> Option<Vec<Self>> {
        let mut items = self.items(notes)?;
        if items.len() > most {
            let message = format!("{} has {} entries and may have at most {most}", self.name(), items.len());
            notes.tolerate(self.node.at, &message, "the others are left out", "");
            items.truncate(most);
        }
        Some(items)
    }

    /// The items of this list.
    pub(super) fn items(&self, notes: &mut Notes) -> Option<Vec<Self>> {
        match &self.node.value {
            NodeValue::List(items) => {
                Some(items.iter().enumerate().map(|(index, item)| self.item(index, item)).collect())
            }
            _ => {
                self.must_be("a list", notes);
                None
            }
        }
    }
}

/// An object whose fields are known.
pub(super) struct Section<'a> {
    fields: &'static [Field],
    found: BTreeMap<&'static str, Found<'a>>,
    /// Where it begins.
    pub at: Position,
}

impl<'a> Section<'a> {
    /// Sorts an object's members by the table; unknown names and two names of the same field are mistakes.
    pub(super) fn open(object: &Found<'a>, fields: &'static [Field], notes: &mut Notes) -> Option<Self> {
        let members = object.members(notes)?;
        let mut section = Self { fields, found: BTreeMap::new(), at: object.key_at };
        // Fast-Flow passes over what it does not know.
        let lenient = notes.lenient && fast_flow::is_object(&object.path);
        let passes = lenient && notes.passes_unknown;
        for member in members {
            let mut child = object.child(member);
            child.fast_flow = lenient && fast_flow::knows(&object.path, &member.key);
            match fields.iter().find(|field| field.names().any(|name| name == member.key)) {
                Some(field) => section.insert(field, member, child, notes),
                None if is_comment(&member.key, notes.lenient) => {}
                // A nearest name for the ten-thousandth helps nobody and takes its time.
                None if passes && notes.warnings.len() > MOST_MISTAKES => {
                    notes.warn(member.key_at, "unknown field")
                }
                None if passes => {
                    let Mistake { message, .. } = unknown(object, member, fields);
                    notes.warn(member.key_at, format!("{message}; it has no effect"));
                }
                None if notes.mistakes.len() > MOST_MISTAKES => notes.wrong(member.key_at, "unknown field"),
                None => notes.mistakes.push(unknown(object, member, fields)),
            }
        }
        Some(section)
    }

    fn insert(&mut self, field: &'static Field, member: &Member, child: Found<'a>, notes: &mut Notes) {
        if let Some(first) = self.found.get(field.name) {
            let message =
                format!("`{}` and {} at {} are the same field", child.path, first.name(), first.key_at);
            notes.wrong_with(member.key_at, message, "Keep one of them.");
        } else if !child.node.is_null() {
            // A field without a value is a field that is not there.
            self.found.insert(field.name, child);
        }
    }

    /// A field by its proper name.
    pub(super) fn get(&self, name: &str) -> Option<&Found<'a>> {
        debug_assert!(self.fields.iter().any(|field| field.name == name), "`{name}` is not in the table");
        self.found.get(name)
    }

    /// Reads a field, if it is there, by one of the readers of `Found`. What is wrong with one of Fast-Flow's, in its
    /// own format, is left out with a warning.
    pub(super) fn read<T>(
        &self,
        name: &str,
        notes: &mut Notes,
        reader: impl FnOnce(&Found<'a>, &mut Notes) -> Option<T>,
    ) -> Option<T> {
        let found = self.get(name)?;
        let outer = std::mem::replace(&mut notes.lenient, found.fast_flow);
        let value = match found.fast_flow {
            true => notes.forgive(|notes| reader(found, notes)),
            false if outer => notes.hold(|notes| reader(found, notes)),
            false => reader(found, notes),
        };
        notes.lenient = outer;
        value
    }
}

/// Two ways to say the same thing were used at once.
pub(super) fn refuse_both(first: &Found<'_>, second: &Found<'_>, notes: &mut Notes) {
    let (first, second) = if first.key_at <= second.key_at { (first, second) } else { (second, first) };
    let message = format!("{} and {} at {} say the same thing", second.name(), first.name(), first.key_at);
    notes.wrong_with(second.key_at, message, "Keep one of them.");
}

/// Names that Rigi leaves to editors and people. JSON has no comments, so that people write them as fields.
fn is_comment(key: &str, is_json: bool) -> bool {
    key == "$schema" || key == "$comment" || key.starts_with("x-") || is_json && key.starts_with(['_', '/'])
}

fn unknown(object: &Found<'_>, member: &Member, fields: &'static [Field]) -> Mistake {
    let path = object.child(member).path;
    let names = fields.iter().flat_map(Field::names);
    let mistake = |end: String| Mistake::new(member.key_at, format!("`{path}`: there is no such field{end}"));
    if let Some(name) = meant(&member.key, names) {
        return mistake(format!("; the nearest is `{name}`"));
    }
    if object.path.is_empty() && LIMITS.iter().any(|field| field.name == member.key) {
        return mistake(format!(" here; it is `limits.{}`", member.key));
    }
    if !object.path.is_empty() && SPEC.iter().any(|field| field.name == member.key) {
        return mistake(" here; it stands at the top of a spec".to_owned());
    }
    if fields.len() <= 8 {
        let names = crate::text::list_choices(fields.iter().map(|field| field.name));
        return mistake(format!("; {} has {names}", object.name()));
    }
    mistake(String::new()).with_cure("Remove it, or let its name begin with `x-`.")
}
