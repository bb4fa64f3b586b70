//! One project as one archive: taken from one server and brought into another, whichever database either has.
//!
//! A stream of tar in zstd: [`Head`], rows as JSON Lines (`rows/<table>/<n>.jsonl`), stored files (`content/<sha256>`), logs
//! (`logs/<sha256>/<object>`), the files of the pipelines' folder (`pipelines/…`), and [`Tail`], without which it is not whole.
//!
//! It is taken from one snapshot of the database, and whoever takes it holds collections off
//! ([`FilesLock`](crate::lock::FilesLock)). What comes in is nobody's until all of it is there: until then its project is
//! `coming`, which no list shows, and what is left of one that was broken off is removed.

mod checks;
mod coming;
mod content;
mod folder;
mod put;
mod rows;
mod take;
mod unpack;

use std::collections::BTreeMap;

use rigi_model::project::ProjectSettings;
use rigi_model::{ProjectName, RunId, Timestamp};
use serde::{Deserialize, Serialize};

pub use put::{Arrival, Put, put};
pub use take::{Taking, take};
pub use unpack::{read_ends, read_head};

/// The format of archives that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

const HEAD: &str = "project.json";
const TAIL: &str = "end.json";

/// What an archive begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// See [`FORMAT`].
    pub format: u32,
    /// The version of Rigi that wrote it.
    pub rigi: String,
    /// The schema of the database that it was taken from.
    pub schema: i64,
    /// When.
    pub taken_at: Timestamp,
    /// What the project is called there.
    pub name: ProjectName,
    /// What is set for it there.
    pub settings: ProjectSettings,
    /// Names of its secrets. Their values are not in it: they must be set again.
    pub secrets: Vec<String>,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Runs that had not ended, and are not in it.
    pub open_runs: u64,
}

/// What an archive ends with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Stored files, and logs that lie beside the database.
    pub content: u64,
    /// Files of the pipelines' folder.
    pub files: u64,
    /// Links, devices and names that are no text in that folder: not in it.
    pub left_out: u64,
    /// Stored files and logs that were missing or damaged: not in it.
    pub missing: u64,
}

/// Why an archive is not brought in. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is none, is damaged, or says what cannot be.
    #[error("{0}")]
    Archive(String),
    /// It unpacks to more than it may.
    #[error("it unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A run of it is here.
    #[error("its run {0} is here already")]
    Here(RunId),
    /// It cannot be written.
    #[error(transparent)]
    Store(#[from] crate::Error),
}

type Refusable<T> = Result<T, Refused>;

/// What is wrong with an archive.
fn wrong(what: impl Into<String>) -> Refused {
    Refused::Archive(what.into())
}
