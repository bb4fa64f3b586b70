//! Notices: what happened is held against the rules of its project, and what is to be told is written down, once. Who sends it is the server.
//!
//! The end of a run is looked at because a row of its commit says so, and only where its project has rules; what happens beside runs leaves
//! rows of its own. While nothing happens, nothing is done.

mod ends;
mod happened;
mod known;
mod watch;

pub(crate) use ends::ended;
pub(crate) use known::Rules;
pub use watch::start;
