//! Pipelines: what a folder's spec says and how it is read.
//!
//! Bytes become a tree in which everything knows its place ([`document`]); the tree becomes a [`PipelineSpec`]
//! ([`reader`]) by one table of fields ([`fields`]), of which the published JSON Schema ([`schema`]) is made too.

pub mod concurrency;
pub mod container;
mod cron;
pub mod document;
pub mod entry;
mod fast_flow;
pub mod fields;
mod flow_values;
mod form_words;
mod hints;
mod likeness;
mod limits;
pub mod mistake;
pub mod name;
mod parameter_spec;
mod ports;
pub mod reader;
mod retries;
mod schedules;
pub mod schema;
pub mod secret_use;
mod section;
pub mod spec;
pub mod step;
mod step_links;
mod steps;
mod triggers;
mod values;

pub use document::SpecFormat;
pub use entry::FolderFacts;
pub use hints::hints;
pub use likeness::{Likeness, likeness};
pub use mistake::Mistake;
pub use name::check_pipeline_name;
pub use reader::{SpecReading, find_spec, is_pipeline_file, read_spec, read_without_spec, spec_candidates};
pub use schema::spec_schema;
pub use secret_use::{SecretAs, SecretUse, is_secret_name};
pub use spec::PipelineSpec;
