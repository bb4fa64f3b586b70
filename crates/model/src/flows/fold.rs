//! Where the steps of a flow stand, and what follows.
//!
//! A step is looked at once, when all that it needs directly has ended; what these needed in turn does not count. Of several items some
//! are done at a time, in their order.

use std::collections::BTreeMap;

use super::StepState;
use crate::pipeline::step::{ItemFailures, RunIf, StepSpec};

/// Items of one step at most.
pub const MOST_ITEMS: u32 = 10_000;
/// Items at a time, where nothing is said.
const PARALLEL: u32 = 64;

/// So many at least begin together, where nothing is said.
const PORTION: u32 = 16;

/// What became of a step that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is done for so many items; 1 where it is done once.
    Items(u32),
    /// It is not done, and why.
    Skipped(String),
    /// What it is done for or with cannot be said, and why.
    Failed(String),
}

/// How far the runs of a step are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs that were asked for: the items from 0.
    pub started: u32,
    /// Of them, those that succeeded.
    pub succeeded: u32,
    /// Of them, those that ended otherwise.
    pub failed: u32,
}

/// What is known of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepFacts {
    /// `None`: it was not looked at.
    pub begun: Option<Begun>,
    /// Its runs.
    pub counts: Counts,
}

/// What is to be done for a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A step is to be looked at: its condition, and what it is done for.
    Look(String),
    /// A step is skipped, and why.
    Skip(String, String),
    /// These items of a step begin: from, and up to but without.
    Items(String, u32, u32),
    /// All is done.
    End(FlowEnd),
}

/// How a flow ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowEnd {
    /// No step failed that must not.
    Succeeded,
    /// These failed.
    Failed(Vec<String>),
}

/// How far a step is.
#[must_use]
pub fn state_of(step: &StepSpec, facts: &StepFacts) -> StepState {
    let Counts { started, succeeded, failed } = facts.counts;
    let active = started.saturating_sub(succeeded + failed);
    let total = match &facts.begun {
        None => return StepState::Waiting,
        Some(Begun::Skipped(_)) => return StepState::Skipped,
        // A later item could not begin: those before it are waited for.
        Some(Begun::Failed(_)) if active > 0 => return StepState::Running,
        Some(Begun::Failed(_)) => return StepState::Failed,
        Some(Begun::Items(total)) => *total,
    };
    let too_many = has_failed(step, failed, total);
    if active > 0 || !too_many && started < total {
        StepState::Running
    } else if too_many || failed > 0 && step.on_failure == ItemFailures::Continue {
        StepState::Failed
    } else {
        StepState::Succeeded
    }
}

/// Whether so many failed items are too many for any further one to begin.
fn has_failed(step: &StepSpec, failed: u32, total: u32) -> bool {
    match step.on_failure {
        ItemFailures::Stop => failed > 0,
        ItemFailures::Continue => false,
        ItemFailures::Count(most) => failed > most,
        ItemFailures::Percent(most) => f64::from(failed) * 100.0 > most * f64::from(total),
    }
}

/// What is to be done now. Steps come in the order in which they are written; the end comes alone.
#[must_use]
pub fn next(steps: &[StepSpec], facts: &BTreeMap<String, StepFacts>) -> Vec<Next> {
    let none = StepFacts::default();
    let of = |name: &str| facts.get(name).unwrap_or(&none);
    let states: BTreeMap<&str, StepState> =
        steps.iter().map(|step| (step.name.as_str(), state_of(step, of(&step.name)))).collect();
    let mut all = Vec::new();
    for step in steps {
        let (name, its) = (&step.name, of(&step.name));
        match &its.begun {
            None => all.extend(begin(step, &states)),
            Some(Begun::Items(total)) if states[name.as_str()] == StepState::Running => {
                let Counts { started, succeeded, failed } = its.counts;
                if has_failed(step, failed, *total) {
                    continue;
                }
                let active = started.saturating_sub(succeeded + failed);
                let room = step.parallel.unwrap_or(PARALLEL).saturating_sub(active);
                let to = started.saturating_add(room).min(*total);
                // Where nothing is said, more wait than have places: they come in portions.
                let enough = step.parallel.is_some() || room >= PORTION || to == *total;
                if to > started && enough {
                    all.push(Next::Items(name.clone(), started, to));
                }
            }
            Some(_) => {}
        }
    }
    if all.is_empty() && states.values().all(|state| state.is_terminal()) {
        let failed: Vec<String> = steps
            .iter()
            .filter(|step| !step.optional && states[step.name.as_str()] == StepState::Failed)
            .map(|step| step.name.clone())
            .collect();
        all.push(Next::End(if failed.is_empty() { FlowEnd::Succeeded } else { FlowEnd::Failed(failed) }));
    }
    all
}

/// What becomes of a step that was not looked at; `None`: what it needs has not ended.
fn begin(step: &StepSpec, states: &BTreeMap<&str, StepState>) -> Option<Next> {
    let needs: Vec<(&str, StepState)> = step
        .needs
        .iter()
        .map(|need| (need.as_str(), states.get(need.as_str()).copied().unwrap_or(StepState::Skipped)))
        .collect();
    if !needs.iter().all(|(_, state)| state.is_terminal()) {
        return None;
    }
    let first = |wanted: StepState| needs.iter().find(|(_, state)| *state == wanted).map(|(name, _)| *name);
    let (skipped, failed) = (first(StepState::Skipped), first(StepState::Failed));
    let why = match step.run_if {
        RunIf::Done => None,
        RunIf::Success => match (failed, skipped) {
            (Some(need), _) => Some(format!("`{need}` failed")),
            (None, Some(need)) => Some(format!("`{need}` was skipped")),
            (None, None) => None,
        },
        RunIf::AnySuccess => {
            let none = first(StepState::Succeeded).is_none() && !needs.is_empty();
            none.then(|| "none of its needs succeeded".to_owned())
        }
        RunIf::Failed => failed.is_none().then(|| "none of its needs failed".to_owned()),
        RunIf::NotSkipped => skipped.map(|need| format!("`{need}` was skipped")),
    };
    Some(match why {
        Some(why) => Next::Skip(step.name.clone(), why),
        None => Next::Look(step.name.clone()),
    })
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
