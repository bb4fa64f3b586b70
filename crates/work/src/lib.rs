//! What executors are told and tell: plans of attempts, what is seen of them, credentials, outputs, what runners and the
//! server say to each other; and how secrets are covered in what attempts say.
//!
//! An [`Executor`] is handed an [`AttemptPlan`] and reports what it sees as [`Observed`] events through one channel.
//! It keeps an attempt's folder and its last word until [`Executor::release`] says that both are durable elsewhere.
#![forbid(unsafe_code)]

pub mod check;
pub mod credentials;
mod left;
pub mod mask;
pub mod outputs;
pub mod plan;
pub mod secrets;
pub mod wire;

pub use plan::{AttemptPlan, Executor, Observation, Observed};
