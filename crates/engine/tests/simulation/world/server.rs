//! A server: the real ledger, an inbox, rounds as the real core makes them, and death between any two steps.

use std::collections::VecDeque;
use std::sync::Arc;

use rigi_engine::decide::{Board, LimitOf};
use rigi_engine::ledger::{CancelAnswer, CannotPlan, Kept, Leaving, Ledger, Message, Order, Round, ToPlan};
use rigi_model::Target;
use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::container::ContainerSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, ContentHash, Exit, Reason, RunId, Timestamp};
use rigi_store::NewRun;
use rigi_store::tables::artifacts::Artifact;
use rigi_work::plan::{AttemptPlan, Known, Observed, PlanLimits};
use tokio::sync::oneshot;

use super::link::Link;
use super::mutation::Mutation;
use super::queue::Queue;
use super::scenario::{SECOND, Versions};
use super::writer::{Job, Writer};
use super::{Event, World};

/// What is done when a change is durable.
#[derive(Debug, Default)]
pub struct After {
    plans: Vec<ToPlan>,
    releases: Vec<AttemptKey>,
    replies: Vec<(oneshot::Sender<CancelAnswer>, CancelAnswer)>,
    recovered: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Server {
    pub ledger: Ledger<Versions>,
    /// What the queue must look like, by rules of its own.
    pub queue: Queue,
    pub link: Link,
    pub writer: Writer,
    /// It has recovered.
    pub up: bool,
    /// Requests to cancel that wait for their answer.
    pub cancels: Vec<(RunId, oneshot::Receiver<CancelAnswer>)>,
    /// It ends when this is answered.
    pub closing: Option<oneshot::Receiver<()>>,
    inbox: VecDeque<Message>,
    round_planned: bool,
    /// Which of the planned times to wake up counts.
    wake: u64,
}

impl World {
    /// A server starts, if the lock is free and the supervisor is there.
    pub fn start_server(&mut self) {
        // Without another machine the one server keeps its folder, whatever becomes of its session.
        if self.scenario.standby == 0 && !self.servers.is_empty() {
            return;
        }
        let Some(session) = self.store.lock() else { return };
        let id = self.next_server;
        self.next_server += 1;
        let Some((number, known)) = self.connect(id) else {
            self.store.unlock(session);
            let delay = self.rng.i64(1000..300_000);
            self.after(delay, Event::Start);
            return;
        };
        self.stats.servers += 1;
        self.stats.takeovers += u64::from(!self.servers.is_empty());
        self.trace(|| format!("server {id} starts; the supervisor knows {} attempts", known.len()));
        let mut limits = self.scenario.limits.clone();
        if self.mutation == Mutation::LimitOffByOne {
            *limits.entry(LimitOf::Everything).or_default() += 1;
        }
        let (versions, weights) = (Versions::of(&self.scenario.pipelines), &self.scenario.weights);
        let needs =
            self.scenario.pipelines.iter().map(|pipeline| (pipeline.version, pipeline.needs)).collect();
        let mut board = Board::new(limits);
        weights.iter().for_each(|(project, weight)| board.weigh(project, *weight));
        let server = Server {
            ledger: Ledger::new(versions, vec![Target::PROCESS], board),
            queue: Queue::new(self.scenario.limits.clone(), weights.clone(), needs),
            link: Link::default(),
            writer: Writer::new(session, self.store.last_event),
            up: false,
            cancels: Vec::new(),
            closing: None,
            inbox: VecDeque::new(),
            round_planned: false,
            wake: 0,
        };
        self.servers.insert(id, server);
        self.adopt(id, number, &known);
        let delay = self.rng.i64(100..5000);
        self.after(delay, Event::Recover(id, known));
    }

    /// A server takes in what is stored and what the supervisor knew.
    pub fn recover(&mut self, id: u32, known: Vec<Known>) {
        let (now, mut open) = (self.wall(), self.store.open_runs());
        if self.mutation == Mutation::ForgetAtRecovery && open.len() > 2 {
            open.remove(1);
        }
        for run in open.iter().filter(|run| run.status.state.is_active()) {
            let key = AttemptKey { run: run.id.clone(), number: run.status.attempt };
            if !known.iter().any(|known| known.key == key) {
                self.history.may_end(&key, Exit::Lost { message: String::new() });
            }
        }
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.queue.recover(&open);
        let mut round = Round::default();
        let recovered = server.ledger.recover(open, known, now, &mut round);
        self.trace(|| format!("server {id} recovers: {recovered:?}"));
        self.act(id, &mut round);
        let releases = round.releases.drain(..).map(|(_, key)| key).collect();
        let after = After { releases, recovered: true, ..After::default() };
        if round.changes.is_empty() {
            self.on_durable(id, after);
            return;
        }
        self.trace_changes(id, &round);
        let Some(server) = self.servers.get_mut(&id) else { return };
        let result = server.queue.follow(&round.changes);
        self.check(result);
        self.write(id, Job::Change { changes: round.changes, after });
    }

    fn recovered(&mut self, id: u32) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.up = true;
            self.tell(id, Message::Accepted(Vec::new()));
        }
    }

    /// Puts a message into a server's inbox.
    pub fn tell(&mut self, id: u32, message: Message) {
        let delay = self.rng.i64(0..500);
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.inbox.push_back(message);
        self.plan_round(id, delay);
    }

    fn plan_round(&mut self, id: u32, delay: i64) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.up && !server.round_planned {
            server.round_planned = true;
            self.after(delay, Event::Round(id));
        }
    }

    /// What the link has heard reaches the core.
    pub fn pass_on(&mut self, server: u32, mut observed: Observed) {
        if self.mutation == Mutation::NoFencing {
            // As if the number were not looked at: every word is taken for one of the current attempt.
            if let Some(row) = self.store.runs.get(&observed.key.run) {
                observed.key.number = row.status.attempt;
            }
        }
        self.tell(server, Message::Observed(observed));
    }

    /// One round: `core/round.rs` in this world.
    pub fn round(&mut self, id: u32) {
        let now = self.wall();
        let mut round = Round::default();
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.round_planned = false;
        let count = if server.inbox.is_empty() { 0 } else { self.rng.usize(1..=server.inbox.len()) };
        self.stats.rounds += 1;
        let mut seen = 0;
        for _ in 0..count {
            let Some(server) = self.servers.get_mut(&id) else { return };
            let Some(message) = server.inbox.pop_front() else { break };
            self.stats.messages += 1;
            server.queue.hear(&message);
            server.ledger.hear(message, now, &mut round);
            let followed = server.queue.follow(&round.changes[seen..]);
            seen = round.changes.len();
            self.check(followed);
            self.act(id, &mut round);
            if self.dies(id) {
                return;
            }
        }
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.ledger.decide(now, &mut round);
        if self.mutation == Mutation::RetryCancelled {
            super::mutation::retry_cancelled(&mut round);
        }
        let followed = server.queue.follow(&round.changes[seen..]).and_then(|()| server.queue.is_served());
        self.trace_changes(id, &round);
        self.check(followed);
        self.check_answers(id);
        if self.dies(id) {
            return;
        }
        self.flush(id, round);
        self.plan_wake(id);
        self.poll(id);
    }

    fn plan_wake(&mut self, id: u32) {
        let now = self.wall();
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.wake += 1;
        let wake = server.wake;
        if !server.inbox.is_empty() {
            let delay = self.rng.i64(0..200);
            self.plan_round(id, delay);
        } else if let Some(due) = server.ledger.next_due() {
            let delay = (due.0 - now.0).clamp(0, 60 * SECOND);
            self.after(delay, Event::Wake(id, wake));
        }
    }

    /// The time of a delay has come, unless a round was in between.
    pub fn wake(&mut self, id: u32, wake: u64) {
        if self.servers.get(&id).is_some_and(|server| server.wake == wake && !server.round_planned) {
            self.plan_round(id, 0);
        }
    }

    fn act(&mut self, id: u32, round: &mut Round) {
        for order in std::mem::take(&mut round.orders) {
            match order {
                Order::Launch { plan, .. } => self.link_launch(id, plan.key),
                Order::Stop { key, grace, .. } => self.link_stop(id, key, grace),
                Order::StopKeeping(_) => {}
                Order::Keep(leaving) => {
                    let delay = self.rng.i64(100..20_000);
                    self.after(delay, Event::Keep(id, leaving));
                }
            }
        }
        round.pulses.clear();
    }

    fn flush(&mut self, id: u32, round: Round) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let plans = round.claims.into_iter().filter_map(|run| server.ledger.to_plan(run)).collect();
        let releases = round.releases.into_iter().map(|(_, key)| key).collect();
        let after = After { plans, releases, replies: round.replies, recovered: false };
        let nothing = after.plans.is_empty() && after.releases.is_empty() && after.replies.is_empty();
        if self.mutation == Mutation::ActBeforeDurable {
            self.write(id, Job::Change { changes: round.changes, after: After::default() });
            self.on_durable(id, after);
        } else if !(round.changes.is_empty() && nothing) {
            self.write(id, Job::Change { changes: round.changes, after });
        }
    }

    /// A round's changes are durable.
    pub fn on_durable(&mut self, id: u32, after: After) {
        if after.recovered {
            self.recovered(id);
        }
        for key in after.releases {
            self.link_release(id, key);
            if self.dies(id) {
                return;
            }
        }
        for (reply, answer) in after.replies {
            let _ = reply.send(answer);
        }
        self.poll(id);
        for plan in after.plans {
            if self.dies(id) {
                return;
            }
            let delay = self.rng.i64(50..3000);
            self.after(delay, Event::Plan(id, plan));
        }
    }

    /// A plan is made for a claimed attempt.
    pub fn plan(&mut self, id: u32, to_plan: ToPlan) {
        let ToPlan { key, request } = to_plan;
        let request = request.or_else(|| self.store.runs.get(&key.run).map(|row| row.request.clone()));
        let fails = self.troubled() && self.rng.f64() < self.scenario.rates.no_plan;
        let plan = match request {
            Some(request) if !fails => Ok(plan_of(&key, &request)),
            _ => {
                let class = [FailureClass::Infrastructure, FailureClass::User][self.rng.usize(..2)];
                let message = format!("{class:?}");
                let reason = Reason::StagingFailed;
                self.history.may_end(&key, Exit::NotStarted { class, reason, message: message.clone() });
                Err(CannotPlan { class, reason: rigi_model::Reason::StagingFailed, message, away: false })
            }
        };
        self.tell(id, Message::Planned { key, plan: Box::new(plan) });
    }

    /// What an attempt left is kept.
    pub fn keep(&mut self, id: u32, leaving: Leaving) {
        if !self.servers.contains_key(&id) {
            return;
        }
        let Leaving { key, at, ended, .. } = leaving;
        let mut kept = Kept::nothing(ended);
        if self.troubled() && self.rng.f64() < self.scenario.rates.not_kept {
            if kept.exit == (Exit::Code { code: 0 }) {
                kept.exit = Exit::OutputsLost { code: 0, message: "not kept".to_owned() };
            }
            self.history.may_end(&key, kept.exit.clone());
        } else if self.rng.bool() {
            // Little content, so that it is shared and collected often.
            let sha256 = ContentHash::new([self.rng.u8(..6); 32]);
            self.store.files.insert(sha256, self.now);
            kept.artifacts = vec![Artifact::new("file".into(), None, key.number, 10, sha256)];
        }
        self.tell(id, Message::Kept { key, at, kept: Box::new(kept) });
    }

    fn dies(&mut self, id: u32) -> bool {
        let dies = self.troubled() && self.rng.f64() < self.scenario.rates.crash;
        if dies {
            self.stats.crashes += 1;
            self.trace(|| format!("server {id} is killed"));
            self.end_server(id);
        }
        dies || !self.servers.contains_key(&id)
    }

    /// A server is no more; its session ends, and its connection after what was sent last.
    pub fn end_server(&mut self, id: u32) {
        let Some(mut server) = self.servers.remove(&id) else { return };
        self.abandon_commit(server.writer.session, &mut server.writer);
        self.store.unlock(server.writer.session);
        for (run, _) in server.cancels {
            let delay = self.rng.i64(1000..SECOND);
            self.after(delay, Event::Cancel(run));
        }
        // What was on its way to the supervisor is read to some point.
        let delay = self.rng.i64(0..1000);
        self.after(delay, Event::HangUp(id));
        let delay = self.rng.i64(1000..SECOND);
        self.after(delay, Event::Start);
    }
}

fn plan_of(key: &AttemptKey, run: &Arc<NewRun>) -> AttemptPlan {
    AttemptPlan {
        key: key.clone(),
        project: run.project.clone(),
        pipeline: run.pipeline.clone(),
        step: "main".into(),
        trigger: run.trigger.kind,
        entry: Entry::Command { argv: vec!["true".into()] },
        cells: Vec::new(),
        code: "/code".into(),
        environment: None,
        parameters: serde_json::Map::new(),
        env: (*run.env).clone(),
        own: std::collections::BTreeMap::new(),
        secrets: rigi_work::secrets::PlanSecrets::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: PlanLimits::default(),
        container: ContainerSpec::default(),
        timeout: None,
        grace: std::time::Duration::ZERO,
        bucket: None,
        notes: Vec::new(),
    }
}

/// The clock of the machine, which may jump.
impl World {
    pub fn wall(&self) -> Timestamp {
        Timestamp(self.now + self.clock)
    }
}
