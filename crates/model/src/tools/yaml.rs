//! Writes YAML that people read and change: blocks, and words without quotes where they need none.

use std::fmt::Write as _;

use serde_json::Value;

/// The longest list that stands on one line.
const LONGEST_LINE: usize = 100;

/// A map as a document.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let Value::Object(members) = value else { return };
    for (key, value) in members {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:1$}{2}:", "", depth * 2, scalar_text(key));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                block(value, depth + 1, text);
            }
            Value::Array(items) if !items.is_empty() => list(items, depth, text),
            other => {
                text.push(' ');
                text.push_str(&flow(other));
                text.push('\n');
            }
        }
    }
}

fn list(items: &[Value], depth: usize, text: &mut String) {
    let short = flow(&Value::Array(items.to_vec()));
    if short.chars().count() <= LONGEST_LINE {
        let _ = writeln!(text, " {short}");
        return;
    }
    text.push('\n');
    for item in items {
        let _ = writeln!(text, "{:1$}- {2}", "", depth * 2 + 2, flow(item));
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{}: {}", scalar_text(key), flow(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text, in quotes wherever it could be taken for anything else.
fn scalar_text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let means_more = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    if begins && text.chars().all(plain) && !text.ends_with(' ') && !means_more {
        return text.to_owned();
    }
    // A text of JSON is one of YAML, but for what YAML does not let stand.
    let quoted = Value::from(text).to_string();
    let mut safe = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        match u32::from(character) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff | 0xfffe | 0xffff) => {
                let _ = write!(safe, "\\u{code:04x}");
            }
            _ => safe.push(character),
        }
    }
    safe
}
