//! Control groups, version 1 or 2, where this process may make them: the only way to hold the memory and the cores of
//! a whole tree. Making one costs more than a tenth of a run, so that they are made once and used again and again.

mod around;
mod pool;
mod v1;
mod v2;

pub use pool::{Group, Pool};
