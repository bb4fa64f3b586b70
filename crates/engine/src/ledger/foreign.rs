//! Runs that other servers accept, and what they want of runs.
//!
//! A run that is not known here is new, or has ended: it is looked up in the database when all that was known of it before is durable,
//! and taken in if it still waits. Whatever is heard of it twice, it is taken in once. Who wants a run to stop may be heard before the
//! word of this server's own that it was accepted: then that is waited for.

use std::collections::HashMap;
use std::sync::Arc;

use rigi_model::{Actor, RunId, Timestamp};
use rigi_store::{Heard, NewRun};

use super::{Ledger, Policies, Round};

/// Why a run is being looked up.
#[derive(Debug, Default)]
pub(super) struct LookUp {
    /// Another server has accepted it.
    foreign: bool,
    /// Who wants it to stop.
    cancel: Option<Actor>,
}

impl<P: Policies> Ledger<P> {
    pub(super) fn hear_foreign(&mut self, heard: Heard, now: Timestamp, round: &mut Round) {
        for run in heard.accepted.into_iter().filter(|run| !self.runs.contains_key(run)) {
            let known = self.looked_up.contains_key(&run);
            self.looked_up.entry(run.clone()).or_default().foreign = true;
            round.verify.extend((!known).then_some(run));
        }
        for (run, by) in heard.cancels {
            if self.cancel_one(&run, by.clone(), now, round) {
                continue;
            }
            let known = self.looked_up.contains_key(&run);
            self.looked_up.entry(run.clone()).or_default().cancel = Some(by);
            round.verify.extend((!known).then_some(run));
        }
    }

    pub(super) fn take_foreign(
        &mut self,
        asked: &[RunId],
        waiting: &[Arc<NewRun>],
        now: Timestamp,
        round: &mut Round,
    ) {
        let mut waiting: HashMap<_, _> = waiting.iter().map(|run| (run.id.clone(), run)).collect();
        for run in asked {
            let Some(LookUp { foreign, cancel }) = self.looked_up.remove(run) else { continue };
            let Some(request) = waiting.remove(run) else { continue };
            if foreign {
                self.accepted(std::slice::from_ref(request), now, round);
            }
            if let Some(by) = cancel
                && !self.cancel_one(run, by.clone(), now, round)
            {
                self.to_stop.insert(run.clone(), by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rigi_model::retry::RetryPolicy;
    use rigi_model::run_config::VersionPart;
    use rigi_model::{PipelineName, ProjectName, RunState, Target, Trigger, VersionHash};

    use super::super::{Message, Policies};
    use super::*;
    use crate::decide::{Board, Limits, Needs};

    struct Same;

    impl Policies for Same {
        fn retry(&self, _: &VersionPart) -> RetryPolicy {
            RetryPolicy::default()
        }
        fn grace(&self, _: Option<&VersionPart>) -> Duration {
            Duration::ZERO
        }
        fn outputs(&self, _: &VersionPart) -> Vec<String> {
            Vec::new()
        }
        fn output_size(&self, _: &VersionPart) -> Option<u64> {
            None
        }
        fn needs(&self, _: &ProjectName, _: &VersionPart) -> Needs {
            Needs::default()
        }
    }

    const NOW: Timestamp = Timestamp(1_000_000);

    fn new_run() -> NewRun {
        NewRun {
            id: RunId::generate(),
            project: ProjectName::default(),
            pipeline: PipelineName::unchecked("a"),
            version: VersionHash::new([1; 32]),
            priority: 0,
            max_attempts: 1,
            created_at: NOW,
            trigger: Trigger::manual(Actor::you()),
            rerun_of: None,
            target: Target::PROCESS,
            parameters: Arc::default(),
            inputs: Arc::default(),
            env: Arc::default(),
            labels: Arc::default(),
            step: None,
        }
    }

    fn ledger() -> Ledger<Same> {
        let mut ledger = Ledger::new(Same, vec![Target::PROCESS], Board::new(Limits::new()));
        // No places: what waits, waits.
        ledger.board.hold();
        ledger
    }

    fn hear(ledger: &mut Ledger<Same>, message: Message) -> Round {
        let mut round = Round::default();
        ledger.hear(message, NOW, &mut round);
        round
    }

    fn accepted(run: &NewRun) -> Message {
        Message::Foreign(Heard { accepted: vec![run.id.clone()], cancels: Vec::new() })
    }

    fn cancel(run: &NewRun) -> Message {
        let cancels = vec![(run.id.clone(), Actor::named("Zoé"))];
        Message::Foreign(Heard { accepted: Vec::new(), cancels })
    }

    fn verified(run: &Arc<NewRun>, waiting: bool) -> Message {
        let asked = vec![run.id.clone()];
        Message::Verified { asked, waiting: if waiting { vec![run.clone()] } else { Vec::new() } }
    }

    #[test]
    fn a_foreign_run_is_looked_up_once_and_taken_in_once() {
        let (mut ledger, run) = (ledger(), Arc::new(new_run()));
        assert_eq!(hear(&mut ledger, accepted(&run)).verify, std::slice::from_ref(&run.id));
        assert!(hear(&mut ledger, accepted(&run)).verify.is_empty(), "it is being looked up");
        hear(&mut ledger, verified(&run, true));
        assert_eq!(ledger.board.counts(), (1, 0, 0));
        assert!(hear(&mut ledger, accepted(&run)).verify.is_empty(), "it is known");
    }

    #[test]
    fn one_that_has_ended_meanwhile_is_not_run_again() {
        let (mut ledger, run) = (ledger(), Arc::new(new_run()));
        hear(&mut ledger, accepted(&run));
        hear(&mut ledger, verified(&run, false));
        assert_eq!(ledger.board.counts(), (0, 0, 0));
        assert!(hear(&mut ledger, cancel(&run)).changes.is_empty());
    }

    #[test]
    fn who_wants_it_to_stop_is_heard_before_it_is_taken_in_and_after() {
        let (mut ledger, run) = (ledger(), Arc::new(new_run()));
        hear(&mut ledger, accepted(&run));
        assert!(hear(&mut ledger, cancel(&run)).changes.is_empty());
        let round = hear(&mut ledger, verified(&run, true));
        assert_eq!(round.changes.last().unwrap().status.state, RunState::Cancelled);
        let later = Arc::new(new_run());
        hear(&mut ledger, accepted(&later));
        hear(&mut ledger, verified(&later, true));
        let round = hear(&mut ledger, cancel(&later));
        assert_eq!(round.changes.last().unwrap().status.state, RunState::Cancelled);
    }

    #[test]
    fn who_wants_an_own_run_to_stop_may_be_heard_before_it_was_accepted() {
        let (mut ledger, run) = (ledger(), Arc::new(new_run()));
        assert_eq!(hear(&mut ledger, cancel(&run)).verify, std::slice::from_ref(&run.id));
        hear(&mut ledger, verified(&run, true));
        assert_eq!(ledger.board.counts(), (0, 0, 0), "its own word is on its way");
        let round = hear(&mut ledger, Message::Accepted(vec![run.clone()]));
        assert_eq!(round.changes.last().unwrap().status.state, RunState::Cancelled);
        // It has ended: what is said of it is looked up, and nothing follows.
        hear(&mut ledger, cancel(&run));
        hear(&mut ledger, verified(&run, false));
        assert_eq!((ledger.board.counts(), ledger.to_stop.len()), ((0, 0, 0), 0));
    }

    #[test]
    fn while_the_queue_is_being_read_others_wait() {
        let (mut ledger, run) = (ledger(), Arc::new(new_run()));
        ledger.begin_loading();
        assert!(hear(&mut ledger, accepted(&run)).verify.is_empty());
        hear(&mut ledger, Message::Accepted(vec![run]));
        let round = hear(&mut ledger, Message::QueueLoaded);
        assert!(round.verify.is_empty(), "it came with the queue");
    }
}
