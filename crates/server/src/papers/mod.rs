//! Runs as papers tell them: in words for a methods section, as a crate of files with what made them (RO-Crate 1.1), and whether two runs left
//! the same. Pure: what is told was gathered before.

mod compare;
mod crates;
mod places;
#[cfg(test)]
mod tests;
mod words;

pub use compare::compare;
pub use crates::{Bounds, Code, crate_of};
pub use places::places;
pub use words::text_of;
