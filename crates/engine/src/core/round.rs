//! One round of the core: hear all that has arrived, decide, write in one piece, act when it is durable.

use rigi_exec::plan::Executor;
use rigi_model::run::{Happening, fold};
use rigi_model::{AttemptKey, RunId, RunState, Timestamp};
use rigi_store::{EndedAttempt, RunChange};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

use super::{CancelAnswer, Core, Message};
use crate::decide::{Action, decide};

/// Messages heard in one round at most.
const MESSAGES: usize = 1024;

/// What is to be done when a round's changes are durable.
#[derive(Default)]
pub(super) struct Round {
    pub changes: Vec<RunChange>,
    pub claims: Vec<RunId>,
    pub releases: Vec<(Arc<dyn Executor>, AttemptKey)>,
    pub replies: Vec<oneshot::Sender<CancelAnswer>>,
}

impl Core {
    /// Runs until nobody is left who could say anything.
    pub(crate) async fn run(mut self) {
        let mut messages = Vec::with_capacity(MESSAGES);
        loop {
            messages.clear();
            let due = self.board.next_due();
            let heard = tokio::select! {
                heard = self.inbox.recv_many(&mut messages, MESSAGES) => heard,
                () = until(due) => 1,
            };
            if heard == 0 {
                return;
            }
            let now = Timestamp::now();
            let mut round = Round::default();
            for message in messages.drain(..) {
                self.hear(message, now, &mut round);
            }
            self.decide(now, &mut round);
            if self.flush(round).await.is_err() {
                return;
            }
        }
    }

    fn decide(&mut self, now: Timestamp, round: &mut Round) {
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

    /// Folds what happened into a run, keeps the board in step, and notes what is to be written and done.
    pub(super) fn meet(&mut self, run: &RunId, what: Happening, now: Timestamp, round: &mut Round) {
        self.meet_with(run, what, now, round, |_| {});
    }

    /// As [`Self::meet`], with a last look at the change before it is written.
    pub(super) fn meet_with(
        &mut self,
        run: &RunId,
        what: Happening,
        now: Timestamp,
        round: &mut Round,
        complete: impl FnOnce(&mut RunChange),
    ) {
        let Some(entry) = self.runs.get_mut(run) else { return };
        let policy = self.versions.retry_policy(&entry.version, &self.settings);
        let before = (entry.status.state, entry.status.next_attempt_at);
        let outcome = match fold(run, &mut entry.status, &policy, what, now, random()) {
            Ok(outcome) => outcome,
            Err(illegal) => {
                tracing::debug!(%illegal, "a late word was dropped");
                return;
            }
        };
        let attempt =
            outcome.attempt.map(|record| EndedAttempt { record, log: None, log_object: None, samples: None });
        let status = entry.status.clone();
        let mut change =
            RunChange { run: run.clone(), status, events: outcome.events, attempt, artifacts: Vec::new() };
        complete(&mut change);
        round.changes.push(change);
        self.keep_board(run, before, round);
    }

    /// Moves a run on the board from where it was to where it is.
    fn keep_board(&mut self, run: &RunId, before: (RunState, Option<Timestamp>), round: &mut Round) {
        let Some(entry) = self.runs.get_mut(run) else { return };
        let (pipeline, priority) = (entry.pipeline.clone(), entry.priority);
        let (from, to) = (before.0, entry.status.state);
        if from == to {
            return;
        }
        match (from, before.1) {
            (RunState::Queued, _) if to.is_active() => self.board.start(run, &pipeline, priority),
            (RunState::Queued, _) => self.board.leave(run, &pipeline, priority),
            (RunState::Retrying, Some(time)) => self.board.undelay(run, time),
            _ if from.is_active() && !to.is_active() => self.board.end(&pipeline),
            _ => {}
        }
        match to {
            RunState::Queued => self.board.wait(run, &pipeline, priority),
            RunState::Retrying => {
                if let Some(time) = entry.status.next_attempt_at {
                    self.board.delay(run, time);
                }
            }
            RunState::Starting => {
                (entry.launched, entry.keeping, entry.live) = (false, false, None);
                round.claims.push(run.clone());
            }
            _ if to.is_terminal() => {
                metrics::counter!("rigi_runs_ended_total", "state" => to.as_str()).increment(1);
                if self.runs.remove(run).is_some_and(|entry| entry.request.is_some()) {
                    self.cached_requests -= 1;
                }
            }
            _ => {}
        }
    }

    /// Hands the changes to the store; what follows from them is done when they are durable.
    async fn flush(&mut self, round: Round) -> rigi_store::Result<()> {
        let Round { changes, claims, releases, replies } = round;
        if changes.is_empty() {
            for reply in replies {
                let _ = reply.send(CancelAnswer::Accepted);
            }
            return Ok(());
        }
        let durable = self.store.change(changes).await?;
        let claimed: Vec<_> = claims.into_iter().filter_map(|run| self.to_plan(run)).collect();
        if claimed.is_empty() && releases.is_empty() && replies.is_empty() {
            return Ok(());
        }
        let planner = self.planner();
        tokio::spawn(async move {
            if durable.await.is_err() {
                return;
            }
            for (executor, key) in releases {
                executor.release(&key);
            }
            for reply in replies {
                let _ = reply.send(CancelAnswer::Accepted);
            }
            planner.plan(claimed).await;
        });
        Ok(())
    }

    /// Answers whoever waits for the core to be closed, once nothing is being started.
    fn tell_closed(&mut self) {
        if self.closing.is_none() {
            return;
        }
        let starting = |entry: &super::Entry| entry.status.state == RunState::Starting && !entry.launched;
        if !self.runs.values().any(starting)
            && let Some(reply) = self.closing.take()
        {
            let _ = reply.send(());
        }
    }

    pub(super) fn send(&self, message: Message) {
        let _ = self.outbox.send(message);
    }
}

/// Waits until a time by the system's clock, or for ever.
async fn until(time: Option<Timestamp>) {
    match time {
        // A clock that jumps is looked at again within a minute.
        Some(time) => tokio::time::sleep(time.since(Timestamp::now()).min(Duration::from_secs(60))).await,
        None => std::future::pending().await,
    }
}

/// 0.0..1.0; only for spreading delays.
fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(Timestamp::now().0);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
