//! What answers in a server that follows, in place of the core: the engine is at work in another, the one that leads.
//!
//! It takes the same messages. What is to happen is written as an event, which the server that leads hears and acts on; what is asked is
//! answered from the database. Places in the queue and what runs do right now are known to the one that leads alone.

use std::collections::HashMap;

use rigi_model::{Actor, ProjectName, RunId, RunState, Timestamp};
use rigi_store::{Heard, OpenOf, Result, Run, Store};
use tokio::sync::mpsc;

use crate::decide::LimitOf;
use crate::ledger::{CancelAnswer, Message};

/// See the module.
pub(crate) struct Follower {
    store: Store,
    inbox: mpsc::UnboundedReceiver<Message>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Follower {
    pub(crate) fn new(
        store: Store,
        heard: mpsc::UnboundedReceiver<Heard>,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        (Self { store, inbox, heard }, outbox)
    }

    /// Until nobody is left who could ask.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                message = self.inbox.recv() => {
                    let Some(message) = message else { return };
                    if let Err(error) = self.hear(message).await {
                        // Whoever asked is told by the end of the line that there is no answer.
                        tracing::warn!(%error, "a question cannot be answered");
                    }
                }
                // Those who follow changes are told by the store; nothing of it is to be acted on here.
                Some(_) = self.heard.recv() => {}
            }
        }
    }

    async fn hear(&self, message: Message) -> Result<()> {
        match message {
            Message::Cancel { run, by, reply } => {
                let run = self.store.db().run_of_any(&run).await?;
                let project = run.request.project.clone();
                let answer = match self.cancel(&project, vec![run], &by).await? {
                    0 => CancelAnswer::Ended,
                    _ => CancelAnswer::Accepted,
                };
                let _ = reply.send(answer);
            }
            Message::CancelMany { project, runs, by, reply } => {
                let runs = self.store.db().runs_by_id(&runs).await?;
                let _ = reply.send(self.cancel(&project, runs, &by).await?);
            }
            Message::Look { reply, .. } => _ = reply.send(HashMap::new()),
            Message::Waiting { project, limit, reply } => {
                let limit = u32::try_from(limit).unwrap_or(u32::MAX);
                let waiting = self.store.db().open_runs(&project, &[RunState::Queued], None, limit).await?;
                let _ = reply.send(waiting.into_iter().map(|run| run.id).collect());
            }
            Message::Count { reply } => {
                _ = reply.send(self.store.db().open_counts(&OpenOf::default()).await?)
            }
            Message::CountOf { of, reply } => {
                let mut counts = Vec::with_capacity(of.len());
                for of in &of {
                    let (waiting, active, _) = self.store.db().open_counts(&open_of(of)).await?;
                    counts.push((waiting, active));
                }
                let _ = reply.send(counts);
            }
            Message::Close { reply } => _ = reply.send(()),
            // The server that leads hears of what is committed, and nothing is executed here.
            Message::Accepted(_)
            | Message::Queued(_)
            | Message::QueueLoaded
            | Message::Foreign(_)
            | Message::Verified { .. }
            | Message::Observed(_)
            | Message::Planned { .. }
            | Message::Kept { .. }
            | Message::Limit { .. }
            | Message::Weigh { .. } => {}
        }
        Ok(())
    }

    /// Asks for those of them to stop that are this project's and have not ended; how many.
    async fn cancel(&self, project: &ProjectName, mut runs: Vec<Run>, by: &Actor) -> Result<u64> {
        runs.retain(|run| run.request.project == *project && !run.status.state.is_terminal());
        let ids: Vec<RunId> = runs.into_iter().map(|run| run.request.id).collect();
        if !ids.is_empty() {
            self.store.ask_to_stop(project, &ids, by, Timestamp::now()).await?;
        }
        Ok(ids.len() as u64)
    }
}

fn open_of(of: &LimitOf) -> OpenOf {
    match of.clone() {
        LimitOf::Pipeline(project, pipeline) => {
            OpenOf { project: Some(project), pipeline: Some(pipeline), ..OpenOf::default() }
        }
        // What has a key is not counted in the database: the server that leads says why a run waits.
        LimitOf::Key(project, _)
        | LimitOf::Project(project)
        | LimitOf::Cpu(project)
        | LimitOf::Memory(project) => OpenOf { project: Some(project), ..OpenOf::default() },
        LimitOf::Target(target) => OpenOf { target: Some(target), ..OpenOf::default() },
        LimitOf::Everything => OpenOf::default(),
    }
}
