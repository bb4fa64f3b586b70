//! Projects.

use std::collections::BTreeMap;

use rigi_model::project::ProjectState;
use rigi_model::rights::Role;
use rigi_model::{ProjectName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project and what goes on in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    /// Its name. Names that it had lead to it still.
    #[schema(value_type = String, example = "air-quality")]
    pub name: ProjectName,
    /// What its files and rows carry: its first name, mostly.
    #[schema(value_type = String, example = "air-quality")]
    pub id: ProjectName,
    /// `open`, `archived` or `deleted`.
    #[schema(value_type = String, example = "open")]
    pub state: ProjectState,
    /// When all of it goes, where it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gone_at: Option<Timestamp>,
    /// The configuration says that it is there: it is renamed and deleted there alone.
    pub declared: bool,
    /// What you are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "owner")]
    pub role: Option<Role>,
    /// Since when.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Words to find it by.
    pub labels: BTreeMap<String, String>,
    /// Whoever comes may look at it.
    pub public: bool,
    /// People with an account may ask to be in it.
    pub joinable: bool,
    /// Where runs execute that say nothing; absent: on the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is kept of the runs of each pipeline that says nothing.
    pub retention: RetentionView,
    /// What it may have.
    pub quota: QuotaView,
    /// What the configuration sets, as it calls it: it is changed there alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["runs", "weight"]))]
    pub fixed: Vec<String>,
    /// Pipelines in its folder.
    pub pipelines: u64,
    /// Pipelines whose spec has a mistake.
    pub pipelines_with_mistakes: u64,
    /// Runs that wait.
    pub queued: u64,
    /// Runs that start or run.
    pub active: u64,
}

/// What is kept of ended runs. What is absent is the server's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionView {
    /// The newest so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<u64>,
    /// Those younger than so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// The newest whose logs and artifacts fit into so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What a project may have. What is absent has no quota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaView {
    /// Runs that may be active at a time. Further ones wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<u64>,
    /// Its share of the places while several projects wait for them, 1 to 1000; absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Runs that may wait. Further ones are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<u64>,
    /// Cores that active runs may ask for together. Further ones wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 8.0)]
    pub cpu: Option<f64>,
    /// Bytes of memory that active runs may ask for together. Further ones wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes of files and logs that may be stored. At more, runs and uploads are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<u64>,
    /// Longest time limit of a run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_timeout_ms: Option<u64>,
    /// Most cores of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cpu: Option<f64>,
    /// Most bytes of memory of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// Where its runs may execute; absent: anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
}

/// A project to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// Its name: lower-case letters, digits and `-`.
    #[schema(example = "air-quality")]
    pub name: String,
    /// Who owns it: id, mail address or name of a person, id or name of a group. Absent: whoever makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What is to change of a project. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeProject {
    /// Another name. The one that it had leads to it until another project takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `true`: it can be read, and takes no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// `true`: whoever comes may look at it, if the server lets them (`people.public_projects`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// `true`: people with an account may ask to be in it; its name is no secret to them then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joinable: Option<bool>,
    /// Words to find it by, in place of those that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Where runs execute that say nothing; empty: on the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is kept of its runs, in place of what was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionView>,
}

/// What a project uses of what it may have, and who uses it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectUsage {
    /// Runs that wait.
    pub queued: u64,
    /// Runs that start or run.
    pub active: u64,
    /// Cores that active runs ask for; absent where there is no quota of them, or this server does not lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Bytes of memory that active runs ask for; absent where there is no quota of it, or this server does not lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes of files and logs that are stored.
    pub storage: u64,
    /// Who has started what has not ended, the most first.
    pub people: Vec<UsedBy>,
    /// What pipelines have stored, the most first.
    pub pipelines: Vec<UsedFor>,
    /// What the project may have.
    pub quota: QuotaView,
}

/// Runs of one person, trigger or program.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsedBy {
    /// By name.
    pub name: String,
    /// Runs that wait.
    pub queued: u64,
    /// Runs that start, run or are tried again.
    pub active: u64,
}

/// What a pipeline has stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsedFor {
    /// Its name.
    pub pipeline: String,
    /// Runs that are kept.
    pub runs: u64,
    /// Bytes of their files and logs.
    pub storage: u64,
}

/// A project that was brought in from an archive.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportedView {
    /// As it is here.
    pub project: ProjectView,
    /// What it was called where it was taken from.
    #[schema(value_type = String)]
    pub taken_as: ProjectName,
    /// When it was taken.
    #[schema(value_type = String)]
    pub taken_at: Timestamp,
    /// Runs that came, with steps of flows.
    pub runs: u64,
    /// Runs that had not ended: they did not come.
    pub open_runs: u64,
    /// Files of its pipelines' folder that came.
    pub files: u64,
    /// Links, devices and files with names that are no text in that folder: they did not come.
    pub left_out: u64,
    /// Stored files and logs that were missing or damaged where it was taken from.
    pub missing: u64,
    /// Names of secrets that must be set again.
    pub secrets: Vec<String>,
}
