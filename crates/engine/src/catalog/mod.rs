//! The pipelines of a folder, as they are now: read once, and again when a file changes.

mod read;
mod watch;

pub use read::{Pipeline, Ready, read_pipeline};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

/// The pipelines of one folder. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    pipelines: RwLock<BTreeMap<String, Arc<Pipeline>>>,
    changes: broadcast::Sender<String>,
    watcher: std::sync::Mutex<Option<notify::RecommendedWatcher>>,
}

impl Catalog {
    /// Reads all pipelines of a folder.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let (changes, _) = broadcast::channel(1024);
        let pipelines = RwLock::default();
        let inner =
            Inner { folder: folder.to_owned(), pipelines, changes, watcher: std::sync::Mutex::default() };
        let catalog = Self { inner: Arc::new(inner) };
        if let Err(error) = catalog.refresh() {
            tracing::error!(%error, "not all pipelines can be read");
        }
        catalog
    }

    /// Follows changes of the folder from now on.
    ///
    /// # Errors
    /// If the machine does not let the folder be watched.
    pub fn watch(&self) -> notify::Result<()> {
        let watcher = watch::watch(self)?;
        *self.inner.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        Ok(())
    }

    /// Follows a pipeline's folder, if it is there.
    fn watch_one(&self, name: &str) {
        let mut watcher = self.inner.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else { return };
        let Ok(folder) = self.inner.folder.canonicalize().map(|folder| folder.join(name)) else { return };
        if folder.is_dir()
            && let Err(error) = notify::Watcher::watch(watcher, &folder, notify::RecursiveMode::Recursive)
        {
            tracing::warn!(%error, folder = %folder.display(), "changes of this pipeline are not seen");
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Every pipeline, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Pipeline>> {
        self.inner.pipelines.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One pipeline.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.inner.pipelines.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The names of pipelines that changed, came or went, from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<String> {
        self.inner.changes.subscribe()
    }

    /// Reads the whole folder again.
    ///
    /// # Errors
    /// If the machine does not let it be read now: what was not read stays as it was.
    pub fn refresh(&self) -> std::io::Result<()> {
        let names = match read::names(&self.inner.folder) {
            Err(error) if rigi_store::may_pass(&error) => return Err(error),
            names => names.unwrap_or_default(),
        };
        let known: Vec<String> = self.all().iter().map(|p| p.name.clone()).collect();
        for gone in known.iter().filter(|name| !names.contains(name)) {
            self.put(gone, None);
        }
        let read: Vec<_> = names.iter().map(|name| self.refresh_one(name).map(drop)).collect();
        read.into_iter().collect()
    }

    /// Reads one pipeline again.
    ///
    /// # Errors
    /// If the machine does not let it be read now: it stays as it was.
    pub fn refresh_one(&self, name: &str) -> std::io::Result<Option<Arc<Pipeline>>> {
        let folder = self.inner.folder.join(name);
        let pipeline = read_pipeline(name, &folder)?.map(Arc::new);
        self.put(name, pipeline.clone());
        Ok(pipeline)
    }

    fn put(&self, name: &str, pipeline: Option<Arc<Pipeline>>) {
        let mut pipelines = self.inner.pipelines.write().unwrap_or_else(PoisonError::into_inner);
        let changed = match pipeline {
            Some(new) => {
                let same = pipelines.get(name).is_some_and(|old| old.same_as(&new));
                pipelines.insert(name.to_owned(), new);
                !same
            }
            None => pipelines.remove(name).is_some(),
        };
        drop(pipelines);
        if changed {
            let _ = self.inner.changes.send(name.to_owned());
        }
    }
}
