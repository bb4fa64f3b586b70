//! What the queue must look like, by the plainest rules that can be written down: who is next, which limit holds, why
//! somebody waits. It follows a server's ledger by what that says, and never looks inside.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rigi_engine::decide::{Limits, Place, WaitReason};
use rigi_engine::ledger::Message;
use rigi_model::{PipelineName, RunId, RunState};
use rigi_store::{OpenRun, RunChange};

#[derive(Debug)]
struct Run {
    pipeline: PipelineName,
    priority: i32,
    state: RunState,
}

/// See the module.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    runs: BTreeMap<RunId, Run>,
    served: BTreeMap<PipelineName, u64>,
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
            let known =
                Run { pipeline: run.pipeline.clone(), priority: run.priority, state: run.status.state };
            self.runs.insert(run.id.clone(), known);
        }
    }

    /// What changes the queue without a change of a run.
    pub fn hear(&mut self, message: &Message) {
        match message {
            Message::Accepted(runs) => {
                for run in runs {
                    let (pipeline, priority) = (run.pipeline.clone(), run.priority);
                    self.runs.insert(run.id.clone(), Run { pipeline, priority, state: RunState::Queued });
                }
            }
            Message::Limit { pipeline, limit: Some(limit) } => {
                self.limits.pipelines.insert(pipeline.clone(), *limit);
            }
            Message::Limit { pipeline, limit: None } => {
                self.limits.pipelines.remove(pipeline);
            }
            Message::Close { .. } => self.closed = true,
            _ => {}
        }
    }

    fn active(&self, pipeline: Option<&PipelineName>) -> u64 {
        let of = |run: &&Run| run.state.is_active() && pipeline.is_none_or(|name| run.pipeline == *name);
        self.runs.values().filter(of).count() as u64
    }

    fn is_free(&self, pipeline: &PipelineName) -> bool {
        let limit = self.limits.pipelines.get(pipeline).copied().unwrap_or(u64::MAX);
        !self.closed && self.active(None) < self.limits.runs && self.active(Some(pipeline)) < limit
    }

    /// Who gets the next place: priority, then the fewest active, then served longest ago, then age.
    fn next(&self) -> Option<&RunId> {
        let waiting = self.runs.iter().filter(|(_, run)| run.state == RunState::Queued);
        let may = waiting.filter(|(_, run)| self.is_free(&run.pipeline));
        let turn = |(id, run): &(&RunId, &Run)| {
            let served = self.served.get(&run.pipeline).copied().unwrap_or(0);
            (Reverse(run.priority), self.active(Some(&run.pipeline)), served, (*id).clone())
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
                let pipeline = self.runs[&change.run].pipeline.clone();
                self.places += 1;
                self.served.insert(pipeline, self.places);
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
    pub fn is_true(&self, id: &RunId, place: Option<Place>) -> Result<(), String> {
        let Some((run, place)) = self.runs.get(id).zip(place) else {
            return Err(format!("{id} waits, and is not told why"));
        };
        let limit = self.limits.pipelines.get(&run.pipeline).copied();
        let full = limit.is_some_and(|limit| self.active(Some(&run.pipeline)) >= limit);
        let (reason, limit) = if full {
            (WaitReason::Pipeline, limit)
        } else if self.active(None) >= self.limits.runs {
            (WaitReason::Global, Some(self.limits.runs))
        } else {
            (WaitReason::Turn, None)
        };
        let turn = |id: &RunId, run: &Run| (Reverse(run.priority), id.clone());
        let rivals = self.runs.iter().filter(|(_, rival)| {
            rival.state == RunState::Queued && (!full || rival.pipeline == run.pipeline)
        });
        let (mut position, mut waiting) = (0, 0);
        for (rival, of) in rivals {
            waiting += 1;
            position += u64::from(turn(rival, of) <= turn(id, run));
        }
        let truth = Place { reason, position, waiting, limit };
        if place != truth {
            return Err(format!("{id} is told {place:?}, and the truth is {truth:?}"));
        }
        if reason == WaitReason::Turn && !self.closed {
            return Err(format!("{id} waits for its turn, and nothing is in its way"));
        }
        Ok(())
    }
}
