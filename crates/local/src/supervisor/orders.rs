//! What the server asks for.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use rigi_work::plan::{Ended, EndedLog};

use super::attempt::{Attempt, Cause, Phase};
use super::journal::Record;
use super::reactor::Reactor;
use super::spawn::Spawned;
use super::staging::NotStarted;
use super::timers::TimerKind;
use super::tree;
use super::workers::Job;
use crate::wire::{Launch, Order, PROTOCOL, Report};

/// Folders that can be used again are kept for so long after the last launch.
const KEEP_FOLDERS: Duration = Duration::from_secs(2);

impl Reactor {
    /// Does what an order says.
    pub fn obey(&mut self, order: Order) {
        match order {
            // Said once, at the door.
            Order::Hello { .. } => {}
            Order::Launch(launch) => self.launch(launch),
            Order::Stop { key, grace_us } => self.stop(&key, Duration::from_micros(grace_us)),
            Order::Release { key } => self.release(&key),
            Order::Quit => self.quitting = true,
        }
    }

    /// Tells a new server what there is.
    pub fn welcome(&mut self, ticket: u64) {
        self.quitting = false;
        let live = self.ids.keys().map(|key| (key.clone(), true));
        let known = live.chain(self.ended.keys().map(|key| (key.clone(), false))).collect();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        if let Some(server) = &mut self.server {
            let open = self.layout.open().map(std::path::Path::to_owned);
            server.push(
                &Report::Welcome { protocol: PROTOCOL, version, known, open, ticket: Some(ticket) },
                &[],
            );
        }
        for attempt in self.attempts.values() {
            if let (Some(at), Some(server)) = (attempt.started_at, &mut self.server) {
                server.push(&Report::Started { key: attempt.key.clone(), at, pid: attempt.pid }, &[]);
            }
        }
        for key in self.ended.keys().cloned().collect::<Vec<_>>() {
            self.tell_ended(&key);
        }
        self.tell_unfinished_anew();
    }

    fn launch(&mut self, mut launch: Box<Launch>) {
        let key = launch.key.clone();
        if self.ids.contains_key(&key) || self.ended.contains_key(&key) {
            return;
        }
        let id = self.next_id;
        // Wraps after four thousand million attempts; 0 is nobody's, and numbers in use are passed over.
        self.next_id = self.next_id.wrapping_add(1).max(1);
        while self.attempts.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1).max(1);
        }
        let mut attempt = Attempt::new(&launch, &self.layout, Instant::now());
        let now = Timestamp::now();
        for note in launch.notes.drain(..) {
            attempt.spool.note(now, &note);
        }
        self.journal.append(&Record::Accepted { key: key.clone() }, &[]);
        let (folder, cancelled) = (attempt.folder.clone(), attempt.cancelled.clone());
        self.ids.insert(key, id);
        self.attempts.insert(id, attempt);
        super::spawn::make_room(self.attempts.len(), self.open_files);
        self.launching += 1;
        self.launched_lately = true;
        self.jobs.push(Job::Launch { id, folder, launch, cancelled });
    }

    /// The journal could not take the attempt on: nothing is started that could be forgotten.
    pub fn refuse_launch(&mut self, id: u32, error: &io::Error) {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let reason = if full { Reason::DiskFull } else { Reason::StartFailed };
        let class = FailureClass::Infrastructure;
        let message = format!("Nothing can be started: the supervisor's journal cannot be written: {error}");
        self.on_launched(id, Err(NotStarted { class, reason, message }));
    }

    /// A spawner has started it, or could not.
    pub fn on_launched(&mut self, id: u32, result: Result<Option<Spawned>, NotStarted>) {
        self.launching -= 1;
        match result {
            Ok(Some(spawned)) => self.on_spawned(id, spawned),
            Ok(None) => self.end_without_start(id, None),
            Err(why) => self.end_without_start(id, Some(why)),
        }
        if self.launching == 0 {
            self.early.clear();
        }
    }

    fn on_spawned(&mut self, id: u32, spawned: Spawned) {
        let Spawned { pid, at, pipes, boot_us, notes, group, masks } = spawned;
        // Fails only where the machine has no room for it; then the output is read at the end.
        let _ = self.watch_pipes(id, &pipes);
        let now = Instant::now();
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        for note in notes {
            attempt.spool.note(at, &note);
        }
        if let Some(masks) = &masks {
            attempt.spool.cover(masks.clone());
        }
        attempt.masks = masks;
        attempt.phase = Phase::Running;
        attempt.pid = pid;
        attempt.started_at = Some(at);
        attempt.started = now;
        attempt.pipes = pipes.map(Some);
        attempt.group = group;
        if let Some(timeout) = attempt.timeout {
            let at = now + timeout;
            self.timers.set(at, id, TimerKind::Timeout);
            attempt.timeout_timer = Some(at);
        }
        let (key, stopped, grace) = (attempt.key.clone(), attempt.cause.is_some(), attempt.grace);
        self.journal.append(&Record::Started { key: key.clone(), pid, boot_us, at }, &[]);
        self.report(&Report::Started { key, at, pid });
        self.plan_sample(now);
        match self.early.remove(&pid) {
            Some((reaped, when)) if when >= boot_us.0 => self.on_leader_exit(id, reaped),
            _ => {
                self.by_pid.insert(pid, id);
                if stopped {
                    self.terminate(id, grace);
                }
            }
        }
    }

    fn stop(&mut self, key: &AttemptKey, grace: Duration) {
        if let Some(&id) = self.ids.get(key) {
            let Some(attempt) = self.attempts.get_mut(&id) else { return };
            if matches!(attempt.phase, Phase::Starting | Phase::Running) {
                attempt.cause.get_or_insert(Cause::Stopped);
                attempt.grace = grace;
            }
            match attempt.phase {
                Phase::Starting => attempt.cancelled.store(true, Ordering::SeqCst),
                Phase::Running => self.terminate(id, grace),
                Phase::Ending | Phase::Inspecting => {}
            }
        } else if self.ended.contains_key(key) {
            self.tell_ended(key);
        } else {
            let ended = Ended::bare(Exit::Stopped, EndedLog::default());
            self.report(&Report::Ended { key: key.clone(), at: Timestamp::now(), ended: Box::new(ended) });
        }
    }

    fn release(&mut self, key: &AttemptKey) {
        if let Some(word) = self.ended.remove(key) {
            self.journal.append(&Record::Released { key: key.clone() }, &[]);
            self.released.push((self.layout.attempt(key), word.code));
            self.plan_tidying();
        } else if let Some(&id) = self.ids.get(key) {
            if let Some(attempt) = self.attempts.get_mut(&id) {
                attempt.released = true;
            }
            self.stop(key, Duration::ZERO);
        }
    }

    /// Sees to it that released folders do not stay.
    pub fn plan_tidying(&mut self) {
        if self.tidy_timer.is_none() {
            let at = Instant::now() + KEEP_FOLDERS;
            self.tidy_timer = Some(at);
            self.timers.set(at, 0, TimerKind::Tidy);
        }
    }

    /// Asks the attempt's group to end, and sees to it after the grace period.
    pub fn terminate(&mut self, id: u32, grace: Duration) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        if grace.is_zero() {
            self.kill_tree(id);
            return;
        }
        let at = Instant::now() + grace;
        if attempt.kill_timer.is_some_and(|before| before <= at) {
            return;
        }
        self.timers.cancel(&mut attempt.kill_timer, id, TimerKind::Kill);
        self.timers.set(at, id, TimerKind::Kill);
        attempt.kill_timer = Some(at);
        tree::signal_group(attempt.pid, rustix::process::Signal::TERM);
    }

    /// The time limit is reached.
    pub fn on_timeout(&mut self, id: u32) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        attempt.timeout_timer = None;
        if attempt.phase == Phase::Running && attempt.cause.is_none() {
            attempt.cause = Some(Cause::TimedOut);
            let grace = attempt.grace;
            self.terminate(id, grace);
        }
    }

    /// A limit is broken: no grace.
    pub fn break_off(&mut self, id: u32, cause: Cause) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        if attempt.phase == Phase::Running {
            attempt.cause.get_or_insert(cause);
            self.kill_tree(id);
        }
    }
}
