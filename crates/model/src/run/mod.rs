//! Runs: what may change in one, and the pure function that says how.

mod fold;
mod status;
mod words;

pub use fold::{Happening, Illegal, Outcome, fold};
pub use status::{AttemptRecord, EnvironmentUse, LogFacts, RunStatus};
