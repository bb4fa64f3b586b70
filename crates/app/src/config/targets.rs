//! Targets by name: `[targets.NAME]`, one table for each engine or cluster.

use std::path::PathBuf;

use rigi_model::Target;

use super::key::nearest;
use super::sections::Config;
use super::value::{Names, Raw, TargetKind, Value};

/// The section that holds them.
pub const SECTION: &str = "targets";

/// One key of a target.
pub struct TargetKey {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What may be written, for people.
    pub kind: &'static str,
    /// Which kinds of targets have it.
    pub of: &'static [TargetKind],
    /// The default, in words.
    pub default: &'static str,
    set: fn(&mut TargetConfig, &Raw) -> Result<(), String>,
    show: fn(&TargetConfig) -> Option<String>,
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $key:ident: $ty:ty, $of:expr, $default:literal;)+) => {
        /// What an operator says of one target.
        #[derive(Debug, Clone, Default)]
        pub struct TargetConfig { $($(#[doc = $doc])+ pub $key: Option<$ty>,)+ }

        /// Every key of a target, in the order of the reference.
        pub const TARGET_KEYS: &[TargetKey] = &[$(TargetKey {
            name: stringify!($key),
            doc: concat!($($doc, "\n"),+),
            kind: <$ty as Value>::KIND,
            of: $of,
            default: $default,
            set: |target, raw| {
                target.$key = Some(<$ty as Value>::read(raw)?);
                Ok(())
            },
            show: |target| target.$key.as_ref().and_then(Value::show),
        },)+];
    };
}

const ALL: &[TargetKind] = &[TargetKind::Container, TargetKind::Kubernetes];
const CONTAINER: &[TargetKind] = &[TargetKind::Container];
const KUBERNETES: &[TargetKind] = &[TargetKind::Kubernetes];

keys! {
    /// `container` or `kubernetes`.
    kind: TargetKind, ALL, "the target's name, if it is one of these";
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
            .ok_or_else(|| format!("`{SECTION}.{name}.kind` must say `container` or `kubernetes`"))
    }
}

/// Sets one key of one target.
///
/// # Errors
/// If there is no such key, or no such value.
pub fn set(config: &mut Config, name: &str, key: &str, raw: &Raw) -> Result<(), String> {
    check_name(name)?;
    let Some(known) = TARGET_KEYS.iter().find(|known| known.name == key) else {
        return Err(match nearest(key, TARGET_KEYS.iter().map(|key| key.name)) {
            Some(right) => format!("`{}`: there is no such key; the nearest is `{right}`", path(name, key)),
            None => {
                let all: Vec<_> = TARGET_KEYS.iter().map(|key| format!("`{}`", key.name)).collect();
                format!("`{}`: there is no such key; a target has {}", path(name, key), all.join(", "))
            }
        });
    };
    let target = config.named_targets.entry(name.to_owned()).or_default();
    (known.set)(target, raw).map_err(|message| format!("`{}` {message}", path(name, key)))
}

/// A target without any key is there all the same.
///
/// # Errors
/// If it cannot be a name.
pub fn add(config: &mut Config, name: &str) -> Result<(), String> {
    check_name(name)?;
    config.named_targets.entry(name.to_owned()).or_default();
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    match Target::parse(name) {
        Some(target) if target != Target::PROCESS && name != "default" => Ok(()),
        _ => Err(format!(
            "`{SECTION}.{name}`: a target's name has lower-case letters, digits and `-`, and is neither `process` nor `default`"
        )),
    }
}

/// `targets.NAME.key`.
pub fn path(name: &str, key: &str) -> String {
    format!("{SECTION}.{name}.{key}")
}

/// The target and key that a variable sets, and whether by a file: `RIGI_TARGETS__LAB_GPU__IMAGE`.
pub fn of_variable(variable: &str) -> Option<(String, String, bool)> {
    let rest = variable.strip_prefix("RIGI_TARGETS__")?;
    let (name, key) = rest.split_once("__")?;
    let name = name.to_ascii_lowercase().replace('_', "-");
    let lower = key.to_ascii_lowercase();
    let known = |key: &str| TARGET_KEYS.iter().any(|known| known.name == key);
    match lower.strip_suffix("_file") {
        Some(short) if !known(&lower) && known(short) => Some((name, short.to_owned(), true)),
        _ => Some((name, lower, false)),
    }
}

/// Every key that is set, with its value.
pub fn shown(config: &Config) -> Vec<(String, Option<String>)> {
    let of = |(name, target): (&String, &TargetConfig)| {
        let set = TARGET_KEYS.iter().filter_map(|key| Some((path(name, key.name), (key.show)(target)?)));
        set.map(|(path, value)| (path, Some(value))).collect::<Vec<_>>()
    };
    config.named_targets.iter().flat_map(of).collect()
}
