//! The one function that changes a run: what happened, folded into where it is.

use std::time::Duration;

use super::status::{AttemptRecord, EnvironmentUse, LogFacts, RunStatus};
use super::words::explain;
use crate::attempt::FailureClass;
use crate::event::RunEvent;
use crate::retry::RetryPolicy;
use crate::{Actor, AttemptState, Exit, Reason, RunId, RunState, Timestamp, Usage};

/// Something that a run can meet. Attempt numbers fence: what an older attempt says is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// It got a place: the next attempt is handed to an executor.
    Claimed,
    /// The attempt was never started (the server was replaced in between): back into the queue, number given back.
    GivenBack,
    /// The attempt is being prepared, and this takes time.
    Preparing {
        /// Of which attempt.
        attempt: u32,
        /// What takes time.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// Its environment is there.
    Prepared {
        /// Of which attempt.
        attempt: u32,
        /// The environment.
        environment: EnvironmentUse,
    },
    /// Its process started.
    Started {
        /// Of which attempt.
        attempt: u32,
    },
    /// It ended.
    Ended {
        /// Which attempt.
        attempt: u32,
        /// How.
        exit: Exit,
        /// When its process had started.
        started_at: Option<Timestamp>,
        /// What it used.
        usage: Usage,
        /// Its log.
        log: LogFacts,
        /// Files kept of it, and their bytes.
        artifacts: (u64, u64),
        /// Bytes kept of its log.
        log_bytes: u64,
        /// What of its outputs is not kept, in a sentence.
        left: Option<String>,
        /// The line of its log that says why its process failed.
        quote: Option<String>,
    },
    /// Somebody asked it to stop.
    CancelRequested {
        /// Who, for the message.
        by: Actor,
    },
    /// The delay before the next attempt is over.
    Due,
    /// As many runs of its key are active as may be, and it is not to wait.
    Overlapping {
        /// For people.
        message: String,
    },
}

/// What is to be written down beside the new status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// In order.
    pub events: Vec<RunEvent>,
    /// The attempt that ended.
    pub attempt: Option<AttemptRecord>,
}

/// What happened does not fit where the run is: a late word of an old attempt, or one said twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run {run} is {state} in attempt {attempt}: {what} does not fit")]
pub struct Illegal {
    /// Which run.
    pub run: RunId,
    /// Where it is.
    pub state: RunState,
    /// Its attempt.
    pub attempt: u32,
    /// What was said.
    pub what: &'static str,
}

/// Attempts that end without the pipeline's fault are repeated this often, whatever its retry policy says.
const INFRASTRUCTURE_RETRIES: u32 = 3;

/// Changes `status` by `what`. On an error nothing is changed. `random` (0.0..1.0) spreads retry delays.
///
/// # Errors
/// [`Illegal`] if it does not fit; the caller drops it.
pub fn fold(
    run: &RunId,
    status: &mut RunStatus,
    policy: &RetryPolicy,
    what: Happening,
    now: Timestamp,
    random: f64,
) -> Result<Outcome, Illegal> {
    let mut fold = Fold { run, status, now, outcome: Outcome::default() };
    match what {
        Happening::Claimed => fold.claimed()?,
        Happening::GivenBack => fold.given_back()?,
        Happening::Preparing { attempt, reason, message } => {
            fold.expect(attempt, &[RunState::Starting], "preparing")?;
            fold.because(Some(reason), Some(message));
            fold.event("preparing");
        }
        Happening::Prepared { attempt, environment } => {
            fold.expect(attempt, &[RunState::Starting], "prepared")?;
            if environment.took_us > 0 {
                fold.because(None, Some(environment.label.clone()));
                fold.event("prepared");
            }
            fold.status.environment = Some(environment);
            fold.because(None, None);
        }
        Happening::Started { attempt } => {
            fold.expect(attempt, &[RunState::Starting], "started")?;
            fold.status.started_at = Some(now);
            fold.become_state(RunState::Running, None, None);
        }
        Happening::Ended { attempt, exit, started_at, usage, log, artifacts, log_bytes, left, quote } => {
            fold.expect(attempt, &[RunState::Starting, RunState::Running], "ended")?;
            if let (Some(before), Some(now), Some(claimed)) =
                (fold.status.started_at, started_at, &mut fold.status.claimed_at)
            {
                // The clock was set while it ran: what came before it took as long as it did.
                if now > before || now < *claimed {
                    claimed.0 += now.0 - before.0;
                }
            }
            fold.status.started_at = started_at.or(fold.status.started_at);
            fold.status.usage = usage;
            fold.status.log = log;
            fold.status.artifacts = artifacts;
            fold.status.stored_bytes += artifacts.1 + log_bytes;
            fold.ended(&exit, policy, random, (left, quote));
        }
        Happening::CancelRequested { by } => fold.cancel_requested(&by)?,
        Happening::Due => {
            fold.expect(fold.status.attempt, &[RunState::Retrying], "due")?;
            fold.status.next_attempt_at = None;
            fold.become_state(RunState::Queued, Some(Reason::Queued), None);
        }
        Happening::Overlapping { message } => {
            fold.expect(0, &[RunState::Queued], "overlapping")?;
            fold.become_state(RunState::Skipped, Some(Reason::Overlapping), Some(message));
        }
    }
    Ok(fold.outcome)
}

struct Fold<'a> {
    run: &'a RunId,
    status: &'a mut RunStatus,
    now: Timestamp,
    outcome: Outcome,
}

impl Fold<'_> {
    fn illegal(&self, what: &'static str) -> Illegal {
        Illegal { run: self.run.clone(), state: self.status.state, attempt: self.status.attempt, what }
    }

    fn expect(&self, attempt: u32, states: &[RunState], what: &'static str) -> Result<(), Illegal> {
        let fits = attempt == self.status.attempt && states.contains(&self.status.state);
        if fits { Ok(()) } else { Err(self.illegal(what)) }
    }

    fn because(&mut self, reason: Option<Reason>, message: Option<String>) {
        self.status.reason = reason;
        self.status.message = message;
    }

    fn event(&mut self, kind: &'static str) {
        self.outcome.events.push(RunEvent {
            run: self.run.clone(),
            at: self.now,
            kind,
            attempt: self.status.attempt,
            reason: self.status.reason,
            message: self.status.message.clone(),
        });
    }

    fn become_state(&mut self, next: RunState, reason: Option<Reason>, message: Option<String>) {
        debug_assert!(self.status.state.may_become(next), "{} to {next}", self.status.state);
        let waited = matches!(self.status.state, RunState::Queued | RunState::Retrying);
        if waited && !matches!(next, RunState::Queued | RunState::Retrying) {
            let time = self.now.since(self.status.queued_at);
            self.status.queued_us += u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        }
        self.status.state = next;
        if next.is_terminal() {
            self.status.ended_at = Some(self.now);
        }
        self.because(reason, message);
        self.event(next.as_str());
    }

    fn claimed(&mut self) -> Result<(), Illegal> {
        self.expect(self.status.attempt, &[RunState::Queued], "claimed")?;
        self.status.attempt += 1;
        self.status.claimed_at = Some(self.now);
        self.status.started_at = None;
        self.status.environment = None;
        self.status.exit_code = None;
        self.status.signal = None;
        self.become_state(RunState::Starting, None, None);
        Ok(())
    }

    fn given_back(&mut self) -> Result<(), Illegal> {
        self.expect(self.status.attempt, &[RunState::Starting], "given back")?;
        self.status.attempt -= 1;
        self.status.claimed_at = None;
        self.status.queued_at = self.now;
        self.become_state(RunState::Queued, Some(Reason::Queued), None);
        Ok(())
    }

    fn cancel_requested(&mut self, by: &Actor) -> Result<(), Illegal> {
        if self.status.state.is_terminal() || self.status.cancel_requested_at.is_some() {
            return Err(self.illegal("cancel"));
        }
        self.status.cancel_requested_at = Some(self.now);
        if self.status.state.is_active() {
            self.because(Some(Reason::Stopping), Some(format!("being stopped by {by}")));
            self.event("cancel-requested");
        } else {
            self.status.next_attempt_at = None;
            self.become_state(
                RunState::Cancelled,
                Some(Reason::Cancelled),
                Some(format!("cancelled by {by}")),
            );
        }
        Ok(())
    }

    fn ended(
        &mut self,
        exit: &Exit,
        policy: &RetryPolicy,
        random: f64,
        (left, quote): (Option<String>, Option<String>),
    ) {
        let (reason, message) = explain(exit, quote);
        match exit {
            Exit::Code { code } | Exit::OutputsLost { code, .. } => self.status.exit_code = Some(*code),
            Exit::Signal { signal } => self.status.signal = Some(*signal),
            _ => {}
        }
        let cancelled = self.status.cancel_requested_at.is_some() || *exit == Exit::Stopped;
        let state = match exit {
            _ if cancelled => AttemptState::Cancelled,
            Exit::Code { code: 0 } => AttemptState::Succeeded,
            Exit::TimedOut { .. } => AttemptState::TimedOut,
            Exit::Lost { .. } | Exit::Evicted { .. } => AttemptState::Lost,
            _ => AttemptState::Failed,
        };
        self.outcome.attempt = Some(AttemptRecord {
            number: self.status.attempt,
            state,
            reason,
            message: message.clone(),
            exit_code: self.status.exit_code,
            signal: self.status.signal,
            claimed_at: self.status.claimed_at.unwrap_or(self.now),
            started_at: self.status.started_at,
            ended_at: self.now,
            usage: self.status.usage,
            log: self.status.log,
        });
        if let Some(message) = &left {
            self.outcome.events.push(RunEvent {
                run: self.run.clone(),
                at: self.now,
                kind: "outputs-left-out",
                attempt: self.status.attempt,
                reason: Some(Reason::OutputsLeftOut),
                message: Some(message.clone()),
            });
        }
        match state {
            AttemptState::Cancelled => {
                self.become_state(RunState::Cancelled, Some(Reason::Cancelled), Some("cancelled".into()));
            }
            AttemptState::Succeeded => {
                let reason = left.as_ref().map(|_| Reason::OutputsLeftOut);
                self.become_state(RunState::Succeeded, reason, left);
            }
            _ => self.failed(exit, policy, random, (reason, message)),
        }
    }

    fn failed(
        &mut self,
        exit: &Exit,
        policy: &RetryPolicy,
        random: f64,
        why: (Option<Reason>, Option<String>),
    ) {
        let own_fault = exit.class() == Some(FailureClass::User);
        let delay = if matches!(exit, Exit::OutputsLost { .. }) {
            None
        } else if own_fault {
            self.status.failures += 1;
            let hopeless = matches!(exit, Exit::NotStarted { .. });
            policy.delay_after(self.status.failures, random).filter(|_| !hopeless)
        } else {
            let others = self.status.attempt - self.status.failures;
            (others <= INFRASTRUCTURE_RETRIES).then(|| Duration::from_secs(u64::from(others * others)))
        };
        let (reason, message) = why;
        if let Some(delay) = delay {
            self.status.next_attempt_at = Some(self.now.after(delay));
            self.status.queued_at = self.now;
            self.become_state(RunState::Retrying, reason, message);
        } else if matches!(exit, Exit::TimedOut { .. }) {
            self.become_state(RunState::TimedOut, reason, message);
        } else {
            self.become_state(RunState::Failed, reason, message);
        }
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
