//! Backfills: runs for a range of due times.

use std::collections::BTreeMap;

use rigi_model::triggers::{BackfillOrder, BackfillState, TimeState};
use rigi_model::{RunId, RunState, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A backfill, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BackfillView {
    /// Its id.
    #[schema(example = "bkf_01JD5Y2Z9V3Q8W7E6R5T4Y3U2I")]
    pub id: String,
    /// Whose runs it starts.
    pub pipeline: String,
    /// By which of its schedules.
    pub schedule: String,
    /// `running`, `paused`, `cancelled`, `done`.
    #[schema(value_type = String, example = "running")]
    pub state: BackfillState,
    /// From this time on.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Before this time.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// On top of the schedule's.
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// `oldest`, or `newest` first.
    #[schema(value_type = String, example = "oldest")]
    pub order: BackfillOrder,
    /// So many runs at a time.
    pub parallel: u32,
    /// How many due times there are.
    pub times: u64,
    /// How many are in each state: that of a run, or `waiting`, `refused`, `skipped`; `gone` are runs that are not kept any more.
    pub counts: BTreeMap<String, u64>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When it was done, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// What a backfill is to do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeBackfill {
    /// Whose runs it starts.
    pub pipeline: String,
    /// By which of its schedules.
    pub schedule: String,
    /// From this time on: RFC 3339, or a day.
    #[schema(example = "2026-01-01")]
    pub from: String,
    /// Before this time.
    #[schema(example = "2026-02-01")]
    pub to: String,
    /// On top of the schedule's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// `oldest` (unless told), or `newest` first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// So many runs at a time, 1 to 1,000; 1 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
    /// Due times that have a run already are left out.
    #[serde(default)]
    pub only_missing: bool,
}

/// What a backfill would do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BackfillPreview {
    /// How many runs it would start.
    pub count: u64,
    /// How many of the range's due times have a run already.
    pub already: u64,
    /// The due times in their order, the first 1,000.
    #[schema(value_type = Vec<String>)]
    pub due: Vec<Timestamp>,
}

/// A due time of a backfill.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BackfillTimeView {
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    pub due: Timestamp,
    /// `waiting`, `run`, `refused`, `skipped`.
    #[schema(value_type = String, example = "run")]
    pub state: TimeState,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// How that stands; absent: it is not kept any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run_state: Option<RunState>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
