//! Whose turn it is: an upload is written by one request at a time, and a newer one ends the older.
//!
//! Of two that write at the same place, one writes. What has written something is not ended by one that did not know it; a client
//! that lost its connection asks first how far it is, and that ends what is left of the connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rigi_model::{ErrorCode, UploadId};
use rigi_store::Hashed;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::http::error::{ApiError, ApiResult};

/// Uploads of which it is remembered what was hashed of them.
const REMEMBERED: usize = 4096;
/// How long the end of what is under way is waited for. It ends at once, but for a large file that is just being stored.
const PATIENCE: Duration = Duration::from_secs(60);

/// Uploads of this server that somebody writes, or has written lately. Cheap to clone.
#[derive(Clone, Default)]
pub struct Arrivals(Arc<Mutex<HashMap<UploadId, Arc<Slot>>>>);

/// One of them.
#[derive(Default)]
pub(super) struct Slot {
    now: watch::Sender<Now>,
    /// Held by whoever writes; what was hashed so far.
    held: Arc<tokio::sync::Mutex<Option<Hashed>>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Now {
    /// Of the newest request.
    turn: u64,
    /// How far whoever writes is, counting what it has taken and not written yet.
    live: Option<u64>,
}

impl Arrivals {
    /// That of an upload.
    pub(super) fn slot(&self, id: &UploadId) -> Arc<Slot> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            // Those that go are read once more, when all of them is there.
            all.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        all.entry(id.clone()).or_default().clone()
    }

    /// One that is no more.
    pub(in crate::http) fn forget(&self, id: &UploadId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// A request's turn.
#[derive(Debug)]
pub(super) struct Turn(u64);

impl Slot {
    /// A request comes, and ends the one before it: one that writes at `offset`, or one that only wants to know.
    ///
    /// # Errors
    /// With how far it is, where somebody writes elsewhere.
    pub(super) fn come(&self, offset: Option<u64>) -> Result<Turn, u64> {
        let mut result = Ok(Turn(0));
        self.now.send_if_modified(|now| {
            if let (Some(offset), Some(live)) = (offset, now.live)
                && offset != live
            {
                result = Err(live);
                return false;
            }
            now.turn += 1;
            result = Ok(Turn(now.turn));
            true
        });
        result
    }

    /// Waits until those before it have ended.
    pub(super) async fn enter(self: &Arc<Self>, turn: Turn) -> ApiResult<Entered> {
        let lock = tokio::time::timeout(PATIENCE, self.held.clone().lock_owned()).await;
        let busy = |_| ApiError::new(ErrorCode::Unavailable, "the upload is being stored; ask again");
        Ok(Entered { slot: self.clone(), turn, hashed: lock.map_err(busy)? })
    }
}

/// The request that may write. When it is gone, the next may.
pub(super) struct Entered {
    slot: Arc<Slot>,
    turn: Turn,
    /// What was hashed so far.
    pub hashed: OwnedMutexGuard<Option<Hashed>>,
}

impl Entered {
    fn change(&self, change: impl FnOnce(&mut Now)) -> bool {
        let mut is_mine = false;
        self.slot.now.send_if_modified(|now| {
            is_mine = now.turn == self.turn.0;
            if is_mine {
                change(now);
            }
            // Nobody waits for how far one is.
            false
        });
        is_mine
    }

    /// Begins to write here; `false`: another's turn has come.
    pub(super) fn begin(&self, offset: u64) -> bool {
        self.change(|now| now.live = Some(offset))
    }

    /// Takes so many bytes that came; `false`: another's turn has come, and they are not taken.
    pub(super) fn take(&self, bytes: u64) -> bool {
        self.change(|now| now.live = now.live.map(|live| live + bytes))
    }

    /// Resolves when another's turn has come.
    pub(super) async fn newer(&self) {
        let mut now = self.slot.now.subscribe();
        let mine = self.turn.0;
        // The sender lives as long as this does.
        let _ = now.wait_for(|now| now.turn != mine).await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.change(|now| now.live = None);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn of_two_at_the_same_place_one_writes() {
        let slot = Arrivals::default().slot(&UploadId::generate());
        // Nothing was written: the newer writes.
        let first = slot.enter(slot.come(Some(0)).unwrap()).await.unwrap();
        assert!(first.begin(0) && first.newer().now_or_never().is_none());
        let second = slot.come(Some(0)).unwrap();
        assert!(first.newer().now_or_never().is_some());
        assert!(!first.take(5), "it takes nothing any more");
        assert!(slot.enter(second).now_or_never().is_none(), "it waits for the end of the first");
        drop(first);
        // Something was: the newer is told how far it is, and the older goes on.
        let third = slot.enter(slot.come(Some(0)).unwrap()).await.unwrap();
        assert!(third.begin(0) && third.take(5));
        assert_eq!(slot.come(Some(0)).unwrap_err(), 5);
        assert!(third.take(1) && third.newer().now_or_never().is_none());
        // Who asks how far it is ends it.
        let asks = slot.come(None).unwrap();
        assert!(!third.take(1) && third.newer().now_or_never().is_some());
        drop(third);
        let asks = slot.enter(asks).await.unwrap();
        assert!(asks.newer().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_waited_while_a_newer_came_writes_nothing() {
        let slot = Arrivals::default().slot(&UploadId::generate());
        let (first, second) = (slot.come(Some(0)).unwrap(), slot.come(Some(0)).unwrap());
        let first = slot.enter(first).await.unwrap();
        assert!(!first.begin(0));
        drop(first);
        assert!(slot.enter(second).await.unwrap().begin(0));
    }

    #[test]
    fn what_nobody_uses_is_forgotten_when_there_is_much_of_it() {
        let arrivals = Arrivals::default();
        let used = (UploadId::generate(), arrivals.clone());
        let slot = arrivals.slot(&used.0);
        (0..REMEMBERED + 10).for_each(|_| drop(arrivals.slot(&UploadId::generate())));
        assert!(arrivals.0.lock().unwrap().len() < REMEMBERED);
        assert!(Arc::ptr_eq(&slot, &arrivals.slot(&used.0)));
    }
}
