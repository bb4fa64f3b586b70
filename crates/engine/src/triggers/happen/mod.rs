//! What starts runs when something has happened: files come, a sensor says a line, other pipelines' runs end.
//!
//! Each event is a row that says what became of it. Its run is accepted under a key of its own, so that there is one, whatever dies in
//! between; ends of runs are follow-ups, which stay until all that came of them is written.

mod awaited;
mod ends;
mod files;
mod folder;
mod known;
mod start;
mod watcher;

pub(crate) use awaited::Awaited;
pub(super) use awaited::Names;
pub(super) use ends::ended;
pub use known::KnownTrigger;
pub(super) use known::{awaited, of_project};
pub(super) use watcher::start as start_watching;
