//! Triggers as a spec writes them.

use std::time::Duration;

use rigi_api::view::SetTrigger;
use rigi_model::quantity::write_duration;
use rigi_model::triggers::{TriggerOn, TriggerSpec};

/// What one says.
pub(super) fn shown(spec: &TriggerSpec) -> SetTrigger {
    let time = |time: Duration| Some(write_duration(time));
    let common = SetTrigger {
        when: spec.when.as_ref().map(ToString::to_string),
        parameters: spec.parameters.clone(),
        schedule: spec.schedule.clone(),
        enabled: (!spec.enabled).then_some(false),
        ..SetTrigger::default()
    };
    match &spec.on {
        TriggerOn::Files(files) => SetTrigger {
            files: Some(files.pattern.clone()),
            interval: time(files.interval),
            settle: time(files.settle),
            existing: Some(files.existing.to_string()),
            each: Some(files.each.to_string()),
            input: files.input.clone(),
            ..common
        },
        TriggerOn::Sensor(pipeline) => SetTrigger { sensor: Some(pipeline.clone()), ..common },
        TriggerOn::After(after) => SetTrigger {
            after: after.pipelines.clone(),
            on: Some(after.on.to_string()),
            key: after.key.clone(),
            within: after.within.and_then(time),
            ..common
        },
    }
}
