//! What follows from what the ledger heard in one round.

use std::sync::Arc;
use std::time::Duration;

use rigi_model::{AttemptKey, ProjectName, RunId, RunState, Target, Timestamp};
use rigi_store::{NewRun, RunChange};
use rigi_work::plan::{AttemptPlan, Ended, Sample};
use tokio::sync::oneshot;

use super::{CancelAnswer, Pulse};

/// What is to be written and done.
#[derive(Debug, Default)]
pub struct Round {
    /// To be done at once.
    pub orders: Vec<Order>,
    /// To be told at once to whoever listens.
    pub pulses: Vec<Pulse>,
    /// To be written in one piece, in this order.
    pub changes: Vec<RunChange>,
    /// When the changes are durable: runs whose next attempt is to be planned.
    pub claims: Vec<RunId>,
    /// When the changes, and all before them, are durable: attempts that the executor of this target, or whichever
    /// knows them, may forget.
    pub releases: Vec<(Option<Target>, AttemptKey)>,
    /// When the changes, and all before them, are durable: who is told what of a request to cancel.
    pub replies: Vec<(oneshot::Sender<CancelAnswer>, CancelAnswer)>,
    /// The same: who is told how many requests to cancel were accepted.
    pub counts: Vec<(oneshot::Sender<u64>, u64)>,
    /// The same: steps of flows that have ended, and how: flow, step's run, state.
    pub step_ends: Vec<(RunId, RunId, RunState)>,
    /// The same: something is to be done because a run has ended.
    pub follows: bool,
    /// The same: runs of other servers that are to be looked up, for [`super::Message::Verified`].
    pub verify: Vec<RunId>,
}

/// Something to be done at once.
#[derive(Debug)]
pub enum Order {
    /// Start an attempt.
    Launch {
        /// By the executor of this target.
        target: Target,
        /// What it is told.
        plan: Box<AttemptPlan>,
    },
    /// End an attempt's processes.
    Stop {
        /// By the executor of this target, or by whichever knows the attempt.
        target: Option<Target>,
        /// Which attempt.
        key: AttemptKey,
        /// Between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// Keep what an ended attempt left, then say [`super::Message::Kept`].
    Keep(Box<Leaving>),
    /// The run of an ended attempt is cancelled: nothing more of its files need be copied.
    StopKeeping(AttemptKey),
}

/// What an ended attempt left.
#[derive(Debug)]
pub struct Leaving {
    /// Which attempt.
    pub key: AttemptKey,
    /// Where its files are kept.
    pub project: ProjectName,
    /// When it ended.
    pub at: Timestamp,
    /// How, and where its log and files lie.
    pub ended: Ended,
    /// Names of the declared outputs.
    pub declared: Vec<String>,
    /// Bytes of files that are kept at most.
    pub output_size: Option<u64>,
    /// What it used over time.
    pub samples: Vec<(Timestamp, Sample)>,
    /// The run was cancelled before.
    pub cancelled: bool,
}

/// A claimed run on its way to a plan.
#[derive(Debug, Clone)]
pub struct ToPlan {
    /// The attempt.
    pub key: AttemptKey,
    /// What was asked for; `None`: to be read from the store.
    pub request: Option<Arc<NewRun>>,
}
