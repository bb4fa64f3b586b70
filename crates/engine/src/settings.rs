//! What an operator may set. What is not set is filled in by whoever reads the configuration.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::project::ProjectSettings;
use rigi_model::retry::RetryPolicy;
use rigi_model::{ProjectName, Target};
use rigi_store::retention::Keep;
use rigi_work::plan::PlanLimits;

use crate::access::GatewaySettings;
use crate::decide::Limits;
use crate::watched_folders::WatchedFolders;

/// What is set for each project, as it is now: it may be changed at any time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct OfProjects {
    by_project: Arc<RwLock<BTreeMap<ProjectName, Arc<ProjectSettings>>>>,
}

impl OfProjects {
    /// What is set for a project; nothing of one that is not known.
    #[must_use]
    pub fn of(&self, project: &ProjectName) -> Arc<ProjectSettings> {
        let all = self.by_project.read().unwrap_or_else(PoisonError::into_inner);
        all.get(project).cloned().unwrap_or_default()
    }

    /// Each of which something is set.
    pub(crate) fn each(&self, mut tell: impl FnMut(&ProjectName, &ProjectSettings)) {
        let all = self.by_project.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|(project, settings)| tell(project, settings));
    }

    /// Sets it from now on; runs that were accepted stay as they are.
    pub fn set(&self, project: ProjectName, settings: ProjectSettings) {
        let mut all = self.by_project.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(project, Arc::new(settings));
    }
}

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many runs may be active at a time; those of pipelines are said by their specs.
    pub active: Limits,
    /// What is set for each project.
    pub projects: OfProjects,
    /// Whether people have accounts, and share the places of a project.
    pub people_share: bool,
    /// Where attempts execute unless the spec says otherwise.
    pub target: Target,
    /// Time limit of an attempt; `None` is none.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace_period: Duration,
    /// What follows a failed attempt.
    pub retry: RetryPolicy,
    /// Hard limits.
    pub limits: PlanLimits,
    /// What is kept of the runs of each pipeline.
    pub keep: Keep,
    /// Bytes of artifacts and logs that are kept over all pipelines.
    pub keep_bytes: Option<u64>,
    /// Python version of pipelines that name none.
    pub python_version: Option<String>,
    /// Bytes of the data folder's disk that are kept free: below it nothing is accepted and nothing started.
    pub free_disk: Option<u64>,
    /// Folders of the machine in which triggers may look for files.
    pub watched_folders: WatchedFolders,
    /// The server itself as a bucket, where it is one.
    pub gateway: Option<Arc<GatewaySettings>>,
    /// How long uploads that no run took are kept.
    pub uploads_age: Duration,
    /// How long projects that were deleted can be brought back.
    pub deleted_projects_age: Duration,
    /// Whether packages of environments are audited.
    pub audits: bool,
    /// Events of lineage go somewhere.
    pub lineage: bool,
    /// How long things that nothing refers to are left alone before a collection takes them.
    pub collect_after: Duration,
}

impl Settings {
    /// The limits of an attempt of this spec.
    #[must_use]
    pub fn limits_of(&self, spec: &PipelineSpec) -> PlanLimits {
        let (own, default) = (&spec.limits, &self.limits);
        PlanLimits {
            cpu: own.cpu.or(default.cpu),
            memory: own.memory.or(default.memory),
            processes: own.processes.or(default.processes),
            open_files: own.open_files.or(default.open_files),
            output_size: own.output_size.or(default.output_size),
            log_size: own.log_size.or(default.log_size),
            gpus: own.gpus,
        }
    }

    /// The time limit of an attempt of this spec; a limit of zero is none.
    #[must_use]
    pub fn timeout_of(&self, spec: &PipelineSpec) -> Option<Duration> {
        spec.timeout.or(self.timeout).filter(|limit| !limit.is_zero())
    }

    /// The retry policy of this spec.
    #[must_use]
    pub fn retry_of(&self, spec: &PipelineSpec) -> RetryPolicy {
        spec.retry.as_ref().map_or_else(|| self.retry.clone(), |own| own.policy(&self.retry))
    }
}
