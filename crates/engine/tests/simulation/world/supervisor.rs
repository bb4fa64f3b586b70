//! The executor's far side: a supervisor that outlives servers, with its journal. It obeys the newest server alone.
//!
//! It does what `rigi_local::supervisor` does with the same orders; processes are random times and ends.

use std::collections::BTreeMap;
use std::time::Duration;

use rigi_engine::decide::LimitOf;
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp, Usage};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{self, Ended, EndedLog, Known, Observation, Observed};

use super::scenario::SECOND;
use super::{Event, World};

/// What a server orders.
#[derive(Debug, Clone)]
pub enum Order {
    Launch(AttemptKey),
    Stop(AttemptKey, Duration),
    Release(AttemptKey),
}

/// Where an attempt is.
#[derive(Debug)]
enum Phase {
    Accepted { stopped: bool },
    Running { since: Timestamp, stopped: bool },
    Ended { at: Timestamp, ended: Box<Ended> },
}

#[derive(Debug)]
struct Attempt {
    phase: Phase,
    released: bool,
}

/// What happens on the machine.
#[derive(Debug)]
pub enum Happening {
    Spawned(AttemptKey),
    Exited(AttemptKey, Exit),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Supervisor {
    attempts: BTreeMap<AttemptKey, Attempt>,
    /// Grows with every start; what an earlier one had begun is over.
    pub boot: u32,
    pub up: bool,
    /// The newest server, and its connection.
    pub link: Option<(u32, u32)>,
    pub links: u32,
    /// The newest server that was ever welcomed; on the disk.
    pub newest: u32,
}

impl Supervisor {
    /// One that has just started, on an empty machine.
    pub fn new() -> Self {
        Self { up: true, ..Self::default() }
    }

    /// What it knows, as its welcome says it.
    pub fn known(&self) -> Vec<Known> {
        let known = |(key, attempt): (&AttemptKey, &Attempt)| Known {
            key: key.clone(),
            phase: if matches!(attempt.phase, Phase::Ended { .. }) {
                plan::Phase::Ended
            } else {
                plan::Phase::Running
            },
        };
        self.attempts.iter().map(known).collect()
    }

    /// An attempt that it keeps and nobody has it forget.
    pub fn kept(&self) -> Option<&AttemptKey> {
        self.attempts.keys().next()
    }

    /// Attempts that have, or will have, a process.
    pub fn alive(&self) -> impl Iterator<Item = &AttemptKey> {
        let alive = |attempt: &Attempt| !matches!(attempt.phase, Phase::Ended { .. }) && !attempt.released;
        self.attempts.iter().filter(move |(_, attempt)| alive(attempt)).map(|(key, _)| key)
    }
}

fn ended(exit: Exit, started_at: Option<Timestamp>, log: bool) -> Box<Ended> {
    let log = EndedLog {
        lines: u64::from(log),
        inline: if log { vec![1] } else { Vec::new() },
        ..EndedLog::default()
    };
    let (usage, stored) = (Usage::default(), Vec::new());
    Box::new(Ended {
        exit,
        started_at,
        usage,
        log,
        route: None,
        outputs: None,
        stored,
        left: LeftOut::default(),
    })
}

impl World {
    /// Does what an order says.
    pub fn obey(&mut self, order: Order) -> Result<(), String> {
        match order {
            Order::Launch(key) => self.launch(key)?,
            Order::Stop(key, grace) => self.stop(&key, grace),
            Order::Release(key) => match self.supervisor.attempts.get_mut(&key) {
                Some(Attempt { phase: Phase::Ended { .. }, .. }) => {
                    if self.store.is_open(&key) {
                        return Err(format!("{key} is forgotten before its end is stored"));
                    }
                    self.supervisor.attempts.remove(&key);
                }
                Some(attempt) => {
                    attempt.released = true;
                    self.stop(&key, Duration::ZERO);
                }
                None => {}
            },
        }
        Ok(())
    }

    fn launch(&mut self, key: AttemptKey) -> Result<(), String> {
        if self.supervisor.attempts.contains_key(&key) {
            return Ok(());
        }
        if let Some(other) = self.supervisor.alive().find(|other| other.run == key.run) {
            return Err(format!("{key} is started while {other} still runs"));
        }
        self.history.launched(&key)?;
        let attempt = Attempt { phase: Phase::Accepted { stopped: false }, released: false };
        self.supervisor.attempts.insert(key.clone(), attempt);
        let (alive, most) =
            (self.supervisor.alive().count() as u64, self.scenario.limits[&LimitOf::Everything]);
        if alive > most {
            return Err(format!("{alive} attempts are alive, {most} may be"));
        }
        let delay = self.rng.i64(100..20_000);
        self.after(delay, Event::Machine(self.supervisor.boot, Happening::Spawned(key)));
        Ok(())
    }

    fn stop(&mut self, key: &AttemptKey, grace: Duration) {
        let boot = self.supervisor.boot;
        let Some(attempt) = self.supervisor.attempts.get_mut(key) else {
            // Not stored: it is said, and forgotten.
            self.history.may_end(key, Exit::Stopped);
            let what = Observation::Ended(ended(Exit::Stopped, None, false));
            self.report(key.clone(), Timestamp(self.now), what);
            return;
        };
        match &mut attempt.phase {
            Phase::Accepted { stopped } => *stopped = true,
            Phase::Running { stopped, .. } => {
                *stopped = true;
                let most = i64::try_from(grace.as_micros()).unwrap_or(0) + 1000;
                let delay = self.rng.i64(0..most);
                self.after(delay, Event::Machine(boot, Happening::Exited(key.clone(), Exit::Stopped)));
            }
            Phase::Ended { .. } => self.tell_ended(key),
        }
    }

    /// Something happened on the machine.
    pub fn on_machine(&mut self, what: Happening) {
        match what {
            Happening::Spawned(key) => self.spawned(key),
            Happening::Exited(key, exit) => self.exited(&key, exit),
        }
    }

    fn spawned(&mut self, key: AttemptKey) {
        let now = Timestamp(self.now);
        let Some(attempt) = self.supervisor.attempts.get_mut(&key) else { return };
        let Phase::Accepted { stopped } = attempt.phase else { return };
        if stopped {
            self.exited(&key, Exit::Stopped);
            return;
        }
        if self.rng.f64() < self.scenario.failures * 0.1 {
            let (class, reason) = [
                (FailureClass::User, Reason::StartFailed),
                (FailureClass::Infrastructure, Reason::DiskFull),
                (FailureClass::Transient, Reason::StagingFailed),
            ][self.rng.usize(..3)];
            self.exited(&key, Exit::NotStarted { class, reason, message: format!("{class:?}") });
            return;
        }
        attempt.phase = Phase::Running { since: now, stopped: false };
        self.report(key.clone(), now, Observation::Started { pid: 1 });
        if self.rng.f64() < 0.3 {
            self.report(key.clone(), now, Observation::Log { lines: 1, bytes: 10 });
        }
        // One in ten does not end by itself; whoever submitted it cancels it.
        if self.history.is_endless(&key.run) {
            return;
        }
        let exit = self.draw_exit();
        let time = if self.rng.bool() { self.rng.i64(0..50_000) } else { self.rng.i64(0..5 * SECOND) };
        self.after(time, Event::Machine(self.supervisor.boot, Happening::Exited(key, exit)));
    }

    fn draw_exit(&mut self) -> Exit {
        if self.rng.f64() >= self.scenario.failures {
            return Exit::Code { code: 0 };
        }
        match self.rng.u32(..6) {
            0 => Exit::Signal { signal: 11 },
            1 => Exit::OutOfMemory { limit: Some(1 << 30) },
            2 => Exit::TimedOut { limit_us: 1_000_000 },
            3 => Exit::LimitExceeded { what: "processes".into(), limit: 10 },
            _ => Exit::Code { code: self.rng.i32(1..4) },
        }
    }

    fn exited(&mut self, key: &AttemptKey, exit: Exit) {
        let log = self.rng.bool();
        let now = Timestamp(self.now);
        let Some(attempt) = self.supervisor.attempts.get_mut(key) else { return };
        let (started_at, exit) = match attempt.phase {
            Phase::Accepted { .. } => (None, exit),
            // What it did on SIGTERM does not count: it was stopped.
            Phase::Running { since, stopped: true } => (Some(since), Exit::Stopped),
            Phase::Running { since, .. } => (Some(since), exit),
            Phase::Ended { .. } => return,
        };
        if attempt.released {
            self.supervisor.attempts.remove(key);
            return;
        }
        self.history.may_end(key, exit.clone());
        attempt.phase = Phase::Ended { at: now, ended: ended(exit, started_at, log) };
        self.tell_ended(key);
    }

    fn tell_ended(&mut self, key: &AttemptKey) {
        if let Some(Attempt { phase: Phase::Ended { at, ended }, .. }) = self.supervisor.attempts.get(key) {
            let (at, what) = (*at, Observation::Ended(ended.clone()));
            self.report(key.clone(), at, what);
        }
    }

    /// After a welcome: what runs, and what has ended.
    pub fn tell_all(&mut self) {
        let mut all = Vec::new();
        for (key, attempt) in &self.supervisor.attempts {
            match &attempt.phase {
                Phase::Accepted { .. } => {}
                Phase::Running { since, .. } => {
                    all.push((key.clone(), *since, Observation::Started { pid: 1 }));
                }
                Phase::Ended { at, ended } => {
                    all.push((key.clone(), *at, Observation::Ended(ended.clone())));
                }
            }
        }
        for (key, at, what) in all {
            self.report(key, at, what);
        }
    }

    /// The supervisor dies, and its processes with it. With `journal` gone it knows nothing afterwards.
    pub fn kill_supervisor(&mut self, journal: Journal) {
        self.trace(|| format!("the supervisor dies, its journal is {journal:?}"));
        self.stats.supervisor_crashes += 1;
        self.supervisor.boot += 1;
        self.supervisor.up = false;
        if let Some((server, _)) = self.supervisor.link.take() {
            self.unlink(server);
        }
        let now = Timestamp(self.now);
        let mut attempts = std::mem::take(&mut self.supervisor.attempts);
        attempts.retain(|_, _| journal == Journal::Kept || self.rng.bool());
        for (key, attempt) in &mut attempts {
            if let Phase::Ended { .. } = attempt.phase {
                continue;
            }
            let exit = Exit::Lost { message: "the supervisor was killed".into() };
            self.history.may_end(key, exit.clone());
            attempt.phase = Phase::Ended { at: now, ended: ended(exit, None, false) };
        }
        attempts.retain(|_, attempt| !attempt.released);
        self.supervisor.attempts = attempts;
        let delay = self.rng.i64(1000..SECOND);
        self.after(delay, Event::SupervisorUp(self.supervisor.boot));
    }

    /// Sends a report to the newest server.
    pub fn report(&mut self, key: AttemptKey, at: Timestamp, what: Observation) {
        let Some((server, link)) = self.supervisor.link else { return };
        if self.troubled() && self.rng.f64() < self.scenario.rates.lose {
            self.stats.lost += 1;
            self.trace(|| format!("a report of {key} is lost with its connection"));
            self.supervisor.link = None;
            self.unlink(server);
            return;
        }
        let copies = 1 + u32::from(self.troubled() && self.rng.f64() < self.scenario.rates.repeat);
        self.stats.repeated += u64::from(copies - 1);
        for _ in 0..copies {
            let late = self.troubled() && self.rng.f64() < self.scenario.rates.delay;
            let delay = if late { self.rng.i64(0..8 * SECOND) } else { self.rng.i64(20..400) };
            let observed = Observed { key: key.clone(), at, what: what.clone() };
            self.stats.reports += 1;
            let number = self.stats.reports;
            self.after(delay, Event::Report { server, link, number, observed });
        }
    }
}

/// What is left of a supervisor's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// All of it.
    Kept,
    /// Some of it: the machine lost its power.
    Torn,
}
