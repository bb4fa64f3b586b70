//! One flow at work.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rigi_model::flows::{Begun, FlowEnd, Next, StepFacts, next};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::step::StepSpec;
use rigi_model::{Actor, AttemptKey, Exit, Reason, RunId, RunState, Timestamp, attempt::FailureClass};
use rigi_store::Run;
use rigi_store::flows::{StepRun, StepRunsPage, StoredStep};
use rigi_work::plan::{Observation, STOPPED};
use tokio::sync::mpsc;

use super::begin::Item;
use super::report;
use super::router::World;
use super::runs::NotStarted;
use crate::flow_words::KEEPS;

/// What could not be read or written is tried again after this time.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest wait at a time: the clock may be set.
const GLANCE: Duration = Duration::from_secs(60);
/// Runs of steps read at a time.
const PAGE: u32 = 5000;

/// What a flow is told.
#[derive(Debug)]
pub(super) enum Told {
    /// A run of a step has ended.
    Ended(RunId, RunState),
    /// It is to end.
    Stop,
}

/// Why a flow ends before its steps have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    Asked,
    /// Its time is over.
    Late(Duration),
}

/// A flow at work.
pub(super) struct Flow {
    pub world: World,
    pub key: AttemptKey,
    pub run: Run,
    pub spec: Arc<PipelineSpec>,
    /// Of its steps, as far as they have begun here.
    pub specs: HashMap<String, Arc<PipelineSpec>>,
    pub facts: BTreeMap<String, StepFacts>,
    /// What steps are done for, as far as that was said here.
    pub items: HashMap<String, Arc<Vec<Item>>>,
    /// Runs that have not ended, and whose they are.
    pub active: HashMap<RunId, String>,
    /// Of the run whose successes count: those of its runs that succeeded, by step and item.
    pub kept: HashMap<(String, Option<u32>), RunId>,
    /// Steps of which something was executed in this run.
    pub fresh: HashSet<String>,
    stopping: Option<Stopping>,
}

/// Whether there is more to do at once.
enum Step {
    Waits,
    Later,
    Ended,
}

impl Flow {
    pub fn new(world: World, key: AttemptKey, run: Run, spec: PipelineSpec) -> Self {
        let (facts, items, active) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let (specs, kept, fresh, stopping) = (HashMap::new(), HashMap::new(), HashSet::new(), None);
        let spec = Arc::new(spec);
        Self { world, key, run, spec, specs, facts, items, active, kept, fresh, stopping }
    }

    /// Until it ends.
    pub async fn run(mut self, mut told: mpsc::UnboundedReceiver<Told>) {
        while let Err(error) = self.load().await {
            if matches!(error, rigi_store::Error::Closed) {
                return;
            }
            tracing::warn!(run = %self.key.run, %error, "the steps of a flow cannot be read; this is tried again");
            tokio::time::sleep(AGAIN).await;
        }
        // Said again of one that had started, it changes nothing.
        self.world.observed(&self.key, Observation::Started { pid: 0 });
        // It may be to end: then no further step begins.
        while let Ok(word) = told.try_recv() {
            self.hear(word).await;
        }
        let since = self.run.status.started_at.unwrap_or_else(Timestamp::now);
        let limit = self.spec.timeout.filter(|limit| !limit.is_zero());
        loop {
            let step = match self.advance().await {
                Ok(step) => step,
                Err(rigi_store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(run = %self.key.run, %error, "a flow cannot go on; this is tried again");
                    Step::Later
                }
            };
            let wait = match step {
                Step::Ended => break,
                Step::Later => AGAIN,
                Step::Waits => GLANCE,
            };
            let left = limit.map(|limit| since.after(limit).since(Timestamp::now()));
            let wait = left.filter(|_| self.stopping.is_none()).map_or(wait, |left| left.min(wait));
            tokio::select! {
                word = told.recv() => match word {
                    Some(word) => self.hear(word).await,
                    None => return,
                },
                () = tokio::time::sleep(wait) => {}
            }
            while let Ok(word) = told.try_recv() {
                self.hear(word).await;
            }
            if let Some(limit) = limit
                && self.stopping.is_none()
                && since.after(limit) <= Timestamp::now()
            {
                self.stop(Stopping::Late(limit)).await;
            }
        }
        self.world.gone(&self.key.run);
    }

    /// What is stored of its steps.
    async fn load(&mut self) -> rigi_store::Result<()> {
        let store = self.world.engine.store().clone();
        let db = store.db();
        for StoredStep { step, begun, .. } in db.flow_steps(&self.key.run).await? {
            self.facts.entry(step).or_default().begun = Some(begun);
        }
        let mut page = StepRunsPage { limit: PAGE, ..StepRunsPage::default() };
        loop {
            let runs = db.step_runs(&self.key.run, &page).await?;
            let full = runs.len() == PAGE as usize;
            page.after = runs.last().map(|run| run.id.clone());
            for run in runs {
                self.count_started(&run.step, 1);
                if run.rerun_of.is_none() {
                    self.fresh.insert(run.step.clone());
                }
                if run.state.is_terminal() {
                    self.count_end(&run.step, run.state);
                } else {
                    self.active.insert(run.id, run.step);
                }
            }
            if !full {
                break;
            }
        }
        self.load_kept().await
    }

    /// The successes of the run that this one goes on from.
    async fn load_kept(&mut self) -> rigi_store::Result<()> {
        let Some(former) = self.run.request.env.get(KEEPS).and_then(|run| run.parse::<RunId>().ok()) else {
            return Ok(());
        };
        let store = self.world.engine.store().clone();
        let mut page =
            StepRunsPage { state: Some(RunState::Succeeded), limit: PAGE, ..StepRunsPage::default() };
        loop {
            let runs = store.db().step_runs(&former, &page).await?;
            let full = runs.len() == PAGE as usize;
            page.after = runs.last().map(|run| run.id.clone());
            // What counted there already is the result of another.
            let own = |run: StepRun| ((run.step, run.item), run.rerun_of.unwrap_or(run.id));
            self.kept.extend(runs.into_iter().map(own));
            if !full {
                return Ok(());
            }
        }
    }

    /// The run of before whose result counts for an item of a step: nothing before it was done anew.
    pub fn kept_for(&self, step: &StepSpec, item: Option<u32>) -> Option<RunId> {
        let anew = step.needs.iter().any(|need| self.fresh.contains(need));
        self.kept.get(&(step.name.clone(), item)).filter(|_| !anew).cloned()
    }

    pub fn count_started(&mut self, step: &str, count: u32) {
        self.facts.entry(step.to_owned()).or_default().counts.started += count;
    }

    fn count_end(&mut self, step: &str, state: RunState) {
        let counts = &mut self.facts.entry(step.to_owned()).or_default().counts;
        if state == RunState::Succeeded {
            counts.succeeded += 1;
        } else {
            counts.failed += 1;
        }
    }

    async fn hear(&mut self, word: Told) {
        match word {
            Told::Ended(run, state) => {
                if let Some(step) = self.active.remove(&run) {
                    self.count_end(&step, state);
                }
            }
            Told::Stop => self.stop(Stopping::Asked).await,
        }
    }

    /// Its steps are stopped; it ends when they have ended.
    async fn stop(&mut self, why: Stopping) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some(why);
        let runs: Vec<RunId> = self.active.keys().cloned().collect();
        let by = match why {
            Stopping::Asked => Actor::named(format!("its flow {}", self.key.run)),
            Stopping::Late(_) => Actor::named("rigi"),
        };
        if !runs.is_empty() {
            self.world.engine.cancel_many(&self.run.request.project, runs, &by).await;
        }
    }

    /// Does all that can be done now.
    async fn advance(&mut self) -> rigi_store::Result<Step> {
        loop {
            if let Some(why) = self.stopping {
                if !self.active.is_empty() {
                    return Ok(Step::Waits);
                }
                let exit = match why {
                    Stopping::Asked => Exit::Stopped,
                    Stopping::Late(limit) => {
                        Exit::TimedOut { limit_us: u64::try_from(limit.as_micros()).unwrap_or(u64::MAX) }
                    }
                };
                self.end(exit, STOPPED);
                return Ok(Step::Ended);
            }
            let all = next(&self.spec.steps, &self.facts);
            if all.is_empty() {
                return Ok(Step::Waits);
            }
            if let [Next::End(end)] = all.as_slice() {
                self.end_by_itself(end).await?;
                return Ok(Step::Ended);
            }
            if let Some(later) = self.act(all).await? {
                return Ok(later);
            }
        }
    }

    async fn act(&mut self, all: Vec<Next>) -> rigi_store::Result<Option<Step>> {
        let mut settled: Vec<(String, Begun)> = Vec::new();
        let mut begins = Vec::new();
        for what in all {
            match what {
                Next::Skip(step, why) => settled.push((step, Begun::Skipped(why))),
                Next::Look(step) => {
                    let begun = self.look(&step).await?;
                    settled.push((step, begun));
                }
                Next::Items(step, from, to) => begins.push((step, from, to)),
                Next::End(_) => {}
            }
        }
        self.settle(settled).await?;
        for (step, from, to) in begins {
            match self.begin_items(&step, from, to).await? {
                Ok(ids) if ids.is_empty() => {
                    let why = "what it is done for is not there any more".to_owned();
                    self.settle(vec![(step, Begun::Failed(why))]).await?;
                }
                Ok(ids) => {
                    self.count_started(&step, u32::try_from(ids.len()).unwrap_or(0));
                    self.active.extend(ids.into_iter().map(|id| (id, step.clone())));
                }
                Err(NotStarted::Later) => return Ok(Some(Step::Later)),
                Err(NotStarted::Never(why)) => self.settle(vec![(step, Begun::Failed(why))]).await?,
            }
        }
        Ok(None)
    }

    /// Writes down what became of steps, and goes on from that.
    async fn settle(&mut self, settled: Vec<(String, Begun)>) -> rigi_store::Result<()> {
        if settled.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let stored: Vec<StoredStep> =
            settled.into_iter().map(|(step, begun)| StoredStep { step, begun, at }).collect();
        self.world.engine.store().note_steps(&self.run.request.project, &self.key.run, &stored).await?;
        for StoredStep { step, begun, .. } in stored {
            self.facts.entry(step).or_default().begun = Some(begun);
        }
        Ok(())
    }

    /// All that could be done is done.
    async fn end_by_itself(&self, end: &FlowEnd) -> rigi_store::Result<()> {
        let failed = |reason, message| Exit::NotStarted { class: FailureClass::User, reason, message };
        let (exit, stored) = match end {
            FlowEnd::Succeeded => match self.own_values().await? {
                Ok(stored) => (Exit::Code { code: 0 }, stored),
                Err(why) => (failed(Reason::OutputsFailed, format!("its `values` have none: {why}")), None),
            },
            FlowEnd::Failed(steps) => (failed(Reason::StepFailed, report::failed(steps)), None),
        };
        let words = report::lines(&self.spec.steps, &self.facts);
        self.world.left(&self.key, exit, stored.into_iter().collect(), &words);
        Ok(())
    }

    fn end(&self, exit: Exit, first: &str) {
        let mut words = vec![first.to_owned()];
        words.extend(report::lines(&self.spec.steps, &self.facts));
        self.world.ended(&self.key, exit, None, &words);
    }
}
