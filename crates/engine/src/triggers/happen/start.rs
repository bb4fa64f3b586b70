//! An event becomes a run, is ignored, or is refused.

use std::collections::BTreeMap;

use rigi_model::expression::fill;
use rigi_model::triggers::EventOutcome;
use rigi_model::{Actor, Timestamp, Trigger, TriggerKind};
use rigi_store::IdempotencyKey;
use rigi_store::triggers::{TriggerEvent, event_key};
use serde_json::Value;

use super::KnownTrigger;
use crate::Engine;
use crate::projects::Project;
use crate::submit::{InputSource, Submission, SubmitError, may_pass};

/// Something that has happened.
pub(super) struct Happened {
    /// Names it among those of the trigger.
    pub event: String,
    /// What expressions know of it.
    pub names: Value,
    /// Files for the run.
    pub inputs: BTreeMap<String, Vec<InputSource>>,
    /// In which way the run is started.
    pub kind: TriggerKind,
}

impl Engine {
    /// Does what an event asks for: once, however often it is seen. `None`: it is to be tried again.
    pub(super) async fn happen(
        &self,
        project: &Project,
        one: &KnownTrigger,
        happened: Happened,
        now: Timestamp,
    ) -> rigi_store::Result<Option<TriggerEvent>> {
        let became = |outcome, reason, run| TriggerEvent {
            key: one.key.clone(),
            event: happened.event.clone(),
            at: now,
            outcome,
            reason,
            run,
        };
        let refused = |why| Some(became(EventOutcome::Refused, Some(why), None));
        if let Some(when) = &one.spec.when {
            match when.holds(&happened.names) {
                Ok(true) => {}
                Ok(false) => return Ok(Some(became(EventOutcome::Ignored, None, None))),
                Err(error) => return Ok(refused(format!("`when: {when}`: {error}"))),
            }
        }
        let parameters = match fill(&one.spec.parameters, &happened.names) {
            Ok(parameters) => parameters,
            Err(why) => return Ok(refused(why)),
        };
        let trigger = Trigger { kind: happened.kind, by: Actor::named(one.key.to_string()) };
        let submission = Submission {
            parameters,
            inputs: happened.inputs,
            entry: one.spec.schedule.clone(),
            ..Submission::of(one.key.pipeline.clone(), trigger)
        };
        let key = event_key(&one.key, &happened.event);
        let key = IdempotencyKey { key, request: "event".to_owned() };
        match self.submit(&project.catalog, vec![submission], Some(key)).await {
            Ok(submitted) => Ok(Some(became(EventOutcome::Run, None, submitted.ids.into_iter().next()))),
            Err(SubmitError::Store(rigi_store::Error::Closed)) => Err(rigi_store::Error::Closed),
            Err(error) if may_pass(&error) => {
                tracing::warn!(trigger = %one.key, %error, "the run of an event is not started yet; this is tried again");
                Ok(None)
            }
            Err(error) => Ok(refused(error.to_string())),
        }
    }
}
