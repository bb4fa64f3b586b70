//! Adding a version: its files are there, its tree is stored, and it gets the next number.

use std::collections::BTreeMap;

use rigi_model::data::{FileAt, MOST_FILES, MadeFrom, TreeMistake, Which, check_name};
use rigi_model::{ContentHash, ProjectName, RunId};
use rigi_store::datasets::{Dataset, DatasetVersion, Trees};
use rigi_store::people::Deed;
use rigi_store::{Error, Stored};

use crate::Engine;
use crate::quota::Exceeded;

/// How often the next number is tried, where others add versions at the same time.
const TRIES: usize = 16;

/// What a version is made of.
#[derive(Debug, Clone)]
pub enum Files {
    /// All of these.
    All(Vec<FileAt>),
    /// Another version with changes.
    Changed {
        /// Which.
        base: Which,
        /// Files that are new, or others than before.
        add: Vec<FileAt>,
        /// Paths that are taken away.
        remove: Vec<String>,
    },
}

/// A version that is to be.
#[derive(Debug, Clone)]
pub struct AddVersion {
    /// Of which dataset; it is made where there is none.
    pub name: String,
    /// Its files.
    pub files: Files,
    /// What its maker says of it.
    pub note: Option<String>,
    /// The run that left it, and as which output.
    pub run: Option<(RunId, String)>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Added {
    /// The version.
    pub version: DatasetVersion,
    /// Whether it is new: one with the same files as the newest is that.
    pub is_new: bool,
}

/// Why something cannot be done with a dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// It cannot be called so.
    #[error("{0}")]
    Name(String),
    /// Contents are not there: they are to be stored first.
    #[error("{} contents are not stored yet", .0.len())]
    Missing(Vec<ContentHash>),
    /// The files make no tree.
    #[error(transparent)]
    Tree(#[from] TreeMistake),
    /// Nothing lies there.
    #[error("`{dataset}` has nothing at `{path}`")]
    NoPath {
        /// With its version.
        dataset: String,
        /// What was asked for.
        path: String,
    },
    /// Too many files.
    #[error("`{dataset}` has more than {most} files: name a folder or a file in it after `:`")]
    TooMany {
        /// With its version.
        dataset: String,
        /// What may be.
        most: u64,
    },
    /// A quota of its project.
    #[error("{0}")]
    Quota(Exceeded),
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Engine {
    /// Adds a version to a dataset. One with the same files as the newest is not made anew.
    ///
    /// # Errors
    /// [`DatasetError`]; then nothing is added.
    pub async fn add_version(
        &self,
        project: &ProjectName,
        wanted: AddVersion,
        deed: &Deed,
    ) -> Result<Added, DatasetError> {
        check_name(&wanted.name).map_err(DatasetError::Name)?;
        if let Some(exceeded) = self.beyond_storage(project).await? {
            return Err(DatasetError::Quota(exceeded));
        }
        // What is looked up and stored here is not collected before a row names it.
        let _nothing_is_collected = self.captured.gate.clone().read_owned().await;
        let base = match &wanted.files {
            Files::All(_) => None,
            Files::Changed { base, .. } => {
                Some(self.store().db().dataset_version(project, &wanted.name, base).await?.root)
            }
        };
        let (trees, files) = (self.trees(project), wanted.files.clone());
        let root = tokio::task::spawn_blocking(move || store_tree(&trees, base, files)).await;
        let root = root.map_err(|_| Error::Closed)??;
        for _ in 0..TRIES {
            match self.next_version(project, &wanted, &root, deed).await {
                Err(DatasetError::Store(Error::Conflict(_))) => {}
                other => return other,
            }
        }
        let why = format!("others add versions to `{}` all the time; try again", wanted.name);
        Err(Error::Conflict(why).into())
    }

    async fn next_version(
        &self,
        project: &ProjectName,
        wanted: &AddVersion,
        root: &rigi_model::data::Folder,
        deed: &Deed,
    ) -> Result<Added, DatasetError> {
        let db = self.store().db();
        let dataset = match db.dataset(project, &wanted.name).await {
            Ok(dataset) => dataset,
            Err(Error::NotFound { .. }) => Dataset {
                name: wanted.name.clone(),
                description: None,
                labels: BTreeMap::new(),
                protected: false,
                newest: 0,
                made_at: deed.at,
                made_by: deed.actor.clone(),
                changed_at: deed.at,
            },
            Err(error) => return Err(error.into()),
        };
        let newest = db.dataset_versions(project, &wanted.name, None, 1).await?.into_iter().next();
        let hash = root.hash();
        if let Some(newest) = newest.as_ref().filter(|newest| newest.root == hash) {
            return Ok(Added { version: newest.clone(), is_new: false });
        }
        let (trees, before) = (self.trees(project), newest.map(|newest| newest.root));
        let own = tokio::task::spawn_blocking(move || trees.new_bytes(before.as_ref(), &hash)).await;
        let version = DatasetVersion {
            name: wanted.name.clone(),
            version: dataset.newest + 1,
            root: hash,
            totals: root.totals(),
            own_bytes: own.map_err(|_| Error::Closed)??,
            made_from: match (&wanted.run, &wanted.files) {
                (Some(_), _) => MadeFrom::Output,
                (None, Files::All(_)) => MadeFrom::Upload,
                (None, Files::Changed { .. }) => MadeFrom::Change,
            },
            made_at: deed.at,
            made_by: deed.actor.clone(),
            note: wanted.note.clone(),
            run: wanted.run.clone(),
        };
        self.store().add_dataset_version(project, &dataset, &version, deed).await?;
        Ok(Added { version, is_new: true })
    }
}

fn store_tree(
    trees: &Trees,
    base: Option<ContentHash>,
    files: Files,
) -> Result<rigi_model::data::Folder, DatasetError> {
    let named = match &files {
        Files::All(files) => files,
        Files::Changed { add, .. } => add,
    };
    if named.len() as u64 > MOST_FILES {
        return Err(DatasetError::TooMany { dataset: "a version".to_owned(), most: MOST_FILES });
    }
    let contents: Vec<Stored> =
        named.iter().map(|file| Stored { sha256: file.sha256, size: file.size }).collect();
    let missing = trees.missing(&contents)?;
    if !missing.is_empty() {
        return Err(DatasetError::Missing(missing));
    }
    let stored = match (&files, base) {
        (Files::Changed { add, remove, .. }, Some(base)) => trees.change(&base, add, remove)?,
        (Files::All(files) | Files::Changed { add: files, .. }, _) => trees.store(files)?,
    };
    Ok(stored?)
}
