//! What became durable, change by change, and whether it was allowed to.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::attempt::FailureClass;
use rigi_model::run::{AttemptRecord, RunStatus};
use rigi_model::{AttemptKey, AttemptState, Exit, RunId, RunState};
use rigi_store::RunChange;

use super::scenario::Versions;
use super::store::Row;

/// Attempts that may follow those that ended without the pipeline's fault.
const FREE_RETRIES: u32 = 3;

#[derive(Debug, Default)]
struct Life {
    ends: u32,
    /// Attempts that failed by the pipeline's fault, and by others'.
    own: u32,
    others: u32,
    recorded: BTreeSet<u32>,
}

/// See the module.
#[derive(Debug)]
pub struct History {
    versions: Versions,
    lives: BTreeMap<RunId, Life>,
    /// How attempts really ended, each possibly in several ways: its process, its keeping, its loss.
    ends: BTreeMap<AttemptKey, Vec<Exit>>,
    launched: BTreeSet<AttemptKey>,
    endless: BTreeSet<RunId>,
    /// Runs that somebody wanted to stop.
    pub unwanted: BTreeSet<RunId>,
    /// Changes that were looked at.
    pub checked: u64,
}

impl History {
    pub fn new(versions: Versions) -> Self {
        Self {
            versions,
            lives: BTreeMap::new(),
            ends: BTreeMap::new(),
            launched: BTreeSet::new(),
            endless: BTreeSet::new(),
            unwanted: BTreeSet::new(),
            checked: 0,
        }
    }

    /// The process of this run does not end by itself.
    pub fn never_ends(&mut self, run: &RunId) {
        self.endless.insert(run.clone());
    }

    pub fn is_endless(&self, run: &RunId) -> bool {
        self.endless.contains(run)
    }

    /// An end of this attempt that may be told.
    pub fn may_end(&mut self, key: &AttemptKey, exit: Exit) {
        self.ends.entry(key.clone()).or_default().push(exit);
    }

    /// A supervisor takes an attempt on.
    pub fn launched(&mut self, key: &AttemptKey) -> Result<(), String> {
        self.launched.insert(key.clone());
        let ended = self.lives.get(&key.run).is_some_and(|life| life.recorded.contains(&key.number));
        if ended { Err(format!("{key} is started again after its end was stored")) } else { Ok(()) }
    }

    /// How often the run's end was stored.
    pub fn ends_of(&self, run: &RunId) -> u32 {
        self.lives.get(run).map_or(0, |life| life.ends)
    }

    /// A change becomes durable.
    pub fn change(&mut self, row: &Row, change: &RunChange) -> Result<(), String> {
        self.checked += 1;
        let (id, before, after) = (&change.run, &row.status, &change.status);
        let (from, to) = (before.state, after.state);
        let breach = |what: &str| Err(format!("{id} ({from}, attempt {}): {what}", before.attempt));
        if from.is_terminal() {
            return breach(&format!("it had ended, and becomes {to}"));
        }
        if from != to && !from.may_become(to) {
            return breach(&format!("it may not become {to}"));
        }
        let number = match (from, to) {
            (RunState::Queued, RunState::Starting) => before.attempt + 1,
            (RunState::Starting, RunState::Queued) => before.attempt - 1,
            _ => before.attempt,
        };
        if after.attempt != number {
            return breach(&format!("its attempt becomes {} and should be {number}", after.attempt));
        }
        if before.cancel_requested_at.is_some()
            && ![from, RunState::Running, RunState::Cancelled].contains(&to)
        {
            return breach(&format!("it was cancelled, and becomes {to}"));
        }
        let key = AttemptKey { run: id.clone(), number };
        if to == RunState::Running && !self.launched.contains(&key) {
            return breach("it runs, and was never started");
        }
        is_whole(after).or_else(|what| breach(&what))?;
        let ends = from.is_active() && !to.is_active() && to != RunState::Queued;
        let record = change.attempt.as_ref().map(|attempt| &attempt.record);
        if ends != record.is_some() {
            return breach("an attempt ends without a record, or has one without an end");
        }
        self.lives.entry(id.clone()).or_default().ends += u32::from(to.is_terminal());
        if let Some(record) = record {
            let retries = self.versions.retries(row.request.version);
            return self.attempt(&key, record, before, after, retries).or_else(|what| breach(&what));
        }
        if to == RunState::Cancelled && !self.unwanted.contains(id) {
            return breach("it is cancelled, and nobody asked for it");
        }
        Ok(())
    }

    /// The end of an attempt: is it one that really happened, and does what follows from it follow?
    fn attempt(
        &mut self,
        key: &AttemptKey,
        record: &AttemptRecord,
        before: &RunStatus,
        after: &RunStatus,
        retries: u32,
    ) -> Result<(), String> {
        if record.number != key.number {
            return Err(format!("the end of attempt {} is taken for it", record.number));
        }
        let life = self.lives.entry(key.run.clone()).or_default();
        if !life.recorded.insert(record.number) {
            return Err("the same attempt ends twice".into());
        }
        let unwanted = self.unwanted.contains(&key.run);
        if record.state == AttemptState::Cancelled {
            let state = after.state == RunState::Cancelled;
            return if unwanted && state { Ok(()) } else { Err("it is cancelled, and nobody asked".into()) };
        }
        let ends = self.ends.get(key).map(Vec::as_slice).unwrap_or_default();
        let Some(exit) = ends.iter().find(|exit| fits(record, exit)) else {
            return Err(format!(
                "it ends as {} ({:?}), which it did not: {ends:?}",
                record.state, record.reason
            ));
        };
        if before.cancel_requested_at.is_some() {
            return Err(format!("it was cancelled, and its attempt ends as {}", record.state));
        }
        if *exit == (Exit::Code { code: 0 }) {
            return if after.state == RunState::Succeeded { Ok(()) } else { Err("a success is none".into()) };
        }
        if matches!(exit, Exit::OutputsLost { .. }) {
            let ended = after.state == RunState::Failed;
            return if ended { Ok(()) } else { Err("what is done is done again".into()) };
        }
        let own = exit.class() == Some(FailureClass::User);
        let hopeless = own && matches!(exit, Exit::NotStarted { .. });
        let (count, most) = if own {
            life.own += 1;
            (life.own, if hopeless { 0 } else { retries })
        } else {
            life.others += 1;
            (life.others, FREE_RETRIES)
        };
        let expected = match exit {
            _ if count <= most => RunState::Retrying,
            Exit::TimedOut { .. } => RunState::TimedOut,
            _ => RunState::Failed,
        };
        if after.state == expected {
            Ok(())
        } else {
            Err(format!("it becomes {} and should be {expected}", after.state))
        }
    }
}

/// Whether a status says of itself what each of its states must say.
fn is_whole(status: &RunStatus) -> Result<(), String> {
    let state = status.state;
    if status.ended_at.is_some() != state.is_terminal() {
        return Err(format!("as {state} it has the wrong time of its end"));
    }
    if status.next_attempt_at.is_some() != (state == RunState::Retrying) {
        return Err(format!("as {state} it has the wrong time of its next attempt"));
    }
    let must = !matches!(state, RunState::Starting | RunState::Running | RunState::Succeeded);
    if must && status.reason.is_none() {
        return Err(format!("as {state} it says no reason"));
    }
    Ok(())
}

fn fits(record: &AttemptRecord, exit: &Exit) -> bool {
    use rigi_model::Reason;
    match exit {
        Exit::Code { code: 0 } => record.state == AttemptState::Succeeded,
        Exit::Code { code } => record.state == AttemptState::Failed && record.exit_code == Some(*code),
        Exit::Signal { signal } => record.state == AttemptState::Failed && record.signal == Some(*signal),
        Exit::OutputsLost { .. } => record.reason == Some(Reason::OutputsFailed),
        Exit::OutOfMemory { .. } => record.reason == Some(Reason::OutOfMemory),
        Exit::LimitExceeded { .. } => record.reason == Some(Reason::LimitExceeded),
        Exit::TimedOut { .. } => record.state == AttemptState::TimedOut,
        Exit::Stopped => record.state == AttemptState::Cancelled,
        // Its words name the class here.
        Exit::NotStarted { message, .. } => record.message.as_ref() == Some(message),
        Exit::Lost { .. } | Exit::Evicted { .. } => record.state == AttemptState::Lost,
    }
}
