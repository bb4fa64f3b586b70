//! Events of runs by OpenLineage (spec 2-0-2): when one starts, and how it ends, with what it was given and what it left. Off unless an
//! operator names where they go: an address, or a file.
//!
//! What is to be sent is a row of the commit that it tells of (`follow_ups`), gone when it was taken: nothing is lost when a server dies, and
//! what was taken by one that died before it could say so comes twice, the same.

mod event;
mod gather;
mod keeper;
mod send;

pub use event::{EventKind, Given, Job, Left, LineageEvent, Parent};
pub use keeper::{Lineage, keep_telling};
pub use send::{Destination, LineageSettings};
