//! The engine's core: one task that hears what happened, has the ledger decide, and acts.
//!
//! Everything reaches it as a [`Message`]; what changes is handed to the store in one piece per round, and acted upon
//! when it is durable.

mod copy;
mod finish;
mod gather;
mod launch;
mod policies;
mod resumed;
mod round;

pub(crate) use launch::VersionCache;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rigi_exec::plan::{Executor, Known, Observed};
use rigi_model::{AttemptKey, ProjectName, RunId, RunState, Target, Timestamp};
use rigi_store::{Pace, Store};
use tokio::sync::{broadcast, mpsc};

use copy::Brake;

use crate::Settings;
use crate::decide::Board;
use crate::ledger::{Ledger, Message, Pulse, Recovered, Round};
use crate::room::Room;

/// Waiting runs read at a time. A queue of one page is here before the server is ready.
const QUEUE_PAGE: u32 = 5000;
/// Between two tries to read the queue when the database does not answer.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Executors by target.
pub type Executors = HashMap<Target, Arc<dyn Executor>>;

/// The ledger, and what it takes to act by it.
pub(crate) struct Core {
    settings: Arc<Settings>,
    store: Store,
    executors: Executors,
    inbox: mpsc::UnboundedReceiver<Message>,
    /// What executors see.
    observed: mpsc::UnboundedReceiver<Observed>,
    outbox: mpsc::UnboundedSender<Message>,
    pulses: broadcast::Sender<Pulse>,
    ledger: Ledger<VersionCache>,
    room: Room,
    /// What stops the copying of outputs, by attempt.
    brakes: HashMap<AttemptKey, Brake>,
}

impl Core {
    pub(crate) fn new(
        settings: Arc<Settings>,
        store: Store,
        versions: VersionCache,
        executors: Executors,
        board: Board,
        observed: mpsc::UnboundedReceiver<Observed>,
        pulses: broadcast::Sender<Pulse>,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let ledger = Ledger::new(versions, executors.keys().cloned().collect(), board);
        let room = Room::new(store.data().to_owned(), settings.free_disk);
        let sender = outbox.clone();
        let brakes = HashMap::new();
        let core = Self { settings, store, executors, inbox, observed, outbox, pulses, ledger, room, brakes };
        (core, sender)
    }

    /// Starts from what is stored and from what the executors still know.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn recover(
        &mut self,
        known: Vec<Known>,
        now: Timestamp,
    ) -> rigi_store::Result<Recovered> {
        let (store, settings) = (self.store.clone(), self.settings.clone());
        let (db, project) = (store.db(), &settings.project);
        let active = [RunState::Starting, RunState::Running, RunState::Retrying];
        let mut open = db.open_runs(project, &active, None, u32::MAX).await?;
        for run in open.iter().filter(|run| run.status.state.is_active()) {
            self.ledger.policies().warm(project, run.version).await;
        }
        let queue = db.open_runs(project, &[RunState::Queued], None, QUEUE_PAGE).await?;
        let rest = queue.last().filter(|_| queue.len() == QUEUE_PAGE as usize).map(|run| run.id.clone());
        open.extend(queue);
        let mut round = Round::default();
        let recovered = self.ledger.recover(open, known, now, &mut round);
        self.act(&mut round);
        if !round.changes.is_empty() {
            let durable = self.store.change(round.changes, Pace::Now).await?;
            durable.await.map_err(|_| rigi_store::Error::Closed)?;
        }
        for (target, key) in round.releases {
            self.executors_of(target.as_ref()).for_each(|executor| executor.release(&key));
        }
        if let Some(last) = rest {
            self.ledger.begin_loading();
            tokio::spawn(load_queue(self.store.clone(), project.clone(), last, self.outbox.clone()));
        }
        // A first round, so that what waits gets its places.
        let _ = self.outbox.send(Message::Accepted(Vec::new()));
        Ok(recovered)
    }
}

/// Reads the rest of a long queue while the server answers already.
async fn load_queue(
    store: Store,
    project: ProjectName,
    mut last: RunId,
    core: mpsc::UnboundedSender<Message>,
) {
    loop {
        match store.db().open_runs(&project, &[RunState::Queued], Some(&last), QUEUE_PAGE).await {
            Ok(queue) => {
                let full = queue.len() == QUEUE_PAGE as usize;
                if let Some(run) = queue.last() {
                    last = run.id.clone();
                }
                if core.send(Message::Queued(queue)).is_err() {
                    return;
                }
                if !full {
                    // The core is gone: nobody waits for the queue.
                    let _ = core.send(Message::QueueLoaded);
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be read; nothing starts until it can");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }
}
