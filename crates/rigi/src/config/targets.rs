//! Targets by name: `[targets.NAME]`, one table for each engine or cluster.

use std::path::PathBuf;

use rigi_model::Target;

use super::choices::TargetKind;
use super::named::{Section, named_keys};
use super::value::Names;

const ALL: &[&str] = &["container", "kubernetes"];
const CONTAINER: &[&str] = &["container"];
const KUBERNETES: &[&str] = &["kubernetes"];

named_keys! {
    /// What an operator says of one target.
    TargetConfig, KEYS {
        /// `container` or `kubernetes`.
        kind: TargetKind, ALL, "the target's name, if it is one of these";
        /// Runs that may be active there at a time. Further ones wait.
        runs: u64, ALL, "none: `limits.runs` alone counts";
        /// Image of pipelines that name none; `rigi image build` makes one.
        image: String, ALL, "none: such pipelines are refused";
        /// Socket of the engine, Docker's or Podman's.
        socket: PathBuf, CONTAINER, "the first of the usual places";
        /// `tcp://HOST:PORT` of an engine that is elsewhere or behind a proxy; instead of `socket`.
        address: String, CONTAINER, "none";
        /// Folder with `ca.pem`, `cert.pem` and `key.pem`, for an engine at an `address` that wants TLS.
        certificates: PathBuf, CONTAINER, "none: without TLS";
        /// User and group, as numbers, that attempts have in their containers.
        user: String, ALL, "`1001:1001`; for a server that is not root, its own";
        /// Network of the engine.
        network: String, CONTAINER, "the engine's own choice";
        /// File with credentials of registries, as `docker login` writes it.
        credentials: PathBuf, CONTAINER, "none";
        /// File that says where the cluster is and who we are there.
        kubeconfig: PathBuf, KUBERNETES, "in a pod, the cluster around it; else the user's own";
        /// Context in that file.
        context: String, KUBERNETES, "its current one";
        /// Namespace of all Jobs.
        namespace: String, KUBERNETES, "that of the context";
        /// Rigi's program in the target's image.
        program: String, KUBERNETES, "`/usr/local/bin/rigi`";
        /// How this target's runners reach the server.
        url: String, ALL, "`runners.url`; not needed for an engine's socket";
        /// Service account of pods whose spec names none.
        service_account: String, KUBERNETES, "the namespace's default";
        /// Secrets with credentials of registries, for pods whose spec names none.
        image_pull_secrets: Names, KUBERNETES, "none";
        /// `LocalQueue` of Kueue for Jobs whose spec names none.
        queue: String, KUBERNETES, "none";
        /// `PriorityClass` of pods whose spec names none.
        priority_class: String, KUBERNETES, "none";
    }
}

/// The section.
pub const TARGETS: Section<TargetConfig> = Section {
    name: "targets",
    one: "a target",
    doc: "One engine of containers, or one cluster. As variables: `RIGI_TARGETS__LAB_GPU__IMAGE` sets \
          `targets.lab-gpu.image`.",
    keys: KEYS,
    tables: |config| &config.named_targets,
    tables_mut: |config| &mut config.named_targets,
    refuses: |name| {
        match Target::parse(name) {
        Some(target) if ![Target::PROCESS, Target::FLOW].contains(&target) && name != "default" => None,
        _ => Some(
            "a target's name has lower-case letters, digits and `-`, and is none of `process`, `flow` and `default`"
                .to_owned(),
        ),
    }
    },
};

impl TargetConfig {
    /// Which executor it has.
    ///
    /// # Errors
    /// If neither its name nor its `kind` says so.
    pub fn kind_of(&self, name: &str) -> Result<TargetKind, String> {
        let by_name =
            [TargetKind::Container, TargetKind::Kubernetes].into_iter().find(|k| k.as_str() == name);
        self.kind
            .or(by_name)
            .ok_or_else(|| format!("`targets.{name}.kind` must say `container` or `kubernetes`"))
    }
}
