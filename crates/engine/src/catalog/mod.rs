//! The pipelines of a project, as they are now: those of its folder, read once, and again when a file changes or a run is asked for; and
//! those of its repositories, as they were synced last.

mod look;
mod pipeline;
mod read;
mod sources;
mod spec_of;
mod stored;
mod watch;

pub use look::LookError;
pub use pipeline::{Origin, Pipeline, Ready};
pub use read::read_pipeline;
pub use stored::OfRepository;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rigi_model::pipeline::Mistake;
use rigi_model::{PipelineName, ProjectName};
use tokio::sync::broadcast;

use crate::folder::CodeLimits;

/// The pipelines of one project. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    project: ProjectName,
    folder: PathBuf,
    limits: CodeLimits,
    pipelines: RwLock<BTreeMap<PipelineName, Arc<Pipeline>>>,
    repositories: RwLock<Vec<Arc<OfRepository>>>,
    changes: broadcast::Sender<String>,
    watcher: Mutex<Option<notify::RecommendedWatcher>>,
    /// Pipelines whose changes are not told, and why.
    unwatched: Mutex<BTreeMap<String, String>>,
    unfollowed: Mutex<Option<String>>,
    looks: look::Looks,
}

impl Catalog {
    /// Reads all pipelines of a project's folder.
    #[must_use]
    pub fn read(project: ProjectName, folder: &Path, limits: CodeLimits) -> Self {
        let inner = Inner {
            project,
            folder: folder.to_owned(),
            limits,
            pipelines: RwLock::default(),
            repositories: RwLock::default(),
            changes: broadcast::channel(1024).0,
            watcher: Mutex::default(),
            unwatched: Mutex::default(),
            unfollowed: Mutex::default(),
            looks: look::Looks::default(),
        };
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
        for name in read::names(&self.inner.folder).map_err(notify::Error::io)?.keys() {
            self.watch_one(name);
        }
        // What changed between the first reading and now was told to nobody.
        let catalog = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = catalog.refresh() {
                tracing::error!(%error, "not all pipelines can be read");
            }
        });
        Ok(())
    }

    /// Follows a pipeline's folder, if it is there.
    fn watch_one(&self, name: &str) {
        let mut watcher = self.inner.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else { return };
        let Ok(root) = self.inner.folder.canonicalize() else { return };
        let folder = self.place(name);
        let folder = folder.file_name().map_or_else(|| root.join(name), |name| root.join(name));
        if !folder.is_dir() {
            return;
        }
        let watched = notify::Watcher::watch(watcher, &folder, notify::RecursiveMode::Recursive);
        let mut unwatched = self.inner.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        match watched {
            Ok(()) => drop(unwatched.remove(name)),
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "changes of this pipeline are not seen");
                unwatched.insert(name.to_owned(), error.to_string());
            }
        }
    }

    /// The folder cannot be followed: what changes is seen when it is opened or run, what is new after a restart.
    pub(crate) fn not_followed(&self, error: &notify::Error) {
        tracing::warn!(%error, folder = %self.inner.folder.display(), "the folder is not followed");
        *self.inner.unfollowed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// Why the folder as a whole is not followed, if it is not.
    #[must_use]
    pub fn unfollowed(&self) -> Option<String> {
        self.inner.unfollowed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pipelines whose changes are seen only when one of their runs is asked for, and why.
    #[must_use]
    pub fn unwatched(&self) -> BTreeMap<String, String> {
        let unwatched = self.inner.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        unwatched
            .iter()
            .filter(|(name, _)| self.get(name).is_some())
            .map(|(n, w)| (n.clone(), w.clone()))
            .collect()
    }

    /// Whose pipelines they are.
    #[must_use]
    pub fn project(&self) -> &ProjectName {
        &self.inner.project
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Every pipeline, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Pipeline>> {
        let all = self.all_own();
        let repositories = self.repositories();
        if repositories.is_empty() {
            return all;
        }
        let own = all.iter().map(|pipeline| (pipeline.name.to_string(), pipeline.clone()));
        let mut by_name: BTreeMap<String, Arc<Pipeline>> = own.collect();
        for (name, pipeline) in repositories.iter().flat_map(|one| &one.pipelines) {
            by_name.entry(name.clone()).or_insert_with(|| pipeline.clone());
        }
        by_name.into_values().collect()
    }

    /// One pipeline.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.own(name).or_else(|| self.synced(name))
    }

    fn all_own(&self) -> Vec<Arc<Pipeline>> {
        self.inner.pipelines.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One of the folder.
    fn own(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.inner.pipelines.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// How much the code of one pipeline may be.
    #[must_use]
    pub fn limits(&self) -> CodeLimits {
        self.inner.limits
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
        let known: Vec<PipelineName> = self.all_own().iter().map(|p| p.name.clone()).collect();
        for gone in known.iter().filter(|name| !names.contains_key(name.as_str())) {
            self.put(gone.as_str(), None);
        }
        self.refresh_some(names.into_iter().collect())
    }

    /// Reads these pipelines again; one that does not let itself be read to an end keeps none of the others.
    fn refresh_some(&self, places: Vec<(String, PathBuf)>) -> std::io::Result<()> {
        let mut result = Ok(());
        for (name, place, read) in look::read_bounded(self, places) {
            match read {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    let mistake = Mistake::of_file("", error.to_string());
                    let cure =
                        "Look at the file system that it lies on; it is read again when a run is asked for.";
                    let refused = Pipeline::refused(&name, &place, vec![mistake.with_cure(cure)]);
                    self.put(&name, Some(Arc::new(refused)));
                }
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// Reads one pipeline again; what has not changed since is not read.
    ///
    /// # Errors
    /// If the machine does not let it be read now: it stays as it was.
    pub fn refresh_one(&self, name: &str) -> std::io::Result<Option<Arc<Pipeline>>> {
        self.refresh_at(name, &self.place(name))
    }

    fn refresh_at(&self, name: &str, place: &Path) -> std::io::Result<Option<Arc<Pipeline>>> {
        let former = self.own(name);
        let pipeline = if read::is_served(name) {
            read::read_again(name, place, self.inner.limits, former.as_ref())?
        } else {
            None
        };
        self.put(name, pipeline.clone());
        Ok(pipeline)
    }

    /// Where a pipeline is, or would be.
    fn place(&self, name: &str) -> PathBuf {
        if let Some(known) = self.own(name) {
            return known.folder.clone();
        }
        // As a name that is no text is shown: there is no other way back.
        let odd = name.contains('\\').then(|| read::names(&self.inner.folder).ok()?.remove(name)).flatten();
        odd.unwrap_or_else(|| self.inner.folder.join(name))
    }

    fn put(&self, name: &str, pipeline: Option<Arc<Pipeline>>) {
        let same = |new: &Arc<Pipeline>| self.own(name).is_some_and(|old| Arc::ptr_eq(&old, new));
        if pipeline.as_ref().is_some_and(same) {
            return;
        }
        let mut pipelines = self.inner.pipelines.write().unwrap_or_else(PoisonError::into_inner);
        let changed = match pipeline {
            Some(new) => {
                let same = pipelines.get(name).is_some_and(|old| old.same_as(&new));
                pipelines.insert(new.name.clone(), new);
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
