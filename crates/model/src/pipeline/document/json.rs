//! JSON: `jsonc-parser` tells where everything stands, `serde_json` has the last word on whether it is JSON.

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;
use serde_json::Number;

use super::super::mistake::Mistake;
use super::lines::Lines;
use super::{DEEPEST_NESTING, Document, Member, Members, Node, NodeValue, too_deep};
use crate::place::Position;
use crate::text::excerpt;

/// Nothing beyond RFC 8259.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn read(text: &str) -> Document {
    let lines = Lines::new(text);
    if let Some(offset) = find_depth(text) {
        return Document::broken(too_deep(lines.position(offset)));
    }
    if text.trim().is_empty() {
        return Document::broken(
            Mistake::new(Position::START, "the file is empty").with_cure("Write at least `{}`."),
        );
    }
    let parsed = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(parsed) => parsed,
        Err(error) => return Document::broken(explain(&lines, &error)),
    };
    // What the first parser lets pass, such as a line break within a text.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let at = lines.position(lines.offset(error.line(), error.column()));
        let whole = error.to_string();
        // The place is said by itself; serde_json has no accessor for the message alone.
        let message = whole.split(" at line ").next().unwrap_or(&whole);
        return Document::broken(Mistake::new(at, format!("this is not JSON: {message}")));
    }
    let mut reader = Reader { lines, mistakes: Vec::new(), repeated: Vec::new() };
    let root = parsed.value.as_ref().map(|value| reader.convert(value));
    Document { root, mistakes: reader.mistakes, repeated: reader.repeated }
}

/// The offset of the first bracket that nests too deep. Looked for before parsing: parsers recurse.
fn find_depth(text: &str) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > DEEPEST_NESTING {
                    return Some(offset);
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn explain(lines: &Lines<'_>, error: &ParseError) -> Mistake {
    let at = lines.position(error.range().start);
    let message = error.kind().to_string();
    let mut rest = message.chars();
    let first = rest.next().into_iter().flat_map(char::to_lowercase);
    let message: String = first.chain(rest).collect();
    let mistake = Mistake::new(at, format!("this is not JSON: {message}"));
    match error.kind() {
        ParseErrorKind::CommentsNotAllowed => mistake.with_cure("Use `pipeline.yaml` to have comments."),
        ParseErrorKind::TrailingCommasNotAllowed => mistake.with_cure("Remove the last comma."),
        _ => mistake,
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    mistakes: Vec<Mistake>,
    repeated: Vec<Mistake>,
}

impl Reader<'_> {
    fn convert(&mut self, value: &Value<'_>) -> Node {
        let start = |range: &jsonc_parser::common::Range| range.start;
        let (offset, value) = match value {
            Value::NullKeyword(null) => (start(&null.range), NodeValue::Null),
            Value::BooleanLit(bool) => (start(&bool.range), NodeValue::Bool(bool.value)),
            Value::StringLit(text) => (start(&text.range), NodeValue::Text(text.value.to_string())),
            Value::NumberLit(number) => (start(&number.range), self.number(number.value, number.range.start)),
            Value::Array(array) => {
                let items = array.elements.iter().map(|item| self.convert(item)).collect();
                (start(&array.range), NodeValue::List(items))
            }
            Value::Object(object) => {
                let mut members = Members::default();
                for property in &object.properties {
                    let key = match &property.name {
                        ObjectPropName::String(text) => text.value.to_string(),
                        ObjectPropName::Word(word) => word.value.to_owned(),
                    };
                    let key_at = self.lines.position(property.range.start);
                    let node = self.convert(&property.value);
                    members.replace(Member { key, key_at, node }, &mut self.repeated);
                }
                (start(&object.range), NodeValue::Map(members.list))
            }
        };
        Node { value, at: self.lines.position(offset) }
    }

    fn number(&mut self, text: &str, offset: usize) -> NodeValue {
        // Cannot fail on what serde_json has accepted as a whole.
        serde_json::from_str::<Number>(text).map_or_else(
            |_| {
                let at = self.lines.position(offset);
                self.mistakes.push(Mistake::new(at, format!("`{}` is not a number", excerpt(text))));
                NodeValue::Null
            },
            |number| NodeValue::Number(number, text.to_owned()),
        )
    }
}
