//! A pod like those of attempts, which tells what it can reach: the image, the way to the server, the disk.

use std::time::Duration;

use futures_util::StreamExt;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, LogParams, Patch, PatchParams};
use kube::runtime::watcher::{Config, watcher};
use kube::runtime::{WatchStreamExt, watcher::Event};
use rigi_model::{AttemptKey, RunId};
use rigi_work::check::Check;
use serde_json::{Value, json};

use super::KubernetesConfig;
use super::cluster::{Cluster, refusal};
use super::job::{CONTAINER, DATA, MANAGER, pod_security, security};
use super::look::{Look, Shown, Warning, look};
use super::objects::{self, Pod};

/// An image may have to be pulled first.
const PATIENCE: Duration = Duration::from_secs(120);
/// Label: of a pod that checks, its name.
const PROBE: &str = "rigi.run/check";

/// Starts it, hears what it says, and removes it.
pub async fn probe(
    config: &KubernetesConfig,
    cluster: &Cluster,
    image: &str,
    storage: Option<&str>,
) -> Vec<Check> {
    let name = AttemptKey { run: RunId::generate(), number: 0 }.object_name();
    let jobs = cluster.of(&objects::jobs());
    let apply = PatchParams::apply(MANAGER).force();
    let wanted = job(config, &name, image, storage);
    let made = jobs.patch(&name, &apply, &Patch::Apply(wanted)).await;
    let found = match made {
        Err(error) => vec![Check::bad(
            "pod",
            refusal("make a Job", &error).message,
            "let Jobs be made in the target's namespace",
        )],
        Ok(_) => hear(cluster, &name, image).await,
    };
    if let Err(error) = jobs.delete(&name, &DeleteParams::background()).await {
        tracing::warn!(name, %error, "the Job of a check stays for some minutes");
    }
    found
}

async fn hear(cluster: &Cluster, name: &str, image: &str) -> Vec<Check> {
    let cure = "see `kubectl describe pod` in the target's namespace: its image, its quotas, its nodes";
    let mut shown = Shown::default();
    match tokio::time::timeout(PATIENCE, ended(cluster, name, &mut shown)).await {
        Ok(Ok(pod)) => {
            let mut found = vec![Check::good("image", format!("{image} runs in a pod"))];
            found.extend(told(cluster, &pod).await);
            found
        }
        Ok(Err(why)) => vec![Check::bad("image", format!("{image} does not run in a pod: {why}"), cure)],
        Err(_) => {
            let why = match look(&shown) {
                Look::Waits { message, .. } | Look::Stumbles { message } => message,
                _ => shown
                    .warning
                    .map_or_else(|| "nothing is said of it".to_owned(), |warning| warning.message),
            };
            let message = format!("{image} did not run in a pod within {} s: {why}", PATIENCE.as_secs());
            vec![Check::bad("image", message, cure)]
        }
    }
}

/// The pod's name when it has ended well, or else why it will not.
async fn ended(cluster: &Cluster, name: &str, shown: &mut Shown) -> Result<String, String> {
    let all = |resource: &ApiResource, config: Config| {
        Box::pin(watcher(cluster.of(resource), config).default_backoff().filter_map(|event| async {
            match event {
                Ok(Event::InitApply(object) | Event::Apply(object)) => Some(object),
                _ => None,
            }
        }))
    };
    let mut pods = all(&objects::core("Pod"), Config::default().labels(&format!("{PROBE}={name}")));
    let mut events = all(&objects::core("Event"), Config::default().fields("type=Warning"));
    loop {
        tokio::select! {
            Some(pod) = pods.next() => shown.pod = Some(Pod::of(pod)),
            Some(event) = events.next() => match warning(&event, name) {
                Some(warning) => shown.warning = Some(warning),
                None => continue,
            },
            else => return Err("the cluster cannot be followed".into()),
        }
        if let Some(pod) = shown.pod.as_ref().filter(|pod| pod.status.phase == "Succeeded") {
            return Ok(pod.name.clone());
        }
        if let Look::Ended { word, .. } = look(shown) {
            return Err(word);
        }
    }
}

fn warning(event: &DynamicObject, name: &str) -> Option<Warning> {
    let text = |path: &str| event.data.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let about = text("/involvedObject/name");
    let ours = about == name || about.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    ours.then(|| Warning { reason: text("/reason"), message: text("/message") })
}

/// What it printed.
async fn told(cluster: &Cluster, pod: &str) -> Vec<Check> {
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let params = LogParams { container: Some(CONTAINER.into()), ..LogParams::default() };
    let said = match pods.logs(pod, &params).await {
        Ok(said) => said,
        Err(error) => {
            let message = refusal("read the log of a pod", &error).message;
            return vec![Check::bad("log", message, "let the API server reach the kubelets of its nodes")];
        }
    };
    let found: Vec<Check> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if found.is_empty() {
        let cure = "make the image again by `rigi image build`: its program is another version's";
        return vec![Check::bad("program", "the image's program does not say what it can reach", cure)];
    }
    found
}

fn job(config: &KubernetesConfig, name: &str, image: &str, storage: Option<&str>) -> Value {
    let labels = json!({"app.kubernetes.io/managed-by": "rigi", PROBE: name});
    let mut arguments = vec!["runner", "--probe", "--server-url", &config.url, "--folder", DATA];
    arguments.extend(storage.into_iter().flat_map(|url| ["--storage-url", url]));
    let defaults = &config.defaults;
    let secrets: Vec<Value> = defaults.image_pull_secrets.iter().map(|name| json!({"name": name})).collect();
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 2 * PATIENCE.as_secs(),
            "ttlSecondsAfterFinished": 300,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "serviceAccountName": defaults.service_account,
                    "priorityClassName": defaults.priority_class,
                    "imagePullSecrets": secrets,
                    "securityContext": pod_security(config),
                    "containers": [{
                        "name": CONTAINER,
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": [config.program],
                        "args": arguments,
                        "workingDir": "/",
                        "resources": {
                            "limits": {"cpu": "500m", "memory": "128Mi"},
                            "requests": {"cpu": "10m", "memory": "64Mi"},
                        },
                        "securityContext": security(),
                        "volumeMounts": [{"name": "work", "mountPath": DATA}],
                    }],
                    "volumes": [{"name": "work", "emptyDir": {}}],
                },
            },
        },
    })
}
