use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "start": {"type": "integer", "minimum": 1958, "maximum": 2001, "default": 1990},
            "mode": {"enum": ["fast", "exact"], "default": "fast"},
            "token": {"type": "string", "minLength": 8, "writeOnly": true},
            "station": {"type": "string", "pattern": "^[a-z]{3}$"},
            "day": {"type": "string", "format": "date"},
            "filters": {"type": "object", "properties": {"min": {"type": "number"}}, "required": ["min"]},
            "ratio": {"type": ["number", "null"], "exclusiveMinimum": 0},
            "list": {"type": "array", "items": {"type": "integer"}, "maxItems": 2, "uniqueItems": true},
        },
        "required": ["station"],
        "additionalProperties": false,
    })
}

fn said(given: Value) -> Vec<String> {
    let schema = ParameterSchema::compile(&schema()).unwrap();
    let mistakes = schema.check(map(given), &ParameterSources::default()).unwrap_err();
    mistakes.into_iter().map(|mistake| mistake.message).collect()
}

#[test]
fn defaults_are_filled_in() {
    let checked =
        check_parameters(Some(&schema()), map(json!({"station": "mlo", "start": 2000})), &Default::default());
    assert_eq!(Value::Object(checked.unwrap()), json!({"station": "mlo", "start": 2000, "mode": "fast"}));
}

#[test]
fn broken_rules_are_told_in_words() {
    let cases = [
        (json!({"station": "mlo", "start": 2040}), "`start` is 2040 and may be at most 2001"),
        (json!({"station": "mlo", "start": "x"}), "`start` is \"x\" and must be a whole number"),
        (
            json!({"station": "mlo", "strat": 1}),
            "`strat`: there is no such parameter; the nearest is `start`",
        ),
        (json!({}), "`station` is missing"),
        (json!({"station": "Mauna"}), "`station` is \"Mauna\" and must match the pattern `^[a-z]{3}$`"),
        (
            json!({"station": "mlo", "mode": "slow"}),
            "`mode` is \"slow\" and must be one of \"fast\", \"exact\"",
        ),
        (json!({"station": "mlo", "token": "abc"}), "`token` must have at least 8 characters"),
        (json!({"station": "mlo", "day": "1.6."}), "`day` is \"1.6.\" and must be a date such as 2026-06-01"),
        (json!({"station": "mlo", "filters": {}}), "`filters.min` is missing"),
        (json!({"station": "mlo", "ratio": 0}), "`ratio` is 0 and must be more than 0"),
        (json!({"station": "mlo", "ratio": "a"}), "`ratio` is \"a\" and must be a number or null"),
        (json!({"station": "mlo", "list": [1, "b"]}), "`list.1` is \"b\" and must be a whole number"),
        (json!({"station": "mlo", "list": [1, 1]}), "`list` is a list of 2 and has an item twice"),
    ];
    for (given, message) in cases {
        assert_eq!(said(given), [message]);
    }
}
