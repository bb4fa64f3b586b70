//! What differs from seed to seed: pipelines, limits, load, and how often what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use rigi_engine::decide::{LimitOf, Limits, Needs};
use rigi_engine::ledger::Policies;
use rigi_model::retry::{RetryPolicy, RetryStrategy};
use rigi_model::run_config::VersionPart;
use rigi_model::{PipelineName, ProjectName, Target, VersionHash};

/// A second, in the world's microseconds.
pub const SECOND: i64 = 1_000_000;

/// How often something goes wrong, as a chance each time that it could.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// A server dies between two of its steps.
    pub crash: f64,
    /// A commit is made or not made, and its session ends before the answer.
    pub doubt: f64,
    /// A report is lost with its connection.
    pub lose: f64,
    /// A report comes twice.
    pub repeat: f64,
    /// A report takes long, so that later ones overtake it.
    pub delay: f64,
    /// A plan cannot be made.
    pub no_plan: f64,
    /// What an attempt left cannot be kept.
    pub not_kept: f64,
    /// A client does not get its answer, and asks again.
    pub deaf: f64,
}

/// A pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Whose it is; several projects have pipelines of the same names.
    pub project: ProjectName,
    /// Its name, and the hash of its only version.
    pub name: PipelineName,
    /// Its one version.
    pub version: VersionHash,
    /// What follows a failed attempt.
    pub retry: RetryPolicy,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// What each run takes of what its project has.
    pub needs: Needs,
}

/// One seed's world.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Limits at the start.
    pub limits: Limits,
    /// By which projects share the places.
    pub weights: BTreeMap<ProjectName, u32>,
    /// Pipelines.
    pub pipelines: Vec<Pipeline>,
    /// Calls that submit runs.
    pub submissions: u32,
    /// Share of runs that somebody cancels.
    pub cancels: f64,
    /// Share of attempts that fail.
    pub failures: f64,
    /// Until then things go wrong; after it everything must come to its end.
    pub trouble_until: i64,
    /// How often what goes wrong.
    pub rates: Rates,
    /// Machines on which a server may wait for the database's lock, beside the first.
    pub standby: u32,
    /// Kills of servers, supervisors and the machine, cut sessions, full disks, clocks that jump, orderly replacements.
    pub disasters: u32,
    /// Ended runs that are kept of a pipeline.
    pub keep_runs: Option<u64>,
}

impl Scenario {
    /// The world of this seed.
    pub fn draw(rng: &mut Rng) -> Self {
        let pipelines: Vec<Pipeline> = (0..rng.u32(1..=4)).map(|n| pipeline(n, rng)).collect();
        let mut limits = Limits::from([(LimitOf::Everything, rng.u64(1..=5))]);
        for pipeline in &pipelines {
            if rng.bool() {
                limits.insert(pipeline.limited(), rng.u64(1..=3));
            }
        }
        // A quarter of all worlds is calm: there only the order and the limits can be wrong.
        let trouble = if rng.f64() < 0.25 { 0.0 } else { rng.f64() };
        let mut rate = |most: f64| if rng.bool() { trouble * most * rng.f64() } else { 0.0 };
        let rates = Rates {
            crash: rate(0.02),
            doubt: rate(0.1),
            lose: rate(0.1),
            repeat: rate(0.5),
            delay: rate(0.3),
            no_plan: rate(0.1),
            not_kept: rate(0.1),
            deaf: rate(0.3),
        };
        let mut scenario = Self {
            limits,
            weights: BTreeMap::new(),
            pipelines,
            submissions: rng.u32(3..=15),
            cancels: if rng.bool() { rng.f64() * 0.5 } else { 0.05 },
            failures: rng.f64() * 0.6,
            trouble_until: 30 * SECOND,
            rates,
            standby: rng.u32(0..=2),
            disasters: if trouble == 0.0 { 0 } else { rng.u32(0..=8) },
            keep_runs: rng.bool().then(|| rng.u64(0..=5)),
        };
        // Drawn aside: the worlds that are not divided are what they were before there were several projects.
        let mut aside = rng.clone();
        if aside.u32(..4) == 0 {
            scenario.divide(&mut aside);
        }
        scenario
    }
}

impl Scenario {
    /// Gives every second pipeline to another project, where it has the name of the one before it; and limits to all of them.
    fn divide(&mut self, rng: &mut Rng) {
        let mut limits = Limits::new();
        for n in (1..self.pipelines.len()).step_by(2) {
            let (former, name) = (self.pipelines[n].limited(), self.pipelines[n - 1].name.clone());
            let pipeline = &mut self.pipelines[n];
            (pipeline.project, pipeline.name) = (ProjectName::unchecked("other"), name);
            limits.extend(self.limits.remove(&former).map(|most| (pipeline.limited(), most)));
        }
        let projects: BTreeSet<_> = self.pipelines.iter().map(|pipeline| pipeline.project.clone()).collect();
        for pipeline in &mut self.pipelines {
            pipeline.needs = Needs { cpu: rng.u64(0..=3) * 500, memory: rng.u64(0..=3) };
        }
        // What one run takes, there is always.
        for project in &projects {
            let amounts =
                [(LimitOf::Cpu(project.clone()), 1500..=4000), (LimitOf::Memory(project.clone()), 3..=6)];
            for (of, most) in amounts {
                if rng.bool() {
                    limits.insert(of, rng.u64(most));
                }
            }
        }
        let weigh = |project: &ProjectName| (project.clone(), rng.u32(1..=5));
        self.weights = projects.iter().map(weigh).collect();
        for of in projects.into_iter().map(LimitOf::Project).chain([LimitOf::Target(Target::PROCESS)]) {
            if rng.bool() {
                limits.insert(of, rng.u64(1..=4));
            }
        }
        self.limits.extend(limits);
    }
}

fn pipeline(n: u32, rng: &mut Rng) -> Pipeline {
    let longest = if rng.bool() { 200 } else { 5000 };
    let mut delay = || Duration::from_millis(rng.u64(0..longest));
    let strategies = [
        RetryStrategy::FixedDelay { delay: delay() },
        RetryStrategy::ExponentialBackoff { initial_delay: delay(), max_delay: delay() * 3, multiplier: 2.0 },
        RetryStrategy::CustomSchedule { delays: vec![delay(), delay()] },
    ];
    let strategy = strategies[rng.usize(..strategies.len())].clone();
    let jitter = if rng.bool() { 0.5 } else { 0.0 };
    Pipeline {
        project: ProjectName::default(),
        name: PipelineName::unchecked(format!("pipeline-{n}")),
        version: VersionHash::new([u8::try_from(n).unwrap_or(0); 32]),
        retry: RetryPolicy { attempts: rng.u32(0..=3), strategy, jitter },
        grace: Duration::from_millis(rng.u64(0..3000)),
        needs: Needs::default(),
    }
}

impl Pipeline {
    /// What its own limit is of.
    pub fn limited(&self) -> LimitOf {
        LimitOf::Pipeline(self.project.clone(), self.name.clone())
    }
}

/// What the ledger asks of versions: each pipeline has one.
#[derive(Debug, Clone)]
pub struct Versions(BTreeMap<VersionHash, Pipeline>);

impl Versions {
    /// Of these pipelines.
    pub fn of(pipelines: &[Pipeline]) -> Self {
        Self(pipelines.iter().map(|p| (p.version, p.clone())).collect())
    }

    /// Attempts that may follow the first.
    pub fn retries(&self, version: VersionHash) -> u32 {
        self.0.get(&version).map_or(0, |p| p.retry.attempts)
    }
}

impl Policies for Versions {
    fn retry(&self, of: &VersionPart) -> RetryPolicy {
        self.0.get(&of.version).map_or_else(RetryPolicy::default, |p| p.retry.clone())
    }

    fn grace(&self, of: Option<&VersionPart>) -> Duration {
        of.and_then(|of| self.0.get(&of.version)).map_or(Duration::from_secs(1), |p| p.grace)
    }

    fn outputs(&self, _: &VersionPart) -> Vec<String> {
        Vec::new()
    }

    fn output_size(&self, _: &VersionPart) -> Option<u64> {
        None
    }

    fn needs(&self, _: &ProjectName, of: &VersionPart) -> Needs {
        self.0.get(&of.version).map_or_else(Needs::default, |p| p.needs)
    }
}
