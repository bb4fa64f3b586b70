//! The other servers of a database: what they commit is told to the core.

use std::sync::Arc;

use rigi_model::{RunId, RunState};
use rigi_store::{Heard, Store};
use tokio::sync::mpsc;

use super::RETRY_EVERY;
use crate::ledger::Message;
use crate::quota::KnownNeeds;

/// Tells the core what others commit, from what they were asked while nobody led on.
pub(super) async fn tell(
    store: Store,
    mut heard: mpsc::UnboundedReceiver<Heard>,
    core: mpsc::UnboundedSender<Message>,
) {
    let cancels = loop {
        match store.db().asked_to_stop().await {
            Ok(asked) => break asked,
            Err(error) => {
                tracing::warn!(%error, "what others were asked to stop cannot be read; this is tried again");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    };
    let mut next = Some(Heard { cancels, ..Heard::default() });
    while let Some(words) = next {
        if words != Heard::default() && core.send(Message::Foreign(words)).is_err() {
            return;
        }
        tokio::select! {
            another = heard.recv() => next = another,
            () = core.closed() => return,
        }
    }
}

/// Looks up runs that others have accepted: those that still wait are theirs to be started here.
pub(super) async fn verify(
    store: &Store,
    needs: &KnownNeeds,
    asked: Vec<RunId>,
    core: &mpsc::UnboundedSender<Message>,
) {
    if asked.is_empty() {
        return;
    }
    let found = loop {
        match store.db().runs_by_id(&asked).await {
            Ok(found) => break found,
            Err(error) => {
                tracing::warn!(%error, "runs of other servers cannot be read; this is tried again");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    };
    let waits = found.into_iter().filter(|run| run.status.state == RunState::Queued);
    let mut waiting: Vec<_> = waits.map(|run| Arc::new(run.request)).collect();
    waiting.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    needs.read(store, waiting.iter().map(|run| (&run.project, run.part()))).await;
    // The core is gone: nobody waits for them.
    let _ = core.send(Message::Verified { asked, waiting });
}
