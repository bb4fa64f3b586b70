//! What the process executor promises, seen from outside: real supervisor, real processes.

mod adoption;
mod bed;
mod endings;
mod environments;
mod limits;
mod logs;
mod staging;
mod trees;
