//! What the process executor promises, seen from outside: real supervisor, real processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
mod adoption;
mod bed;
mod building;
mod endings;
mod environments;
mod inheritance;
mod limits;
mod logs;
mod secrets;
mod staging;
mod trees;
mod versions;
