//! One task that knows what becomes of each container: it starts and ends them, follows the engine's events, and says
//! how an attempt ended whose runner cannot.

mod removal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{EventsOptionsBuilder, KillContainerOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;
use rigi_model::{AttemptKey, Exit};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub(super) use removal::remove_files;
use rigi_work::plan::{AttemptPlan, BEFORE_START};
use rigi_work::wire::OWN_MEMORY;

use super::ContainerConfig;
use super::body::{ATTEMPT, SERVER};
use super::engine::{is_away, status, words};
use super::start::{Failure, start};
use super::verdict::{Known, verdict};
use super::volumes::Volumes;
use crate::remote::Remote;

/// Between two tries to reach an engine.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where nobody waits for it and it stays away.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Beyond its grace, a runner has so long to ship what is left before its container is killed.
const FAREWELL: Duration = Duration::from_secs(30);
/// Lines that are taken from the engine's own log where the runner could not ship them.
const REST: usize = 10_000;
/// Lines of a runner's own last words.
const COMPLAINTS: usize = 20;

/// What the keeper is told.
#[derive(Debug)]
pub enum Command {
    Launch(Box<AttemptPlan>),
    Started {
        key: AttemptKey,
        result: Result<(), Failure>,
    },
    Stop {
        key: AttemptKey,
        grace: Duration,
    },
    /// The grace is over.
    Kill {
        key: AttemptKey,
    },
    Release {
        key: AttemptKey,
    },
    /// Its container ended, says the engine.
    Died {
        key: AttemptKey,
    },
    /// A container was made for it, says the engine.
    Made {
        key: AttemptKey,
    },
    /// The engine was away: what it did meanwhile is to be looked at.
    Compare,
}

/// See the module.
pub struct Keeper {
    config: Arc<ContainerConfig>,
    remote: Remote,
    docker: Option<Docker>,
    sender: mpsc::WeakUnboundedSender<Command>,
    /// Attempts whose containers are being made.
    starting: HashMap<AttemptKey, AbortHandle>,
    volumes: Arc<Volumes>,
}

impl Keeper {
    pub fn new(
        config: Arc<ContainerConfig>,
        remote: Remote,
        sender: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        let docker = match config.endpoint.connect() {
            Ok(docker) => Some(docker),
            Err(error) => {
                tracing::error!(target = %config.name, error = words(&error), "the engine cannot be called");
                None
            }
        };
        Self { config, remote, docker, sender, starting: HashMap::new(), volumes: Arc::default() }
    }

    /// Runs until the executor is dropped.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let watching = self.docker.clone().map(|docker| {
            tokio::spawn(watch(docker, self.config.clone(), self.sender.clone())).abort_handle()
        });
        while let Some(command) = commands.recv().await {
            self.take(command);
        }
        if let Some(watching) = watching {
            watching.abort();
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Launch(plan) => self.launch(*plan),
            Command::Started { key, result } => {
                self.starting.remove(&key);
                if let Err(failure) = result {
                    let exit = failure.exit();
                    self.end(key, exit, vec![failure.message]);
                }
            }
            Command::Stop { key, grace } => self.stop(key, grace),
            Command::Kill { key } => self.signal(key, "KILL"),
            Command::Release { key } => self.release(key),
            Command::Died { key } => self.died(key),
            Command::Made { key } => self.made(&key),
            Command::Compare => self.compare(),
        }
    }

    fn launch(&mut self, plan: AttemptPlan) {
        let key = plan.key.clone();
        match self.remote.expect(&key, &self.config.name) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.remote.refuse(key, &error),
        }
        let Some(docker) = self.docker.clone() else {
            let message = format!("The container engine {} cannot be called.", self.config.endpoint);
            let class = rigi_model::attempt::FailureClass::Infrastructure;
            let reason = rigi_model::Reason::TargetUnavailable;
            self.end(key, Exit::NotStarted { class, reason, message: message.clone() }, vec![message]);
            return;
        };
        let (config, remote, sender) = (self.config.clone(), self.remote.clone(), self.sender.clone());
        let volumes = self.volumes.clone();
        let task = tokio::spawn(async move {
            let result = start(&config, &docker, &remote, &plan, &volumes).await;
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Started { key: plan.key, result });
            }
        });
        self.starting.insert(key, task.abort_handle());
    }

    fn stop(&mut self, key: AttemptKey, grace: Duration) {
        if !self.remote.stopping(&key) {
            // Never handed over, or ended on its own: it is told as stopped, as every executor does.
            if let Ok(true) = self.remote.expect(&key, &self.config.name) {
                self.end(key, Exit::Stopped, vec![BEFORE_START.into()]);
            }
            return;
        }
        if let Some(starting) = self.starting.remove(&key) {
            starting.abort();
            self.remove(&key);
            self.end(key, Exit::Stopped, vec![BEFORE_START.into()]);
            return;
        }
        self.signal(key.clone(), "TERM");
        let sender = self.sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace + FAREWELL).await;
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Kill { key });
            }
        });
    }

    /// A container that is not there, or not running, has ended: that is told as an end.
    fn signal(&self, key: AttemptKey, signal: &'static str) {
        let (Some(docker), true) = (self.docker.clone(), self.remote.is_open(&key)) else { return };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let options = KillContainerOptionsBuilder::new().signal(signal).build();
            let mut tried = docker.kill_container(&key.object_name(), Some(options.clone())).await;
            while tried.as_ref().is_err_and(is_away) {
                tokio::time::sleep(PAUSE).await;
                tried = docker.kill_container(&key.object_name(), Some(options.clone())).await;
            }
            if let (Err(_), Some(sender)) = (tried, sender.upgrade()) {
                let _ = sender.send(Command::Died { key });
            }
        });
    }

    fn died(&self, key: AttemptKey) {
        let (Some(docker), true) = (self.docker.clone(), self.remote.is_open(&key)) else { return };
        let remote = self.remote.clone();
        tokio::spawn(async move {
            let name = key.object_name();
            let found = loop {
                match docker.inspect_container(&name, None).await {
                    Ok(found) => break Some(found),
                    Err(error) if status(&error) == Some(404) => break None,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            let state = found.as_ref().and_then(|found| found.state.clone());
            if state.as_ref().is_some_and(|state| state.running == Some(true)) {
                return;
            }
            let known = Known {
                stopping: remote.is_stopping(&key),
                claimed: remote.is_claimed(&key),
                memory: found.as_ref().and_then(memory_of),
            };
            let left = match &found {
                Some(_) => left_of(&docker, &name, remote.lines(&key)).await,
                None => Left::default(),
            };
            let (exit, word) = verdict(state.as_ref(), known, &left.complaints);
            let mut words = left.complaints;
            words.push(word);
            let ended = tokio::task::spawn_blocking(move || remote.end_here(&key, exit, &left.rest, &words));
            let _ = ended.await;
        });
    }

    fn end(&self, key: AttemptKey, exit: Exit, words: Vec<String>) {
        let remote = self.remote.clone();
        tokio::task::spawn_blocking(move || remote.end_here(&key, exit, &[], &words));
    }
}

/// The attempt's own limit, from its container's.
fn memory_of(found: &ContainerInspectResponse) -> Option<u64> {
    let limit = found.host_config.as_ref()?.memory.filter(|&limit| limit > 0)?;
    u64::try_from(limit).ok().map(|limit| limit.saturating_sub(OWN_MEMORY))
}

/// What a runner left in its engine's log.
#[derive(Default)]
struct Left {
    /// The last lines of the attempt that it could not ship.
    rest: Vec<u8>,
    /// Its own last words.
    complaints: Vec<String>,
}

async fn left_of(docker: &Docker, name: &str, shipped: u64) -> Left {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let mut stream = Box::pin(docker.logs(name, Some(options)));
    let (mut left, mut lines, mut kept) = (Left::default(), 0, 0);
    while let Some(Ok(output)) = stream.next().await {
        if let LogOutput::StdErr { message } = &output {
            left.complaints.extend(String::from_utf8_lossy(message).lines().map(str::to_owned));
            let much = left.complaints.len().saturating_sub(COMPLAINTS);
            left.complaints.drain(..much);
            continue;
        }
        for line in output.into_bytes().split_inclusive(|byte| *byte == b'\n') {
            if lines >= shipped && kept < REST {
                left.rest.extend_from_slice(line);
            }
            if line.ends_with(b"\n") {
                kept += usize::from(lines >= shipped);
                lines += 1;
            }
        }
    }
    left
}

/// Follows the engine's events for ever; tells of each connection, for what was missed before it.
async fn watch(docker: Docker, config: Arc<ContainerConfig>, sender: mpsc::WeakUnboundedSender<Command>) {
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        // Podman tells `die` to those who ask for `died`.
        ("event", ["create", "die", "died", "oom"].map(str::to_owned).into()),
        ("label", vec![format!("{SERVER}={}", config.server)]),
    ]);
    let (mut told_away, mut pause) = (false, PAUSE);
    loop {
        let tell = |command| sender.upgrade().is_some_and(|sender| sender.send(command).is_ok());
        if docker.ping().await.is_ok() {
            (told_away, pause) = (false, PAUSE);
            let options = EventsOptionsBuilder::new().filters(&filters).build();
            let mut events = Box::pin(docker.events(Some(options)));
            // Events are kept for nobody: what happened before the first of them is found by comparing.
            if !tell(Command::Compare) {
                return;
            }
            while let Some(Ok(event)) = events.next().await {
                let labels = event.actor.and_then(|actor| actor.attributes);
                let Some(key) = labels.and_then(|labels| AttemptKey::parse(labels.get(ATTEMPT)?)) else {
                    continue;
                };
                let heard = match event.action.as_deref() {
                    Some("create") => tell(Command::Made { key }),
                    Some("die") => tell(Command::Died { key }),
                    _ => true,
                };
                if !heard {
                    return;
                }
            }
        } else if !told_away {
            told_away = true;
            tracing::warn!(target = %config.name, endpoint = %config.endpoint, "the container engine does not answer");
        }
        if sender.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
