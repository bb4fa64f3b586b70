//! Pipelines: what a folder's spec says and how it is read.

pub mod spec;

pub use spec::PipelineSpec;
