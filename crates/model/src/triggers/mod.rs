//! What starts runs by itself: when something is due, and what becomes of what was not started in time. Pure: time is a parameter.

mod backfill;
mod due;
pub mod files;
pub mod join;
pub mod lines;
mod rhythm;
mod spec;

pub use backfill::{BackfillOrder, BackfillSpec, BackfillState, MOST_TIMES, TimeState, due_between};
pub use due::{Due, Found, LATE, MOST, Rules, look};
pub(crate) use rhythm::parse_cron;
pub use rhythm::{Rhythm, RhythmError, zone_of};
pub use spec::{
    AfterOn, AwaitedEnd, Each, EventOutcome, Existing, FilesOn, LOOK_EVERY, MOST_AWAITED, SETTLE, TriggerOn,
    TriggerSpec,
};

use serde::{Deserialize, Serialize};

use crate::state::text_enum;

text_enum! {
    /// What may be to be done because a run has ended.
    FollowUpKind {
        /// The pipelines that follow its own.
        Downstream = "downstream",
        /// It starts again.
        Restart = "restart",
        /// What it left becomes versions of datasets.
        Dataset = "dataset",
        /// Triggers of other pipelines wait for it.
        Trigger = "trigger",
        /// Who wants to know is told.
        Notice = "notice",
        /// Who wants to know is told of its soft limits.
        SoftLimit = "soft-limit",
        /// An environment was built for it: its packages are looked at.
        Packages = "packages",
        /// An attempt of it has started: those who want events of lineage are told.
        LineageBegin = "lineage-begin",
        /// It has ended: those who want events of lineage are told.
        LineageEnd = "lineage-end",
    }
}

text_enum! {
    /// What is done when a run of the same schedule has not ended yet.
    Overlap {
        /// The next one waits until it has; one at most, those after it are skipped.
        Queue = "queue",
        /// The next one is skipped.
        Skip = "skip",
        /// It is stopped, and the next one starts.
        Replace = "replace",
        /// Both run.
        Allow = "allow",
    }
}

/// What is made up for of what came due while nothing could be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Nothing.
    Skip,
    /// The newest.
    #[default]
    Latest,
    /// So many, the newest.
    All(u32),
}

impl CatchUp {
    /// As it is written: `skip`, `latest`, `all(100)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "skip" => Some(Self::Skip),
            "latest" => Some(Self::Latest),
            "all" => Some(Self::All(100)),
            other => {
                let count = other.strip_prefix("all(")?.strip_suffix(')')?.trim().parse().ok()?;
                (1..=1000).contains(&count).then_some(Self::All(count))
            }
        }
    }
}

impl std::fmt::Display for CatchUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Latest => f.write_str("latest"),
            Self::All(count) => write!(f, "all({count})"),
        }
    }
}

text_enum! {
    /// How a due time has ended.
    FireOutcome {
        /// A run was made.
        Run = "run",
        /// By its own rules, none was.
        Skipped = "skipped",
        /// None could be.
        Missed = "missed",
    }
}
