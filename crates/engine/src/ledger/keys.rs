//! Runs by their key of `concurrency`: what becomes of one when as many are active as may be.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rigi_model::pipeline::concurrency::{KeyOverlap, RunKey};
use rigi_model::run::Happening;
use rigi_model::{Actor, ProjectName, RunId, RunState, Timestamp};

use super::{Ledger, Policies, Round};

/// Those that have not ended, oldest first; runs without a key are not here.
#[derive(Debug, Default)]
pub(super) struct Keys {
    of: HashMap<(ProjectName, Arc<str>), BTreeSet<RunId>>,
}

impl Keys {
    pub fn enter(&mut self, project: &ProjectName, key: &RunKey, run: &RunId) {
        self.of.entry((project.clone(), key.key.clone())).or_default().insert(run.clone());
    }

    pub fn leave(&mut self, project: &ProjectName, key: &RunKey, run: &RunId) {
        let of = (project.clone(), key.key.clone());
        if let Some(runs) = self.of.get_mut(&of) {
            runs.remove(run);
            if runs.is_empty() {
                self.of.remove(&of);
            }
        }
    }

    /// Those before a run that have not ended.
    fn before(&self, project: &ProjectName, key: &RunKey, run: &RunId) -> Vec<RunId> {
        let runs = self.of.get(&(project.clone(), key.key.clone()));
        runs.into_iter().flat_map(|runs| runs.range(..run.clone())).cloned().collect()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &RunId> {
        self.of.values().flatten()
    }
}

impl<P: Policies> Ledger<P> {
    /// A run with a key has come: where too many are there before it, it is skipped, or they are stopped.
    pub(super) fn meet_key(&mut self, run: &RunId, now: Timestamp, round: &mut Round) {
        let Some(entry) = self.runs.get(run) else { return };
        let Some(key) = entry.of.kind.key.clone() else { return };
        if key.overlap == KeyOverlap::Queue || entry.state() != RunState::Queued || entry.attempt() > 0 {
            return;
        }
        let project = entry.of.kind.project.clone();
        let mut others = self.keys.before(&project, &key, run);
        others.retain(|other| self.runs.get(other).is_some_and(|entry| !entry.is_cancelled()));
        let too_many = (others.len() + 1).saturating_sub(key.limit as usize);
        if too_many == 0 {
            return;
        }
        if key.overlap == KeyOverlap::Skip {
            let other = others.first().map(ToString::to_string).unwrap_or_default();
            let message = format!("the run {other} of the key `{}` had not ended", key.key);
            self.meet(run, Happening::Overlapping { message }, now, round);
            return;
        }
        for other in others.into_iter().take(too_many) {
            self.cancel_one(&other, Actor::named(format!("the newer run {run}")), now, round);
        }
    }

    /// The stored queue is here: those whose server died before it looked at their keys are looked at.
    pub(super) fn meet_keys(&mut self, now: Timestamp, round: &mut Round) {
        let mut runs: Vec<RunId> = self.keys.all().cloned().collect();
        runs.sort_unstable();
        for run in runs {
            self.meet_key(&run, now, round);
        }
    }
}
