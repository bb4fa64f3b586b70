//! Steps that wait for a person.

use std::collections::HashMap;
use std::time::Duration;

use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::rights::Role;
use rigi_model::{AttemptKey, Exit, Reason, RunId, Timestamp, attempt::FailureClass};
use rigi_store::flows::Answer;
use rigi_store::{Commit, Run};
use rigi_work::plan::{Observation, STOPPED};
use tokio::sync::broadcast::{self, error::RecvError};

use super::router::World;

/// Between two looks at the clock, which may be set.
const GLANCE: Duration = Duration::from_secs(60);

struct Waiting {
    key: AttemptKey,
    since: Timestamp,
    limit: Option<Duration>,
}

/// All of them.
pub(super) struct Approvals {
    world: World,
    waiting: HashMap<RunId, Waiting>,
    /// Followed only while somebody waits.
    commits: Option<broadcast::Receiver<Commit>>,
}

impl Approvals {
    pub fn new(world: World) -> Self {
        Self { world, waiting: HashMap::new(), commits: None }
    }

    /// A run begins to wait.
    pub async fn begin(
        &mut self,
        key: AttemptKey,
        run: &Run,
        role: Role,
        message: Option<String>,
        limit: Option<Duration>,
    ) {
        if self.commits.is_none() {
            self.commits = Some(self.world.engine.store().commits());
        }
        let asked = message.map(|message| format!(": {message}")).unwrap_or_default();
        let article = if role == Role::Runner { "a" } else { "an" };
        let message = format!("waits for the answer of {article} {role}{asked}");
        self.ask_for(run, &message).await;
        let reason = Reason::WaitingForApproval;
        self.world.observed(&key, Observation::Preparing { reason, message });
        let since = run.status.claimed_at.unwrap_or(run.request.created_at);
        let id = key.run.clone();
        self.waiting
            .insert(id.clone(), Waiting { key, since, limit: limit.filter(|limit| !limit.is_zero()) });
        self.look(&id).await;
    }

    /// Who wants to know is told, once a run.
    async fn ask_for(&self, run: &Run, message: &str) {
        let (engine, project, kind) = (&self.world.engine, &run.request.project, NoticeKind::Approval);
        if !engine.rules().tell_of(project, kind) {
            return;
        }
        let facts = Facts {
            pipeline: Some(run.request.pipeline.to_string()),
            run: Some(run.request.id.to_string()),
            message: Some(message.to_owned()),
            ..Facts::default()
        };
        if let Err(error) = engine.store().note_occurrence(project, kind, &facts, Timestamp::now()).await {
            tracing::warn!(run = %run.request.id, %error, "nobody is told that a run waits for an answer");
        }
    }

    /// It is to end; `false`: it is none of these.
    pub fn stop(&mut self, key: &AttemptKey) -> bool {
        let Some(waiting) = self.waiting.remove(&key.run) else { return false };
        self.world.ended(&waiting.key, Exit::Stopped, None, &[STOPPED.to_owned()]);
        self.rest();
        true
    }

    /// Returns when something of it has been looked at; never while nobody waits.
    pub async fn wait(&mut self) {
        let Some(commits) = &mut self.commits else { return std::future::pending().await };
        let now = Timestamp::now();
        let due = |waiting: &Waiting| waiting.limit.map(|limit| waiting.since.after(limit));
        let next = self.waiting.values().filter_map(due).min();
        let sleep = next.map_or(GLANCE, |next| next.since(now).min(GLANCE));
        let changed: Vec<RunId> = tokio::select! {
            commit = commits.recv() => match commit {
                Ok(commit) => commit.runs.iter().filter(|run| self.waiting.contains_key(*run)).cloned().collect(),
                Err(RecvError::Lagged(_)) => self.waiting.keys().cloned().collect(),
                Err(RecvError::Closed) => return std::future::pending().await,
            },
            () = tokio::time::sleep(sleep) => Vec::new(),
        };
        for run in changed {
            self.look(&run).await;
        }
        let now = Timestamp::now();
        let over = |waiting: &&Waiting| due(waiting).is_some_and(|due| due <= now);
        let over: Vec<RunId> =
            self.waiting.values().filter(over).map(|waiting| waiting.key.run.clone()).collect();
        for run in over {
            let Some(Waiting { key, since, limit: Some(limit) }) = self.waiting.remove(&run) else {
                continue;
            };
            let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
            self.world.ended(
                &key,
                Exit::TimedOut { limit_us },
                Some(since),
                &["Nobody answered in time.".to_owned()],
            );
        }
        self.rest();
    }

    /// Whether somebody has answered.
    async fn look(&mut self, run: &RunId) {
        let answer = match self.world.engine.store().db().answer(run).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%run, %error, "an answer cannot be read; this is tried again with the next change");
                return;
            }
        };
        let Some(Waiting { key, since, .. }) = self.waiting.remove(run) else { return };
        let Answer { approved, by, note, .. } = answer;
        let said = note.map(|note| format!(": {note}")).unwrap_or_default();
        let word = if approved { "Approved" } else { "Rejected" };
        let words = [format!("{word} by {by}{said}")];
        let exit = if approved {
            Exit::Code { code: 0 }
        } else {
            let message = format!("rejected by {by}{said}");
            Exit::NotStarted { class: FailureClass::User, reason: Reason::Rejected, message }
        };
        self.world.ended(&key, exit, Some(since), &words);
        self.rest();
    }

    /// Nobody waits: commits need not be followed.
    fn rest(&mut self) {
        if self.waiting.is_empty() {
            self.commits = None;
        }
    }
}
