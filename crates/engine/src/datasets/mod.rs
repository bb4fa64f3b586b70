//! Datasets: versions are added, read, given to runs, and left by them.

mod add;
mod left;

pub use add::{AddVersion, Added, DatasetError, Files};
pub(crate) use left::leave;

use rigi_model::ProjectName;
use rigi_model::data::{FileAt, Reference};
use rigi_store::RunInput;
use rigi_store::datasets::Trees;

use crate::Engine;

/// Files of one version that one input is given, at most.
const MOST_GIVEN: usize = 10_000;

impl Engine {
    /// The trees of a project's datasets.
    #[must_use]
    pub fn trees(&self, project: &ProjectName) -> Trees {
        Trees::new(self.store().blobs(project))
    }

    /// The files of a version, or of a folder or file in it, as files of an input.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub async fn dataset_input(
        &self,
        project: &ProjectName,
        input: &str,
        reference: &str,
    ) -> Result<Vec<RunInput>, DatasetError> {
        let (reference, path) = match reference.split_once(':') {
            Some((reference, path)) => (reference, path.to_owned()),
            None => (reference, String::new()),
        };
        let reference = Reference::parse(reference).map_err(DatasetError::Name)?;
        let version = self.store().db().dataset_version(project, &reference.name, &reference.which).await?;
        let known = format!("{}@{}", version.name, version.version);
        let (trees, root, wanted) = (self.trees(project), version.root, path.clone());
        let found = tokio::task::spawn_blocking(move || files_at(&trees, &root, &wanted)).await;
        let found = found.map_err(|_| rigi_store::Error::Closed)??;
        let Some(files) = found else {
            return Err(DatasetError::NoPath { dataset: known, path });
        };
        if files.len() > MOST_GIVEN {
            return Err(DatasetError::TooMany { dataset: known, most: MOST_GIVEN as u64 });
        }
        let given = |file: FileAt| RunInput {
            input: input.to_owned(),
            name: file.path,
            size: file.size,
            sha256: file.sha256,
            dataset: Some(known.clone()),
        };
        Ok(files.into_iter().map(given).collect())
    }
}

/// All files at a path, one more than may be at most; their paths begin there.
fn files_at(
    trees: &Trees,
    root: &rigi_model::ContentHash,
    path: &str,
) -> rigi_store::Result<Option<Vec<FileAt>>> {
    let Some(entry) = trees.find(root, path)? else { return Ok(None) };
    if entry.kind == rigi_model::data::EntryKind::File {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        return Ok(Some(vec![FileAt { path: name, sha256: entry.sha256, size: entry.size }]));
    }
    let mut files = Vec::new();
    trees.walk(&entry.sha256, &mut |file| {
        files.push(file);
        files.len() <= MOST_GIVEN
    })?;
    Ok(Some(files))
}
