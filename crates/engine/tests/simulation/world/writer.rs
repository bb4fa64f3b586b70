//! A server's writing task: what arrives while a commit is under way shares the next one; changes are never given up.
//!
//! After a commit without an answer it looks at the newest event before it writes again: whether there is one, and whose.

use std::collections::VecDeque;
use std::sync::Arc;

use rigi_store::{NewRun, RunChange};

use super::mutation::Mutation;
use super::server::After;
use super::store::{Session, Work};
use super::{Event, World};

/// Something to be written.
#[derive(Debug)]
pub enum Job {
    Submit { key: u32, runs: Vec<Arc<NewRun>> },
    Change { changes: Vec<RunChange>, after: After },
}

/// See the module.
#[derive(Debug, Default)]
pub struct Writer {
    pub session: Session,
    /// The newest event as this task knows it.
    pub last_event: u64,
    jobs: VecDeque<Job>,
    /// The commit that is under way, or in doubt.
    batch: Option<Vec<Job>>,
    busy: bool,
}

impl Writer {
    /// Of a server with this session, after this event.
    pub fn new(session: Session, last_event: u64) -> Self {
        Self { session, last_event, ..Self::default() }
    }
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Durable,
    Refused,
    InDoubt,
}

fn work_of(jobs: &[Job]) -> Work {
    let mut work = Work::default();
    for job in jobs {
        match job {
            Job::Submit { key, runs } => work.runs.push((*key, runs.clone())),
            Job::Change { changes, .. } => work.changes.extend(changes.iter().cloned()),
        }
    }
    work
}

impl World {
    /// Hands something over to be written.
    pub fn write(&mut self, server: u32, job: Job) {
        if let Some(server_) = self.servers.get_mut(&server) {
            server_.writer.jobs.push_back(job);
            self.begin_commit(server);
        }
    }

    fn begin_commit(&mut self, id: u32) {
        let delay = self.rng.i64(100..5000);
        let Some(server) = self.servers.get_mut(&id) else { return };
        let writer = &mut server.writer;
        if writer.busy || writer.jobs.is_empty() {
            return;
        }
        writer.busy = true;
        let count = self.rng.usize(1..=writer.jobs.len());
        writer.batch = Some(writer.jobs.drain(..count).collect());
        self.after(delay, Event::Commit(id));
    }

    /// The commit that was under way when a server died was made, or not.
    pub fn abandon_commit(&mut self, session: Session, writer: &mut Writer) {
        if let Some(batch) = writer.batch.take()
            && self.store.holder == Some(session)
            && self.rng.bool()
        {
            self.commit(session, &batch);
        }
    }

    fn commit(&mut self, by: Session, batch: &[Job]) {
        self.stats.commits += 1;
        let result = self.store.commit(by, &work_of(batch), &mut self.history);
        self.check(result);
    }

    /// A commit comes to its end.
    pub fn end_commit(&mut self, id: u32) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let (session, batch) = (server.writer.session, server.writer.batch.take().unwrap_or_default());
        let fenced = self.store.holder != Some(session) && self.mutation != Mutation::Unfenced;
        let doubt = self.troubled() && self.rng.f64() < self.scenario.rates.doubt;
        let outcome = if fenced {
            Outcome::InDoubt
        } else if self.store.full {
            Outcome::Refused
        } else if doubt {
            self.stats.doubts += 1;
            if self.rng.bool() {
                self.commit(session, &batch);
            }
            self.store.unlock(session);
            Outcome::InDoubt
        } else {
            self.commit(session, &batch);
            Outcome::Durable
        };
        self.trace(|| format!("server {id}'s commit of {} jobs is {outcome:?}", batch.len()));
        let pause = self.rng.i64(20_000..500_000);
        let Some(server) = self.servers.get_mut(&id) else { return };
        match outcome {
            Outcome::Durable => self.durable(id, batch),
            Outcome::Refused => {
                self.put_back(id, batch);
                self.after(pause, Event::Rewrite(id));
            }
            Outcome::InDoubt => {
                server.writer.batch = Some(batch);
                self.after(pause, Event::Reopen(id));
            }
        }
    }

    fn durable(&mut self, id: u32, batch: Vec<Job>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.writer.last_event += work_of(&batch).events();
        server.writer.busy = false;
        for job in batch {
            match job {
                Job::Submit { key, runs } => self.submitted(id, key, runs),
                Job::Change { after, .. } => {
                    let delay = self.rng.i64(10..500);
                    self.after(delay, Event::Durable(id, after));
                }
            }
        }
        self.begin_commit(id);
    }

    /// Submissions are refused; changes wait, before everything that came later.
    fn put_back(&mut self, id: u32, batch: Vec<Job>) {
        let mut refused = Vec::new();
        let Some(server) = self.servers.get_mut(&id) else { return };
        for job in batch.into_iter().rev() {
            match job {
                Job::Submit { key, .. } => refused.push(key),
                Job::Change { .. } => server.writer.jobs.push_front(job),
            }
        }
        for key in refused {
            self.ask_again(key);
        }
    }

    /// Tries again what could not be written.
    pub fn rewrite(&mut self, id: u32) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.writer.busy = false;
            self.begin_commit(id);
        }
    }

    /// The session is gone: opens another, and finds out what became of the last commit.
    pub fn reopen(&mut self, id: u32) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let Some(session) = self.store.lock() else {
            // Another one has the lock. This one knows nothing of what that one does: it ends.
            self.trace(|| format!("server {id} finds another one in its place, and ends"));
            self.stats.superseded += 1;
            self.end_server(id);
            return;
        };
        let before = std::mem::replace(&mut server.writer.session, session);
        let own = self.store.last_writer == before || self.mutation == Mutation::CountEvents;
        let batch = server.writer.batch.take().unwrap_or_default();
        let (known, events) = (server.writer.last_event, work_of(&batch).events());
        let found = self.store.last_event;
        self.trace(|| {
            format!("server {id} has the lock again; newest event {found}, known {known} + {events}")
        });
        if self.mutation == Mutation::BelieveDoubt {
            self.put_back(id, batch);
            self.rewrite(id);
        } else if found == known + events && events > 0 && own {
            self.durable(id, batch);
        } else if found == known {
            self.put_back(id, batch);
            self.rewrite(id);
        } else {
            self.trace(|| format!("another one wrote while server {id} was away: it ends"));
            self.stats.superseded += 1;
            self.end_server(id);
        }
    }
}
