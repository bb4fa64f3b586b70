//! One who listens to what changes.

use std::sync::Arc;

use bytes::Bytes;
use rigi_model::RunId;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use super::feed::{Batch, Seat, Wants, reset, run_events, summaries};
use super::sse::{self, Listener};
use crate::api::AppState;

/// Events that one who was away is told afterwards, at most; beyond it, it starts afresh.
const CATCH_UP: u32 = 5000;

/// See the module.
pub struct Listening {
    state: AppState,
    batches: broadcast::Receiver<Arc<Batch>>,
    wants: Wants,
    /// The newest event that it knows of.
    seen: Option<i64>,
    /// Up to this event it was told by catching up: nobody is told older words afterwards.
    told: i64,
    greeted: bool,
    _seat: Seat,
}

impl Listening {
    /// Listens to these batches, after what happened since the event `seen`.
    pub fn new(
        state: AppState,
        batches: broadcast::Receiver<Arc<Batch>>,
        seat: Seat,
        wants: Wants,
        seen: Option<i64>,
    ) -> Self {
        Self { state, batches, wants, seen, told: 0, greeted: false, _seat: seat }
    }

    /// What the database says has happened since it last heard, and a greeting that says up to where that was.
    async fn catch_up(&mut self) -> rigi_store::Result<Bytes> {
        let db = self.state.store().db();
        let newest = db.last_event().await?;
        let seen = self.seen.replace(newest);
        let hello = |id: i64| sse::event("hello", Some(id), &json!({}));
        let Some(seen) = seen else { return Ok(hello(newest)) };
        let missed = if seen <= newest { db.runs_since(seen, CATCH_UP).await? } else { None };
        let Some((mut runs, last)) = missed else { return Ok(reset(Some(newest))) };
        if let Wants::Run(wanted) = &self.wants {
            runs.retain(|run: &RunId| run == wanted);
        }
        let views = summaries(&self.state, &runs).await?;
        let last = last.max(newest);
        (self.seen, self.told) = (Some(last), last);
        let (events, _) = run_events(&views, Some(last));
        Ok([events, hello(last)].concat().into())
    }
}

impl Listener for Listening {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let missed = if self.greeted {
                match self.batches.recv().await {
                    Ok(batch) => {
                        if let Batch::Runs { last: Some(last), .. } = &*batch {
                            if *last <= self.told {
                                continue;
                            }
                            self.seen = Some(*last);
                        }
                        if let Some(bytes) = batch.part(&self.wants) {
                            return Some(bytes);
                        }
                        if matches!(*batch, Batch::Closed) {
                            return None;
                        }
                        false
                    }
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return None,
                }
            } else {
                self.greeted = true;
                true
            };
            if missed {
                return match self.catch_up().await {
                    Ok(bytes) => Some(bytes),
                    Err(error) => {
                        tracing::warn!(%error, "what changed cannot be told");
                        None
                    }
                };
            }
        }
    }
}
