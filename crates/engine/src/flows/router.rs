//! The task that hears all words and hands each to its flow, which is a task of its own.

use std::collections::HashMap;

use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Exit, RunId, RunState, Timestamp};
use rigi_store::Run;
use rigi_work::plan::{Ended, Observation, Observed, STOPPED, StoredFile};
use tokio::sync::mpsc;

use super::approvals::Approvals;
use super::flow::{Flow, Told};
use crate::Engine;
use crate::flow_words::{FlowWord, FlowWords, REUSED};
use crate::ledger::Message;
use crate::projects::Projects;

/// Starts it, on a server that leads.
pub fn start(engine: Engine, projects: Projects) {
    let words = engine.after.flows.clone();
    let Some(receiver) = words.take().filter(|_| engine.leads()) else { return };
    let world = World { engine, projects, words };
    let approvals = Approvals::new(world.clone());
    tokio::spawn(Router { world, flows: HashMap::new(), approvals }.run(receiver));
}

/// What flows act by. Cheap to clone.
#[derive(Clone)]
pub(super) struct World {
    pub engine: Engine,
    pub projects: Projects,
    words: FlowWords,
}

impl World {
    /// Says what was seen of an attempt.
    pub fn observed(&self, key: &AttemptKey, what: Observation) {
        let seen = Observed { key: key.clone(), at: Timestamp::now(), what };
        // Nobody hears it where the server ends: it is seen again at the next start.
        let _ = self.engine.core.send(Message::Observed(seen));
    }

    /// Says that an attempt has ended, with these words as its log.
    pub fn ended(&self, key: &AttemptKey, exit: Exit, started_at: Option<Timestamp>, words: &[String]) {
        let ended = Ended { started_at, ..Ended::without_start(exit, Timestamp::now(), words) };
        self.observed(key, Observation::Ended(Box::new(ended)));
    }

    /// Says that a flow has ended, with what it left.
    pub fn left(&self, key: &AttemptKey, exit: Exit, stored: Vec<StoredFile>, words: &[String]) {
        let ended = Ended { stored, ..Ended::without_start(exit, Timestamp::now(), words) };
        self.observed(key, Observation::Ended(Box::new(ended)));
    }

    /// A flow has ended.
    pub fn gone(&self, run: &RunId) {
        self.words.send(FlowWord::Gone(run.clone()));
    }
}

struct Router {
    world: World,
    flows: HashMap<RunId, mpsc::UnboundedSender<Told>>,
    approvals: Approvals,
}

impl Router {
    async fn run(mut self, mut words: mpsc::UnboundedReceiver<FlowWord>) {
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.hear(word).await,
                    None => return,
                },
                () = self.approvals.wait() => {}
            }
        }
    }

    async fn hear(&mut self, word: FlowWord) {
        match word {
            FlowWord::Launch(key) | FlowWord::Resume(key) => self.begin(key).await,
            FlowWord::Stop(key) => {
                if let Some(flow) = self.flows.get(&key.run) {
                    let _ = flow.send(Told::Stop);
                } else if !self.approvals.stop(&key) {
                    self.world.ended(&key, Exit::Stopped, None, &[STOPPED.to_owned()]);
                }
            }
            FlowWord::StepEnded { parent, run, state } => {
                if let Some(flow) = self.flows.get(&parent) {
                    let _ = flow.send(Told::Ended(run, state));
                }
            }
            FlowWord::Gone(run) => _ = self.flows.remove(&run),
        }
    }

    /// Takes a flow, or a step that waits for a person, in hand.
    async fn begin(&mut self, key: AttemptKey) {
        let run = match self.world.engine.run_with_part(&key.run).await {
            Ok(found) => found,
            Err(error) => {
                let why = format!("The flow cannot be read: {error}.");
                let exit = Exit::Lost { message: error.to_string() };
                self.world.ended(&key, exit, None, &[why]);
                return;
            }
        };
        let (run, spec) = run;
        if let Some(former) = run.request.env.get(REUSED) {
            super::cache::reuse(self.world.clone(), key, &run, former.clone());
            return;
        }
        if let Entry::Approval { role, message } = &spec.entry {
            let (role, message) = (*role, message.clone());
            self.approvals.begin(key, &run, role, message, spec.timeout).await;
            return;
        }
        let (sender, told) = mpsc::unbounded_channel();
        if is_stopping(&run) {
            let _ = sender.send(Told::Stop);
        }
        self.flows.insert(key.run.clone(), sender);
        let flow = Flow::new(self.world.clone(), key, run, spec);
        tokio::spawn(flow.run(told));
    }
}

fn is_stopping(run: &Run) -> bool {
    run.status.cancel_requested_at.is_some() && run.status.state != RunState::Queued
}
