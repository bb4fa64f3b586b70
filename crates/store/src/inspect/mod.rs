//! Reading everything that is stored, to find what is damaged and name it.
//!
//! Each part is read as it lies, beside a server that may work with it. What was written a moment ago is looked at
//! again before it is called damaged.

mod files;
mod logs;
mod rows;

use std::path::Path;

use rigi_model::ProjectName;
use serde::Serialize;

pub use logs::{Depth, check_stored, stored_lines};

use crate::backup::Watch;
use crate::{Blobs, DbConfig, Error, Result, Storage, wal};

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The file, or the row.
    pub what: String,
    /// How that was seen.
    pub problem: String,
    /// What to do.
    pub cure: String,
}

/// One part of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspected {
    /// Such as `logs`.
    pub name: &'static str,
    /// Files or rows that were read.
    pub read: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
    /// What somebody should know, and is no damage.
    pub notes: Vec<String>,
}

impl Inspected {
    /// Nothing read so far.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, read: 0, damage: Vec::new(), notes: Vec::new() }
    }

    /// Adds what is wrong.
    pub fn found(&mut self, what: impl Into<String>, problem: impl Into<String>, cure: &str) {
        self.damage.push(Damage { what: what.into(), problem: problem.into(), cure: cure.to_owned() });
    }

    /// Adds what an error says.
    pub(crate) fn error(&mut self, error: Error, cure: &str) {
        match error {
            Error::Damaged { what, why } => self.found(what, why, cure),
            other => self.found(self.name, other.to_string(), cure),
        }
    }
}

/// What to do about what only a backup has.
pub(crate) const RESTORE: &str = "restore it from a backup";

/// Reads the database, the files of all its projects, logs and the key of secrets.
///
/// # Errors
/// If the reading itself fails.
pub async fn inspect(
    config: &DbConfig,
    data: &Path,
    storage: &Storage,
    watch: Watch<'_>,
) -> Result<Vec<Inspected>> {
    let first = Blobs::open_at(data, &ProjectName::default(), storage)?;
    let mut parts = vec![key(data)];
    if let DbConfig::Sqlite(file) = config {
        parts.push(write_ahead_log(file));
    }
    let (read, projects) = rows::inspect(config, &first, watch).await?;
    parts.extend(read);
    parts.push(files::of_projects(&first, projects.as_deref(), watch)?);
    parts.push(files::running_logs(data)?);
    Ok(parts)
}

fn write_ahead_log(database: &Path) -> Inspected {
    let mut part = Inspected::new("write-ahead log");
    match wal::check_twice(database) {
        Ok(frames) => part.read = frames,
        Err(error) => {
            part.error(error, "restore a backup; or move this file away, and what was written last with it")
        }
    }
    part
}

fn key(data: &Path) -> Inspected {
    let mut part = Inspected::new("key");
    match crate::seal::Sealer::open_existing(data) {
        Ok(found) => part.read = u64::from(found.is_some()),
        Err(error) => part.error(error, "put `secret.key` and `secret.check` back from your copy of them"),
    }
    part
}
