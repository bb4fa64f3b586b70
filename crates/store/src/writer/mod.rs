//! The one task that writes: everything that arrives while a commit is under way shares the next one.
//!
//! A submission is answered after its commit. A change of a run is never given up: if the database cannot be written (a
//! full disk, a restart), it waits and is tried again, in order, while submissions are refused with the reason.

mod postgres;
mod sqlite;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rigi_model::RunId;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use crate::db::{Db, Tx};
use crate::tables::idempotency::KeyRow;
use crate::tables::runs::{NewRun, RunChange};
use crate::work::Work;
use crate::{DbConfig, Error, Result};
use sqlite::SqliteCommits;

/// What a commit changed, told to everybody who listens.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The newest event in it.
    pub last_event: i64,
    /// The runs that changed, each once.
    pub runs: Arc<[RunId]>,
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
    /// Nobody waits for it: with the next commit, or within [`SOON`].
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

/// Any other write.
pub(crate) type Other = Box<dyn for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<()>> + Send>;

type Submission = (Vec<NewRun>, Option<IdempotencyKey>, oneshot::Sender<Result<Accepted>>);

enum Job {
    Submit(Submission),
    Change { changes: Vec<RunChange>, pace: Pace, reply: oneshot::Sender<()> },
    Other { write: Other, reply: oneshot::Sender<Result<()>> },
}

/// How much one commit takes at most.
const JOBS_PER_COMMIT: usize = 1024;
/// Between two tries to write changes that could not be written.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// How long a change waits at most for a commit that it can share.
const SOON: Duration = Duration::from_millis(5);

/// Sends writes to the writing task.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    commits: broadcast::Sender<Commit>,
}

impl Writer {
    /// Starts the writing task.
    pub(crate) fn start(db: Db, config: &DbConfig, last_event: i64) -> Result<Self> {
        let sqlite = match config {
            DbConfig::Sqlite(file) => Some(SqliteCommits::start(Path::new(file))?),
            DbConfig::Postgres(_) => None,
        };
        let (jobs, inbox) = mpsc::channel(4096);
        let (commits, _) = broadcast::channel(1024);
        let task = Task {
            db,
            sqlite,
            next_event: last_event + 1,
            commits: commits.clone(),
            changes: Vec::new(),
            waiting: Vec::new(),
            due: None,
        };
        tokio::spawn(task.run(inbox));
        Ok(Self { jobs, commits })
    }

    /// Everything that is committed from now on.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    pub(crate) async fn submit(&self, runs: Vec<NewRun>, key: Option<IdempotencyKey>) -> Result<Accepted> {
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

    pub(crate) async fn write(&self, write: Other) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Other { write, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

struct Task {
    db: Db,
    /// Where SQLite's commits are made.
    sqlite: Option<SqliteCommits>,
    next_event: i64,
    commits: broadcast::Sender<Commit>,
    /// Changes that are not written yet, oldest first, and who waits for them.
    changes: Vec<RunChange>,
    waiting: Vec<oneshot::Sender<()>>,
    /// When they are written, should nothing else come.
    due: Option<Instant>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        loop {
            let first = match self.due {
                None => inbox.recv().await,
                Some(due) => match tokio::time::timeout_at(due, inbox.recv()).await {
                    Ok(job) => job,
                    Err(_) => {
                        self.commit(Vec::new()).await;
                        continue;
                    }
                },
            };
            let Some(first) = first else { break };
            self.take(first, &mut inbox).await;
        }
        self.commit(Vec::new()).await;
        self.db.close().await;
    }

    /// Takes what has arrived, and commits unless all of it can wait.
    async fn take(&mut self, first: Job, inbox: &mut mpsc::Receiver<Job>) {
        let mut submissions = Vec::new();
        let mut now = false;
        let mut next = Some(first);
        for taken in 1.. {
            let Some(job) = next else { break };
            match job {
                Job::Submit(submission) => submissions.push(submission),
                Job::Change { changes, pace, reply } => {
                    self.changes.extend(changes);
                    self.waiting.push(reply);
                    now |= pace == Pace::Now;
                }
                Job::Other { write, reply } => {
                    // What came before it is written before it.
                    self.commit(std::mem::take(&mut submissions)).await;
                    let written = self.write_other(write).await;
                    if written.is_err() {
                        self.db.renew().await;
                    }
                    let _ = reply.send(written);
                }
            }
            next = if taken < JOBS_PER_COMMIT { inbox.try_recv().ok() } else { None };
        }
        if now || !submissions.is_empty() {
            self.commit(submissions).await;
        } else if !self.changes.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + SOON);
        }
    }

    async fn write_other(&self, write: Other) -> Result<()> {
        let mut tx = self.db.begin().await?;
        write(&mut tx).await?;
        tx.commit().await
    }

    async fn commit(&mut self, submissions: Vec<Submission>) {
        self.due = None;
        let mut work = Work {
            first_event: self.next_event,
            changes: std::mem::take(&mut self.changes),
            ..Work::default()
        };
        let mut answers = Vec::with_capacity(submissions.len());
        let mut seen = HashMap::new();
        for (runs, key, reply) in submissions {
            answers.push((reply, self.admit(runs, key, &mut seen, &mut work).await));
        }
        if work.is_empty() {
            answers.into_iter().for_each(|(reply, answer)| _ = reply.send(answer));
            // Nothing waits to be written: all that came before is durable.
            self.waiting.drain(..).for_each(|reply| _ = reply.send(()));
            return;
        }
        let (mut work, result) = self.write(work).await;
        match result {
            Ok(()) => {
                self.next_event += i64::try_from(work.events()).unwrap_or(0);
                answers.into_iter().for_each(|(reply, answer)| _ = reply.send(answer));
                self.waiting.drain(..).for_each(|reply| _ = reply.send(()));
                if self.commits.receiver_count() > 0 {
                    let commit = Commit { last_event: self.next_event - 1, runs: work.changed().into() };
                    let _ = self.commits.send(commit);
                }
            }
            Err(error) => {
                answers.into_iter().for_each(|(reply, _)| _ = reply.send(Err(error.again())));
                if !work.changes.is_empty() {
                    tracing::warn!(%error, waiting = work.changes.len(), "changes wait until they can be written");
                    self.due = Some(Instant::now() + RETRY_EVERY);
                }
                self.changes = std::mem::take(&mut work.changes);
            }
        }
    }

    async fn write(&self, work: Work) -> (Work, Result<()>) {
        match (&self.sqlite, &self.db) {
            (Some(sqlite), _) => sqlite.commit(work).await,
            (None, Db::Postgres(pool)) => {
                let result = postgres::commit(pool, &work).await;
                (work, result)
            }
            (None, Db::Sqlite { .. }) => (work, Err(Error::Closed)),
        }
    }

    /// Decides whether a submission is new, and takes it on if it is. `seen` holds the keys of this commit. This task alone
    /// writes keys, so that what it has read stays true.
    async fn admit(
        &self,
        runs: Vec<NewRun>,
        key: Option<IdempotencyKey>,
        seen: &mut HashMap<String, (String, Vec<RunId>)>,
        work: &mut Work,
    ) -> Result<Accepted> {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
        if let (Some(key), Some(first)) = (key, runs.first()) {
            let before = match seen.get(&key.key) {
                Some(before) => Some(before.clone()),
                None => self.db.used_key(&first.project, &key.key).await?,
            };
            if let Some((request, ids)) = before {
                let same = request == key.request;
                return if same {
                    Ok(Accepted::Before(ids))
                } else {
                    Err(Error::IdempotencyConflict { key: key.key })
                };
            }
            seen.insert(key.key.clone(), (key.request.clone(), ids.clone()));
            work.keys.push(KeyRow {
                project: first.project.clone(),
                answer: serde_json::to_string(&ids).expect("ids serialise"),
                key: key.key,
                request: key.request,
                created_at: first.created_at,
            });
        }
        work.runs.extend(runs);
        Ok(Accepted::New(ids))
    }
}
