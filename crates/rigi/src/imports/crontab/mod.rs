//! A crontab as a folder of pipelines, one for each of its lines.

mod parse;
mod spec;

pub use parse::{Kind, LARGEST};
pub use spec::{Machine, convert};
