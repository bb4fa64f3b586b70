//! Limits on how many runs are active at a time: a list, of whatever they are of.

use std::collections::BTreeMap;
use std::sync::Arc;

use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::{Actor, PipelineName, ProjectName, Target, Trigger, TriggerKind};

/// What a limit is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitOf {
    /// One pipeline.
    Pipeline(ProjectName, PipelineName),
    /// One project.
    Project(ProjectName),
    /// What has one key of `concurrency` in a project.
    Key(ProjectName, Arc<str>),
    /// Thousandths of a core that the active runs of one project ask for together.
    Cpu(ProjectName),
    /// Bytes of memory that the active runs of one project ask for together.
    Memory(ProjectName),
    /// All that executes in one place.
    Target(Target),
    /// All runs of the server.
    Everything,
}

/// The limits that there are. What is not in the list has none.
pub type Limits = BTreeMap<LimitOf, u64>;

/// What tells the runs of one line: they wait for the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKind {
    /// Project.
    pub project: ProjectName,
    /// Whose share of the project's places they take.
    pub by: StartedBy,
    /// Pipeline.
    pub pipeline: PipelineName,
    /// Where they execute.
    pub target: Target,
    /// What each of them takes.
    pub needs: Needs,
    /// Their key of `concurrency`.
    pub key: Option<RunKey>,
}

/// Who shares the places of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StartedBy {
    /// Nobody does: people have no accounts here.
    #[default]
    Anybody,
    /// What starts by itself, all of a project together.
    Itself,
    /// Who asked for it.
    Person(Actor),
}

impl StartedBy {
    /// Of a run with such a trigger, where people have accounts.
    #[must_use]
    pub fn of(trigger: &Trigger) -> Self {
        match trigger.kind {
            TriggerKind::Manual | TriggerKind::Rerun => Self::Person(trigger.by.clone()),
            TriggerKind::Schedule
            | TriggerKind::Downstream
            | TriggerKind::Restart
            | TriggerKind::Webhook
            | TriggerKind::Event => Self::Itself,
        }
    }
}

/// What a run takes of what its project has at one time; 0 where that is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Needs {
    /// Thousandths of a core.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
}

/// Cores as the list has them; what is not a whole number of thousandths is a little more.
#[must_use]
pub fn thousandths(cores: f64) -> u64 {
    // What is below a millionth comes from the fraction's binary form.
    (cores * 1000.0 - 0.001).ceil().max(0.0) as u64
}

impl RunKind {
    /// Not after any that these have in a project, in their order.
    pub(super) fn first_of(project: &ProjectName, by: &StartedBy) -> Arc<Self> {
        let (pipeline, target) = (PipelineName::unchecked(""), Target::as_stored(""));
        let (project, by) = (project.clone(), by.clone());
        Arc::new(Self { project, by, pipeline, target, needs: Needs::default(), key: None })
    }

    /// What each takes of the limits that it may have, the narrowest first: one of a number of runs, or so much of an amount. A limit
    /// of anything else that runs can be of is one more line here, or in [`Self::limited_by`].
    pub fn takes(&self) -> impl Iterator<Item = (LimitOf, u64)> {
        let [pipeline, project, target, everything] = self.limited_by().map(|of| (of, 1));
        [pipeline, project].into_iter().chain(self.amounts()).chain([target, everything])
    }

    /// The most that is said by what they are themselves, not by the list of limits.
    pub(super) fn own_most(&self, of: &LimitOf) -> Option<u64> {
        let key = self.key.as_ref().filter(|_| matches!(of, LimitOf::Key(..)))?;
        Some(u64::from(key.limit))
    }

    /// What each takes of amounts, and of its key.
    pub(super) fn amounts(&self) -> impl Iterator<Item = (LimitOf, u64)> + use<> {
        let cpu = (self.needs.cpu > 0).then(|| (LimitOf::Cpu(self.project.clone()), self.needs.cpu));
        let memory =
            (self.needs.memory > 0).then(|| (LimitOf::Memory(self.project.clone()), self.needs.memory));
        let key = self.key.as_ref().map(|key| (LimitOf::Key(self.project.clone(), key.key.clone()), 1));
        key.into_iter().chain(cpu).chain(memory)
    }

    /// Whether they take no place: flows, whose steps do.
    pub(super) fn is_flow(&self) -> bool {
        self.target == Target::FLOW
    }

    /// What limits their number, the narrowest first.
    #[must_use]
    pub fn limited_by(&self) -> [LimitOf; 4] {
        let pipeline = LimitOf::Pipeline(self.project.clone(), self.pipeline.clone());
        if self.is_flow() {
            let flows = || LimitOf::Target(Target::FLOW);
            return [pipeline, flows(), flows(), flows()];
        }
        [
            pipeline,
            LimitOf::Project(self.project.clone()),
            LimitOf::Target(self.target.clone()),
            LimitOf::Everything,
        ]
    }
}

impl LimitOf {
    /// Whether it is of runs of this kind.
    #[must_use]
    pub fn holds(&self, kind: &RunKind) -> bool {
        match self {
            Self::Pipeline(project, pipeline) => kind.pipeline == *pipeline && kind.project == *project,
            Self::Project(project) | Self::Cpu(project) | Self::Memory(project) => kind.project == *project,
            Self::Key(project, key) => {
                kind.project == *project && kind.key.as_ref().is_some_and(|own| own.key == *key)
            }
            Self::Target(target) => kind.target == *target,
            Self::Everything => true,
        }
    }
}
