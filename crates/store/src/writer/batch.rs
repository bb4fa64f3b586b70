//! One commit: what it writes, and who waits for it.

use tokio::sync::oneshot;

use super::Accepted;
use crate::work::Work;
use crate::{Error, Result};

pub(super) struct Batch {
    pub work: Work,
    /// Submissions, with what they are told when it is durable.
    pub answers: Vec<(oneshot::Sender<Result<Accepted>>, Result<Accepted>)>,
    /// Who waits for its changes.
    pub waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    /// It is durable.
    pub(super) fn answer(self) {
        self.answers.into_iter().for_each(|(reply, answer)| _ = reply.send(answer));
        self.waiting.into_iter().for_each(|reply| _ = reply.send(()));
    }

    /// Nobody will know whether it took place.
    pub(super) fn answer_unknown(&mut self) {
        self.answers.drain(..).for_each(|(reply, _)| _ = reply.send(Err(Error::OutcomeUnknown)));
    }
}
