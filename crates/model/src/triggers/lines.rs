//! What a sensor says: each line of its standard output is an event, or where it is to go on next time.

use serde_json::Value;

use crate::hash::hex;
use sha2::{Digest, Sha256};

/// The variable of a sensor's run that says where it goes on: the cursor that it said last.
pub const CURSOR: &str = "RIGI_CURSOR";
/// Bytes of what names an event at most; what is longer is named by its hash.
const LONGEST_ID: usize = 200;
/// Bytes of a cursor at most.
pub const LONGEST_CURSOR: usize = 4096;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// `{"cursor": …}` alone: the next check is given it.
    Cursor(String),
    /// Something has happened.
    Event {
        /// Names it: the same is not done twice.
        id: String,
        /// What is known of it: the object, or `{"text": …}`.
        event: Value,
    },
}

/// Reads a line.
///
/// # Errors
/// A cursor that is too long, in words.
pub fn read_line(line: &str) -> Result<Said, String> {
    let text = line.trim();
    if text.is_empty() {
        return Ok(Said::Nothing);
    }
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else {
        return Ok(Said::Event { id: id_of(text), event: serde_json::json!({"text": text}) });
    };
    if let (1, Some(cursor)) = (object.len(), object.get("cursor")) {
        let cursor = plain(cursor);
        return match cursor.len() {
            0..=LONGEST_CURSOR => Ok(Said::Cursor(cursor)),
            more => Err(format!("a cursor has {more} bytes, and may have {LONGEST_CURSOR}")),
        };
    }
    let id = object.get("id").filter(|id| id.is_string() || id.is_number()).map(plain);
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| text.to_owned());
    Ok(Said::Event { id: id_of(&id), event: Value::Object(object) })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A name that fits into a row, whatever it is made of.
#[must_use]
pub fn id_of(text: &str) -> String {
    if text.len() <= LONGEST_ID && !text.contains(char::is_control) {
        return text.to_owned();
    }
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_events_cursors_or_nothing() {
        let event = |id: &str, event: Value| Ok(Said::Event { id: id.to_owned(), event });
        assert_eq!(read_line("  \t"), Ok(Said::Nothing));
        assert_eq!(read_line("a.csv\r"), event("a.csv", json!({"text": "a.csv"})));
        assert_eq!(read_line(r#"{"id": 7, "n": 1}"#), event("7", json!({"id": 7, "n": 1})));
        assert_eq!(read_line(r#"{"n": 1}"#), event(r#"{"n": 1}"#, json!({"n": 1})));
        assert_eq!(read_line(r#"{"cursor": 12}"#), Ok(Said::Cursor("12".to_owned())));
        assert_eq!(read_line(r#"{"cursor": "x", "id": "a"}"#), event("a", json!({"cursor": "x", "id": "a"})));
        assert_eq!(read_line("[1]"), event("[1]", json!({"text": "[1]"})));
        assert!(read_line(&json!({"cursor": "x".repeat(5000)}).to_string()).is_err());
    }

    #[test]
    fn what_is_long_is_named_by_its_hash() {
        let id = id_of(&"x".repeat(201));
        assert!(id.starts_with("sha256:") && id.len() == 71);
        assert_ne!(id, id_of(&"x".repeat(202)));
        assert_eq!(id_of("näme"), "näme");
        assert!(id_of("a\u{7}").starts_with("sha256:"));
    }
}
