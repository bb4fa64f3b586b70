//! The engine's core: one task that owns what has not ended, hears what happened, decides, and acts.
//!
//! Everything reaches it as a [`Message`]; what it changes is folded by `rigi_model`, handed to the store in one piece per
//! round, and acted upon when it is durable.

mod entry;
mod finish;
mod hear;
mod launch;
mod recover;
mod round;

pub use entry::{Live, Progress};
pub(crate) use finish::Kept;
pub(crate) use launch::VersionCache;
pub use recover::Recovered;

use std::collections::HashMap;
use std::sync::Arc;

use rigi_exec::plan::{AttemptPlan, Executor, Observed, Sample};
use rigi_model::pipeline::spec::Target;
use rigi_model::{AttemptKey, RunId, Timestamp};
use rigi_store::{NewRun, Store};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::Settings;
use crate::decide::{Board, Place};
use entry::Entry;

/// Executors by target.
pub type Executors = HashMap<Target, Arc<dyn Executor>>;

/// What the core is told.
pub(crate) enum Message {
    /// These runs are durable.
    Accepted(Vec<Arc<NewRun>>),
    /// Somebody wants a run to stop.
    Cancel { run: RunId, by: String, reply: oneshot::Sender<CancelAnswer> },
    /// An executor saw something.
    Observed(Observed),
    /// The plan of a claimed attempt, or why there is none.
    Planned { key: AttemptKey, plan: Box<Result<AttemptPlan, launch::CannotPlan>> },
    /// An ended attempt's log and files are kept.
    Kept { key: AttemptKey, at: Timestamp, kept: Box<Kept> },
    /// Somebody looks at runs.
    Look { runs: Vec<RunId>, reply: oneshot::Sender<HashMap<RunId, Look>> },
    /// Some runs that wait, those that are next among them.
    Waiting { limit: usize, reply: oneshot::Sender<Vec<RunId>> },
    /// How many wait, are active, are delayed; and of one pipeline.
    Count { reply: oneshot::Sender<(u64, u64, u64)> },
    /// How many of these pipelines' runs wait and are active.
    CountOf { pipelines: Vec<String>, reply: oneshot::Sender<Vec<(u64, u64)>> },
    /// A pipeline's limit on active runs changed.
    Limit { pipeline: String, limit: Option<u64> },
    /// No further run gets a place; answered when nothing is being started.
    Close { reply: oneshot::Sender<()> },
}

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It is durable; the run ends, or has ended.
    Accepted,
    /// The run had ended before.
    Ended,
}

/// What is known of a run beside what is stored.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Where it stands in the queue.
    pub place: Option<Place>,
    /// What it does right now.
    pub live: Live,
}

/// Something that is worth telling at once and not worth storing.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// Of which run.
    pub run: RunId,
    /// Of which attempt.
    pub attempt: u32,
    /// What.
    pub what: PulseKind,
}

/// What a pulse tells.
#[derive(Debug, Clone)]
pub enum PulseKind {
    /// The log has this many lines now.
    Log(u64),
    /// What the process tree uses.
    Sample(Timestamp, Sample),
    /// The run said something of its progress.
    Progress,
}

/// The core's state.
pub(crate) struct Core {
    settings: Arc<Settings>,
    store: Store,
    executors: Executors,
    versions: VersionCache,
    inbox: mpsc::UnboundedReceiver<Message>,
    outbox: mpsc::UnboundedSender<Message>,
    pulses: broadcast::Sender<Pulse>,
    runs: HashMap<RunId, Entry>,
    board: Board,
    /// Told when nothing is being started any more.
    closing: Option<oneshot::Sender<()>>,
    /// Requests kept in memory, so that a short queue needs no reading back.
    cached_requests: usize,
}

impl Core {
    pub(crate) fn new(
        settings: Arc<Settings>,
        store: Store,
        executors: Executors,
        board: Board,
        pulses: broadcast::Sender<Pulse>,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let versions = VersionCache::new(store.clone());
        let core = Self {
            settings,
            store,
            executors,
            versions,
            inbox,
            outbox: outbox.clone(),
            pulses,
            runs: HashMap::new(),
            board,
            closing: None,
            cached_requests: 0,
        };
        (core, outbox)
    }

    fn pulse(&self, run: &RunId, attempt: u32, what: PulseKind) {
        if self.pulses.receiver_count() > 0 {
            let _ = self.pulses.send(Pulse { run: run.clone(), attempt, what });
        }
    }
}
