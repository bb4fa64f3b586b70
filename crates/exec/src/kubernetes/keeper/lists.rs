//! What the cluster's lists tell the keeper: what is not in them, and since when it sees all there is.

use std::collections::HashSet;

use rigi_model::AttemptKey;

use super::super::watch::{Deafness, ObjectKind};
use super::Keeper;

/// Which lists have been read, and what cannot be.
#[derive(Debug, Default)]
pub struct Lists {
    /// Not read since the cluster was reached.
    unread: HashSet<ObjectKind>,
    /// Cannot be followed now.
    deaf: HashSet<ObjectKind>,
    /// Attempts that had a pod when the list of pods began.
    claimed: HashSet<AttemptKey>,
    /// Those of them that are not in it.
    missing: Vec<AttemptKey>,
}

impl Lists {
    /// The cluster was reached.
    pub fn begin(queued: bool) -> Self {
        let mut unread = HashSet::from([ObjectKind::Jobs, ObjectKind::Pods]);
        if queued {
            unread.insert(ObjectKind::Workloads);
        }
        Self { unread, ..Self::default() }
    }
}

impl Keeper {
    pub(super) fn deaf(&mut self, kind: ObjectKind, deafness: &Deafness) {
        if self.lists.deaf.insert(kind) {
            let (target, why, what) = (&self.config.name, &deafness.why, kind.words());
            match deafness.refused {
                true => tracing::warn!(
                    %target, why, "Rigi may not follow {what} in the cluster; `rigi targets check {target}` says what is missing"
                ),
                false => {
                    tracing::warn!(%target, why, "{what} in the cluster cannot be followed; it is tried again")
                }
            }
        }
        if kind == ObjectKind::Workloads && deafness.refused {
            self.all_unseen(true);
            self.listed(kind);
        }
    }

    pub(super) fn hears(&mut self, kind: ObjectKind) {
        self.lists.deaf.remove(&kind);
        if kind == ObjectKind::Workloads {
            self.all_unseen(false);
        }
    }

    pub(super) fn jobs_listed(&mut self, there: &HashSet<AttemptKey>) {
        self.away = false;
        self.compare(there);
        self.listed(ObjectKind::Jobs);
    }

    pub(super) fn pods_begin(&mut self) {
        let claimed = self.held.keys().filter(|key| self.remote.is_claimed(key) && self.remote.is_open(key));
        self.lists.claimed = claimed.cloned().collect();
    }

    pub(super) fn pods_listed(&mut self, there: &HashSet<AttemptKey>) {
        let claimed = std::mem::take(&mut self.lists.claimed);
        let missing = claimed.into_iter().filter(|key| !there.contains(key));
        self.lists.missing.extend(missing);
        self.listed(ObjectKind::Pods);
    }

    /// A list has been read. What is missing in one is understood by the others.
    pub(super) fn listed(&mut self, kind: ObjectKind) {
        self.lists.unread.remove(&kind);
        if !self.lists.unread.is_empty() {
            return;
        }
        self.remote.sees(&self.config.name);
        for key in std::mem::take(&mut self.lists.missing) {
            let Some(held) = self.held.get_mut(&key) else { continue };
            held.shown.pod = None;
            // Without its Job, it has ended by that.
            if held.shown.job.is_some() {
                self.without_pod(&key);
            }
        }
    }
}
