//! The logs that are followed right now: one hub each, woken by what the engine and the store tell of its run.
//!
//! Nobody follows, nobody listens: then neither commits nor lines cost anything here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rigi_engine::{Engine, Pulse, PulseKind};
use rigi_model::RunId;
use rigi_store::{Commit, Run};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use super::follower::{Attempts, Follower};
use super::hub::{Hub, LogPlace, Signal};
use super::log_origin::{LogOrigin, standing};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    engine: Engine,
    followed: Arc<Mutex<Followed>>,
}

#[derive(Default)]
struct Followed {
    hubs: HashMap<RunId, Arc<Hub>>,
    /// Wakes them, while there are any.
    waker: Option<AbortHandle>,
    closed: bool,
}

impl Logs {
    /// Of this engine's runs.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { engine, followed: Arc::default() }
    }

    /// Follows a run's log from a place on.
    pub fn follow(&self, run: Run, place: LogPlace, attempts: Attempts) -> Follower {
        let (hub, signal) = self.join(run);
        Follower::new(hub, signal, place, attempts)
    }

    /// Ends all streams, those of the future too.
    pub fn close(&self) {
        let mut followed = self.followed();
        followed.closed = true;
        for hub in followed.hubs.values() {
            hub.close();
        }
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, run: Run) -> (Arc<Hub>, watch::Receiver<Signal>) {
        let mut followed = self.followed();
        if let Some(hub) = followed.hubs.get(&run.request.id) {
            return (hub.clone(), hub.subscribe());
        }
        if followed.waker.is_none() {
            let waker = wake(self.followed.clone(), self.engine.pulses(), self.engine.store().commits());
            followed.waker = Some(tokio::spawn(waker).abort_handle());
        }
        let (id, standing) = (run.request.id.clone(), standing(&run));
        let hub = Hub::new(Box::new(LogOrigin::new(self.engine.clone(), run)), standing);
        let signal = hub.subscribe();
        if followed.closed {
            hub.close();
        }
        followed.hubs.insert(id.clone(), hub.clone());
        let (logs, kept) = (self.clone(), hub.clone());
        tokio::spawn(async move {
            // What was told of them before is not told again.
            let known = logs.engine.look(vec![id.clone()]).await.remove(&id);
            if let Some(look) = known {
                kept.stood(standing.attempt, &look.live.unfinished);
            }
            kept.run(|| logs.leave(&id, &kept)).await;
            logs.forget(&id, &kept);
        });
        (hub, signal)
    }

    /// Forgets a hub that nobody follows; false if somebody has come meanwhile.
    fn leave(&self, id: &RunId, hub: &Arc<Hub>) -> bool {
        // Whoever joins holds the lock.
        let mut followed = self.followed();
        let over = hub.followers() == 0;
        if over {
            followed.remove(id, hub);
        }
        over
    }

    fn forget(&self, id: &RunId, hub: &Arc<Hub>) {
        self.followed().remove(id, hub);
    }
}

impl Followed {
    fn remove(&mut self, id: &RunId, hub: &Arc<Hub>) {
        if self.hubs.get(id).is_some_and(|known| Arc::ptr_eq(known, hub)) {
            self.hubs.remove(id);
        }
        if self.hubs.is_empty()
            && let Some(waker) = self.waker.take()
        {
            waker.abort();
        }
    }
}

type Hubs = HashMap<RunId, Arc<Hub>>;

/// Wakes the hubs of runs that something happens to.
async fn wake(
    followed: Arc<Mutex<Followed>>,
    mut pulses: broadcast::Receiver<Pulse>,
    mut commits: broadcast::Receiver<Commit>,
) {
    let with = |tell: &dyn Fn(&Hubs)| {
        tell(&followed.lock().unwrap_or_else(PoisonError::into_inner).hubs);
    };
    loop {
        tokio::select! {
            pulse = pulses.recv() => match pulse {
                Ok(Pulse { run, what: PulseKind::Log(_), .. }) => with(&|hubs| {
                    if let Some(hub) = hubs.get(&run) { hub.grew(); }
                }),
                Ok(Pulse { run, attempt, what: PulseKind::Unfinished(lines) }) => with(&|hubs| {
                    if let Some(hub) = hubs.get(&run) { hub.stands(attempt, &lines); }
                }),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => with(&|hubs| hubs.values().for_each(|hub| hub.grew())),
                Err(RecvError::Closed) => return,
            },
            commit = commits.recv() => match commit {
                Ok(commit) => with(&|hubs| {
                    // A commit can hold very many runs; those followed are few.
                    for (run, hub) in hubs {
                        if commit.runs.binary_search(run).is_ok() { hub.changed(); }
                    }
                }),
                Err(RecvError::Lagged(_)) => with(&|hubs| hubs.values().for_each(|hub| hub.changed())),
                Err(RecvError::Closed) => return,
            },
        }
    }
}
