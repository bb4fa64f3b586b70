//! The storage areas of all projects: each has its own, in the same folder or bucket.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::ProjectName;

use crate::storage::Storage;
use crate::{Blobs, Result};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Areas {
    first: Blobs,
    others: Arc<Mutex<BTreeMap<ProjectName, Blobs>>>,
}

impl Areas {
    /// Gets ready to open them.
    ///
    /// # Errors
    /// As [`Blobs::open_at`].
    pub fn open(data: &Path, storage: &Storage) -> Result<Self> {
        let first = Blobs::open_at(data, &ProjectName::default(), storage)?;
        Ok(Self { first, others: Arc::default() })
    }

    /// That of the project that is always there.
    pub const fn first(&self) -> &Blobs {
        &self.first
    }

    /// That of a project.
    pub fn of(&self, project: &ProjectName) -> Blobs {
        if *project == ProjectName::default() {
            return self.first.clone();
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = others.get(project) {
            return open.clone();
        }
        let opened = self.first.of(project);
        others.insert(project.clone(), opened.clone());
        opened
    }
}
