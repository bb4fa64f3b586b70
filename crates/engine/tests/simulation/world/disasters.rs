//! What befalls the world at random times: deaths, cut sessions, full disks, jumping clocks, and orderly replacements.

use std::collections::BTreeSet;
use std::time::Duration;

use rigi_engine::ledger::Message;
use rigi_model::{ContentHash, RunId, Timestamp};
use rigi_store::retention::Keep;
use tokio::sync::oneshot;

use super::scenario::SECOND;
use super::store::Row;
use super::supervisor::Journal;
use super::{Event, World};

/// One of them.
#[derive(Debug, Clone, Copy)]
pub enum Disaster {
    KillServer,
    KillSupervisor,
    PowerLoss,
    CutSession,
    DiskFull,
    DiskFree,
    ClockJump,
    Replace,
}

impl Disaster {
    const DRAWN: [Self; 7] = [
        Self::KillServer,
        Self::KillSupervisor,
        Self::PowerLoss,
        Self::CutSession,
        Self::DiskFull,
        Self::ClockJump,
        Self::Replace,
    ];
}

/// What nothing refers to is left alone for so long.
const COLLECT_AFTER: i64 = 20 * SECOND;

impl World {
    /// Plans what will happen.
    pub fn plan_disasters(&mut self) {
        for _ in 0..self.scenario.disasters {
            let time = self.rng.i64(0..self.scenario.trouble_until);
            let what = Disaster::DRAWN[self.rng.usize(..Disaster::DRAWN.len())];
            self.at(time, Event::Disaster(what));
        }
        for _ in 0..self.rng.u32(0..4) {
            let time = self.rng.i64(0..2 * self.scenario.trouble_until);
            self.at(time, Event::Collect);
        }
        for _ in 0..self.rng.u32(0..3) {
            let time = self.rng.i64(0..self.scenario.trouble_until);
            self.at(time, Event::ChangeLimit);
        }
    }

    /// It happens.
    pub fn strike(&mut self, what: Disaster) {
        self.trace(|| format!("{what:?}"));
        self.stats.disasters += 1;
        match what {
            Disaster::KillServer => self.kill_one(),
            Disaster::KillSupervisor if self.supervisor.up => self.kill_supervisor(Journal::Kept),
            Disaster::PowerLoss => {
                for id in self.servers.keys().copied().collect::<Vec<_>>() {
                    self.stats.crashes += 1;
                    self.end_server(id);
                }
                if self.supervisor.up {
                    self.kill_supervisor(Journal::Torn);
                }
            }
            Disaster::CutSession => {
                self.store.holder = None;
                // Whoever waits for the lock may be faster than the one that lost it.
                let delay = self.rng.i64(0..SECOND);
                self.after(delay, Event::Start);
            }
            Disaster::DiskFull => {
                self.store.full = true;
                let delay = self.rng.i64(1..5 * SECOND);
                self.after(delay, Event::Disaster(Disaster::DiskFree));
            }
            Disaster::DiskFree => self.store.full = false,
            Disaster::ClockJump => self.clock += self.rng.i64(-90 * SECOND..90 * SECOND),
            Disaster::Replace => self.replace(),
            Disaster::KillSupervisor => {}
        }
    }

    fn kill_one(&mut self) {
        let ids: Vec<u32> = self.servers.keys().copied().collect();
        if let Some(id) = self.rng.choice(ids) {
            self.stats.crashes += 1;
            self.end_server(id);
        }
    }

    fn replace(&mut self) {
        let up: Vec<u32> = self.servers.iter().filter(|(_, s)| s.up).map(|(id, _)| *id).collect();
        let Some(id) = self.rng.choice(up) else { return };
        let (reply, answer) = oneshot::channel();
        if let Some(server) = self.servers.get_mut(&id) {
            server.closing = Some(answer);
            self.tell(id, Message::Close { reply });
        }
    }

    /// Ended runs that are not kept go, then what nothing refers to.
    pub fn collect(&mut self) {
        if self.servers.values().all(|server| !server.up) {
            return;
        }
        let keep = Keep { runs: self.scenario.keep_runs, age: Some(Duration::from_secs(60)), bytes: None };
        let now = Timestamp(self.now + self.clock);
        let expected = self.not_kept(&keep, now);
        let gone = self.store.forget(&keep, now);
        self.stats.collected += gone.len() as u64;
        self.trace(|| format!("{} ended runs are forgotten", gone.len()));
        if gone.iter().cloned().collect::<BTreeSet<_>>() != expected {
            self.check(Err(format!("{gone:?} are forgotten and should be {expected:?}")));
        }
        for run in &gone {
            if self.history.ends_of(run) != 1 {
                self.check(Err(format!("{run} is forgotten, and its end is not stored once")));
            }
        }
        let (in_use, time) = (self.store.referenced(), self.now - COLLECT_AFTER);
        let delay = self.rng.i64(0..SECOND);
        self.after(delay, Event::Sweep(in_use, time));
    }

    /// Ended runs that are too old, or of which enough newer ones are kept.
    fn not_kept(&self, keep: &Keep, now: Timestamp) -> BTreeSet<RunId> {
        let mut found = BTreeSet::new();
        for pipeline in &self.scenario.pipelines {
            let its =
                |row: &&Row| row.request.pipeline == pipeline.name && row.request.project == pipeline.project;
            let rows = self.store.runs.values().rev().filter(its);
            let ended = rows.filter_map(|row| Some((row.request.id.clone(), row.status.ended_at?)));
            for (newer, (id, at)) in ended.enumerate() {
                let enough = keep.runs.is_some_and(|most| newer as u64 >= most);
                if enough || keep.age.is_some_and(|age| now.since(at) > age) {
                    found.insert(id);
                }
            }
        }
        found
    }

    /// Files that nothing referred to, and that nobody has put since long, go.
    pub fn sweep(&mut self, in_use: &BTreeSet<ContentHash>, before: i64) {
        let before = if self.mutation == super::mutation::Mutation::SweepYoung { self.now } else { before };
        self.store.files.retain(|name, put| *put >= before || in_use.contains(name));
        for row in self.store.runs.values() {
            if let Some(missing) = row.content.iter().find(|name| !self.store.files.contains_key(*name)) {
                let what = format!("{missing} of {} was collected, and is referred to", row.request.id);
                self.check(Err(what));
                return;
            }
        }
    }
}
