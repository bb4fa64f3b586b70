//! Flows: their steps, the runs of these, and what was asked of people.

use rigi_model::flows::StepState;
use rigi_model::{RunId, RunState, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The steps of a flow's run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FlowView {
    /// In the order in which they are written.
    pub steps: Vec<StepView>,
}

/// A step of a flow's run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Unique within the flow.
    #[schema(example = "count")]
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `script`, `notebook`, `command`, `image`, `pipeline` or `approval`.
    #[schema(example = "command")]
    pub kind: String,
    /// What it does, in a few words.
    #[schema(example = "wc -l data.csv")]
    pub does: String,
    /// Steps that end before it begins.
    pub needs: Vec<String>,
    /// How they must have ended: `success`, `any_success`, `failed`, `done` or `not_skipped`.
    #[schema(example = "success")]
    pub run_if: String,
    /// Its condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Its failure is not the flow's.
    pub optional: bool,
    /// It is done for several items.
    pub fans_out: bool,
    /// How far it is.
    #[schema(value_type = String, example = "running")]
    pub state: StepState,
    /// Why, where that is not said by its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its runs.
    pub counts: StepCounts,
    /// Its run, of a step that is done once and has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// When the first of its runs started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When the last of them ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// How many runs of a step are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepCounts {
    /// Items in all; 1 of a step that is done once; 0 before it has begun.
    pub items: u32,
    /// Wait, or wait to be tried again.
    pub waiting: u32,
    /// Are active.
    pub active: u32,
    /// Have succeeded.
    pub succeeded: u32,
    /// Have failed, or ran out of time.
    pub failed: u32,
    /// Were cancelled.
    pub cancelled: u32,
}

/// A run of a step.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StepRunView {
    /// Id.
    #[schema(value_type = String)]
    pub id: RunId,
    /// Last four characters of the id.
    pub short: String,
    /// Its place among the items, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Pipeline.
    pub pipeline: String,
    /// Where it is.
    #[schema(value_type = String, example = "running")]
    pub state: RunState,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its current attempt.
    pub attempt: u32,
    /// Accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The run whose result counts again, so that this one was not executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub result_of: Option<RunId>,
}

/// The step of a flow that a run is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StepPlace {
    /// The flow's run.
    #[schema(value_type = String)]
    pub flow: RunId,
    /// The step.
    pub step: String,
    /// Its place among the items, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
}

/// What a run waits for a person for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Who may answer: this role at least.
    #[schema(example = "editor")]
    pub role: String,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AnswerView {
    /// Whether the flow goes on.
    pub approved: bool,
    /// Who answered.
    pub by: String,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What is said with an answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// For those who read the flow later; 1000 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Why a run of a step was executed, though a former result might have counted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WhyNotCached {
    /// `unasked` (its step has no `cache`), `counts` (it was not executed: `run` is whose result counts), `first` (none succeeded before it),
    /// `differs` (from `run`, in `parts`), or `refused` (`run` is the same, and was not to count).
    #[schema(example = "differs")]
    pub why: String,
    /// The run that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The parts that differ, the first of them first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["parameters"]))]
    pub parts: Vec<String>,
}

/// A flow, drawn.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GraphView {
    /// `text`, `dot` or `mermaid`.
    #[schema(example = "mermaid")]
    pub form: String,
    /// The drawing.
    pub text: String,
}
