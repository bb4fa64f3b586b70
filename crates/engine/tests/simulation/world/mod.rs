//! A world for the engine's ledger: a clock, servers, a store, a supervisor, a network and people, all of them made up,
//! and everything in it decided by one seed. `docs/design/simulation.md` says what is real and what is not.

mod clients;
mod disasters;
mod history;
mod link;
pub mod mutation;
mod queue;
mod scenario;
mod server;
mod store;
mod supervisor;
mod trace;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use rigi_engine::ledger::{Leaving, Round, ToPlan};
use rigi_model::{ContentHash, RunId};
use rigi_work::plan::{Known, Observed};

use clients::Clients;
use disasters::Disaster;
use history::History;
use mutation::Mutation;
use scenario::{SECOND, Scenario, Versions};
use server::{After, Server};
use store::Store;
use supervisor::{Happening, Order, Supervisor};
pub use trace::Stats;

/// Something that happens at a time.
#[derive(Debug)]
enum Event {
    /// Of servers.
    Start,
    Recover(u32, Vec<Known>),
    Round(u32),
    Wake(u32, u64),
    Commit(u32),
    Rewrite(u32),
    Reopen(u32),
    Durable(u32, After),
    Plan(u32, ToPlan),
    Keep(u32, Box<Leaving>),
    /// Between a server and the supervisor.
    Order {
        server: u32,
        link: u32,
        order: Order,
    },
    Report {
        server: u32,
        link: u32,
        number: u64,
        observed: Observed,
    },
    Reconnect(u32),
    HangUp(u32),
    End(u32),
    /// Of the machine.
    Machine(u32, Happening),
    SupervisorUp(u32),
    Disaster(Disaster),
    /// Of people.
    Submit(u32),
    Cancel(RunId),
    ChangeLimit,
    Collect,
    Sweep(BTreeSet<ContentHash>, i64),
}

/// What became of a seed.
#[derive(Debug)]
pub struct Ending {
    /// What was wrong, if anything was.
    pub breach: Option<String>,
    pub stats: Stats,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

/// Whether what happens is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    Silent,
    Everything,
}

/// A world that has not come to rest after so many steps never will.
const MOST_STEPS: u64 = 200_000;

struct World {
    /// Microseconds since the world began.
    now: i64,
    /// How far the machine's clock is off.
    clock: i64,
    rng: Rng,
    events: BTreeMap<(i64, u64), Event>,
    planned: u64,
    scenario: Scenario,
    mutation: Mutation,
    store: Store,
    supervisor: Supervisor,
    servers: BTreeMap<u32, Server>,
    next_server: u32,
    clients: Clients,
    history: History,
    stats: Stats,
    telling: Telling,
    lines: Vec<String>,
    breach: Option<String>,
}

/// Lets a seed's world happen.
pub fn simulate(seed: u64, mutation: Mutation, telling: Telling) -> Ending {
    let mut rng = Rng::with_seed(seed);
    let scenario = Scenario::draw(&mut rng);
    let history = History::new(Versions::of(&scenario.pipelines));
    let mut world = World {
        now: 0,
        clock: 0,
        rng,
        events: BTreeMap::new(),
        planned: 0,
        scenario,
        mutation,
        store: Store::default(),
        supervisor: Supervisor::new(),
        servers: BTreeMap::new(),
        next_server: 1,
        clients: Clients::default(),
        history,
        stats: Stats::default(),
        telling,
        lines: Vec::new(),
        breach: None,
    };
    world.trace(|| format!("{:#?}", Scenario::draw(&mut Rng::with_seed(seed))));
    world.happen();
    let World { breach, mut stats, lines, history, store, .. } = world;
    stats.changes = history.checked;
    stats.runs = store.keys.values().map(|runs| runs.len() as u64).sum();
    Ending { breach, stats, trace: lines }
}

impl World {
    fn happen(&mut self) {
        self.at(0, Event::Start);
        for key in 0..self.scenario.submissions {
            let together = self.rng.bool();
            let time =
                if together { self.rng.i64(0..SECOND) } else { self.rng.i64(0..self.scenario.trouble_until) };
            self.at(time, Event::Submit(key));
        }
        self.plan_disasters();
        while let Some(((time, _), event)) = self.events.pop_first() {
            self.now = self.now.max(time);
            self.stats.steps += 1;
            self.take(event);
            if self.stats.steps > MOST_STEPS {
                self.check(Err("the world does not come to rest".into()));
            }
            if self.breach.is_some() {
                return;
            }
        }
        let result = self.is_at_rest();
        self.check(result);
    }

    /// When nothing happens any more, everything that was accepted has ended, once.
    fn is_at_rest(&self) -> Result<(), String> {
        for id in self.store.keys.values().flatten().chain(&self.clients.accepted) {
            let ends = self.history.ends_of(id);
            if ends != 1 {
                let state = self.store.runs.get(id).map(|row| row.status.state);
                return Err(format!("{id} ended {ends} times; it is {state:?} at the end of time"));
            }
        }
        if let Some(key) = self.supervisor.alive().next() {
            return Err(format!("{key} still has a process at the end of time"));
        }
        match self.supervisor.kept() {
            Some(key) => Err(format!("{key} is still kept by the supervisor at the end of time")),
            None => Ok(()),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Start => self.start_server(),
            Event::Recover(id, known) => self.recover(id, known),
            Event::Round(id) => self.round(id),
            Event::Wake(id, wake) => self.wake(id, wake),
            Event::Commit(id) => self.end_commit(id),
            Event::Rewrite(id) => self.rewrite(id),
            Event::Reopen(id) => self.reopen(id),
            Event::Durable(id, after) if self.servers.contains_key(&id) => self.on_durable(id, after),
            Event::Plan(id, plan) if self.servers.contains_key(&id) => self.plan(id, plan),
            Event::Durable(..) | Event::Plan(..) => {}
            Event::Keep(id, leaving) => self.keep(id, *leaving),
            Event::Order { server, link, order } => {
                if self.supervisor.link == Some((server, link)) {
                    self.trace(|| format!("the supervisor is told by server {server}: {order:?}"));
                    let result = self.obey(order);
                    self.check(result);
                }
            }
            Event::Report { server, link, number, observed } => {
                self.on_report(server, link, number, observed);
            }
            Event::Reconnect(id) => self.reconnect(id),
            Event::HangUp(id) => self.hang_up(id),
            Event::End(id) => self.end_server(id),
            Event::Machine(boot, what) if boot == self.supervisor.boot => self.on_machine(what),
            Event::SupervisorUp(boot) => self.supervisor.up |= boot == self.supervisor.boot,
            Event::Machine(..) => {}
            Event::Disaster(what) => self.strike(what),
            Event::Submit(key) => self.submit(key),
            Event::Cancel(run) => self.cancel(run),
            Event::ChangeLimit => self.change_limit(),
            Event::Collect => self.collect(),
            Event::Sweep(in_use, before) => self.sweep(&in_use, before),
        }
    }

    /// Whether the time of troubles is not over.
    fn troubled(&self) -> bool {
        self.now < self.scenario.trouble_until
    }

    fn at(&mut self, time: i64, event: Event) {
        self.planned += 1;
        self.events.insert((time, self.planned), event);
    }

    fn after(&mut self, delay: i64, event: Event) {
        self.at(self.now + delay, event);
    }

    fn check(&mut self, result: Result<(), String>) {
        if let Err(breach) = result
            && self.breach.is_none()
        {
            self.trace(|| format!("BREACH: {breach}"));
            self.breach = Some(breach);
        }
    }

    fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.telling == Telling::Everything {
            self.lines.push(format!("{:>12.6}  {}", self.now as f64 / SECOND as f64, line()));
        }
    }

    fn trace_changes(&mut self, id: u32, round: &Round) {
        for change in &round.changes {
            let (run, s) = (&change.run, &change.status);
            let (state, attempt, why) = (s.state, s.attempt, s.reason.map_or("", |r| r.as_str()));
            self.trace(|| format!("server {id}: {run} is {state} in attempt {attempt} {why}"));
        }
    }
}
