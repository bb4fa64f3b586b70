//! What running attempts use, measured once a second while any runs that is not brand-new, and limits that only a
//! look at the whole tree can hold.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rigi_model::Timestamp;
use rigi_work::plan::Sample;

use super::attempt::{Cause, Phase};
use super::cgroup::Group;
use super::leftovers::{NotesUpTo, read_notes};
use super::reactor::Reactor;
use super::timers::TimerKind;
use super::tree::{Table, proportional_memory};
use super::workers::Job;
use crate::layout::name;
use crate::wire::Report;

/// An attempt that ends sooner is not sampled.
const NEW: Duration = Duration::from_millis(250);
/// Between two samples.
const INTERVAL: Duration = Duration::from_secs(1);
/// The table is not read more often than this, however attempts come and go.
const SHORTEST: Duration = Duration::from_millis(200);

/// What was read by the sampler's thread.
#[derive(Debug)]
pub struct Samples {
    pub at: Instant,
    pub table: Table,
    /// Bytes in the outputs of attempts with a limit on them.
    pub outputs: Vec<(u32, u64)>,
}

/// The sampler's state.
#[derive(Debug, Default)]
pub struct Sampling {
    timer: Option<Instant>,
    /// A thread is reading.
    reading: bool,
    last: Option<Instant>,
    /// Strays: whose they are, and the number of the attempt that came next when they were first seen.
    pub claims: HashMap<i32, (Option<u32>, u32)>,
}

/// What one attempt uses.
#[derive(Debug, Default)]
struct Sum {
    cpu_us: u64,
    memory: u64,
    processes: u32,
    threads: u64,
    members: Vec<i32>,
}

impl Reactor {
    /// Sees to it that an attempt that has just started will be sampled.
    pub fn plan_sample(&mut self, now: Instant) {
        if self.sampling.reading {
            return;
        }
        let earliest = self.sampling.last.map_or(now, |last| last + SHORTEST);
        let at = (now + NEW).max(earliest);
        if self.sampling.timer.is_none_or(|timer| timer > at) {
            self.timers.cancel(&mut self.sampling.timer, 0, TimerKind::Sample);
            self.sampling.timer = Some(at);
            self.timers.set(at, 0, TimerKind::Sample);
        }
    }

    /// Time to look. If nothing runs that is old enough, nothing is read.
    pub fn on_sample_tick(&mut self, now: Instant) {
        self.sampling.timer = None;
        let running = || self.attempts.iter().filter(|(_, attempt)| attempt.phase == Phase::Running);
        let Some(oldest) = running().map(|(_, attempt)| attempt.started).min() else { return };
        if now.duration_since(oldest) < NEW {
            self.plan_sample(oldest);
            return;
        }
        let limited = running().filter(|(_, attempt)| attempt.limits.output_size.is_some());
        let outputs = limited.map(|(&id, attempt)| (id, attempt.folder.join(name::OUTPUTS))).collect();
        let ids: Vec<u32> = running().map(|(&id, _)| id).collect();
        self.sampling.reading = true;
        self.sampling.last = Some(now);
        self.workers.submit(Job::Sample { outputs });
        if self.is_heard() {
            for id in ids {
                self.pass_on_notes(id);
            }
        }
    }

    fn pass_on_notes(&mut self, id: u32) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let len = std::fs::symlink_metadata(attempt.folder.join(name::EVENTS)).map_or(0, |meta| meta.len());
        if len <= attempt.notes_to {
            return;
        }
        // What cannot be read now is read later.
        let read = read_notes(&attempt.folder, attempt.notes_to, NotesUpTo::LastNewline);
        let Ok((notes, to)) = read else { return };
        attempt.notes_to = to;
        attempt.take_notes(notes);
        let (notes, key, at) = (std::mem::take(&mut attempt.notes), attempt.key.clone(), Timestamp::now());
        for note in notes {
            self.report(&Report::Note { key: key.clone(), at, note });
        }
    }

    /// The table was read: tells what each attempt uses, and ends those that use too much.
    pub fn on_samples(&mut self, samples: Samples) {
        self.sampling.reading = false;
        let sums = self.sum_up(&samples.table);
        let at = Timestamp::now();
        for (id, sum) in sums {
            self.take_sample(id, &sum, samples.at, at);
        }
        for (id, bytes) in samples.outputs {
            let limit = self.attempts.get(&id).and_then(|attempt| attempt.limits.output_size);
            if let Some(limit) = limit.filter(|&limit| bytes > limit) {
                self.break_off(id, Cause::Limit { what: "output_size", limit });
            }
        }
        if self.attempts.values().any(|attempt| attempt.phase == Phase::Running) {
            let next = samples.at + INTERVAL;
            let newest = self.attempts.values().rev().find(|attempt| attempt.phase == Phase::Running);
            let unsampled = newest.filter(|attempt| attempt.sampled.is_none()).map(|attempt| attempt.started);
            let at = unsampled.map_or(next, |started| next.min((started + NEW).max(samples.at + SHORTEST)));
            self.sampling.timer = Some(at);
            self.timers.set(at, 0, TimerKind::Sample);
        }
    }

    /// Finds out to which attempt each process belongs.
    fn sum_up(&mut self, table: &Table) -> HashMap<u32, Sum> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let mut owners: HashMap<i32, Option<u32>> = HashMap::new();
        for (&pid, process) in &table.processes {
            let leader = self.by_pid.get(&pid).or_else(|| self.by_pid.get(&process.group)).copied();
            if leader.is_some() {
                owners.insert(pid, leader);
            } else if process.parent == own && !process.zombie {
                let owner = self.claim(pid).0;
                owners.insert(pid, owner);
            }
        }
        let mut sums: HashMap<u32, Sum> = HashMap::new();
        for (&pid, process) in &table.processes {
            let Some(id) = owner(pid, table, &mut owners).filter(|_| !process.zombie) else { continue };
            let sum = sums.entry(id).or_default();
            sum.cpu_us += process.cpu_us;
            sum.memory += process.memory;
            sum.processes += 1;
            sum.threads += process.threads;
            sum.members.push(pid);
        }
        sums
    }

    fn take_sample(&mut self, id: u32, sum: &Sum, now: Instant, at: Timestamp) {
        let Some(attempt) = self.attempts.get_mut(&id).filter(|attempt| attempt.phase == Phase::Running)
        else {
            return;
        };
        let mut memory = sum.memory;
        let limits = &attempt.limits;
        let watched =
            limits.memory.filter(|_| !attempt.group.as_ref().is_some_and(|group| group.holds_memory()));
        if watched.is_some_and(|limit| memory > limit) && sum.processes > 1 {
            // Shared pages were counted once per process: look closer before anything is killed for it.
            memory = sum.members.iter().filter_map(|&pid| proportional_memory(pid)).sum();
        }
        let (since, before) = attempt.sampled.unwrap_or((attempt.started, 0));
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let cpu = if seconds > 0.0 { sum.cpu_us.saturating_sub(before) as f64 / 1e6 / seconds } else { 0.0 };
        attempt.sampled = Some((now, sum.cpu_us));
        attempt.usage.cpu_us = attempt.usage.cpu_us.max(sum.cpu_us);
        attempt.usage.max_memory = attempt.usage.max_memory.max(memory);
        let killed = |group: &Group| limits.memory.is_some() && group.ran_out_of_memory();
        let cause = match (watched, limits.processes) {
            // The kernel has killed one of its processes: the limit is the whole tree's.
            _ if attempt.group.as_ref().is_some_and(killed) => Some(Cause::OutOfMemory),
            (Some(limit), _) if memory > limit => Some(Cause::OutOfMemory),
            (_, Some(limit)) if sum.threads > limit => Some(Cause::Limit { what: "processes", limit }),
            _ => None,
        };
        let key = attempt.key.clone();
        let sample = Sample { cpu, memory, processes: sum.processes };
        self.report(&Report::Sample { key, at, sample });
        if let Some(cause) = cause {
            self.break_off(id, cause);
        }
    }
}

/// The owner of a process is that of its nearest ancestor which has one.
fn owner(pid: i32, table: &Table, owners: &mut HashMap<i32, Option<u32>>) -> Option<u32> {
    let (mut at, mut path) = (pid, HashSet::new());
    let found = loop {
        if let Some(&owner) = owners.get(&at) {
            break owner;
        }
        match table.processes.get(&at) {
            Some(process) if process.parent > 0 && path.insert(at) => at = process.parent,
            _ => break None,
        }
    };
    owners.extend(path.into_iter().map(|pid| (pid, found)));
    found
}
