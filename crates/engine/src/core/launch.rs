//! From a claimed run to the plan that its executor gets.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::idle_note;
use rigi_model::retry::RetryPolicy;
use rigi_model::run_config::{ENTRY, EnvironmentLayers, merge_environment};
use rigi_model::{AttemptKey, ProjectName, Reason, RunId, Target, Timestamp, Trigger, VersionHash};
use rigi_store::tables::versions::Version;
use rigi_store::{NewRun, Store};
use rigi_work::credentials::GivenBy;
use rigi_work::plan::{AttemptPlan, EnvironmentPlan, Executor, Observation, Observed};
use tokio::sync::mpsc;

use super::Core;
use super::policies::{KnownPolicies, Policy};
use crate::code::materialise;
use crate::decide::{Needs, StartedBy};
use crate::ledger::{CannotPlan, Message, Policies, ToPlan};
use crate::quota::KnownNeeds;
use crate::{Settings, access, given, inputs};

/// A version with its code on disk.
#[derive(Debug)]
struct Prepared {
    version: Version,
    code: PathBuf,
}

/// Versions that runs use, read once.
#[derive(Debug, Clone)]
pub struct VersionCache {
    settings: Arc<Settings>,
    store: Store,
    known: Arc<Mutex<HashMap<VersionHash, Arc<Prepared>>>>,
    policies: KnownPolicies,
    pub(crate) needs: KnownNeeds,
    /// One at a time: two runs of the same new version put its code in place once.
    preparing: Arc<tokio::sync::Mutex<()>>,
}

/// Versions kept in memory; more than that, and all are read anew.
const MOST_VERSIONS: usize = 1000;

impl VersionCache {
    pub(crate) fn new(settings: Arc<Settings>, store: Store) -> Self {
        let policies = KnownPolicies::default();
        let needs = KnownNeeds::new(settings.clone());
        Self { settings, store, known: Arc::default(), policies, needs, preparing: Arc::default() }
    }

    fn find(&self, hash: VersionHash) -> Option<Arc<Prepared>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    async fn get(&self, project: &ProjectName, hash: VersionHash) -> rigi_store::Result<Arc<Prepared>> {
        let prepared = self.prepare(project, hash).await?;
        self.policies.learn(hash, || Policy::of(&self.settings, &prepared.version.spec));
        Ok(prepared)
    }

    async fn prepare(&self, project: &ProjectName, hash: VersionHash) -> rigi_store::Result<Arc<Prepared>> {
        if let Some(found) = self.find(hash) {
            return Ok(found);
        }
        let _one = self.preparing.lock().await;
        if let Some(found) = self.find(hash) {
            return Ok(found);
        }
        let version = self.store.db().version(project, hash).await?;
        let (data, blobs, copy) = (self.store.data().to_owned(), self.store.blobs(project), version.clone());
        let code = tokio::task::spawn_blocking(move || materialise(&data, &blobs, &copy)).await;
        let code = code.map_err(|_| rigi_store::Error::Closed)??;
        let prepared = Arc::new(Prepared { version, code });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_VERSIONS {
            known.clear();
        }
        known.insert(hash, prepared.clone());
        Ok(prepared)
    }

    /// Reads a version, so that its policy is known before its runs say anything.
    pub(super) async fn warm(&self, project: &ProjectName, hash: VersionHash) {
        if let Err(error) = self.get(project, hash).await {
            tracing::error!(%hash, %error, "the code of a run that has not ended cannot be read");
        }
    }
}

impl Policies for VersionCache {
    /// The server's if the version was not read yet.
    fn retry(&self, version: VersionHash, entry: Option<&str>) -> RetryPolicy {
        let Some(found) = self.policies.find(version) else { return self.settings.retry.clone() };
        let own = entry.and_then(|entry| found.retry_of_entries.get(entry));
        own.unwrap_or(&found.retry).clone()
    }

    fn grace(&self, version: Option<VersionHash>) -> Duration {
        let found = version.and_then(|version| self.policies.find(version));
        found.map_or(self.settings.grace_period, |found| found.grace)
    }

    fn outputs(&self, version: VersionHash) -> Vec<String> {
        self.policies.find(version).map(|found| found.outputs.clone()).unwrap_or_default()
    }

    fn output_size(&self, version: VersionHash) -> Option<u64> {
        self.policies.find(version).and_then(|found| found.output_size)
    }

    fn needs(&self, project: &ProjectName, version: VersionHash) -> Needs {
        self.needs.find(project, version).unwrap_or_default()
    }

    fn started_by(&self, trigger: &Trigger) -> StartedBy {
        if self.settings.people_share { StartedBy::of(trigger) } else { StartedBy::Anybody }
    }
}

impl Core {
    /// Forgets the policies of versions whose runs have ended, once there are many.
    pub(super) fn forget_policies(&self) {
        let policies = &self.ledger.policies().policies;
        if policies.is_crowded() {
            policies.keep(&self.ledger.versions_in_use());
        }
    }
}

/// Between two tries to make a plan while the storage is away.
const AWAY: Duration = Duration::from_secs(3);

/// Makes plans and sends them to the core.
#[derive(Clone)]
pub(super) struct Planner {
    store: Store,
    versions: VersionCache,
    outbox: mpsc::UnboundedSender<Message>,
    /// Of this machine's processes: what others run, their runners ask for.
    process: Option<Arc<dyn Executor>>,
}

impl Core {
    pub(super) fn planner(&self) -> Planner {
        Planner {
            store: self.store.clone(),
            versions: self.ledger.policies().clone(),
            outbox: self.outbox.clone(),
            process: self.executors.get(&Target::PROCESS).cloned(),
        }
    }
}

impl Planner {
    pub(super) async fn plan(self, mut claimed: Vec<ToPlan>) {
        let missing: Vec<RunId> =
            claimed.iter().filter(|c| c.request.is_none()).map(|c| c.key.run.clone()).collect();
        if !missing.is_empty() {
            match self.store.db().runs_by_id(&missing).await {
                Ok(found) => {
                    let mut found: HashMap<_, _> = found
                        .into_iter()
                        .map(|run| (run.request.id.clone(), Arc::new(run.request)))
                        .collect();
                    for claim in claimed.iter_mut().filter(|c| c.request.is_none()) {
                        claim.request = found.remove(&claim.key.run);
                    }
                }
                Err(error) => tracing::error!(%error, "claimed runs cannot be read"),
            }
        }
        for ToPlan { key, request } in claimed {
            let Some(request) = request else {
                let message = "the run's request cannot be read from the database".into();
                let (class, reason) = (FailureClass::Infrastructure, Reason::StagingFailed);
                self.tell(key, Err(CannotPlan { class, reason, message, away: false }));
                continue;
            };
            let one = self.clone().plan_one(key, request);
            if self.store.storage().is_remote() || self.store.references().are_allowed() {
                // Each asks others for something, and may have to wait for it.
                tokio::spawn(one);
            } else {
                one.await;
            }
        }
    }

    async fn plan_one(self, key: AttemptKey, request: Arc<NewRun>) {
        match self.make(&key, &request).await {
            Err(why) if why.away => self.wait(key, request, why).await,
            plan => self.tell(key, plan),
        }
    }

    fn tell(&self, key: AttemptKey, plan: Result<AttemptPlan, CannotPlan>) {
        // Nobody listens any more when the server is going down.
        let _ = self.outbox.send(Message::Planned { key, plan: Box::new(plan) });
    }

    async fn make(&self, key: &AttemptKey, request: &NewRun) -> Result<AttemptPlan, CannotPlan> {
        let mut plan = self.versions.plan(key, request).await?;
        let blobs = &self.store.blobs(&request.project);
        let Some(process) = self.process.as_ref().filter(|_| request.target == Target::PROCESS) else {
            inputs::look_for(blobs, &plan.inputs).await?;
            return Ok(plan);
        };
        plan.inputs = inputs::bring(blobs, plan.inputs).await?;
        plan.bucket = access::of_attempt(&self.store, &plan).await?;
        if let Some(bucket) = plan.bucket.as_ref().filter(|bucket| bucket.given == GivenBy::File) {
            let known = Some(bucket.credential.clone());
            tokio::spawn(access::keep_renewed(self.store.clone(), process.clone(), key.clone(), known));
        }
        Ok(plan)
    }

    /// Waits until the storage is back, or the run is to end.
    async fn wait(self, key: AttemptKey, request: Arc<NewRun>, mut why: CannotPlan) {
        loop {
            let what = Observation::Preparing {
                reason: Reason::StorageUnavailable,
                message: format!("Waits: {}.", why.message),
            };
            let seen = Observed { key: key.clone(), at: Timestamp::now(), what };
            let _ = self.outbox.send(Message::Observed(seen));
            tokio::time::sleep(AWAY).await;
            let stored = self.store.db().run(&request.project, &key.run).await;
            if stored.is_ok_and(|run| run.status.cancel_requested_at.is_some()) {
                return self.tell(key, Err(why));
            }
            match self.make(&key, &request).await {
                Err(again) if again.away => why = again,
                plan => return self.tell(key, plan),
            }
        }
    }
}

impl VersionCache {
    /// What an attempt of a run is to do. Its inputs are named, not brought.
    ///
    /// # Errors
    /// If its code or its secrets cannot be read.
    pub(crate) async fn plan(&self, key: &AttemptKey, run: &NewRun) -> Result<AttemptPlan, CannotPlan> {
        let prepared = self.get(&run.project, run.version).await?;
        let entry = run.env.get(ENTRY).and_then(|id| prepared.version.spec.with_entry(id));
        let spec = entry.as_ref().unwrap_or(&prepared.version.spec);
        // An image that a pipeline names brings its own Python.
        let rigis_python = spec.entry.needs_python() && spec.container.image.is_none();
        let environment = rigis_python.then(|| EnvironmentPlan {
            python_version: spec.python_version.clone(),
            default_python: self.settings.python_version.clone(),
            requirements: spec.requirements.clone(),
        });
        let (mut parameters, mut asked) = ((*run.parameters).clone(), (*run.env).clone());
        let sealed = crate::secrets::open_parameters(self.store.sealer(), &mut parameters)?;
        crate::secrets::open_variables(self.store.sealer(), &mut asked)?;
        let mut given = given::of_spec(&self.store, &run.project, spec).await?;
        crate::secrets::add_covered(&parameters, &sealed, &asked, &mut given.rest.covered);
        let env = merge_environment(&EnvironmentLayers {
            env: Some(&spec.env),
            opened_env: Some(&given.opened_env),
            secrets: Some(&given.variables),
            request_env: Some(&asked),
            ..EnvironmentLayers::default()
        });
        Ok(AttemptPlan {
            key: key.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            step: run.step.as_ref().map_or("main", |step| &step.name).to_owned(),
            trigger: run.trigger.kind,
            entry: spec.entry.clone(),
            cells: spec.cells.clone(),
            code: prepared.code.clone(),
            environment,
            parameters,
            env,
            secrets: given.rest,
            inputs: run.inputs.iter().cloned().map(inputs::unfetched).collect(),
            outputs: spec.outputs.keys().cloned().collect(),
            limits: self.settings.limits_of(spec),
            container: spec.container.clone(),
            timeout: self.settings.timeout_of(spec),
            grace: spec.grace_period.unwrap_or(self.settings.grace_period),
            bucket: None,
            notes: idle_note(spec).into_iter().collect(),
        })
    }
}
