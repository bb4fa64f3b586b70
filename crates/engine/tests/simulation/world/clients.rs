//! Those who ask: they submit runs, cancel some, change limits, and ask again when no answer comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rigi_engine::ledger::{CancelAnswer, Message};
use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::{Actor, RunId, Target, Trigger};
use rigi_store::NewRun;
use tokio::sync::oneshot;

use super::scenario::SECOND;
use super::writer::Job;
use super::{Event, World};

/// See the module.
#[derive(Debug, Default)]
pub struct Clients {
    /// Runs whose submission was answered.
    pub accepted: BTreeSet<RunId>,
    answered: BTreeSet<u32>,
    runs: u128,
}

impl World {
    /// A server that would answer.
    fn reachable(&mut self) -> Option<u32> {
        let up: Vec<u32> = self.servers.iter().filter(|(_, server)| server.up).map(|(id, _)| *id).collect();
        self.rng.choice(up)
    }

    /// Submits some runs under a key, which makes it safe to repeat.
    pub fn submit(&mut self, key: u32) {
        if self.clients.answered.contains(&key) {
            return;
        }
        self.ask_again_after(key, 2 * SECOND);
        let Some(server) = self.reachable() else { return };
        let count = if self.rng.u32(..10) == 0 { 8 } else { self.rng.u32(1..=3) };
        let runs: Vec<Arc<NewRun>> = (0..count).map(|_| Arc::new(self.request())).collect();
        self.trace(|| format!("server {server} is asked for {count} runs under key {key}"));
        self.write(server, Job::Submit { key, runs });
    }

    fn request(&mut self) -> NewRun {
        self.clients.runs += 1;
        let id = RunId::from_bits(self.clients.runs);
        let pipeline = &self.scenario.pipelines[self.rng.usize(..self.scenario.pipelines.len())];
        let (project, pipeline, version) =
            (pipeline.project.clone(), pipeline.name.clone(), pipeline.version);
        if self.rng.u32(..10) == 0 {
            self.history.never_ends(&id);
        }
        let key = match self.clients.runs % 20 {
            3 | 4 => Some("queue 1 one"),
            13..=15 => Some("skip 2 two"),
            _ => None,
        };
        let env = key.map(|key| (RunKey::VARIABLE.to_owned(), key.to_owned()));
        NewRun {
            id,
            project,
            version,
            pipeline,
            priority: if self.rng.bool() { 0 } else { self.rng.i32(-2..3) },
            max_attempts: 1,
            created_at: self.wall(),
            trigger: Trigger::manual(Actor::named("somebody")),
            rerun_of: None,
            target: Target::PROCESS,
            parameters: Arc::default(),
            inputs: Arc::default(),
            env: Arc::new(env.into_iter().collect()),
            labels: Default::default(),
            step: None,
        }
    }

    /// A refused submission is repeated.
    pub fn ask_again(&mut self, key: u32) {
        self.ask_again_after(key, SECOND / 2);
    }

    fn ask_again_after(&mut self, key: u32, most: i64) {
        let delay = self.rng.i64(most / 2..most);
        self.after(delay, Event::Submit(key));
    }

    /// A submission is durable: the ledger is told, then whoever asked.
    pub fn submitted(&mut self, server: u32, key: u32, runs: Vec<Arc<NewRun>>) {
        let ids = self.store.keys.get(&key).cloned().unwrap_or_default();
        if runs.iter().map(|run| &run.id).eq(&ids) {
            self.tell(server, Message::Accepted(runs));
        }
        if self.troubled() && self.rng.f64() < self.scenario.rates.deaf {
            return;
        }
        if !self.clients.answered.insert(key) {
            return;
        }
        for id in ids {
            if !self.store.runs.contains_key(&id) && self.history.ends_of(&id) == 0 {
                self.check(Err(format!("{id} was accepted, and is not stored")));
            }
            if self.history.is_endless(&id) || self.rng.f64() < self.scenario.cancels {
                let delay = self.rng.i64(0..10 * SECOND);
                self.after(delay, Event::Cancel(id.clone()));
            }
            self.clients.accepted.insert(id);
        }
    }

    /// Asks for the end of a run.
    pub fn cancel(&mut self, run: RunId) {
        let Some(id) = self.reachable() else {
            self.after(SECOND / 2, Event::Cancel(run));
            return;
        };
        self.trace(|| format!("server {id} is asked to cancel {run}"));
        self.history.unwanted.insert(run.clone());
        // Somebody impatient asks twice.
        for _ in 0..=u32::from(self.rng.u32(..5) == 0) {
            let (reply, answer) = oneshot::channel();
            if let Some(server) = self.servers.get_mut(&id) {
                server.cancels.push((run.clone(), answer));
            }
            self.tell(id, Message::Cancel { run: run.clone(), by: Actor::named("somebody"), reply });
        }
    }

    /// Looks for answers that have arrived.
    pub fn poll(&mut self, id: u32) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let (mut answered, mut closed) = (Vec::new(), false);
        server.cancels.retain_mut(|(run, answer)| match answer.try_recv() {
            Ok(answer) => {
                answered.push((run.clone(), Some(answer)));
                false
            }
            Err(oneshot::error::TryRecvError::Closed) => {
                answered.push((run.clone(), None));
                false
            }
            Err(oneshot::error::TryRecvError::Empty) => true,
        });
        if let Some(answer) = &mut server.closing {
            closed = answer.try_recv().is_ok();
        }
        for (run, answer) in answered {
            self.cancel_answered(run, answer);
        }
        if closed {
            self.trace(|| format!("server {id} is replaced in order"));
            self.end_server(id);
        }
    }

    fn cancel_answered(&mut self, run: RunId, answer: Option<CancelAnswer>) {
        self.stats.cancels += 1;
        let status = self.store.runs.get(&run).map(|row| &row.status);
        let ended = status.is_none_or(|status| status.state.is_terminal());
        let asked = status.is_some_and(|status| status.cancel_requested_at.is_some());
        match answer {
            None => self.after(SECOND / 2, Event::Cancel(run)),
            Some(CancelAnswer::Ended) if !ended => {
                self.check(Err(format!("{run} is said to have ended, which is not stored")));
            }
            Some(CancelAnswer::Accepted) if !ended && !asked => {
                self.check(Err(format!("{run} is said to be cancelled, which is not stored")));
            }
            Some(_) if self.troubled() && self.rng.f64() < self.scenario.rates.deaf => {
                self.after(SECOND, Event::Cancel(run));
            }
            Some(_) => {}
        }
    }

    /// Somebody changes a pipeline's limit.
    pub fn change_limit(&mut self) {
        let pipeline = &self.scenario.pipelines[self.rng.usize(..self.scenario.pipelines.len())];
        let of = pipeline.limited();
        let most = if self.rng.bool() { Some(self.rng.u64(1..=3)) } else { None };
        if let Some(server) = self.reachable() {
            self.tell(server, Message::Limit { of, most });
        }
    }

    /// Compares what a server says of its queue with what is true.
    pub fn check_answers(&mut self, id: u32) {
        let often = self.rng.u32(..4) == 0;
        let Some(server) = self.servers.get_mut(&id) else { return };
        let now = rigi_model::Timestamp(self.now);
        let mut round = rigi_engine::ledger::Round::default();
        let (reply, mut answer) = oneshot::channel();
        server.ledger.hear(Message::Count { reply }, now, &mut round);
        let (counts, truth) = (answer.try_recv().unwrap_or_default(), server.queue.counts());
        let mut result = if counts == truth {
            Ok(())
        } else {
            Err(format!("it counts {counts:?} waiting, active and delayed runs, and there are {truth:?}"))
        };
        let waiting = if often { server.queue.waiting() } else { Vec::new() };
        if !waiting.is_empty() {
            let (reply, mut answer) = oneshot::channel();
            server.ledger.hear(Message::Look { runs: waiting.clone(), reply }, now, &mut round);
            let looks = answer.try_recv().unwrap_or_default();
            self.stats.reasons += waiting.len() as u64;
            for run in &waiting {
                let place = looks.get(run).and_then(|look| look.place.clone());
                result = result.and_then(|()| server.queue.is_true(run, place));
            }
        }
        self.check(result);
    }
}
