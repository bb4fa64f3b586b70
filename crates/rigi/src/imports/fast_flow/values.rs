//! Values as Fast-Flow stores them, whichever database it has: times without a zone are UTC, ids are UUIDs with dashes or without.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rigi_model::{RunId, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A point in time.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let civil =
        || Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    // PostgreSQL leaves the minutes of a zone out where there are none.
    let short =
        text.len() > 3 && matches!(text.as_bytes()[text.len() - 3], b'+' | b'-') && text.contains(':');
    let zoned = || if short { format!("{text}:00") } else { text.to_owned() }.parse::<jiff::Timestamp>().ok();
    zoned().or_else(civil).map(|at| Timestamp(at.as_microsecond()))
}

/// SQLite has numbers for it.
pub(super) fn truth(text: &str) -> bool {
    matches!(text, "1" | "true" | "t" | "True")
}

/// The bits of a UUID.
pub(super) fn uuid(text: &str) -> Option<u128> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

/// A UUID as people know it.
pub(super) fn shown_uuid(bits: u128) -> String {
    let text = format!("{bits:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// The id of a run here: it sorts by when the run began there, and the same run has the same id each time that it is asked for.
pub(super) fn run_id(uuid: u128, began: Timestamp) -> RunId {
    const LATEST: u64 = (1 << 48) - 1;
    let hash = Sha256::digest([b"fast-flow run ".as_slice(), &uuid.to_be_bytes()].concat());
    let tail = hash.iter().take(10).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let milliseconds = u64::try_from(began.0 / 1000).unwrap_or(0).min(LATEST);
    RunId::from_bits(u128::from(milliseconds) << 80 | tail)
}

/// A JSON object of texts; what is no text is what JSON writes.
pub(super) fn texts(json: &str) -> Option<BTreeMap<String, String>> {
    let Value::Object(members) = serde_json::from_str(json).ok()? else { return None };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(members.into_iter().map(|(name, value)| (name, text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_either_database_writes_them() {
        let at = Some(Timestamp(1_785_564_012_500_000));
        for text in [
            "2026-08-01 06:00:12.500000",
            "2026-08-01T06:00:12.5",
            "2026-08-01 06:00:12.5+00",
            "2026-08-01T08:00:12.5+02:00",
            "2026-08-01T06:00:12.5Z",
        ] {
            assert_eq!(time(text), at, "{text}");
        }
        assert_eq!(time("2026-08-01"), Some(Timestamp(1_785_542_400_000_000)));
        for text in ["", "soon", "2026-13-01 00:00:00", "99999-01-01 00:00:00", "+00"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_is_the_same_each_time_and_sorts_by_the_beginning() {
        let dashed = uuid("69cb2bbe-9789-5d7d-ab1c-0c196d29c190").unwrap();
        assert_eq!(uuid("69cb2bbe97895d7dab1c0c196d29c190"), Some(dashed));
        assert_eq!(shown_uuid(dashed), "69cb2bbe-9789-5d7d-ab1c-0c196d29c190");
        for wrong in ["", "69cb2bbe", "zzcb2bbe97895d7dab1c0c196d29c190", "+9cb2bbe97895d7dab1c0c196d29c190"]
        {
            assert_eq!(uuid(wrong), None, "{wrong}");
        }
        let (early, late) = (Timestamp(1_700_000_000_000_000), Timestamp(1_700_000_001_000_000));
        assert_eq!(run_id(dashed, early), run_id(dashed, early));
        assert!(run_id(dashed, early) < run_id(1, late) && run_id(2, late) != run_id(1, late));
        assert!(run_id(1, Timestamp(-5)) < run_id(1, early));
    }

    #[test]
    fn objects_of_texts_are_read_as_they_are() {
        let read = texts(r#"{"A": "x", "N": 3, "B": true}"#).unwrap();
        assert_eq!(read["A"], "x");
        assert_eq!((&*read["N"], &*read["B"]), ("3", "true"));
        assert!(texts("[]").is_none() && texts("{").is_none() && texts("null").is_none());
    }
}
