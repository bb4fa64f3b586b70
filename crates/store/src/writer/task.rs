//! The task itself: what shares a commit, what is written when, and what follows where it fails.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rigi_model::{ProjectName, RunId};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::away::Away;
use super::batch::{Answer, Batch, Gathered, answer_before};
use super::sqlite::SqliteCommits;
use super::{Accepted, Commit, IdempotencyKey, Job, Pace, postgres};
use crate::db::Db;
use crate::error::Failed;
use crate::tables::idempotency::KeyRow;
use crate::tables::runs::{NewRun, RunChange};
use crate::work::Work;
use crate::{Error, Result};

/// How much one commit takes at most.
const JOBS_PER_COMMIT: usize = 1024;
/// How long a change waits at most for a commit that it can share.
const SOON: Duration = Duration::from_millis(5);

pub(super) struct Task {
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
    pub(super) fn new(
        db: Db,
        sqlite: Option<SqliteCommits>,
        commits: broadcast::Sender<Commit>,
        taken: watch::Sender<bool>,
    ) -> Self {
        Self {
            db,
            sqlite,
            next_event: None,
            commits,
            changes: Vec::new(),
            waiting: Vec::new(),
            due: None,
            doubt: None,
            taken,
            away: None,
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        loop {
            let first = match self.due {
                None => inbox.recv().await,
                Some(due) => match tokio::time::timeout_at(due, inbox.recv()).await {
                    Ok(job) => job,
                    Err(_) => {
                        self.commit(Gathered::default()).await;
                        continue;
                    }
                },
            };
            let Some(first) = first else { break };
            self.take(first, &mut inbox).await;
        }
        self.away = None;
        self.commit(Gathered::default()).await;
        self.db.close().await;
    }

    /// Takes what has arrived, and commits unless all of it can wait.
    async fn take(&mut self, first: Job, inbox: &mut mpsc::Receiver<Job>) {
        let mut gathered = Gathered::default();
        let mut now = false;
        let mut next = Some(first);
        for taken in 1.. {
            let Some(job) = next else { break };
            match job {
                Job::Submit(submission) => gathered.submissions.push(submission),
                Job::Change { changes, pace, reply } => {
                    self.changes.extend(changes);
                    self.waiting.push(reply);
                    now |= pace == Pace::Now;
                }
                Job::Write { write, reply } if write.alone => {
                    self.commit(std::mem::take(&mut gathered)).await;
                    self.commit(Gathered { writes: vec![(write, reply)], ..Gathered::default() }).await;
                }
                Job::Write { write, reply } => gathered.writes.push((write, reply)),
            }
            next = if taken < JOBS_PER_COMMIT { inbox.try_recv().ok() } else { None };
        }
        if now || !gathered.is_empty() {
            self.commit(gathered).await;
        } else if !self.changes.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + SOON);
        }
    }

    async fn commit(&mut self, gathered: Gathered) {
        self.due = None;
        match self.find_next_event().await {
            Ok(first) => {
                let batch = self.gather(gathered, first).await;
                self.write(batch).await;
            }
            Err(error) => gathered.refuse(&error),
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
        let found = match batch.work.mark() {
            Some(mark) => self.db.has_event(&mark).await,
            None => Ok(false),
        };
        match found {
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

    async fn gather(&mut self, gathered: Gathered, first_event: i64) -> Batch {
        let Gathered { submissions, writes } = gathered;
        let (writes, written) = writes.into_iter().unzip();
        let changes = std::mem::take(&mut self.changes);
        let mut work = Work { first_event, changes, writes, ..Work::default() };
        let mut answers = Vec::with_capacity(submissions.len());
        let mut seen = HashMap::new();
        let mut silent = None;
        for (runs, key, reply) in submissions {
            let own = key.as_ref().zip(runs.first()).map(|(key, run)| (run.project.clone(), key.key.clone()));
            let answer = match &silent {
                // One question that is not answered takes long enough.
                Some(error) if key.is_some() => Err(Error::again(error)),
                _ => self.admit(runs, key, &mut seen, &mut work).await,
            };
            if let Err(error @ Error::Unavailable(_)) = &answer {
                silent.get_or_insert_with(|| error.again());
            }
            answers.push(Answer { reply, answer, key: own });
        }
        Batch { work, answers, waiting: std::mem::take(&mut self.waiting), written }
    }

    async fn write(&mut self, batch: Batch) {
        let mut parts = VecDeque::from([batch]);
        while let Some(mut batch) = parts.pop_front() {
            if batch.work.is_empty() {
                // Nothing waits to be written: all that came before is durable.
                batch.answer();
                continue;
            }
            if let Some(error) = self.away.as_ref().and_then(|away| away.refusal(Instant::now())) {
                // A part before it was not written.
                self.take_back(batch, &error);
                continue;
            }
            batch.work.first_event = self.next_event.unwrap_or(batch.work.first_event);
            let (work, result) = self.try_write(batch.work).await;
            batch.work = work;
            match result {
                Ok(()) => self.done(batch),
                Err(Failed::Surely(error @ (Error::Conflict(_) | Error::Crossed(_)))) => {
                    let again = self.resolve(batch, error).await;
                    again.into_iter().rev().for_each(|part| parts.push_front(part));
                }
                Err(Failed::Perhaps(error)) if batch.work.events() > 0 => {
                    self.fail(error).await;
                    self.doubt = Some(batch);
                }
                // What adds nothing may be written twice.
                Err(Failed::Surely(error) | Failed::Perhaps(error)) => {
                    let error = self.fail(error).await;
                    self.take_back(batch, &error);
                }
            }
        }
    }

    /// Nothing of it was written: changes wait for the next try.
    fn take_back(&mut self, mut batch: Batch, error: &Error) {
        batch.refuse(error);
        self.changes.splice(..0, batch.work.changes);
        self.waiting.splice(..0, batch.waiting);
    }

    /// What the database has refused: what is to be tried instead. Where another server has written meanwhile, the same behind
    /// what that one wrote; else each part for itself, so that only the one that contradicts what is stored is refused.
    async fn resolve(&mut self, mut batch: Batch, conflict: Error) -> Vec<Batch> {
        let last = match self.db.last_event().await {
            Ok(last) => last,
            Err(error) => {
                let error = self.fail(error).await;
                self.take_back(batch, &error);
                return Vec::new();
            }
        };
        // Whose commit was let go first may not be seen yet: then the same is tried once more.
        if last >= batch.work.first_event || matches!(conflict, Error::Crossed(_)) {
            self.next_event = Some((last + 1).max(batch.work.first_event));
            for key in batch.keys() {
                match self.db.used_key(&key.0, &key.1).await {
                    Ok(None) => {}
                    Ok(Some((request, before))) => batch.key_is_used(&key, &request, &before),
                    Err(error) => {
                        let error = self.fail(error).await;
                        self.take_back(batch, &error);
                        return Vec::new();
                    }
                }
            }
            return vec![batch];
        }
        if batch.is_shared() {
            return batch.split();
        }
        if batch.work.changes.is_empty() {
            batch.refuse(&conflict);
        } else {
            // Changes are never given up.
            let error = self.fail(conflict).await;
            self.take_back(batch, &error);
        }
        Vec::new()
    }

    async fn try_write(&self, work: Work) -> (Work, Result<(), Failed>) {
        let begun = Instant::now();
        let (work, result) = match (&self.sqlite, &self.db) {
            (Some(sqlite), _) => sqlite.commit(work).await,
            (None, Db::Postgres(server)) => {
                let result = postgres::commit(server, &work).await;
                (work, result)
            }
            (None, Db::Sqlite { .. }) => (work, Err(Failed::Surely(Error::Closed))),
        };
        metrics::histogram!("rigi_database_commit_seconds").record(begun.elapsed().as_secs_f64());
        (work, result)
    }

    fn done(&mut self, batch: Batch) {
        let next_event = batch.work.next_event();
        self.next_event = Some(next_event);
        // Whoever begins to listen after this reads what is durable: while nobody does, nothing is gathered.
        let listeners = self.commits.receiver_count() > 0;
        let last_event = next_event - 1;
        let commit = listeners.then(|| Commit {
            last_event,
            runs: batch.work.changed().into(),
            others: batch.work.told().into(),
        });
        // Told before it is answered: who asks again with the answer in hand meets those who have heard of it.
        if let Some(commit) = commit {
            let _ = self.commits.send(commit);
        }
        batch.answer();
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

    /// Decides whether a submission is new, and takes it on if it is. `seen` holds the keys of this commit. Should another server
    /// use the same key meanwhile, this commit's events have ids that it has used as well: [`Self::resolve`] looks again.
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
                return answer_before(&key.request, &request, &ids, &key.key);
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
