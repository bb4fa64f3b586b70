//! The server itself.

use rigi_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The server, its limits and what goes on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemView {
    /// Version of the binary.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// The pipelines folder, by its whole path.
    pub pipelines_folder: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Since when it runs.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Runs by what they do.
    pub runs: RunCounts,
    /// Pipelines in the folder.
    pub pipelines: u64,
    /// Pipelines whose spec has a mistake.
    pub pipelines_with_mistakes: u64,
    /// How many runs may be active at a time.
    pub max_active_runs: u64,
    /// What this server is among those of its database.
    #[serde(default)]
    pub seat: SeatView,
    /// Whether it answers S3's tools (`storage.gateway`).
    #[serde(default)]
    pub storage_gateway: bool,
    /// Things an operator should know; empty is good.
    pub warnings: Vec<String>,
}

/// What a server is among those of one database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatView {
    /// It runs what is accepted.
    #[default]
    Leader,
    /// It answers and accepts; another one runs it.
    Follower,
}

/// How much a server writes into its own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLevelView {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[schema(example = "debug")]
    pub level: String,
    /// What its configuration says (`log.level`).
    #[schema(example = "info")]
    pub configured: String,
    /// Until when something else counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// Runs by what they do.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct RunCounts {
    /// Waiting.
    pub queued: u64,
    /// Starting or running.
    pub active: u64,
    /// Between attempts.
    pub retrying: u64,
}

/// What a collection removed, or would remove.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct GcReport {
    /// Nothing was removed: it was only asked what would be.
    pub dry_run: bool,
    /// Ended runs with their logs and artifacts.
    pub runs: u64,
    /// Files and folders that nothing refers to.
    pub objects: u64,
    /// Python environments that nothing uses.
    pub environments: u64,
    /// Bytes freed.
    pub bytes: u64,
}

/// Whether the server can do its work, and what is wrong if not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReadyView {
    /// Everything is well.
    pub ready: bool,
    /// One entry per part.
    pub checks: Vec<CheckView>,
}

/// One part of the server.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// `database`, `storage`, `disk`, `supervisor`, `pipelines`.
    pub name: String,
    /// It is well.
    pub ok: bool,
    /// What is wrong and what to do; of what is not set up, what holds instead.
    pub message: String,
    /// It is set up; what is not is well, and could be more.
    #[serde(default = "set_up")]
    pub configured: bool,
}

const fn set_up() -> bool {
    true
}

impl CheckView {
    /// Of something that was looked at; the message says what is wrong, if anything is.
    #[must_use]
    pub fn of(name: &str, looked: Result<(), String>) -> Self {
        let (ok, message) = (looked.is_ok(), looked.err().unwrap_or_default());
        Self { name: name.to_owned(), ok, message, configured: true }
    }

    /// Of something that nobody has set up: what holds instead.
    #[must_use]
    pub fn not_configured(name: &str, instead: &str) -> Self {
        let message = format!("not configured: {instead}");
        Self { name: name.to_owned(), ok: true, message, configured: false }
    }
}

/// Where runs can execute.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TargetView {
    /// Its name, by which specs ask for it.
    #[schema(example = "kubernetes")]
    pub name: String,
    /// `process`, `container` or `kubernetes`.
    #[schema(example = "kubernetes")]
    pub kind: String,
    /// Where it is, for people.
    #[schema(example = "/etc/rigi/cluster.yaml")]
    pub place: String,
    /// Runs whose spec names none execute here.
    pub default: bool,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LookedView {
    /// Which.
    #[schema(example = "rights")]
    pub what: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found; or what is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}
