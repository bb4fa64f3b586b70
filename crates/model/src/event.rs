//! Events: one row each time something happened to a run. They feed the live stream and tell its story afterwards.

use serde::Serialize;

use crate::{Reason, RunId, Timestamp};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEvent {
    /// To which.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// The new state's text, or `cancel-requested`, `preparing`, `prepared`, `attempt-failed`,
    /// `outputs-left-out`, `route`.
    pub kind: &'static str,
    /// Attempt it belongs to; 0 is the run itself.
    pub attempt: u32,
    /// Stable code.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<String>,
}

impl RunEvent {
    /// The kind of an event that tells which route an attempt chose; its message is the route.
    pub const ROUTE: &'static str = "route";
}
