//! Process types: pipelines as they are seen from outside.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a pipeline takes and gives, each as a JSON Schema (draft 2020-12). Words that begin with `x-` are Rigi's: `x-formats` are
/// endings of files without a dot; `x-section`, `x-advanced` and `x-hidden` say where a form has a parameter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProcessType {
    /// Name of the pipeline.
    #[schema(example = "co2-trend")]
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// `script`, `notebook`, `command`, `image` or `flow`.
    pub kind: String,
    /// Runs are accepted.
    pub runnable: bool,
    /// Hash of its content now.
    pub version: String,
    /// Of `inputs` in a request for a run: lists of uploads by name.
    pub inputs: Value,
    /// Of `parameters` in a request for a run.
    pub parameters: Value,
    /// Of the files that a run leaves: lists of paths by name.
    pub outputs: Value,
}
