//! One task that knows what becomes of each Job: it makes and removes them, follows the cluster, and says how an attempt
//! ended whose runner cannot.

mod kueue;
mod lists;
mod removal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::api::ApiResource;
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use lists::Lists;
use rigi_work::plan::{AttemptPlan, BEFORE_START, Observation};

use super::KubernetesConfig;
use super::cluster::{Cluster, Refusal, connect};
use super::look::{Look, Shown, evicted, gone, look};
use super::make::{complete, make};
use super::objects::Job;
use super::queues::Queues;
use super::watch::{Outlet, Seen, kueue, watch};
use crate::remote::Remote;

/// Between two tries to reach a cluster.
pub const PAUSE: Duration = Duration::from_secs(2);
/// A start that stumbles is left to the cluster for so long.
const STUMBLES: Duration = Duration::from_secs(600);

/// What the keeper is told.
#[derive(Debug)]
pub enum Command {
    Launch(Box<AttemptPlan>),
    Created {
        key: AttemptKey,
        result: Result<(), Refusal>,
    },
    Stop {
        key: AttemptKey,
    },
    Release {
        key: AttemptKey,
    },
    Seen(Seen),
    /// It has stumbled for too long.
    Overdue {
        key: AttemptKey,
    },
    /// Kueue has had time to hear of it.
    Unheard {
        key: AttemptKey,
    },
    /// Kueue was not there when this server came, and is now.
    Kueue(ApiResource),
    /// Places in queues may have changed.
    Line,
    /// The cluster can be called.
    Connected(Result<Box<(ClusterAt, Option<ApiResource>)>, Refusal>),
}

/// A cluster, for a message.
pub struct ClusterAt(Cluster);

impl std::fmt::Debug for ClusterAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {}", self.0.namespace)
    }
}

/// One attempt.
#[derive(Default)]
struct Held {
    shown: Shown,
    /// What was last told of its waiting.
    told: Option<(Reason, String)>,
    stumbles: bool,
    /// Its Job, or its secret, is being made.
    making: Option<AbortHandle>,
    /// Both are made. A server that was killed may have made the one without the other.
    made: bool,
    /// Its end is being told.
    ending: bool,
    /// Kueue's time to hear of it has begun.
    timed: bool,
}

/// See the module.
pub struct Keeper {
    config: Arc<KubernetesConfig>,
    remote: Remote,
    sender: mpsc::WeakUnboundedSender<Command>,
    cluster: Option<Cluster>,
    /// Kueue's Workloads, where it is installed.
    kueue: Option<ApiResource>,
    held: HashMap<AttemptKey, Held>,
    /// By the name of its Job.
    names: HashMap<String, AttemptKey>,
    /// What came before the cluster could be called.
    early: Vec<Command>,
    watches: JoinSet<()>,
    away: bool,
    lists: Lists,
    /// Kueue's objects are not ours to see.
    unseen: bool,
    queues: Queues,
    /// Places will be told soon.
    line_due: bool,
}

impl Keeper {
    pub fn new(
        config: Arc<KubernetesConfig>,
        remote: Remote,
        sender: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        let mut keeper = Self {
            config,
            remote,
            sender,
            cluster: None,
            kueue: None,
            held: HashMap::new(),
            names: HashMap::new(),
            early: Vec::new(),
            watches: JoinSet::new(),
            away: false,
            lists: Lists::default(),
            unseen: false,
            queues: Queues::default(),
            line_due: false,
        };
        keeper.remote.blind(&keeper.config.name);
        for key in keeper.remote.open_of(&keeper.config.name) {
            keeper.hold(key);
        }
        keeper
    }

    fn hold(&mut self, key: AttemptKey) -> &mut Held {
        self.names.insert(key.object_name(), key.clone());
        let held = self.held.entry(key).or_default();
        held.shown.unseen = self.unseen;
        held
    }

    /// Runs until the executor is dropped.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        self.connect(Duration::ZERO);
        while let Some(command) = commands.recv().await {
            self.take(command);
        }
    }

    fn connect(&self, pause: Duration) {
        let (config, sender) = (self.config.clone(), self.sender.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let connected = match connect(&config).await {
                Ok(cluster) => {
                    // One that does not say is asked again for each attempt that names a queue.
                    let queued = kueue(&cluster).await.unwrap_or_default();
                    Ok(Box::new((ClusterAt(cluster), queued)))
                }
                Err(refusal) => Err(refusal),
            };
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Connected(connected));
            }
        });
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Connected(Ok(found)) => {
                let (ClusterAt(cluster), queued) = *found;
                let outlet = Outlet { sender: self.sender.clone() };
                self.watches = watch(&cluster, &self.config.server, &outlet);
                self.lists = Lists::begin(queued.is_some());
                self.cluster = Some(cluster);
                if let Some(resource) = queued {
                    self.queue_by(resource);
                }
                for command in std::mem::take(&mut self.early) {
                    self.take(command);
                }
            }
            Command::Connected(Err(refusal)) => {
                if !std::mem::replace(&mut self.away, true) {
                    tracing::error!(target = %self.config.name, why = refusal.message, "the cluster cannot be called");
                }
                for command in std::mem::take(&mut self.early) {
                    if let Command::Launch(plan) = command {
                        self.end(plan.key, refusal.exit(), refusal.message.clone());
                    }
                }
                self.connect(PAUSE);
            }
            Command::Launch(plan) => self.launch(*plan),
            Command::Created { key, result } => self.created(key, result),
            Command::Stop { key } => self.stop(key),
            Command::Release { key } => self.release(key),
            Command::Seen(seen) => self.seen(seen),
            Command::Overdue { key } => self.overdue(key),
            Command::Unheard { key } => self.update(&key, |shown| shown.unheard = true),
            Command::Kueue(resource) => self.queue_by(resource),
            Command::Line => self.line(),
        }
    }

    fn launch(&mut self, plan: AttemptPlan) {
        let key = plan.key.clone();
        let Some(cluster) = self.cluster.clone() else {
            self.early.push(Command::Launch(Box::new(plan)));
            return;
        };
        match self.remote.expect(&key, &self.config.name) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.remote.refuse(key, &error),
        }
        let (config, remote, sender) = (self.config.clone(), self.remote.clone(), self.sender.clone());
        let known = self.kueue.is_some();
        let making = tokio::spawn(async move {
            let result = make(&config, &cluster, &remote, &plan, known).await;
            let Some(sender) = sender.upgrade() else { return };
            let (result, found) = match result {
                Ok(found) => (Ok(()), found),
                Err(refusal) => (Err(refusal), None),
            };
            if let Some(resource) = found {
                let _ = sender.send(Command::Kueue(resource));
            }
            let _ = sender.send(Command::Created { key: plan.key, result });
        });
        self.hold(key).making = Some(making.abort_handle());
    }

    fn created(&mut self, key: AttemptKey, result: Result<(), Refusal>) {
        if let Some(held) = self.held.get_mut(&key) {
            held.making = None;
            held.made = result.is_ok();
        }
        if let Err(refusal) = result {
            self.end(key, refusal.exit(), refusal.message);
        }
    }

    /// A Job from before this server began may have no secret yet.
    fn complete(&mut self, key: &AttemptKey, job: &Job) {
        let (Some(cluster), Some(held)) = (self.cluster.clone(), self.held.get_mut(key)) else { return };
        if held.made || held.making.is_some() || !self.remote.is_open(key) || self.remote.is_claimed(key) {
            return;
        }
        let (remote, sender) = (self.remote.clone(), self.sender.clone());
        let (key, job) = (key.clone(), job.clone());
        let making = tokio::spawn(async move {
            let result = complete(&cluster, &remote, &key, &job).await;
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Created { key, result });
            }
        });
        held.making = Some(making.abort_handle());
    }

    fn stop(&mut self, key: AttemptKey) {
        let word = BEFORE_START;
        if !self.remote.stopping(&key) {
            // Never handed over: it is told as stopped, as every executor does.
            if let Ok(true) = self.remote.expect(&key, &self.config.name) {
                self.early.retain(|c| !matches!(c, Command::Launch(plan) if plan.key == key));
                self.end(key, Exit::Stopped, word.into());
            }
            return;
        }
        let held = self.hold(key.clone());
        held.shown.stopping = true;
        let was_making = held.making.take().map(|making| making.abort()).is_some();
        // The runner is told to end by the end of its pod, ships what is left, and reports.
        self.delete(key.clone());
        if was_making {
            self.end(key, Exit::Stopped, word.into());
        }
    }

    fn release(&mut self, key: AttemptKey) {
        if let Some(making) = self.held.remove(&key).and_then(|held| held.making) {
            making.abort();
        }
        self.names.remove(&key.object_name());
        self.delete(key.clone());
        let remote = self.remote.clone();
        tokio::task::spawn_blocking(move || remote.forget(&key));
    }

    fn seen(&mut self, seen: Seen) {
        match seen {
            Seen::Deaf(kind, deafness) => self.deaf(kind, &deafness),
            Seen::Hears(kind) => self.hears(kind),
            Seen::Jobs(there) => self.jobs_listed(&there),
            Seen::PodsBegin => self.pods_begin(),
            Seen::Pods(there) => self.pods_listed(&there),
            Seen::Job { key, job: Some(job) } => {
                self.complete(&key, &job);
                self.time(&key, &job);
                self.update(&key, |shown| shown.job = Some(*job));
            }
            Seen::Job { key, job: None } => self.job_gone(&key),
            Seen::Pod { key, pod: Some(pod) } => self.update(&key, |shown| {
                shown.pod = Some(*pod);
                shown.pod_gone = false;
            }),
            Seen::Pod { key, pod: None } => self.pod_gone(&key),
            Seen::Warning { about, warning } => {
                let key = self.names.get(&about).or_else(|| {
                    // A pod is named after its Job, with five letters behind.
                    self.names.get(about.rsplit_once('-')?.0)
                });
                if let Some(key) = key.cloned() {
                    self.update(&key, |shown| shown.warning = Some(warning));
                }
            }
            Seen::Workload { name, workload } => self.workload(&name, workload.map(|workload| *workload)),
            Seen::Workloads(there) => self.workloads(&there),
        }
    }

    fn update(&mut self, key: &AttemptKey, change: impl FnOnce(&mut Shown)) {
        let Some(held) = self.held.get_mut(key) else { return };
        change(&mut held.shown);
        let found = look(&held.shown);
        self.follow(key, found);
    }

    fn follow(&mut self, key: &AttemptKey, found: Look) {
        if !self.remote.is_open(key) {
            return;
        }
        let (waits, stumbles) = match found {
            Look::Fine => (None, false),
            Look::Waits { reason, message } => (Some((reason, message)), false),
            Look::Moves { message } => return self.remote.moves(key, message),
            Look::Stumbles { message } => (Some((Reason::PreparingContainer, message)), true),
            Look::Ended { exit, word } => {
                self.end_with_rest(key.clone(), exit, word);
                return;
            }
        };
        let Some(held) = self.held.get_mut(key) else { return };
        if stumbles && !held.stumbles {
            let (sender, key) = (self.sender.clone(), key.clone());
            tokio::spawn(async move {
                tokio::time::sleep(STUMBLES).await;
                if let Some(sender) = sender.upgrade() {
                    let _ = sender.send(Command::Overdue { key });
                }
            });
        }
        held.stumbles = stumbles;
        if waits.is_some() && waits != held.told && !self.remote.has_started(key) {
            held.told.clone_from(&waits);
            if let Some((reason, message)) = waits {
                self.remote.tell(key.clone(), Timestamp::now(), Observation::Preparing { reason, message });
            }
        }
    }

    fn overdue(&mut self, key: AttemptKey) {
        let Some(held) = self.held.get(&key).filter(|held| held.stumbles) else { return };
        let message = held.told.as_ref().map(|(_, message)| message.clone()).unwrap_or_default();
        let (class, reason) = (FailureClass::Transient, Reason::StartFailed);
        self.end(key, Exit::NotStarted { class, reason, message: message.clone() }, message);
    }

    fn job_gone(&mut self, key: &AttemptKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        held.shown.job = None;
        // While its pod is there, the runner may still have its say.
        if held.shown.pod.is_none() && held.making.is_none() {
            let found = gone(held.shown.stopping);
            self.follow(key, found);
        }
    }

    fn pod_gone(&mut self, key: &AttemptKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        let before = held.shown.pod.take();
        if held.shown.job.is_none() || held.shown.stopping {
            let found = gone(held.shown.stopping);
            self.follow(key, found);
        } else if before.is_some() && self.remote.is_claimed(key) {
            self.without_pod(key);
        }
    }

    /// There is one pod for an attempt: another would find it claimed.
    fn without_pod(&mut self, key: &AttemptKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        held.shown.pod_gone = true;
        let found = self.remote.moved(key).map_or_else(|| look(&held.shown), evicted);
        self.follow(key, found);
    }
}
