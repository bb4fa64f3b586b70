//! Flows: which steps come next, and how a flow ends. Pure; the engine asks, and acts.

mod fold;
mod graph;

pub use fold::{Begun, Counts, FlowEnd, MOST_ITEMS, Next, StepFacts, next, state_of};
pub use graph::{GraphForm, does, executes, graph};

use crate::state::text_enum;

text_enum! {
    /// How far a step of a flow is.
    StepState {
        /// What it needs has not ended.
        Waiting = "waiting",
        /// It has begun.
        Running = "running",
        /// It ended well; of several items, as many as must.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
        /// It is not done, by the flow's own rules.
        Skipped = "skipped",
    }
}

impl StepState {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped)
    }
}
