//! One sync: what the repository has now is taken, held against what is there, and written in one piece, or nothing is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use rigi_model::repositories::plan::{Plan, PlanFile, PlanPipeline, PlanPipelines, diff};
use rigi_model::repositories::{Cause, Outcome, RepositorySpec};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::people::Deed;
use rigi_store::repositories::{NewParts, Opened, Repository, RepositoryTree, Sync};

use super::access::{Asked, Desk, git};
use super::error::{Failure, SyncError};
use super::guard::look_up;
use super::take::{Taken, fetch, newest, take};
use super::{Looked, Repositories};
use crate::catalog::{Catalog, OfRepository, Pipeline};

/// What somebody wants of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To have it.
    Sync,
    /// To see what it would change.
    Plan,
}

/// What a sync came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whether something changed, or would.
    pub outcome: Outcome,
    /// What.
    pub plan: Plan,
}

/// What a blocking part of a sync needs, and what it says.
struct Job {
    repository: Repository,
    opened: Opened,
    former: Option<RepositoryTree>,
    /// Which sync it is: another server may be first, and then this one is refused.
    number: i64,
    catalog: Catalog,
}

/// What it comes to.
enum Got {
    Unchanged(String),
    Taken(Taken, OfRepository),
}

impl Repositories {
    /// Brings a repository's pipelines to what it has now, or says what that would change.
    ///
    /// # Errors
    /// [`SyncError`]: then nothing has changed.
    pub async fn sync(
        &self,
        project: &ProjectName,
        name: &str,
        (cause, wish): (Cause, Wish),
        deed: &Deed,
    ) -> Result<Report, SyncError> {
        let live = self.live(project, name);
        let _one = live.one.lock().await;
        // Whoever calls from now on may mean what is not seen by this one.
        live.called.store(false, Ordering::Release);
        let begun_at = Timestamp::now();
        let db = self.engine.store().db();
        let repository = db.repository(project, name).await?;
        let former = db.repository_trees(project).await?.into_iter().find(|tree| tree.repository == name);
        let synced = self.sync_one(project, repository, former, (cause, wish, begun_at), deed).await;
        let failure = match &synced {
            Err(SyncError::Failed(failure)) => Some(failure.clone()),
            _ => None,
        };
        if let Some(failure) = failure.as_ref().filter(|_| wish == Wish::Sync) {
            self.note_failure(project, name, failure, (cause, begun_at), deed).await?;
        }
        if synced.is_ok() || failure.is_some() {
            let looked = Looked { at: Timestamp::now(), failure };
            *live.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(looked);
        }
        synced
    }

    /// Its host says that something was pushed: it is synced soon, once for all who say so meanwhile.
    pub fn called(&self, project: &ProjectName, name: &str) {
        if self.live(project, name).called.swap(true, Ordering::AcqRel) {
            return;
        }
        let (this, project, name) = (self.clone(), project.clone(), name.to_owned());
        tokio::spawn(async move {
            let deed = Deed::of_server("webhook", Timestamp::now());
            if let Err(error) = this.sync(&project, &name, (Cause::Webhook, Wish::Sync), &deed).await {
                tracing::warn!(%project, repository = name, %error, "a repository was not synced");
            }
        });
    }

    async fn sync_one(
        &self,
        project: &ProjectName,
        repository: Repository,
        former: Option<RepositoryTree>,
        (cause, wish, begun_at): (Cause, Wish, Timestamp),
        deed: &Deed,
    ) -> Result<Report, SyncError> {
        let store = self.engine.store();
        let catalog = self.projects.catalog(project).ok_or(rigi_store::Error::Closed)?;
        let opened = store.open_repository(project, &repository).await?;
        let (name, spec) = (repository.name.clone(), repository.spec.clone());
        let newest = store.db().syncs(project, &name, None, 1).await?.first().map_or(0, |sync| sync.number);
        let number = newest.max(former.as_ref().map_or(0, |tree| tree.number)) + 1;
        let job = Job { repository, opened, former: former.clone(), number, catalog: catalog.clone() };
        let (this, of) = (self.clone(), project.clone());
        let taken = tokio::task::spawn_blocking(move || this.get(&of, job)).await;
        let (host_key, got) = taken.map_err(|_| rigi_store::Error::Closed)?;
        // By whatever key a host was first known, it is known from then on, however that went.
        if let Some(host_key) = host_key {
            self.pin(project, &name, host_key, deed).await?;
        }
        let (taken, of) = match got? {
            Got::Unchanged(commit) => {
                let same = former.map(|tree| names(&tree)).unwrap_or_default();
                let plan = Plan { before: Some(commit.clone()), commit, same, ..Plan::default() };
                return Ok(Report { outcome: Outcome::Unchanged, plan });
            }
            Got::Taken(taken, of) => (taken, of),
        };
        let plan = plan(&catalog, &name, former.as_ref(), &taken, &of);
        if wish == Wish::Plan {
            return Ok(Report { outcome: Outcome::Changed, plan });
        }
        let sync = Sync {
            number: of.number,
            begun_at,
            ended_at: of.synced_at,
            cause,
            asked_by: deed.actor.clone(),
            outcome: Outcome::Changed,
            commit: Some(taken.commit.clone()),
            plan: Some(plan.clone()),
            message: None,
        };
        let tree = tree(&name, &spec, taken, &of);
        store.note_sync(project, &name, &sync, Some(&tree), deed).await?;
        catalog.set_repository(&name, Some(Arc::new(of)));
        Ok(Report { outcome: Outcome::Changed, plan })
    }

    /// All that waits for programs and disks. Also by which key the host is known, where it was not before.
    fn get(&self, project: &ProjectName, job: Job) -> (Option<String>, Result<Got, SyncError>) {
        let desk = match Desk::open(self.engine.store().data()) {
            Ok(desk) => desk,
            Err(failure) => return (None, Err(failure.into())),
        };
        let unknown = job.repository.host_key.is_none();
        let got = self.get_at(&desk, project, &job);
        (desk.host_key().filter(|_| unknown), got)
    }

    fn get_at(&self, desk: &Desk, project: &ProjectName, job: &Job) -> Result<Got, SyncError> {
        let (store, settings) = (self.engine.store(), &*self.settings);
        let Job { repository, opened, former, number, catalog } = job;
        let spec = &repository.spec;
        let address = spec.check().map_err(|(field, why)| {
            Failure::new(format!("`{}`: {why}", &field[1..]), "Change it: `rigi repositories edit`.")
        })?;
        let place = look_up(&address, settings)?;
        let host_key = repository.host_key.as_deref();
        let asked = Asked { address: &address, spec, place: &place, opened, host_key };
        let folder = self.folder(project, &repository.name);
        let git = git(&asked, desk, folder, settings, Instant::now() + settings.timeout)?;
        let now = newest(&git, &address, &spec.reference)?;
        if let (Some(now), Some(former)) = (&now, former)
            && former.commit == *now
            && takes_the_same(&former.spec, spec)
        {
            return Ok(Got::Unchanged(now.clone()));
        }
        let fetched = fetch(&git, &address, &spec.reference)?;
        let blobs = store.blobs(project);
        let files = former.as_ref().map(|tree| tree.files.as_slice()).unwrap_or_default();
        let taken = take(&git, fetched, spec, &blobs, files, (settings, catalog.limits()))?;
        let synced_at = Timestamp::now()
            .max(former.as_ref().map_or(Timestamp(0), |tree| Timestamp(tree.synced_at.0 + 1)));
        let tree = RepositoryTree {
            repository: repository.name.clone(),
            number: *number,
            commit: taken.commit.clone(),
            spec: spec.clone(),
            files: taken.files.clone(),
            told: taken.left_out.clone(),
            synced_at,
        };
        let of = OfRepository::read(&tree, &blobs, catalog.limits());
        Ok(Got::Taken(taken, of))
    }

    async fn pin(
        &self,
        project: &ProjectName,
        name: &str,
        host_key: String,
        deed: &Deed,
    ) -> Result<(), SyncError> {
        let store = self.engine.store();
        let mut repository = store.db().repository(project, name).await?;
        repository.host_key = Some(host_key);
        store
            .put_repository(project, repository, NewParts::default(), "repositories.pin-host-key", deed)
            .await?;
        Ok(())
    }

    /// What goes wrong each time that its time comes is noted once.
    async fn note_failure(
        &self,
        project: &ProjectName,
        name: &str,
        failure: &Failure,
        (cause, begun_at): (Cause, Timestamp),
        deed: &Deed,
    ) -> Result<(), SyncError> {
        let store = self.engine.store();
        let newest = store.db().syncs(project, name, None, 1).await?.into_iter().next();
        let is_known = |sync: &Sync| {
            sync.outcome == Outcome::Failed && sync.message.as_deref() == Some(&*failure.message)
        };
        if cause != Cause::Hand && newest.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        let sync = Sync {
            number: newest.map_or(0, |sync| sync.number) + 1,
            begun_at,
            ended_at: Timestamp::now(),
            cause,
            asked_by: deed.actor.clone(),
            outcome: Outcome::Failed,
            commit: None,
            plan: None,
            message: Some(failure.message.clone()),
        };
        Ok(store.note_sync(project, name, &sync, None, deed).await?)
    }
}

fn tree(name: &str, spec: &RepositorySpec, taken: Taken, of: &OfRepository) -> RepositoryTree {
    RepositoryTree {
        repository: name.to_owned(),
        number: of.number,
        commit: taken.commit,
        spec: spec.clone(),
        files: taken.files,
        told: taken.left_out,
        synced_at: of.synced_at,
    }
}

/// Whether another spec takes the same of the same commit.
fn takes_the_same(before: &RepositorySpec, now: &RepositorySpec) -> bool {
    before.url == now.url
        && before.folder == now.folder
        && before.forge == now.forge
        && before.reference == now.reference
}

fn by_name(tree: &RepositoryTree) -> PlanPipelines<'_> {
    let mut all = PlanPipelines::new();
    for file in &tree.files {
        let Some((name, path)) = file.path.split_once('/') else { continue };
        let one = PlanFile { path, sha256: file.sha256, executable: file.executable };
        all.entry(name).or_default().files.push(one);
    }
    all
}

fn names(tree: &RepositoryTree) -> usize {
    by_name(tree).len()
}

fn plan(
    catalog: &Catalog,
    repository: &str,
    former: Option<&RepositoryTree>,
    taken: &Taken,
    of: &OfRepository,
) -> Plan {
    let mut before = former.map(by_name).unwrap_or_default();
    // Data that no pipeline is made of is in the tree, and nobody's.
    let were: Option<BTreeMap<_, _>> =
        catalog.repositories().iter().find(|one| one.name == repository).map(|one| {
            one.pipelines.iter().map(|(name, pipeline)| (name.clone(), pipeline.clone())).collect()
        });
    if let Some(were) = &were {
        before.retain(|name, _| were.contains_key(*name));
    }
    let mut after = PlanPipelines::new();
    for file in &taken.files {
        let Some((name, path)) = file.path.split_once('/') else { continue };
        if of.pipelines.contains_key(name) {
            let one = PlanFile { path, sha256: file.sha256, executable: file.executable };
            after.entry(name).or_default().files.push(one);
        }
    }
    for (name, pipeline) in &of.pipelines {
        if let Some(planned) = after.get_mut(name.as_str()) {
            *planned = PlanPipeline { files: std::mem::take(&mut planned.files), ..said(pipeline) };
            planned.mistakes.extend(name_is_taken(catalog, name, repository));
        }
    }
    let (pipelines, same) = diff(&before, &after);
    Plan {
        commit: taken.commit.clone(),
        before: former.map(|tree| tree.commit.clone()),
        subject: taken.subject.clone(),
        pipelines,
        same,
        told: taken.told.clone(),
    }
}

/// What is said of a pipeline whose name is another's.
#[must_use]
pub fn name_is_taken(catalog: &Catalog, pipeline: &str, repository: &str) -> Option<String> {
    let by = catalog.taken_by(pipeline, repository)?;
    Some(format!(
        "{by} has a pipeline `{pipeline}`, which keeps the name: this one cannot be run. Rename one of both."
    ))
}

fn said<'a>(pipeline: &Pipeline) -> PlanPipeline<'a> {
    let line = |mistake: &rigi_model::pipeline::Mistake| {
        let place = pipeline.path_of(mistake);
        let place =
            if mistake.line == 0 { place } else { format!("{place}:{}:{}", mistake.line, mistake.column) };
        format!("{place}  {}", mistake.message)
    };
    let (mistakes, warnings) = match &pipeline.outcome {
        Ok(ready) => (Vec::new(), ready.warnings.iter().map(line).collect()),
        Err(mistakes) => (mistakes.iter().map(line).collect(), Vec::new()),
    };
    PlanPipeline { files: Vec::new(), mistakes, warnings }
}
