//! Attempts in containers, by an engine that speaks Docker's API: Docker, Podman.
//!
//! Each attempt is one container with Rigi's own program as its first process: a runner, which does inside
//! what the process executor does outside. This module only makes containers, ends them, and explains why one did not
//! start or was killed. What it must remember lies in the engine: the name and the labels of each container say whose
//! it is, so that a new server, or an engine that comes back, is all it takes to go on.

mod body;
mod build;
mod engine;
mod image;
mod keeper;
mod start;
mod verdict;
mod volumes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::{AttemptKey, Target};
use rigi_work::plan::{AttemptPlan, Executor, named_image};
use tokio::sync::mpsc;

use crate::remote::Remote;
use crate::thread;
pub use build::{ImageError, ImageOrder, build, save};
pub use engine::{Endpoint, check};
use keeper::{Command, Keeper};

/// What an executor of containers needs to know.
#[derive(Debug, Clone)]
pub struct ContainerConfig {
    /// By which name specs and people call it.
    pub name: Target,
    /// Where the engine listens.
    pub endpoint: Endpoint,
    /// The image of pipelines that name none.
    pub image: Option<String>,
    /// `USER:GROUP`, both as numbers, that attempts have in their containers.
    pub user: String,
    /// The engine's network; `None` is its default.
    pub network: Option<String>,
    /// A file with credentials of registries, as `docker login` writes it.
    pub credentials: Option<PathBuf>,
    /// This program, which is mounted into each container; it must not need anything of the image.
    pub program: PathBuf,
    /// How a container comes by what it needs of the server.
    pub reach: Reach,
    /// A folder for each attempt's files, and one for the cache of packages.
    pub folder: PathBuf,
    /// Names this server: containers of others are left alone.
    pub server: String,
}

/// Where containers are, seen from the server.
#[derive(Debug, Clone)]
pub enum Reach {
    /// On this machine: the server's folders are mounted.
    Mounts {
        /// The folder of the socket at which the server waits for runners.
        socket: PathBuf,
    },
    /// Maybe elsewhere: files are in volumes of the engine's.
    Calls {
        /// Where runners call the server.
        url: String,
    },
}

impl ContainerConfig {
    /// Why it cannot run attempts of such a spec, with the cure; `None` if it can.
    #[must_use]
    pub fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        let missing = named_image(&spec.entry, &spec.container).is_none() && self.image.is_none();
        missing.then(|| {
            let name = &self.name;
            format!(
                "it names no `image`, and the target has none for such pipelines: make one by `rigi image build` and \
                 set `targets.{name}.image`, or name one in the spec"
            )
        })
    }
}

/// Runs attempts in containers.
#[derive(Clone)]
pub struct ContainerExecutor {
    config: Arc<ContainerConfig>,
    remote: Remote,
    commands: mpsc::UnboundedSender<Command>,
}

impl ContainerExecutor {
    /// Follows what the engine does; the engine may be away, now or at any time.
    #[must_use]
    pub fn open(config: ContainerConfig, remote: Remote) -> Self {
        let config = Arc::new(config);
        let (commands, receiver) = mpsc::unbounded_channel();
        let keeper = Keeper::new(config.clone(), remote.clone(), commands.downgrade());
        thread::run(&config.name, keeper.run(receiver));
        Self { config, remote, commands }
    }

    fn send(&self, command: Command) {
        // The keeper lives as long as any sender does.
        let _ = self.commands.send(command);
    }
}

impl Executor for ContainerExecutor {
    fn target(&self) -> Target {
        self.config.name.clone()
    }

    fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        self.config.refuses(spec)
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

    fn log_file(&self, key: &AttemptKey) -> PathBuf {
        self.remote.log_file(key)
    }
}
