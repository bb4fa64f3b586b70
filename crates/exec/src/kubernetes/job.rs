//! The Job and the secret of an attempt, as the cluster is asked for them.

use rigi_model::AttemptKey;
use rigi_model::pipeline::container::Pull;
use rigi_work::plan::AttemptPlan;
use rigi_work::wire::OWN_MEMORY;
use serde_json::{Map, Value, json};

use super::{KubernetesConfig, patch};
use crate::registry;

/// Label: the server whose Job it is.
pub const SERVER: &str = "rigi.run/server";
/// Label: the attempt, `RUN.NUMBER`.
pub const ATTEMPT: &str = "rigi.run/attempt";
/// Who writes, in the cluster's books.
pub const MANAGER: &str = "rigi";
/// The container that is the attempt.
pub const CONTAINER: &str = "attempt";
/// Kueue's label: the queue.
pub const QUEUE: &str = "kueue.x-k8s.io/queue-name";
/// Kueue's label: the priority in it.
pub const QUEUE_PRIORITY: &str = "kueue.x-k8s.io/priority-class";

/// Beyond its grace, a runner has so many seconds to ship what is left.
pub const FAREWELL: u64 = 30;
/// Seconds after which the cluster removes an ended Job that nobody has removed.
const FORGOTTEN: u64 = 24 * 3600;
/// Seconds that a node may be away before its pods are given up.
const NODE_AWAY: u64 = 30;

const PROGRAM: &str = "/rigi/bin/rigi";
/// The runner's own folder.
pub const DATA: &str = "/rigi/work";
const TOKEN: &str = "/rigi/token";
const CODE: &str = "/app";

/// What tells the objects of an attempt from all others.
pub fn labels(config: &KubernetesConfig, plan: &AttemptPlan) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/managed-by".into(), "rigi".into());
    labels.insert(SERVER.into(), config.server.clone().into());
    labels.insert(ATTEMPT.into(), plan.key.to_string().into());
    for (label, text) in
        [("rigi.run/pipeline", plan.pipeline.as_str()), ("rigi.run/project", plan.project.as_str())]
    {
        if is_label(text) {
            labels.insert(label.into(), text.into());
        }
    }
    labels
}

/// Names of pipelines may hold more than values of labels may.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63 && text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().last())
}

/// The secret that holds the attempt's token; it goes when the Job goes.
pub fn secret(key: &AttemptKey, labels: &Map<String, Value>, token: &str, job_uid: &str) -> Value {
    owned_secret(key, key.object_name(), labels, job_uid, ("Opaque", json!({"token": token})))
}

/// What the secret with the credentials of the image's registry is called.
pub fn pull_secret_name(key: &AttemptKey) -> String {
    format!("{}-pull", key.object_name())
}

/// That secret, where the project has one for it; it goes when the Job goes, too.
///
/// # Errors
/// If what the project has are no credentials.
pub fn pull_secret(
    plan: &AttemptPlan,
    labels: &Map<String, Value>,
    job_uid: &str,
) -> Result<Option<Value>, String> {
    let Some((image, login)) = own_login(plan) else { return Ok(None) };
    let file = registry::file_of(login, image)?.to_string();
    let held = ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": file}));
    Ok(Some(owned_secret(&plan.key, pull_secret_name(&plan.key), labels, job_uid, held)))
}

/// The pipeline's own image, and what its project pulls it with.
fn own_login(plan: &AttemptPlan) -> Option<(&str, &str)> {
    plan.own_image().zip(plan.secrets.registry.as_deref())
}

fn owned_secret(
    key: &AttemptKey,
    name: String,
    labels: &Map<String, Value>,
    job_uid: &str,
    (kind, held): (&str, Value),
) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": labels,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": key.object_name(), "uid": job_uid,
                "controller": true, "blockOwnerDeletion": false,
            }],
        },
        "type": kind,
        "immutable": true,
        "stringData": held,
    })
}

/// The queue of Kueue's that an attempt is to wait in.
pub fn queue_of<'a>(config: &'a KubernetesConfig, plan: &'a AttemptPlan) -> Option<&'a str> {
    plan.container.kubernetes.queue.as_ref().or(config.defaults.queue.as_ref()).map(|queue| queue.as_str())
}

/// The Job. `queued` is whether Kueue is there to admit it.
pub fn job(config: &KubernetesConfig, plan: &AttemptPlan, queued: bool) -> Value {
    let spec = &plan.container.kubernetes;
    let mut labels = labels(config, plan);
    let queue = queue_of(config, plan).filter(|_| queued);
    let mut on_job = labels.clone();
    if let Some(queue) = queue {
        on_job.insert(QUEUE.into(), queue.into());
        if let Some(class) = &spec.queue_priority {
            on_job.insert(QUEUE_PRIORITY.into(), class.as_str().into());
        }
    }
    let mut template = Map::new();
    template.insert("metadata".into(), json!({"labels": std::mem::take(&mut labels)}));
    template.insert("spec".into(), pod(config, plan));
    let patch: Map<String, Value> = spec.pod_template.clone().into_iter().collect();
    patch::merge(&mut template, &patch);
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": plan.key.object_name(), "labels": on_job},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "suspend": queue.is_some(),
            // A pod that is on its way out may still run: there is never a second one beside it.
            "podReplacementPolicy": "Failed",
            // Remembered by the Job, when the pod is gone and nobody watched: it was moved, and did not fail.
            "podFailurePolicy": {"rules": [
                {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]},
            "ttlSecondsAfterFinished": FORGOTTEN,
            "template": template,
        },
    })
}

fn pod(config: &KubernetesConfig, plan: &AttemptPlan) -> Value {
    let spec = &plan.container.kubernetes;
    let pull_secrets = if spec.image_pull_secrets.is_empty() {
        &config.defaults.image_pull_secrets
    } else {
        &spec.image_pull_secrets
    };
    let own = own_login(plan).map(|_| pull_secret_name(&plan.key));
    let pull_secrets: Vec<&String> = own.iter().chain(pull_secrets).collect();
    let mut tolerations: Vec<Value> = ["not-ready", "unreachable"]
        .iter()
        .map(|taint| {
            json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute",
                   "tolerationSeconds": NODE_AWAY})
        })
        .collect();
    tolerations.extend(spec.tolerations.iter().map(|one| json!(one)));
    let mut pod = json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": spec.service_account_token,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": plan.grace.as_secs().saturating_add(FAREWELL),
        "securityContext": pod_security(config),
        "tolerations": tolerations,
        "containers": [container(config, plan)],
        "volumes": [
            {"name": "work", "emptyDir": {}},
            {"name": "app", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "token", "secret": {"secretName": plan.key.object_name(), "defaultMode": 288}},
        ],
    });
    let Some(fields) = pod.as_object_mut() else { return pod };
    let mut set = |name: &str, value: Value| _ = fields.insert(name.to_owned(), value);
    if !spec.node_selector.is_empty() {
        set("nodeSelector", json!(spec.node_selector));
    }
    if !spec.affinity.is_empty() {
        set("affinity", json!(spec.affinity));
    }
    if let Some(class) = spec.priority_class.as_ref().or(config.defaults.priority_class.as_ref()) {
        set("priorityClassName", json!(class));
    }
    if let Some(account) = spec.service_account.as_ref().or(config.defaults.service_account.as_ref()) {
        set("serviceAccountName", json!(account));
    }
    if !pull_secrets.is_empty() {
        let secrets: Vec<Value> = pull_secrets.iter().map(|name| json!({"name": name})).collect();
        set("imagePullSecrets", json!(secrets));
    }
    if plan.own_image().is_some() {
        set("initContainers", json!([bring_program(config)]));
        if let Some(volumes) = pod.get_mut("volumes").and_then(Value::as_array_mut) {
            volumes.push(json!({"name": "program", "emptyDir": {}}));
        }
    }
    pod
}

/// Rigi's program has to come into an image that does not know it.
fn bring_program(config: &KubernetesConfig) -> Value {
    json!({
        "name": "program",
        "image": config.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [config.program, "runner", "--install", PROGRAM],
        "securityContext": security(),
        "resources": {"limits": {"memory": "128Mi"}, "requests": {"cpu": "10m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "program", "mountPath": "/rigi/bin"}],
    })
}

/// Of a pod.
pub fn pod_security(config: &KubernetesConfig) -> Value {
    let (user, group) = config.user.split_once(':').unwrap_or((&config.user, &config.user));
    let number = |text: &str| text.parse::<u64>().unwrap_or(1001);
    json!({
        "runAsNonRoot": true, "runAsUser": number(user), "runAsGroup": number(group), "fsGroup": number(group),
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// Of a container.
pub fn security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

fn container(config: &KubernetesConfig, plan: &AttemptPlan) -> Value {
    let own = plan.own_image();
    let program = if own.is_some() { PROGRAM } else { config.program.as_str() };
    let mut mounts = vec![
        json!({"name": "work", "mountPath": DATA}),
        json!({"name": "app", "mountPath": CODE}),
        json!({"name": "tmp", "mountPath": "/tmp"}),
        json!({"name": "token", "mountPath": TOKEN, "readOnly": true}),
    ];
    if own.is_some() {
        mounts.push(json!({"name": "program", "mountPath": "/rigi/bin", "readOnly": true}));
    }
    let policy = match plan.container.pull {
        Pull::Missing => "IfNotPresent",
        Pull::Always => "Always",
        Pull::Never => "Never",
    };
    json!({
        "name": CONTAINER,
        "image": own.map_or_else(|| config.image.clone().unwrap_or_default(), str::to_owned),
        "imagePullPolicy": policy,
        "command": [program],
        "args": [
            "runner", "--server-url", config.url, "--token-file", format!("{TOKEN}/token"), "--folder", DATA,
            "--work", CODE,
        ],
        "workingDir": "/",
        "resources": resources(plan),
        "securityContext": security(),
        "volumeMounts": mounts,
    })
}

fn resources(plan: &AttemptPlan) -> Value {
    let (limits, spec) = (&plan.limits, &plan.container.kubernetes);
    let cores = |cores: f64| json!(format!("{}m", (cores * 1000.0).ceil()));
    let own = |bytes: u64| json!(bytes.saturating_add(OWN_MEMORY).to_string());
    let (mut limit, mut request) = (Map::new(), Map::new());
    if let Some(cpu) = limits.cpu {
        limit.insert("cpu".into(), cores(cpu));
    }
    if let Some(memory) = limits.memory {
        limit.insert("memory".into(), own(memory));
    }
    if let Some(disk) = spec.ephemeral_storage {
        limit.insert("ephemeral-storage".into(), json!(disk.to_string()));
        request.insert("ephemeral-storage".into(), json!(disk.to_string()));
    }
    if let Some(gpus) = limits.gpus {
        limit.insert("nvidia.com/gpu".into(), json!(gpus.to_string()));
    }
    if let Some(cpu) = spec.request_cpu.or(limits.cpu) {
        request.insert("cpu".into(), cores(cpu));
    }
    if let Some(memory) = spec.request_memory.or(limits.memory) {
        request.insert("memory".into(), own(memory));
    }
    json!({"limits": limit, "requests": request})
}

/// The attempt's limit on memory, from its container's.
pub fn memory_limit(quantity: &str) -> Option<u64> {
    quantity.parse::<u64>().ok().map(|bytes| bytes.saturating_sub(OWN_MEMORY))
}

#[cfg(test)]
mod tests {
    use rigi_model::pipeline::spec::Entry;

    use super::*;
    use crate::kubernetes::Defaults;

    fn plan() -> AttemptPlan {
        let entry = Entry::Image { image: "r.example/app:1".into(), argv: vec!["x".into()] };
        let mut plan: AttemptPlan = serde_json::from_value(json!({
            "key": {"run": rigi_model::RunId::generate(), "number": 1}, "project": "lab", "pipeline": "fit", "step": "main",
            "trigger": "manual", "entry": entry, "cells": [], "code": "/code", "environment": null, "parameters": {}, "env": {},
            "inputs": [], "outputs": [], "limits": {}, "timeout": null, "grace": {"secs": 1, "nanos": 0},
        }))
        .unwrap();
        plan.secrets.registry = Some("ada:hunter22".into());
        plan
    }

    #[test]
    fn credentials_of_a_registry_stand_in_a_secret_that_goes_with_the_job_and_nowhere_else() {
        let config = KubernetesConfig {
            name: rigi_model::Target::as_stored("kubernetes"),
            kubeconfig: None,
            context: None,
            namespace: None,
            image: Some("r.example/rigi:1".into()),
            program: "/usr/local/bin/rigi".into(),
            url: "http://rigi".into(),
            user: "1001:1001".into(),
            defaults: Defaults { image_pull_secrets: vec!["shared".into()], ..Defaults::default() },
            server: "server".into(),
        };
        let (mut plan, labels) = (plan(), Map::new());
        let name = pull_secret_name(&plan.key);
        let job_of = |plan: &AttemptPlan| job(&config, plan, false);
        let made = job_of(&plan);
        let names = &made["spec"]["template"]["spec"]["imagePullSecrets"];
        assert_eq!(*names, json!([{"name": name}, {"name": "shared"}]));
        assert!(!made.to_string().contains("hunter"));
        assert!(!serde_json::to_string(&plan).unwrap().contains("hunter"), "a runner would be told");
        let secret = pull_secret(&plan, &labels, "uid-1").unwrap().unwrap();
        assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "uid-1");
        let file = secret["stringData"][".dockerconfigjson"].as_str().unwrap();
        assert!(file.contains("r.example"), "{file}");
        plan.secrets.registry = Some("nonsense".into());
        assert!(pull_secret(&plan, &labels, "uid-1").unwrap_err().contains("pull_secret"));
        plan.secrets.registry = None;
        assert_eq!(pull_secret(&plan, &labels, "uid-1"), Ok(None));
        assert_eq!(
            job_of(&plan)["spec"]["template"]["spec"]["imagePullSecrets"],
            json!([{"name": "shared"}])
        );
    }
}
