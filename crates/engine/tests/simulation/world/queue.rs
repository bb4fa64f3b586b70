//! What the queue must look like, by the plainest rules that can be written down: who is next, which limit holds, why
//! somebody waits. It follows a server's ledger by what that says, and never looks inside.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rigi_engine::decide::{LimitOf, Limits, Needs, QueuePlace, RunKind, StartedBy, WaitReason};
use rigi_engine::ledger::Message;
use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::{ProjectName, RunId, RunState, VersionHash};
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
    /// What runs of each version take.
    needs: BTreeMap<VersionHash, Needs>,
    runs: BTreeMap<RunId, Run>,
    served: BTreeMap<RunKind, u64>,
    places: u64,
    weights: BTreeMap<ProjectName, u32>,
    /// Of each project that has waited: whether it comes new or back, how far it is, in 2^30ths of a turn of weight 1, and when
    /// it was last served.
    shares: BTreeMap<ProjectName, (Reverse<bool>, u64, u64)>,
    /// How far the farthest was before it got a place.
    clock: u64,
    closed: bool,
}

const TURN: u64 = 1 << 30;

impl Queue {
    pub fn new(
        limits: Limits,
        weights: BTreeMap<ProjectName, u32>,
        needs: BTreeMap<VersionHash, Needs>,
    ) -> Self {
        Self {
            limits,
            needs,
            runs: BTreeMap::new(),
            served: BTreeMap::new(),
            places: 0,
            weights,
            shares: BTreeMap::new(),
            clock: 0,
            closed: false,
        }
    }

    /// What a server starts from.
    pub fn recover(&mut self, open: &[OpenRun]) {
        for run in open {
            let kind = RunKind {
                project: run.project.clone(),
                by: StartedBy::default(),
                pipeline: run.pipeline.clone(),
                target: run.target.clone(),
                needs: self.needs[&run.part.version],
                key: run.key.clone(),
            };
            if run.status.state == RunState::Queued {
                self.join(&kind.project);
            }
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
                        by: StartedBy::default(),
                        pipeline: run.pipeline.clone(),
                        target: run.target.clone(),
                        needs: self.needs[&run.version],
                        key: run.env.get(RunKey::VARIABLE).and_then(|text| RunKey::parse(text)),
                    };
                    self.join(&kind.project);
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

    /// How many are active, or how much they take.
    fn active(&self, of: &LimitOf) -> u64 {
        let active = self.runs.values().filter(|run| run.state.is_active() && of.holds(&run.kind));
        active.map(|run| takes(of, &run.kind)).sum()
    }

    /// The narrowest limit that is reached, which is in the way of these.
    fn in_the_way(&self, kind: &RunKind) -> Option<(LimitOf, u64)> {
        let own =
            kind.key.as_ref().map(|key| (LimitOf::Key(kind.project.clone(), key.key.clone()), key.limit));
        let own = own.map(|(of, most)| (of, u64::from(most)));
        let mut all: Vec<(&LimitOf, &u64)> = self.limits.iter().collect();
        all.extend(own.iter().map(|(of, most)| (of, most)));
        all.sort_unstable();
        let mut reached = all.into_iter().filter(|(of, most)| {
            let needs = takes(of, kind);
            of.holds(kind) && needs > 0 && self.active(of) + needs > **most
        });
        // In the order in which they are declared.
        reached.next().map(|(of, most)| (of.clone(), *most))
    }

    fn weight(&self, project: &ProjectName) -> u64 {
        self.weights.get(project).copied().map_or(1, u64::from)
    }

    /// One more of the project is about to wait: if it is the only one, the project is served first, unless it had its last place
    /// less than a turn ago.
    fn join(&mut self, project: &ProjectName) {
        let waits = |run: &Run| run.state == RunState::Queued && run.kind.project == *project;
        let least = self.clock.saturating_sub(TURN / self.weight(project));
        let (fresh, at, _) = self.shares.entry(project.clone()).or_default();
        if *at <= least && !self.runs.values().any(waits) {
            (*fresh, *at) = (Reverse(true), least);
        }
    }

    /// Whether a project comes new or back, how far it is, and when it was last served.
    fn share(&self, project: &ProjectName) -> (Reverse<bool>, u64, u64) {
        let (fresh, at, served) = self.shares.get(project).copied().unwrap_or_default();
        (fresh, at.max(self.clock.saturating_sub(64 * (TURN / self.weight(project)))), served)
    }

    /// Who gets the next place. Of the projects: none that holds, by weight, what another would have with one more; then the one
    /// that is least far. Within it: priority, then the pipeline with the fewest active, then what was served longest ago, then
    /// age.
    fn next(&self) -> Option<&RunId> {
        let waiting = self.runs.iter().filter(|(_, run)| run.state == RunState::Queued && !self.closed);
        let may: Vec<_> = waiting.filter(|(_, run)| self.in_the_way(&run.kind).is_none()).collect();
        let held = |project: &ProjectName| self.active(&LimitOf::Project(project.clone()));
        let ahead = |one: &ProjectName, other: &ProjectName| {
            held(one) * self.weight(other) >= (held(other) + 1) * self.weight(one)
        };
        let projects: Vec<_> = may.iter().map(|(_, run)| &run.kind.project).collect();
        let fair = projects.iter().filter(|one| !projects.iter().any(|other| ahead(one, other)));
        let project = fair.min_by_key(|project| (self.share(project), **project))?;
        let turn = |(id, run): &(&RunId, &Run)| {
            let served = self.served.get(&run.kind).copied().unwrap_or(0);
            let [pipeline, ..] = run.kind.limited_by().map(|of| self.active(&of));
            (Reverse(run.priority), pipeline, served, (*id).clone())
        };
        may.iter()
            .copied()
            .filter(|(_, run)| run.kind.project == **project)
            .min_by_key(turn)
            .map(|(id, _)| id)
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
                let (_, at, _) = self.share(&kind.project);
                self.clock = self.clock.max(at);
                let after = at + TURN / self.weight(&kind.project);
                self.shares.insert(kind.project.clone(), (Reverse(false), after, self.places));
                self.served.insert(kind, self.places);
            }
            if state == RunState::Queued && from != RunState::Queued {
                let project = self.runs[&change.run].kind.project.clone();
                self.join(&project);
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
            Some((of @ (LimitOf::Pipeline(..) | LimitOf::Key(..)), _)) => of.clone(),
            _ => LimitOf::Project(run.kind.project.clone()),
        };
        let reason = match reached {
            Some((of @ (LimitOf::Cpu(_) | LimitOf::Memory(_)), most)) => {
                let (used, needs) = (self.active(&of), takes(&of, &run.kind));
                WaitReason::Quota { of, most, used, needs }
            }
            Some((of, most)) => WaitReason::Limit(of, most),
            None => WaitReason::Turn,
        };
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

/// What a run takes of a limit.
const fn takes(of: &LimitOf, kind: &RunKind) -> u64 {
    match of {
        LimitOf::Cpu(_) => kind.needs.cpu,
        LimitOf::Memory(_) => kind.needs.memory,
        _ => 1,
    }
}
