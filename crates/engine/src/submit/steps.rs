//! The runs of flows' steps: their flow was accepted, and with it they were.

use std::sync::Arc;

use rigi_model::RunId;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::step::StepAction;
use rigi_store::{Accepted, IdempotencyKey, NewRun};

use super::{Submission, SubmitError, invalid};
use crate::Engine;
use crate::catalog::Catalog;
use crate::ledger::Message;

impl Engine {
    /// Accepts runs of a step, once a key. How many runs of the project may wait does not matter to them.
    pub(crate) async fn submit_steps(
        &self,
        runs: Vec<Arc<NewRun>>,
        key: IdempotencyKey,
    ) -> Result<Vec<RunId>, SubmitError> {
        self.room.check()?;
        let (store, core) = (self.store.clone(), self.core.clone());
        match store.submit(runs.clone(), Some(key)).await? {
            Accepted::New(ids) => {
                metrics::counter!("rigi_runs_accepted_total").increment(ids.len() as u64);
                let _ = core.send(Message::Accepted(runs));
                Ok(ids)
            }
            Accepted::Before(ids) => Ok(ids),
        }
    }
}

impl Engine {
    /// What can be wrong with the steps of a flow before any of them begins: where they execute, what they take, and whether the
    /// pipelines are there that they run.
    pub(super) fn check_steps(
        &self,
        catalog: &Catalog,
        submission: &Submission,
        spec: &PipelineSpec,
    ) -> Result<(), SubmitError> {
        for step in &spec.steps {
            if let StepAction::Pipeline { pipeline, .. } = &step.action
                && catalog.get(pipeline.as_str()).is_none()
            {
                let message =
                    format!("its step `{}` runs the pipeline `{pipeline}`, which is not there", step.name);
                return Err(invalid(format!("/steps/{}", step.name), message));
            }
            let Some(own) = spec.with_step(&step.name).filter(|own| own.entry.is_run()) else { continue };
            let wanted = submission.target.as_deref().filter(|_| step.target.is_none());
            self.target(catalog.project(), &submission.pipeline, wanted, &own)?;
            let within = self.settings.within_quota(catalog.project(), &submission.pipeline, &own);
            within.map_err(SubmitError::Quota)?;
        }
        Ok(())
    }
}
