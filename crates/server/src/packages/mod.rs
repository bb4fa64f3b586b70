//! Audits of packages: which a pipeline has, what is publicly known against them, and what is told of it.
//!
//! An audit is made after an environment was built, by schedule, and when somebody asks. It runs beside everything else, one at a time; what
//! the source of advisories does, slow or wrong, ends in a row that says so.

mod auditor;
mod found;
mod keeper;
mod osv_api;
mod osv_files;
mod program;
mod source;
mod zip;

pub use auditor::{AuditError, AuditSettings, Auditor, Wanted};
pub use found::{Found, NoPackages};
pub use keeper::keep_auditing;
pub use source::Source;
