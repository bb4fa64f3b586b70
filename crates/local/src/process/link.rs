//! The task that speaks with the supervisor: orders go out many at a time, reports come in many at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rigi_model::{AttemptKey, Exit, Timestamp};
use rigi_work::plan::{AttemptPlan, BEFORE_START, Ended, Known, Observation, Observed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::connect::{Connection, connect};
use super::launch::{Context, micros};
use super::prepare::{Failure, Ready, prepare};
use super::{Error, ProcessConfig};
use crate::environment::Environments;
use crate::frame;
use crate::layout::Layout;
use crate::wire::{Order, Report};

/// The longest pause between two tries to get a supervisor.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Orders that are written together.
const TOGETHER: usize = 512;

/// From the executor's callers, and from its own preparations.
#[derive(Debug)]
pub enum Command {
    Launch(Box<AttemptPlan>),
    Prepared {
        plan: Box<AttemptPlan>,
        result: Result<Ready, Failure>,
    },
    Stop {
        key: AttemptKey,
        grace: Duration,
    },
    Release {
        key: AttemptKey,
    },
    /// Answered when the supervisor has been told.
    Quit {
        told: oneshot::Sender<()>,
    },
}

/// Where an attempt is, as far as this side knows.
#[derive(Debug)]
enum Standing {
    Preparing(AbortHandle),
    /// Handed over. Until the supervisor speaks of it, the order is kept: a supervisor that dies before it has
    /// written the order down has not started anything, so that the next one is told again.
    Supervisor {
        order: Vec<u8>,
        /// It was told to stop it, with this grace.
        stopping: Option<Duration>,
    },
    /// The supervisor has told its end, and keeps it until it is released.
    Told,
    /// Ended on this side, without ever having been handed over.
    Ended,
}

/// See the module.
pub struct Link {
    connection: Connection,
    layout: Layout,
    config: ProcessConfig,
    context: Context,
    environments: Arc<Environments>,
    observed: mpsc::UnboundedSender<Observed>,
    places: HashMap<AttemptKey, Standing>,
    out: Vec<u8>,
    /// Whoever waits for what stands in `out` to be written.
    waiting: Vec<oneshot::Sender<()>>,
    /// The supervisor was told to end: it is followed by another only when something is to be started.
    leaving: bool,
}

impl Link {
    pub fn new(
        connection: Connection,
        layout: Layout,
        config: ProcessConfig,
        context: Context,
        environments: Arc<Environments>,
        observed: mpsc::UnboundedSender<Observed>,
    ) -> Self {
        let known =
            |known: &Known| (known.key.clone(), Standing::Supervisor { order: Vec::new(), stopping: None });
        let places = connection.known.iter().map(known).collect();
        context.credentials().keep_only(connection.known.iter().map(|known| &known.key));
        Self {
            connection,
            layout,
            config,
            context,
            environments,
            observed,
            places,
            out: Vec::new(),
            waiting: Vec::new(),
            leaving: false,
        }
    }

    /// Runs until the executor is dropped.
    pub async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        sender: mpsc::WeakUnboundedSender<Command>,
    ) {
        let mut buffer = Vec::with_capacity(256 * 1024);
        let mut batch = Vec::with_capacity(TOGETHER);
        // What came together with the welcome.
        let mut broken = !self.pass_on();
        loop {
            if broken && !self.rest(&mut commands, &sender).await {
                return;
            }
            if broken && !self.reconnect(&mut commands).await {
                return;
            }
            if !self.out.is_empty() {
                broken = self.connection.stream.write_all(&self.out).await.is_err();
                self.out.clear();
                for told in self.waiting.drain(..).filter(|_| !broken) {
                    let _ = told.send(());
                }
                if broken {
                    continue;
                }
            }
            buffer.clear();
            tokio::select! {
                count = commands.recv_many(&mut batch, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                    for command in batch.drain(..) {
                        self.take(command, &sender);
                    }
                    broken = false;
                }
                read = self.connection.stream.read_buf(&mut buffer) => {
                    broken = !matches!(read, Ok(1..));
                    if !broken {
                        self.connection.inbox.extend(&buffer);
                        broken = !self.pass_on();
                    }
                }
            }
        }
    }

    /// Without a supervisor that was told to end, until it is to have something. `false`: it never will.
    async fn rest(
        &mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
        sender: &mpsc::WeakUnboundedSender<Command>,
    ) -> bool {
        let held = |place: &Standing| matches!(place, Standing::Supervisor { .. });
        while self.leaving && !self.places.values().any(held) {
            // Whoever waits for an order to be written waits in vain.
            self.waiting.clear();
            match commands.recv().await {
                Some(command) => self.take(command, sender),
                None => return false,
            }
        }
        self.leaving = false;
        true
    }

    fn take(&mut self, command: Command, sender: &mpsc::WeakUnboundedSender<Command>) {
        match command {
            Command::Launch(plan) => self.launch(plan, sender),
            Command::Prepared { plan, result } => self.prepared(plan, result),
            Command::Stop { key, grace } => self.stop(key, grace),
            Command::Release { key } => {
                self.context.credentials().remove(&key);
                match self.places.remove(&key) {
                    Some(Standing::Preparing(task)) => task.abort(),
                    Some(Standing::Ended) => {}
                    Some(Standing::Supervisor { .. } | Standing::Told) | None => {
                        self.order(&Order::Release { key });
                    }
                }
            }
            Command::Quit { told } => {
                self.order(&Order::Quit);
                self.waiting.push(told);
                self.leaving = true;
            }
        }
    }

    fn order(&mut self, order: &Order) {
        frame::encode(&mut self.out, order, &[]);
    }

    fn launch(&mut self, plan: Box<AttemptPlan>, sender: &mpsc::WeakUnboundedSender<Command>) {
        if self.places.contains_key(&plan.key) {
            return;
        }
        if plan.environment.is_none() {
            self.hand_over(plan, None);
            return;
        }
        match self.environments.ready(&plan) {
            Some(ready) => self.prepared(plan, Ok(Ready { took: Duration::ZERO, ..ready })),
            None => {
                let (environments, observed, sender) =
                    (self.environments.clone(), self.observed.clone(), sender.clone());
                let key = plan.key.clone();
                let task = tokio::spawn(async move {
                    let result = prepare(&plan, &environments, &observed).await;
                    if let Some(sender) = sender.upgrade() {
                        let _ = sender.send(Command::Prepared { plan, result });
                    }
                });
                self.places.insert(key, Standing::Preparing(task.abort_handle()));
            }
        }
    }

    fn prepared(&mut self, plan: Box<AttemptPlan>, result: Result<Ready, Failure>) {
        if matches!(
            self.places.get(&plan.key),
            Some(Standing::Ended | Standing::Told | Standing::Supervisor { .. })
        ) {
            return;
        }
        match result {
            Ok(ready) => {
                let Ready { hash, message, took, venv } = ready;
                let what = Observation::Prepared { environment: hash, message, took };
                self.tell(plan.key.clone(), Timestamp::now(), what);
                self.hand_over(plan, Some(venv));
            }
            Err(Failure { exit, words }) => self.end_here(plan.key, exit, &words),
        }
    }

    fn hand_over(&mut self, plan: Box<AttemptPlan>, venv: Option<std::path::PathBuf>) {
        let key = plan.key.clone();
        match self.context.launch(*plan, venv.as_deref()) {
            Ok(launch) => {
                let mut order = Vec::with_capacity(2048);
                frame::encode(&mut order, &Order::Launch(Box::new(launch)), &[]);
                self.out.extend_from_slice(&order);
                self.places.insert(key, Standing::Supervisor { order, stopping: None });
            }
            Err(exit) => {
                let words = match &exit {
                    Exit::NotStarted { message, .. } => vec![message.clone()],
                    _ => Vec::new(),
                };
                self.end_here(key, exit, &words);
            }
        }
    }

    fn stop(&mut self, key: AttemptKey, grace: Duration) {
        match self.places.get_mut(&key) {
            Some(Standing::Preparing(task)) => {
                task.abort();
                self.end_here(key, Exit::Stopped, &[BEFORE_START.to_owned()]);
            }
            Some(Standing::Ended | Standing::Told) => {}
            Some(Standing::Supervisor { stopping, .. }) => {
                *stopping = Some(grace);
                self.order(&Order::Stop { key, grace_us: micros(grace) });
            }
            None => self.order(&Order::Stop { key, grace_us: micros(grace) }),
        }
    }

    /// An end without the supervisor's help.
    fn end_here(&mut self, key: AttemptKey, exit: Exit, words: &[String]) {
        let at = Timestamp::now();
        self.places.insert(key.clone(), Standing::Ended);
        let ended = Ended::without_start(exit, at, words);
        self.tell(key, at, Observation::Ended(Box::new(ended)));
    }

    fn tell(&self, key: AttemptKey, at: Timestamp, what: Observation) {
        // Nobody listens any more when the server is going down: the supervisor will say it again.
        let _ = self.observed.send(Observed { key, at, what });
    }

    /// Passes whole reports on; `false` if what came is no report.
    fn pass_on(&mut self) -> bool {
        loop {
            let (report, tail) = match self.connection.inbox.next::<Report>() {
                Ok(Some(frame)) => frame,
                Ok(None) => return true,
                Err(error) => {
                    tracing::error!(%error, "the supervisor says something that cannot be read");
                    return false;
                }
            };
            let (key, at, what) = match report {
                Report::Welcome { .. } | Report::Superseded => continue,
                Report::Started { key, at, pid } => (key, at, Observation::Started { pid }),
                Report::Log { key, at, lines, bytes, unfinished } => {
                    if let Some(unfinished) = unfinished {
                        self.tell(key.clone(), at, Observation::Unfinished(unfinished));
                    }
                    (key, at, Observation::Log { lines, bytes })
                }
                Report::Sample { key, at, sample } => (key, at, Observation::Sample(sample)),
                Report::Note { key, at, note } => (key, at, Observation::Note(note)),
                Report::Ended { key, at, mut ended } => {
                    ended.log.inline = tail;
                    (key, at, Observation::Ended(ended))
                }
            };
            match self.places.get_mut(&key) {
                Some(place @ Standing::Supervisor { .. }) if matches!(what, Observation::Ended(_)) => {
                    *place = Standing::Told;
                }
                Some(Standing::Supervisor { order, .. }) => *order = Vec::new(),
                _ => {}
            }
            self.tell(key, at, what);
        }
    }

    /// The supervisor is gone: gets another one. `false`: the executor was dropped meanwhile, or a newer server has come.
    async fn reconnect(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>) -> bool {
        tracing::warn!("the supervisor is gone; it is started again");
        self.out.clear();
        self.waiting.clear();
        let mut pause = Duration::from_millis(20);
        loop {
            if commands.is_closed() && commands.is_empty() {
                return false;
            }
            match connect(&self.layout, &self.config.supervisor, self.connection.ticket).await {
                Ok(connection) => {
                    self.connection = connection;
                    self.give_up_unknown();
                    if self.pass_on() {
                        return true;
                    }
                }
                Err(error @ Error::Superseded) => {
                    tracing::error!(%error, "this server follows them no more");
                    return false;
                }
                Err(error @ Error::Protocol(_)) => tracing::error!(%error, "runs cannot be started"),
                Err(error) => tracing::error!(%error, "runs cannot be started; this is tried again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What was handed over but never written down by the supervisor has not started: it is handed over again.
    fn give_up_unknown(&mut self) {
        let known: HashSet<&AttemptKey> = self.connection.known.iter().map(|Known { key, .. }| key).collect();
        let mut gone = Vec::new();
        for (key, place) in &self.places {
            match place {
                // Told again: the order may have died with the one before.
                Standing::Supervisor { stopping: Some(grace), .. } if known.contains(key) => {
                    let stop = Order::Stop { key: key.clone(), grace_us: micros(*grace) };
                    frame::encode(&mut self.out, &stop, &[]);
                }
                Standing::Supervisor { .. } if known.contains(key) => {}
                Standing::Supervisor { order, stopping: None } if !order.is_empty() => {
                    self.out.extend_from_slice(order);
                }
                Standing::Supervisor { stopping, .. } => gone.push((key.clone(), stopping.is_some())),
                Standing::Preparing(_) | Standing::Told | Standing::Ended => {}
            }
        }
        for (key, stopping) in gone {
            let (exit, word) = if stopping {
                (Exit::Stopped, BEFORE_START.to_owned())
            } else {
                let message = "Rigi's supervisor was killed, and its notes are gone.".to_owned();
                (Exit::Lost { message: message.clone() }, message)
            };
            self.end_here(key, exit, &[word]);
        }
    }
}
