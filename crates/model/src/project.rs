//! What a project is beside its name: its state, and what it may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::pipeline::spec::Retention;
use crate::state::text_enum;

text_enum! {
    /// Whether a project is worked in.
    ProjectState {
        /// It is.
        Open = "open",
        /// It can be read, and takes no more.
        Archived = "archived",
        /// It is not there for anybody, and can be brought back until its time is over.
        Deleted = "deleted",
    }
}

/// What is set for a project. What is `None` is the server's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectSettings {
    /// Words to find it by; they give nobody any right.
    pub labels: BTreeMap<String, String>,
    /// Where runs execute that say nothing.
    pub target: Option<String>,
    /// Whoever comes may look at it, if the server lets them.
    pub public: bool,
    /// People with an account may ask to be in it.
    pub joinable: bool,
    /// What is kept of the runs of each pipeline that says nothing.
    pub retention: Retention,
    /// What it may have.
    pub quota: Quota,
}

/// What a project may have; `None` is no quota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Runs that may be active at a time.
    pub runs: Option<u64>,
    /// Its share of the places while several projects wait for them; 1 where it is not set.
    pub weight: Option<u32>,
    /// Runs that may wait.
    pub queued: Option<u64>,
    /// Cores that active runs may ask for together.
    pub cpu: Option<f64>,
    /// Bytes of memory that active runs may ask for together.
    pub memory: Option<u64>,
    /// Bytes of files and logs that may be stored.
    pub storage: Option<u64>,
    /// Milliseconds that one attempt may have as its time limit.
    pub max_timeout_ms: Option<u64>,
    /// Cores of one run at most.
    pub max_cpu: Option<f64>,
    /// Bytes of memory of one run at most.
    pub max_memory: Option<u64>,
    /// Where its runs may execute; `None`: anywhere.
    pub targets: Option<Vec<String>>,
}

impl Quota {
    /// What is set here, and of what is not, what is set there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            runs: self.runs.or(other.runs),
            weight: self.weight.or(other.weight),
            queued: self.queued.or(other.queued),
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
            storage: self.storage.or(other.storage),
            max_timeout_ms: self.max_timeout_ms.or(other.max_timeout_ms),
            max_cpu: self.max_cpu.or(other.max_cpu),
            max_memory: self.max_memory.or(other.max_memory),
            targets: self.targets.or(other.targets),
        }
    }

    /// Whether what its active runs take is counted.
    #[must_use]
    pub const fn counts_needs(&self) -> bool {
        self.cpu.is_some() || self.memory.is_some()
    }
}

impl ProjectSettings {
    /// What is set here, and of what is not, what is set there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut labels = other.labels;
        labels.extend(self.labels);
        Self {
            labels,
            target: self.target.or(other.target),
            public: self.public || other.public,
            joinable: self.joinable || other.joinable,
            retention: self.retention.or(&other.retention),
            quota: self.quota.or(other.quota),
        }
    }
}

/// A project as it is stored. Its id stays: rows and files carry it. Its name may change.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectFacts {
    /// What rows and files carry.
    pub id: crate::ProjectName,
    /// What people call it.
    pub name: crate::ProjectName,
    /// Names that it had, and that lead to it still.
    pub former: Vec<crate::ProjectName>,
    /// Whether it is worked in.
    pub state: ProjectState,
    /// What is set.
    pub settings: ProjectSettings,
    /// Since when.
    pub created_at: Timestamp,
    /// It was made here, and not by the configuration.
    pub made: bool,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}
