//! One commit: what it writes, and who waits for it.

use std::collections::HashSet;

use rigi_model::{ProjectName, RunId};
use tokio::sync::oneshot;

use super::{Accepted, Submission};
use crate::tables::idempotency::KeyRow;
use crate::work::Work;
use crate::write::Write;
use crate::{Error, Result};

/// What has arrived for one commit, beside changes of runs.
#[derive(Default)]
pub(super) struct Gathered {
    pub submissions: Vec<Submission>,
    pub writes: Vec<(Write, oneshot::Sender<Result<()>>)>,
}

impl Gathered {
    pub(super) const fn is_empty(&self) -> bool {
        self.submissions.is_empty() && self.writes.is_empty()
    }

    /// Nothing of it is written.
    pub(super) fn refuse(self, error: &Error) {
        self.submissions.into_iter().for_each(|(.., reply)| _ = reply.send(Err(error.again())));
        self.writes.into_iter().for_each(|(_, reply)| _ = reply.send(Err(error.again())));
    }
}

/// A submission, with what it is told when it is durable.
pub(super) struct Answer {
    pub reply: oneshot::Sender<Result<Accepted>>,
    pub answer: Result<Accepted>,
    /// The key that it came with.
    pub key: Option<(ProjectName, String)>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub work: Work,
    pub answers: Vec<Answer>,
    /// Who waits for its changes.
    pub waiting: Vec<oneshot::Sender<()>>,
    /// Who waits for its other writes, in their order.
    pub written: Vec<oneshot::Sender<Result<()>>>,
}

impl Batch {
    /// It is durable.
    pub(super) fn answer(self) {
        self.answers.into_iter().for_each(|one| _ = one.reply.send(one.answer));
        self.waiting.into_iter().for_each(|reply| _ = reply.send(()));
        self.written.into_iter().for_each(|reply| _ = reply.send(Ok(())));
    }

    /// Nobody will know whether it took place.
    pub(super) fn answer_unknown(&mut self) {
        self.answers.drain(..).for_each(|one| _ = one.reply.send(Err(Error::OutcomeUnknown)));
        self.written.drain(..).for_each(|reply| _ = reply.send(Err(Error::OutcomeUnknown)));
    }

    /// Tells all but those who wait for changes that nothing was written.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.answers.drain(..).for_each(|one| _ = one.reply.send(Err(error.again())));
        self.written.drain(..).for_each(|reply| _ = reply.send(Err(error.again())));
        self.work.runs.clear();
        self.work.keys.clear();
        self.work.writes.clear();
    }

    /// Whether one part of it may be refused and the others not.
    pub(super) const fn is_shared(&self) -> bool {
        let runs = !self.work.runs.is_empty() || !self.work.changes.is_empty();
        self.work.writes.len() + runs as usize > 1
    }

    /// What is refused alone: the runs and their changes, and each other write.
    pub(super) fn split(mut self) -> Vec<Self> {
        let writes = std::mem::take(&mut self.work.writes);
        let written = std::mem::take(&mut self.written);
        let alone = |(write, reply)| Self {
            work: Work { writes: vec![write], ..Work::default() },
            written: vec![reply],
            ..Self::default()
        };
        let others: Vec<_> = writes.into_iter().zip(written).map(alone).collect();
        std::iter::once(self).chain(others).collect()
    }

    /// Keys that were free when it was gathered.
    pub(super) fn keys(&self) -> Vec<(ProjectName, String)> {
        self.work.keys.iter().map(|row| (row.project.clone(), row.key.clone())).collect()
    }

    /// Another server has used this key meanwhile, for this request and these runs.
    pub(super) fn key_is_used(&mut self, own: &(ProjectName, String), request: &str, before: &[RunId]) {
        let is_its = |row: &mut KeyRow| row.project == own.0 && row.key == own.1;
        for row in self.work.keys.extract_if(.., is_its) {
            for one in self.answers.iter_mut().filter(|one| one.key.as_ref() == Some(own)) {
                if let Ok(Accepted::New(ids)) = &one.answer {
                    let ids: HashSet<&RunId> = ids.iter().collect();
                    self.work.runs.retain(|run| !ids.contains(&run.id));
                }
                if one.answer.is_ok() {
                    one.answer = answer_before(&row.request, request, before, &own.1);
                }
            }
        }
    }
}

/// What is said to one who comes with a key that was used.
pub(super) fn answer_before(own: &str, request: &str, before: &[RunId], key: &str) -> Result<Accepted> {
    if own == request {
        Ok(Accepted::Before(before.to_vec()))
    } else {
        Err(Error::IdempotencyConflict { key: key.to_owned() })
    }
}
