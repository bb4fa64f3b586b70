//! Executors of containers and clusters. In each of them a runner does the work, Rigi's own program again; [`remote`] is the
//! server's side of it.

pub mod container;
pub mod kubernetes;
mod registry;
pub mod remote;
mod thread;

pub use container::{ContainerConfig, ContainerExecutor};
pub use kubernetes::{KubernetesConfig, KubernetesExecutor};
