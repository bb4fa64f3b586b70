//! The targets beside the processes of this machine, as the configuration names them.

use std::path::Path;
use std::sync::Arc;

use rigi_api::view::TargetView;
use rigi_exec::container::{Endpoint, Reach};
use rigi_exec::kubernetes::Defaults;
use rigi_exec::remote::Remote;
use rigi_exec::{ContainerConfig, ContainerExecutor, KubernetesConfig, KubernetesExecutor};
use rigi_model::pipeline::spec::PipelineSpec;
use rigi_model::{ErrorCode, Target};
use rigi_work::Executor;

use super::runners;
use crate::config::targets::TargetConfig;
use crate::config::{Config, TargetKind};
use crate::trouble::Trouble;

/// One target that is not `process`, ready to be opened or looked at.
#[derive(Debug, Clone)]
pub enum Settled {
    Container(Box<ContainerConfig>),
    Kubernetes(Box<KubernetesConfig>),
}

impl Settled {
    /// Its name.
    pub const fn name(&self) -> &Target {
        match self {
            Self::Container(config) => &config.name,
            Self::Kubernetes(config) => &config.name,
        }
    }

    /// Whether servers on other machines reach what it runs.
    pub const fn is_shared(&self) -> bool {
        match self {
            Self::Container(config) => matches!(config.reach, Reach::Calls { .. }),
            Self::Kubernetes(_) => true,
        }
    }

    /// What executes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Container(_) => TargetKind::Container.as_str(),
            Self::Kubernetes(_) => TargetKind::Kubernetes.as_str(),
        }
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Container(config) => config.endpoint.to_string(),
            Self::Kubernetes(config) => {
                let file = config.kubeconfig.as_ref().map(|path| path.display().to_string());
                let context = config.context.as_ref().map(|context| format!(" ({context})"));
                format!(
                    "{}{}",
                    file.unwrap_or_else(|| "the cluster around".into()),
                    context.unwrap_or_default()
                )
            }
        }
    }

    /// Why it cannot run attempts of such a spec, with the cure; `None` if it can.
    pub fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        match self {
            Self::Container(config) => config.refuses(spec),
            Self::Kubernetes(config) => config.refuses(spec),
        }
    }

    /// Its executor.
    pub fn open(self, remote: &Remote) -> Arc<dyn Executor> {
        match self {
            Self::Container(config) => Arc::new(ContainerExecutor::open(*config, remote.clone())),
            Self::Kubernetes(config) => Arc::new(KubernetesExecutor::open(*config, remote.clone())),
        }
    }
}

/// Every target of the configuration, and the engine of this machine where none is named.
///
/// # Errors
/// If one is not said enough of.
pub fn settle(config: &Config, data: &Path, server: &str) -> Result<Vec<Settled>, Trouble> {
    let mut named = config.named_targets.clone();
    if Endpoint::find().is_some() {
        named.entry(Target::CONTAINER.to_string()).or_default();
    }
    let settled: Result<Vec<_>, _> =
        named.iter().map(|(name, target)| settle_one(config, name, target, data, server)).collect();
    let settled = settled?;
    let default = &config.targets.default;
    let known = settled.iter().map(Settled::name).any(|name| name.as_str() == default);
    if !known && default != Target::PROCESS.as_str() {
        let message = format!("`targets.default` is `{default}`, and there is no such target");
        return Err(Trouble::new(
            ErrorCode::ConfigInvalid,
            message,
            &format!("set it up below `[targets.{default}]`"),
        ));
    }
    Ok(settled)
}

fn settle_one(
    config: &Config,
    name: &str,
    target: &TargetConfig,
    data: &Path,
    server: &str,
) -> Result<Settled, Trouble> {
    let wrong = |message: String, cure: &str| Trouble::new(ErrorCode::ConfigInvalid, message, cure);
    let kind = target.kind_of(name).map_err(|message| wrong(message, "say what executes it"))?;
    let parsed = Target::parse(name);
    let name = parsed.ok_or_else(|| wrong(format!("`targets.{name}` is no name"), "choose another"))?;
    match kind {
        TargetKind::Container => {
            container(config, name, target, data, server).map(|config| Settled::Container(Box::new(config)))
        }
        TargetKind::Kubernetes => {
            kubernetes(config, name, target, server).map(|config| Settled::Kubernetes(Box::new(config)))
        }
    }
}

fn kubernetes(
    config: &Config,
    name: Target,
    target: &TargetConfig,
    server: &str,
) -> Result<KubernetesConfig, Trouble> {
    let url = url(config, &name, target)?;
    Ok(KubernetesConfig {
        kubeconfig: target.kubeconfig.clone(),
        context: target.context.clone(),
        namespace: target.namespace.clone(),
        image: target.image.clone(),
        program: target.program.clone().unwrap_or_else(|| "/usr/local/bin/rigi".to_owned()),
        url,
        user: target.user.clone().unwrap_or_else(|| "1001:1001".to_owned()),
        defaults: Defaults {
            service_account: target.service_account.clone(),
            image_pull_secrets: target.image_pull_secrets.clone().unwrap_or_default().0,
            queue: target.queue.clone(),
            priority_class: target.priority_class.clone(),
        },
        server: server.to_owned(),
        name,
    })
}

/// Where a target's runners call this server.
fn url(config: &Config, name: &Target, target: &TargetConfig) -> Result<String, Trouble> {
    let bound = config.runners.bind.map(|address| format!("http://{address}"));
    target.url.clone().or_else(|| config.runners.url.clone()).or(bound).ok_or_else(|| {
        let message = format!("`targets.{name}`: its runners do not know how to reach this server");
        let cure =
            "set `runners.bind` to an address that they reach, and `runners.url` if they see it otherwise";
        Trouble::new(ErrorCode::ConfigInvalid, message, cure)
    })
}

fn endpoint(name: &Target, target: &TargetConfig) -> Result<Endpoint, Trouble> {
    let wrong = |message: String, cure: String| Trouble::new(ErrorCode::ConfigInvalid, message, &cure);
    match (&target.socket, &target.address) {
        (Some(_), Some(_)) => Err(wrong(
            format!("`targets.{name}`: both `socket` and `address` say where the engine is"),
            "leave one of them out".into(),
        )),
        (None, Some(address)) if !address.starts_with("tcp://") => Err(wrong(
            format!("`targets.{name}.address` is `{address}`"),
            "write it as `tcp://HOST:PORT`".into(),
        )),
        (None, Some(address)) => {
            Ok(Endpoint::Tcp { address: address.clone(), certificates: target.certificates.clone() })
        }
        (socket, None) => socket.clone().map(Endpoint::Socket).or_else(Endpoint::find).ok_or_else(|| {
            wrong(
                format!("`targets.{name}`: no container engine was found in the usual places"),
                format!("set `targets.{name}.socket`"),
            )
        }),
    }
}

fn container(
    config: &Config,
    name: Target,
    target: &TargetConfig,
    data: &Path,
    server: &str,
) -> Result<ContainerConfig, Trouble> {
    let endpoint = endpoint(&name, target)?;
    let reach = match endpoint {
        Endpoint::Socket(_) => Reach::Mounts { socket: runners::folder(data) },
        Endpoint::Tcp { .. } => Reach::Calls { url: url(config, &name, target)? },
    };
    let program = std::env::current_exe().map_err(|error| {
        let message = format!("the program's own file cannot be found: {error}");
        Trouble::new(ErrorCode::Internal, message, "start it by its full path")
    })?;
    Ok(ContainerConfig {
        endpoint,
        image: target.image.clone(),
        user: target.user.clone().unwrap_or_else(default_user),
        network: target.network.clone(),
        credentials: target.credentials.clone(),
        program,
        reach,
        folder: data.join("containers").join(name.as_str()),
        server: server.to_owned(),
        name,
    })
}

/// What attempts are in their containers: not root, and where the server is not root either, somebody whose files it
/// can remove.
fn default_user() -> String {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() { "1001:1001".to_owned() } else { format!("{}:{}", user.as_raw(), group.as_raw()) }
}

/// Somebody named a target that is not among these.
pub fn no_such(name: &str, known: &[TargetView]) -> Trouble {
    let known: Vec<String> = known.iter().map(|target| format!("`{}`", target.name)).collect();
    let message = format!("there is no target `{name}`: this configuration has {}", known.join(", "));
    Trouble::new(
        ErrorCode::TargetUnavailable,
        message,
        &format!("set it up below `[targets.{name}]` in rigi.toml"),
    )
}
