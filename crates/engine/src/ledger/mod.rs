//! The ledger: every run that has not ended, and what follows from whatever happens to one.
//!
//! It is told what happened and when, and says in a [`Round`] what is to be written, and what is to be done: no I/O, no
//! clock, no chance. The core acts by it; the simulation (`docs/design/simulation.md`) has it act in a world of its own.

mod entry;
mod foreign;
mod hear;
mod keys;
mod message;
mod recover;
mod round;
mod soft;

pub use entry::{Live, Progress};
pub use message::{CancelAnswer, CannotPlan, Kept, Look, Message, Pulse, PulseKind};
pub use recover::Recovered;
pub use round::{Leaving, Order, Round, ToPlan};

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rigi_model::Target;
use rigi_model::pipeline::spec::SoftLimits;
use rigi_model::retry::RetryPolicy;
use rigi_model::run::{Happening, RunStatus, fold};
use rigi_model::run_config::VersionPart;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{Actor, PipelineName, ProjectName, RunId, RunState, Timestamp, Trigger};
use rigi_store::{EndedAttempt, RunChange};
use tokio::sync::oneshot;

use crate::decide::{Action, Board, DiskRoom, Needs, StartedBy, decide};
use entry::{Entry, RunsOf};
use foreign::LookUp;
use keys::Keys;

/// What versions say of their runs, with the server's defaults filled in.
pub trait Policies {
    /// What follows a failed attempt.
    fn retry(&self, of: &VersionPart) -> RetryPolicy;
    /// Between SIGTERM and SIGKILL; `None` is the server's own.
    fn grace(&self, of: Option<&VersionPart>) -> Duration;
    /// Names of the declared outputs.
    fn outputs(&self, of: &VersionPart) -> Vec<String>;
    /// Bytes of files that are kept at most.
    fn output_size(&self, of: &VersionPart) -> Option<u64>;
    /// What is to be done because a run has ended in this state, and when.
    fn follow_ups(
        &self,
        _of: &VersionPart,
        _state: RunState,
        _now: Timestamp,
    ) -> Vec<(FollowUpKind, Timestamp)> {
        Vec::new()
    }
    /// Whether somebody in the project may want to know of an end in this state.
    fn is_told(&self, _project: &ProjectName, _state: RunState) -> bool {
        false
    }
    /// Whether triggers wait for an end of a pipeline in this state.
    fn is_awaited(&self, _project: &ProjectName, _pipeline: &PipelineName, _state: RunState) -> bool {
        false
    }
    /// What a run may use without anybody being told.
    fn soft_limits(&self, _of: &VersionPart) -> Option<SoftLimits> {
        None
    }
    /// Whether packages of environments are looked at once they are built.
    fn audits(&self) -> bool {
        false
    }
    /// Whether events of lineage go somewhere.
    fn tells_lineage(&self) -> bool {
        false
    }
    /// What each run takes of what its project has at one time.
    fn needs(&self, project: &ProjectName, of: &VersionPart) -> Needs;
    /// Whose share of its project's places a run takes.
    fn started_by(&self, _trigger: &Trigger) -> StartedBy {
        StartedBy::Anybody
    }
}

/// Every run that has not ended.
#[derive(Debug)]
pub struct Ledger<P> {
    policies: P,
    /// Targets that have an executor.
    targets: Vec<Target>,
    runs: HashMap<RunId, Entry>,
    runs_of: RunsOf,
    keys: Keys,
    board: Board,
    /// Told when nothing is being started any more.
    closing: Option<oneshot::Sender<()>>,
    /// While the stored queue is being read: requests to cancel and words of other servers, heard when it is here.
    loading: Option<Vec<Message>>,
    /// What is not known here and is being looked up.
    looked_up: HashMap<RunId, LookUp>,
    /// Runs that were accepted here and are to stop before that was heard.
    to_stop: HashMap<RunId, Actor>,
    /// Requests kept in memory, so that a short queue needs no reading back.
    cached_requests: usize,
}

impl<P: Policies> Ledger<P> {
    /// An empty ledger.
    pub fn new(policies: P, targets: Vec<Target>, board: Board) -> Self {
        Self {
            policies,
            targets,
            runs: HashMap::new(),
            runs_of: RunsOf::default(),
            keys: Keys::default(),
            board,
            closing: None,
            loading: None,
            looked_up: HashMap::new(),
            to_stop: HashMap::new(),
            cached_requests: 0,
        }
    }

    /// What versions say.
    pub const fn policies(&self) -> &P {
        &self.policies
    }

    /// The versions of runs that have a place, or wait for their next attempt.
    pub fn versions_in_use(&self) -> HashSet<VersionPart> {
        let in_use = self.runs.values().filter(|entry| entry.state() != RunState::Queued);
        in_use.map(|entry| entry.of.part.clone()).collect()
    }

    /// When the next delay ends.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.board.next_due()
    }

    /// How many runs have a place.
    pub fn active(&self) -> u64 {
        self.board.active()
    }

    /// Gives places and ends delays, as far as that is due.
    pub fn decide(&mut self, now: Timestamp, round: &mut Round) {
        // A delay that is over puts a run into the queue, where it may get a place in the same round.
        for _ in 0..2 {
            for action in decide(&self.board, now) {
                match action {
                    Action::Due(run) => self.meet(&run, Happening::Due, now, round),
                    Action::Claim(run) => self.meet(&run, Happening::Claimed, now, round),
                }
            }
        }
        self.tell_closed();
    }

    /// What is needed for the plan of a claimed run.
    pub fn to_plan(&self, run: RunId) -> Option<ToPlan> {
        let entry = self.runs.get(&run)?;
        Some(ToPlan { request: entry.request.clone(), key: entry.key(run) })
    }

    /// The system's clock was set by so many microseconds: delays stay as long as they were.
    pub fn set_clock(&mut self, by: i64) {
        self.board.set_clock(by);
        for entry in self.runs.values_mut() {
            entry.set_clock(by);
        }
    }

    /// Whether runs wait for a place.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.board.has_waiting()
    }

    /// Gives places only while the disk has room; says whether that is news.
    pub fn set_room(&mut self, room: DiskRoom) -> bool {
        self.board.set_room(room)
    }

    /// Folds what happened into a run, keeps the board in step, and notes what is to be written and done.
    fn meet(&mut self, run: &RunId, what: Happening, now: Timestamp, round: &mut Round) {
        self.meet_with(run, what, now, round, |_| {});
    }

    /// As [`Self::meet`], with a last look at the change before it is written.
    fn meet_with(
        &mut self,
        run: &RunId,
        what: Happening,
        now: Timestamp,
        round: &mut Round,
        complete: impl FnOnce(&mut RunChange),
    ) {
        let Some(entry) = self.runs.get_mut(run) else { return };
        let policy = self.policies.retry(&entry.of.part);
        let before = (entry.state(), entry.next_attempt_at());
        let spread = spread(run, entry.attempt());
        let outcome = match fold(run, entry.status(), &policy, what, now, spread) {
            Ok(outcome) => outcome,
            Err(illegal) => {
                tracing::debug!(%illegal, "a late word was dropped");
                return;
            }
        };
        let attempt =
            outcome.attempt.map(|record| EndedAttempt { record, log: None, log_object: None, samples: None });
        let status = entry.status().clone();
        let mut change = RunChange {
            run: run.clone(),
            project: entry.of.kind.project.clone(),
            status,
            events: outcome.events,
            attempt,
            artifacts: Vec::new(),
            follow_ups: Vec::new(),
        };
        if change.status.state.is_terminal() {
            let state = change.status.state;
            change.follow_ups = self.policies.follow_ups(&entry.of.part, state, now);
            // A flow is told of as a whole.
            if entry.of.parent.is_none() && self.policies.is_told(&entry.of.kind.project, state) {
                change.follow_ups.push((FollowUpKind::Notice, now));
            }
            let kind = &entry.of.kind;
            if entry.of.part.part.step.is_none()
                && self.policies.is_awaited(&kind.project, &kind.pipeline, state)
            {
                change.follow_ups.push((FollowUpKind::Trigger, now));
            }
            round.follows |= !change.follow_ups.is_empty();
            // By another than what follows.
            if self.policies.tells_lineage() {
                change.follow_ups.push((FollowUpKind::LineageEnd, now));
            }
            let step = entry.of.parent.as_ref().map(|parent| (parent.clone(), run.clone(), state));
            round.step_ends.extend(step);
        }
        complete(&mut change);
        round.changes.push(change);
        self.keep_board(run, before, round);
    }

    /// Moves a run on the board from where it was to where it is.
    fn keep_board(&mut self, run: &RunId, before: (RunState, Option<Timestamp>), round: &mut Round) {
        let Some(entry) = self.runs.get_mut(run) else { return };
        let (kind, priority) = (entry.of.kind.clone(), entry.priority);
        let (from, to) = (before.0, entry.state());
        if from == to {
            return;
        }
        match (from, before.1) {
            (RunState::Queued, _) if to.is_active() => self.board.start(run, &kind, priority),
            (RunState::Queued, _) => self.board.leave(run, &kind, priority),
            (RunState::Retrying, Some(time)) => self.board.undelay(run, time),
            _ if from.is_active() && !to.is_active() => self.board.end(&kind),
            _ => {}
        }
        match to {
            RunState::Queued => self.board.wait(run, &kind, priority),
            RunState::Retrying => {
                if let Some(time) = entry.next_attempt_at() {
                    self.board.delay(run, time);
                }
            }
            RunState::Starting => {
                (entry.launched, entry.keeping, entry.live) = (false, false, None);
                measure_start(entry.status());
                round.claims.push(run.clone());
            }
            _ if to.is_terminal() => {
                measure_end(entry.status());
                if let Some(key) = &kind.key {
                    self.keys.leave(&kind.project, key, run);
                }
                if self.runs.remove(run).is_some_and(|entry| entry.request.is_some()) {
                    self.cached_requests -= 1;
                }
            }
            _ => {}
        }
    }

    /// Answers whoever waits for the ledger to be closed, once nothing is being started.
    fn tell_closed(&mut self) {
        if self.closing.is_none() {
            return;
        }
        let starting = |entry: &Entry| entry.state() == RunState::Starting && !entry.launched;
        if !self.runs.values().any(starting)
            && let Some(reply) = self.closing.take()
        {
            let _ = reply.send(());
        }
    }
}

/// A first attempt was given to an executor. Later ones wait for their delay.
fn measure_start(status: &RunStatus) {
    if let (1, Some(claimed)) = (status.attempt, status.claimed_at) {
        let waited = claimed.since(status.queued_at);
        metrics::histogram!("rigi_run_wait_seconds").record(waited.as_secs_f64());
    }
}

fn measure_end(status: &RunStatus) {
    let state = status.state.as_str();
    metrics::counter!("rigi_runs_ended_total", "state" => state).increment(1);
    if let (Some(started), Some(ended)) = (status.started_at, status.ended_at) {
        metrics::histogram!("rigi_run_seconds", "state" => state).record(ended.since(started).as_secs_f64());
    }
}

/// 0.0..1.0, by which retry delays are spread: ids are random, and the same attempt always gets the same.
fn spread(run: &RunId, attempt: u32) -> f64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (run, attempt).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}
