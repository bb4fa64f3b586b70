//! Backups: a folder that holds one or more snapshots of everything that is remembered, taken while the server works.
//!
//! A snapshot is a manifest that lists the rows of every table, in chunks, and every stored file; chunks and files lie in
//! `objects/` under the SHA-256 of what is in them, so that a second snapshot adds only what is new and every flipped
//! byte is found. Rows are in PostgreSQL's text format of `COPY`, whichever database they come from and go to.
//!
//! What makes it consistent: the rows are read in one transaction; files are never changed, only added and collected, and
//! a backup holds collections off ([`FilesLock`](crate::lock::FilesLock)) from before that transaction to its end.

mod chunks;
mod create;
mod load;
mod manifest;
mod marks;
mod objects;
mod place;
mod repository;
mod restore;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod snapshot;
mod verify;

pub use create::{Created, WithKey, create};
pub use manifest::Manifest;
pub use marks::Marks;
pub use repository::Repository;
pub use restore::{Key, Restored, Target, restore, unfinished};
pub use verify::{Finding, Verified, verify};

/// What goes on, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Such as `table runs`.
    pub step: &'a str,
    /// So many of them are done.
    pub done: u64,
    /// Of so many, where that is known.
    pub total: Option<u64>,
}

/// Hears what goes on.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);
