//! The engine's core: one task that hears what happened, has the ledger decide, and acts.
//!
//! Everything reaches it as a [`Message`]; what changes is handed to the store in one piece per round, and acted upon
//! when it is durable.

mod copy;
mod finish;
mod follower;
mod gather;
mod launch;
mod others;
mod policies;
mod resumed;
mod round;

pub(crate) use follower::Follower;
pub(crate) use launch::VersionCache;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::{AttemptKey, ProjectName, RunId, RunState, Target, Timestamp};
use rigi_store::{Pace, Store};
use rigi_work::plan::{Executor, Known, Observed, Phase};
use tokio::sync::{Notify, broadcast, mpsc};

use copy::Brake;

use crate::Settings;
use crate::decide::{Board, WEIGHT};
use crate::flow_words::{FlowWord, FlowWords};
use crate::ledger::{Ledger, Message, Pulse, Recovered, Round};
use crate::quota::{KnownNeeds, limits_of};
use crate::room::Room;

/// Waiting runs read at a time. A queue of one page is here before the server is ready.
const QUEUE_PAGE: u32 = 5000;
/// Between two tries to read the queue when the database does not answer.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Executors by target.
pub type Executors = HashMap<Target, Arc<dyn Executor>>;

/// The core has ended.
struct Gone;

/// The ledger, and what it takes to act by it.
pub(crate) struct Core {
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
    /// Who hears of ends that lead on.
    after: After,
}

/// Who hears of ends that lead on, when they are durable. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct After {
    /// Steps of flows.
    pub flows: FlowWords,
    /// Told when something is to be done because a run has ended.
    pub follow: Arc<Notify>,
    /// Told when environments were built whose packages are to be looked at.
    pub built: Arc<Notify>,
}

impl After {
    fn tell(&self, step_ends: Vec<(RunId, RunId, RunState)>, follows: bool) {
        for (parent, run, state) in step_ends {
            self.flows.send(FlowWord::StepEnded { parent, run, state });
        }
        if follows {
            self.follow.notify_one();
        }
    }
}

impl Core {
    pub(crate) fn new(
        settings: &Settings,
        store: Store,
        versions: VersionCache,
        executors: Executors,
        observed: mpsc::UnboundedReceiver<Observed>,
        pulses: broadcast::Sender<Pulse>,
        after: After,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let mut board = Board::new(settings.active.clone());
        settings.projects.each(|project, own| {
            limits_of(project, &own.quota).into_iter().for_each(|(of, most)| board.limit(of, most));
            board.weigh(project, own.quota.weight.unwrap_or(WEIGHT));
        });
        let ledger = Ledger::new(versions, executors.keys().cloned().collect(), board);
        let room = Room::new(store.data().to_owned(), settings.free_disk);
        let sender = outbox.clone();
        let brakes = HashMap::new();
        let core = Self { store, executors, inbox, observed, outbox, pulses, ledger, room, brakes, after };
        (core, sender)
    }

    /// Starts from what is stored and from what the executors still know.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn recover(
        &mut self,
        mut known: Vec<Known>,
        now: Timestamp,
    ) -> rigi_store::Result<Recovered> {
        let store = self.store.clone();
        let db = store.db();
        // Before the queue is read: what others accept from here on is heard, if it is not read.
        let heard = store.hear_others().await?;
        let active = [RunState::Starting, RunState::Running, RunState::Retrying];
        let (mut open, mut rest) = (Vec::new(), Vec::new());
        for project in db.projects().await? {
            open.extend(db.open_runs(&project, &active, None, u32::MAX).await?);
            let queue = db.open_runs(&project, &[RunState::Queued], None, QUEUE_PAGE).await?;
            let last = queue.last().filter(|_| queue.len() == QUEUE_PAGE as usize);
            rest.extend(last.map(|run| (project, run.id.clone())));
            open.extend(queue);
        }
        for run in open.iter().filter(|run| run.status.state.is_active()) {
            if run.target == Target::FLOW {
                // It is where its steps are, which are stored.
                let key = AttemptKey { run: run.id.clone(), number: run.status.attempt };
                self.after.flows.send(FlowWord::Resume(key.clone()));
                // What waits for a person has not started.
                let running = run.status.state == RunState::Running;
                known.push(Known { key, phase: if running { Phase::Running } else { Phase::Preparing } });
            }
            self.ledger.policies().warm(&run.project, &run.part).await;
        }
        let of = open.iter().map(|run| (&run.project, run.part.clone()));
        self.ledger.policies().needs.read(&store, of).await;
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
        if !rest.is_empty() {
            self.ledger.begin_loading();
            let needs = self.ledger.policies().needs.clone();
            tokio::spawn(load_queues(self.store.clone(), needs, rest, self.outbox.clone()));
        }
        tokio::spawn(others::tell(store.clone(), heard, self.outbox.clone()));
        // A first round, so that what waits gets its places.
        let _ = self.outbox.send(Message::Accepted(Vec::new()));
        Ok(recovered)
    }
}

/// Reads the rest of long queues while the server answers already.
async fn load_queues(
    store: Store,
    needs: KnownNeeds,
    rest: Vec<(ProjectName, RunId)>,
    core: mpsc::UnboundedSender<Message>,
) {
    for (project, last) in rest {
        if load_queue(&store, &needs, &project, last, &core).await.is_err() {
            return;
        }
    }
    // The core is gone: nobody waits for the queue.
    let _ = core.send(Message::QueueLoaded);
}

/// The rest of one project's.
async fn load_queue(
    store: &Store,
    needs: &KnownNeeds,
    project: &ProjectName,
    mut last: RunId,
    core: &mpsc::UnboundedSender<Message>,
) -> Result<(), Gone> {
    loop {
        match store.db().open_runs(project, &[RunState::Queued], Some(&last), QUEUE_PAGE).await {
            Ok(queue) => {
                let full = queue.len() == QUEUE_PAGE as usize;
                if let Some(run) = queue.last() {
                    last = run.id.clone();
                }
                needs.read(store, queue.iter().map(|run| (&run.project, run.part.clone()))).await;
                core.send(Message::Queued(queue)).map_err(|_| Gone)?;
                if !full {
                    return Ok(());
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be read; nothing starts until it can");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }
}
