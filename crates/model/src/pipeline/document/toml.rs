//! TOML, by the `toml` crate, which names every mistake at once.

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::mistake::Mistake;
use super::lines::Lines;
use super::{DEEPEST_NESTING, Document, Member, Members, Node, NodeValue, not_finite, too_deep};
use crate::place::Position;
use crate::text::excerpt;

pub(super) fn read(text: &str) -> Document {
    let lines = Lines::new(text);
    if let Some(offset) = find_depth(text) {
        return Document::broken(too_deep(lines.position(offset)));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Document {
            root: None,
            mistakes: errors.iter().map(|error| explain(text, &lines, error)).collect(),
            repeated: Vec::new(),
        };
    }
    let mut reader = Reader { lines, mistakes: Vec::new() };
    let value = reader.table(table.get_ref(), 1);
    Document {
        root: Some(Node { value, at: Position::START }),
        mistakes: reader.mistakes,
        repeated: Vec::new(),
    }
}

/// The offset of the first key with too many parts (`a.a.a…`): each is a table within a table, for which the
/// parser has no limit of its own. Brackets it counts itself.
fn find_depth(text: &str) -> Option<usize> {
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let dots = line.bytes().filter(|byte| *byte == b'.').count();
        // A line of prose within a text may have as many dots, but then not as a key.
        if dots >= DEEPEST_NESTING && has_deep_key(line) {
            return Some(line_start);
        }
        line_start += line.len();
    }
    None
}

/// Whether parts of a key with dots between them follow on one another too often. Two words without a dot
/// between them are prose.
fn has_deep_key(line: &str) -> bool {
    let (mut dots, mut before) = (0_usize, Before::Nothing);
    for byte in line.bytes() {
        before = match (byte, before) {
            (b' ' | b'\t', Before::Part) => Before::Space,
            (b' ' | b'\t', other) => other,
            (b'.', Before::Part | Before::Space) => {
                dots += 1;
                Before::Dot
            }
            (
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'"' | b'\'',
                Before::Part | Before::Dot,
            ) => Before::Part,
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'"' | b'\'', _) => {
                dots = 0;
                Before::Part
            }
            _ => {
                dots = 0;
                Before::Nothing
            }
        };
        if dots >= DEEPEST_NESTING {
            return true;
        }
    }
    false
}

#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Part,
    Space,
    Dot,
}

fn explain(text: &str, lines: &Lines<'_>, error: &toml::de::Error) -> Mistake {
    let at = error.span().map_or(Position::START, |span| lines.position(span.start));
    let message = error.message().lines().next().unwrap_or("syntax error");
    // The crate has no kinds of errors; the wording is all that hangs on this.
    if message.contains("duplicate key") {
        let key = error.span().and_then(|span| text.get(span)).unwrap_or_default();
        let message = format!("`{}` stands here twice", excerpt(key));
        return Mistake::new(at, message).with_cure("Keep one of them.");
    }
    Mistake::new(at, format!("this is not TOML: {message}"))
}

struct Reader<'a> {
    lines: Lines<'a>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> NodeValue {
        let mut members = Members::default();
        for (key, value) in table {
            let key_at = self.lines.position(key.span().start);
            let member = Member { key: key.get_ref().to_string(), key_at, node: self.convert(value, depth) };
            members.add(member, &mut self.mistakes);
        }
        NodeValue::Map(members.list)
    }

    fn convert(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Node {
        let at = self.lines.position(value.span().start);
        if depth > DEEPEST_NESTING {
            self.mistakes.push(too_deep(at));
            return Node { value: NodeValue::Null, at };
        }
        let value = match value.get_ref() {
            DeValue::String(text) => NodeValue::Text(text.to_string()),
            DeValue::Boolean(value) => NodeValue::Bool(*value),
            DeValue::Datetime(time) => NodeValue::Text(time.to_string()),
            DeValue::Integer(integer) => self.integer(integer.as_str(), integer.radix(), at),
            DeValue::Float(float) => self.float(float.as_str(), at),
            DeValue::Array(items) => {
                NodeValue::List(items.iter().map(|item| self.convert(item, depth + 1)).collect())
            }
            DeValue::Table(table) => self.table(table, depth + 1),
        };
        Node { value, at }
    }

    fn integer(&mut self, text: &str, radix: u32, at: Position) -> NodeValue {
        let number = i64::from_str_radix(text, radix)
            .map(Number::from)
            .or_else(|_| u64::from_str_radix(text, radix).map(Number::from));
        if let Ok(number) = number {
            let text = if radix == 10 { text.to_owned() } else { number.to_string() };
            return NodeValue::Number(number, text);
        }
        self.mistakes.push(Mistake::new(at, format!("the number {} has more than 64 bits", excerpt(text))));
        NodeValue::Null
    }

    fn float(&mut self, text: &str, at: Position) -> NodeValue {
        match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => NodeValue::Number(number, text.to_owned()),
            None => {
                self.mistakes.push(not_finite(at, text));
                NodeValue::Null
            }
        }
    }
}
