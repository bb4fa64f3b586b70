//! This machine: processes, and what they need. The [`supervisor`], a process of its own that outlives the server, owns them;
//! [`process`] is the server's side of it, and [`environment`] makes the Python environments they need. Where Rigi runs
//! as root, runs may have another [`account`]. The [`runner`] does the same inside of a container or a pod.

pub mod account;
mod allowed;
mod credential_files;
pub mod environment;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod inheritance;
mod layout;
pub mod process;
pub mod runner;
pub mod supervisor;
mod sys;
mod wire;

pub use process::{ProcessConfig, ProcessExecutor};
