//! What a pipeline's spec says, after it was read and checked: one form for every way of writing it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::concurrency::Concurrency;
use super::container::ContainerSpec;
use super::secret_use::SecretUse;
use super::step::StepSpec;
use crate::Target;
use crate::parameters::{hide_secrets, secret_parameters};
use crate::retry::RetrySpec;
use crate::rights::Role;
use crate::triggers::{CatchUp, Overlap, Rhythm, RhythmError, TriggerSpec};

/// A pipeline's spec with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineSpec {
    /// What is run.
    pub entry: Entry,
    /// `false`: no run is accepted.
    pub enabled: bool,
    /// For people; the first line is the summary.
    pub description: Option<String>,
    /// For filtering lists.
    pub tags: Vec<String>,
    /// Where attempts execute; `None` is the server's default.
    pub target: Option<Target>,
    /// JSON Schema (draft 2020-12) of the parameters, an object schema.
    pub parameters: Option<Value>,
    /// Files that a run is given.
    pub inputs: BTreeMap<String, InputSpec>,
    /// Named outputs.
    pub outputs: BTreeMap<String, OutputSpec>,
    /// Python version as `uv` understands it (`3.12`).
    pub python_version: Option<String>,
    /// Requirements written in the spec, beside those in `requirements.txt` and friends.
    pub requirements: Vec<String>,
    /// Environment variables of every run.
    pub env: BTreeMap<String, String>,
    /// Environment variables sealed with Fast-Flow's Fernet key.
    pub encrypted_env: BTreeMap<String, String>,
    /// The project's secrets that each attempt is given.
    pub secrets: Vec<SecretUse>,
    /// The longest that one attempt may run; `None` is the server's default, zero is no limit.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace_period: Option<Duration>,
    /// What follows a failed attempt; what is left out is the server's default.
    pub retry: Option<RetrySpec>,
    /// Hard limits of one attempt.
    pub limits: Limits,
    /// Limits that only notify.
    pub soft_limits: SoftLimits,
    /// How many runs may be active at a time.
    pub max_instances: Option<u32>,
    /// How many runs of one key may be active at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Higher starts first; -100 to 100, 0 unless told.
    pub priority: i32,
    /// Labels of every run.
    pub labels: BTreeMap<String, String>,
    /// What is kept of ended runs; unset fields are the server's.
    pub retention: Retention,
    /// Notebook only: per code cell.
    pub cells: Vec<CellRetry>,
    /// When runs start by themselves.
    pub schedules: Vec<Schedule>,
    /// Which pipelines follow.
    pub downstream_triggers: Vec<DownstreamTrigger>,
    /// What starts runs when something has happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerSpec>,
    /// Key of the webhook that starts a run.
    pub webhook_key: Option<String>,
    /// What a daemon (no time limit) does when it ends.
    pub restart: Restart,
    /// Named sets of parameter values.
    pub presets: BTreeMap<String, Preset>,
    /// How its containers are made, where it runs in any.
    #[serde(default)]
    pub container: ContainerSpec,
    /// The steps of a flow, in the order in which they are written; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSpec>,
    /// Of a flow: the small values that it leaves, made of what its steps left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Value>,
}

/// What a run executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A Python script.
    Script {
        /// Relative to the folder.
        file: String,
    },
    /// A Jupyter notebook.
    Notebook {
        /// Relative to the folder.
        file: String,
    },
    /// A program with its arguments.
    Command {
        /// Not empty; no shell sees them unless they name one.
        argv: Vec<String>,
    },
    /// A container image, with its own entry point or this command.
    Image {
        /// By tag or digest.
        image: String,
        /// A program with its arguments; empty: what the image starts by itself.
        argv: Vec<String>,
    },
    /// Nothing by itself: its steps are runs of their own.
    Flow,
    /// Nothing: a person answers.
    Approval {
        /// Who may: this role at least.
        role: Role,
        /// What is asked.
        message: Option<String>,
    },
}

impl Entry {
    /// Whether an executor runs something; a flow's steps are runs of their own.
    #[must_use]
    pub const fn is_run(&self) -> bool {
        !matches!(self, Self::Flow | Self::Approval { .. })
    }

    /// Whether it needs a Python environment.
    #[must_use]
    pub const fn needs_python(&self) -> bool {
        matches!(self, Self::Script { .. } | Self::Notebook { .. })
    }
}

/// A named input.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InputSpec {
    /// For people.
    pub description: Option<String>,
    /// Whether a run is refused without it.
    pub required: bool,
    /// Whether it takes more than one file.
    pub multiple: bool,
    /// File endings or media types for the form, such as `.csv`.
    pub accept: Vec<String>,
    /// What its files must be, as endings without a dot; empty: anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
}

/// A named output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputSpec {
    /// For people.
    pub description: Option<String>,
    /// The dataset of which what a run leaves there is a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// What its files are, as endings without a dot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
}

/// Hard limits of one attempt; `None` is the server's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes, of the whole tree.
    pub memory: Option<u64>,
    /// Processes and threads of the tree.
    pub processes: Option<u64>,
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// Bytes that one attempt may leave in its outputs, and the largest file it may write.
    pub output_size: Option<u64>,
    /// Bytes of log that are kept of one attempt.
    pub log_size: Option<u64>,
    /// GPUs, where it runs in a container.
    #[serde(default)]
    pub gpus: Option<u32>,
}

/// Limits that only notify.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SoftLimits {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
}

/// What is kept of ended runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retention {
    /// The newest so many.
    pub runs: Option<u64>,
    /// Those younger than this.
    pub age: Option<Duration>,
    /// The newest whose logs and artifacts fit into so many bytes.
    pub bytes: Option<u64>,
}

impl Retention {
    /// What is said here, and of what is not, what is said there.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            runs: self.runs.or(other.runs),
            age: self.age.or(other.age),
            bytes: self.bytes.or(other.bytes),
        }
    }
}

/// Retries of one notebook cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellRetry {
    /// Further tries after the first.
    pub retries: u32,
    /// Between two tries; 0.25 is a quarter of a second.
    #[serde(serialize_with = "write_seconds")]
    pub delay_seconds: f64,
}

/// Whole seconds are written as a whole number.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn write_seconds<S: serde::Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if seconds.fract() == 0.0 && (0.0..9e15).contains(seconds) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in bounds")]
        return serializer.serialize_u64(*seconds as u64);
    }
    serializer.serialize_f64(*seconds)
}

/// One entry of `schedules`, or the schedule written at the top of a spec (then `id` is `default`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Unique within the pipeline.
    pub id: String,
    /// Five-field cron text.
    pub cron: Option<String>,
    /// Seconds between two starts.
    pub interval: Option<Duration>,
    /// Once, at this RFC 3339 time.
    pub once_at: Option<String>,
    /// Not before.
    pub start: Option<String>,
    /// Not after.
    pub end: Option<String>,
    /// IANA name; UTC unless told.
    pub timezone: Option<String>,
    /// Off: kept as a named set of overrides.
    pub enabled: bool,
    /// Overrides of the pipeline's own fields.
    pub env: BTreeMap<String, String>,
    /// Sealed environment variables.
    pub encrypted_env: BTreeMap<String, String>,
    /// Parameters of the runs it starts.
    pub parameters: BTreeMap<String, Value>,
    /// Overrides.
    pub limits: Limits,
    /// Overrides.
    pub soft_limits: SoftLimits,
    /// Overrides.
    pub timeout: Option<Duration>,
    /// Overrides, over the pipeline's own.
    pub retry: Option<RetrySpec>,
    /// Key of a webhook that starts with these overrides.
    pub webhook_key: Option<String>,
    /// Labels of the runs it starts.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where they execute, if not where the pipeline says.
    #[serde(default)]
    pub target: Option<String>,
    /// They start at a moment of their own within this time after they are due.
    #[serde(default)]
    pub jitter: Option<Duration>,
    /// What is made up for; `None`: the newest, and of a folder of Fast-Flow's nothing.
    #[serde(default)]
    pub catch_up: Option<CatchUp>,
    /// What is done while a run of it has not ended; `None`: one waits.
    #[serde(default)]
    pub overlap: Option<Overlap>,
    /// What cannot be started by then is missed.
    #[serde(default)]
    pub start_within: Option<Duration>,
    /// After so many runs in a row that failed, it is paused.
    #[serde(default)]
    pub stop_after: Option<u32>,
}

impl Schedule {
    /// When it is due; `None`: it has no time, and is a named set of overrides.
    ///
    /// # Errors
    /// [`RhythmError`]; what a spec holds was read before, and has none.
    pub fn when(&self) -> Result<Option<Rhythm>, RhythmError> {
        let rhythm = if let Some(text) = &self.cron {
            Rhythm::cron(text, self.timezone.as_deref())?
        } else if let Some(every) = self.interval.filter(|every| !every.is_zero()) {
            Rhythm::every(every)
        } else if let Some(at) = &self.once_at {
            Rhythm::once(at)?
        } else {
            return Ok(None);
        };
        rhythm.between(self.start.as_deref(), self.end.as_deref()).map(Some)
    }

    /// One of this name, without anything.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            cron: None,
            interval: None,
            once_at: None,
            start: None,
            end: None,
            timezone: None,
            enabled: true,
            env: BTreeMap::new(),
            encrypted_env: BTreeMap::new(),
            parameters: BTreeMap::new(),
            limits: Limits::default(),
            soft_limits: SoftLimits::default(),
            timeout: None,
            retry: None,
            webhook_key: None,
            labels: BTreeMap::new(),
            target: None,
            jitter: None,
            catch_up: None,
            overlap: None,
            start_within: None,
            stop_after: None,
        }
    }
}

/// A pipeline that follows this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DownstreamTrigger {
    /// Its name.
    pub pipeline: String,
    /// After a success.
    pub on_success: bool,
    /// After a failure.
    pub on_failure: bool,
    /// After a success that chose this route.
    pub on_route: Option<String>,
    /// Which entry of the other pipeline's `schedules` to use.
    pub run_config_id: Option<String>,
    /// Its parameters; texts may have expressions over `params`, `outputs`, `run` and `route`.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// Its inputs, and what the run left that each is given.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// How often a pipeline that is in the chain already may follow again.
    #[serde(default)]
    pub allow_cycle: u32,
}

/// Restarts of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Restart {
    /// Start again when it failed.
    pub on_crash: bool,
    /// Between a crash and the next start.
    pub cooldown: Option<Duration>,
    /// Regular restarts: seconds or a cron text.
    pub interval: Option<String>,
    /// Start with the server, unless it runs.
    #[serde(default)]
    pub at_start: bool,
}

/// A named set of parameter values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// For people.
    pub description: Option<String>,
    /// Values by parameter.
    pub parameters: BTreeMap<String, Value>,
}

impl PipelineSpec {
    /// A spec that says what is run, and nothing else.
    #[must_use]
    pub fn of(entry: Entry) -> Self {
        Self {
            entry,
            enabled: true,
            description: None,
            tags: Vec::new(),
            target: None,
            parameters: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            python_version: None,
            requirements: Vec::new(),
            env: BTreeMap::new(),
            encrypted_env: BTreeMap::new(),
            secrets: Vec::new(),
            timeout: None,
            grace_period: None,
            retry: None,
            limits: Limits::default(),
            soft_limits: SoftLimits::default(),
            max_instances: None,
            concurrency: None,
            priority: 0,
            labels: BTreeMap::new(),
            retention: Retention::default(),
            cells: Vec::new(),
            schedules: Vec::new(),
            downstream_triggers: Vec::new(),
            triggers: Vec::new(),
            webhook_key: None,
            restart: Restart::default(),
            presets: BTreeMap::new(),
            container: ContainerSpec::default(),
            steps: Vec::new(),
            values: BTreeMap::new(),
        }
    }

    /// The values that the spec itself gives to secret parameters: defaults, and those of presets and schedules.
    pub fn secret_values_mut(&mut self) -> Vec<&mut Value> {
        let secret = secret_parameters(self.parameters.as_ref());
        if secret.is_empty() {
            return Vec::new();
        }
        let properties = self.parameters.as_mut().and_then(|schema| schema.get_mut("properties"));
        let properties = properties.and_then(Value::as_object_mut).into_iter().flatten();
        let of_secrets = properties.filter(|(name, _)| secret.contains(*name));
        let defaults = of_secrets.filter_map(|(_, property)| property.get_mut("default"));
        let presets = self.presets.values_mut().map(|preset| &mut preset.parameters);
        let schedules = self.schedules.iter_mut().map(|schedule| &mut schedule.parameters);
        let given = presets.chain(schedules).flatten();
        defaults.chain(given.filter(|(name, _)| secret.contains(*name)).map(|(_, value)| value)).collect()
    }

    /// Takes out everything that nobody may read of it: what it gives to secret parameters.
    pub fn hide_secrets(&mut self) {
        let secret = secret_parameters(self.parameters.as_ref());
        let presets = self.presets.values_mut().map(|preset| &mut preset.parameters);
        for parameters in presets.chain(self.schedules.iter_mut().map(|schedule| &mut schedule.parameters)) {
            parameters.retain(|name, _| !secret.contains(name));
        }
        if let Some(schema) = &mut self.parameters {
            hide_secrets(schema);
        }
    }
}
