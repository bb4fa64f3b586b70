//! The one task that writes: everything that arrives while a commit is under way shares the next one.
//!
//! A submission is answered after its commit. A change of a run is never given up: if the database cannot be written (a
//! full disk, a restart), it waits and is tried again, in order, while submissions are refused with the reason. A commit
//! whose answer was lost may have taken place: before anything else is written, the database is asked, and what is not
//! there is written again.

mod away;
mod batch;
mod postgres;
mod sqlite;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rigi_model::{ProjectName, RunId};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::db::{Db, Tx};
use crate::error::Failed;
use crate::tables::idempotency::KeyRow;
use crate::tables::runs::{NewRun, RunChange};
use crate::work::Work;
use crate::{DbConfig, Error, Result};
use away::Away;
use batch::Batch;
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

type Submission = (Vec<Arc<NewRun>>, Option<IdempotencyKey>, oneshot::Sender<Result<Accepted>>);

enum Job {
    Submit(Submission),
    Change { changes: Vec<RunChange>, pace: Pace, reply: oneshot::Sender<()> },
    Other { write: Other, reply: oneshot::Sender<Result<()>> },
}

/// How much one commit takes at most.
const JOBS_PER_COMMIT: usize = 1024;
/// Any other write is given the time of so many runs.
const OTHER_RUNS: usize = 20_000;
/// How long a change waits at most for a commit that it can share.
const SOON: Duration = Duration::from_millis(5);

/// Sends writes to the writing task.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    commits: broadcast::Sender<Commit>,
    is_taken: watch::Receiver<bool>,
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
        let (taken, is_taken) = watch::channel(false);
        let task = Task {
            db,
            sqlite,
            next_event: None,
            commits: commits.clone(),
            changes: Vec::new(),
            waiting: Vec::new(),
            due: None,
            doubt: None,
            taken,
            away: None,
        };
        tokio::spawn(task.run(inbox));
        Ok(Self { jobs, commits, is_taken })
    }

    /// Everything that is committed from now on.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    /// Resolves when another server has taken the database: this one writes no more.
    pub(crate) async fn taken(&self) {
        if self.is_taken.clone().wait_for(|taken| *taken).await.is_err() {
            std::future::pending::<()>().await;
        }
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
    /// Read before the first commit, when the lock is held: a killed server's last commit may take place until then.
    next_event: Option<i64>,
    commits: broadcast::Sender<Commit>,
    /// Changes that are not written yet, oldest first, and who waits for them.
    changes: Vec<RunChange>,
    waiting: Vec<oneshot::Sender<()>>,
    /// When they are written, should nothing else come.
    due: Option<Instant>,
    /// The last commit, if nobody knows whether it took place.
    doubt: Option<Batch>,
    /// Told when another server has taken the database.
    taken: watch::Sender<bool>,
    /// Set while the database cannot be written.
    away: Option<Away>,
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
        self.away = None;
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
                    let _ = reply.send(self.write_other(write).await);
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

    async fn write_other(&mut self, write: Other) -> Result<()> {
        self.clear_doubt().await?;
        let db = self.db.clone();
        let written = db.within_bound(OTHER_RUNS, async {
            let mut tx = db.begin().await?;
            write(&mut tx).await?;
            tx.commit().await
        });
        let written = written.await;
        if written.is_err() {
            self.db.renew().await;
        }
        written
    }

    async fn commit(&mut self, submissions: Vec<Submission>) {
        self.due = None;
        match self.find_next_event().await {
            Ok(first) => {
                let batch = self.gather(submissions, first).await;
                self.write(batch).await;
            }
            Err(error) => submissions.into_iter().for_each(|(.., reply)| _ = reply.send(Err(error.again()))),
        }
        if self.doubt.is_some() || !self.changes.is_empty() {
            self.due = self.away.as_ref().map(|away| away.until);
        }
    }

    /// Refuses while the database is away; else finds out about a commit whose answer was lost, and makes it again where
    /// it did not take place.
    async fn clear_doubt(&mut self) -> Result<()> {
        if let Some(error) = self.away.as_ref().and_then(|away| away.refusal(Instant::now())) {
            return Err(error);
        }
        let Some(mut batch) = self.doubt.take() else { return Ok(()) };
        match self.db.has_event(batch.work.first_event + batch.work.events() - 1).await {
            Ok(true) => {
                tracing::warn!("the answer to a commit was lost; it has taken place");
                self.done(batch);
            }
            Ok(false) => {
                tracing::warn!("the answer to a commit was lost; it has not taken place and is made again");
                self.write(batch).await;
            }
            Err(error) => {
                if matches!(error, Error::InUse { .. }) {
                    // Its events are not the only ones any more.
                    batch.answer_unknown();
                }
                self.doubt = Some(batch);
                return Err(self.fail(error).await);
            }
        }
        self.away.as_ref().and_then(|away| away.refusal(Instant::now())).map_or(Ok(()), Err)
    }

    /// The id of the next event, when nothing before it is in doubt.
    async fn find_next_event(&mut self) -> Result<i64> {
        self.clear_doubt().await?;
        if let Some(next) = self.next_event {
            return Ok(next);
        }
        match self.db.last_event().await {
            Ok(last) => Ok(*self.next_event.insert(last + 1)),
            Err(error) => Err(self.fail(error).await),
        }
    }

    async fn gather(&mut self, submissions: Vec<Submission>, first_event: i64) -> Batch {
        let mut work = Work { first_event, changes: std::mem::take(&mut self.changes), ..Work::default() };
        let mut answers = Vec::with_capacity(submissions.len());
        let mut seen = HashMap::new();
        let mut silent = None;
        for (runs, key, reply) in submissions {
            let answer = match &silent {
                // One question that is not answered takes long enough.
                Some(error) if key.is_some() => Err(Error::again(error)),
                _ => self.admit(runs, key, &mut seen, &mut work).await,
            };
            if let Err(error @ Error::Unavailable(_)) = &answer {
                silent.get_or_insert_with(|| error.again());
            }
            answers.push((reply, answer));
        }
        Batch { work, answers, waiting: std::mem::take(&mut self.waiting) }
    }

    async fn write(&mut self, mut batch: Batch) {
        if batch.work.is_empty() {
            // Nothing waits to be written: all that came before is durable.
            batch.answer();
            return;
        }
        let (work, result) = self.try_write(batch.work).await;
        batch.work = work;
        match result {
            Ok(()) => self.done(batch),
            Err(Failed::Perhaps(error)) if batch.work.events() > 0 => {
                self.fail(error).await;
                self.doubt = Some(batch);
            }
            // What adds nothing may be written twice.
            Err(Failed::Surely(error) | Failed::Perhaps(error)) => {
                let error = self.fail(error).await;
                batch.answers.into_iter().for_each(|(reply, _)| _ = reply.send(Err(error.again())));
                self.changes.splice(..0, batch.work.changes);
                self.waiting.splice(..0, batch.waiting);
            }
        }
    }

    async fn try_write(&self, work: Work) -> (Work, Result<(), Failed>) {
        match (&self.sqlite, &self.db) {
            (Some(sqlite), _) => sqlite.commit(work).await,
            (None, Db::Postgres(server)) => {
                let result = postgres::commit(server, &work).await;
                (work, result)
            }
            (None, Db::Sqlite { .. }) => (work, Err(Failed::Surely(Error::Closed))),
        }
    }

    fn done(&mut self, batch: Batch) {
        let next_event = batch.work.first_event + batch.work.events();
        self.next_event = Some(next_event);
        // Whoever begins to listen after this reads what is durable: while nobody does, nothing is gathered.
        let listeners = self.commits.receiver_count() > 0;
        let last_event = next_event - 1;
        let commit = listeners.then(|| Commit { last_event, runs: batch.work.changed().into() });
        batch.answer();
        if let Some(commit) = commit {
            let _ = self.commits.send(commit);
        }
        if self.away.take().is_some() {
            tracing::info!("the database can be written again");
        }
    }

    /// Plans the next try.
    async fn fail(&mut self, error: Error) -> Error {
        self.db.renew().await;
        tracing::warn!(%error, waiting = self.changes.len(), "the database cannot be written; this is tried again");
        if matches!(error, Error::InUse { .. }) {
            self.taken.send_replace(true);
        }
        self.away = Some(Away::plan(self.away.as_ref(), &error, Instant::now()));
        error
    }

    /// Decides whether a submission is new, and takes it on if it is. `seen` holds the keys of this commit. This task alone
    /// writes keys, so that what it has read stays true.
    async fn admit(
        &self,
        runs: Vec<Arc<NewRun>>,
        key: Option<IdempotencyKey>,
        seen: &mut HashMap<(ProjectName, String), (String, Vec<RunId>)>,
        work: &mut Work,
    ) -> Result<Accepted> {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
        if let (Some(key), Some(first)) = (key, runs.first()) {
            let own = (first.project.clone(), key.key.clone());
            let before = match seen.get(&own) {
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
            seen.insert(own, (key.request.clone(), ids.clone()));
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
