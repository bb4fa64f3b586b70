//! What the server that leads does about people beside answering: it seals the audit log, and forgets what has ended.

use std::time::Duration;

use rigi_model::Timestamp;
use rigi_store::Store;
use rigi_store::people::audit_seal::AuditSealer;

/// Lines that are written within this time share a seal.
const MOMENT: Duration = Duration::from_secs(5);
/// Between two times that what has ended is removed.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// What went wrong at signing in is kept for so long.
const FAILURES: Duration = Duration::from_secs(24 * 3600);

/// Seals the audit log whenever something was written to it, by this server or (as far as that is told) by another. What has ended is removed on the way: while nobody does anything, nothing is touched.
pub(crate) async fn keep(store: Store, idle: Duration, audit_age: Option<Duration>) {
    let mut commits = store.commits();
    let mut sealer = None;
    let mut forgotten: Option<Timestamp> = None;
    loop {
        let now = Timestamp::now();
        if forgotten.is_none_or(|at| now.since(at) >= FORGET_EVERY) {
            forgotten = Some(now);
            if let Err(error) = forget(&store, idle, now).await {
                tracing::warn!(%error, "sessions and links that have ended are not removed; this is tried again in an hour");
            }
        }
        let before = audit_age.filter(|_| forgotten == Some(now)).map(|age| now.before(age));
        if let Err(error) = seal(&store, &mut sealer, before).await {
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

/// Removes what counts no more.
async fn forget(store: &Store, idle: Duration, now: Timestamp) -> rigi_store::Result<()> {
    store.forget_sessions(now, now.before(idle)).await?;
    store.forget_links(now).await?;
    store.forget_devices(now).await?;
    store.forget_failed_sign_ins(now.before(FAILURES)).await
}

async fn seal(
    store: &Store,
    sealer: &mut Option<AuditSealer>,
    before: Option<Timestamp>,
) -> rigi_store::Result<()> {
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
        if let Err(error) = store.keep_outside(&head).await {
            tracing::warn!(%error, "the head of the audit log is not kept in the bucket; this is tried again with the next one");
        }
    }
    match before {
        Some(before) => store.cut_audit(sealer, before).await,
        None => Ok(()),
    }
}
