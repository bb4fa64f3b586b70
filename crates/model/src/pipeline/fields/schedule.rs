//! The fields of an entry of `schedules`: when, and what is different then.

use super::small::{LIMITS, RETRIES, RETRY_STRATEGY, SOFT_LIMITS};
use super::{Field, Kind, field};

/// `stop_after` of a schedule.
pub const STOP_AFTER: &[Field] =
    &[field("failures", Kind::Integer(1, 1000), "Runs in a row that failed for good.", "3")];

/// `schedule` and each of `schedules`.
pub const SCHEDULE: &[Field] = &[
    field("id", Kind::Text, "Its name; unique within the pipeline.", "\"nightly\""),
    field(
        "cron",
        Kind::Cron,
        "Five fields: minute, hour, day of month, month, day of week; a sixth before them is the second.",
        "\"0 3 * * *\"",
    )
    .also(&["schedule_cron"]),
    field("interval", Kind::Duration, "Between two starts.", "\"15m\"")
        .also(&["schedule_interval_seconds", "every"]),
    field("once_at", Kind::Moment, "Once, at this time.", "\"2026-06-01T08:00:00Z\"")
        .also(&["run_once_at", "at"]),
    field("start", Kind::Moment, "Not before.", "\"2026-01-01\"").also(&["schedule_start", "from"]),
    field("end", Kind::Moment, "Not after.", "\"2026-12-31\"").also(&["schedule_end", "until"]),
    field("timezone", Kind::Text, "IANA name; UTC unless told.", "\"Europe/Zurich\"").also(&["zone"]),
    field("enabled", Kind::Bool, "`false`: kept as a named set of overrides.", "true"),
    field("parameters", Kind::Values, "Parameters of the runs it starts.", "{\"start\": 2000}"),
    field("env", Kind::TextMap, "Further environment variables.", "{\"MODE\": \"full\"}")
        .also(&["default_env"]),
    field(
        "encrypted_env",
        Kind::TextMap,
        "Further environment variables as Fernet tokens.",
        "{\"KEY\": \"gAAAA…\"}",
    ),
    field("limits", Kind::Object(LIMITS), "Other hard limits.", "{\"memory\": \"2GiB\"}"),
    field("soft_limits", Kind::Object(SOFT_LIMITS), "Other limits that only notify.", "{\"cpu\": 1}"),
    field("cpu_hard_limit", Kind::Cores, "Fast-Flow's name of `limits.cpu`.", "2"),
    field("mem_hard_limit", Kind::Bytes, "Fast-Flow's name of `limits.memory`.", "\"1g\""),
    field("cpu_soft_limit", Kind::Cores, "Fast-Flow's name of `soft_limits.cpu`.", "1"),
    field("mem_soft_limit", Kind::Bytes, "Fast-Flow's name of `soft_limits.memory`.", "\"800m\""),
    field("timeout", Kind::Duration, "Another time limit.", "\"1h\""),
    field(
        "retries",
        Kind::Either(&[Kind::Integer(0, 1000), Kind::Object(RETRIES)]),
        "Other retries.",
        "{\"attempts\": 5}",
    ),
    field("retry_attempts", Kind::Integer(0, 1000), "Fast-Flow's name of `retries.attempts`.", "5"),
    field(
        "retry_strategy",
        Kind::Object(RETRY_STRATEGY),
        "Fast-Flow's form of `retries`.",
        "{\"type\": \"fixed_delay\"}",
    ),
    field("labels", Kind::TextMap, "Labels of the runs it starts.", "{\"by\": \"night\"}"),
    field("target", Kind::Text, "Where they execute, if not where the pipeline says.", "\"cluster\""),
    field("jitter", Kind::Duration, "They start at a moment of their own within this time.", "\"5m\""),
    field(
        "catch_up",
        Kind::Text,
        "What is made up for after a time in which nothing could start: `skip`, `latest`, `all(100)`.",
        "\"latest\"",
    ),
    field(
        "overlap",
        Kind::Choice(&["queue", "skip", "replace", "allow"]),
        "What is done while a run of it has not ended.",
        "\"queue\"",
    ),
    field("start_within", Kind::Duration, "What cannot start within this time is missed.", "\"10m\""),
    field(
        "stop_after",
        Kind::Either(&[Kind::Integer(1, 1000), Kind::Object(STOP_AFTER)]),
        "After so many runs in a row that failed, it is paused.",
        "{\"failures\": 3}",
    ),
    field(
        "webhook_key",
        Kind::Text,
        "Key of a webhook that starts with these overrides.",
        "\"another-random-text\"",
    ),
];
