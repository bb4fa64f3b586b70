//! Projects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project and what goes on in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    /// Its name.
    #[schema(example = "air-quality")]
    pub name: String,
    /// Pipelines in its folder.
    pub pipelines: u64,
    /// Pipelines whose spec has a mistake.
    pub pipelines_with_mistakes: u64,
    /// Runs that wait.
    pub queued: u64,
    /// Runs that start or run.
    pub active: u64,
    /// How many of its runs may be active at a time; absent: only the server's limit counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_runs: Option<u64>,
}
