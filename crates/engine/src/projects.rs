//! The projects of this server, as they are now: those that the configuration says are there, and those that people have made.
//!
//! What rows, files and limits carry is a project's id; people know it by its name. Here one becomes the other. What the
//! configuration says of a project counts before what is stored of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rigi_model::ProjectName;
use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::project::{ProjectFacts, ProjectSettings, ProjectState};
use rigi_store::{Commit, Store};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::Engine;
use crate::catalog::Catalog;
use crate::folder::CodeLimits;

/// What the configuration says of a project.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Folder of its pipelines.
    pub folder: PathBuf,
    /// It takes no more.
    pub archived: bool,
    /// What is set there.
    pub settings: ProjectSettings,
}

/// Where projects come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// From the configuration.
    pub declared: BTreeMap<ProjectName, Declared>,
    /// Folder in which those that people make have the folders of their pipelines.
    pub folder: PathBuf,
    /// Of the code of one pipeline.
    pub limits: CodeLimits,
}

/// A project as it is now.
pub struct Project {
    /// What is stored of it.
    pub facts: ProjectFacts,
    /// What the configuration says of it; `None`: nothing.
    pub declared: Option<Declared>,
    /// What counts.
    pub settings: ProjectSettings,
    /// Its pipelines.
    pub catalog: Catalog,
}

impl Project {
    /// What rows and files carry.
    #[must_use]
    pub const fn id(&self) -> &ProjectName {
        &self.facts.id
    }

    /// What people call it.
    #[must_use]
    pub const fn name(&self) -> &ProjectName {
        if self.declared.is_some() { &self.facts.id } else { &self.facts.name }
    }

    /// Whether it is worked in.
    #[must_use]
    pub fn state(&self) -> ProjectState {
        match &self.declared {
            Some(Declared { archived: true, .. }) => ProjectState::Archived,
            Some(_) if self.facts.state == ProjectState::Deleted => ProjectState::Open,
            _ => self.facts.state,
        }
    }
}

#[derive(Default)]
struct Book {
    by_id: BTreeMap<ProjectName, Arc<Project>>,
    /// Ids by the names that lead to them.
    ids: BTreeMap<ProjectName, ProjectName>,
}

impl Book {
    fn of(all: Vec<Project>) -> Self {
        let mut ids = BTreeMap::new();
        let shown = |project: &&Project| project.state() != ProjectState::Deleted;
        // Whoever comes first keeps a name: the configuration, then what a project is called, then what it was called.
        for project in all.iter().filter(|project| project.declared.is_some()) {
            ids.entry(project.id().clone()).or_insert_with(|| project.id().clone());
        }
        for project in all.iter().filter(shown).chain(all.iter().filter(|project| !shown(project))) {
            ids.entry(project.name().clone()).or_insert_with(|| project.id().clone());
        }
        for project in &all {
            for former in project.facts.former.iter().chain([project.id()]) {
                ids.entry(former.clone()).or_insert_with(|| project.id().clone());
            }
        }
        Self {
            by_id: all.into_iter().map(|project| (project.id().clone(), Arc::new(project))).collect(),
            ids,
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Projects {
    sources: Arc<Sources>,
    book: Arc<RwLock<Arc<Book>>>,
    /// Held while they are read again.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Projects {
    /// Reads them all, and the folders of their pipelines. Those of the configuration are made where they are not there.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read(store: &Store, sources: Sources) -> rigi_store::Result<Self> {
        for project in sources.declared.keys() {
            store.add_project(project, rigi_model::Timestamp::now()).await?;
        }
        let projects = Self { sources: Arc::new(sources), book: Arc::default(), reading: Arc::default() };
        projects.read_again(store).await?;
        Ok(projects)
    }

    fn book(&self) -> Arc<Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one of this id, if it is not deleted.
    #[must_use]
    pub fn of(&self, id: &ProjectName) -> Option<Arc<Project>> {
        self.with_deleted(id).filter(|project| project.state() != ProjectState::Deleted)
    }

    /// The one of this id.
    #[must_use]
    pub fn with_deleted(&self, id: &ProjectName) -> Option<Arc<Project>> {
        self.book().by_id.get(id).cloned()
    }

    /// The pipelines of a project that is not deleted.
    #[must_use]
    pub fn catalog(&self, id: &ProjectName) -> Option<Catalog> {
        self.of(id).map(|project| project.catalog.clone())
    }

    /// What a project is called; its id, if it is not known.
    #[must_use]
    pub fn name_of(&self, id: &ProjectName) -> ProjectName {
        self.with_deleted(id).map_or_else(|| id.clone(), |project| project.name().clone())
    }

    /// Which id a name stands for: that of a project which is called so, or was.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<ProjectName> {
        self.book().ids.get(name).cloned()
    }

    /// All that are not deleted, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Project>> {
        let mut all = self.all_with_deleted();
        all.retain(|project| project.state() != ProjectState::Deleted);
        all
    }

    /// All, by id.
    #[must_use]
    pub fn all_with_deleted(&self) -> Vec<Arc<Project>> {
        self.book().by_id.values().cloned().collect()
    }

    /// The folder of the pipelines of a project that people made.
    pub(crate) fn own_folder(&self, id: &ProjectName) -> PathBuf {
        self.sources.folder.join(id.as_str())
    }

    /// Reads them again, after they were changed.
    ///
    /// # Errors
    /// If the database does not answer: they stay as they were.
    pub async fn refresh(&self, engine: &Engine) -> rigi_store::Result<()> {
        let before = self.book();
        self.read_again(engine.store()).await?;
        for project in self.all_with_deleted() {
            let known = before.by_id.get(project.id());
            if known.is_none() {
                follow(&project, engine);
            }
            if known.is_none_or(|known| known.settings != project.settings) {
                engine.set_project(project.id(), &project.settings);
            }
        }
        Ok(())
    }

    async fn read_again(&self, store: &Store) -> rigi_store::Result<()> {
        let _one = self.reading.lock().await;
        let facts = store.db().project_facts().await?;
        let (before, sources) = (self.book(), self.sources.clone());
        let read = move || facts.into_iter().filter_map(|facts| project(facts, &before, &sources)).collect();
        let all = tokio::task::spawn_blocking(read).await.map_err(|_| rigi_store::Error::Closed)?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Book::of(all));
        Ok(())
    }

    /// Tells the settings of an engine that is yet to start what is set for each.
    pub fn set_in(&self, settings: &crate::Settings) {
        for project in self.all_with_deleted() {
            settings.projects.set(project.id().clone(), project.settings.clone());
        }
    }

    /// Follows the folders of all, and what other servers of the database make of them.
    pub fn follow(&self, engine: &Engine) {
        self.all_with_deleted().iter().for_each(|project| follow(project, engine));
        if engine.store().db().is_shared() {
            tokio::spawn(hear(self.clone(), engine.clone(), engine.store().commits()));
        }
    }
}

/// What is stored of a project becomes one; `None`: the configuration had it, and has it no more.
fn project(facts: ProjectFacts, before: &Book, sources: &Sources) -> Option<Project> {
    let declared = sources.declared.get(&facts.id).cloned();
    let folder = match &declared {
        Some(declared) => declared.folder.clone(),
        None if facts.made => sources.folder.join(facts.id.as_str()),
        None => return None,
    };
    let known = before.by_id.get(&facts.id).map(|project| project.catalog.clone());
    let read = || {
        if declared.is_none()
            && let Err(error) = std::fs::create_dir_all(&folder)
        {
            tracing::warn!(folder = %folder.display(), %error, "the folder of a project's pipelines cannot be made");
        }
        Catalog::read(facts.id.clone(), &folder, sources.limits)
    };
    let catalog = known.unwrap_or_else(read);
    let given = declared.as_ref().map(|declared| declared.settings.clone()).unwrap_or_default();
    Some(Project { settings: given.or(facts.settings.clone()), facts, declared, catalog })
}

fn follow(project: &Project, engine: &Engine) {
    if let Err(error) = project.catalog.watch() {
        project.catalog.not_followed(&error);
    }
    engine.follow_limits(&project.catalog);
}

async fn hear(projects: Projects, engine: Engine, mut commits: broadcast::Receiver<Commit>) {
    loop {
        let changed = match commits.recv().await {
            Ok(commit) => commit.others.iter().any(|change| {
                change.subject == Subject::Project && change.kind != SubjectEvent::RUNS_REMOVED
            }),
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        if changed && let Err(error) = projects.refresh(&engine).await {
            tracing::warn!(%error, "what another server made of projects is not seen yet");
        }
    }
}
