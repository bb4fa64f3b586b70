//! Reads how a pipeline's containers are made: image, pull policy, and what only Kubernetes understands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::read_image;
use super::fields;
use super::secret_use::is_secret_name;
use super::section::{Found, Notes, Section};
use super::spec::Entry;
use crate::text::excerpt;

/// A piece of Kubernetes' own language, by field.
pub type Values = BTreeMap<String, Value>;

/// What targets with containers heed, and a process does not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// The image that a script or notebook runs in, with that image's own Python; `None` is the server's worker image.
    pub image: Option<String>,
    /// When the image is pulled.
    pub pull: Pull,
    /// The project's secret with the credentials that the image is pulled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// What only Kubernetes understands.
    pub kubernetes: KubernetesSpec,
}

crate::state::text_enum! {
    /// When an image is pulled.
    Pull {
        /// If it is not there.
        Missing = "if-missing",
        /// Before every attempt.
        Always = "always",
        /// Never: it must be there.
        Never = "never",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro of the texts derives no default")]
impl Default for Pull {
    fn default() -> Self {
        Self::Missing
    }
}

/// What only Kubernetes understands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KubernetesSpec {
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are put up with, as Kubernetes writes them.
    pub tolerations: Vec<Values>,
    /// Which nodes are preferred, as Kubernetes writes it.
    pub affinity: Values,
    /// A `PriorityClass`.
    pub priority_class: Option<String>,
    /// Names of secrets with credentials of registries.
    pub image_pull_secrets: Vec<String>,
    /// A service account in the target's namespace.
    pub service_account: Option<String>,
    /// Whether code in the pod gets that account's token.
    pub service_account_token: bool,
    /// Cores that are set aside; the limit unless told.
    pub request_cpu: Option<f64>,
    /// Memory that is set aside, in bytes; the limit unless told.
    pub request_memory: Option<u64>,
    /// Bytes of the node's disk: set aside, and the limit.
    pub ephemeral_storage: Option<u64>,
    /// A `LocalQueue` of Kueue.
    pub queue: Option<String>,
    /// A `WorkloadPriorityClass` of Kueue.
    pub queue_priority: Option<String>,
    /// A patch of the pod's template, for what is rare.
    pub pod_template: Values,
}

/// `image` of scripts and notebooks, `pull`, `pull_secret`, `kubernetes`.
pub(super) fn read_container(
    section: &Section<'_>,
    entry: Option<&Entry>,
    notes: &mut Notes,
) -> ContainerSpec {
    let image = match entry {
        Some(Entry::Script { .. } | Entry::Notebook { .. }) => section.read("image", notes, read_image),
        _ => None,
    };
    let pull = section.read("pull", notes, |found, notes| {
        let text = found.text(notes)?;
        let pull = Pull::parse(&text);
        if pull.is_none() {
            notes.wrong(found.node.at, found.unlike(&text, fields::PULL));
        }
        pull
    });
    let pull_secret = section.read("pull_secret", notes, |found, notes| {
        let name = found.filled_text(notes)?;
        if is_secret_name(&name) {
            return Some(name);
        }
        let message = format!("{}: no secret can be called `{}`", found.name(), excerpt(&name));
        notes.wrong_with(found.node.at, message, "Use letters, digits and `_`, and no digit first.");
        None
    });
    let kubernetes = section.read("kubernetes", notes, read_kubernetes).unwrap_or_default();
    ContainerSpec { image, pull: pull.unwrap_or_default(), pull_secret, kubernetes }
}

fn read_kubernetes(found: &Found<'_>, notes: &mut Notes) -> Option<KubernetesSpec> {
    let object = Section::open(found, fields::KUBERNETES, notes)?;
    Some(KubernetesSpec {
        node_selector: object.read("node_selector", notes, read_labels).unwrap_or_default(),
        tolerations: object.read("tolerations", notes, read_tolerations).unwrap_or_default(),
        affinity: object.read("affinity", notes, Found::values).unwrap_or_default(),
        priority_class: object.read("priority_class", notes, read_name),
        image_pull_secrets: object.read("image_pull_secrets", notes, read_names).unwrap_or_default(),
        service_account: object.read("service_account", notes, read_name),
        service_account_token: object.read("service_account_token", notes, Found::bool).unwrap_or(false),
        request_cpu: object.read("request_cpu", notes, Found::cores),
        request_memory: object.read("request_memory", notes, Found::bytes),
        ephemeral_storage: object.read("ephemeral_storage", notes, Found::bytes),
        queue: object.read("queue", notes, read_name),
        queue_priority: object.read("queue_priority", notes, read_name),
        pod_template: object.read("pod_template", notes, read_pod_template).unwrap_or_default(),
    })
}

/// The name of an object: what Kubernetes takes as one.
fn read_name(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let text = found.filled_text(notes)?;
    if is_object_name(&text) {
        return Some(text);
    }
    let message = format!("{} is `{text}`, which Kubernetes does not take for a name", found.name());
    notes.wrong_with(found.node.at, message, "Use lower-case letters, digits, `-` and `.`, at most 253.");
    None
}

fn read_names(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<String>> {
    let names = found.texts(notes)?;
    match names.iter().find(|name| !is_object_name(name)) {
        None => Some(names),
        Some(bad) => {
            let message = format!("{}: `{bad}` is not what Kubernetes takes for a name", found.name());
            notes.wrong(found.node.at, message);
            None
        }
    }
}

fn is_object_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 253 && text.chars().all(plain) && edge(text.chars().next()) && edge(text.chars().last())
}

fn read_labels(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for member in found.members(notes)? {
        labels.insert(member.key.clone(), found.child(member).scalar_text("a text", notes)?);
    }
    Some(labels)
}

fn read_tolerations(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<Values>> {
    let items = found.few_items(64, notes)?;
    items.iter().map(|item| item.values(notes)).collect()
}

/// The parts of a pod that are Rigi's: without them an attempt could not be told from another, or not be kept apart.
const OURS: &[&str] = &["restartPolicy", "initContainers", "automountServiceAccountToken"];

fn read_pod_template(found: &Found<'_>, notes: &mut Notes) -> Option<Values> {
    let patch = found.values(notes)?;
    for (name, part) in &patch {
        if !matches!(name.as_str(), "metadata" | "spec") || !part.is_object() {
            let message = format!("{}: `{name}` is no part of a pod's template", found.name());
            notes.wrong_with(found.node.at, message, "It has `metadata` and `spec`.");
            return None;
        }
    }
    let spec = patch.get("spec").and_then(Value::as_object);
    if let Some(name) = OURS.iter().find(|name| spec.is_some_and(|spec| spec.contains_key(**name))) {
        let message = format!("{}: `spec.{name}` is Rigi's to say", found.name());
        notes.wrong_with(
            found.node.at,
            message,
            "Leave it out; `docs/operate/kubernetes-target.md` says why.",
        );
        return None;
    }
    Some(patch)
}
