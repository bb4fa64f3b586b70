//! The end of an attempt: its tree is gone, its output read, what it left looked at, and its last word written down.

use std::time::{Duration, Instant};

use rigi_model::quantity::show_size;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{Ended, STOPPED};
use rustix::process::Signal;

use super::attempt::{Attempt, Cause, Phase, covered};
use super::journal::Record;
use super::leftovers::{Leftovers, nothing_in};
use super::reactor::{LastWord, Reactor};
use super::staging::NotStarted;
use super::timers::TimerKind;
use super::tree;
use super::workers::Job;
use crate::sys::{self, Reaped, Status};
use crate::wire::Report;

/// Processes that cannot be killed (a disk that does not answer) are not waited for any longer.
const UNKILLABLE: Duration = Duration::from_secs(5);
/// Clocks that disagree by more microseconds were set.
const CLOCK_SET: u64 = 1_000_000;
/// When the tree is gone, a pipe that is still open is somebody else's.
const FOREIGN_PIPE: Duration = Duration::from_millis(250);

impl Reactor {
    /// The group's leader has ended.
    pub fn on_leader_exit(&mut self, id: u32, reaped: Reaped) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        attempt.status = reaped.status;
        attempt.usage.cpu_us = attempt.usage.cpu_us.max(reaped.usage.cpu_us);
        attempt.usage.max_memory = attempt.usage.max_memory.max(reaped.usage.max_memory);
        attempt.phase = Phase::Ending;
        attempt.ending_since = Instant::now();
        self.timers.cancel(&mut attempt.timeout_timer, id, TimerKind::Timeout);
        self.timers.cancel(&mut attempt.kill_timer, id, TimerKind::Kill);
        self.try_finish(id);
    }

    /// Kills what is left and goes on as soon as nothing is, or the bounds are reached.
    pub fn try_finish(&mut self, id: u32) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        if attempt.phase != Phase::Ending {
            return;
        }
        let waited = attempt.ending_since.elapsed();
        let mut alive = false;
        if !attempt.group_gone {
            alive = tree::signal_group(attempt.pid, Signal::KILL);
            attempt.group_gone = !alive;
        }
        if let Some(group) = &attempt.group {
            alive |= group.kill();
        }
        alive |= self.kill_strays(id);
        self.drain(id);
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let open = attempt.pipes.iter().any(Option::is_some);
        if (alive && waited < UNKILLABLE) || (open && waited < FOREIGN_PIPE) {
            // The end of a killed process wakes the loop by itself; this is for what is not its child.
            let pause = (waited / 4).clamp(Duration::from_millis(2), Duration::from_millis(50));
            let at = Instant::now() + pause;
            self.timers.cancel(&mut attempt.ending_timer, id, TimerKind::Ending);
            self.timers.set(at, id, TimerKind::Ending);
            attempt.ending_timer = Some(at);
            return;
        }
        if alive || open {
            // Something of it may still be there and write.
            attempt.code = None;
        }
        if alive {
            let text = "Some of its processes do not end, although they were killed: they wait for a device.";
            attempt.spool.note(Timestamp::now(), text);
        }
        attempt.pipes = [None, None];
        attempt.spool.end_streams(Timestamp::now());
        attempt.remove_secrets();
        self.timers.cancel(&mut attempt.log_timer, id, TimerKind::Log);
        self.timers.cancel(&mut attempt.unfinished.timer, id, TimerKind::Unfinished);
        attempt.phase = Phase::Inspecting;
        if nothing_in(&attempt.folder) {
            self.complete(id, Leftovers::default());
        } else {
            let (folder, notes_from) = (attempt.folder.clone(), attempt.notes_to);
            self.workers.submit(Job::Inspect { id, folder, notes_from });
        }
    }

    /// Kills processes that came to the supervisor when their parents ended and belong to this attempt, or to nobody
    /// who still runs. Returns whether there were any.
    fn kill_strays(&mut self, id: u32) -> bool {
        let list = self.strays.list(|pid| self.by_pid.contains_key(&pid));
        if list.is_empty() {
            self.sampling.claims.clear();
            return false;
        }
        // Whose they are may not be sure: a folder in which one of them might write is not used again.
        self.attempts.entry(id).and_modify(|attempt| attempt.code = None);
        self.sampling.claims.retain(|pid, _| list.contains(pid));
        let oldest_live = self.attempts.iter().find(|(_, attempt)| attempt.is_live()).map(|(&id, _)| id);
        let mut any = false;
        for pid in list {
            let (owner, seen_before) = self.claim(pid);
            let ownerless = owner.is_none() && oldest_live.is_none_or(|live| live >= seen_before);
            if owner == Some(id) || ownerless {
                any = true;
                tree::kill_stray(pid, |group| self.is_protected(group));
            }
        }
        any
    }

    /// The attempt that a stray belongs to, and the number that the next attempt had when it was first seen.
    pub fn claim(&mut self, pid: i32) -> (Option<u32>, u32) {
        if let Some(&(owner, seen)) = self.sampling.claims.get(&pid)
            && (owner.is_none() || owner.is_some_and(|owner| self.attempts.contains_key(&owner)))
        {
            return (owner, seen);
        }
        // Its group cannot be chosen, as its variables can.
        let group = tree::effective_group(pid);
        let marked = |attempt: &Attempt| attempt.marked.is_some() && attempt.marked == group;
        let by_group = self.attempts.iter().find(|(_, attempt)| marked(attempt)).map(|(&id, _)| id);
        let owner = by_group.or_else(|| {
            let (run, number) = tree::marker(pid)?;
            self.ids.get(&AttemptKey { run: run.parse().ok()?, number }).copied()
        });
        self.sampling.claims.insert(pid, (owner, self.next_id));
        (owner, self.next_id)
    }

    /// Whether a group is this process's own or a running attempt's.
    fn is_protected(&self, group: i32) -> bool {
        self.by_pid.contains_key(&group)
            || rustix::process::getpgrp().as_raw_pid() == group
            || i32::try_from(std::process::id()).is_ok_and(|own| own == group)
    }

    /// Kills the group at once; its leader's end does the rest.
    pub fn kill_tree(&mut self, id: u32) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.kill_timer = None;
        }
        self.kill_now(id);
    }

    /// Sends SIGKILL to all of an attempt that can be reached directly.
    pub fn kill_now(&self, id: u32) {
        let Some(attempt) = self.attempts.get(&id).filter(|attempt| attempt.phase == Phase::Running) else {
            return;
        };
        // The leader may have left its own group.
        tree::signal(attempt.pid, Signal::KILL);
        tree::signal_group(attempt.pid, Signal::KILL);
        if let Some(group) = &attempt.group {
            group.kill();
        }
    }

    /// It never had a process: cancelled in time (`None`), or something was wrong.
    pub fn end_without_start(&mut self, id: u32, why: Option<NotStarted>) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        match why {
            Some(why) => {
                attempt.spool.note(Timestamp::now(), &why.message);
                attempt.not_started = Some(why);
            }
            None => attempt.cause = Some(Cause::Stopped),
        }
        self.complete(id, Leftovers::default());
    }

    /// Writes the last word down.
    pub fn complete(&mut self, id: u32, left: Leftovers) {
        let Some(mut attempt) = self.attempts.remove(&id) else { return };
        self.ids.remove(&attempt.key);
        self.timers.cancel(&mut attempt.timeout_timer, id, TimerKind::Timeout);
        self.timers.cancel(&mut attempt.kill_timer, id, TimerKind::Kill);
        self.timers.cancel(&mut attempt.log_timer, id, TimerKind::Log);
        self.timers.cancel(&mut attempt.ending_timer, id, TimerKind::Ending);
        self.timers.cancel(&mut attempt.unfinished.timer, id, TimerKind::Unfinished);
        attempt.take_notes(left.notes);
        let at = Timestamp::now();
        let exit = exit_of(&attempt, left.outputs.as_ref().map_or(0, |(_, bytes)| *bytes));
        // Who asked for the end of a container, the server knows, and says.
        let said_there = attempt.inside && exit == Exit::Stopped;
        if let Some(text) = explanation(&exit).filter(|_| !said_there) {
            attempt.spool.note(at, &text);
        }
        if let Some(group) = attempt.group.take() {
            attempt.usage.max_memory = attempt.usage.max_memory.max(group.max_memory());
            if let Some(pool) = &self.pool {
                pool.give_back(&group);
            }
        }
        let ended = Box::new(Ended {
            exit,
            started_at: attempt.started_at.map(|started| in_clock_of(at, started, attempt.started.elapsed())),
            usage: attempt.usage,
            log: attempt.spool.finish(at),
            route: left.route.map(|route| covered(attempt.masks.as_deref(), route)).or(attempt.route),
            outputs: left.outputs.map(|(path, _)| path),
            stored: Vec::new(),
            left: LeftOut::default(),
        });
        if attempt.released {
            self.journal.append(&Record::Released { key: attempt.key }, &[]);
            self.released.push((attempt.folder, None));
            self.plan_tidying();
            return;
        }
        self.journal.append_ended(&attempt.key, at, &ended);
        let key = attempt.key;
        self.ended.insert(key.clone(), LastWord { at, ended, notes: attempt.notes, code: attempt.code });
        self.tell_ended(&key);
    }

    /// Tells the server of an end, and of the notes before it.
    pub fn tell_ended(&mut self, key: &AttemptKey) {
        if !self.is_heard() {
            return;
        }
        let (Some(word), Some(server)) = (self.ended.get_mut(key), &mut self.server) else { return };
        for note in word.notes.drain(..) {
            server.push(&Report::Note { key: key.clone(), at: word.at, note }, &[]);
        }
        let inline = std::mem::take(&mut word.ended.log.inline);
        let report = Report::Ended { key: key.clone(), at: word.at, ended: word.ended.clone() };
        server.push(&report, &inline);
        word.ended.log.inline = inline;
    }
}

/// When it started, by the clock that it ends by: the system's clock may have been set in between.
fn in_clock_of(end: Timestamp, started: Timestamp, took: Duration) -> Timestamp {
    let counted = end.before(took);
    if counted.0.abs_diff(started.0) < CLOCK_SET { started } else { counted }
}

fn exit_of(attempt: &Attempt, output_bytes: u64) -> Exit {
    if let Some(why) = &attempt.not_started {
        return Exit::NotStarted { class: why.class, reason: why.reason, message: why.message.clone() };
    }
    let limits = &attempt.limits;
    match &attempt.cause {
        Some(Cause::Stopped) => return Exit::Stopped,
        Some(Cause::TimedOut) => {
            let limit = attempt.timeout.unwrap_or_default().as_micros();
            return Exit::TimedOut { limit_us: u64::try_from(limit).unwrap_or(u64::MAX) };
        }
        Some(Cause::Limit { what, limit }) => {
            return Exit::LimitExceeded { what: (*what).to_owned(), limit: *limit };
        }
        Some(Cause::OutOfMemory) => return Exit::OutOfMemory { limit: limits.memory },
        None => {}
    }
    let status = sys::status(attempt.status);
    let over = |what: &str, limit| Exit::LimitExceeded { what: what.to_owned(), limit };
    if let Some(group) = &attempt.group {
        // Also where only a child was killed, whatever its parent made of that: the limit is the whole tree's.
        if limits.memory.is_some() && group.ran_out_of_memory() {
            return Exit::OutOfMemory { limit: limits.memory };
        }
        let refused = limits.processes.filter(|_| status != Status::Code(0) && group.ran_out_of_processes());
        if let Some(limit) = refused {
            return over("processes", limit);
        }
    }
    match (limits.output_size, status) {
        (Some(limit), Status::Signal(libc::SIGXFSZ)) => over("output_size", limit),
        (Some(limit), _) if output_bytes > limit => over("output_size", limit),
        (_, Status::Code(code)) => Exit::Code { code },
        (_, Status::Signal(signal)) => Exit::Signal { signal },
    }
}

/// The last line of the log, where the end was not the program's own.
fn explanation(exit: &Exit) -> Option<String> {
    match exit {
        Exit::OutOfMemory { limit: Some(limit) } => {
            Some(format!("Killed: it used more than its limit of {} of memory.", show_size(*limit)))
        }
        Exit::OutOfMemory { limit: None } => Some("Killed: the machine ran out of memory.".to_owned()),
        Exit::LimitExceeded { what, limit } if what == "output_size" => Some(format!(
            "Ended: it wrote more than its limit of {} (`limits.output_size`).",
            show_size(*limit)
        )),
        Exit::LimitExceeded { what, limit } => {
            Some(format!("Ended: it went over its limit of {limit} {what} (`limits.{what}`)."))
        }
        Exit::TimedOut { limit_us } => {
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let seconds = *limit_us as f64 / 1e6;
            Some(format!("Killed: it ran longer than its time limit of {seconds} s."))
        }
        Exit::NotStarted { reason: Reason::Lost, message, .. } => Some(message.clone()),
        Exit::Stopped => Some(STOPPED.to_owned()),
        _ => None,
    }
}
