//! What starts what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What starts what, over all pipelines.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StartsView {
    /// Every pipeline, by name.
    pub pipelines: Vec<String>,
    /// Every way in which one is started by itself.
    pub starts: Vec<StartView>,
}

/// One way in which a pipeline is started by itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StartView {
    /// `schedule`, `webhook`, `downstream`, `step`, `restart`, `files`, `sensor`, `after`.
    #[schema(example = "downstream")]
    pub kind: String,
    /// The pipeline, where one starts another; else what the schedule, the webhook or the trigger is called.
    #[schema(example = "extract")]
    pub by: String,
    /// Which pipeline is started; it need not be there.
    #[schema(example = "report")]
    pub pipeline: String,
    /// When: a schedule's times, `success`, `failure`, `route large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether it starts nothing now: paused, or switched off.
    #[serde(default)]
    pub off: bool,
    /// Whether there is no such pipeline.
    #[serde(default)]
    pub missing: bool,
}
