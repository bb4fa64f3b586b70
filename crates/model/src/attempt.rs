//! One try of a step: its name, how it ended, and what it used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::RunId;

/// Names one attempt. The number is the fencing token: only the highest one of a step may report a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The run it belongs to.
    pub run: RunId,
    /// Counts from 1 over the whole run.
    pub number: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.number)
    }
}

impl AttemptKey {
    /// The key that [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.rsplit_once('.')?;
        Some(Self { run: run.parse().ok()?, number: number.parse().ok()? })
    }

    /// The same as a name that engines and clusters take: `rigi-01abc…-1`.
    #[must_use]
    pub fn object_name(&self) -> String {
        let id = self.run.as_str().rsplit('_').next().unwrap_or_default();
        format!("rigi-{}-{}", id.to_ascii_lowercase(), self.number)
    }
}

/// Whose fault a failure is; retry rules look at this and never at text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The pipeline's own: its code, its spec, its parameters.
    User,
    /// Passing trouble outside: a registry or a network that did not answer.
    Transient,
    /// The machinery's: no place, no disk, no permission.
    Infrastructure,
    /// The executor vanished.
    Lost,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exit {
    /// The process returned this status.
    Code {
        /// Exit status, 0 to 255.
        code: i32,
    },
    /// A signal that Rigi did not send ended it.
    Signal {
        /// Signal number.
        signal: i32,
    },
    /// Killed for its memory limit.
    OutOfMemory {
        /// The limit in bytes.
        limit: Option<u64>,
    },
    /// Ended by a limit other than memory and time; `what` names it (`processes`, `output_size`).
    LimitExceeded {
        /// The limit's field name.
        what: String,
        /// Its value.
        limit: u64,
    },
    /// Ended by its time limit.
    TimedOut {
        /// The limit in microseconds.
        limit_us: u64,
    },
    /// The process ended well, but what it wrote could not be kept. It is not run again: its work is done.
    OutputsLost {
        /// Exit status, 0.
        code: i32,
        /// For people: what could not be kept, and why.
        message: String,
    },
    /// Ended because the server asked for it.
    Stopped,
    /// Never started.
    NotStarted {
        /// Whose fault it is.
        class: FailureClass,
        /// Stable code of why, see [`crate::Reason`].
        reason: crate::Reason,
        /// For people: what was tried and what went wrong.
        message: String,
    },
    /// A cluster moved it out of the way: for another, for a node's sake, or for its use of the node's disk.
    Evicted {
        /// For people: in the cluster's own words.
        message: String,
    },
    /// Its executor vanished with it.
    Lost {
        /// For people: how that was noticed.
        message: String,
    },
}

impl Exit {
    /// Whose fault it was; `None` for a success and a stop.
    #[must_use]
    pub const fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Code { code: 0 } | Self::Stopped => None,
            Self::NotStarted { class, .. } => Some(*class),
            Self::OutputsLost { .. } => Some(FailureClass::Infrastructure),
            Self::Lost { .. } | Self::Evicted { .. } => Some(FailureClass::Lost),
            _ => Some(FailureClass::User),
        }
    }
}

/// What an attempt's whole process tree used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time, user and system, in microseconds.
    pub cpu_us: u64,
    /// The most memory at one time, in bytes.
    pub max_memory: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = AttemptKey { run: RunId::generate(), number: 12 };
        assert_eq!(AttemptKey::parse(&key.to_string()), Some(key.clone()));
        for bad in ["", ".1", "cache", &key.run.to_string(), &format!("{}.x", key.run)] {
            assert_eq!(AttemptKey::parse(bad), None, "{bad}");
        }
        let name = key.object_name();
        assert!(name.starts_with("rigi-") && name.ends_with("-12") && name.len() <= 63, "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
    }
}
