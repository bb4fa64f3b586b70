//! What the queue must look like, by the plainest rules that can be written down: who is next, which limit holds, why
//! somebody waits. It follows a server's ledger by what that says, and never looks inside.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rigi_engine::decide::{LimitOf, Limits, QueuePlace, RunKind, WaitReason};
use rigi_engine::ledger::Message;
use rigi_model::{RunId, RunState};
use rigi_store::{OpenRun, RunChange};

#[derive(Debug)]
struct Run {
    kind: RunKind,
    priority: i32,
    state: RunState,
}

/// See the module.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    runs: BTreeMap<RunId, Run>,
    served: BTreeMap<RunKind, u64>,
    places: u64,
    closed: bool,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Self { limits, runs: BTreeMap::new(), served: BTreeMap::new(), places: 0, closed: false }
    }

    /// What a server starts from.
    pub fn recover(&mut self, open: &[OpenRun]) {
        for run in open {
            let kind = RunKind {
                project: run.project.clone(),
                pipeline: run.pipeline.clone(),
                target: run.target.clone(),
            };
            let known = Run { kind, priority: run.priority, state: run.status.state };
            self.runs.insert(run.id.clone(), known);
        }
    }

    /// What changes the queue without a change of a run.
    pub fn hear(&mut self, message: &Message) {
        match message {
            Message::Accepted(runs) => {
                for run in runs {
                    let kind = RunKind {
                        project: run.project.clone(),
                        pipeline: run.pipeline.clone(),
                        target: run.target.clone(),
                    };
                    let known = Run { kind, priority: run.priority, state: RunState::Queued };
                    self.runs.insert(run.id.clone(), known);
                }
            }
            Message::Limit { of, most: Some(most) } => {
                self.limits.insert(of.clone(), *most);
            }
            Message::Limit { of, most: None } => {
                self.limits.remove(of);
            }
            Message::Close { .. } => self.closed = true,
            _ => {}
        }
    }

    fn active(&self, of: &LimitOf) -> u64 {
        self.runs.values().filter(|run| run.state.is_active() && of.holds(&run.kind)).count() as u64
    }

    /// The narrowest limit that is reached, which is in the way of these.
    fn in_the_way(&self, kind: &RunKind) -> Option<(LimitOf, u64)> {
        let reached = self.limits.iter().filter(|(of, most)| of.holds(kind) && self.active(of) >= **most);
        // In the order in which they are declared.
        reached.map(|(of, most)| (of.clone(), *most)).next()
    }

    /// Who gets the next place: priority, then the project with the fewest active, then the pipeline, then what was served
    /// longest ago, then age.
    fn next(&self) -> Option<&RunId> {
        let waiting = self.runs.iter().filter(|(_, run)| run.state == RunState::Queued && !self.closed);
        let may = waiting.filter(|(_, run)| self.in_the_way(&run.kind).is_none());
        let turn = |(id, run): &(&RunId, &Run)| {
            let served = self.served.get(&run.kind).copied().unwrap_or(0);
            let [pipeline, project, ..] = run.kind.limited_by().map(|of| self.active(&of));
            (Reverse(run.priority), project, pipeline, served, (*id).clone())
        };
        may.min_by_key(turn).map(|(id, _)| id)
    }

    /// Follows what a round changes; a place that another should have had is a breach.
    pub fn follow(&mut self, changes: &[RunChange]) -> Result<(), String> {
        for change in changes {
            let state = change.status.state;
            let Some(from) = self.runs.get(&change.run).map(|run| run.state) else {
                return Err(format!("{} is changed by a server that does not have it", change.run));
            };
            if from == RunState::Queued && state == RunState::Starting {
                let next = self.next();
                if next != Some(&change.run) {
                    return Err(format!("{} gets the place of {next:?}", change.run));
                }
                let kind = self.runs[&change.run].kind.clone();
                self.places += 1;
                self.served.insert(kind, self.places);
            }
            if state.is_terminal() {
                self.runs.remove(&change.run);
            } else if let Some(run) = self.runs.get_mut(&change.run) {
                run.state = state;
            }
        }
        Ok(())
    }

    /// After a round no place is empty that somebody waits for.
    pub fn is_served(&self) -> Result<(), String> {
        match self.next() {
            Some(run) => Err(format!("{run} waits, and there is a place for it")),
            None => Ok(()),
        }
    }

    /// Waiting, active, delayed.
    pub fn counts(&self) -> (u64, u64, u64) {
        let count =
            |of: &dyn Fn(RunState) -> bool| self.runs.values().filter(|run| of(run.state)).count() as u64;
        (count(&|s| s == RunState::Queued), count(&RunState::is_active), count(&|s| s == RunState::Retrying))
    }

    /// Runs that wait.
    pub fn waiting(&self) -> Vec<RunId> {
        let waiting = self.runs.iter().filter(|(_, run)| run.state == RunState::Queued);
        waiting.map(|(id, _)| id.clone()).collect()
    }

    /// Whether what a waiting run is told of its place is true.
    pub fn is_true(&self, id: &RunId, place: Option<QueuePlace>) -> Result<(), String> {
        let Some((run, place)) = self.runs.get(id).zip(place) else {
            return Err(format!("{id} waits, and is not told why"));
        };
        let reached = self.in_the_way(&run.kind);
        let among = match &reached {
            Some((of @ LimitOf::Pipeline(..), _)) => of.clone(),
            _ => LimitOf::Project(run.kind.project.clone()),
        };
        let reason = reached.map_or(WaitReason::Turn, |(of, most)| WaitReason::Limit(of, most));
        let turn = |id: &RunId, run: &Run| (Reverse(run.priority), id.clone());
        let rivals =
            self.runs.iter().filter(|(_, rival)| rival.state == RunState::Queued && among.holds(&rival.kind));
        let (mut position, mut waiting) = (0, 0);
        for (rival, of) in rivals {
            waiting += 1;
            position += u64::from(turn(rival, of) <= turn(id, run));
        }
        let truth = QueuePlace { reason, position, waiting };
        if place != truth {
            return Err(format!("{id} is told {place:?}, and the truth is {truth:?}"));
        }
        if truth.reason == WaitReason::Turn && !self.closed {
            return Err(format!("{id} waits for its turn, and nothing is in its way"));
        }
        Ok(())
    }
}
