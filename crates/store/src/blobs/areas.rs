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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_project_stores_no_other_has_and_all_drafts_are_told_together() {
        let folders = tempfile::tempdir().unwrap();
        let data = folders.path().join("data");
        for storage in [Storage::Data, Storage::Folder(folders.path().join("files"))] {
            let areas = Areas::open(&data, &storage).unwrap();
            let lab = areas.of(&ProjectName::unchecked("lab"));
            let stored = lab.put(&b"of the lab"[..]).unwrap();
            areas.of(&ProjectName::unchecked("lab")).check(&stored.sha256).unwrap();
            for other in [areas.first().clone(), areas.of(&ProjectName::unchecked("lab-2"))] {
                assert!(matches!(other.get(&stored.sha256), Err(crate::Error::NotFound { .. })));
            }
            // Two that a killed process was writing.
            let killed =
                [areas.first(), &lab].map(|blobs| std::mem::ManuallyDrop::new(blobs.create().unwrap()));
            assert_eq!(areas.first().drafts().len(), killed.len());
            for draft in lab.drafts() {
                std::fs::remove_file(draft).unwrap();
            }
        }
    }
}
