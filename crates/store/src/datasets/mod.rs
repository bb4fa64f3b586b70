//! Datasets as they are stored: names, versions, tags, which runs were given which, and the trees that versions are made of.

mod read;
mod trees;
mod write;

use std::collections::BTreeMap;

use rigi_model::data::{MadeFrom, Totals};
use rigi_model::{ContentHash, RunId, Timestamp};

pub use trees::Trees;

/// A dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its name in the project.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Nothing of it is removed.
    pub protected: bool,
    /// Number of the newest version; 0: it has none yet.
    pub newest: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When something of it was changed last.
    pub changed_at: Timestamp,
}

/// A version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetVersion {
    /// Of which dataset.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// Of its root folder.
    pub root: ContentHash,
    /// What it holds.
    pub totals: Totals,
    /// Bytes of files that the version before it has not.
    pub own_bytes: u64,
    /// How it came to be.
    pub made_from: MadeFrom,
    /// When.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// What its maker says of it.
    pub note: Option<String>,
    /// The run that left it, and as which output.
    pub run: Option<(RunId, String)>,
}

/// A run that was given files of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunGiven {
    /// The run.
    pub run: RunId,
    /// As which input.
    pub input: String,
    /// Its pipeline.
    pub pipeline: String,
}

/// Which datasets are listed.
#[derive(Debug, Clone, Default)]
pub struct DatasetPage {
    /// Names that begin so.
    pub prefix: Option<String>,
    /// Behind this name.
    pub after: Option<String>,
    /// So many.
    pub limit: u32,
}
