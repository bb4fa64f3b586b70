//! The pipelines whose runs' ends triggers wait for, as they are now.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use rigi_model::{PipelineName, ProjectName, RunState};

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Awaited {
    of: Arc<RwLock<Of>>,
}

#[derive(Debug, Default)]
struct Of {
    /// An end that comes before the triggers were read is looked at, whosever it is.
    unread: bool,
    projects: HashMap<ProjectName, Names>,
}

/// Those of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::triggers) struct Names {
    /// Whose ends count.
    pub all: BTreeSet<String>,
    /// Those of them that are sensors.
    pub sensors: BTreeSet<String>,
}

impl Awaited {
    /// The triggers are to be read.
    pub fn expect(&self) {
        self.of.write().unwrap_or_else(PoisonError::into_inner).unread = true;
    }

    /// All were read once.
    pub fn known(&self) {
        self.of.write().unwrap_or_else(PoisonError::into_inner).unread = false;
    }

    pub(in crate::triggers) fn set(&self, project: &ProjectName, names: Names) {
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        match names == Names::default() {
            true => _ = of.projects.remove(project),
            false => _ = of.projects.insert(project.clone(), names),
        }
    }

    /// Whether somebody waits for an end of a pipeline in this state.
    pub fn waits_for(&self, project: &ProjectName, pipeline: &PipelineName, state: RunState) -> bool {
        if !matches!(state, RunState::Succeeded | RunState::Failed | RunState::TimedOut) {
            return false;
        }
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.unread || of.projects.get(project).is_some_and(|names| names.all.contains(pipeline.as_str()))
    }

    /// Whether a pipeline's lines are events.
    pub fn is_sensor(&self, project: &ProjectName, pipeline: &PipelineName) -> bool {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.projects.get(project).is_some_and(|names| names.sensors.contains(pipeline.as_str()))
    }
}
