//! Flows, as they are stored: what became of their steps, and the runs of these.

mod approvals;
mod cache;
mod steps;

pub use approvals::Answer;
pub use cache::CachedStep;
pub use steps::{StepCount, StepFile, StepRun, StepRunsPage, StoredStep};
