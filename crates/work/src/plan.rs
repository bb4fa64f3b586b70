//! What an executor is told, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rigi_model::log::{Encoder, Unfinished};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::container::ContainerSpec;
use rigi_model::pipeline::spec::{CellRetry, Entry};
use rigi_model::{
    AttemptKey, ContentHash, Exit, PipelineName, ProjectName, Reason, Target, Timestamp, TriggerKind, Usage,
};
use serde::{Deserialize, Serialize};

use crate::credentials::{BucketAccess, Credential};
use crate::outputs::LeftOut;
use crate::secrets::PlanSecrets;

/// Everything that an executor needs to run one attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptPlan {
    /// Which attempt.
    pub key: AttemptKey,
    /// `RIGI_PROJECT`.
    pub project: ProjectName,
    /// `RIGI_PIPELINE`.
    pub pipeline: PipelineName,
    /// `RIGI_STEP`.
    pub step: String,
    /// `RIGI_TRIGGER`.
    pub trigger: TriggerKind,
    /// What is run.
    pub entry: Entry,
    /// Notebook only.
    pub cells: Vec<CellRetry>,
    /// A folder with the captured code, not to be changed: the attempt works on a copy.
    pub code: PathBuf,
    /// Python version and requirements; `None` where the entry needs none.
    pub environment: Option<EnvironmentPlan>,
    /// Written to `$RIGI_PARAMS`; scalars also become environment variables.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The pipeline's own variables, precedence already settled; secrets are among them.
    pub env: BTreeMap<String, String>,
    /// Rigi's own of this run, beside those of every run: `RIGI_SCHEDULE`, `RIGI_DUE`, `RIGI_DUE_PREVIOUS`, `RIGI_CURSOR`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, String>,
    /// Secrets as files, and what is covered in its log.
    #[serde(default, skip_serializing_if = "PlanSecrets::is_empty")]
    pub secrets: PlanSecrets,
    /// Files to be put under `$RIGI_INPUTS/<input>/<name>`.
    pub inputs: Vec<InputFile>,
    /// Declared outputs: each gets its folder under `$RIGI_OUTPUTS`.
    pub outputs: Vec<String>,
    /// Hard limits.
    pub limits: PlanLimits,
    /// How its container is made, where it runs in one.
    #[serde(default)]
    pub container: ContainerSpec,
    /// The longest it may run, counted from the start of its process; `None` is no limit.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL, on a stop and on a timeout.
    pub grace: Duration,
    /// How it reaches the bucket of its project, where there is one that lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketAccess>,
    /// What its log says first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl AttemptPlan {
    /// The image that its pipeline names, if it does.
    #[must_use]
    pub fn own_image(&self) -> Option<&str> {
        named_image(&self.entry, &self.container)
    }
}

/// The image that a pipeline names, for its own command or for its script.
#[must_use]
pub fn named_image<'a>(entry: &'a Entry, container: &'a ContainerSpec) -> Option<&'a str> {
    match entry {
        Entry::Image { image, .. } => Some(image),
        _ => container.image.as_deref(),
    }
}

/// Hard limits with the server's defaults filled in; `None` is no limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PlanLimits {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes of the whole tree.
    pub memory: Option<u64>,
    /// Processes and threads of the tree.
    pub processes: Option<u64>,
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// Largest file, and bytes in the outputs folder.
    pub output_size: Option<u64>,
    /// Bytes of log kept; the rest is cut with a mark.
    pub log_size: Option<u64>,
    /// GPUs, where it runs in a container.
    #[serde(default)]
    pub gpus: Option<u32>,
}

/// The Python environment that a pipeline asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentPlan {
    /// As `uv` understands it; `None` is what the code asks for, else the server's default.
    pub python_version: Option<String>,
    /// The server's default.
    #[serde(default)]
    pub default_python: Option<String>,
    /// Requirements written in the spec, beside what the code folder holds (`requirements.txt.lock`,
    /// `requirements.txt`, `pyproject.toml` with `uv.lock`, PEP 723 in the script).
    pub requirements: Vec<String>,
}

/// One file of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The input's name.
    pub input: String,
    /// The file's name in the input's folder: one path segment.
    pub name: String,
    /// Where it lies now; nothing yet for those whose runner brings it.
    pub path: PathBuf,
    /// Of what it must hold; `None` where that is not compared.
    #[serde(default)]
    pub sha256: Option<ContentHash>,
    /// Bytes of it.
    #[serde(default)]
    pub size: u64,
}

/// Something an executor saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Of which attempt.
    pub key: AttemptKey,
    /// When, by the executor's clock.
    pub at: Timestamp,
    /// What.
    pub what: Observation,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// Still being prepared: why it takes time, in a code and in words.
    Preparing {
        /// `PreparingEnvironment`.
        reason: Reason,
        /// For people: `Python 3.12 with 14 packages`.
        message: String,
    },
    /// Its environment is there (content hash), or was already.
    Prepared {
        /// Hash of Python version and requirements.
        environment: String,
        /// For people.
        message: String,
        /// Zero when it was there already.
        took: Duration,
    },
    /// Its process runs.
    Started {
        /// Of the group's leader.
        pid: i32,
    },
    /// Its log has grown.
    Log {
        /// Lines in the log now.
        lines: u64,
        /// Bytes in the log file now.
        bytes: u64,
    },
    /// The lines that it has not ended, all that stand now.
    Unfinished(Vec<Unfinished>),
    /// What its process tree uses right now.
    Sample(Sample),
    /// A line that it appended to `$RIGI_EVENTS`, or a notebook cell's progress.
    Note(serde_json::Value),
    /// It ended. Said again after every reconnection, until the attempt is released.
    Ended(Box<Ended>),
}

/// What the log says of an attempt that was stopped.
pub const STOPPED: &str = "Stopped on request.";

/// What the log says of an attempt that was stopped in time, by whoever.
pub const BEFORE_START: &str = "Ended before it started.";

/// What went wrong, as a line of a log.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str().trim_end_matches('.'))
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub exit: Exit,
    /// When its process started; `None` if none did.
    pub started_at: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
    /// Its log: a short one in full, in blocks of `rigi_model::log`; a longer one lies in the attempt's folder.
    pub log: EndedLog,
    /// What it wrote to `$FASTFLOW_ROUTE_FILE` or as a `route` note.
    pub route: Option<String>,
    /// Where its outputs lie; `None` if there are none.
    pub outputs: Option<PathBuf>,
    /// Those of them that are stored already: in the folder, their places are held by empty files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<StoredFile>,
    /// What its runner found in the outputs folder and could not bring.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left: LeftOut,
}

/// An output that its runner has brought to where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Below the outputs folder.
    pub path: String,
    /// Of what it holds.
    pub sha256: ContentHash,
    /// Bytes of it.
    pub size: u64,
}

impl Ended {
    /// The end of one that nothing has run for, with these words as its log.
    #[must_use]
    pub fn without_start(exit: Exit, at: Timestamp, words: &[String]) -> Self {
        let mut encoder = Encoder::default();
        for word in words {
            encoder.note(at, word);
        }
        let mut log = EndedLog { lines: encoder.lines(), ..EndedLog::default() };
        encoder.take(&mut log.inline);
        Self::bare(exit, log)
    }

    /// The end of one that left nothing but a log.
    #[must_use]
    pub fn bare(exit: Exit, log: EndedLog) -> Self {
        Self {
            exit,
            started_at: None,
            usage: Usage::default(),
            log,
            route: None,
            outputs: None,
            stored: Vec::new(),
            left: LeftOut::default(),
        }
    }
}

/// The log of an ended attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndedLog {
    /// Lines.
    pub lines: u64,
    /// Bytes that the process wrote and that were not kept.
    pub cut_bytes: u64,
    /// The blocks of a short log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<u8>,
    /// The file of a longer one.
    pub file: Option<PathBuf>,
}

/// One measurement of a process tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Cores in use since the sample before, 1.0 is one core.
    pub cpu: f64,
    /// Bytes now.
    pub memory: u64,
    /// Processes now.
    pub processes: u32,
}

/// What an executor still knows of, told when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which attempt.
    pub key: AttemptKey,
    /// How far it is.
    pub phase: Phase,
}

/// How far an attempt is that was found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Handed over; its process has not started yet, as far as is known.
    Preparing,
    /// Its process runs.
    Running,
    /// It has ended, and its `Ended` follows through the channel.
    Ended,
}

/// A way to run attempts. Calls return at once; what comes of them arrives as [`Observed`].
pub trait Executor: Send + Sync + 'static {
    /// Which target it serves.
    fn target(&self) -> Target;

    /// Why it cannot run attempts of such a spec, with the cure; `None` if it can.
    fn refuses(&self, spec: &PipelineSpec) -> Option<String>;

    /// Prepares and starts an attempt. The same key twice is one attempt.
    fn launch(&self, plan: AttemptPlan);

    /// Ends an attempt's whole tree: SIGTERM, the grace period, SIGKILL. An unknown key ends as stopped.
    fn stop(&self, key: &AttemptKey, grace: Duration);

    /// The attempt's result, log and outputs are kept elsewhere: forget it and remove its folder.
    fn release(&self, key: &AttemptKey);

    /// Replaces the credentials of an attempt that has them in a file.
    fn renew(&self, _key: &AttemptKey, _credential: &Credential) {}

    /// Whether an attempt has its credentials in a file of this executor's.
    fn renews(&self, _key: &AttemptKey) -> bool {
        false
    }

    /// Where the log of a running attempt can be read, if it has outgrown memory.
    fn log_file(&self, key: &AttemptKey) -> PathBuf;
}
