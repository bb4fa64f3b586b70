//! The engine's core: one task that hears what happened, has the ledger decide, and acts.
//!
//! Everything reaches it as a [`Message`]; what changes is handed to the store in one piece per round, and acted upon
//! when it is durable.

mod finish;
mod launch;
mod round;

pub(crate) use launch::VersionCache;

use std::collections::HashMap;
use std::sync::Arc;

use rigi_exec::plan::{Executor, Known, Observed};
use rigi_model::Timestamp;
use rigi_model::pipeline::spec::Target;
use rigi_store::{Pace, Store};
use tokio::sync::{broadcast, mpsc};

use crate::Settings;
use crate::decide::Board;
use crate::ledger::{Ledger, Message, Pulse, Recovered, Round};

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
}

impl Core {
    pub(crate) fn new(
        settings: Arc<Settings>,
        store: Store,
        executors: Executors,
        board: Board,
        observed: mpsc::UnboundedReceiver<Observed>,
        pulses: broadcast::Sender<Pulse>,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let versions = VersionCache::new(settings.clone(), store.clone());
        let ledger = Ledger::new(versions, executors.keys().copied().collect(), board);
        let core =
            Self { settings, store, executors, inbox, observed, outbox: outbox.clone(), pulses, ledger };
        (core, outbox)
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
        let open = self.store.db().open_runs().await?;
        for run in open.iter().filter(|run| run.status.state.is_active()) {
            self.ledger.policies().warm(&self.settings.project, &run.version).await;
        }
        let mut round = Round::default();
        let recovered = self.ledger.recover(open, known, now, &mut round);
        self.act(&mut round);
        if !round.changes.is_empty() {
            let durable = self.store.change(round.changes, Pace::Now).await?;
            durable.await.map_err(|_| rigi_store::Error::Closed)?;
        }
        // A first round, so that what waits gets its places.
        let _ = self.outbox.send(Message::Accepted(Vec::new()));
        Ok(recovered)
    }
}
