//! A step of a flow, as a spec says it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::container::ContainerSpec;
use super::spec::{Entry, Limits, PipelineSpec, Restart};
use crate::expression::Expression;
use crate::retry::RetrySpec;
use crate::rights::Role;
use crate::state::text_enum;
use crate::{PipelineName, Target};

/// A step of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSpec {
    /// Unique within the flow.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// What it does.
    pub action: StepAction,
    /// Steps that end before it begins.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How they must have ended.
    #[serde(default)]
    pub run_if: RunIf,
    /// Skipped where this does not hold.
    #[serde(default)]
    pub when: Option<Expression>,
    /// Its failure is not the flow's.
    #[serde(default)]
    pub optional: bool,
    /// It is done for each of these.
    #[serde(default)]
    pub for_each: Option<ForEach>,
    /// Items at a time.
    #[serde(default)]
    pub parallel: Option<u32>,
    /// What a failed item means.
    #[serde(default)]
    pub on_failure: ItemFailures,
    /// Beside those of the flow; texts may have expressions.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// Files by input.
    #[serde(default)]
    pub inputs: BTreeMap<String, FilesOf>,
    /// Further environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Instead of the flow's.
    #[serde(default)]
    pub python_version: Option<String>,
    /// Beside those of the flow.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// Instead of the flow's.
    #[serde(default)]
    pub target: Option<Target>,
    /// The longest that one attempt may run; `None` is the server's default.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// Instead of the flow's.
    #[serde(default)]
    pub retry: Option<RetrySpec>,
    /// Instead of the flow's, each that is said.
    #[serde(default)]
    pub limits: Limits,
    /// The image that its script, notebook or command runs in.
    #[serde(default)]
    pub image: Option<String>,
    /// A former success with the same code and inputs counts.
    #[serde(default)]
    pub cache: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepAction {
    /// Something of the flow's own folder.
    Run {
        /// What.
        entry: Entry,
    },
    /// Another pipeline.
    Pipeline {
        /// Its name.
        pipeline: PipelineName,
        /// Which entry of its `schedules` its run goes by.
        entry: Option<String>,
    },
    /// It waits for a person.
    Approval {
        /// Who may answer: this role at least.
        role: Role,
        /// What is asked.
        message: Option<String>,
    },
}

text_enum! {
    /// How the direct needs of a step must have ended, so that it is done. What they needed in turn does not count.
    RunIf {
        /// All have succeeded.
        Success = "success",
        /// One has succeeded at least.
        AnySuccess = "any_success",
        /// One has failed at least.
        Failed = "failed",
        /// All have ended, in whatever way.
        Done = "done",
        /// None was skipped.
        NotSkipped = "not_skipped",
    }
}

#[expect(clippy::derivable_impls, reason = "the variants are written by a macro")]
impl Default for RunIf {
    fn default() -> Self {
        Self::Success
    }
}

/// What a step is done for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// Each value of a list, which may have expressions, or be one.
    Values(Value),
    /// Each file of an input of the flow.
    Input(String),
}

/// What a failed item means for a step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemFailures {
    /// The step fails, and no further item begins.
    #[default]
    Stop,
    /// The step fails when all are done.
    Continue,
    /// So many may fail.
    Count(u32),
    /// Such a part of them may fail, in hundredths.
    Percent(f64),
}

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesOf {
    /// A step, and one of its outputs; `None`: all of them.
    Step {
        /// The step.
        step: String,
        /// The output.
        output: Option<String>,
    },
    /// An input of the flow.
    Flow {
        /// The input.
        input: String,
    },
}

impl StepSpec {
    /// One that does this, and says nothing else.
    #[must_use]
    pub fn of(name: &str, action: StepAction) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            action,
            needs: Vec::new(),
            run_if: RunIf::Success,
            when: None,
            optional: false,
            for_each: None,
            parallel: None,
            on_failure: ItemFailures::Stop,
            parameters: BTreeMap::new(),
            inputs: BTreeMap::new(),
            env: BTreeMap::new(),
            python_version: None,
            requirements: Vec::new(),
            target: None,
            timeout: None,
            retry: None,
            limits: Limits::default(),
            image: None,
            cache: false,
        }
    }
}

impl PipelineSpec {
    /// Whether it has steps.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        !self.steps.is_empty()
    }

    /// A step by its name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepSpec> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The spec that runs of a step of the flow's own folder go by; `None`: it has no such step.
    #[must_use]
    pub fn with_step(&self, name: &str) -> Option<Self> {
        let step = self.step(name)?;
        let entry = match &step.action {
            StepAction::Run { entry } => entry.clone(),
            StepAction::Approval { role, message } => {
                Entry::Approval { role: *role, message: message.clone() }
            }
            StepAction::Pipeline { .. } => return None,
        };
        let mut spec = Self {
            entry,
            steps: Vec::new(),
            values: BTreeMap::new(),
            schedules: Vec::new(),
            downstream_triggers: Vec::new(),
            triggers: Vec::new(),
            restart: Restart::default(),
            max_instances: None,
            concurrency: None,
            cells: Vec::new(),
            inputs: BTreeMap::new(),
            target: step.target.clone().or_else(|| self.target.clone()),
            // The flow's own is of all of it.
            timeout: step.timeout,
            retry: step.retry.clone().or_else(|| self.retry.clone()),
            limits: step.limits.over(&self.limits),
            python_version: step.python_version.clone().or_else(|| self.python_version.clone()),
            ..self.clone()
        };
        spec.env.extend(step.env.clone());
        spec.requirements.extend(step.requirements.clone());
        if let Some(image) = &step.image {
            spec.container = ContainerSpec { image: Some(image.clone()), ..spec.container };
        }
        Some(spec)
    }
}

impl Limits {
    /// What is said here, and of what is not, what is said there.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
            processes: self.processes.or(other.processes),
            open_files: self.open_files.or(other.open_files),
            output_size: self.output_size.or(other.output_size),
            log_size: self.log_size.or(other.log_size),
            gpus: self.gpus.or(other.gpus),
        }
    }
}
