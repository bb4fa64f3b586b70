//! The one task that writes: everything that arrives while a commit is under way shares the next one.
//!
//! A submission is answered after its commit, and so is any other [`Write`]. A change of a run is never given up: if the database
//! cannot be written (a full disk, a restart), it waits and is tried again, in order, while all else is refused with the reason.
//! A commit whose answer was lost may have taken place: before anything else is written, the database is asked, and what is
//! not there is written again.

mod away;
mod batch;
mod doubt;
mod postgres;
mod sqlite;
mod task;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use rigi_model::RunId;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::db::Db;
use crate::tables::events::SubjectChange;
use crate::tables::runs::{NewRun, RunChange};
use crate::write::Write;
use crate::{DbConfig, Error, Result};
use sqlite::SqliteCommits;
use task::Task;

/// What a commit changed, told to everybody who listens.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The newest event in it.
    pub last_event: i64,
    /// The runs that changed, each once.
    pub runs: Arc<[RunId]>,
    /// What happened to anything else.
    pub others: Arc<[SubjectChange]>,
}

/// A key that makes a submission safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// As the caller gave it.
    pub key: String,
    /// Hash of the request: the same key with another request is a conflict.
    pub request: String,
}

/// When a change is to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once: something waits for it.
    Now,
    /// Nobody waits for it: with the next commit, or within some milliseconds.
    Soon,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// These runs are durable.
    New(Vec<RunId>),
    /// The same request was accepted before, with these runs.
    Before(Vec<RunId>),
}

type Submission = (Vec<Arc<NewRun>>, Option<IdempotencyKey>, oneshot::Sender<Result<Accepted>>);

enum Job {
    Submit(Submission),
    Change { changes: Vec<RunChange>, pace: Pace, reply: oneshot::Sender<()> },
    Write { write: Write, reply: oneshot::Sender<Result<()>> },
}

/// Sends writes to the writing task.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    commits: broadcast::Sender<Commit>,
    taken: watch::Sender<bool>,
}

impl Writer {
    /// Starts the writing task.
    pub(crate) fn start(db: Db, config: &DbConfig) -> Result<Self> {
        let sqlite = match config {
            DbConfig::Sqlite(file) => Some(SqliteCommits::start(Path::new(file))?),
            DbConfig::Postgres(_) => None,
        };
        let (jobs, inbox) = mpsc::channel(4096);
        let (commits, _) = broadcast::channel(1024);
        let taken = watch::Sender::new(false);
        let task = Task::new(db, sqlite, commits.clone(), taken.clone());
        tokio::spawn(task.run(inbox));
        Ok(Self { jobs, commits, taken })
    }

    /// Everything that is committed from now on.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    /// Where commits are told.
    pub(crate) fn announcing(&self) -> broadcast::Sender<Commit> {
        self.commits.clone()
    }

    /// Resolves when another server has taken the database: this one writes no more.
    pub(crate) async fn taken(&self) {
        if self.taken.subscribe().wait_for(|taken| *taken).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// For whoever sees that another server has taken it.
    pub(crate) fn taking(&self) -> watch::Sender<bool> {
        self.taken.clone()
    }

    pub(crate) async fn submit(
        &self,
        runs: Vec<Arc<NewRun>>,
        key: Option<IdempotencyKey>,
    ) -> Result<Accepted> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Submit((runs, key, reply))).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Resolves when the changes are durable.
    pub(crate) async fn change(&self, changes: Vec<RunChange>, pace: Pace) -> Result<oneshot::Receiver<()>> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Change { changes, pace, reply }).await.map_err(|_| Error::Closed)?;
        Ok(answer)
    }

    pub(crate) async fn write(&self, write: Write) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Write { write, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
