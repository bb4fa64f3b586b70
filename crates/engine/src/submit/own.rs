//! What a submission says of itself by variables that are Rigi's own: by which entry and which step it goes, and what a flow keeps for its
//! steps.

use std::collections::BTreeMap;

use rigi_model::parameters::{is_reserved, secret_parameters};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::repositories::COMMIT;
use rigi_model::run_config::{ENTRY, STEP};
use rigi_model::triggers::lines::CURSOR;
use rigi_model::{ProjectName, TriggerKind};
use serde_json::{Map, Value};

use super::capture::Code;
use super::{Submission, SubmitError, invalid};
use crate::Engine;
use crate::flow_words::{FLOW_TARGET, KEEPS, NO_CACHE, REUSED};

/// What a flow keeps for its steps.
pub(super) fn own_flow(submission: &mut Submission, own: &mut BTreeMap<String, String>) {
    // A rerun brings those of before.
    own.remove(NO_CACHE);
    own.remove(KEEPS);
    if submission.no_cache {
        own.insert(NO_CACHE.to_owned(), "1".to_owned());
    }
    own.extend(submission.keeps.take().map(|run| (KEEPS.to_owned(), run.to_string())));
    if let Some(target) = submission.target.take() {
        own.insert(FLOW_TARGET.to_owned(), target);
    }
}

/// The key of `concurrency`, by the parameters that the run is given. A step of a flow's own has none: the flow has.
pub(super) fn own_key(
    submission: &Submission,
    code: &Code,
    parameters: &Map<String, Value>,
    own: &mut BTreeMap<String, String>,
) -> Result<(), SubmitError> {
    // A rerun brings that of before.
    own.remove(RunKey::VARIABLE);
    let Some(concurrency) = code.spec.concurrency.as_ref().filter(|_| !code.is_step) else { return Ok(()) };
    let key = concurrency.key_of(submission.pipeline.as_str(), parameters).map_err(|error| {
        let message = format!("`concurrency.key` of `{}` has no value: {error}", submission.pipeline);
        invalid("/parameters", message)
    })?;
    own.insert(RunKey::VARIABLE.to_owned(), key.to_string());
    Ok(())
}

/// A flow, or a run that others follow, hands a secret on to what keeps it as one, or not at all.
pub(super) fn refuse_secrets_in_clear(
    submission: &Submission,
    sealed: &[String],
    spec: &PipelineSpec,
) -> Result<(), SubmitError> {
    let is_handed_on = submission.step.is_some() || submission.trigger.kind == TriggerKind::Downstream;
    if !is_handed_on || sealed.is_empty() {
        return Ok(());
    }
    let secret = secret_parameters(spec.parameters.as_ref());
    match sealed.iter().find(|name| !secret.contains(*name)) {
        Some(name) => {
            let message =
                format!("the parameter `{name}` of `{}` is given a secret, and is none", submission.pipeline);
            Err(invalid(format!("/parameters/{name}"), message))
        }
        None => Ok(()),
    }
}

/// Takes an entry's words into a spec and a submission. Returns the variables that are Rigi's own: they are not given by anybody, but for a
/// run that is repeated.
pub(super) fn take_own(
    submission: &mut Submission,
    code: &mut Code,
) -> Result<BTreeMap<String, String>, SubmitError> {
    let mut own = BTreeMap::new();
    if submission.rerun_of.is_some() {
        let names: Vec<String> = submission.env.keys().filter(|name| is_reserved(name)).cloned().collect();
        own.extend(names.into_iter().filter_map(|name| submission.env.remove_entry(&name)));
        // It is executed, whosever result counted before.
        own.remove(REUSED);
        let step = own.get(STEP).and_then(|step| code.spec.with_step(step));
        if let Some(step) = step {
            code.spec = step;
            code.is_step = true;
        }
        submission.entry = own.get(ENTRY).cloned();
    }
    // A run that is repeated with what its pipeline is now is of another commit, or of none.
    if let Some(commit) = code.commit() {
        own.remove(COMMIT);
        own.extend(commit.map(|commit| (COMMIT.to_owned(), commit.to_owned())));
    }
    if let Some(id) = &submission.entry {
        let entry = code.spec.schedules.iter().find(|entry| entry.id == *id);
        match (entry, code.spec.with_entry(id)) {
            (Some(entry), Some(spec)) => {
                let parameters = std::mem::take(&mut submission.parameters);
                submission.parameters = entry.parameters.clone().into_iter().collect();
                submission.parameters.extend(parameters);
                code.spec = spec;
            }
            // A schedule that somebody made beside the spec has no words there.
            _ if submission.due.is_some() || submission.rerun_of.is_some() => {}
            _ => {
                return Err(invalid("/schedule", format!("`schedules` of the pipeline has no entry `{id}`")));
            }
        }
        own.insert(ENTRY.to_owned(), id.clone());
    }
    if let Some((due, previous)) = submission.due {
        own.insert("RIGI_DUE".to_owned(), due.to_string());
        own.extend(previous.map(|previous| ("RIGI_DUE_PREVIOUS".to_owned(), previous.to_string())));
    }
    Ok(own)
}

impl Engine {
    /// Where a sensor goes on. One that is repeated goes on where it did.
    pub(super) async fn own_cursor(
        &self,
        project: &ProjectName,
        submission: &Submission,
        own: &mut BTreeMap<String, String>,
    ) -> Result<(), SubmitError> {
        if own.contains_key(CURSOR)
            || submission.step.is_some()
            || !self.awaited().is_sensor(project, &submission.pipeline)
        {
            return Ok(());
        }
        let cursor = self.store.db().cursor(project, submission.pipeline.as_str()).await?;
        own.extend(cursor.map(|cursor| (CURSOR.to_owned(), cursor.value)));
        Ok(())
    }
}
