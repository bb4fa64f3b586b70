//! How one attempt runs: as a process, in a container, as a Kubernetes Job. Knows no database.
//!
//! An [`Executor`] is handed an [`AttemptPlan`] and reports what it sees as [`Observed`] events through one channel.
//! It keeps an attempt's folder and its last word until [`Executor::release`] says that both are durable elsewhere.

pub mod plan;

pub use plan::{AttemptPlan, Executor, Observation, Observed};
