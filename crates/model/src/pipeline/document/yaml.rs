//! YAML 1.2, core schema, from the parser's events. The tree is built without recursion, aliases are counted.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::super::mistake::Mistake;
use super::lines::clamp;
use super::yaml_scalar::{Scalar, resolve};
use super::{DEEPEST_NESTING, Document, Member, Members, Node, NodeValue, not_finite, too_deep};
use crate::place::Position;
use crate::text::excerpt;

/// How much aliases may add to a document, in values (and 32 bytes of text count as one more): enough for every
/// honest use, and nothing of the billion that nine lines can ask for.
const MOST_COPIED: usize = 50_000;

pub(super) fn read(text: &str) -> Document {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, place(span.start)),
            // The parser has a limit of its own for brackets, and no kinds of errors.
            Err(error) if error.info().starts_with("recursion limit") => {
                Err(too_deep(place(*error.marker())))
            }
            Err(error) => {
                let message = format!("this is not YAML: {}", error.info());
                Err(Mistake::new(within(text, place(*error.marker())), message))
            }
        };
        if let Err(mistake) = step {
            builder.mistakes.push(mistake);
            return Document { root: None, mistakes: builder.mistakes, repeated: Vec::new() };
        }
    }
    let root = builder.root.unwrap_or(Node { value: NodeValue::Null, at: Position::START });
    Document { root: Some(root), mistakes: builder.mistakes, repeated: Vec::new() }
}

fn place(marker: Marker) -> Position {
    Position { line: clamp(marker.line()).max(1), column: clamp(marker.col() + 1) }
}

/// To the parser a text without a last line break ends on a line that nobody sees.
fn within(text: &str, place: Position) -> Position {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    let (line, column) = (lines.len(), lines.last().map_or(0, |last| last.chars().count()) + 1);
    place.min(Position { line: clamp(line), column: clamp(column) })
}

/// A list or map that is being read.
struct Open {
    at: Position,
    anchor: usize,
    /// How deep what lies in it goes, so that an alias cannot nest without limit.
    height: usize,
    weight: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { members: Members, key: Option<(String, Position)> },
}

/// A finished value that aliases may repeat.
struct Anchored {
    node: Node,
    height: usize,
    weight: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copied: usize,
    documents: usize,
    root: Option<Node>,
    mistakes: Vec<Mistake>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Mistake> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let cure = "Remove the `---` and what follows, or make it a pipeline of its own.";
                    return Err(
                        Mistake::new(at, "a second document begins here; a spec is one").with_cure(cure)
                    );
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), at);
                return self.add(value, at, anchor, style == ScalarStyle::Plain, &text);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag, "seq", at);
                self.start(at, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag, "map", at);
                self.start(at, anchor, Content::Map { members: Members::default(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(),
            Event::Alias(id) => self.repeat(id, at)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn start(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Mistake> {
        if self.open.len() >= DEEPEST_NESTING {
            return Err(too_deep(at));
        }
        if self.awaits_key() {
            let message = "a list or a map cannot be a key";
            return Err(Mistake::new(at, message).with_cure("Quote it, if it is meant as text."));
        }
        self.open.push(Open { at, anchor, height: 1, weight: 1, content });
        Ok(())
    }

    fn finish(&mut self) {
        let Some(done) = self.open.pop() else { return };
        let value = match done.content {
            Content::List(items) => NodeValue::List(items),
            Content::Map { members, .. } => NodeValue::Map(members.list),
        };
        let node = Node { value, at: done.at };
        if done.anchor > 0 {
            let anchored = Anchored { node: node.clone(), height: done.height, weight: done.weight };
            self.anchors.insert(done.anchor, anchored);
        }
        self.put(node, done.height, done.weight);
    }

    fn add(
        &mut self,
        value: NodeValue,
        at: Position,
        anchor: usize,
        plain: bool,
        text: &str,
    ) -> Result<(), Mistake> {
        if self.awaits_key() {
            if plain && text == "<<" {
                let cure = "Repeat the fields; an alias (`*name`) may stand for a whole value.";
                return Err(Mistake::new(at, "`<<` does not merge in YAML 1.2").with_cure(cure));
            }
            self.set_key(text.to_owned(), at);
            return Ok(());
        }
        let weight = 1 + text.len() / 32;
        let node = Node { value, at };
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), height: 0, weight });
        }
        self.put(node, 0, weight);
        Ok(())
    }

    fn repeat(&mut self, id: usize, at: Position) -> Result<(), Mistake> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Mistake::new(at, "this alias lies within what it stands for").with_cure("Remove it."));
        };
        self.copied += anchored.weight;
        if self.copied > MOST_COPIED {
            let message = "the aliases of this spec stand for too much to be honest";
            return Err(Mistake::new(at, message).with_cure("Use fewer of them."));
        }
        if self.open.len() + anchored.height > DEEPEST_NESTING {
            return Err(too_deep(at));
        }
        if self.awaits_key() {
            return Err(Mistake::new(at, "an alias cannot be a key").with_cure("Write the key out."));
        }
        let (mut node, height, weight) = (anchored.node.clone(), anchored.height, anchored.weight);
        node.at = at;
        self.put(node, height, weight);
        Ok(())
    }

    /// Puts a finished value into what is open, or makes it the root.
    fn put(&mut self, node: Node, height: usize, weight: usize) {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        open.height = open.height.max(height + 1);
        open.weight += weight;
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { members, key } => {
                if let Some((key, key_at)) = key.take() {
                    members.add(Member { key, key_at, node }, &mut self.mistakes);
                }
            }
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn set_key(&mut self, text: String, at: Position) {
        if let Some(Open { content: Content::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((text, at));
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> NodeValue {
        let tag = tag.and_then(|tag| self.core_tag(tag, at));
        match resolve(text, style == ScalarStyle::Plain, tag.as_deref()) {
            Scalar::Value(value) => value,
            Scalar::NotFinite => {
                self.mistakes.push(not_finite(at, text));
                NodeValue::Null
            }
            Scalar::NotOfTag => {
                let tag = tag.unwrap_or_default();
                self.mistakes
                    .push(Mistake::new(at, format!("`{}` is not what `!!{tag}` says", excerpt(text))));
                NodeValue::Null
            }
        }
    }

    /// The tag's name if it is one of the core schema; any other is a mistake.
    fn core_tag(&mut self, tag: &Tag, at: Position) -> Option<String> {
        let known = tag.is_yaml_core_schema()
            && matches!(tag.suffix.as_str(), "str" | "int" | "float" | "bool" | "null" | "seq" | "map");
        if known
            || (tag.handle.is_empty() && tag.suffix == "!")
            || (tag.handle == "!" && tag.suffix.is_empty())
        {
            return Some(if known { tag.suffix.clone() } else { "str".to_owned() });
        }
        let message = format!("the tag `{}` has no meaning in a spec", excerpt(&tag.to_string()));
        self.mistakes.push(Mistake::new(at, message).with_cure("Remove it."));
        None
    }

    fn refuse_tag(&mut self, tag: Option<Cow<'_, Tag>>, expected: &str, at: Position) {
        let Some(tag) = tag else { return };
        if let Some(name) = self.core_tag(&tag, at)
            && name != expected
        {
            self.mistakes.push(Mistake::new(at, format!("a list or map cannot be `!!{name}`")));
        }
    }
}
