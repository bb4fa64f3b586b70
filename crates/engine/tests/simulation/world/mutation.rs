//! Breaches made on purpose: each must be found, or the simulation finds nothing.

use rigi_engine::ledger::Round;
use rigi_model::RunState;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mutation {
    /// Nothing.
    #[default]
    None,
    /// Late words of earlier attempts are taken for words of the current one.
    NoFencing,
    /// One run more than allowed is active.
    LimitOffByOne,
    /// A cancelled run is tried again.
    RetryCancelled,
    /// A run is left out when a server starts.
    ForgetAtRecovery,
    /// Attempts are started, ends acknowledged and cancels answered before that is durable.
    ActBeforeDurable,
    /// A server that lost the lock goes on writing.
    Unfenced,
    /// A commit without an answer is made again.
    BelieveDoubt,
    /// After a commit without an answer as many new events as it had are taken for its own.
    CountEvents,
    /// A stop that was lost with its connection is not given again.
    ForgetStops,
    /// Files are collected as soon as nothing refers to them.
    SweepYoung,
}

impl Mutation {
    /// Every one of them.
    pub const ALL: [Self; 10] = [
        Self::NoFencing,
        Self::LimitOffByOne,
        Self::RetryCancelled,
        Self::ForgetAtRecovery,
        Self::ActBeforeDurable,
        Self::Unfenced,
        Self::BelieveDoubt,
        Self::CountEvents,
        Self::ForgetStops,
        Self::SweepYoung,
    ];
}

/// [`Mutation::RetryCancelled`].
pub fn retry_cancelled(round: &mut Round) {
    for change in &mut round.changes {
        let status = &mut change.status;
        if status.state == RunState::Cancelled && change.attempt.is_some() {
            status.state = RunState::Retrying;
            status.next_attempt_at = status.ended_at.take();
        }
    }
}
