//! What starts runs by itself. One task of the server that leads waits for the next due time of all schedules; while there are none, or
//! none is due, nothing is done.
//!
//! Each due time ends as one row: a run, skipped or missed. Its run is accepted under a key of its own, so that there is one, whatever dies
//! in between; what is due without a row is found again.

mod backfill;
mod deliver;
mod fire;
mod follow;
mod happen;
mod known;
mod scheduler;

pub use deliver::{Coming, DeliverError, is_kept};
pub(crate) use happen::Awaited;
pub use happen::KnownTrigger;
pub use known::{Scheduled, rhythm_text};
pub use scheduler::start;
