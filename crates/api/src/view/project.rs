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
    /// How many of its runs may wait; absent: there is no such quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queued_runs: Option<u64>,
    /// Cores that its active runs ask for together; absent: there is no such quota, or this server does not lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuQuota>,
    /// Memory that its active runs ask for together; absent: there is no such quota, or this server does not lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryQuota>,
}

/// Cores in use, of those that a project may have at one time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CpuQuota {
    /// Cores that active runs ask for.
    #[schema(example = 3.5)]
    pub used: f64,
    /// Cores that they may ask for.
    #[schema(example = 8.0)]
    pub most: f64,
}

/// Memory in use, of what a project may have at one time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemoryQuota {
    /// Bytes that active runs ask for.
    pub used: u64,
    /// Bytes that they may ask for.
    pub most: u64,
}
