//! The program beside an attempt that runs out of the server's reach: Rigi's own binary as the first process of a
//! container. It claims the attempt, fetches code and inputs, and runs it as a server would run a process of its
//! machine, with a supervisor of its own; it ships the log while it grows, and the outputs and the end when it ends.
//!
//! So that one thing is the same on every target by making: what is done inside.

mod bucket;
mod client;
mod direct;
mod fetch;
mod mirror;
mod outputs;
mod probe;
mod ship;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Exit, Timestamp};
use rigi_work::credentials::{Credential, GivenBy};
use rigi_work::plan::{AttemptPlan, Executor, Observation, Observed};
use rigi_work::wire::{Assignment, Claim};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::environment::UvConfig;
use crate::process::{ProcessConfig, ProcessExecutor};
pub use client::Server;
use client::{CallTrouble, Client};
use direct::Direct;
pub use probe::probe;
use ship::Shipper;

/// The exit status of a runner whose attempt is not its own, or is not waited for any more.
const NOT_MINE: u8 = 75;

/// How a runner is started.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Where the server is.
    pub place: Server,
    /// What shows that the attempt is this runner's.
    pub token: String,
    /// Its own folder: supervisor, attempt, environments.
    pub data: PathBuf,
    /// The attempt's current directory: an empty folder that is there.
    pub work: PathBuf,
    /// The program and first argument that run [`crate::supervisor::main`]; the data folder follows.
    pub supervisor: (PathBuf, Vec<String>),
    /// Of this program.
    pub version: String,
    /// What the image starts by itself, where the attempt is to be just that.
    pub command: Vec<String>,
    /// Whether the attempt's lines are also written to standard output, where the engine keeps them.
    pub mirror: bool,
}

/// Why a runner gives up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not want it.
    #[error("the server does not wait for this attempt: {0}")]
    NotWaitedFor(String),
    /// It cannot even begin.
    #[error("the runner cannot start: {0}")]
    Start(String),
}

/// Runs an attempt to its end; the status is that of its process.
pub async fn run(config: RunnerConfig) -> ExitCode {
    match attempt(config).await {
        Ok(exit) => ExitCode::from(status(&exit)),
        Err(error) => {
            eprintln!("rigi runner: {error}");
            ExitCode::from(NOT_MINE)
        }
    }
}

/// What the container's own status says of an end.
fn status(exit: &Exit) -> u8 {
    let of = |number: i32| u8::try_from(number).unwrap_or(1);
    match exit {
        Exit::Code { code } => of(*code),
        Exit::Signal { signal } => of(128 + signal),
        Exit::OutOfMemory { .. } => 137,
        Exit::TimedOut { .. } => 124,
        Exit::Stopped => 143,
        Exit::LimitExceeded { .. }
        | Exit::NotStarted { .. }
        | Exit::OutputsLost { .. }
        | Exit::Evicted { .. }
        | Exit::Lost { .. } => 1,
    }
}

async fn attempt(config: RunnerConfig) -> Result<Exit, Error> {
    let mut ends = Ends::listen()?;
    let client = Client::new(&config.place, &config.token).map_err(Error::Start)?;
    let claim = Claim { runner: random_name(), version: config.version.clone(), now: Timestamp::now() };
    let assigned = tokio::select! {
        assigned = client.insist(|| client.post_json::<_, Assignment>("claim", &claim)) => assigned,
        // Nothing has begun: there is nothing to tell.
        () = ends.next() => return Ok(Exit::Stopped),
    };
    let Assignment { plan, files } = assigned.map_err(gone)?;
    let (key, grace) = (plan.key.clone(), plan.grace);
    let direct = Arc::new(Direct::new(client.clone(), files));
    let (shipper, shipped) = Shipper::start(client.clone(), direct.clone(), config.mirror);
    let fetched = tokio::select! {
        fetched = fetch::fetch(&client, &direct, plan, &config.data) => fetched,
        () = ends.next() => Err(fetch::Failed::Stopped),
    };
    let plan = match fetched {
        Ok(plan) => plan,
        Err(fetch::Failed::Gone(why)) => return Err(gone(why)),
        Err(failed) => {
            shipper.end(Timestamp::now(), failed.into_ended());
            return shipped.finished().await.map_err(gone);
        }
    };
    let executor = execute(&config, &client, plan, &key, grace, &mut ends, &shipper).await?;
    let shipped = shipped.finished().await.map_err(gone);
    executor.quit().await;
    shipped
}

fn gone(trouble: CallTrouble) -> Error {
    Error::NotWaitedFor(trouble.to_string())
}

/// Has the attempt run by a supervisor of this container, and passes on what it sees.
async fn execute(
    config: &RunnerConfig,
    client: &Client,
    mut plan: AttemptPlan,
    key: &AttemptKey,
    grace: Duration,
    ends: &mut Ends,
    shipper: &Shipper,
) -> Result<ProcessExecutor, Error> {
    let mut supervisor = config.supervisor.clone();
    supervisor.1.push(config.data.display().to_string());
    let own = ProcessConfig {
        data: config.data.clone(),
        // Nothing but the runner's folder may be written to, unless the engine says where packages are kept.
        uv: UvConfig::default(),
        supervisor,
        // All of the container's own variables: its image says what they are.
        env_allow: vec!["*".into()],
        default_processes: None,
        apart: None,
        contained: Some(config.work.clone()),
    };
    let (sender, mut observed) = mpsc::unbounded_channel();
    let opened = ProcessExecutor::open(own, sender).await;
    let (executor, _) = opened.map_err(|error| Error::Start(error.to_string()))?;
    // Given up with the attempt.
    let mut renewing = JoinSet::new();
    if let Some(access) = &mut plan.bucket {
        let opened = bucket::open(&config.place, access, &mut renewing).await;
        opened.map_err(|error| Error::Start(format!("its way to the bucket: {error}")))?;
    }
    if let Some(bucket) = plan.bucket.as_ref().filter(|bucket| bucket.given == GivenBy::File) {
        renewing.spawn(renew(client.clone(), executor.clone(), key.clone(), bucket.credential.clone()));
    }
    executor.launch(in_this_image(plan, &config.command));
    loop {
        tokio::select! {
            seen = observed.recv() => {
                let Some(Observed { at, what, .. }) = seen else {
                    return Err(Error::Start("its supervisor is gone".into()));
                };
                match what {
                    Observation::Ended(ended) => {
                        shipper.end(at, *ended);
                        return Ok(executor);
                    }
                    Observation::Log { lines, bytes } => shipper.log(executor.log_file(key), lines, bytes),
                    other => shipper.say(at, other),
                }
            }
            () = ends.next() => executor.stop(key, grace),
        }
    }
}

/// Fetches new credentials while the old ones still serve.
async fn renew(client: Client, executor: ProcessExecutor, key: AttemptKey, mut known: Credential) {
    loop {
        tokio::time::sleep(known.renew_in(Timestamp::now())).await;
        match client.insist(|| client.get_json("credentials")).await {
            Ok(new) => {
                executor.renew(&key, &new);
                known = new;
            }
            // The attempt is not waited for, or there are none any more.
            Err(_) => return,
        }
    }
}

/// An image is here already: what it starts is a command like any other.
fn in_this_image(mut plan: AttemptPlan, command: &[String]) -> AttemptPlan {
    if let Entry::Image { argv, .. } = &mut plan.entry {
        let argv = std::mem::take(argv);
        plan.entry = Entry::Command { argv: if argv.is_empty() { command.to_vec() } else { argv } };
    }
    plan
}

/// The signals by which an engine ends a container.
struct Ends {
    heard: mpsc::UnboundedReceiver<()>,
}

impl Ends {
    fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let (sender, heard) = mpsc::unbounded_channel();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let mut signals = signal(kind).map_err(|error| Error::Start(error.to_string()))?;
            let sender = sender.clone();
            tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(()).is_ok() {} });
        }
        Ok(Self { heard })
    }

    async fn next(&mut self) {
        if self.heard.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn random_name() -> String {
    let mut bytes = [0; 16];
    // Without randomness the process's number and the time must do.
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&Timestamp::now().0.to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
