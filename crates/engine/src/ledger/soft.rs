//! Limits that stop nothing: who goes beyond one is told of, once an attempt.

use rigi_model::event::RunEvent;
use rigi_model::quantity::{show_bytes, show_cpu};
use rigi_model::triggers::FollowUpKind;
use rigi_model::{AttemptKey, RunState, Timestamp};
use rigi_store::RunChange;
use rigi_work::plan::Sample;

use super::{Ledger, Policies, Round};

impl<P: Policies> Ledger<P> {
    /// An active run uses so much.
    pub(super) fn meet_soft_limits(
        &mut self,
        key: &AttemptKey,
        at: Timestamp,
        sample: Sample,
        round: &mut Round,
    ) {
        let Some(entry) = self.runs.get_mut(&key.run) else { return };
        if entry.live.as_ref().is_some_and(|live| live.soft_told) {
            return;
        }
        let Some(soft) = self.policies.soft_limits(&entry.of.part) else { return };
        let memory = soft.memory.filter(|most| sample.memory > *most);
        let cpu = soft.cpu.filter(|most| sample.cpu > *most);
        let told: Vec<String> = [
            memory.map(|most| {
                format!("{} of memory, more than {}", show_bytes(sample.memory), show_bytes(most))
            }),
            cpu.map(|most| format!("{} of cpu, more than {}", show_cpu(sample.cpu), show_cpu(most))),
        ]
        .into_iter()
        .flatten()
        .collect();
        if told.is_empty() {
            return;
        }
        entry.live().soft_told = true;
        let message = format!("it uses {} (`soft_limits`)", told.join(", and "));
        let event = RunEvent {
            run: key.run.clone(),
            at,
            kind: RunEvent::SOFT_LIMIT,
            attempt: key.number,
            reason: None,
            message: Some(message),
        };
        let project = entry.of.kind.project.clone();
        let is_told = self.policies.is_told(&project, RunState::Failed);
        let follow_ups: Vec<_> = is_told.then_some((FollowUpKind::SoftLimit, at)).into_iter().collect();
        round.follows |= !follow_ups.is_empty();
        round.changes.push(RunChange {
            run: key.run.clone(),
            project,
            status: entry.status().clone(),
            events: vec![event],
            attempt: None,
            artifacts: Vec::new(),
            follow_ups,
        });
    }
}
