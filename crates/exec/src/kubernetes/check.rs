//! Whether a cluster lets us do all that attempts need: each right and each path, one by one.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use rigi_model::causes::with_causes;
use rigi_work::check::Check;
use serde_json::json;

use super::KubernetesConfig;
use super::cluster::{Cluster, connect};
use super::probe::probe;
use super::watch::{KUEUE, kueue};

/// Verb, group, resource.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("create", "batch", "jobs"),
    ("get", "batch", "jobs"),
    ("list", "batch", "jobs"),
    ("watch", "batch", "jobs"),
    ("patch", "batch", "jobs"),
    ("delete", "batch", "jobs"),
    ("list", "", "pods"),
    ("watch", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "secrets"),
    ("patch", "", "secrets"),
    ("list", "", "events"),
    ("watch", "", "events"),
];

/// Where Kueue is installed.
const QUEUE_RIGHTS: &[(&str, &str, &str)] = &[("list", KUEUE, "workloads"), ("watch", KUEUE, "workloads")];

/// Looks at all that attempts on this cluster need, at last from within a pod. `storage` is where files are kept, if that
/// is not here.
pub async fn check(config: &KubernetesConfig, storage: Option<&str>) -> Vec<Check> {
    let mut found = Vec::new();
    let cluster = match connect(config).await {
        Ok(cluster) => cluster,
        Err(refusal) => {
            found.push(Check::bad(
                "cluster",
                refusal.message,
                "check `kubeconfig` and `context` of the target",
            ));
            return found;
        }
    };
    match cluster.client.apiserver_version().await {
        Ok(version) => found.push(Check::good(
            "cluster",
            format!("Kubernetes {}.{}, namespace {}", version.major, version.minor, cluster.namespace),
        )),
        Err(error) => {
            let message = format!("it does not answer: {}", with_causes(&error));
            found.push(Check::bad(
                "cluster",
                message,
                "check the address in the kubeconfig, and the way to it",
            ));
            return found;
        }
    }
    let (queued, said) = match kueue(&cluster).await {
        Ok(Some(resource)) => (true, Check::good("kueue", format!("{} is there", resource.api_version))),
        Ok(None) => (false, Check::good("kueue", "is not installed: Jobs are not queued")),
        Err(refusal) => {
            let cure = "let the target's account read the cluster's lists of its APIs";
            (false, Check::bad("kueue", refusal.message, cure))
        }
    };
    let needed: Vec<_> = RIGHTS.iter().chain(QUEUE_RIGHTS.iter().filter(|_| queued)).copied().collect();
    found.extend(rights(&cluster, &needed).await);
    found.push(said);
    let Some(image) = &config.image else {
        found.push(Check::bad(
            "image",
            "there is none with Rigi's program",
            format!("make one by `rigi image build`, and set `targets.{}.image`", config.name),
        ));
        return found;
    };
    // Who lacks a right is told so, and nothing else: what follows would stumble over it.
    if found.iter().all(|check| check.found.is_ok()) {
        found.extend(probe(config, &cluster, image, storage).await);
    }
    found
}

async fn rights(cluster: &Cluster, needed: &[(&str, &str, &str)]) -> Vec<Check> {
    let kind = GroupVersionKind::gvk("authorization.k8s.io", "v1", "SelfSubjectAccessReview");
    let kind = ApiResource::from_gvk(&kind);
    let reviews: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &kind);
    let mut missing = Vec::new();
    for (verb, group, resource) in needed {
        let (name, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes = json!({
            "namespace": cluster.namespace, "verb": verb, "group": group, "resource": name, "subresource": sub,
        });
        let review = DynamicObject::new("", &kind).data(json!({"spec": {"resourceAttributes": attributes}}));
        match reviews.create(&PostParams::default(), &review).await {
            Ok(answer) if answer.data.pointer("/status/allowed") == Some(&json!(true)) => {}
            Ok(_) => missing.push(format!("{verb} {resource}")),
            Err(error) => {
                return vec![Check::bad(
                    "rights",
                    with_causes(&error),
                    "check who the kubeconfig says that we are",
                )];
            }
        }
    }
    if missing.is_empty() {
        let all = format!("all {} that Rigi needs in {}", needed.len(), cluster.namespace);
        return vec![Check::good("rights", all)];
    }
    let cure = "apply the Role of docs/operate/kubernetes-target.md, and bind it to the target's account";
    missing.into_iter().map(|right| Check::bad("rights", format!("we may not {right}"), cure)).collect()
}
