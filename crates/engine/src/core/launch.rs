//! From a claimed run to the plan that its executor gets.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rigi_model::attempt::FailureClass;
use rigi_model::parameters::is_reserved;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::SoftLimits;
use rigi_model::repositories::COMMIT;
use rigi_model::retry::RetryPolicy;
use rigi_model::run_config::{ENTRY, EnvironmentLayers, SpecPart, VersionPart, merge_environment};
use rigi_model::triggers::FollowUpKind;
use rigi_model::triggers::lines::CURSOR;
use rigi_model::{
    AttemptKey, PipelineName, ProjectName, Reason, RunId, RunState, Target, Timestamp, Trigger, VersionHash,
};
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
use crate::notices::Rules;
use crate::quota::KnownNeeds;
use crate::triggers::Awaited;
use crate::{Settings, access, given, inputs};

/// A version with its code on disk.
#[derive(Debug)]
struct Prepared {
    version: Version,
    code: PathBuf,
    /// What runs of its parts go by: a flow with a long list is not copied for each run of its steps.
    parts: Mutex<HashMap<SpecPart, Arc<PipelineSpec>>>,
}

impl Prepared {
    fn part(&self, part: &SpecPart) -> Arc<PipelineSpec> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parts.get(part) {
            return known.clone();
        }
        let spec = Arc::new(self.version.spec.part(part).into_owned());
        parts.insert(part.clone(), spec.clone());
        spec
    }
}

/// Versions that runs use, read once.
#[derive(Debug, Clone)]
pub struct VersionCache {
    settings: Arc<Settings>,
    store: Store,
    known: Arc<Mutex<HashMap<VersionHash, Arc<Prepared>>>>,
    policies: KnownPolicies,
    pub(crate) needs: KnownNeeds,
    /// What is told of ends.
    pub(crate) rules: Rules,
    pub(crate) awaited: Awaited,
    /// One at a time: two runs of the same new version put its code in place once.
    preparing: Arc<tokio::sync::Mutex<()>>,
}

/// Versions kept in memory; more than that, and all are read anew.
const MOST_VERSIONS: usize = 1000;

impl VersionCache {
    pub(crate) fn new(settings: Arc<Settings>, store: Store) -> Self {
        let policies = KnownPolicies::default();
        let needs = KnownNeeds::new(settings.clone());
        let (known, rules, preparing) = (Arc::default(), Rules::default(), Arc::default());
        let awaited = Awaited::default();
        Self { settings, store, known, policies, needs, rules, awaited, preparing }
    }

    fn find(&self, hash: VersionHash) -> Option<Arc<Prepared>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    async fn get(&self, project: &ProjectName, of: &VersionPart) -> rigi_store::Result<Arc<Prepared>> {
        let prepared = self.prepare(project, of.version).await?;
        self.policies.learn(of, || Policy::of(&self.settings, &prepared.version.spec.part(&of.part)));
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
        let prepared = Arc::new(Prepared { version, code, parts: Mutex::default() });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_VERSIONS {
            known.clear();
        }
        known.insert(hash, prepared.clone());
        Ok(prepared)
    }

    /// A version as it is stored.
    pub(crate) async fn version(
        &self,
        project: &ProjectName,
        hash: VersionHash,
    ) -> rigi_store::Result<Version> {
        Ok(self.prepare(project, hash).await?.version.clone())
    }

    /// Reads a version, so that its policy is known before its runs say anything.
    pub(super) async fn warm(&self, project: &ProjectName, of: &VersionPart) {
        if let Err(error) = self.get(project, of).await {
            tracing::error!(hash = %of.version, %error, "the code of a run that has not ended cannot be read");
        }
    }
}

/// A flow, and a step that waits for a person, take as long as they take, unless their spec says otherwise.
fn own_timeout(spec: &PipelineSpec) -> Option<Duration> {
    spec.timeout.filter(|timeout| !timeout.is_zero())
}

impl Policies for VersionCache {
    /// The server's if the version was not read yet.
    fn retry(&self, of: &VersionPart) -> RetryPolicy {
        self.policies.find(of).map_or_else(|| self.settings.retry.clone(), |found| found.retry.clone())
    }

    fn grace(&self, of: Option<&VersionPart>) -> Duration {
        let found = of.and_then(|of| self.policies.find(of));
        found.map_or(self.settings.grace_period, |found| found.grace)
    }

    fn outputs(&self, of: &VersionPart) -> Vec<String> {
        self.policies.find(of).map(|found| found.outputs.clone()).unwrap_or_default()
    }

    fn output_size(&self, of: &VersionPart) -> Option<u64> {
        self.policies.find(of).and_then(|found| found.output_size)
    }

    fn follow_ups(
        &self,
        of: &VersionPart,
        state: RunState,
        now: Timestamp,
    ) -> Vec<(FollowUpKind, Timestamp)> {
        self.policies.find(of).map(|found| found.follow.after(state, now)).unwrap_or_default()
    }

    fn is_told(&self, project: &ProjectName, state: RunState) -> bool {
        self.rules.listen_to(project, state)
    }

    fn is_awaited(&self, project: &ProjectName, pipeline: &PipelineName, state: RunState) -> bool {
        self.awaited.waits_for(project, pipeline, state)
    }

    fn soft_limits(&self, of: &VersionPart) -> Option<SoftLimits> {
        self.policies.find(of).and_then(|found| found.soft.clone())
    }

    fn audits(&self) -> bool {
        self.settings.audits
    }

    fn tells_lineage(&self) -> bool {
        self.settings.lineage
    }

    fn needs(&self, project: &ProjectName, of: &VersionPart) -> Needs {
        self.needs.find(project, of).unwrap_or_default()
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

/// Rigi's own variables that a run is told.
const TOLD: [&str; 5] = [ENTRY, "RIGI_DUE", "RIGI_DUE_PREVIOUS", COMMIT, CURSOR];

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
        let gateway = &self.versions.settings.gateway;
        plan.bucket = access::of_attempt(&self.store, gateway.as_deref(), &plan).await?;
        if let Some(bucket) = plan.bucket.as_ref().filter(|bucket| bucket.given == GivenBy::File) {
            let known = Some(bucket.credential.clone());
            let way = (self.store.clone(), gateway.clone());
            tokio::spawn(access::keep_renewed(way, process.clone(), key.clone(), known));
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
        let of = run.part();
        let prepared = self.get(&run.project, &of).await?;
        let spec = &*prepared.part(&of.part);
        // An image that a pipeline names brings its own Python.
        let rigis_python = spec.entry.needs_python() && spec.container.image.is_none();
        let environment = rigis_python.then(|| EnvironmentPlan {
            python_version: spec.python_version.clone(),
            default_python: self.settings.python_version.clone(),
            requirements: spec.requirements.clone(),
        });
        let (mut parameters, mut asked) = ((*run.parameters).clone(), (*run.env).clone());
        // What says how the run goes is no variable of its process, but for its times.
        let mut own = BTreeMap::new();
        asked.retain(|name, value| {
            let keeps = !is_reserved(name);
            if TOLD.contains(&name.as_str()) {
                own.insert(name.clone(), std::mem::take(value));
            }
            keeps
        });
        let sealed = crate::secrets::open_parameters(self.store.sealer(), &mut parameters)?;
        crate::secrets::open_variables(self.store.sealer(), &mut asked)?;
        // A flow itself is given nothing: its steps are.
        let bare = (!spec.entry.is_run()).then(|| PipelineSpec::of(spec.entry.clone()));
        let mut given = given::of_spec(&self.store, &run.project, bare.as_ref().unwrap_or(spec)).await?;
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
            own,
            secrets: given.rest,
            inputs: run.inputs.iter().cloned().map(inputs::unfetched).collect(),
            outputs: spec.outputs.keys().cloned().collect(),
            limits: self.settings.limits_of(spec),
            container: spec.container.clone(),
            timeout: if spec.entry.is_run() { self.settings.timeout_of(spec) } else { own_timeout(spec) },
            grace: spec.grace_period.unwrap_or(self.settings.grace_period),
            bucket: None,
            notes: Vec::new(),
        })
    }
}
