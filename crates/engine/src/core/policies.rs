//! What versions say of their runs' ends, for as long as they have runs that are not waiting: whatever else is read
//! anew, an active run ends by its own version's words.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::SoftLimits;
use rigi_model::retry::RetryPolicy;
use rigi_model::run_config::VersionPart;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{RunState, Timestamp};

use crate::Settings;

/// A version's words, with the server's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Policy {
    pub retry: RetryPolicy,
    pub grace: Duration,
    pub outputs: Vec<String>,
    /// Bytes of files that are kept at most.
    pub output_size: Option<u64>,
    /// What follows its runs' ends.
    pub follow: Follow,
    /// What is told when it is used.
    pub soft: Option<SoftLimits>,
}

/// What follows an end, as far as that is known before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Follow {
    /// Pipelines may follow a success.
    success: bool,
    /// Pipelines follow a failure.
    failure: bool,
    /// What it left becomes versions of datasets.
    datasets: bool,
    /// It starts again after a failure, so much later.
    restart: Option<Duration>,
}

/// Between a crash and the next start, as in Fast-Flow.
const COOLDOWN: Duration = Duration::from_secs(60);

impl Follow {
    fn of(spec: &PipelineSpec) -> Self {
        let cooldown = spec.restart.cooldown.filter(|cooldown| !cooldown.is_zero()).unwrap_or(COOLDOWN);
        Self {
            success: spec.downstream_triggers.iter().any(|next| next.on_success || next.on_route.is_some()),
            failure: spec.downstream_triggers.iter().any(|next| next.on_failure),
            datasets: spec.outputs.values().any(|output| output.dataset.is_some()),
            restart: spec.restart.on_crash.then_some(cooldown),
        }
    }

    /// What is to be done after an end in this state, and when. A run that somebody has stopped is followed by nothing.
    pub fn after(&self, state: RunState, now: Timestamp) -> Vec<(FollowUpKind, Timestamp)> {
        let failed = matches!(state, RunState::Failed | RunState::TimedOut);
        let downstream = state == RunState::Succeeded && self.success || failed && self.failure;
        let restart = self.restart.filter(|_| failed).map(|after| (FollowUpKind::Restart, now.after(after)));
        let datasets = state == RunState::Succeeded && self.datasets;
        let datasets = datasets.then_some((FollowUpKind::Dataset, now)).into_iter();
        datasets.chain(downstream.then_some((FollowUpKind::Downstream, now))).chain(restart).collect()
    }
}

impl Policy {
    pub fn of(settings: &Settings, spec: &PipelineSpec) -> Self {
        Self {
            // A flow is not tried again: its steps are.
            retry: if spec.entry.is_run() { settings.retry_of(spec) } else { RetryPolicy::default() },
            grace: spec.grace_period.unwrap_or(settings.grace_period),
            outputs: spec.outputs.keys().cloned().collect(),
            output_size: settings.limits_of(spec).output_size,
            follow: Follow::of(spec),
            soft: Some(spec.soft_limits.clone()).filter(|soft| soft.cpu.is_some() || soft.memory.is_some()),
        }
    }
}

/// Kept before it is asked for the first time which of them are still in use.
const FEW: usize = 1000;

/// The policies by version. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownPolicies {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<VersionPart, Arc<Policy>>,
    /// How many were in use when that was last asked.
    used: usize,
}

impl KnownPolicies {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a version says.
    pub fn learn(&self, of: &VersionPart, policy: impl FnOnce() -> Policy) {
        let mut inner = self.inner();
        inner.known.entry(of.clone()).or_insert_with(|| Arc::new(policy()));
    }

    /// What a version says, if it was learned.
    pub fn find(&self, of: &VersionPart) -> Option<Arc<Policy>> {
        self.inner().known.get(of).cloned()
    }

    /// Whether it is time to forget those that are no longer in use: then twice as many were learned as were, and more.
    pub fn is_crowded(&self) -> bool {
        let inner = self.inner();
        inner.known.len() > FEW + 2 * inner.used
    }

    /// Forgets all but these.
    pub fn keep(&self, used: &HashSet<VersionPart>) {
        let mut inner = self.inner();
        inner.known.retain(|version, _| used.contains(version));
        inner.used = inner.known.len();
    }
}

#[cfg(test)]
mod tests {
    use rigi_model::VersionHash;
    use rigi_model::run_config::SpecPart;

    use super::*;

    fn version(n: u32) -> VersionPart {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        VersionPart { version: VersionHash::new(bytes), part: SpecPart::default() }
    }

    fn policy(attempts: u32) -> Policy {
        let retry = RetryPolicy { attempts, ..RetryPolicy::default() };
        Policy {
            retry,
            grace: Duration::from_secs(1),
            outputs: vec!["plot".into()],
            output_size: None,
            follow: Follow::default(),
            soft: None,
        }
    }

    #[test]
    fn what_is_in_use_outlives_any_number_of_other_versions() {
        let policies = KnownPolicies::default();
        policies.learn(&version(0), || policy(7));
        for n in 0..5000 {
            policies.learn(&version(n + 1), || policy(0));
            if policies.is_crowded() {
                policies.keep(&[version(0)].into());
            }
        }
        assert_eq!(*policies.find(&version(0)).unwrap(), policy(7));
        assert!(policies.inner().known.len() <= FEW + 3);
        // Once learned it stays as it was.
        policies.learn(&version(0), || policy(1));
        assert_eq!(policies.find(&version(0)).unwrap().retry.attempts, 7);
    }

    #[test]
    fn many_in_use_are_asked_for_seldom() {
        let policies = KnownPolicies::default();
        let names: Vec<_> = (0..20_000).map(version).collect();
        let mut asked = 0;
        for name in &names {
            policies.learn(name, || policy(1));
            if policies.is_crowded() {
                asked += 1;
                policies.keep(&names.iter().cloned().collect());
            }
        }
        assert!(names.iter().all(|name| policies.find(name).is_some()));
        assert!(asked < 6, "{asked}");
    }
}
