//! What the ledger is told and asked.

use std::collections::HashMap;
use std::sync::Arc;

use rigi_model::attempt::FailureClass;
use rigi_model::log::Unfinished;
use rigi_model::{Actor, AttemptKey, Exit, ProjectName, Reason, RunId, Timestamp, Usage};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Heard, NewRun, OpenRun};
use rigi_work::plan::{AttemptPlan, Ended, Observed, Sample};
use tokio::sync::oneshot;

use super::Live;
use crate::decide::{LimitOf, QueuePlace};

/// Something that happened, or a question.
#[derive(Debug)]
pub enum Message {
    /// These runs are durable.
    Accepted(Vec<Arc<NewRun>>),
    /// More of the queue that was stored before the start, oldest first.
    Queued(Vec<OpenRun>),
    /// The stored queue is here as a whole.
    QueueLoaded,
    /// Other servers have committed this.
    Foreign(Heard),
    /// What became of runs that another server has accepted, when all that was known of them before is durable.
    Verified {
        /// Those that were asked for.
        asked: Vec<RunId>,
        /// Those of them that wait.
        waiting: Vec<Arc<NewRun>>,
    },
    /// Somebody wants a run to stop.
    Cancel {
        /// Which run.
        run: RunId,
        /// Who.
        by: Actor,
        /// Answered when it is durable.
        reply: oneshot::Sender<CancelAnswer>,
    },
    /// Somebody wants many runs to stop.
    CancelMany {
        /// Of which project; those of others are passed over.
        project: ProjectName,
        /// Which; those that have ended are passed over.
        runs: Vec<RunId>,
        /// Who.
        by: Actor,
        /// How many of them had not ended, told when it is durable.
        reply: oneshot::Sender<u64>,
    },
    /// An executor saw something.
    Observed(Observed),
    /// The plan of a claimed attempt, or why there is none.
    Planned {
        /// Of which attempt.
        key: AttemptKey,
        /// The plan.
        plan: Box<Result<AttemptPlan, CannotPlan>>,
    },
    /// An ended attempt's log and files are kept.
    Kept {
        /// Of which attempt.
        key: AttemptKey,
        /// When it ended.
        at: Timestamp,
        /// What is kept.
        kept: Box<Kept>,
    },
    /// Somebody looks at runs.
    Look {
        /// At which; those that have ended are left out.
        runs: Vec<RunId>,
        /// What is known of them.
        reply: oneshot::Sender<HashMap<RunId, Look>>,
    },
    /// Some runs that wait, those that are next among them.
    Waiting {
        /// Of which project.
        project: ProjectName,
        /// So many at most.
        limit: usize,
        /// Which.
        reply: oneshot::Sender<Vec<RunId>>,
    },
    /// How many wait, are active, are delayed.
    Count {
        /// So many.
        reply: oneshot::Sender<(u64, u64, u64)>,
    },
    /// How many runs wait and are active, of whatever may have a limit.
    CountOf {
        /// Of what.
        of: Vec<LimitOf>,
        /// In the same order.
        reply: oneshot::Sender<Vec<(u64, u64)>>,
    },
    /// A limit on active runs changed.
    Limit {
        /// Of what.
        of: LimitOf,
        /// The limit, or none.
        most: Option<u64>,
    },
    /// A project's share of the places changed.
    Weigh {
        /// Whose.
        project: ProjectName,
        /// [`crate::decide::WEIGHT`] where nothing is set.
        weight: u32,
    },
    /// No further run gets a place; answered when nothing is being started.
    Close {
        /// Told then.
        reply: oneshot::Sender<()>,
    },
}

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It is durable; the run ends, or has ended.
    Accepted,
    /// The run had ended before.
    Ended,
}

/// Why a claimed attempt has no plan.
#[derive(Debug)]
pub struct CannotPlan {
    /// Stable code.
    pub reason: Reason,
    /// Whose fault it is.
    pub class: FailureClass,
    /// For people.
    pub message: String,
    /// Whether the storage is away: then it is waited for.
    pub away: bool,
}

impl From<rigi_store::Error> for CannotPlan {
    fn from(error: rigi_store::Error) -> Self {
        let away = matches!(error, rigi_store::Error::Storage { .. });
        let (class, reason) = (FailureClass::Infrastructure, Reason::StagingFailed);
        Self { class, reason, message: error.to_string(), away }
    }
}

/// What is kept of an ended attempt.
#[derive(Debug)]
pub struct Kept {
    /// How it ended.
    pub exit: Exit,
    /// When its process had started.
    pub started_at: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
    /// Lines of its log.
    pub log_lines: u64,
    /// Bytes that were not kept.
    pub log_cut: u64,
    /// Bytes that the log takes.
    pub log_bytes: u64,
    /// A short log.
    pub log: Option<Vec<u8>>,
    /// The object of a longer one.
    pub log_object: Option<String>,
    /// Usage samples, JSON.
    pub samples: Option<String>,
    /// Its files.
    pub artifacts: Vec<Artifact>,
    /// What is not kept, in a sentence.
    pub left: Option<String>,
    /// The route that it chose.
    pub route: Option<String>,
    /// The line of its log that says why its process failed.
    pub quote: Option<String>,
}

impl Kept {
    /// An attempt that left nothing.
    #[must_use]
    pub fn nothing(ended: Ended) -> Self {
        Self {
            exit: ended.exit,
            started_at: ended.started_at,
            usage: ended.usage,
            log_lines: ended.log.lines,
            log_cut: ended.log.cut_bytes,
            log_bytes: 0,
            log: None,
            log_object: None,
            samples: None,
            artifacts: Vec::new(),
            left: None,
            route: ended.route,
            quote: None,
        }
    }
}

/// What is known of a run beside what is stored.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Where it stands in the queue.
    pub place: Option<QueuePlace>,
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
    /// The lines that have not ended, all that stand now.
    Unfinished(Arc<[Unfinished]>),
    /// What the process tree uses.
    Sample(Timestamp, Sample),
    /// The run said something of its progress.
    Progress,
}
