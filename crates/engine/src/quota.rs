//! Quotas of projects: what is refused at the door, and what runs take of what their project has at one time.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::quantity::{show_bytes, show_cpu, show_duration};
use rigi_model::{PipelineName, ProjectName, VersionHash};
use rigi_store::Store;

use crate::Settings;
use crate::decide::{LimitOf, Needs, thousandths};

/// What a project may have; `None` is no quota. What is active at one time stands in the list of limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quota {
    /// Runs that may wait.
    pub queued: Option<u64>,
    /// Time limit of one attempt at most.
    pub max_timeout: Option<Duration>,
    /// Cores of one run at most.
    pub max_cpu: Option<f64>,
    /// Bytes of memory of one run at most.
    pub max_memory: Option<u64>,
}

/// Quotas by project.
pub type Quotas = BTreeMap<ProjectName, Quota>;

/// A quota that a submission goes beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// Which, as the configuration calls it: `queued`, `cpu`, `max_memory`.
    pub quota: &'static str,
    /// Whose.
    pub project: ProjectName,
    /// What was asked for, and what there may be, for people.
    why: String,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (`projects.{}.{}`)", self.why, self.project, self.quota)
    }
}

/// So many runs more than may wait.
pub(crate) fn too_many(project: &ProjectName, most: u64, waiting: u64, wanted: u64) -> Exceeded {
    let runs = |count: u64| if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
    let why = format!(
        "{} of the project `{project}` may wait: {waiting} do, and {wanted} more {} asked for",
        runs(most),
        if wanted == 1 { "is" } else { "are" }
    );
    Exceeded { quota: "queued", project: project.clone(), why }
}

impl Settings {
    /// Whether a run of this spec may ever be one of the project's.
    pub(crate) fn within_quota(
        &self,
        project: &ProjectName,
        pipeline: &PipelineName,
        spec: &PipelineSpec,
    ) -> Result<(), Exceeded> {
        let (limits, quota) = (self.limits_of(spec), self.quotas.get(project).cloned().unwrap_or_default());
        let at_once = |of: LimitOf| self.active.get(&of).copied();
        let cores = |most: f64, least: f64| (most < least, show_cpu(most), show_cpu(least));
        let cpu = |most: Option<f64>| {
            most.map(|most| {
                limits.cpu.map_or((true, show_cpu(most), String::new()), |asks| cores(most, asks))
            })
        };
        let memory = |most: Option<u64>| {
            let asked = |most, asks| (most < asks, show_bytes(most), show_bytes(asks));
            most.map(|most| {
                limits.memory.map_or((true, show_bytes(most), String::new()), |asks| asked(most, asks))
            })
        };
        let timeout = |most: Option<Duration>| {
            let asked = |most, asks| (most < asks, show_duration(most), show_duration(asks));
            let none = |most| (true, show_duration(most), String::new());
            most.map(|most| self.timeout_of(spec).map_or_else(|| none(most), |asks| asked(most, asks)))
        };
        let cpu_at_once = at_once(LimitOf::Cpu(project.clone())).map(|most| most as f64 / 1000.0);
        let all = [
            ("max_timeout", "timeout", timeout(quota.max_timeout)),
            ("max_cpu", "limits.cpu", cpu(quota.max_cpu)),
            ("max_memory", "limits.memory", memory(quota.max_memory)),
            ("cpu", "limits.cpu", cpu(cpu_at_once)),
            ("memory", "limits.memory", memory(at_once(LimitOf::Memory(project.clone())))),
        ];
        for (name, field, outcome) in all {
            let Some((true, most, asks)) = outcome else { continue };
            let has = if name.starts_with("max_") {
                format!("a run of the project `{project}` may have {most} at most")
            } else {
                format!("all runs of the project `{project}` together may have {most}")
            };
            let why = if asks.is_empty() {
                format!("`{pipeline}` has no `{field}`, and {has}")
            } else {
                format!("`{field}` of `{pipeline}` is {asks}, and {has}")
            };
            return Err(Exceeded { quota: name, project: project.clone(), why });
        }
        Ok(())
    }

    /// What runs of this spec take of what the project has at one time; nothing of what it has no quota of.
    fn needs_of(&self, project: &ProjectName, spec: &PipelineSpec) -> Needs {
        let limits = self.limits_of(spec);
        let counts = |of: LimitOf| self.active.contains_key(&of);
        Needs {
            cpu: limits.cpu.filter(|_| counts(LimitOf::Cpu(project.clone()))).map_or(0, thousandths),
            memory: limits.memory.filter(|_| counts(LimitOf::Memory(project.clone()))).unwrap_or(0),
        }
    }

    /// Whether what runs of the project take is counted at all.
    fn counts_needs(&self, project: &ProjectName) -> bool {
        let of = [LimitOf::Cpu(project.clone()), LimitOf::Memory(project.clone())];
        of.iter().any(|of| self.active.contains_key(of))
    }
}

/// What runs of each version take. Only of projects where that is counted. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct KnownNeeds {
    settings: Arc<Settings>,
    known: Arc<Mutex<HashMap<(ProjectName, VersionHash), Needs>>>,
}

impl KnownNeeds {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, known: Arc::default() }
    }

    pub(crate) fn find(&self, project: &ProjectName, version: VersionHash) -> Option<Needs> {
        if !self.settings.counts_needs(project) {
            return Some(Needs::default());
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(project.clone(), version)).copied()
    }

    pub(crate) fn learn(&self, project: &ProjectName, version: VersionHash, spec: &PipelineSpec) {
        if self.settings.counts_needs(project) {
            let needs = self.settings.needs_of(project, spec);
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert((project.clone(), version), needs);
        }
    }

    /// Reads what is not known of these.
    pub(crate) async fn read(&self, store: &Store, of: impl Iterator<Item = (&ProjectName, VersionHash)>) {
        for (project, version) in of {
            if self.find(project, version).is_some() {
                continue;
            }
            match store.db().version(project, version).await {
                Ok(found) => self.learn(project, version, &found.spec),
                Err(error) => {
                    tracing::error!(%version, %error, "what a run takes of its project's quota cannot be read");
                }
            }
        }
    }
}

/// Runs that are being written and do not wait yet, of projects with a quota of waiting ones. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entering {
    /// Whoever holds it counts: meanwhile nobody begins to wait.
    pub(crate) runs: Arc<tokio::sync::Mutex<HashMap<ProjectName, u64>>>,
}

impl Entering {
    /// They wait, or never will; `tell` says the former to those who count.
    pub(crate) async fn leave(&self, project: &ProjectName, count: u64, tell: impl FnOnce()) {
        let mut runs = self.runs.lock().await;
        tell();
        if let Some(entering) = runs.get_mut(project) {
            *entering = entering.saturating_sub(count);
        }
    }
}
