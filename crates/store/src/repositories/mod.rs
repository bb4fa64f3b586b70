//! Git repositories that pipelines come from, as they are stored: where each lies, what it holds of pipelines, and what became of syncs.

mod rows;
mod syncs;

pub use rows::{NewParts, Opened, Part, Repository};
pub use syncs::{LeftOutOf, RepositoryTree, Sync};
