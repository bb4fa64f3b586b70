//! Git repositories that pipelines of projects come from: synced when somebody asks, when their host calls, or now and then.
//!
//! What a sync brings is stored by content and listed in one row, which is written with the sync's own: so all pipelines of a repository
//! change at once, or none; and what they are is known after a restart, and to other servers, without asking anybody.

mod access;
mod error;
mod guard;
pub mod keys;
mod program;
mod settings;
mod sync;
mod take;
mod timer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::people::Deed;
use rigi_store::repositories::{NewParts, Repository};
use rigi_store::{Commit, Store};
use tokio::sync::broadcast::{self, error::RecvError};

pub use error::{Failure, SyncError};
pub use settings::GitSettings;
pub use sync::{Report, Wish, name_is_taken};

use crate::Engine;
use crate::catalog::{Catalog, OfRepository};
use crate::projects::Projects;
use keys::KeyPair;

/// Between two tries to read what could not be read.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(30);

/// A repository of a project.
type Key = (ProjectName, String);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Repositories {
    engine: Engine,
    projects: Projects,
    settings: Arc<GitSettings>,
    /// What is known of each beside what is stored.
    live: Arc<Mutex<HashMap<Key, Arc<Live>>>>,
}

/// What is known of a repository on this server alone.
#[derive(Debug, Default)]
struct Live {
    /// Held by who syncs it.
    one: tokio::sync::Mutex<()>,
    /// Whether somebody waits to sync it because its host called.
    called: std::sync::atomic::AtomicBool,
    looked: Mutex<Option<Looked>>,
}

/// When a repository was looked at last, and what came of it.
#[derive(Debug, Clone)]
pub struct Looked {
    /// When.
    pub at: Timestamp,
    /// What went wrong.
    pub failure: Option<Failure>,
}

/// Reads what the repositories of all projects hold into their catalogs: before anybody asks for a pipeline.
///
/// # Errors
/// If the database does not answer.
pub async fn read_all(store: &Store, projects: &Projects) -> rigi_store::Result<()> {
    access::Desk::clear(store.data());
    for project in projects.all_with_deleted() {
        read(store, &project.catalog).await?;
    }
    Ok(())
}

/// Reads what the repositories of a project hold, as far as it is not known already.
async fn read(store: &Store, catalog: &Catalog) -> rigi_store::Result<()> {
    let project = catalog.project();
    let numbers = store.db().repository_numbers(project).await?;
    for known in catalog.repositories() {
        if !numbers.iter().any(|(name, _)| *name == known.name) {
            catalog.set_repository(&known.name, None);
        }
    }
    let there = catalog.repositories();
    let is_known = |(name, number): &&(String, i64)| {
        there.iter().any(|one| one.name == *name && one.number == *number && !one.unread)
    };
    if numbers.iter().all(|one| is_known(&one)) {
        return Ok(());
    }
    let (blobs, limits) = (store.blobs(project), catalog.limits());
    for tree in store.db().repository_trees(project).await? {
        if is_known(&&(tree.repository.clone(), tree.number)) {
            continue;
        }
        let (catalog, blobs) = (catalog.clone(), blobs.clone());
        let read = move || {
            let of = OfRepository::read(&tree, &blobs, limits);
            catalog.set_repository(&tree.repository, Some(Arc::new(of)));
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| rigi_store::Error::Closed)?;
    }
    Ok(())
}

impl Repositories {
    /// Of a server's projects.
    #[must_use]
    pub fn new(engine: Engine, projects: Projects, settings: GitSettings) -> Self {
        Self { engine, projects, settings: Arc::new(settings), live: Arc::default() }
    }

    /// Hears from now on what other servers sync, and syncs now and then what is to be, where this server leads.
    pub fn start(&self) {
        tokio::spawn(hear(self.clone(), self.engine.store().commits()));
        if self.engine.leads() {
            tokio::spawn(timer::run(self.clone(), self.engine.store().commits()));
        }
    }

    /// What an operator has set.
    #[must_use]
    pub fn settings(&self) -> &GitSettings {
        &self.settings
    }

    fn live(&self, project: &ProjectName, name: &str) -> Arc<Live> {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((project.clone(), name.to_owned())).or_default().clone()
    }

    /// When this server looked at a repository last, and what came of it.
    #[must_use]
    pub fn looked(&self, project: &ProjectName, name: &str) -> Option<Looked> {
        self.live(project, name).looked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its bare folder, which is made anew where it is not there.
    fn folder(&self, project: &ProjectName, name: &str) -> PathBuf {
        self.engine.store().data().join("cache").join("git").join(project.as_str()).join(name)
    }

    /// Makes a key for a repository, or takes one that is given.
    ///
    /// # Errors
    /// If `ssh-keygen` is not there, or the key is none.
    pub async fn key(&self, name: &str, given: Option<String>) -> Result<KeyPair, SyncError> {
        let (data, name) = (self.engine.store().data().to_owned(), name.to_owned());
        let make = move || match given {
            Some(text) => keys::take(&data, &text),
            None => keys::make(&data, &name),
        };
        Ok(tokio::task::spawn_blocking(make).await.map_err(|_| rigi_store::Error::Closed)??)
    }

    /// Changes a repository as it is now, or adds it: nobody syncs it meanwhile.
    ///
    /// # Errors
    /// If it cannot be written, or `change` says no.
    pub async fn change<E: From<rigi_store::Error>>(
        &self,
        project: &ProjectName,
        name: &str,
        (action, deed): (&'static str, &Deed),
        change: impl FnOnce(Option<Repository>) -> Result<(Repository, NewParts), E>,
    ) -> Result<Repository, E> {
        let live = self.live(project, name);
        let _one = live.one.lock().await;
        let store = self.engine.store();
        let there = store.db().repositories(project).await?.into_iter().find(|one| one.name == name);
        let before = there.as_ref().map(|one| one.spec.url.clone());
        let (repository, parts) = change(there)?;
        let moved = before.is_none_or(|url| url != repository.spec.url);
        let written = store.put_repository(project, repository, parts, action, deed).await?;
        if moved {
            self.forget_folder(project, name).await;
        }
        Ok(written)
    }

    /// Removes a repository, and its pipelines with it.
    ///
    /// # Errors
    /// If there is none, or it cannot be written.
    pub async fn remove(&self, project: &ProjectName, name: &str, deed: &Deed) -> rigi_store::Result<()> {
        let live = self.live(project, name);
        let _one = live.one.lock().await;
        self.engine.store().remove_repository(project, name, deed).await?;
        if let Some(project) = self.projects.with_deleted(project) {
            project.catalog.set_repository(name, None);
        }
        *live.looked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.forget_folder(project, name).await;
        Ok(())
    }

    async fn forget_folder(&self, project: &ProjectName, name: &str) {
        let folder = self.folder(project, name);
        // What stays is made anew by the next sync.
        let _ = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
    }
}

/// Reads what others commit of repositories.
async fn hear(repositories: Repositories, mut commits: broadcast::Receiver<Commit>) {
    let store = repositories.engine.store().clone();
    let mut unread: Vec<ProjectName> = Vec::new();
    loop {
        let heard = if unread.is_empty() {
            commits.recv().await.map(Some)
        } else {
            tokio::select! {
                heard = commits.recv() => heard.map(Some),
                () = tokio::time::sleep(AGAIN) => Ok(None),
            }
        };
        let matters = |kind: &str| kind == SubjectEvent::SYNCED || kind == SubjectEvent::REMOVED;
        let mut changed = std::mem::take(&mut unread);
        match heard {
            Ok(None) => {}
            Ok(Some(commit)) => changed.extend(
                commit
                    .others
                    .iter()
                    .filter(|change| change.subject == Subject::Repository && matters(&change.kind))
                    .map(|change| change.project.clone()),
            ),
            Err(RecvError::Lagged(_)) => {
                changed.extend(repositories.projects.all_with_deleted().iter().map(|one| one.id().clone()));
            }
            Err(RecvError::Closed) => return,
        }
        changed.sort_unstable();
        changed.dedup();
        for id in changed {
            let Some(project) = repositories.projects.with_deleted(&id) else { continue };
            let read = read(&store, &project.catalog).await;
            if let Err(error) = &read {
                tracing::warn!(project = %id, %error, "what was synced cannot be read; this is tried again");
            }
            if read.is_err() || project.catalog.repositories().iter().any(|one| one.unread) {
                unread.push(id);
            }
        }
    }
}
