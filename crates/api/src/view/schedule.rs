//! Schedules, and what became of their due times.

use std::collections::BTreeMap;

use rigi_model::triggers::FireOutcome;
use rigi_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A schedule, and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScheduleView {
    /// Whose runs it starts.
    #[schema(example = "co2-trend")]
    pub pipeline: String,
    /// Its id among those of the pipeline.
    #[schema(example = "nightly")]
    pub id: String,
    /// `spec`, or `made` beside it.
    #[schema(example = "spec")]
    pub source: String,
    /// What it says, as a spec has it.
    #[schema(value_type = Object)]
    pub schedule: Value,
    /// When it is due, in words.
    #[schema(example = "0 3 * * *, Europe/Zurich")]
    pub rhythm: String,
    /// Why it starts nothing, where that is not a pause; absent: it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<String>,
    /// It starts nothing for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseView>,
    /// The next due times; none while it starts nothing.
    #[schema(value_type = Vec<String>)]
    pub next: Vec<Timestamp>,
    /// The last due time that is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub last: Option<Timestamp>,
}

/// A pause.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who said so.
    pub by: String,
    /// Why, where it was not a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A schedule beside those of the spec. It has one of `cron`, `interval` and `once_at`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SetSchedule {
    /// Five fields: minute, hour, day of month, month, day of week; a sixth before them is the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0 3 * * *")]
    pub cron: Option<String>,
    /// Between two starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "15m")]
    pub interval: Option<String>,
    /// Once, at this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once_at: Option<String>,
    /// IANA name; UTC unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Zurich")]
    pub timezone: Option<String>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Not after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// They start at a moment of their own within this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// `skip`, `latest` or `all(100)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<String>,
    /// `queue`, `skip`, `replace` or `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// What cannot start within this time is missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_within: Option<String>,
    /// After so many runs in a row that failed, it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<u32>,
    /// Parameters of its runs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Labels of its runs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Where they execute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A due time, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FireView {
    /// Whose.
    pub pipeline: String,
    /// Which schedule.
    pub schedule: String,
    /// When it was due.
    #[schema(value_type = String, format = DateTime)]
    pub due: Timestamp,
    /// `run`, `skipped` or `missed`.
    #[schema(value_type = String, example = "run")]
    pub outcome: FireOutcome,
    /// Why, where there is no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run, which may be removed by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// When that was known.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What a clock on the wall does to a schedule.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExplainView {
    /// When it is due, in words.
    pub rhythm: String,
    /// What is done about what is late, about overlaps and failures, in words.
    pub rules: Vec<String>,
    /// The next due times.
    pub next: Vec<DueView>,
    /// The next days on which the clock is changed in its zone, and what is due on them.
    pub changes: Vec<ClockChange>,
}

/// A due time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DueView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The same by the clock on the wall.
    #[schema(example = "2026-03-29T03:00:00+02:00")]
    pub local: String,
}

/// A day on which the clock is changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClockChange {
    /// Which.
    #[schema(example = "2026-03-29")]
    pub day: String,
    /// What happens to the clock.
    #[schema(example = "02:00 becomes 03:00")]
    pub change: String,
    /// What is due on it.
    pub due: Vec<DueView>,
}
