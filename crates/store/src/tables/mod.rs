//! One file per table, or per few tables that are only used together.

pub mod artifacts;
pub mod attempts;
pub mod events;
pub(crate) mod idempotency;
pub mod mails;
pub mod open_uploads;
pub(crate) mod projects;
pub(crate) mod run_status;
pub mod runs;
pub mod runs_brought;
pub mod runs_list;
pub mod runs_open;
mod runs_read;
mod runs_search;
pub mod secrets;
pub mod uploads;
mod usage;
pub mod versions;
