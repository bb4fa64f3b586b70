//! The task that audits without being asked, on the server that leads: after builds, and by schedule. While neither is due, it waits.

use std::time::Duration;

use rigi_engine::clock::sleep;
use rigi_model::Timestamp;
use rigi_model::packages::AuditCause;
use rigi_model::project::ProjectState;
use rigi_model::triggers::FollowUpKind;

use super::auditor::{AuditError, Auditor, Wanted};

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(60);
/// The longest wait at a time: the clock may be set.
const GLANCE: Duration = Duration::from_secs(3600);

/// Audits for as long as the server lives. Without a source it ends at once.
pub async fn keep_auditing(auditor: Auditor) {
    if auditor.settings().source.is_none() || !auditor.engine.leads() {
        return;
    }
    let built = auditor.engine.built();
    let mut looked = None;
    loop {
        let next = match auditor.do_due(&mut looked).await {
            Ok(next) => next,
            Err(AuditError::Store(rigi_store::Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "packages are not audited; this is tried again");
                Some(AGAIN)
            }
        };
        tokio::select! {
            () = built.notified() => {}
            () = sleep(next) => {}
        }
    }
}

impl Auditor {
    /// Does what is due; how long until the next is. `looked` is when all were audited last, as far as that is known.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn do_due(
        &self,
        looked: &mut Option<Timestamp>,
    ) -> Result<Option<Duration>, AuditError> {
        self.audit_built().await?;
        let Some(rhythm) = &self.settings.rhythm else { return Ok(None) };
        let now = Timestamp::now();
        let last = match *looked {
            Some(last) => Some(last),
            None => self.engine.store().db().packages_audited_at().await?,
        };
        // What came due while no server was there is made up for, once.
        let due = rhythm.last_before(Timestamp(now.0 + 1));
        if last.is_none_or(|last| due.is_some_and(|due| due > last)) {
            self.audit(self.all(), AuditCause::Schedule).await?;
        }
        *looked = Some(last.unwrap_or(now).max(due.unwrap_or(now)));
        let next = rhythm.next_after(now);
        Ok(next.map(|next| next.since(Timestamp::now()).clamp(Duration::from_millis(10), GLANCE)))
    }

    /// Audits the pipelines for which environments were built.
    async fn audit_built(&self) -> Result<(), AuditError> {
        let db = self.engine.store().db();
        let mut wanted: Vec<Wanted> = Vec::new();
        for one in db.follow_ups().await?.into_iter().filter(|one| one.kind == FollowUpKind::Packages) {
            let pipeline = match db.run_of_any(&one.run).await {
                Ok(run) => run.request.pipeline.to_string(),
                // What is done for it is taken off by whoever finds no such pipeline.
                Err(rigi_store::Error::NotFound { .. }) => String::new(),
                Err(error) if error.is_damage() => String::new(),
                Err(error) => return Err(error.into()),
            };
            match wanted.iter_mut().find(|known| known.project == one.project && known.pipeline == pipeline) {
                Some(known) => known.done.push(one),
                None => wanted.push(Wanted { project: one.project.clone(), pipeline, done: vec![one] }),
            }
        }
        if !wanted.is_empty() {
            self.audit(wanted, AuditCause::Build).await?;
        }
        Ok(())
    }

    /// Every pipeline that there is.
    fn all(&self) -> Vec<Wanted> {
        let open = self.projects.all().into_iter().filter(|project| project.state() == ProjectState::Open);
        let of = |project: std::sync::Arc<rigi_engine::projects::Project>| {
            let pipelines = project.catalog.all();
            let id = project.id().clone();
            pipelines.into_iter().map(move |one| Wanted {
                project: id.clone(),
                pipeline: one.name.to_string(),
                done: Vec::new(),
            })
        };
        open.flat_map(of).collect()
    }
}
