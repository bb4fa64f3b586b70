//! When a DAG runs, as a schedule; times and what a DAG takes, as fields of a spec.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A time that Python read, in Rigi's words: `300s`.
pub(super) fn duration(value: &Value) -> Option<String> {
    let seconds = value.get("seconds")?.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
    let milliseconds = (seconds * 1000.0).round().min(1e15) as u64;
    Some(if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    })
}

/// A point in time, and its zone.
fn moment(value: Option<&Value>) -> Option<(String, Option<String>)> {
    let value = value?;
    let zone = value.get("zone").and_then(Value::as_str).map(str::to_owned);
    Some((value.get("at")?.as_str()?.to_owned(), zone))
}

/// The schedule of a DAG, and what is to be said of it.
pub(super) fn schedule(args: &BTreeMap<String, Value>) -> (Option<Value>, Vec<String>) {
    let mut said = Vec::new();
    let given = ["schedule", "schedule_interval", "timetable"].into_iter().find_map(|name| args.get(name));
    let names: Vec<&str> =
        args.get("said").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let was_said = ["schedule", "schedule_interval", "timetable"].iter().any(|name| names.contains(name));
    let defaults = args.get("default_args");
    let start = moment(args.get("start_date").or_else(|| defaults?.get("start_date")));
    let end = moment(args.get("end_date").or_else(|| defaults?.get("end_date")));
    let mut zone = start.as_ref().and_then(|(_, zone)| zone.clone());
    let mut schedule = Map::new();
    match given {
        None if was_said => said.push("it is not known here when it runs: it starts by hand".to_owned()),
        None => said.push(
            "it says no schedule: Airflow 2 runs such a DAG each day, Airflow 3 never; here it starts by hand"
                .to_owned(),
        ),
        Some(Value::Null) => {}
        Some(Value::String(text)) if text == "@once" => {
            said.push("`@once`: start it by hand".to_owned());
        }
        Some(Value::String(text)) if text == "@continuous" => {
            said.push("`@continuous`: `restart` in its spec starts what has ended again".to_owned());
        }
        Some(Value::String(text)) => _ = schedule.insert("cron".to_owned(), text.clone().into()),
        Some(value) => {
            if let Some(every) = duration(value) {
                schedule.insert("interval".to_owned(), every.into());
            } else if let Some(cron) = value.get("cron").and_then(Value::as_str) {
                schedule.insert("cron".to_owned(), cron.into());
                zone = value.get("zone").and_then(Value::as_str).map(str::to_owned).or(zone);
            } else {
                said.push("its schedule is none of time (datasets, timetables): it starts by hand".to_owned());
            }
        }
    }
    if schedule.is_empty() {
        return (None, said);
    }
    if let Some(zone) = zone.filter(|zone| !zone.eq_ignore_ascii_case("utc")) {
        schedule.insert("timezone".to_owned(), zone.into());
    }
    for (name, at) in [("start", start), ("end", end)] {
        if let Some((at, _)) = at {
            schedule.insert(name.to_owned(), at.into());
        }
    }
    let catch_up = match args.get("catchup").and_then(Value::as_bool) {
        Some(true) => {
            said.push("`catchup`: what is missed from now on is made up for, up to 1000 times; what lies before it came here is not".to_owned());
            "all(1000)"
        }
        _ => "latest",
    };
    schedule.insert("catch_up".to_owned(), catch_up.into());
    if args.get("is_paused_upon_creation").and_then(Value::as_bool) == Some(true) {
        schedule.insert("enabled".to_owned(), false.into());
    }
    (Some(Value::Object(schedule)), said)
}

/// What a DAG takes, as parameters.
pub(super) fn parameters(params: &Map<String, Value>) -> Map<String, Value> {
    let described = params.iter().map(|(name, value)| {
        let (default, rules) = match (value.get("param"), value.get("rules")) {
            (Some(default), Some(Value::Object(rules))) => (default.clone(), rules.clone()),
            _ => (value.clone(), Map::new()),
        };
        let mut rules: Map<String, Value> = rules
            .into_iter()
            .filter(|(rule, _)| {
                [
                    "type",
                    "title",
                    "description",
                    "enum",
                    "minimum",
                    "maximum",
                    "minLength",
                    "maxLength",
                    "pattern",
                    "items",
                    "format",
                ]
                .contains(&rule.as_str())
            })
            .collect();
        let kind = match &default {
            Value::Bool(_) => Some("boolean"),
            Value::Number(number) if number.is_f64() => Some("number"),
            Value::Number(_) => Some("integer"),
            Value::String(_) => Some("string"),
            Value::Array(_) => Some("array"),
            Value::Object(_) => Some("object"),
            Value::Null => None,
        };
        if let (false, Some(kind)) = (rules.contains_key("type"), kind) {
            rules.insert("type".to_owned(), kind.into());
        }
        if default.is_null() {
            rules.insert("required".to_owned(), false.into());
        } else {
            rules.insert("default".to_owned(), default);
        }
        (name.clone(), Value::Object(rules))
    });
    described.collect()
}

/// How often a task is tried again.
pub(super) fn retries(
    attempts: Option<i64>,
    delay: Option<&Value>,
    grows: Option<&Value>,
    longest: Option<&Value>,
) -> Option<Value> {
    let attempts = attempts.filter(|attempts| *attempts > 0)?.min(1000);
    // Airflow waits five minutes unless told.
    let delay = delay.and_then(duration).unwrap_or_else(|| "300s".to_owned());
    let grows =
        grows.is_some_and(|grows| grows.as_bool() == Some(true) || grows.as_f64().is_some_and(|by| by > 0.0));
    if !grows {
        return Some(json!({"attempts": attempts, "strategy": "fixed", "delay": delay}));
    }
    let mut retries = json!({"attempts": attempts, "strategy": "exponential", "delay": delay});
    if let Some(longest) = longest.and_then(duration) {
        retries["max_delay"] = longest.into();
    }
    Some(retries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: Value) -> (Option<Value>, Vec<String>) {
        let Value::Object(args) = args else { panic!("no object") };
        schedule(&args.into_iter().collect())
    }

    #[test]
    fn each_way_to_say_when_is_read() {
        let start = json!({"at": "2026-01-01T00:00:00", "zone": "Europe/Zurich"});
        let (found, said) = of(
            json!({"schedule": "30 6 * * 1-5", "start_date": start, "catchup": false, "said": ["schedule"]}),
        );
        let expected = json!({"cron": "30 6 * * 1-5", "timezone": "Europe/Zurich", "start": "2026-01-01T00:00:00", "catch_up": "latest"});
        assert_eq!((found, said.len()), (Some(expected), 0));
        assert_eq!(of(json!({"schedule": {"seconds": 21600.0}})).0.unwrap()["interval"], "21600s");
        assert_eq!(of(json!({"schedule": {"seconds": 0.5}})).0.unwrap()["interval"], "500ms");
        let (caught, said) =
            of(json!({"schedule_interval": "@daily", "catchup": true, "is_paused_upon_creation": true}));
        assert_eq!(caught.unwrap(), json!({"cron": "@daily", "catch_up": "all(1000)", "enabled": false}));
        assert_eq!(said.len(), 1);
        let table = of(json!({"timetable": {"cron": "0 1 * * *", "zone": "Asia/Tokyo"}})).0.unwrap();
        assert_eq!(table["timezone"], "Asia/Tokyo");
    }

    #[test]
    fn what_has_no_time_starts_by_hand_and_says_so() {
        assert_eq!(of(json!({"schedule": null, "said": ["schedule"]})), (None, Vec::new()));
        for args in [
            json!({}),
            json!({"said": ["schedule"]}),
            json!({"schedule": "@once"}),
            json!({"schedule": "@continuous"}),
            json!({"schedule": ["s3://x"]}),
        ] {
            let (found, said) = of(args.clone());
            assert!(found.is_none() && said.len() == 1, "{args}");
        }
    }

    #[test]
    fn parameters_keep_their_rules() {
        let Value::Object(params) = json!({"a": "x", "b": {"param": 3, "rules": {"type": "integer", "minimum": 1, "odd": 1}}, "c": null, "d": 1.5, "e": [1], "f": {"x": 1}})
        else {
            panic!("no object")
        };
        let found = Value::Object(parameters(&params));
        assert_eq!(found["a"], json!({"type": "string", "default": "x"}));
        assert_eq!(found["b"], json!({"type": "integer", "minimum": 1, "default": 3}));
        assert_eq!(found["c"], json!({"required": false}));
        assert_eq!(
            (&found["d"]["type"], &found["e"]["type"], &found["f"]["type"]),
            (&json!("number"), &json!("array"), &json!("object"))
        );
    }

    #[test]
    fn retries_are_counted_and_bounded() {
        let seconds = |s: f64| json!({"seconds": s});
        assert_eq!(retries(None, None, None, None), None);
        assert_eq!(retries(Some(-1), None, None, None), None);
        assert_eq!(
            retries(Some(2), None, None, None),
            Some(json!({"attempts": 2, "strategy": "fixed", "delay": "300s"}))
        );
        let grows = retries(Some(9999), Some(&seconds(1.0)), Some(&json!(true)), Some(&seconds(60.0)));
        assert_eq!(
            grows,
            Some(json!({"attempts": 1000, "strategy": "exponential", "delay": "1s", "max_delay": "60s"}))
        );
    }
}
