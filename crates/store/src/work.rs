//! What one commit writes.

use std::collections::HashMap;
use std::sync::Arc;

use rigi_model::event::RunEvent;
use rigi_model::{Reason, RunId, RunState};

use crate::rows::Rows;
use crate::tables::idempotency::KeyRow;
use crate::tables::runs::{NewRun, RunChange};
use crate::tables::{artifacts, attempts, events, idempotency, runs};

/// Rows are handed on in portions of so many runs, so that a large commit takes little memory.
const PORTION: usize = 2000;

/// What one commit writes.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// The id of its first event.
    pub first_event: i64,
    /// New runs; their ids are new.
    pub runs: Vec<Arc<NewRun>>,
    /// Keys of the submissions that brought them.
    pub keys: Vec<KeyRow>,
    /// Changes of runs that were accepted before.
    pub changes: Vec<RunChange>,
}

impl Work {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.changes.is_empty()
    }

    /// How many events it has.
    pub(crate) fn events(&self) -> i64 {
        let events = self.runs.len() + self.changes.iter().map(|change| change.events.len()).sum::<usize>();
        i64::try_from(events).unwrap_or(0)
    }

    /// The runs that change, each once.
    pub(crate) fn changed(&self) -> Vec<RunId> {
        let new = self.runs.iter().map(|run| &run.id);
        let mut changed: Vec<RunId> =
            new.chain(self.changes.iter().map(|change| &change.run)).cloned().collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// All rows, in portions that are to be written one after the other.
    pub(crate) fn portions(&self) -> impl Iterator<Item = Rows<'_>> {
        let last = self.last_words();
        let mut queued = self.first_event;
        let mut next = self.first_event + i64::try_from(self.runs.len()).unwrap_or(0);
        let count = self.runs.len().max(self.changes.len()).div_ceil(PORTION);
        (0..count).map(move |number| {
            let from = number * PORTION;
            let mut rows = Rows::default();
            let new = self.runs.iter().skip(from).take(PORTION);
            for run in new {
                runs::insert(&mut rows, run);
                events::insert(&mut rows, queued, queued_event(run));
                queued += 1;
            }
            if number == 0 {
                self.keys.iter().for_each(|key| idempotency::insert(&mut rows, key));
            }
            for (index, change) in self.changes.iter().enumerate().skip(from).take(PORTION) {
                if last.as_ref().is_none_or(|last| last.get(&change.run) == Some(&index)) {
                    runs::update(&mut rows, change);
                }
                if let Some(attempt) = &change.attempt {
                    attempts::insert(&mut rows, &change.project, &change.run, attempt);
                }
                let add = |file| artifacts::insert(&mut rows, &change.project, &change.run, file);
                change.artifacts.iter().for_each(add);
                for event in &change.events {
                    events::insert(&mut rows, next, event.into());
                    next += 1;
                }
            }
            rows
        })
    }

    /// Several changes of one run in one commit: the last word counts. `None`: each run has one.
    fn last_words(&self) -> Option<HashMap<&RunId, usize>> {
        let last: HashMap<&RunId, usize> =
            self.changes.iter().enumerate().map(|(index, change)| (&change.run, index)).collect();
        (last.len() < self.changes.len()).then_some(last)
    }
}

fn queued_event(run: &NewRun) -> events::NewEvent<'_> {
    events::NewEvent {
        run: &run.id,
        at: run.created_at,
        kind: RunState::Queued.as_str(),
        attempt: 0,
        reason: Some(Reason::Queued),
        message: None,
    }
}

impl<'a> From<&'a RunEvent> for events::NewEvent<'a> {
    fn from(event: &'a RunEvent) -> Self {
        let RunEvent { run, at, kind, attempt, reason, message } = event;
        Self { run, at: *at, kind, attempt: *attempt, reason: *reason, message: message.as_deref() }
    }
}
