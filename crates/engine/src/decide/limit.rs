//! Limits on how many runs are active at a time: a list, of whatever they are of.

use std::collections::BTreeMap;
use std::sync::Arc;

use rigi_model::{PipelineName, ProjectName, Target};

/// What a limit is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitOf {
    /// One pipeline.
    Pipeline(ProjectName, PipelineName),
    /// One project.
    Project(ProjectName),
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
    /// Pipeline.
    pub pipeline: PipelineName,
    /// Where they execute.
    pub target: Target,
}

impl RunKind {
    /// Not after any of a project's, in their order.
    pub(super) fn first_of(project: &ProjectName) -> Arc<Self> {
        let (pipeline, target) = (PipelineName::unchecked(""), Target::as_stored(""));
        Arc::new(Self { project: project.clone(), pipeline, target })
    }

    /// What limits them, the narrowest first. A limit of anything else that runs can be of is one more line here.
    #[must_use]
    pub fn limited_by(&self) -> [LimitOf; 4] {
        [
            LimitOf::Pipeline(self.project.clone(), self.pipeline.clone()),
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
            Self::Project(project) => kind.project == *project,
            Self::Target(target) => kind.target == *target,
            Self::Everything => true,
        }
    }
}
