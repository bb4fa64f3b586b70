//! What a runner and its server say to each other, over HTTP.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /runner/v1/claim` | [`Claim`] | [`Assignment`] |
//! | `GET /runner/v1/code` | | a tar stream |
//! | `GET /runner/v1/inputs/{n}` | | the file |
//! | `GET /runner/v1/inputs/{n}/address` | | [`Address`], where it lies in a bucket |
//! | `GET /runner/v1/credentials` | | a fresh [`crate::credentials::Credential`] |
//! | `POST /runner/v1/log?offset=N&lines=N` | blocks of `rigi_model::log` | [`Kept`] |
//! | `POST /runner/v1/report` | [`Report`] | nothing |
//! | `POST /runner/v1/outputs/address` | [`Content`] | [`Address`], where a bucket takes it |
//! | `PUT /runner/v1/outputs/stored` | all [`StoredFile`]s | [`Taken`]: the others come with the rest |
//! | `PUT /runner/v1/outputs` | a tar stream of the rest | nothing |
//! | `POST /runner/v1/end` | [`LastWord`] | nothing, when it is durable |
//!
//! Each carries the attempt's token as a bearer. 409 is for another runner, 410 for an attempt that is not waited for:
//! then the runner ends what it has. Everything else that is no success is tried again.

use std::time::Duration;

use rigi_model::log::Unfinished;
use rigi_model::{ContentHash, Reason, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(doc)]
use crate::plan::StoredFile;
use crate::plan::{AttemptPlan, Ended, Observation, Sample};

/// Memory of a runner's own processes, in bytes: an attempt's limit is the attempt's alone.
pub const OWN_MEMORY: u64 = 48 << 20;

/// A runner takes an attempt over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claim {
    /// Drawn at random by each runner: the first that comes is the attempt's only one.
    pub runner: String,
    /// Of its program.
    pub version: String,
    /// By its clock.
    pub now: Timestamp,
}

/// What it is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// The plan. Paths in it are the server's.
    pub plan: AttemptPlan,
    /// How it may reach the files of its project.
    #[serde(default)]
    pub files: Way,
}

/// How files go between a runner and where they are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Through this door.
    #[default]
    Door,
    /// To and from a bucket, at addresses that are asked for here. Through the door where that fails.
    Bucket,
}

/// Where one file is read or written for a while, without a key. Not to be shown.
#[derive(Serialize, Deserialize)]
pub struct Address {
    /// With all of its query.
    pub url: String,
    /// Headers of the request, beside its length.
    pub headers: Vec<(String, String)>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Of all of it.
    pub sha256: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// Files that a runner may store itself, of one attempt. What is more comes through the door.
pub const MOST_STORED: usize = 10_000;

/// Those of the stored files that were found where they are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// Their paths below the outputs folder.
    pub paths: Vec<String>,
}

/// What the runner saw, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Number of the first, from 0: what was heard already is not heard twice.
    pub first: u64,
    /// All of them.
    pub said: Vec<Said>,
    /// The lines that have not ended, all that stand, where there is news of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Vec<Unfinished>>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// By the runner's clock.
    pub at: Timestamp,
    /// What.
    pub what: Seen,
}

/// What a runner sees beside the log and the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen {
    /// See [`Observation::Preparing`].
    Preparing {
        /// Stable code.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// See [`Observation::Prepared`].
    Prepared {
        /// Hash.
        environment: String,
        /// For people.
        message: String,
        /// In microseconds.
        took_us: u64,
    },
    /// Its process runs.
    Started {
        /// In the container.
        pid: i32,
    },
    /// What it uses.
    Sample {
        /// How much.
        sample: Sample,
    },
    /// What it said.
    Note {
        /// One line's object.
        note: Value,
    },
}

impl From<Seen> for Observation {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Preparing { reason, message } => Self::Preparing { reason, message },
            Seen::Prepared { environment, message, took_us } => {
                Self::Prepared { environment, message, took: Duration::from_micros(took_us) }
            }
            Seen::Started { pid } => Self::Started { pid },
            Seen::Sample { sample } => Self::Sample(sample),
            Seen::Note { note } => Self::Note(note),
        }
    }
}

/// A header of the answer to a piece of log, or to the end, where the server has less of the log than the runner has sent: how many
/// bytes it has. Another server has taken over; the rest is sent once more, and the outputs are too.
pub const KEPT: &str = "rigi-log-kept";

/// The end. Log and outputs have been sent before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LastWord {
    /// By the runner's clock.
    pub at: Timestamp,
    /// How long the log must be.
    pub log_bytes: u64,
    /// Outputs were sent: the server has them, or another one had.
    #[serde(default)]
    pub outputs: bool,
    /// Paths in it mean nothing to the server.
    pub ended: Ended,
}

/// The answer to a piece of log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Kept {
    /// Bytes of the log that the server has.
    pub length: u64,
}
