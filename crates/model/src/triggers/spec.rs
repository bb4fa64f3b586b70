//! `triggers` of a spec, and those that people make beside it: files that come, lines that a sensor says, other pipelines that have ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expression::{Expression, Template, unknown_root};
use crate::state::text_enum;

/// Files are looked for so often, unless a trigger says otherwise.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A file must not have changed for so long, unless a trigger says otherwise.
pub const SETTLE: Duration = Duration::from_secs(5);
/// Pipelines that one trigger waits for, at most.
pub const MOST_AWAITED: usize = 50;

text_enum! {
    /// What becomes of files that are there when a trigger looks for the first time.
    Existing {
        /// They count as seen.
        Skip = "skip",
        /// They start runs as those that come.
        Start = "start",
    }
}

text_enum! {
    /// What one run is given.
    Each {
        /// One file.
        File = "file",
        /// All files that have come since it was looked last.
        Batch = "batch",
    }
}

text_enum! {
    /// Which ends of a pipeline's runs count.
    AwaitedEnd {
        /// Successes.
        Success = "success",
        /// Failures for good.
        Failure = "failure",
        /// Both.
        End = "end",
    }
}

text_enum! {
    /// What became of an event.
    EventOutcome {
        /// It started a run.
        Run = "run",
        /// Its `when` did not hold.
        Ignored = "ignored",
        /// It could not become a run.
        Refused = "refused",
        /// Its run is being made, with others.
        Taken = "taken",
        /// It was there before the trigger was.
        Seen = "seen",
    }
}

/// Something that starts runs of a pipeline when something has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerSpec {
    /// Its name among those of the pipeline.
    pub id: String,
    /// What it waits for.
    pub on: TriggerOn,
    /// What is to hold for a run to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    /// Parameters of its runs: values in which texts may have `${…}` over what happened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// The entry of the pipeline's `schedules` whose words count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Whether it starts anything.
    pub enabled: bool,
}

/// What a trigger waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOn {
    /// Files that come.
    Files(FilesOn),
    /// Lines that runs of this pipeline say on their standard output.
    Sensor(String),
    /// Other pipelines' runs that end.
    After(AfterOn),
}

/// Files that come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesOn {
    /// A pattern: an absolute path of the server's machine, or `storage:` and one below the project's storage.
    pub pattern: String,
    /// How often it is looked.
    pub interval: Duration,
    /// For how long a file must not have changed.
    pub settle: Duration,
    /// What becomes of those that are there already.
    pub existing: Existing,
    /// What one run is given.
    pub each: Each,
    /// The input that is given the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// Other pipelines' runs that end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AfterOn {
    /// All of these.
    pub pipelines: Vec<String>,
    /// Which ends count.
    pub on: AwaitedEnd,
    /// A text with `${…}` over `run` and `params`: runs with the same belong together; all do unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// An end counts for so long; for ever unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

impl TriggerOn {
    /// The word for its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Sensor(_) => "sensor",
            Self::After(_) => "after",
        }
    }

    /// What expressions know.
    #[must_use]
    pub const fn roots(&self) -> &'static [&'static str] {
        match self {
            Self::Files(files) => match files.each {
                Each::File => &["file", "id"],
                Each::Batch => &["files", "id"],
            },
            Self::Sensor(_) => &["event", "id", "run"],
            Self::After(_) => &["run", "runs", "key", "id"],
        }
    }

    /// The pipelines whose ends it waits for.
    pub fn awaited(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::Files(_) => (None, &[][..]),
            Self::Sensor(pipeline) => (Some(pipeline.as_str()), &[][..]),
            Self::After(after) => (None, after.pipelines.as_slice()),
        };
        one.into_iter().chain(many.iter().map(String::as_str))
    }

    /// In a word, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Files(files) => files.pattern.clone(),
            Self::Sensor(pipeline) => format!("lines of {pipeline}"),
            Self::After(after) => {
                let verb = match after.on {
                    AwaitedEnd::Success => "succeeded",
                    AwaitedEnd::Failure => "failed",
                    AwaitedEnd::End => "ended",
                };
                format!("{} {verb}", after.pipelines.join(" and "))
            }
        }
    }
}

impl TriggerSpec {
    /// What is wrong with its expressions: by name of the field.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), (String, String)> {
        let roots = self.on.roots();
        if let Some(why) = self.when.as_ref().and_then(|when| unknown_root(&when.names(), roots)) {
            return Err(("when".to_owned(), why));
        }
        let key = match &self.on {
            TriggerOn::After(AfterOn { key: Some(key), .. }) => Some(Value::from(key.as_str())),
            _ => None,
        };
        let key = key.iter().map(|key| ("key".to_owned(), key, &["run", "params"][..]));
        let parameters =
            self.parameters.iter().map(|(name, value)| (format!("parameters.{name}"), value, roots));
        for (at, value, roots) in key.chain(parameters) {
            let template = Template::parse(value).map_err(|error| (at.clone(), error.to_string()))?;
            if let Some(why) = unknown_root(&template.names(), roots) {
                return Err((at, why));
            }
        }
        Ok(())
    }
}
