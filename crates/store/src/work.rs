//! What one commit writes.

use std::collections::HashMap;
use std::sync::Arc;

use rigi_model::event::{RunEvent, Subject};
use rigi_model::{ProjectName, Reason, RunId, RunState};

use crate::rows::Rows;
use crate::tables::events::SubjectChange;
use crate::tables::idempotency::KeyRow;
use crate::tables::runs::{NewRun, RunChange};
use crate::tables::{artifacts, attempts, events, idempotency, runs};
use crate::triggers::follow_ups;
use crate::write::Write;

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
    /// Rows and events of other subjects.
    pub writes: Vec<Write>,
}

/// What tells a commit from every other: its last event. Ids alone do not, where several servers write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub id: i64,
    pub subject: String,
    pub kind: String,
}

impl Work {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.changes.is_empty() && self.writes.is_empty()
    }

    /// How many events it has.
    pub(crate) fn events(&self) -> i64 {
        let changes = self.changes.iter().map(|change| change.events.len()).sum::<usize>();
        let writes = self.writes.iter().map(|write| write.events.len()).sum::<usize>();
        i64::try_from(self.runs.len() + changes + writes).unwrap_or(0)
    }

    /// The id behind its last event.
    pub(crate) fn next_event(&self) -> i64 {
        self.first_event + self.events()
    }

    /// Its last event, if it has any.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let other = self.writes.iter().flat_map(|write| &write.events).next_back();
        let change = || self.changes.iter().flat_map(|change| &change.events).next_back();
        let run = || self.runs.last();
        let (subject, kind) = match other {
            Some(event) => (event.id.clone(), event.kind),
            None => match change() {
                Some(event) => (event.run.to_string(), event.kind),
                None => (run()?.id.to_string(), RunState::Queued.as_str()),
            },
        };
        Some(Mark { id: self.next_event() - 1, subject, kind: kind.to_owned() })
    }

    /// What happened to anything else than runs.
    pub(crate) fn told(&self) -> Vec<SubjectChange> {
        let events = self.writes.iter().flat_map(|write| &write.events);
        events.filter(|event| event.subject != Subject::Run).map(SubjectChange::from).collect()
    }

    /// How many runs it writes, for what it may take.
    pub(crate) fn size(&self) -> usize {
        /// Removals take what they remove along.
        const WRITE: usize = 20_000;
        self.runs.len() + self.changes.len() + self.writes.len() * WRITE
    }

    /// The runs that change, each once.
    pub(crate) fn changed(&self) -> Vec<RunId> {
        let new = self.runs.iter().map(|run| &run.id);
        let mut changed: Vec<RunId> =
            new.chain(self.changes.iter().map(|change| &change.run)).cloned().collect();
        let told = self.writes.iter().flat_map(|write| &write.events);
        changed.extend(
            told.filter(|event| event.subject == Subject::Run).filter_map(|event| event.id.parse().ok()),
        );
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// All rows, in portions that are to be written one after the other.
    pub(crate) fn portions(&self) -> impl Iterator<Item = Rows<'_>> {
        let last = self.last_words();
        let mut queued = self.first_event;
        let mut next = self.first_event + i64::try_from(self.runs.len()).unwrap_or(0);
        let most = self.runs.len().max(self.changes.len()).max(usize::from(!self.writes.is_empty()));
        let count = most.div_ceil(PORTION);
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
                self.add_writes(&mut rows);
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
                for (kind, due) in &change.follow_ups {
                    follow_ups::add(&mut rows, &change.project, &change.run, *kind, *due);
                }
                for event in &change.events {
                    events::insert(&mut rows, next, of_run(&change.project, event));
                    next += 1;
                }
            }
            rows
        })
    }

    /// Their events come last.
    fn add_writes<'a>(&'a self, rows: &mut Rows<'a>) {
        let events: Vec<_> = self.writes.iter().flat_map(|write| &write.events).collect();
        let first = self.next_event() - i64::try_from(events.len()).unwrap_or(0);
        self.writes.iter().for_each(|write| rows.extend(&write.rows));
        (first..).zip(events).for_each(|(id, event)| events::insert_other(rows, id, event));
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
        project: &run.project,
        run: &run.id,
        at: run.created_at,
        kind: RunState::Queued.as_str(),
        attempt: 0,
        reason: Some(Reason::Queued),
        message: None,
    }
}

fn of_run<'a>(project: &'a ProjectName, event: &'a RunEvent) -> events::NewEvent<'a> {
    let RunEvent { run, at, kind, attempt, reason, message } = event;
    events::NewEvent {
        project,
        run,
        at: *at,
        kind,
        attempt: *attempt,
        reason: *reason,
        message: message.as_deref(),
    }
}
