//! Quotas of projects: what is refused at the door, and what runs take of what their project has at one time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
pub use rigi_model::project::Quota;
use rigi_model::quantity::{show_bytes, show_cpu, show_duration};
use rigi_model::run_config::VersionPart;
use rigi_model::{PipelineName, ProjectName, Target};
use rigi_store::Store;

use crate::Engine;
use crate::Settings;
use crate::decide::{LimitOf, Needs, thousandths};

/// What a quota means for the list of limits.
#[must_use]
pub fn limits_of(project: &ProjectName, quota: &Quota) -> [(LimitOf, Option<u64>); 3] {
    [
        (LimitOf::Project(project.clone()), quota.runs),
        (LimitOf::Cpu(project.clone()), quota.cpu.map(thousandths)),
        (LimitOf::Memory(project.clone()), quota.memory),
    ]
}

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

/// It may not run there.
pub(crate) fn not_there(project: &ProjectName, target: &Target, may: &[String]) -> Exceeded {
    let why = match may {
        [] => format!("runs of the project `{project}` may run nowhere"),
        may => format!(
            "runs of the project `{project}` may not run on `{target}`, but on `{}`",
            may.join("`, `")
        ),
    };
    Exceeded { quota: "targets", project: project.clone(), why }
}

/// So much is stored, and no more may be.
pub(crate) fn too_much(project: &ProjectName, most: u64, used: u64) -> Exceeded {
    let why = format!(
        "the project `{project}` may store {}, and its files and logs are {}",
        show_bytes(most),
        show_bytes(used)
    );
    Exceeded { quota: "storage", project: project.clone(), why }
}

/// How much each project has stored, of those of which that is asked: it is counted at most every few seconds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredBytes {
    counted: Arc<Mutex<HashMap<ProjectName, (Instant, u64)>>>,
}

/// What was counted counts for so long.
const COUNTED: Duration = Duration::from_secs(5);

impl StoredBytes {
    pub(crate) async fn bytes_of(&self, store: &Store, project: &ProjectName) -> rigi_store::Result<u64> {
        let counted = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, bytes)) = counted().get(project).copied()
            && at.elapsed() < COUNTED
        {
            return Ok(bytes);
        }
        let bytes = store.db().stored_bytes(project).await?;
        counted().insert(project.clone(), (Instant::now(), bytes));
        Ok(bytes)
    }
}

impl Engine {
    /// Why nothing more may come to a project: it has stored as much as it may.
    pub(crate) async fn beyond_storage(&self, project: &ProjectName) -> rigi_store::Result<Option<Exceeded>> {
        let Some(most) = self.settings.projects.of(project).quota.storage else { return Ok(None) };
        let used = self.stored.bytes_of(&self.store, project).await?;
        Ok((used >= most).then(|| too_much(project, most, used)))
    }
}

impl Settings {
    /// Whether a run of this spec may ever be one of the project's.
    pub(crate) fn within_quota(
        &self,
        project: &ProjectName,
        pipeline: &PipelineName,
        spec: &PipelineSpec,
    ) -> Result<(), Exceeded> {
        let (limits, own) = (self.limits_of(spec), self.projects.of(project));
        let quota = &own.quota;
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
        let all = [
            ("max_timeout", "timeout", timeout(quota.max_timeout_ms.map(Duration::from_millis))),
            ("max_cpu", "limits.cpu", cpu(quota.max_cpu)),
            ("max_memory", "limits.memory", memory(quota.max_memory)),
            ("cpu", "limits.cpu", cpu(quota.cpu)),
            ("memory", "limits.memory", memory(quota.memory)),
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
        // A flow takes nothing: its steps do.
        if matches!(spec.entry, Entry::Flow | Entry::Approval { .. }) {
            return Needs::default();
        }
        let (limits, own) = (self.limits_of(spec), self.projects.of(project));
        let quota = &own.quota;
        Needs {
            cpu: limits.cpu.filter(|_| quota.cpu.is_some()).map_or(0, thousandths),
            memory: limits.memory.filter(|_| quota.memory.is_some()).unwrap_or(0),
        }
    }
}

/// What runs of each version take. Only of projects where that is counted. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct KnownNeeds {
    settings: Arc<Settings>,
    known: Arc<Mutex<HashMap<(ProjectName, VersionPart), Needs>>>,
}

impl KnownNeeds {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, known: Arc::default() }
    }

    pub(crate) fn find(&self, project: &ProjectName, of: &VersionPart) -> Option<Needs> {
        if !self.settings.projects.of(project).quota.counts_needs() {
            return Some(Needs::default());
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(project.clone(), of.clone())).copied()
    }

    /// The spec is that of the part.
    pub(crate) fn learn(&self, project: &ProjectName, of: &VersionPart, spec: &PipelineSpec) {
        if self.settings.projects.of(project).quota.counts_needs() {
            let needs = self.settings.needs_of(project, spec);
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert((project.clone(), of.clone()), needs);
        }
    }

    /// What is counted of a project is another from now on.
    pub(crate) fn forget(&self, project: &ProjectName) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _), _| of != project);
    }

    /// Reads what is not known of these.
    pub(crate) async fn read(&self, store: &Store, of: impl Iterator<Item = (&ProjectName, VersionPart)>) {
        for (project, of) in of {
            if self.find(project, &of).is_some() {
                continue;
            }
            match store.db().version(project, of.version).await {
                Ok(found) => self.learn(project, &of, &found.spec.part(&of.part)),
                Err(error) => {
                    tracing::error!(version = %of.version, %error, "what a run takes of its project's quota cannot be read");
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
