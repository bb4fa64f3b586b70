//! The rules of all projects, as they are now.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rigi_model::notices::NoticeKind;
use rigi_model::{ProjectName, RunState};
use rigi_store::notices::NamedRule;
use rigi_store::{Result, Store};

/// A run waits too long after this time, where a rule does not say.
const WAITING: Duration = Duration::from_secs(30 * 60);

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    of: Arc<RwLock<HashMap<ProjectName, Arc<Vec<NamedRule>>>>>,
}

impl Rules {
    /// Reads them all.
    pub async fn read(&self, store: &Store) -> Result<()> {
        let mut of: HashMap<ProjectName, Vec<NamedRule>> = HashMap::new();
        for rule in store.db().all_rules().await? {
            of.entry(rule.project.clone()).or_default().push(rule);
        }
        let of = of.into_iter().map(|(project, rules)| (project, Arc::new(rules))).collect();
        *self.of.write().unwrap_or_else(PoisonError::into_inner) = of;
        Ok(())
    }

    /// Those of a project.
    pub fn of(&self, project: &ProjectName) -> Arc<Vec<NamedRule>> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.get(project).cloned().unwrap_or_default()
    }

    /// Whether an end in this state is looked at. A success may be the end of trouble that began when there were other rules.
    pub fn listen_to(&self, project: &ProjectName, state: RunState) -> bool {
        let ends = matches!(state, RunState::Failed | RunState::TimedOut | RunState::Succeeded);
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        ends && of.get(project).is_some_and(|rules| rules.iter().any(|rule| !rule.rule.paused))
    }

    /// Whether anybody wants to know of this.
    pub fn tell_of(&self, project: &ProjectName, kind: NoticeKind) -> bool {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.get(project)
            .is_some_and(|rules| rules.iter().any(|rule| !rule.rule.paused && rule.rule.on.contains(&kind)))
    }

    /// Projects in which runs may wait only so long.
    pub fn waiting(&self) -> Vec<(ProjectName, Duration)> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        let least = |(project, rules): (&ProjectName, &Arc<Vec<NamedRule>>)| {
            let its =
                rules.iter().filter(|rule| !rule.rule.paused && rule.rule.on.contains(&NoticeKind::Waiting));
            let least = its.map(|rule| rule.rule.waiting_after.unwrap_or(WAITING)).min()?;
            Some((project.clone(), least))
        };
        of.iter().filter_map(least).collect()
    }
}

/// How long a run may wait by a rule.
pub(super) fn may_wait(rule: &NamedRule) -> Duration {
    rule.rule.waiting_after.unwrap_or(WAITING)
}
