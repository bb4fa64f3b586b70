//! What versions say of their runs' ends, for as long as they have runs that are not waiting: whatever else is read
//! anew, an active run ends by its own version's words.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rigi_model::VersionHash;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::retry::RetryPolicy;

use crate::Settings;

/// A version's words, with the server's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Policy {
    pub retry: RetryPolicy,
    /// Of entries of `schedules` that have their own.
    pub retry_of_entries: BTreeMap<String, RetryPolicy>,
    pub grace: Duration,
    pub outputs: Vec<String>,
    /// Bytes of files that are kept at most.
    pub output_size: Option<u64>,
}

impl Policy {
    pub fn of(settings: &Settings, spec: &PipelineSpec) -> Self {
        Self {
            retry: settings.retry_of(spec),
            retry_of_entries: spec
                .schedules
                .iter()
                .filter_map(|entry| Some((entry.id.clone(), entry.retry.as_ref()?.policy(&settings.retry))))
                .collect(),
            grace: spec.grace_period.unwrap_or(settings.grace_period),
            outputs: spec.outputs.keys().cloned().collect(),
            output_size: settings.limits_of(spec).output_size,
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
    known: HashMap<VersionHash, Arc<Policy>>,
    /// How many were in use when that was last asked.
    used: usize,
}

impl KnownPolicies {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a version says.
    pub fn learn(&self, version: VersionHash, policy: impl FnOnce() -> Policy) {
        let mut inner = self.inner();
        inner.known.entry(version).or_insert_with(|| Arc::new(policy()));
    }

    /// What a version says, if it was learned.
    pub fn find(&self, version: VersionHash) -> Option<Arc<Policy>> {
        self.inner().known.get(&version).cloned()
    }

    /// Whether it is time to forget those that are no longer in use: then twice as many were learned as were, and more.
    pub fn is_crowded(&self) -> bool {
        let inner = self.inner();
        inner.known.len() > FEW + 2 * inner.used
    }

    /// Forgets all but these.
    pub fn keep(&self, used: &HashSet<VersionHash>) {
        let mut inner = self.inner();
        inner.known.retain(|version, _| used.contains(version));
        inner.used = inner.known.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(n: u32) -> VersionHash {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        VersionHash::new(bytes)
    }

    fn policy(attempts: u32) -> Policy {
        let retry = RetryPolicy { attempts, ..RetryPolicy::default() };
        Policy {
            retry,
            retry_of_entries: BTreeMap::new(),
            grace: Duration::from_secs(1),
            outputs: vec!["plot".into()],
            output_size: None,
        }
    }

    #[test]
    fn what_is_in_use_outlives_any_number_of_other_versions() {
        let policies = KnownPolicies::default();
        policies.learn(version(0), || policy(7));
        for n in 0..5000 {
            policies.learn(version(n + 1), || policy(0));
            if policies.is_crowded() {
                policies.keep(&[version(0)].into());
            }
        }
        assert_eq!(*policies.find(version(0)).unwrap(), policy(7));
        assert!(policies.inner().known.len() <= FEW + 3);
        // Once learned it stays as it was.
        policies.learn(version(0), || policy(1));
        assert_eq!(policies.find(version(0)).unwrap().retry.attempts, 7);
    }

    #[test]
    fn many_in_use_are_asked_for_seldom() {
        let policies = KnownPolicies::default();
        let names: Vec<_> = (0..20_000).map(version).collect();
        let mut asked = 0;
        for &name in &names {
            policies.learn(name, || policy(1));
            if policies.is_crowded() {
                asked += 1;
                policies.keep(&names.iter().copied().collect());
            }
        }
        assert!(names.iter().all(|&name| policies.find(name).is_some()));
        assert!(asked < 6, "{asked}");
    }
}
