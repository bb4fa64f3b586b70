//! What a paper says of a run: code, tools, parameters, inputs, outputs, times; and how two runs' outputs compare.

use std::collections::BTreeMap;

use rigi_model::{RunId, RunState, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{GitView, InputView, StepPlace, TriggerView};

/// What a paper says of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CitationView {
    /// For a methods section.
    pub text: String,
    /// The version of Rigi that says so.
    #[schema(example = "0.1.0")]
    pub rigi: String,
    /// The run; of a flow, then those of its steps, in the order in which they were asked for.
    pub runs: Vec<CitedRun>,
    /// What they ran with, by the names that they give it.
    pub environments: BTreeMap<String, CitedEnvironment>,
    /// So many runs of steps are not told: there are too many.
    #[serde(default, skip_serializing_if = "is_none")]
    pub runs_left_out: u64,
}

/// One run, as a paper tells it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CitedRun {
    /// `run_` and 26 characters.
    #[schema(value_type = String, example = "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")]
    pub id: RunId,
    /// Last four characters of the id.
    pub short: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// What its spec says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The step of a flow that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPlace>,
    /// Where it is.
    #[schema(value_type = String, example = "succeeded")]
    pub state: RunState,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What started it.
    pub trigger: TriggerView,
    /// `script`, `notebook`, `command`, `image`, `flow` or `approval`.
    #[schema(example = "script")]
    pub kind: String,
    /// The file, the command or the image that it runs.
    #[schema(example = "main.py")]
    pub does: String,
    /// SHA-256 over the listing of its code.
    pub version: String,
    /// The git commit of the code, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitView>,
    /// Where it executed.
    pub target: String,
    /// What it ran with: one of `environments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Values of its parameters; secret ones read `***`.
    pub parameters: Vec<CitedParameter>,
    /// Its input files.
    pub inputs: Vec<InputView>,
    /// So many of them are not told.
    #[serde(default, skip_serializing_if = "is_none")]
    pub inputs_left_out: u64,
    /// The files that it left, by path.
    pub outputs: Vec<CitedFile>,
    /// So many of them are not told.
    #[serde(default, skip_serializing_if = "is_none")]
    pub outputs_left_out: u64,
    /// Accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its last attempt's process started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// It ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Milliseconds that the process ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The run whose result counts again, so that this one was not executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub result_of: Option<RunId>,
}

/// What a run ran with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CitedEnvironment {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Python 3.12.1 with 14 packages")]
    pub label: Option<String>,
    /// Content hash of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The image, as the spec names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "python:3.12@sha256:…")]
    pub image: Option<String>,
    /// How the packages are known: `environment` (those that are installed in it) or `files` (those that the code names).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The tools and packages, by name.
    pub packages: Vec<CitedPackage>,
    /// Why there may be more than these, as the end of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// A tool or a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CitedPackage {
    /// Its name.
    #[schema(example = "numpy")]
    pub name: String,
    /// Its version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.1.0")]
    pub version: Option<String>,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CitedParameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Its default, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Its value is not the default.
    pub changed: bool,
    /// It is secret, and reads `***`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// A file that a run left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CitedFile {
    /// Below the run's outputs.
    pub path: String,
    /// The declared output that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, hex.
    pub sha256: String,
}

/// Whether two runs left the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// They ended alike, and every file is equal by content.
    pub equal: bool,
    /// How many files are what.
    pub counts: ComparedCounts,
    /// The files by path, those that are equal last; of steps of a flow below `steps/`.
    pub files: Vec<ComparedFile>,
    /// There are more files than these.
    pub more: bool,
    /// What the two did not have in common: `pipeline`, `code`, `state`, `target`, `environment`, `parameters`, `inputs`.
    pub differs_in: Vec<String>,
    /// Secrets that only one was given, or in another version.
    pub secrets: Vec<String>,
    /// What may have changed without being seen.
    pub notes: Vec<String>,
}

/// How many files are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedCounts {
    /// The same content.
    pub equal: u64,
    /// Another content.
    pub differs: u64,
    /// The other run did not leave it.
    pub missing: u64,
    /// The other run alone left it.
    pub new: u64,
}

/// A file of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedFile {
    /// Its path.
    pub path: String,
    /// What it is.
    pub verdict: FileVerdict,
    /// SHA-256 of what the run left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of what the other left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_sha256: Option<String>,
}

/// What a file of two runs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileVerdict {
    /// The same content.
    Equal,
    /// Another content.
    Differs,
    /// The other run did not leave it.
    Missing,
    /// The other run alone left it.
    New,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}
