//! The executor for processes of this machine: the server's side of the supervisor.
//!
//! It prepares what an attempt needs beside its folder (environment, variables, command), hands it to the supervisor,
//! and passes on what that one reports. It starts the supervisor when there is none, and again when it dies.

mod connect;
mod launch;
mod link;
mod prepare;
mod variables;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Target};
use rigi_work::credentials::Credential;
use rigi_work::plan::{AttemptPlan, Executor, Known, Observed};
use tokio::sync::{mpsc, oneshot};

use crate::account::Apart;
pub use crate::allowed::ALLOWED;
use crate::credential_files::CredentialFiles;
use crate::environment::{Environments, UvConfig};
use crate::layout::{Layout, name};
use link::{Command, Link};

/// What the executor needs to know.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The data folder.
    pub data: PathBuf,
    /// How Python environments are made.
    pub uv: UvConfig,
    /// The program and arguments that run [`crate::supervisor::main`] on this data folder.
    pub supervisor: (PathBuf, Vec<String>),
    /// Variables of the server's own environment that runs may see, beside [`ALLOWED`]; `NAME*` is a prefix.
    pub env_allow: Vec<String>,
    /// The limit on processes that the server fills in where a spec has none: it is held by looking at the tree once
    /// a second, another one by a control group where the machine lets it.
    pub default_processes: Option<u64>,
    /// Where runs have another account than Rigi.
    pub apart: Option<Apart>,
    /// In a container that holds the limits of its one attempt: the attempt's current directory, which is there.
    pub contained: Option<PathBuf>,
}

/// What cannot be done when the executor is opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder is not there or cannot be used.
    #[error("The data folder {} cannot be used: {source}", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The supervisor cannot be started.
    #[error("The supervisor ({}) cannot be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was started but did not get ready.
    #[error("The supervisor did not get ready within {} s; its words are in {}", bound.as_secs(), output.display())]
    NotReady {
        /// How long it had.
        bound: Duration,
        /// Where it complains.
        output: PathBuf,
    },
    /// It was started by a version whose protocol is another one, and its runs must not be disturbed.
    #[error(
        "Rigi {version} started the supervisor of this data folder, and {running} of its runs still run. This version cannot follow them"
    )]
    Version {
        /// Of the supervisor's program.
        version: String,
        /// Attempts that run under it.
        running: usize,
    },
    /// It has welcomed a newer server since.
    #[error("Another server has taken this data folder's runs over")]
    Superseded,
    /// It does not speak as expected.
    #[error("The supervisor does not answer as expected: {0}")]
    Protocol(String),
    /// The connection broke.
    #[error("The supervisor cannot be reached: {0}")]
    Connection(#[from] std::io::Error),
}

/// A supervisor that does not listen is not waited for any longer when it is to end.
const QUIT: Duration = Duration::from_secs(5);

/// Runs attempts as processes of this machine.
#[derive(Debug, Clone)]
pub struct ProcessExecutor {
    layout: Layout,
    commands: mpsc::UnboundedSender<Command>,
    environments: Arc<Environments>,
    credentials: CredentialFiles,
}

impl ProcessExecutor {
    /// Connects to the supervisor of this data folder, or starts one. What it sees goes to `observed`. Returns, beside the
    /// executor, the attempts that are still known from before.
    ///
    /// # Errors
    /// If there is no supervisor and none can be started.
    pub async fn open(
        config: ProcessConfig,
        observed: mpsc::UnboundedSender<Observed>,
    ) -> Result<(Self, Vec<Known>), Error> {
        let data = std::fs::create_dir_all(&config.data)
            .and_then(|()| config.data.canonicalize())
            .map_err(|source| Error::Data { path: config.data.clone(), source })?;
        let layout = Layout::new(data).with_open(config.apart.as_ref().map(|apart| apart.folder.clone()));
        let (user, allow) = (config.apart.as_ref().map(|apart| apart.user), config.env_allow.clone());
        let uv = UvConfig { user, allow, ..config.uv.clone() };
        let environments = Arc::new(Environments::new(layout.environments(), layout.tools(), uv));
        let (commands, receiver) = mpsc::unbounded_channel();
        let context = launch::Context::new(&layout, &config);
        let credentials = context.credentials().clone();
        let connection = connect::connect(&layout, &config.supervisor, None).await?;
        let known = connection.known.clone();
        let link = Link::new(connection, layout.clone(), config, context, environments.clone(), observed);
        tokio::spawn(link.run(receiver, commands.downgrade()));
        Ok((Self { layout, commands, environments, credentials }, known))
    }

    /// The Python environments, for the collector.
    #[must_use]
    pub const fn environments(&self) -> &Arc<Environments> {
        &self.environments
    }

    /// Has the supervisor end as soon as nothing runs; resolves when it was told. It ends by itself anyway, a minute
    /// after the server.
    pub async fn quit(&self) {
        let (told, heard) = oneshot::channel();
        self.send(Command::Quit { told });
        // Not told where it is gone just now: then it has ended.
        let _ = tokio::time::timeout(QUIT, heard).await;
    }

    /// Resolves when a newer server has taken the runs over: this one follows them no more.
    pub async fn superseded(&self) {
        self.commands.closed().await;
    }

    fn send(&self, command: Command) {
        // The link lives as long as any sender does.
        let _ = self.commands.send(command);
    }
}

impl Executor for ProcessExecutor {
    fn target(&self) -> Target {
        Target::PROCESS
    }

    fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        match &spec.entry {
            Entry::Image { image, .. } => Some(format!(
                "the image `{image}` cannot run as a process: use a target with containers, such as `container`"
            )),
            _ if spec.limits.gpus.is_some() => Some(
                "`limits.gpus` is not held for processes: use a target with containers, or take the limit away".into(),
            ),
            _ => None,
        }
    }

    fn launch(&self, plan: AttemptPlan) {
        self.send(Command::Launch(Box::new(plan)));
    }

    fn stop(&self, key: &AttemptKey, grace: Duration) {
        self.send(Command::Stop { key: key.clone(), grace });
    }

    fn release(&self, key: &AttemptKey) {
        self.send(Command::Release { key: key.clone() });
    }

    fn renew(&self, key: &AttemptKey, credential: &Credential) {
        // Released meanwhile: there is nobody to have them.
        if !self.renews(key) {
            return;
        }
        if let Err(error) = self.credentials.write(key, credential) {
            tracing::warn!(%key, %error, "the credentials of a run could not be renewed");
        }
    }

    fn renews(&self, key: &AttemptKey) -> bool {
        self.credentials.has(key)
    }

    fn log_file(&self, key: &AttemptKey) -> PathBuf {
        self.layout.attempt(key).join(name::LOG)
    }
}
