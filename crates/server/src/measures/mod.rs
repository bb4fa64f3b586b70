//! What the server measures, for Prometheus: counters, gauges and histograms of the whole process, in memory that nobody need
//! ever read. A sample is an addition or two; the text is made when it is asked for.

mod named;
mod process;
mod recorder;
mod text;

pub use process::process;
pub use recorder::Measures;
pub use text::Sample;
