//! Pipelines.

use std::collections::BTreeMap;

use rigi_model::{RunId, RunState, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::GitView;

/// A pipeline as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineSummary {
    /// Name of the folder.
    #[schema(example = "co2-trend")]
    pub name: String,
    /// First line of the description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// `script`, `notebook`, `command` or `image`; absent if the spec has a mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Runs are accepted: it is enabled and has no mistake.
    pub runnable: bool,
    /// Switched on in its spec.
    pub enabled: bool,
    /// What is wrong with its spec; empty is good.
    pub mistakes: Vec<MistakeView>,
    /// What is probably not meant so.
    pub warnings: Vec<MistakeView>,
    /// Hash of its content now; absent if the folder cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its last runs, newest last, at most 30.
    pub recent: Vec<RunMark>,
    /// Runs that wait.
    pub queued: u64,
    /// Runs that are starting, running or between attempts.
    pub active: u64,
    /// Median duration of its last successes, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_ms: Option<u64>,
}

/// A run in a strip of marks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunMark {
    /// The run.
    #[schema(value_type = String)]
    pub id: RunId,
    /// Where it is.
    #[schema(value_type = String)]
    pub state: RunState,
    /// Accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// How long it ran, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A mistake in a spec, with its place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MistakeView {
    /// File, as the user named its folder.
    #[schema(example = "examples/broken/pipeline.yaml")]
    pub file: String,
    /// From 1; 0 is the file as a whole.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong.
    #[schema(example = "`timout`: there is no such field; the nearest is `timeout`")]
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// A pipeline in full.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineView {
    /// What lists show.
    #[serde(flatten)]
    pub summary: PipelineSummary,
    /// The whole description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Git facts of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitView>,
    /// The spec's file name; absent if the folder has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_file: Option<String>,
    /// JSON Schema (draft 2020-12, `type: object`) of its parameters; absent means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Named inputs.
    pub inputs: BTreeMap<String, InputField>,
    /// Named outputs with their descriptions.
    pub outputs: BTreeMap<String, Option<String>>,
    /// Named sets of parameter values.
    pub presets: BTreeMap<String, PresetView>,
    /// The whole spec with every default filled in, secrets left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Value>,
}

/// An input of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InputField {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A run is refused without it.
    pub required: bool,
    /// Takes more than one file.
    pub multiple: bool,
    /// File endings or media types.
    pub accept: Vec<String>,
    /// What its files must be, as endings without a dot; empty: anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
}

/// A named set of parameter values.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PresetView {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values by parameter.
    pub parameters: BTreeMap<String, Value>,
}
