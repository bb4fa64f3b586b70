//! The one task that writes: everything that arrives while a commit is under way shares the next one.
//!
//! A submission is answered after its commit. A change of a run is never given up: if the database cannot be written (a
//! full disk, a restart), it waits and is tried again, in order, while submissions are refused with the reason.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rigi_model::event::RunEvent;
use rigi_model::{Reason, RunId, RunState, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::db::{Db, Tx, on_tx};
use crate::tables::runs::{NewRun, RunChange};
use crate::tables::{artifacts, attempts, events, runs};
use crate::{Error, Result};

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

enum Job {
    Submit { runs: Vec<NewRun>, key: Option<IdempotencyKey>, reply: oneshot::Sender<Result<Accepted>> },
    Change { changes: Vec<RunChange>, reply: oneshot::Sender<()> },
    Other { write: Option<Other>, reply: oneshot::Sender<Result<()>> },
}

/// How much one commit takes at most.
const JOBS_PER_COMMIT: usize = 1024;
/// Between two tries to write changes that could not be written.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Sends writes to the writing task.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    commits: broadcast::Sender<Commit>,
}

impl Writer {
    /// Starts the writing task.
    pub(crate) fn start(db: Db, last_event: i64) -> Self {
        let (jobs, inbox) = mpsc::channel(4096);
        let (commits, _) = broadcast::channel(1024);
        let task = Task { db, next_event: last_event + 1, commits: commits.clone(), pending: Vec::new() };
        tokio::spawn(task.run(inbox));
        Self { jobs, commits }
    }

    /// Everything that is committed from now on.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    pub(crate) async fn submit(&self, runs: Vec<NewRun>, key: Option<IdempotencyKey>) -> Result<Accepted> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Submit { runs, key, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Resolves when the changes are durable.
    pub(crate) async fn change(&self, changes: Vec<RunChange>) -> Result<oneshot::Receiver<()>> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Change { changes, reply }).await.map_err(|_| Error::Closed)?;
        Ok(answer)
    }

    pub(crate) async fn write(&self, write: Other) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Other { write: Some(write), reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

struct Task {
    db: Db,
    next_event: i64,
    commits: broadcast::Sender<Commit>,
    /// Changes that could not be written yet, oldest first.
    pending: Vec<(Vec<RunChange>, oneshot::Sender<()>)>,
}

type Submission = (Vec<NewRun>, Option<IdempotencyKey>, oneshot::Sender<Result<Accepted>>);

/// The jobs of one commit.
#[derive(Default)]
struct Batch {
    submissions: Vec<Submission>,
    changes: Vec<(Vec<RunChange>, oneshot::Sender<()>)>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        loop {
            let first = if self.pending.is_empty() {
                inbox.recv().await
            } else {
                match tokio::time::timeout(RETRY_EVERY, inbox.recv()).await {
                    Ok(job) => job,
                    Err(_) => {
                        self.commit(Batch::default()).await;
                        continue;
                    }
                }
            };
            let Some(first) = first else { break };
            let mut batch = Batch::default();
            let mut next = Some(first);
            let mut taken = 0;
            while let Some(job) = next {
                match job {
                    Job::Submit { runs, key, reply } => batch.submissions.push((runs, key, reply)),
                    Job::Change { changes, reply } => batch.changes.push((changes, reply)),
                    Job::Other { write, reply } => {
                        // What came before it is written before it.
                        self.commit(std::mem::take(&mut batch)).await;
                        let written = self.write_other(write).await;
                        if written.is_err() {
                            self.db.renew().await;
                        }
                        let _ = reply.send(written);
                    }
                }
                taken += 1;
                next = if taken < JOBS_PER_COMMIT { inbox.try_recv().ok() } else { None };
            }
            self.commit(batch).await;
        }
        if !self.pending.is_empty() {
            self.commit(Batch::default()).await;
        }
        self.db.close().await;
    }

    async fn write_other(&self, write: Option<Other>) -> Result<()> {
        let Some(write) = write else { return Ok(()) };
        let mut tx = self.db.begin().await?;
        write(&mut tx).await?;
        tx.commit().await
    }

    async fn commit(&mut self, mut batch: Batch) {
        self.pending.append(&mut batch.changes);
        if batch.submissions.is_empty() && self.pending.is_empty() {
            return;
        }
        match self.try_commit(&batch.submissions).await {
            Ok((answers, commit)) => {
                for ((_, _, reply), answer) in batch.submissions.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
                for (_, reply) in self.pending.drain(..) {
                    let _ = reply.send(());
                }
                if let Some(commit) = commit {
                    let _ = self.commits.send(commit);
                }
            }
            Err(error) => {
                self.db.renew().await;
                if !self.pending.is_empty() {
                    tracing::warn!(%error, waiting = self.pending.len(), "changes wait until they can be written");
                }
                for (_, _, reply) in batch.submissions {
                    let _ = reply.send(Err(error.again()));
                }
            }
        }
    }

    async fn try_commit(
        &mut self,
        submissions: &[Submission],
    ) -> Result<(Vec<Result<Accepted>>, Option<Commit>)> {
        let mut tx = self.db.begin().await?;
        let mut answers = Vec::with_capacity(submissions.len());
        let mut seen = HashMap::new();
        let mut new: Vec<NewRun> = Vec::new();
        for (runs, key, _) in submissions {
            answers.push(admit(&mut tx, runs, key.as_ref(), &mut seen).await?);
            if matches!(answers.last(), Some(Ok(Accepted::New(_)))) {
                new.extend(runs.iter().cloned());
            }
        }
        runs::insert(&mut tx, &new).await?;
        let accepted: Vec<RunEvent> = new.iter().map(queued_event).collect();
        let changes: Vec<&RunChange> = self.pending.iter().flat_map(|(changes, _)| changes).collect();
        write_changes(&mut tx, &changes).await?;
        let told: Vec<&RunEvent> = accepted.iter().chain(changes.iter().flat_map(|c| &c.events)).collect();
        events::insert(&mut tx, self.next_event, &told).await?;
        let last_event = self.next_event + i64::try_from(told.len()).unwrap_or(0) - 1;
        tx.commit().await?;
        // Whoever begins to listen after this reads what is durable: while nobody does, nothing is gathered.
        let commit = (self.commits.receiver_count() > 0).then(|| {
            let mut changed: Vec<RunId> = told.iter().map(|event| event.run.clone()).collect();
            changed.sort();
            changed.dedup();
            Commit { last_event, runs: changed.into() }
        });
        self.next_event = last_event + 1;
        Ok((answers, commit))
    }
}

fn queued_event(run: &NewRun) -> RunEvent {
    RunEvent {
        run: run.id.clone(),
        at: run.created_at,
        kind: RunState::Queued.as_str(),
        attempt: 0,
        reason: Some(Reason::Queued),
        message: None,
    }
}

async fn write_changes(tx: &mut Tx, changes: &[&RunChange]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    // Several changes of one run in one commit: the last word counts, in the order of their first.
    let mut last: HashMap<&RunId, usize> = HashMap::with_capacity(changes.len());
    for (index, change) in changes.iter().enumerate() {
        last.insert(&change.run, index);
    }
    let mut indices: Vec<usize> = last.into_values().collect();
    indices.sort_unstable();
    let newest: Vec<&RunChange> = indices.into_iter().map(|i| changes[i]).collect();
    runs::update(tx, &newest).await?;
    let ended: Vec<_> = changes.iter().filter_map(|c| Some((&c.run, c.attempt.as_ref()?))).collect();
    attempts::insert(tx, &ended).await?;
    let files: Vec<_> = changes.iter().flat_map(|c| c.artifacts.iter().map(|a| (&c.run, a))).collect();
    artifacts::insert(tx, &files).await
}

/// Decides whether a submission is new. `seen` holds the keys of this commit.
async fn admit(
    tx: &mut Tx,
    runs: &[NewRun],
    key: Option<&IdempotencyKey>,
    seen: &mut HashMap<String, (String, Vec<RunId>)>,
) -> Result<Result<Accepted>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    let (Some(key), Some(first)) = (key, runs.first()) else { return Ok(Ok(Accepted::New(ids))) };
    let before = match seen.get(&key.key) {
        Some(before) => Some(before.clone()),
        None => find_key(tx, &first.project, &key.key).await?,
    };
    if let Some((request, ids)) = before {
        let same = request == key.request;
        return Ok(if same {
            Ok(Accepted::Before(ids))
        } else {
            Err(Error::IdempotencyConflict { key: key.key.clone() })
        });
    }
    let answer = serde_json::to_string(&ids).expect("ids serialise");
    insert_key(tx, &first.project, key, &answer, first.created_at).await?;
    seen.insert(key.key.clone(), (key.request.clone(), ids.clone()));
    Ok(Ok(Accepted::New(ids)))
}

async fn find_key(tx: &mut Tx, project: &str, key: &str) -> Result<Option<(String, Vec<RunId>)>> {
    let sql = "SELECT request, answer FROM idempotency WHERE project = $1 AND key = $2";
    let row: Option<(String, String)> =
        on_tx!(tx, c, D => sqlx::query_as(sql).bind(project).bind(key).fetch_optional(c).await?);
    row.map(|(request, answer)| Ok((request, crate::db::from_json("an idempotency key", &answer)?)))
        .transpose()
}

async fn insert_key(
    tx: &mut Tx,
    project: &str,
    key: &IdempotencyKey,
    answer: &str,
    now: Timestamp,
) -> Result<()> {
    let sql =
        "INSERT INTO idempotency (project, key, request, answer, created_at) VALUES ($1, $2, $3, $4, $5)";
    on_tx!(tx, c, D => {
        sqlx::query(sql).bind(project).bind(&key.key).bind(&key.request).bind(answer).bind(now.0).execute(c).await?;
    });
    Ok(())
}
