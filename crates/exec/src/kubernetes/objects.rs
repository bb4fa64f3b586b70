//! What is read of a cluster's objects: the few fields that matter here, whatever else an object has.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::job::QUEUE;

/// A Job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Job {
    /// Set by [`Self::of`].
    #[serde(skip)]
    pub uid: String,
    /// Set by [`Self::of`].
    #[serde(skip)]
    pub labels: Map<String, Value>,
    pub spec: JobSpec,
    pub status: JobStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct JobSpec {
    pub suspend: bool,
    pub template: Template,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    pub spec: PodSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobStatus {
    pub conditions: Vec<Condition>,
}

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    /// Set by [`Self::of`].
    #[serde(skip)]
    pub name: String,
    /// Somebody has asked for its end. Set by [`Self::of`].
    #[serde(skip)]
    pub leaves: bool,
    pub spec: PodSpec,
    pub status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    pub node_name: Option<String>,
    pub priority_class_name: Option<String>,
    pub image_pull_secrets: Vec<Named>,
    pub containers: Vec<Container>,
}

impl PodSpec {
    /// Whether its images are pulled with this secret.
    pub fn pulls_with(&self, secret: &str) -> bool {
        self.image_pull_secrets.iter().any(|named| named.name == secret)
    }
}

/// Another object, by its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    pub name: String,
    pub resources: Resources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    pub limits: Limits,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub memory: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    pub phase: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub conditions: Vec<Condition>,
    pub init_container_statuses: Vec<ContainerStatus>,
    pub container_statuses: Vec<ContainerStatus>,
}

/// One of the things that an object's status says of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    pub name: String,
    pub image: String,
    pub state: ContainerState,
}

/// One of the three is there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    pub waiting: Option<Why>,
    pub running: Option<serde_json::Value>,
    pub terminated: Option<Why>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Why {
    pub reason: Option<String>,
    pub message: Option<String>,
    pub exit_code: i32,
}

impl Pod {
    /// Of an object as the cluster has it.
    pub fn of(object: DynamicObject) -> Self {
        let pod: Self = read(object.data);
        let leaves = object.metadata.deletion_timestamp.is_some();
        Self { name: object.metadata.name.unwrap_or_default(), leaves, ..pod }
    }
}

impl Job {
    /// The queue of Kueue's that it waits in: while it is suspended.
    pub fn waits_in(&self) -> Option<&str> {
        self.labels.get(QUEUE).and_then(Value::as_str).filter(|_| self.spec.suspend)
    }

    /// Of an object as the cluster has it.
    pub fn of(object: DynamicObject) -> Self {
        let job: Self = read(object.data);
        let labels = object.metadata.labels.unwrap_or_default();
        let labels = labels.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        Self { uid: object.metadata.uid.unwrap_or_default(), labels, ..job }
    }
}

fn read<T: Default + serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| {
        tracing::warn!(%error, "an object of the cluster cannot be read");
        T::default()
    })
}

/// Jobs.
pub fn jobs() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("batch", "v1", "Job"))
}

/// Pods, secrets and events.
pub fn core(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind))
}
