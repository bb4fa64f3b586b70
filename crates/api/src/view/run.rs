//! Runs and what belongs to them.

use std::collections::BTreeMap;

use rigi_model::{AttemptState, RunId, RunState, Timestamp, UploadId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::GitView;

/// A run as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// `run_` and 26 characters.
    #[schema(value_type = String, example = "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")]
    pub id: RunId,
    /// The last four characters of the id, as people say it.
    #[schema(example = "7Q2A")]
    pub short: String,
    /// Name of the pipeline.
    #[schema(example = "co2-trend")]
    pub pipeline: String,
    /// Where it is.
    #[schema(value_type = String, example = "running")]
    pub state: RunState,
    /// Stable code of why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pipeline-limit")]
    pub reason: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2nd of 3, limit of 1 at a time")]
    pub message: Option<String>,
    /// Place in the queue; only while it waits for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueuePlace>,
    /// What started it.
    pub trigger: TriggerView,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Higher starts first.
    pub priority: i32,
    /// Number of the current attempt; 0 before the first.
    pub attempt: u32,
    /// How many attempts it may have at most; one that the infrastructure cost does not count, and is added.
    pub max_attempts: u32,
    /// Accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The current attempt's process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// It ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// While `retrying`: when the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// Somebody asked it to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cancel_requested_at: Option<Timestamp>,
    /// Milliseconds that the process ran; while it runs, absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What the run last said of its progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// A run in full.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// What lists show.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Hash of the code it ran.
    #[schema(example = "3f2a9c1d…")]
    pub version: String,
    /// The git commit of the code, where the folder is in a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitView>,
    /// Values of its parameters, defaults filled in; secret ones read `***`.
    pub parameters: Map<String, Value>,
    /// Its input files.
    pub inputs: Vec<InputView>,
    /// Environment variables given with the run; secret ones read `***`.
    pub env: BTreeMap<String, String>,
    /// The secrets that its last attempt was given, by name, with the version of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, i64>,
    /// Those of them that the run that this one repeats had in another version, or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_changed: Vec<String>,
    /// The run that this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rerun_of: Option<RunId>,
    /// The step of a flow that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<super::StepPlace>,
    /// The run that started this one, as a pipeline that follows or by a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub started_by: Option<RunId>,
    /// The runs that this one has started so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub started: Vec<RunId>,
    /// It is a flow: its steps are runs of their own.
    pub flow: bool,
    /// What it waits for a person for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<super::ApprovalView>,
    /// Where it executes: `process`, `container` or `kubernetes`.
    pub target: String,
    /// The environment it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentUse>,
    /// Exit status of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Signal that ended the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The route that it chose (`$FASTFLOW_ROUTE_FILE`, or a `route` note), once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "large")]
    pub route: Option<String>,
    /// What the last attempt used.
    pub usage: UsageView,
    /// The limits it runs under.
    pub limits: LimitsView,
    /// How long its parts took, in milliseconds.
    pub phases: Phases,
    /// Median duration of the pipeline's last successes, in milliseconds: what to expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_ms: Option<u64>,
    /// Its log.
    pub log: LogSummary,
    /// How many artifacts, and their bytes.
    pub artifacts: ArtifactSummary,
    /// What may be done with it now.
    pub can: Actions,
}

/// Place in the queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueuePlace {
    /// 1 is next, among the runs that wait for the same thing.
    pub position: u64,
    /// How many wait for it.
    pub waiting: u64,
    /// The limit that it waits for, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What started a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TriggerView {
    /// `manual`, `schedule`, `downstream`, `webhook`, `dataset` or `rerun`.
    #[schema(example = "manual")]
    pub kind: String,
    /// Who or what: `you`, a schedule's id, a run's id.
    #[schema(example = "you")]
    pub by: String,
}

/// One input file of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InputView {
    /// Name of the input.
    pub input: String,
    /// Name of the file.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, hex.
    pub sha256: String,
    /// The version of a dataset that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sea/level@3")]
    pub dataset: Option<String>,
}

/// The environment of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentUse {
    /// Content hash.
    pub id: String,
    /// For people.
    #[schema(example = "Python 3.12 with 14 packages")]
    pub label: String,
    /// Milliseconds its preparation took for this run; 0 when it was there.
    pub took_ms: u64,
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Most memory at one time, in bytes.
    pub max_memory: u64,
}

/// Limits of an attempt; absent is none.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// How long the parts of a run took, in milliseconds; of the current attempt, but for `queued_ms`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Phases {
    /// From accepted to handed to an executor, all waits together.
    pub queued_ms: u64,
    /// From there to the start of the process: environment and files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preparing_ms: Option<u64>,
    /// From there to the end; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_ms: Option<u64>,
}

/// What a run says of its progress.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// 0.0 to 1.0, where the run said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// Its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "cell 3 of 8")]
    pub message: Option<String>,
}

/// Size of a log.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct LogSummary {
    /// Lines of the last attempt.
    pub lines: u64,
    /// Bytes that were not kept, over the limit.
    pub cut_bytes: u64,
}

/// How many artifacts a run has.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct ArtifactSummary {
    /// Files.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What may be done with a run now.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Actions {
    /// `POST …/cancel`.
    pub cancel: bool,
    /// `POST …/retry`.
    pub retry: bool,
}

/// A run to be started.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRun {
    /// Values by parameter; what is left out takes its default.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Uploads by input.
    #[serde(default)]
    pub inputs: BTreeMap<String, Vec<InputRef>>,
    /// Environment variables on top of the spec's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Labels on top of the spec's.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// -100 to 100; the spec's unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Where to execute; an error if this server has no such target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Id of an entry of the spec's `schedules`, whose parameters, limits, retries and environment count as if it had started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Of a flow: former results of steps do not count, whatever their `cache` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
}

/// A file for an input.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputRef {
    /// Answer of `POST /api/v1/uploads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "upl_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")]
    pub upload: Option<UploadId>,
    /// Instead of an upload: a version of a dataset, or a folder or file in it: `sea/level@3:2024/may.csv`; the newest unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sea/level@3")]
    pub dataset: Option<String>,
    /// Name of an upload that the run sees; its own unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One of many runs to be started by one call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkItem {
    /// Name of the pipeline.
    pub pipeline: String,
    /// The run.
    #[serde(flatten)]
    pub run: SubmitRun,
    /// How many times; 1 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Many runs to be started: all or none.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkSubmit {
    /// At most 100,000 runs together.
    pub runs: Vec<BulkItem>,
}

/// The runs that a bulk call started.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkAccepted {
    /// In the order of the request.
    #[schema(value_type = Vec<String>)]
    pub ids: Vec<RunId>,
}

/// A run to be repeated, with changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunRun {
    /// Replaces single parameters; `null` goes back to the default.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Replaces whole inputs.
    #[serde(default)]
    pub inputs: BTreeMap<String, Vec<InputRef>>,
    /// Replaces single labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Which code: `same` (what the run ran, the default) or `current` (what the folder holds now).
    #[serde(default)]
    pub code: RerunCode,
    /// Of a flow: what has succeeded in it counts, unless something before it is done again. Only the rest is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_failed: bool,
    /// Of a flow: former results of steps do not count, whatever their `cache` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
}

/// Which code a rerun takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RerunCode {
    /// Exactly what the run ran.
    #[default]
    Same,
    /// What the folder holds now.
    Current,
}

/// One attempt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// Counts from 1.
    pub number: u32,
    /// Where it is.
    #[schema(value_type = String, example = "failed")]
    pub state: AttemptState,
    /// Stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Handed to the executor.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// What it used.
    pub usage: UsageView,
    /// Its log.
    pub log: LogSummary,
}

/// Something that happened to a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Grows with time; unique on this server.
    pub id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `queued`, `starting`, `running`, `retrying`, `cancel-requested`, `succeeded`, …
    pub kind: String,
    /// Attempt it belongs to; 0 is the run itself.
    pub attempt: u32,
    /// Stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A file that a run left.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArtifactView {
    /// Path below the run's outputs, with `/`.
    #[schema(example = "trend.png")]
    pub path: String,
    /// The declared output that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Which attempt wrote it.
    pub attempt: u32,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, hex.
    pub sha256: String,
    /// By the file's ending.
    #[schema(example = "image/png")]
    pub media_type: String,
}

/// One measurement of a running attempt.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct UsageSample {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Cores in use; 1.0 is one.
    pub cpu: f64,
    /// Bytes.
    pub memory: u64,
    /// Processes.
    pub processes: u32,
}

/// A file of the captured code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CodeFile {
    /// Path below the pipeline's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
}
