//! How entities are written: ids, references, times.

use rigi_api::percent;
use rigi_model::Timestamp;
use serde_json::{Value, json};

/// A path of the crate as an id: what has a meaning in addresses is escaped.
pub(super) fn id_of(path: &str) -> String {
    let segments: Vec<String> = path.split('/').map(percent).collect();
    segments.join("/")
}

/// A reference to an entity.
pub(super) fn refer(id: &str) -> Value {
    json!({"@id": id})
}

/// References to entities.
pub(super) fn refer_all<T: AsRef<str>>(ids: &[T]) -> Value {
    Value::Array(ids.iter().map(|id| refer(id.as_ref())).collect())
}

/// Whether a property says nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// `2026-11-30T12:04:09.123+00:00`: as the profiles want it.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+00:00", text.get(..23).unwrap_or_default())
}

/// `2026-11-30`.
pub(super) fn date(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_addresses_and_times_are_of_the_profiles_form() {
        assert_eq!(id_of("outputs/a b/räume.csv"), "outputs/a%20b/r%C3%A4ume.csv");
        let at = Timestamp(1_796_040_249_123_456);
        assert_eq!((time(at).as_str(), date(at).as_str()), ("2026-11-30T12:04:09.123+00:00", "2026-11-30"));
    }
}
