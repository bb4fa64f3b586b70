//! What is said to flows: by the core, when something of theirs is durable, and as an executor is told.

use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::{AttemptKey, RunId, RunState};
use tokio::sync::mpsc;

/// The variable that says whose result counts, so that a run is not executed.
pub const REUSED: &str = "RIGI_REUSED";
/// The variable that says where a flow's steps execute that do not say it.
pub(crate) const FLOW_TARGET: &str = "RIGI_FLOW_TARGET";
/// The variable that says that no former result counts.
pub(crate) const NO_CACHE: &str = "RIGI_NO_CACHE";
/// The variable that says of which run what has succeeded counts.
pub(crate) const KEEPS: &str = "RIGI_KEEPS";

/// Something that a flow is told.
#[derive(Debug)]
pub(crate) enum FlowWord {
    /// A flow, or a step that waits for a person, has its turn.
    Launch(AttemptKey),
    /// It was at work when the last server stopped.
    Resume(AttemptKey),
    /// It is to end.
    Stop(AttemptKey),
    /// A run of a step has ended, and that is durable.
    StepEnded {
        /// The flow's run.
        parent: RunId,
        /// The step's.
        run: RunId,
        /// How.
        state: RunState,
    },
    /// A flow has ended: nobody need tell it anything.
    Gone(RunId),
}

/// Where words go in, and, once, where they come out. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FlowWords {
    sender: mpsc::UnboundedSender<FlowWord>,
    receiver: Arc<Mutex<Option<mpsc::UnboundedReceiver<FlowWord>>>>,
}

impl Default for FlowWords {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: Arc::new(Mutex::new(Some(receiver))) }
    }
}

impl FlowWords {
    /// Says something; nobody hears it where the server ends.
    pub fn send(&self, word: FlowWord) {
        let _ = self.sender.send(word);
    }

    /// For the one who hears them.
    pub fn take(&self) -> Option<mpsc::UnboundedReceiver<FlowWord>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
