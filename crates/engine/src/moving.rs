//! Projects on their way: taken along as one archive, and brought in from one.

use std::fs::File;
use std::io::Write;

use rigi_model::project::{ProjectFacts, ProjectSettings};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::archive::{Arrival, Put, Refused, Tail, Taking, put, take};
use rigi_store::people::Deed;
use rigi_store::{Error, FilesLock, Result};
use tokio::runtime::Handle;

use crate::Engine;
use crate::projects::Project;
use crate::retention::Collector;

/// Writes a project into `to`, which sets the pace; answers when all of it is written.
///
/// # Errors
/// If something cannot be read, or nobody takes it any more.
pub async fn export(engine: &Engine, project: &Project, to: impl Write + Send + 'static) -> Result<Tail> {
    let taking = Taking {
        id: project.id().clone(),
        name: project.name().clone(),
        settings: project.settings.clone(),
        folder: project.catalog.folder().to_owned(),
        at: Timestamp::now(),
    };
    let (store, runtime) = (engine.store().clone(), Handle::current());
    let taken = tokio::task::spawn_blocking(move || runtime.block_on(take(&store, &taking, to)));
    taken.await.map_err(|_| Error::Closed)?
}

impl Collector {
    /// Brings in what an archive holds, as a project of this name; whoever asks may go, it is brought to an end.
    ///
    /// # Errors
    /// If it is refused, or cannot be written: then nothing of it is left.
    pub async fn import(
        &self,
        archive: File,
        (name, settings): (ProjectName, ProjectSettings),
        deed: Deed,
    ) -> Result<(ProjectFacts, Put), Refused> {
        if !self.engine.leads() {
            return Err(Error::Elsewhere("bringing in a project").into());
        }
        let own = self.clone();
        let brought = tokio::spawn(async move { own.bring(archive, name, settings, &deed).await });
        brought.await.map_err(|_| Error::Closed)?
    }

    async fn bring(
        &self,
        archive: File,
        name: ProjectName,
        settings: ProjectSettings,
        deed: &Deed,
    ) -> Result<(ProjectFacts, Put), Refused> {
        let (store, runtime) = (self.engine.store().clone(), Handle::current());
        let data = store.data().to_owned();
        let kept = tokio::task::spawn_blocking(move || FilesLock::keep(&data)).await;
        // To the end: what is not open yet would count as broken off.
        let _nobody_collects = kept.map_err(|_| Error::Closed)??;
        let is_free = |id: &ProjectName| std::fs::symlink_metadata(self.projects.own_folder(id)).is_err();
        let facts = store.begin_project(&name, settings, deed, is_free).await?;
        let folder = self.projects.own_folder(&facts.id);
        let arrival = Arrival { id: facts.id.clone(), folder, most: self.engine.room().left() };
        let within = store.clone();
        let done = tokio::task::spawn_blocking(move || put(&within, &runtime, &arrival, archive)).await;
        let opened = match done.map_err(|_| Refused::from(Error::Closed)) {
            Ok(Ok(put)) => store.open_project(&facts, deed).await.map(|()| put).map_err(Refused::from),
            Ok(Err(refused)) | Err(refused) => Err(refused),
        };
        match opened {
            Ok(put) => Ok((facts, put)),
            Err(refused) => {
                if let Err(error) = self.undo(&facts.id).await {
                    tracing::warn!(%error, project = %facts.id, "what was brought in is not all removed; it is at the next start");
                }
                Err(refused)
            }
        }
    }

    async fn undo(&self, id: &ProjectName) -> Result<()> {
        let folder = self.projects.own_folder(id);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
        if let Ok(Err(source)) = removed
            && source.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::Io { what: "remove the folder of a project's pipelines".to_owned(), source });
        }
        self.engine.store().undo_project(id).await
    }

    /// Removes what is left of projects that were being brought in when a server ended. Whoever asks keeps others from bringing any in.
    pub(crate) async fn undo_broken_off(&self) -> Result<()> {
        for id in self.engine.store().db().coming_projects().await? {
            tracing::info!(project = %id, "removing what is left of a project that was being brought in");
            self.undo(&id).await?;
        }
        Ok(())
    }
}
