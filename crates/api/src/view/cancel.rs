//! Cancelling many runs.

use std::collections::BTreeMap;

use rigi_model::{RunId, RunState, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which runs to cancel: one of both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRuns {
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub ids: Option<Vec<RunId>>,
    /// All that have not ended and that this finds; an empty one finds all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<RunSelection>,
}

/// Which runs, as the list of runs filters them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSelection {
    /// Of this pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// In one of these states; any unless told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub states: Vec<RunState>,
    /// With all of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Part of the pipeline's name, or the beginning or the last four characters of an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Accepted at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Accepted before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CancelledRuns {
    /// Runs that had not ended and were asked to stop.
    pub cancelled: u64,
}
