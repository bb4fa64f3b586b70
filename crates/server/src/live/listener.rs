//! One who listens to what changes.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use super::changes::Changes;
use super::feed::{Batch, FeedSeat, Wants, other_event, reset, run_events};
use super::sse::{self, Listener};

/// See the module.
pub struct Listening {
    changes: Arc<dyn Changes>,
    batches: broadcast::Receiver<Arc<Batch>>,
    wants: Wants,
    /// Up to this event it was told everything.
    seen: Option<i64>,
    /// What it was told may be as new as this event: it is told nothing that may be older.
    told: i64,
    greeted: bool,
    _seat: FeedSeat,
}

impl Listening {
    /// Listens to these batches, after what happened since the event `seen`.
    pub fn new(
        changes: Arc<dyn Changes>,
        batches: broadcast::Receiver<Arc<Batch>>,
        seat: FeedSeat,
        wants: Wants,
        seen: Option<i64>,
    ) -> Self {
        Self { changes, batches, wants, seen, told: 0, greeted: false, _seat: seat }
    }

    /// What the database says has happened since it last heard, and a greeting that says up to where that was.
    async fn catch_up(&mut self) -> rigi_store::Result<Bytes> {
        let only = match &self.wants {
            Wants::Run(run) => Some(run),
            Wants::All { .. } => None,
        };
        let (newest, runs, others) = match self.seen {
            None => (self.changes.newest().await?, Some(Vec::new()), Vec::new()),
            Some(seen) => {
                let missed = self.changes.missed(seen, only).await?;
                (missed.newest, missed.runs, missed.others)
            }
        };
        (self.seen, self.told) = (Some(newest), newest);
        let Some(runs) = runs else { return Ok(reset(Some(newest))) };
        let (events, _) = run_events(&runs, Some(newest));
        let hello = sse::event("hello", Some(newest), &json!({}));
        let others: Vec<_> = others.iter().map(other_event).collect();
        Ok([others.concat().into(), events, hello].concat().into())
    }
}

impl Listener for Listening {
    const KIND: &'static str = "events";

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let missed = if self.greeted {
                match self.batches.recv().await {
                    Ok(batch) => {
                        if let Batch::Runs { as_of, last, .. } = &*batch {
                            // Read before what it caught up with. What has changed since comes with a later one.
                            if *as_of < self.told {
                                continue;
                            }
                            self.told = *as_of;
                            self.seen = self.seen.max(*last);
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
