//! What a flow's log says of its steps.

use std::collections::BTreeMap;

use rigi_model::flows::{Begun, Counts, StepFacts, StepState, state_of};
use rigi_model::pipeline::step::StepSpec;

/// Why a flow failed.
pub(super) fn failed(steps: &[String]) -> String {
    match steps {
        [one] => format!("its step `{one}` failed"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|step| format!("`{step}`")).collect();
            format!("its steps {} and `{last}` failed", first.join(", "))
        }
        [] => "it failed".to_owned(),
    }
}

/// A line a step, in the order in which they are written.
pub(super) fn lines(steps: &[StepSpec], facts: &BTreeMap<String, StepFacts>) -> Vec<String> {
    steps.iter().map(|step| line(step, &facts.get(&step.name).cloned().unwrap_or_default())).collect()
}

fn line(step: &StepSpec, facts: &StepFacts) -> String {
    let state = state_of(step, facts);
    let Counts { started, succeeded, failed } = facts.counts;
    let rest = match &facts.begun {
        None => "it was not reached".to_owned(),
        Some(Begun::Skipped(why) | Begun::Failed(why)) => why.clone(),
        Some(Begun::Items(total)) if step.for_each.is_some() => {
            format!(
                "{succeeded} of {total} items succeeded, {failed} failed, {} did not begin",
                total.saturating_sub(started)
            )
        }
        Some(Begun::Items(_)) => return format!("{}: {state}", step.name),
    };
    let state = if state == StepState::Waiting { String::new() } else { format!("{state}: ") };
    format!("{}: {state}{rest}", step.name)
}
