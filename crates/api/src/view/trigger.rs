//! What starts runs when something has happened, what happened, and where sensors go on.

use std::collections::BTreeMap;

use rigi_model::triggers::EventOutcome;
use rigi_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::PauseView;

/// A trigger of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineTriggerView {
    /// Whose runs it starts.
    #[schema(example = "co2-trend")]
    pub pipeline: String,
    /// Its name among those of the pipeline.
    #[schema(example = "inbox")]
    pub id: String,
    /// `spec`: it is in the pipeline's spec; `made`: a person made it beside the spec.
    #[schema(example = "spec")]
    pub source: String,
    /// `files`, `sensor` or `after`.
    #[schema(example = "files")]
    pub kind: String,
    /// What it waits for, in words.
    #[schema(example = "/data/in/*.csv")]
    pub waits_for: String,
    /// What it says, as a spec has it.
    pub trigger: SetTrigger,
    /// Why it starts nothing, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<String>,
    /// Whether it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseView>,
    /// Why nothing can be seen of what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the folder /data/in cannot be read: No such file or directory")]
    pub problem: Option<String>,
    /// What happened last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<TriggerEventView>,
    /// Ends that wait for those of other pipelines; the newest 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingEnd>,
}

/// What a trigger waits for, and what its runs are given. It has one of `files`, `sensor` and `after`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTrigger {
    /// Files that come: an absolute pattern of the server's machine, or `storage:` and one below the project's storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/data/in/*.csv")]
    pub files: Option<String>,
    /// Of `files`: how often it is looked, such as `1m`; 30 s unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Of `files`: for how long one must not have changed, such as `10s`; 5 s unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<String>,
    /// Of `files`: `skip` or `start`, what becomes of those that are there at first; skipped unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// Of `files`: `file` or `batch`, a run for each or one for all that have come; for each unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Of `files`: the input that is given them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// A pipeline: each line that its runs say on standard output is an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<String>,
    /// Pipelines: all of them have had a run that ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Of `after`: `success`, `failure` or `end`, which ends count; successes unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Of `after`: runs with the same belong together, over `run` and `params`; all do unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Of `after`: how long an end counts, such as `24h`; for ever unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// What is to hold for a run to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "file.size > 0")]
    pub when: Option<String>,
    /// Parameters of its runs; texts may have `${…}` over `file`, `files`, `event`, `run`, `runs`, `key`, `id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// The entry of the pipeline's `schedules` whose words count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Whether it starts anything; it does unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The end of a run that waits for those of other pipelines.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WaitingEnd {
    /// What it has in common with those that it waits for; empty: all belong together.
    pub key: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// The run.
    #[schema(value_type = String)]
    pub run: RunId,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Something that has happened for a trigger.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TriggerEventView {
    /// Names it among those of the trigger.
    #[schema(example = "/data/in/may.csv@1748772000000000-1024")]
    pub event: String,
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `run`, `ignored` (its `when` did not hold), `refused`, `taken` (its run is being made), or `seen` (it was there before the trigger).
    #[schema(value_type = String, example = "run")]
    pub outcome: EventOutcome,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
}

/// Where a sensor goes on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CursorView {
    /// Its next run is given this as `RIGI_CURSOR`; none: it begins anew.
    pub cursor: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The run that said so; none: a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
}

/// Where a sensor is to go on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCursor {
    /// Its next run is given this as `RIGI_CURSOR`; null: it begins anew.
    pub cursor: Option<String>,
}
