//! Starting from what is stored and from what the executors still know.

use std::collections::BTreeMap;

use rigi_model::run::Happening;
use rigi_model::{Exit, RunId, RunState, Timestamp};
use rigi_store::OpenRun;
use rigi_work::plan::{Known, Phase};

use super::entry::Entry;
use super::{Ledger, Order, Policies, Round};

impl<P: Policies> Ledger<P> {
    /// Takes in every run that has not ended and brings it in step with the executors: what they run goes on, what they
    /// never got goes back into the queue, what they lost is lost.
    pub fn recover(
        &mut self,
        open: Vec<OpenRun>,
        known: Vec<Known>,
        now: Timestamp,
        round: &mut Round,
    ) -> Recovered {
        let mut known: BTreeMap<_, _> = known.into_iter().map(|k| (k.key.clone(), k)).collect();
        let mut recovered = Recovered::default();
        for run in open {
            let id = run.id.clone();
            let active = run.status.state.is_active();
            let needs = self.policies.needs(&run.project, &run.part);
            let by = self.policies.started_by(&run.trigger);
            let entry = Entry::recovered(run, (by, needs), &mut self.runs_of);
            let key = entry.key(id.clone());
            let found = if active { known.remove(&key) } else { None };
            self.place(id.clone(), delayed_no_longer(entry, now));
            if active {
                self.reconcile(&id, found.as_ref(), now, round, &mut recovered);
            }
            recovered.open += 1;
        }
        for known in known.into_values() {
            // Its end was stored before the server stopped, or it belongs to an attempt that was given up.
            if known.phase == Phase::Ended {
                round.releases.push((None, known.key));
            } else {
                let grace = self.policies.grace(None);
                round.orders.push(Order::Stop { target: None, key: known.key, grace });
            }
        }
        recovered
    }

    /// What has been taken in is not the whole queue: until the rest has come, nothing gets a place, so that what is first
    /// starts first, and nobody's request to cancel misses a run.
    pub fn begin_loading(&mut self) {
        self.board.hold();
        self.loading = Some(Vec::new());
    }

    pub(super) fn take_queue(&mut self, runs: Vec<OpenRun>) {
        for run in runs {
            if !self.runs.contains_key(&run.id) {
                let needs = self.policies.needs(&run.project, &run.part);
                let by = self.policies.started_by(&run.trigger);
                let (id, entry) = (run.id.clone(), Entry::recovered(run, (by, needs), &mut self.runs_of));
                self.place(id, entry);
            }
        }
    }

    pub(super) fn end_loading(&mut self, now: Timestamp, round: &mut Round) {
        self.board.release();
        for message in self.loading.take().unwrap_or_default() {
            self.hear(message, now, round);
        }
        self.meet_keys(now, round);
    }

    fn place(&mut self, id: RunId, entry: Entry) {
        match (entry.state(), entry.next_attempt_at()) {
            (RunState::Queued, _) => self.board.wait(&id, &entry.of.kind, entry.priority),
            (RunState::Retrying, Some(time)) => self.board.delay(&id, time),
            (RunState::Retrying, None) => self.board.delay(&id, Timestamp(0)),
            _ => self.board.occupy(&entry.of.kind),
        }
        if let Some(key) = &entry.of.kind.key {
            self.keys.enter(&entry.of.kind.project, key, &id);
        }
        self.runs.insert(id, entry);
    }

    fn reconcile(
        &mut self,
        id: &RunId,
        known: Option<&Known>,
        now: Timestamp,
        round: &mut Round,
        recovered: &mut Recovered,
    ) {
        let Some(entry) = self.runs.get_mut(id) else { return };
        let (key, target) = (entry.key(id.clone()), entry.of.kind.target.clone());
        let grace = self.policies.grace(Some(&entry.of.part));
        let (state, cancelled) = (entry.state(), entry.is_cancelled());
        match known {
            Some(known) => {
                entry.launched = true;
                recovered.adopted += 1;
                if known.phase == Phase::Running && state == RunState::Starting {
                    self.meet(id, Happening::Started { attempt: key.number }, now, round);
                }
                if cancelled {
                    round.orders.push(Order::Stop { target: Some(target), key, grace });
                }
            }
            None if cancelled => self.never_started(&key, Exit::Stopped, now, round),
            None if state == RunState::Starting => {
                recovered.given_back += 1;
                self.meet(id, Happening::GivenBack, now, round);
            }
            None => {
                recovered.lost += 1;
                let message = "its executor does not know it any more".to_owned();
                self.never_started(&key, Exit::Lost { message }, now, round);
            }
        }
    }
}

/// What was found at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Runs that have not ended.
    pub open: u64,
    /// Attempts that went on without a server.
    pub adopted: u64,
    /// Attempts that had not been started.
    pub given_back: u64,
    /// Attempts that nobody knows any more.
    pub lost: u64,
}

/// The clock may have been set back meanwhile: a delay is never longer than it was to begin with.
fn delayed_no_longer(mut entry: Entry, now: Timestamp) -> Entry {
    if entry.next_attempt_at().is_some() {
        let status = entry.status();
        status.next_attempt_at =
            status.next_attempt_at.map(|next| next.min(now.after(next.since(status.queued_at))));
    }
    entry
}
