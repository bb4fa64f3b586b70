//! The supervisor's loop. One thread owns all of the state; it waits for whatever comes next and never polls.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rigi_model::{AttemptKey, Timestamp};
use rigi_work::plan::Ended;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use serde_json::Value;

use super::attempt::{Attempt, Phase};
use super::cgroup::Pool;
use super::door::Connection;
use super::journal::Journal;
use super::sampling::Sampling;
use super::ticket::Tickets;
use super::timers::{TimerKind, Timers};
use super::tree::Strays;
use super::workers::{Done, Job, Workers};
use crate::layout::Layout;
use crate::sys::{self, Reaped};
use crate::wire::{Order, Report};

const WAKE: u64 = u64::MAX;
const LISTENER: u64 = u64::MAX - 1;
const SERVER: u64 = u64::MAX - 2;
const GUEST: u64 = u64::MAX - 3;
/// So many may stand at the door without a word.
const GUESTS: usize = 8;
/// With so many attempts at a time, rounds of the loop are this far apart at least.
const BUSY: usize = 8;
/// So many bytes of output in one round are a flood: its pipe is given the time to fill.
const FLOOD: usize = 8 * 1024;
/// See [`BUSY`].
const ROUND: Duration = Duration::from_millis(1);
/// Released folders are handed to their thread in such portions, or after [`super::orders::KEEP_FOLDERS`].
const REMOVALS: usize = 32;

/// How long the door stays closed when there is no descriptor for a caller.
const DOOR: Duration = Duration::from_millis(200);

/// The last word of an attempt, kept until it is released.
#[derive(Debug)]
pub struct LastWord {
    pub at: Timestamp,
    pub ended: Box<Ended>,
    /// Notes that no server has heard of.
    pub notes: Vec<Value>,
    /// See [`Attempt::code`].
    pub code: Option<PathBuf>,
}

/// All of the supervisor's state.
pub struct Reactor {
    pub layout: Layout,
    pub idle_exit: Duration,
    pub epoll: OwnedFd,
    pub wake: Arc<OwnedFd>,
    pub listener: UnixListener,
    pub server: Option<Connection>,
    /// Who has not said hello yet: the newest first.
    pub guests: VecDeque<Connection>,
    pub tickets: Tickets,
    pub journal: Journal,
    pub workers: Workers,
    pub pool: Option<Arc<Pool>>,
    pub timers: Timers,
    pub strays: Strays,
    pub sampling: Sampling,
    pub attempts: BTreeMap<u32, Attempt>,
    pub ids: HashMap<AttemptKey, u32>,
    pub by_pid: HashMap<i32, u32>,
    pub ended: HashMap<AttemptKey, LastWord>,
    /// Open files of one process where the spec says nothing.
    pub open_files: u64,
    pub next_id: u32,
    /// Jobs that wait for the journal.
    pub jobs: Vec<Job>,
    /// How many starts are with spawners.
    pub launching: usize,
    /// Children that ended before their spawner told of them, and when, in microseconds since the machine's start.
    pub early: HashMap<i32, (Reaped, u64)>,
    pub idle_timer: Option<Instant>,
    pub tidy_timer: Option<Instant>,
    /// Folders of released attempts, and the code in them if they may be used again.
    pub released: Vec<(PathBuf, Option<PathBuf>)>,
    /// Whether anything was launched since folders were last looked after.
    pub launched_lately: bool,
    /// Bytes of output in this round.
    pub read: usize,
    /// When the last round of the loop began.
    pub round: Instant,
    pub quitting: bool,
    pub buffer: Vec<u8>,
}

impl Reactor {
    /// Runs until nobody needs it any more.
    ///
    /// # Errors
    /// If the loop itself cannot go on.
    pub fn run(&mut self) -> io::Result<()> {
        self.watch(&self.wake, WAKE, epoll::EventFlags::IN)?;
        self.watch(&self.listener, LISTENER, epoll::EventFlags::IN)?;
        let mut events = Vec::with_capacity(256);
        loop {
            self.settle();
            if self.is_over() {
                return Ok(());
            }
            self.moderate();
            let timeout = self.timers.wait(Instant::now()).and_then(|wait| Timespec::try_from(wait).ok());
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                self.on_event(event.data.u64());
            }
            for done in self.workers.take() {
                self.on_done(done);
            }
            self.reap();
            let now = Instant::now();
            while let Some((id, kind)) = self.timers.due(now) {
                self.on_timer(id, kind, now);
            }
        }
    }

    /// When much is going on, what comes within a moment is dealt with together: each round has its own cost, and one
    /// write to the journal and one to the server serve many attempts.
    fn moderate(&mut self) {
        let now = Instant::now();
        let busy = self.attempts.len() >= BUSY || std::mem::take(&mut self.read) >= FLOOD;
        if busy && now.duration_since(self.round) < ROUND {
            std::thread::sleep(ROUND - now.duration_since(self.round));
        }
        self.round = Instant::now();
    }

    /// Has the poller tell when there is something to read.
    pub fn watch(&self, fd: impl std::os::fd::AsFd, token: u64, flags: epoll::EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), flags)?)
    }

    /// Watches an attempt's two pipes.
    pub fn watch_pipes(&self, id: u32, pipes: &[OwnedFd; 2]) -> io::Result<()> {
        for (index, pipe) in (0u64..).zip(pipes) {
            self.watch(pipe, u64::from(id) << 2 | index, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    fn on_event(&mut self, token: u64) {
        match token {
            WAKE => {
                let mut count = [0; 8];
                let _ = rustix::io::read(&*self.wake, &mut count);
            }
            LISTENER => self.accept(),
            SERVER => self.hear(),
            GUEST => self.hear_guests(),
            pipe => {
                #[expect(clippy::cast_possible_truncation, reason = "made from a u32 and two bits")]
                let (id, index) = ((pipe >> 2) as u32, (pipe & 1) as usize);
                self.read_pipe(id, index);
            }
        }
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // The caller stays at the door, and would be told of again and again.
                    self.close_door();
                    break;
                }
            };
            let Ok(connection) = Connection::new(stream) else { continue };
            if self.watch(connection.fd(), GUEST, epoll::EventFlags::IN).is_ok() {
                self.guests.truncate(GUESTS - 1);
                self.guests.push_front(connection);
            }
        }
    }

    /// Whoever says hello becomes the server, unless a newer one was welcomed before.
    fn hear_guests(&mut self) {
        for mut guest in std::mem::take(&mut self.guests) {
            let alive = guest.fill(&mut self.buffer);
            match guest.next() {
                Ok(Some(Order::Hello { ticket, .. })) => self.greet(guest, ticket),
                Ok(None) if alive => self.guests.push_back(guest),
                _ => {}
            }
        }
    }

    fn greet(&mut self, mut guest: Connection, ticket: Option<u64>) {
        let Some(ticket) = self.tickets.admit(ticket) else {
            guest.push(&Report::Superseded, &[]);
            guest.flush();
            return;
        };
        // What the server before had still asked for counts.
        self.hear();
        let token = epoll::EventData::new_u64(SERVER);
        if epoll::modify(&self.epoll, guest.fd(), token, epoll::EventFlags::IN).is_ok() {
            // The one before is dropped and with it closed.
            self.server = Some(guest);
            self.timers.cancel(&mut self.idle_timer, 0, TimerKind::Idle);
            self.welcome(ticket);
            self.hear();
        }
    }

    fn close_door(&mut self) {
        if epoll::delete(&self.epoll, &self.listener).is_ok() {
            self.timers.set(Instant::now() + DOOR, 0, TimerKind::Door);
        }
    }

    fn open_door(&mut self) {
        if self.watch(&self.listener, LISTENER, epoll::EventFlags::IN).is_err() {
            self.timers.set(Instant::now() + DOOR, 0, TimerKind::Door);
        }
    }

    fn hear(&mut self) {
        let Some(server) = &mut self.server else { return };
        let alive = server.fill(&mut self.buffer);
        loop {
            let Some(server) = &mut self.server else { return };
            match server.next() {
                Ok(Some(order)) => self.obey(order),
                Ok(None) => break,
                Err(_) => {
                    self.server = None;
                    return;
                }
            }
        }
        if !alive {
            self.server = None;
        }
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Launched { id, result } => self.on_launched(id, result),
            Done::Inspected { id, left } => self.complete(id, left),
            Done::Sampled(samples) => self.on_samples(samples),
        }
    }

    fn reap(&mut self) {
        if !sys::child_ended() {
            return;
        }
        let mut strays = false;
        let alone = super::spawn::forking();
        while let Some(reaped) = sys::reap() {
            if let Some(id) = self.by_pid.remove(&reaped.pid) {
                self.on_leader_exit(id, reaped);
            } else if self.launching > 0 {
                self.early.insert(reaped.pid, (reaped, super::spawn::boot_us()));
                strays = true;
            } else {
                strays = true;
            }
        }
        drop(alone);
        if strays {
            let ending = self.attempts.iter().filter(|(_, attempt)| attempt.phase == Phase::Ending);
            for id in ending.map(|(&id, _)| id).collect::<Vec<_>>() {
                self.try_finish(id);
            }
        }
    }

    fn on_timer(&mut self, id: u32, kind: TimerKind, now: Instant) {
        match kind {
            TimerKind::Log => self.spill(id),
            TimerKind::Unfinished => self.tell_unfinished(id),
            TimerKind::Timeout => self.on_timeout(id),
            TimerKind::Kill => self.kill_tree(id),
            TimerKind::Ending => self.try_finish(id),
            TimerKind::Sample => self.on_sample_tick(now),
            TimerKind::Tidy => {
                self.tidy_timer = None;
                self.remove_released();
                if std::mem::take(&mut self.launched_lately) {
                    self.plan_tidying();
                } else {
                    self.workers.submit(Job::Clear);
                }
            }
            TimerKind::Door => self.open_door(),
            TimerKind::Idle => {
                self.idle_timer = None;
                self.quitting = true;
            }
        }
    }

    /// After all that came at once was dealt with: the journal first, then what may only follow it.
    fn settle(&mut self) {
        let committed = self.journal.commit();
        for job in std::mem::take(&mut self.jobs) {
            match (job, &committed) {
                (Job::Launch { id, .. }, Err(error)) => self.refuse_launch(id, error),
                (job, _) => self.workers.submit(job),
            }
        }
        if self.released.len() >= REMOVALS {
            self.remove_released();
        }
        if let Some(server) = &mut self.server {
            match server.flush() {
                None => self.server = None,
                Some(left) => {
                    let flags = epoll::EventFlags::IN
                        | if left { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
                    let token = epoll::EventData::new_u64(SERVER);
                    if left != std::mem::replace(&mut server.crowded, left)
                        && epoll::modify(&self.epoll, server.fd(), token, flags).is_err()
                    {
                        self.server = None;
                    }
                }
            }
        }
        let idle = self.server.is_none() && self.attempts.is_empty();
        if idle && self.idle_timer.is_none() && !self.quitting {
            let at = Instant::now() + self.idle_exit;
            self.timers.set(at, 0, TimerKind::Idle);
            self.idle_timer = Some(at);
        } else if !idle && self.idle_timer.is_some() {
            self.timers.cancel(&mut self.idle_timer, 0, TimerKind::Idle);
        }
    }

    fn remove_released(&mut self) {
        if !self.released.is_empty() {
            self.workers.submit(Job::Remove(std::mem::take(&mut self.released)));
        }
    }

    fn is_over(&mut self) -> bool {
        if sys::asked_to_end() {
            for &id in self.attempts.keys() {
                self.kill_now(id);
            }
            return true;
        }
        let over = self.quitting && self.attempts.is_empty();
        if over {
            self.remove_released();
        }
        over
    }

    /// Tells the server, if there is one.
    pub fn report(&mut self, report: &Report) {
        if let Some(server) = &mut self.server {
            server.push(report, &[]);
        }
    }

    /// Whether a server listens.
    pub fn is_heard(&self) -> bool {
        self.server.is_some()
    }
}
