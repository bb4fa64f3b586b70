//! Attempts as Kubernetes Jobs.
//!
//! Each attempt is one Job with one pod and one secret, which holds the attempt's token and goes when the Job goes. In
//! the pod, Rigi's own program is the first process: a runner, which does inside what the process executor
//! does outside. This module makes Jobs, removes them, and reads from what the cluster says of them why one waits, did
//! not start or was moved out of the way. What must be remembered lies in the cluster, under labels.

mod check;
mod cluster;
mod job;
mod keeper;
mod look;
mod make;
mod objects;
mod patch;
mod probe;
mod queues;
mod rest;
mod standing;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Target};
use rigi_work::plan::{AttemptPlan, Executor};
use tokio::sync::mpsc;

use crate::remote::Remote;
use crate::thread;
pub use check::check;
use keeper::{Command, Keeper};

/// What an executor of Jobs needs to know.
#[derive(Debug, Clone)]
pub struct KubernetesConfig {
    /// By which name specs and people call it.
    pub name: Target,
    /// Where the cluster is and who we are there; `None` is what a pod finds around itself, else the user's own.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None` is its current one.
    pub context: Option<String>,
    /// The namespace of all Jobs; `None` is that of the context.
    pub namespace: Option<String>,
    /// The image of pipelines that name none. It holds Rigi's program.
    pub image: Option<String>,
    /// Where the program is in that image.
    pub program: String,
    /// How runners reach the server.
    pub url: String,
    /// `USER:GROUP`, both as numbers, that attempts have in their pods.
    pub user: String,
    /// What pods have where a spec does not say.
    pub defaults: Defaults,
    /// Names this server: Jobs of others are left alone.
    pub server: String,
}

/// What a spec's `kubernetes` may say, for those that do not.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// A service account.
    pub service_account: Option<String>,
    /// Secrets with credentials of registries.
    pub image_pull_secrets: Vec<String>,
    /// A `LocalQueue` of Kueue.
    pub queue: Option<String>,
    /// A `PriorityClass`.
    pub priority_class: Option<String>,
}

impl KubernetesConfig {
    /// Why it cannot run attempts of such a spec, with the cure; `None` if it can.
    #[must_use]
    pub fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        let name = &self.name;
        if self.image.is_none() {
            return Some(format!(
                "the target has no image with Rigi's program: make one by `rigi image build` and set \
                 `targets.{name}.image`"
            ));
        }
        match &spec.entry {
            Entry::Image { image, argv } if argv.is_empty() => Some(format!(
                "a cluster does not tell what the image `{image}` starts by itself: say it with `command`"
            )),
            _ => None,
        }
    }
}

/// Runs attempts as Jobs.
#[derive(Clone)]
pub struct KubernetesExecutor {
    config: Arc<KubernetesConfig>,
    remote: Remote,
    commands: mpsc::UnboundedSender<Command>,
}

impl KubernetesExecutor {
    /// Follows what the cluster does; the cluster may be away, now or at any time.
    #[must_use]
    pub fn open(config: KubernetesConfig, remote: Remote) -> Self {
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

impl Executor for KubernetesExecutor {
    fn target(&self) -> Target {
        self.config.name.clone()
    }

    fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        self.config.refuses(spec)
    }

    fn launch(&self, plan: AttemptPlan) {
        self.send(Command::Launch(Box::new(plan)));
    }

    fn stop(&self, key: &AttemptKey, _grace: Duration) {
        // The pod has it since it was made.
        self.send(Command::Stop { key: key.clone() });
    }

    fn release(&self, key: &AttemptKey) {
        self.send(Command::Release { key: key.clone() });
    }

    fn log_file(&self, key: &AttemptKey) -> PathBuf {
        self.remote.log_file(key)
    }
}
