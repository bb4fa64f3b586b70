//! What the engine is asked to make of an attempt: one container, with as little as it can do with.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, ImageInspect, Mount, MountType,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use rigi_model::AttemptKey;
use rigi_model::pipeline::spec::Entry;
use rigi_work::plan::AttemptPlan;
use rigi_work::wire::OWN_MEMORY;

use super::{ContainerConfig, Reach};

/// Label: the server whose container it is.
pub const SERVER: &str = "rigi.server";
/// Label: the attempt, `RUN.NUMBER`.
pub const ATTEMPT: &str = "rigi.attempt";

/// Threads of Rigi's own processes within the container, beside those that the attempt may have.
const OWN_PROCESSES: u64 = 16;

/// Where things are within a container.
pub mod at {
    /// The folder of the program.
    pub const PROGRAMS: &str = "/rigi/bin";
    pub const PROGRAM: &str = "/rigi/bin/rigi";
    pub const DATA: &str = "/rigi/work";
    pub const SOCKET: &str = "/rigi/server";
    pub const CACHE: &str = "/rigi/cache";
    pub const TOKEN: &str = "/rigi/work/token";
    pub const CODE: &str = "/app";
}

/// The whole order.
pub fn body(
    config: &ContainerConfig,
    plan: &AttemptPlan,
    image: &str,
    inspected: &ImageInspect,
    mounts: Vec<Mount>,
) -> ContainerCreateBody {
    let (how, place) = match &config.reach {
        Reach::Mounts { .. } => ("--server-socket", at::SOCKET),
        Reach::Calls { url } => ("--server-url", url.as_str()),
    };
    let mut command: Vec<String> =
        ["runner", how, place, "--token-file", at::TOKEN, "--folder", at::DATA, "--work", at::CODE]
            .into_iter()
            .map(str::to_owned)
            .collect();
    if let Entry::Image { argv, .. } = &plan.entry
        && argv.is_empty()
    {
        command.push("--".into());
        command.extend(own_command(inspected));
    }
    let labels = [(SERVER, config.server.clone()), (ATTEMPT, plan.key.to_string())]
        .into_iter()
        .chain([("rigi.pipeline", plan.pipeline.to_string()), ("rigi.project", plan.project.to_string())]);
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(config.user.clone()),
        entrypoint: Some(vec![at::PROGRAM.into()]),
        cmd: Some(command),
        env: Some(vec![
            format!("UV_CACHE_DIR={}/uv", at::CACHE),
            format!("UV_PYTHON_INSTALL_DIR={}/python", at::CACHE),
        ]),
        working_dir: Some("/".into()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).collect()),
        hostname: Some(host_name(&plan.key)),
        host_config: Some(host(config, plan, mounts)),
        ..ContainerCreateBody::default()
    }
}

fn host(config: &ContainerConfig, plan: &AttemptPlan, mounts: Vec<Mount>) -> HostConfig {
    let limits = &plan.limits;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let memory = limits.memory.map(|bytes| signed(bytes.saturating_add(OWN_MEMORY)));
    #[expect(clippy::cast_possible_truncation, reason = "cores are at most some thousands")]
    let nano_cpus = limits.cpu.map(|cores| (cores * 1e9) as i64);
    let tmpfs = HashMap::from([("/tmp".to_owned(), "rw,nosuid,nodev,mode=1777".to_owned())]);
    HostConfig {
        memory,
        // No swap: the limit is the limit.
        memory_swap: memory,
        nano_cpus,
        pids_limit: limits.processes.map(|most| signed(most.saturating_add(OWN_PROCESSES))),
        ulimits: limits.open_files.map(|most| {
            // Rigi's own processes have their own needs; they lower it for the attempt.
            let most = signed(most.max(4096));
            vec![ResourcesUlimits { name: Some("nofile".into()), soft: Some(most), hard: Some(most) }]
        }),
        device_requests: limits.gpus.map(|count| {
            vec![DeviceRequest {
                count: Some(i64::from(count)),
                capabilities: Some(vec![vec!["gpu".into()]]),
                ..DeviceRequest::default()
            }]
        }),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges:true".into()]),
        privileged: Some(false),
        ipc_mode: Some("private".into()),
        network_mode: config.network.clone(),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            ..RestartPolicy::default()
        }),
        // The log is shipped while it grows; this is for what a killed runner had not shipped.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([("max-size".into(), "16m".into()), ("max-file".into(), "2".into())])),
        }),
        tmpfs: Some(tmpfs),
        mounts: Some(mounts),
        ..HostConfig::default()
    }
}

/// A folder or file of this machine, in the container.
pub fn mount(source: &Path, target: &str, read_only: bool) -> Mount {
    Mount {
        target: Some(target.to_owned()),
        source: Some(source.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// A volume of the engine's.
pub fn volume(name: String, target: &str, read_only: bool) -> Mount {
    Mount {
        target: Some(target.to_owned()),
        source: Some(name),
        typ: Some(MountType::VOLUME),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// What an image starts by itself.
fn own_command(image: &ImageInspect) -> Vec<String> {
    let config = image.config.clone().unwrap_or_default();
    let entrypoint = config.entrypoint.unwrap_or_default().into_iter();
    entrypoint.chain(config.cmd.unwrap_or_default()).collect()
}

fn host_name(key: &AttemptKey) -> String {
    format!("rigi-{}-{}", key.run.short().to_ascii_lowercase(), key.number)
}
