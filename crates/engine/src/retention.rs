//! Collecting what is no longer kept: ended runs first, then everything that nothing refers to any more.
//!
//! Only what Rigi made is ever touched: rows of its tables, and files below its own folders whose names it gave.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rigi_local::environment::Environments;
use rigi_model::pipeline::spec::Retention;
use rigi_model::project::{ProjectFacts, ProjectState};
use rigi_model::triggers::TriggerOn;
use rigi_model::{ContentHash, ProjectName, RunId, Timestamp, UploadId, VersionHash};
use rigi_store::people::Deed;
use rigi_store::retention::{Before, Keep};
use rigi_store::{BlobKind, Blobs, Error, FilesLock, Removal, Result, Store};
use serde::Serialize;

use crate::Engine;
use crate::clock::of_files;
use crate::projects::Projects;

/// What a collection removed, or would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Ended runs.
    pub runs: u64,
    /// Files and folders.
    pub objects: u64,
    /// Python environments.
    pub environments: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// How long a key makes a request safe to repeat.
const KEYS_AGE: Duration = Duration::from_secs(24 * 3600);

/// Whether a collection removes or only counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collect {
    /// Removes.
    Remove,
    /// Counts what would go.
    Count,
}

/// Collects for one server.
#[derive(Clone)]
pub struct Collector {
    /// Whose runs and files.
    pub engine: Engine,
    /// For what they and their pipelines say of their own retention.
    pub projects: Projects,
    /// Python environments.
    pub environments: Arc<Environments>,
}

/// What came to a webhook is known for so long at least, so that it starts one run however often it comes.
const SEEN_AGAIN: Duration = Duration::from_secs(48 * 3600);

impl Collector {
    /// Collects once.
    ///
    /// # Errors
    /// If a backup is being made, or the database or a folder cannot be read or written; what was removed before stays
    /// removed.
    pub async fn collect(&self, now: Timestamp, how: Collect) -> Result<Collected> {
        let engine = &self.engine;
        if !engine.leads() {
            return Err(Error::Elsewhere("the removal of what is no longer kept"));
        }
        if how == Collect::Remove {
            self.forget_deleted(now).await?;
        }
        let files = match how {
            Collect::Remove => Some(FilesLock::collect(engine.store.data())?),
            Collect::Count => None,
        };
        if how == Collect::Remove {
            self.undo_broken_off().await?;
        }
        let db = engine.store.db();
        let (mut runs, mut in_use) = (0, InUse::of_nothing(of_files(db.created_at().await?)));
        if how == Collect::Remove {
            engine.store.forget_old_uploads(now).await?;
        }
        in_use.arriving = db.open_upload_ids().await?;
        for project in db.projects().await? {
            runs += self.collect_runs(&project, now, how).await?;
            self.collect_rows(&project, now, how, &mut in_use).await?;
        }
        let (store, age, environments) =
            (engine.store.clone(), engine.settings.collect_after, self.environments.clone());
        let swept = tokio::task::spawn_blocking(move || {
            let _nobody_copies = files;
            sweep(&store, &environments, &in_use, (now, age), how)
        })
        .await;
        Ok(Collected { runs, ..swept.map_err(|_| Error::Closed)?? })
    }

    /// Removes projects that were deleted and whose time is over.
    async fn forget_deleted(&self, now: Timestamp) -> Result<()> {
        let before = now.before(self.engine.settings.deleted_projects_age);
        for project in self.projects.all_with_deleted() {
            if project.state() == ProjectState::Deleted
                && project.facts.deleted_at.is_some_and(|at| at <= before)
            {
                let deed = Deed::of_server("rigi", now);
                self.forget(&project.facts, &deed).await?;
            }
        }
        Ok(())
    }

    /// Removes a project with all that it has: runs, files, secrets, roles, the folder of its pipelines.
    ///
    /// # Errors
    /// If runs of it have not ended, a backup is being made, or something cannot be removed; what was removed before stays removed.
    pub async fn forget(&self, project: &ProjectFacts, deed: &Deed) -> Result<()> {
        let engine = &self.engine;
        let _nobody_copies = FilesLock::collect(engine.store.data())?;
        let all = Keep { runs: Some(0), age: None, bytes: None };
        let runs = engine.store.db().removable_runs(&project.id, None, &all, deed.at).await?;
        engine.store.remove_runs(&project.id, &runs, deed.at).await?;
        let folder = self.projects.own_folder(&project.id);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
        if let Ok(Err(error)) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let what = "remove the folder of a project's pipelines".to_owned();
            return Err(Error::Io { what, source: error });
        }
        engine.store.forget_project(project, deed).await?;
        self.projects.refresh(engine).await
    }

    /// Everything that rows and the trees of datasets refer to.
    async fn content_of(&self, project: &ProjectName) -> Result<HashSet<ContentHash>> {
        let db = self.engine.store.db();
        let mut content = db.referenced_content(project).await?;
        let roots = db.dataset_roots(project).await?;
        if roots.is_empty() {
            return Ok(content);
        }
        let trees = self.engine.trees(project);
        let read = tokio::task::spawn_blocking(move || trees.content(&roots, &mut content).map(|()| content));
        read.await.map_err(|_| Error::Closed)?
    }

    /// What happened for triggers of a project. What is known of files stays while they are there: whoever looks for them sees to it.
    async fn remove_events(&self, project: &ProjectName, before: Timestamp) -> Result<()> {
        let Some(project) = self.projects.of(project) else { return Ok(()) };
        for one in self.engine.triggers_of(&project).await? {
            if !matches!(one.spec.on, TriggerOn::Files(_)) {
                self.engine.store.remove_trigger_events(&one.key, before).await?;
            }
        }
        Ok(())
    }

    /// Rows of a project that nothing refers to; then what is in use.
    async fn collect_rows(
        &self,
        project: &ProjectName,
        now: Timestamp,
        how: Collect,
        in_use: &mut InUse,
    ) -> Result<()> {
        let engine = &self.engine;
        let db = engine.store.db();
        let used = db.used_by_runs(project).await?;
        if how == Collect::Remove {
            if let Some(age) = engine.settings.keep.age {
                engine.store.remove_fires(project, now.before(age)).await?;
                engine.store.remove_backfills(project, now.before(age)).await?;
                // What came within two days may come again.
                let age = age.max(SEEN_AGAIN);
                engine.store.remove_deliveries(project, now.before(age)).await?;
                self.remove_events(project, now.before(age)).await?;
            }
            let _nobody_submits = engine.captured.gate.write().await;
            engine.captured.forget();
            let before = Before {
                versions: now.before(engine.settings.collect_after),
                uploads: now.before(engine.settings.uploads_age),
                keys: now.before(KEYS_AGE),
            };
            engine.store.remove_unreferenced(project, &used, &before).await?;
        }
        in_use.environments.extend(used.environments);
        in_use.versions.extend(db.versions(project).await?);
        in_use.files.push(Files {
            blobs: engine.store.blobs(project),
            content: self.content_of(project).await?,
            logs: db.referenced_logs(project).await?,
            gone: self.gone(project).await?,
        });
        Ok(())
    }

    /// Runs that have files of their own in the storage, and are not known any more.
    async fn gone(&self, project: &ProjectName) -> Result<Vec<RunId>> {
        let store = &self.engine.store;
        let blobs = store.blobs(project);
        let found = tokio::task::spawn_blocking(move || blobs.runs_with_files()).await;
        let found = match found.map_err(|_| Error::Closed)? {
            Ok(found) => found,
            // All that is not in the bucket is collected all the same.
            Err(error @ Error::Storage { .. }) => {
                tracing::warn!(%error, "what runs have written to the storage is not looked at");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let known = store.db().runs_by_id(&found).await?;
        let known: HashSet<RunId> = known.into_iter().map(|run| run.request.id).collect();
        Ok(found.into_iter().filter(|run| !known.contains(run)).collect())
    }

    async fn collect_runs(&self, project: &ProjectName, now: Timestamp, how: Collect) -> Result<u64> {
        let Engine { store, settings, .. } = &self.engine;
        let own = self.projects.of(project);
        let (catalog, kept) =
            (own.as_ref().map(|own| &own.catalog), own.as_ref().map(|own| &own.settings.retention));
        let server = keep_of(&settings.keep, kept);
        let mut removable = HashSet::new();
        for pipeline in store.db().pipelines_with_runs(project).await? {
            let own = catalog
                .and_then(|catalog| catalog.get(pipeline.as_str()))
                .and_then(|p| p.outcome.as_ref().ok().map(|r| r.spec.retention.clone()));
            let keep = keep_of(&server, own.as_ref());
            removable.extend(store.db().removable_runs(project, Some(&pipeline), &keep, now).await?);
        }
        let overall = Keep { runs: None, age: None, bytes: settings.keep_bytes };
        if overall.bytes.is_some() {
            removable.extend(store.db().removable_runs(project, None, &overall, now).await?);
        }
        let mut removable: Vec<_> = removable.into_iter().collect();
        removable.sort();
        match how {
            Collect::Remove => store.remove_runs(project, &removable, now).await,
            Collect::Count => Ok(removable.len() as u64),
        }
    }
}

/// What something refers to.
struct InUse {
    files: Vec<Files>,
    versions: HashSet<VersionHash>,
    environments: HashSet<String>,
    /// Uploads that have not ended.
    arriving: HashSet<UploadId>,
    /// The database remembers nothing from before: what is older may be in use by one that was lost.
    since: SystemTime,
}

impl InUse {
    fn of_nothing(since: SystemTime) -> Self {
        Self {
            files: Vec::new(),
            versions: HashSet::new(),
            environments: HashSet::new(),
            arriving: HashSet::new(),
            since,
        }
    }
}

/// The stored files of one project, and what of it something refers to.
struct Files {
    blobs: Blobs,
    content: HashSet<ContentHash>,
    logs: HashSet<String>,
    /// Runs that are no more, and have written to the bucket themselves.
    gone: Vec<RunId>,
}

/// What is stored by name, and whether a name is in use.
type Parts<'a> = [(BlobKind, &'a dyn Fn(&str) -> bool); 2];

fn sweep(
    store: &Store,
    environments: &Environments,
    in_use: &InUse,
    (now, age): (Timestamp, Duration),
    how: Collect,
) -> Result<Collected> {
    let now = of_files(now);
    let before = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    // What the database does not know, it may have forgotten only since it is there.
    let known = Sweep { ages: in_use.since..before, how };
    let sweep = Sweep { ages: SystemTime::UNIX_EPOCH..before, how };
    let mut swept = Collected::default();
    sweep.files(
        &store.data().join("cache").join("code"),
        0,
        &|name| name.parse().is_ok_and(|hash| in_use.versions.contains(&hash)),
        &mut swept,
    )?;
    sweep.files(&store.data().join("tmp"), 0, &|_| false, &mut swept)?;
    let is_arriving = |name: &str| Blobs::is_arriving(name, &in_use.arriving);
    sweep.files(store.storage().arriving_folder(), 0, &is_arriving, &mut swept)?;
    if how == Collect::Remove {
        let collected = environments.collect(&in_use.environments, age, now);
        swept.environments = collected.count;
        swept.bytes += collected.bytes;
    }
    // Last: a bucket may be away, and all else is collected all the same.
    for files in &in_use.files {
        known.stored(files, &mut swept)?;
    }
    Ok(swept)
}

/// A pipeline's or a project's own retention, with the wider one where it says nothing.
fn keep_of(server: &Keep, own: Option<&Retention>) -> Keep {
    let Some(own) = own else { return *server };
    Keep { runs: own.runs.or(server.runs), age: own.age.or(server.age), bytes: own.bytes.or(server.bytes) }
}

struct Sweep {
    /// When what may go was last changed.
    ages: Range<SystemTime>,
    how: Collect,
}

impl Sweep {
    /// Stored files of a project.
    fn stored(&self, files: &Files, swept: &mut Collected) -> Result<()> {
        let shard =
            |name: &str| name.split('.').next().map(|run| run[run.len().saturating_sub(4)..].to_owned());
        let is_log =
            |name: &str| shard(name).is_some_and(|shard| files.logs.contains(&format!("{shard}/{name}")));
        let is_content = |name: &str| name.parse().is_ok_and(|hash| files.content.contains(&hash));
        let parts: Parts<'_> = [(BlobKind::Blobs, &is_content), (BlobKind::Logs, &is_log)];
        let Some(root) = files.blobs.folder() else {
            return self.bucket(&files.blobs, parts, &files.gone, swept);
        };
        for (part, in_use) in parts {
            self.files(&root.join(part.folder()), 1, in_use, swept)?;
        }
        self.of_runs(&files.blobs, &files.gone, swept)?;
        if self.how == Collect::Remove {
            let count = files.blobs.give_up_parts(self.ages.end);
            if count > 0 {
                tracing::info!(count, "gave up files that came in parts and were broken off");
            }
        }
        Ok(())
    }

    /// What runs have written themselves that are not known any more.
    fn of_runs(&self, blobs: &Blobs, gone: &[RunId], swept: &mut Collected) -> Result<()> {
        let removal = if self.how == Collect::Remove { Removal::Now } else { Removal::Counted };
        for run in gone {
            let (objects, bytes) = blobs.remove_files_of(run, &self.ages, removal)?;
            swept.objects += objects;
            swept.bytes += bytes;
        }
        Ok(())
    }

    /// Removes files below `folder`, `depth` folders deep, that are old enough and not in use.
    fn files(
        &self,
        folder: &Path,
        depth: u32,
        in_use: &dyn Fn(&str) -> bool,
        swept: &mut Collected,
    ) -> Result<()> {
        let what = |source| Error::Io { what: format!("collect in {}", folder.display()), source };
        let items = match fs::read_dir(folder) {
            Ok(items) => items,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(what(error)),
        };
        for item in items {
            let item = item.map_err(what)?;
            let (path, facts) = (item.path(), item.metadata().map_err(what)?);
            let name = item.file_name();
            if facts.is_dir() && depth > 0 {
                self.files(&path, depth - 1, in_use, swept)?;
            } else if self.is_old(&facts) && name.to_str().is_some_and(|name| !in_use(name)) {
                swept.objects += 1;
                swept.bytes += facts.len();
                if self.how == Collect::Remove {
                    remove(&path, &facts).map_err(what)?;
                }
            }
        }
        Ok(())
    }

    /// The same in a bucket.
    fn bucket(&self, blobs: &Blobs, parts: Parts<'_>, gone: &[RunId], swept: &mut Collected) -> Result<()> {
        let removal = if self.how == Collect::Remove { Removal::Now } else { Removal::Counted };
        for (part, in_use) in parts {
            let (objects, bytes) = blobs.collect(part, &self.ages, removal, in_use)?;
            swept.objects += objects;
            swept.bytes += bytes;
        }
        self.of_runs(blobs, gone, swept)?;
        if removal == Removal::Now { blobs.tidy(self.ages.end) } else { Ok(()) }
    }

    fn is_old(&self, facts: &fs::Metadata) -> bool {
        facts.modified().is_ok_and(|modified| self.ages.contains(&modified))
    }
}

fn remove(path: &Path, facts: &fs::Metadata) -> std::io::Result<()> {
    if facts.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

impl Collector {
    /// Collects a while after something ended, and again while things go on ending.
    ///
    /// Nothing ends, nothing is looked at: an idle server stays idle.
    pub async fn run(self, every: Duration) {
        match FilesLock::collect(self.engine.store.data()) {
            Ok(_nobody_brings) => {
                if let Err(error) = self.undo_broken_off().await {
                    tracing::warn!(%error, "what was left of a project that was being brought in is not all removed");
                }
            }
            Err(error) => tracing::info!(%error, "what was being brought in is looked at later"),
        }
        loop {
            let mut commits = self.engine.store().commits();
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = commits.recv().await {
                return;
            }
            drop(commits);
            tokio::time::sleep(every).await;
            match self.collect(self.engine.ages(), Collect::Remove).await {
                Ok(collected) => tracing::info!(?collected, "collected what is no longer kept"),
                Err(error) => tracing::warn!(%error, "what is no longer kept was not all removed"),
            }
        }
    }
}
