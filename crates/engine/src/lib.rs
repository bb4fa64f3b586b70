//! What happens next: pipelines are found, runs are accepted, places are given, attempts are started and their ends kept.
//!
//! [`decide`] and the [`ledger`] are pure; [`core`] acts. The engine knows executors and the store, and nothing of HTTP.
#![forbid(unsafe_code)]

mod access;
pub mod catalog;
pub mod clock;
pub mod code;
pub mod core;
pub mod datasets;
pub mod decide;
pub mod fernet;
mod flow_words;
pub mod flows;
pub mod folder;
mod given;
mod inputs;
pub mod ledger;
pub mod moving;
pub mod notices;
pub mod projects;
pub mod quota;
pub mod repositories;
pub mod retention;
pub mod room;
mod secrets;
mod settings;
pub mod submit;
pub mod triggers;
mod watched_folders;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::pipeline::PipelineSpec;
use rigi_model::project::ProjectSettings;
use rigi_model::{Actor, AttemptKey, ProjectName, RunId, Target, Timestamp};
use rigi_store::{Run, Store};
use rigi_work::credentials::{BucketAccess, Credential};
use rigi_work::plan::{AttemptPlan, Known, Observed};
use tokio::sync::{broadcast, mpsc, oneshot};

pub use access::GatewaySettings;
pub use core::Executors;
pub use ledger::{CancelAnswer, Look, Pulse, PulseKind};
pub use settings::{OfProjects, Settings};
pub use watched_folders::WatchedFolders;

use clock::{Ages, Moment};
use core::{Core, Follower};
use decide::LimitOf;
pub use ledger::CannotPlan;
use ledger::{Message, Recovered};

/// How the core is told, how others hear what is not stored, and who hears of ends.
type Ways = (mpsc::UnboundedSender<Message>, broadcast::Sender<Pulse>, core::After);

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    settings: Arc<Settings>,
    executors: Arc<Executors>,
    captured: submit::Captured,
    entering: quota::Entering,
    stored: quota::StoredBytes,
    room: room::Room,
    ages: Arc<Mutex<Ages>>,
    versions: core::VersionCache,
    core: mpsc::UnboundedSender<Message>,
    pulses: broadcast::Sender<Pulse>,
    after: core::After,
    leads: bool,
}

impl Engine {
    /// The engine of a server that follows: it accepts and answers, and another one acts.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn follow(settings: Settings, store: Store, executors: Executors) -> rigi_store::Result<Self> {
        let (follower, outbox) = Follower::new(store.clone(), store.hear_others().await?);
        tokio::spawn(follower.run());
        let settings = Arc::new(settings);
        let versions = core::VersionCache::new(settings.clone(), store.clone());
        let (pulses, _) = broadcast::channel(16);
        let (executors, after) = with_flows(executors);
        Ok(Self::with(settings, store, executors, versions, (outbox, pulses, after), false))
    }
    /// Starts the core: what had not ended goes on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn start(
        settings: Settings,
        store: Store,
        executors: Executors,
        observed: mpsc::UnboundedReceiver<Observed>,
        known: Vec<Known>,
    ) -> rigi_store::Result<(Self, Recovered)> {
        let settings = Arc::new(settings);
        let (pulses, _) = broadcast::channel(4096);
        let versions = core::VersionCache::new(settings.clone(), store.clone());
        // An end that comes before the rules are known would be told to nobody.
        versions.rules.read(&store).await?;
        versions.awaited.expect();
        let (executors, after) = with_flows(executors);
        let (mut core, outbox) = Core::new(
            &settings,
            store.clone(),
            versions.clone(),
            executors.clone(),
            observed,
            pulses.clone(),
            after.clone(),
        );
        let adopted: Vec<_> = known.iter().map(|known| known.key.clone()).collect();
        let recovered = core.recover(known, Timestamp::now()).await?;
        for key in adopted {
            for executor in executors.values().filter(|executor| executor.renews(&key)) {
                let way = (store.clone(), settings.gateway.clone());
                tokio::spawn(access::keep_renewed(way, executor.clone(), key.clone(), None));
            }
        }
        if let Some(newest) = store.db().newest_run().await? {
            rigi_model::id::go_on_behind(&newest);
        }
        tokio::spawn(core.run());
        let engine = Self::with(settings, store, executors, versions, (outbox, pulses, after), true);
        Ok((engine, recovered))
    }

    fn with(
        settings: Arc<Settings>,
        store: Store,
        executors: Executors,
        versions: core::VersionCache,
        (core, pulses, after): Ways,
        leads: bool,
    ) -> Self {
        let room = room::Room::new(store.data().to_owned(), settings.free_disk);
        let ages = Arc::new(Mutex::new(Ages::new(Moment::now())));
        let (executors, captured) = (Arc::new(executors), submit::Captured::default());
        let (entering, stored) = (quota::Entering::default(), quota::StoredBytes::default());
        Self {
            store,
            settings,
            executors,
            captured,
            entering,
            stored,
            room,
            ages,
            versions,
            core,
            pulses,
            after,
            leads,
        }
    }

    /// What is told of what happens.
    pub(crate) const fn rules(&self) -> &notices::Rules {
        &self.versions.rules
    }

    /// The ends that triggers wait for.
    pub(crate) const fn awaited(&self) -> &triggers::Awaited {
        &self.versions.awaited
    }

    /// Whether runs are started here; else another server of the same database does that.
    #[must_use]
    pub const fn leads(&self) -> bool {
        self.leads
    }

    /// What is remembered.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where runs may execute, by name.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .executors
            .keys()
            .filter(|target| **target != Target::FLOW)
            .map(ToString::to_string)
            .collect();
        names.sort_unstable();
        names
    }

    /// The disk of the data folder.
    #[must_use]
    pub const fn room(&self) -> &room::Room {
        &self.room
    }

    /// The time from which ages are counted: see [`clock::Ages`].
    #[must_use]
    pub fn ages(&self) -> Timestamp {
        self.ages.lock().unwrap_or_else(PoisonError::into_inner).now(Moment::now())
    }

    /// What is worth telling at once and is not stored.
    #[must_use]
    pub fn pulses(&self) -> broadcast::Receiver<Pulse> {
        self.pulses.subscribe()
    }

    /// Asks a run to stop; answers when that is durable. `None`: the engine has stopped.
    pub async fn cancel(&self, run: &RunId, by: &Actor) -> Option<CancelAnswer> {
        self.ask(|reply| Message::Cancel { run: run.clone(), by: by.clone(), reply }).await
    }

    /// Asks many runs to stop, in one round; answers with how many had not ended when that is durable. `None`: the engine
    /// has stopped.
    pub async fn cancel_many(&self, project: &ProjectName, runs: Vec<RunId>, by: &Actor) -> Option<u64> {
        let (project, by) = (project.clone(), by.clone());
        self.ask(|reply| Message::CancelMany { project, runs, by, reply }).await
    }

    /// What is known of runs beside what is stored; runs that have ended are left out.
    pub async fn look(&self, runs: Vec<RunId>) -> HashMap<RunId, Look> {
        self.ask(|reply| Message::Look { runs, reply }).await.unwrap_or_default()
    }

    /// Some runs of a project that wait, those that are next among them.
    pub async fn some_waiting(&self, project: &ProjectName, limit: usize) -> Vec<RunId> {
        self.ask(|reply| Message::Waiting { project: project.clone(), limit, reply })
            .await
            .unwrap_or_default()
    }

    /// Waiting, active and delayed runs.
    pub async fn counts(&self) -> (u64, u64, u64) {
        self.ask(|reply| Message::Count { reply }).await.unwrap_or_default()
    }

    /// Waiting and active runs of each of these.
    pub async fn counts_of(&self, of: Vec<LimitOf>) -> Vec<(u64, u64)> {
        self.ask(|reply| Message::CountOf { of, reply }).await.unwrap_or_default()
    }

    /// Gives no further places; answers when nothing is being started.
    pub async fn close(&self) {
        let _ = self.ask(|reply| Message::Close { reply }).await;
    }

    /// Hears the limits of pipelines as their folder is read: those that it has now, and each that changes.
    pub fn follow_limits(&self, catalog: &catalog::Catalog) {
        let mut changes = catalog.changes();
        let (catalog, core, project) = (catalog.clone(), self.core.clone(), catalog.project().clone());
        // What a spec with a mistake, or one that is gone, said last stays until it says something else.
        let tell = move |pipeline: &catalog::Pipeline| {
            let Ok(ready) = &pipeline.outcome else { return true };
            core.send(limit_of(&project, pipeline, ready)).is_ok()
        };
        tokio::spawn(async move {
            let mut all = true;
            loop {
                if std::mem::take(&mut all) && !catalog.all().iter().all(|pipeline| tell(pipeline)) {
                    return;
                }
                match changes.recv().await {
                    Ok(name) if catalog.get(&name).is_none_or(|pipeline| tell(&pipeline)) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => all = true,
                    Ok(_) | Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
    }

    /// What is set for a project from now on. Runs that wait count as what they asked for when they were accepted.
    pub fn set_project(&self, project: &ProjectName, own: &ProjectSettings) {
        self.settings.projects.set(project.clone(), own.clone());
        self.versions.needs.forget(project);
        for (of, most) in quota::limits_of(project, &own.quota) {
            // Nobody hears it where the engine has ended.
            let _ = self.core.send(Message::Limit { of, most });
        }
        let weight = own.quota.weight.unwrap_or(decide::WEIGHT);
        let _ = self.core.send(Message::Weigh { project: project.clone(), weight });
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.core.send(message(reply)).ok()?;
        answer.await.ok()
    }
}

/// With the one that flows go on by.
fn with_flows(mut executors: Executors) -> (Executors, core::After) {
    let after = core::After::default();
    executors.insert(Target::FLOW, Arc::new(flows::FlowExecutor::new(after.flows.clone())));
    (executors, after)
}

/// What a pipeline's spec says of its own limit.
fn limit_of(project: &ProjectName, pipeline: &catalog::Pipeline, ready: &catalog::Ready) -> Message {
    let of = LimitOf::Pipeline(project.clone(), pipeline.name.clone());
    Message::Limit { of, most: ready.spec.max_instances.map(u64::from) }
}

impl Engine {
    /// Told when environments were built whose packages are to be looked at.
    #[must_use]
    pub fn built(&self) -> Arc<tokio::sync::Notify> {
        self.after.built.clone()
    }

    /// A run, and the part of its spec that it goes by.
    pub(crate) async fn run_with_part(&self, run: &RunId) -> rigi_store::Result<(Run, PipelineSpec)> {
        let run = self.store.db().run_of_any(run).await?;
        let of = run.request.part();
        let version = self.versions.version(&run.request.project, of.version).await?;
        let spec = version.spec.part(&of.part).into_owned();
        Ok((run, spec))
    }

    /// What an attempt is to do, once more: for a runner that asks. `None`: it is not the run's current attempt.
    ///
    /// # Errors
    /// If the run, its code, its inputs or its secrets cannot be read.
    pub async fn plan_of(&self, key: &AttemptKey) -> Result<Option<AttemptPlan>, CannotPlan> {
        let run = self.store.db().run_of_any(&key.run).await?;
        if run.status.attempt != key.number || run.status.state.is_terminal() {
            return Ok(None);
        }
        self.versions.plan(key, &run.request).await.map(Some)
    }

    /// How an attempt of a runner reaches the bucket; `None` where there is none for runs.
    ///
    /// # Errors
    /// If credentials cannot be had now.
    pub async fn bucket_of(&self, plan: &AttemptPlan) -> rigi_store::Result<Option<BucketAccess>> {
        access::of_attempt(&self.store, self.settings.gateway.as_deref(), plan).await
    }

    /// Fresh credentials for a runner's attempt.
    ///
    /// # Errors
    /// If they cannot be had now.
    pub async fn credential_of(&self, key: &AttemptKey) -> rigi_store::Result<Option<Credential>> {
        let project = self.store.db().project_of(&key.run).await?;
        access::credential_of(&self.store, self.settings.gateway.as_deref(), &project, &key.run).await
    }

    /// Where the log of an attempt lies: stored if it ended, else where its executor writes it.
    ///
    /// # Errors
    /// If the database does not answer, or a stored log is not all there.
    pub async fn log_of(
        &self,
        run: &rigi_store::Run,
        attempt: u32,
    ) -> rigi_store::Result<rigi_store::logs::LogSource> {
        use rigi_store::inspect::{Depth, check_stored};
        use rigi_store::logs::LogSource;
        let id = &run.request.id;
        if let Some(stored) = self.store.db().attempt_log(id, attempt).await? {
            let blobs = self.store.blobs(&run.request.project);
            let whole = tokio::task::spawn_blocking(move || {
                check_stored(&stored, &blobs, Depth::Headers)?;
                LogSource::stored(stored, &blobs)
            });
            return whole.await.map_err(|_| rigi_store::Error::Closed)?;
        }
        if !self.leads {
            return Err(rigi_store::Error::Elsewhere("the log of an attempt that has not ended"));
        }
        if run.request.target == Target::FLOW {
            return Ok(LogSource::Empty);
        }
        let executor = self.executors.get(&run.request.target);
        let key = AttemptKey { run: id.clone(), number: attempt };
        Ok(executor.map_or(LogSource::Empty, |executor| LogSource::File(executor.log_file(&key))))
    }
}
