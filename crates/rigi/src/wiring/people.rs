//! What the server that leads does about people beside answering: it seals the audit log, and forgets what has ended.

use std::time::Duration;

use rigi_model::Timestamp;
use rigi_store::Store;
use rigi_store::people::audit_seal::AuditSealer;

/// Lines that are written within this time share a seal.
const MOMENT: Duration = Duration::from_secs(5);

/// Seals the audit log whenever something was written to it, by this server or (as far as that is told) by another.
pub(crate) async fn seal_audit(store: Store) {
    let mut commits = store.commits();
    let mut sealer = None;
    loop {
        if let Err(error) = seal(&store, &mut sealer).await {
            tracing::warn!(%error, "the audit log is not sealed; this is tried again with the next line of it");
        }
        let told = async {
            // Who has lagged behind has missed something.
            while commits.recv().await.is_ok_and(|commit| commit.others.is_empty()) {}
        };
        tokio::select! {
            () = store.audited() => {}
            () = told => {}
        }
        tokio::time::sleep(MOMENT).await;
    }
}

async fn seal(store: &Store, sealer: &mut Option<AuditSealer>) -> rigi_store::Result<()> {
    if sealer.is_none() {
        // A server of one person has no log, and gets no key.
        if store.db().audit_waits().await? {
            *sealer = Some(AuditSealer::open(store.data())?);
        }
    }
    let Some(sealer) = sealer else { return Ok(()) };
    if let Some(head) = store.seal_audit(sealer, Timestamp::now()).await? {
        // In the server's own log, which is often kept elsewhere, the head is out of reach of whoever changes the database.
        tracing::info!(
            seal = head.number,
            hash = head.hash,
            signature = head.signature,
            "the audit log is sealed"
        );
        metrics::gauge!("rigi_audit_seal").set(head.number as f64);
    }
    Ok(())
}
