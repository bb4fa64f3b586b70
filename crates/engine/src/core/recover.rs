//! Starting from what is stored and from what the executors still know.

use std::collections::HashMap;

use rigi_exec::plan::Known;
use rigi_model::run::Happening;
use rigi_model::{Exit, RunId, RunState, Timestamp};

use super::entry::Entry;
use super::round::Round;
use super::{Core, Message};

impl Core {
    /// Loads every run that has not ended and brings it in step with the executors: what they run goes on, what they
    /// never got goes back into the queue, what they lost is lost.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn recover(
        &mut self,
        known: Vec<Known>,
        now: Timestamp,
    ) -> rigi_store::Result<Recovered> {
        let mut known: HashMap<_, _> = known.into_iter().map(|k| (k.key.clone(), k)).collect();
        let mut round = Round::default();
        let mut recovered = Recovered::default();
        for run in self.store.db().open_runs().await? {
            let id = run.id.clone();
            let active = run.status.state.is_active();
            if active {
                self.versions.warm(&self.settings.project, &run.version).await;
            }
            let entry = Entry::recovered(run);
            let key = entry.key(id.clone());
            let found = if active { known.remove(&key) } else { None };
            self.place(id.clone(), entry);
            if active {
                self.reconcile(&id, found.as_ref(), now, &mut round, &mut recovered);
            }
            recovered.open += 1;
        }
        for known in known.into_values() {
            // Its end was stored before the server stopped, or it belongs to an attempt that was given up.
            for executor in self.executors.values() {
                if known.running {
                    executor.stop(&known.key, self.settings.grace_period);
                } else {
                    executor.release(&known.key);
                }
            }
        }
        self.flush_recovered(round).await?;
        Ok(recovered)
    }

    fn place(&mut self, id: RunId, entry: Entry) {
        match (entry.status.state, entry.status.next_attempt_at) {
            (RunState::Queued, _) => self.board.wait(&id, &entry.pipeline, entry.priority),
            (RunState::Retrying, Some(time)) => self.board.delay(&id, time),
            (RunState::Retrying, None) => self.board.delay(&id, Timestamp(0)),
            _ => self.board.occupy(&entry.pipeline),
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
        let (key, target) = (entry.key(id.clone()), entry.target);
        let grace = self.versions.grace_period(&entry.version, &self.settings);
        let (state, cancelled) = (entry.status.state, entry.status.cancel_requested_at.is_some());
        match known {
            Some(known) => {
                entry.launched = true;
                recovered.adopted += 1;
                if known.running && state == RunState::Starting {
                    self.meet(id, Happening::Started { attempt: key.number }, now, round);
                }
                if let Some(executor) = self.executors.get(&target).filter(|_| cancelled) {
                    executor.stop(&key, grace);
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

    async fn flush_recovered(&mut self, round: Round) -> rigi_store::Result<()> {
        if !round.changes.is_empty() {
            let durable = self.store.change(round.changes).await?;
            durable.await.map_err(|_| rigi_store::Error::Closed)?;
        }
        // A first round, so that what waits gets its places.
        self.send(Message::Accepted(Vec::new()));
        Ok(())
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
