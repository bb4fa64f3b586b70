//! DAGs of Airflow as flows: their files are read as text by Python's own parser, and never run.

mod read;
mod schedule;
mod spec;
mod task;
mod template;

pub use read::read;
pub use spec::convert;
