//! What a spec says of its runs, in words: limits, retries, and what starts them.

use rigi_model::quantity::{show_bytes, show_cpu};
use serde_json::Value;

/// Lines of label and text, as [`super::output::facts`] takes them; what a spec leaves out is empty.
#[must_use]
pub fn of_runs(spec: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("target", text(&spec["target"])),
        ("limits", limits(spec)),
        ("retries", retries(&spec["retry"])),
        ("schedules", each(&spec["schedules"], schedule)),
        ("then", each(&spec["downstream_triggers"], follower)),
        ("secrets", names(&spec["secrets"])),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn names(list: &Value) -> String {
    each(list, text)
}

fn each(list: &Value, words: impl Fn(&Value) -> String) -> String {
    list.as_array().into_iter().flatten().map(words).collect::<Vec<_>>().join(", ")
}

fn limits(spec: &Value) -> String {
    let limits = &spec["limits"];
    let count = |value: &Value, what: &str| value.as_u64().map(|number| format!("{number} {what}"));
    let bytes =
        |value: &Value, what: &str| value.as_u64().map(|size| format!("{} of {what}", show_bytes(size)));
    let time = match spec["timeout"].as_str() {
        Some("0s") => Some("no limit of time".to_owned()),
        time => time.map(|time| format!("{time} of time")),
    };
    let parts = [
        limits["cpu"].as_f64().map(show_cpu),
        bytes(&limits["memory"], "memory"),
        time,
        count(&limits["processes"], "processes"),
        count(&limits["open_files"], "open files"),
        bytes(&limits["output_size"], "outputs"),
        bytes(&limits["log_size"], "log"),
        count(&limits["gpus"], "GPUs"),
        count(&spec["max_instances"], "at a time"),
        keyed(&spec["concurrency"]),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `1 at a time of each {customer}`.
fn keyed(concurrency: &Value) -> Option<String> {
    let limit = concurrency["limit"].as_u64()?;
    let of = text(&concurrency["key"]);
    Some(if of.is_empty() { format!("{limit} at a time") } else { format!("{limit} at a time of each {of}") })
}

/// `3, 10s apart`.
fn retries(retry: &Value) -> String {
    let Some(attempts) = retry["attempts"].as_u64() else { return String::new() };
    let strategy = &retry["strategy"];
    let delay = match strategy["type"].as_str() {
        Some("fixed_delay") => format!("{} apart", text(&strategy["delay"])),
        Some("exponential_backoff") => format!(
            "{} apart, then {} times as long each time, at most {}",
            text(&strategy["initial_delay"]),
            strategy["multiplier"],
            text(&strategy["max_delay"])
        ),
        Some("custom_schedule") => format!("after {}", names(&strategy["delays"])),
        _ => String::new(),
    };
    match attempts {
        0 => "none".to_owned(),
        _ if delay.is_empty() => attempts.to_string(),
        _ => format!("{attempts}, {delay}"),
    }
}

/// `nightly (0 3 * * *, Europe/Zurich)`.
fn schedule(schedule: &Value) -> String {
    let interval = schedule["interval"].as_str().map(|interval| format!("every {interval}"));
    let once = schedule["once_at"].as_str().map(|once| format!("once at {once}"));
    let rhythm = schedule["cron"].as_str().map(str::to_owned).or(interval).or(once);
    let zone = schedule["timezone"].as_str().map(str::to_owned);
    let off = (schedule["enabled"] == false).then(|| "switched off".to_owned());
    let parts: Vec<String> = [rhythm, zone, off].into_iter().flatten().collect();
    match parts.is_empty() {
        true => text(&schedule["id"]),
        false => format!("{} ({})", text(&schedule["id"]), parts.join(", ")),
    }
}

fn follower(trigger: &Value) -> String {
    let when = match (&trigger["on_success"], &trigger["on_failure"], trigger["on_route"].as_str()) {
        (_, _, Some(route)) => format!(" on the route {route}"),
        (Value::Bool(true), Value::Bool(true), _) => " in any case".to_owned(),
        (_, Value::Bool(true), _) => " on a failure".to_owned(),
        _ => String::new(),
    };
    format!("{}{when}", text(&trigger["pipeline"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_spec_says_of_its_runs_is_said_in_words() {
        let spec = json!({
            "timeout": "30m", "max_instances": 1, "limits": {"memory": 512 << 20, "cpu": 1.5},
            "retry": {"attempts": 3, "strategy": {"type": "fixed_delay", "delay": "10s"}, "jitter": 0.0},
            "schedules": [
                {"id": "nightly", "cron": "0 3 * * *", "timezone": "Europe/Zurich", "enabled": true},
                {"id": "often", "interval": "15m", "enabled": false}, {"id": "prod", "enabled": true}
            ],
            "downstream_triggers": [
                {"pipeline": "report", "on_success": true, "on_failure": false, "on_route": null},
                {"pipeline": "alert", "on_success": false, "on_failure": true, "on_route": null}
            ],
            "secrets": ["DB_PASSWORD"]
        });
        let said: Vec<_> = of_runs(&spec).into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let expected = [
            ("limits", "1.5 cores, 512 MiB of memory, 30m of time, 1 at a time"),
            ("retries", "3, 10s apart"),
            ("schedules", "nightly (0 3 * * *, Europe/Zurich), often (every 15m, switched off), prod"),
            ("then", "report, alert on a failure"),
            ("secrets", "DB_PASSWORD"),
        ];
        assert_eq!(said, expected.map(|(label, text)| (label, text.to_owned())));
        assert!(of_runs(&json!({})).iter().all(|(_, text)| text.is_empty()));
    }
}
