//! How one attempt runs: as a process, in a container, as a Kubernetes Job. Knows no database.
//!
//! An [`Executor`] is handed an [`AttemptPlan`] and reports what it sees as [`Observed`] events through one channel.
//! It keeps an attempt's folder and its last word until [`Executor::release`] says that both are durable elsewhere.
//!
//! Processes of this machine belong to the [`supervisor`], a process of its own that outlives the server;
//! [`process`] is the server's side of it, and [`environment`] makes the Python environments they need. Where Rigi runs
//! as root, runs may have another [`account`].

pub mod account;
pub mod check;
pub mod container;
pub mod credentials;
pub mod environment;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod inheritance;
pub mod kubernetes;
mod layout;
mod left;
pub mod outputs;
pub mod plan;
pub mod process;
pub mod remote;
pub mod runner;
pub mod supervisor;
mod sys;
mod wire;

pub use container::{ContainerConfig, ContainerExecutor};
pub use kubernetes::{KubernetesConfig, KubernetesExecutor};
pub use plan::{AttemptPlan, Executor, Observation, Observed};
pub use process::{ProcessConfig, ProcessExecutor};
