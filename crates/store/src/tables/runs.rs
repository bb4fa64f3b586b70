//! Runs: accepting them, and changing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rigi_model::event::RunEvent;
use rigi_model::run::{AttemptRecord, RunStatus};
use rigi_model::run_config::{SpecPart, VersionPart};
use rigi_model::triggers::FollowUpKind;
use rigi_model::{
    ContentHash, PipelineName, ProjectName, Reason, RunId, RunState, Target, Timestamp, Trigger, VersionHash,
};
use serde::{Deserialize, Serialize};

use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A run as it was asked for; it does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Project.
    pub project: ProjectName,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// The captured code.
    pub version: VersionHash,
    /// Higher starts first.
    pub priority: i32,
    /// Attempts at most, by the retry policy.
    pub max_attempts: u32,
    /// Accepted.
    pub created_at: Timestamp,
    /// What started it.
    pub trigger: Trigger,
    /// The run that this one repeats.
    pub rerun_of: Option<RunId>,
    /// Where it executes.
    pub target: Target,
    /// Values of its parameters, a JSON object. This and what follows is shared by all that were asked for together.
    pub parameters: Arc<serde_json::Map<String, serde_json::Value>>,
    /// Its input files.
    pub inputs: Arc<[RunInput]>,
    /// Environment variables given with it.
    pub env: Arc<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The step of a flow that it is.
    pub step: Option<StepOf>,
}

impl NewRun {
    /// Its code, and the part of the spec that it goes by.
    #[must_use]
    pub fn part(&self) -> VersionPart {
        VersionPart { version: self.version, part: SpecPart::of(&self.env) }
    }
}

/// Which step of which flow a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOf {
    /// The flow's run.
    pub parent: RunId,
    /// The step's name in the flow's spec.
    pub name: String,
    /// Its place among the items of a step that is done for several, from 0.
    pub item: Option<u32>,
}

/// An input file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    /// Name of the input.
    pub input: String,
    /// Name of the file.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Content.
    pub sha256: ContentHash,
    /// The version of a dataset that it is of: `measurements@3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What was asked for.
    pub request: NewRun,
    /// Where it is.
    pub status: RunStatus,
}

/// A run as lists show it: without what only it and its executor need, which may be much.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// Its id.
    pub id: RunId,
    /// Project.
    pub project: ProjectName,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// Higher starts first.
    pub priority: i32,
    /// Attempts at most, by the retry policy.
    pub max_attempts: u32,
    /// Accepted.
    pub created_at: Timestamp,
    /// What started it.
    pub trigger: Trigger,
    /// Labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Where it is.
    pub status: RunStatus,
}

impl From<&Run> for ListedRun {
    fn from(run: &Run) -> Self {
        let NewRun { id, project, pipeline, priority, max_attempts, created_at, trigger, labels, .. } =
            run.request.clone();
        let status = run.status.clone();
        Self { id, project, pipeline, priority, max_attempts, created_at, trigger, labels, status }
    }
}

/// A change of one run, with what is written beside it.
#[derive(Debug, Clone)]
pub struct RunChange {
    /// Which run.
    pub run: RunId,
    /// Its project.
    pub project: ProjectName,
    /// Its new status.
    pub status: RunStatus,
    /// What happened.
    pub events: Vec<RunEvent>,
    /// The attempt that ended.
    pub attempt: Option<EndedAttempt>,
    /// The files that it left.
    pub artifacts: Vec<super::artifacts::Artifact>,
    /// What is to be done because it has ended, and when.
    pub follow_ups: Vec<(FollowUpKind, Timestamp)>,
}

impl RunChange {
    /// Whether an attempt ended.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.attempt.is_some() || self.status.state.is_terminal()
    }
}

/// An ended attempt with its log.
#[derive(Debug, Clone)]
pub struct EndedAttempt {
    /// Its record.
    pub record: AttemptRecord,
    /// A short log: blocks, compressed as a whole.
    pub log: Option<Vec<u8>>,
    /// The object with a longer log.
    pub log_object: Option<String>,
    /// Usage samples, JSON.
    pub samples: Option<String>,
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps of text keys serialise")
}

static INSERT: Statement = Statement::insert(
    "runs",
    &[
        ("id", Text),
        ("project", Text),
        ("pipeline", Text),
        ("version", Text),
        ("state", Text),
        ("reason", Text),
        ("priority", Int),
        ("max_attempts", Int),
        ("attempt", Int),
        ("failures", Int),
        ("created_at", Int),
        ("queued_at", Int),
        ("queued_us", Int),
        ("trigger_kind", Text),
        ("trigger_by", Text),
        ("rerun_of", Text),
        ("target", Text),
        ("parameters", Text),
        ("inputs", Text),
        ("env", Text),
        ("labels", Text),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("artifacts", Int),
        ("artifact_bytes", Int),
        ("stored_bytes", Int),
        ("parent", Text),
        ("step", Text),
        ("item", Int),
    ],
    "",
);

static INSERT_LABEL: Statement =
    Statement::insert("labels", &[("project", Text), ("run", Text), ("key", Text), ("value", Text)], "");

static INSERT_INPUT: Statement = Statement::insert(
    "run_inputs",
    &[("project", Text), ("run", Text), ("input", Text), ("name", Text), ("sha256", Text), ("dataset", Text)],
    "",
);

/// A new run. Its id is new.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, run: &'a NewRun) {
    rows.add(
        &INSERT,
        [
            run.id.as_str().into(),
            run.project.as_str().into(),
            run.pipeline.as_str().into(),
            run.version.to_string().into(),
            RunState::Queued.as_str().into(),
            Reason::Queued.as_str().into(),
            i64::from(run.priority).into(),
            i64::from(run.max_attempts).into(),
            0.into(),
            0.into(),
            run.created_at.0.into(),
            run.created_at.0.into(),
            0.into(),
            run.trigger.kind.as_str().into(),
            run.trigger.by.as_str().into(),
            run.rerun_of.as_ref().map(RunId::as_str).into(),
            run.target.as_str().into(),
            json(&run.parameters).into(),
            json(&run.inputs).into(),
            json(&run.env).into(),
            json(&run.labels).into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            0.into(),
            run.step.as_ref().map(|step| step.parent.as_str()).into(),
            run.step.as_ref().map(|step| step.name.as_str()).into(),
            run.step.as_ref().and_then(|step| step.item).map(i64::from).into(),
        ],
    );
    // Labels are how lists are searched, and steps are in none.
    for (key, value) in run.labels.iter().filter(|_| run.step.is_none()) {
        rows.add(
            &INSERT_LABEL,
            [run.project.as_str().into(), run.id.as_str().into(), key.as_str().into(), value.as_str().into()],
        );
    }
    for RunInput { input, name, sha256, dataset, .. } in &*run.inputs {
        rows.add(
            &INSERT_INPUT,
            [
                run.project.as_str().into(),
                run.id.as_str().into(),
                input.as_str().into(),
                name.as_str().into(),
                sha256.to_string().into(),
                dataset.as_deref().into(),
            ],
        );
    }
}

/// An ended run is never changed again.
static UPDATE: Statement = Statement::update(
    "runs",
    &[
        ("id", Text),
        ("state", Text),
        ("reason", Text),
        ("message", Text),
        ("attempt", Int),
        ("failures", Int),
        ("queued_at", Int),
        ("queued_us", Int),
        ("claimed_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
        ("next_attempt_at", Int),
        ("cancel_requested_at", Int),
        ("environment", Text),
        ("exit_code", Int),
        ("signal", Int),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("artifacts", Int),
        ("artifact_bytes", Int),
        ("stored_bytes", Int),
    ],
    "ended_at IS NULL",
);

/// The newest status of a run.
pub(crate) fn update<'a>(rows: &mut Rows<'a>, change: &'a RunChange) {
    let s = &change.status;
    let time = |time: Option<Timestamp>| time.map(|t| t.0).into();
    rows.add(
        &UPDATE,
        [
            change.run.as_str().into(),
            s.state.as_str().into(),
            s.reason.map(Reason::as_str).into(),
            s.message.as_deref().into(),
            i64::from(s.attempt).into(),
            i64::from(s.failures).into(),
            s.queued_at.0.into(),
            signed(s.queued_us).into(),
            time(s.claimed_at),
            time(s.started_at),
            time(s.ended_at),
            time(s.next_attempt_at),
            time(s.cancel_requested_at),
            s.environment.as_ref().map(json).into(),
            s.exit_code.map(i64::from).into(),
            s.signal.map(i64::from).into(),
            signed(s.usage.cpu_us).into(),
            signed(s.usage.max_memory).into(),
            signed(s.log.lines).into(),
            signed(s.log.cut_bytes).into(),
            signed(s.artifacts.0).into(),
            signed(s.artifacts.1).into(),
            signed(s.stored_bytes).into(),
        ],
    );
}
