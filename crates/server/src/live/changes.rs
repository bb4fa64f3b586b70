//! What the live stream asks the rest of the server for.

use futures_util::future::BoxFuture;
use rigi_api::view::RunSummary;
use rigi_engine::Pulse;
use rigi_model::{ProjectName, RunId};
use rigi_store::{Commit, Result, SubjectChange};
use tokio::sync::broadcast;

/// What happens from now on.
pub struct Happenings {
    /// What is durable.
    pub commits: broadcast::Receiver<Commit>,
    /// What is only told.
    pub pulses: broadcast::Receiver<Pulse>,
    /// Pipelines that changed, by name.
    pub pipelines: broadcast::Receiver<String>,
}

/// What somebody has missed, all of it read at one moment.
pub struct Missed {
    /// The newest event at that moment.
    pub newest: i64,
    /// Each run that changed, as it was then; `None`: too much, or it is not known.
    pub runs: Option<Vec<RunSummary>>,
    /// What happened to anything else.
    pub others: Vec<SubjectChange>,
}

/// See the module.
pub trait Changes: Send + Sync + 'static {
    /// Whose changes.
    fn project(&self) -> &ProjectName;
    /// Begins to hear what happens.
    fn happenings(&self) -> Happenings;
    /// The newest event.
    fn newest(&self) -> BoxFuture<'_, Result<i64>>;
    /// What changed after an event, of this run or of all.
    fn missed<'a>(&'a self, after: i64, only: Option<&'a RunId>) -> BoxFuture<'a, Result<Missed>>;
    /// Runs as they are now.
    fn views(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<Vec<RunSummary>>>;
    /// The first of those that wait.
    fn some_waiting(&self, most: usize) -> BoxFuture<'_, Vec<RunId>>;
}
