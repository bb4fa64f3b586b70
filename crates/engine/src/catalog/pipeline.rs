//! A pipeline as it is now: what can be run, or what keeps it from being run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::parameters::ParameterSchema;
use rigi_model::pipeline::{Mistake, PipelineSpec};
use rigi_model::place::Position;
use rigi_model::{PipelineName, VersionHash};
use rigi_store::Blobs;
use rigi_store::tables::versions::{GitFacts, VersionFile};
use rustix::fs::FileType;

use crate::folder::{LeftOut, Listing};

/// A repository, at the commit that a pipeline came from.
#[derive(Debug)]
pub struct Origin {
    /// Its name in the project.
    pub repository: String,
    /// The commit.
    pub git: GitFacts,
    /// Where the files are stored.
    pub blobs: Blobs,
}

/// A pipeline as its folder is now.
#[derive(Debug)]
pub struct Pipeline {
    /// Name of the folder, also one that no pipeline may have.
    pub name: PipelineName,
    /// Where it is; of one that came from a repository, where it is there.
    pub folder: PathBuf,
    /// Where it came from, if that is a repository.
    pub origin: Option<Arc<Origin>>,
    /// The file that holds its spec.
    pub spec_file: Option<String>,
    /// What can be run, or every mistake that keeps it from being run.
    pub outcome: Result<Ready, Vec<Mistake>>,
    /// What it was made of.
    pub(super) made_of: Mutex<MadeOf>,
}

/// What a reading was made of: as long as all of it is the same, so is what was read.
#[derive(Debug, Default, Clone)]
pub(super) struct MadeOf {
    pub listing: Arc<Listing>,
    pub left_out: Vec<LeftOut>,
    pub tops: Tops,
}

/// What stands under the names at the top of a folder that make it a pipeline.
pub(super) type Tops = BTreeMap<String, FileType>;

/// A pipeline without a mistake.
#[derive(Debug)]
pub struct Ready {
    /// Its spec.
    pub spec: PipelineSpec,
    /// What does not mean what it seems to.
    pub warnings: Vec<Mistake>,
    /// Where the rules of its parameters stand.
    pub rules: BTreeMap<String, Position>,
    /// Its compiled parameters; `None` takes any.
    pub schema: Option<ParameterSchema>,
    /// Hash of its content.
    pub version: VersionHash,
    /// Its files.
    pub files: Vec<VersionFile>,
}

impl Pipeline {
    /// Whether nothing changed from one reading to the next.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (&self.outcome, &other.outcome) {
            (Ok(a), Ok(b)) => a.version == b.version && a.warnings == b.warnings,
            (Err(a), Err(b)) => a == b && self.spec_file == other.spec_file,
            _ => false,
        }
    }

    /// The spec's file as people know it, for messages.
    #[must_use]
    pub fn spec_path(&self) -> String {
        match &self.spec_file {
            Some(file) => self.folder.join(file).display().to_string(),
            None => self.folder.display().to_string(),
        }
    }

    /// The file that a mistake is in, as people know it.
    #[must_use]
    pub fn path_of(&self, mistake: &Mistake) -> String {
        match mistake.path.as_deref() {
            None => self.spec_path(),
            Some("") => self.folder.display().to_string(),
            Some(path) => self.folder.join(path).display().to_string(),
        }
    }

    /// The files that its code was read from.
    pub fn listing(&self) -> Arc<Listing> {
        self.made_of().listing
    }

    pub(super) fn made_of(&self) -> MadeOf {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One whose folder cannot be read as code.
    pub(super) fn refused(name: &str, folder: &Path, mistakes: Vec<Mistake>) -> Self {
        let (name, folder, outcome) = (PipelineName::unchecked(name), folder.to_owned(), Err(mistakes));
        Self { name, folder, origin: None, spec_file: None, outcome, made_of: Mutex::default() }
    }
}
