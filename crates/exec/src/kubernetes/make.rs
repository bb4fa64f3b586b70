//! The Job and the secret of an attempt, put into the cluster.

use std::time::{Duration, Instant};

use kube::api::{ApiResource, Patch, PatchParams};
use rigi_model::{AttemptKey, Timestamp};
use rigi_work::plan::{AttemptPlan, Observation};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::KubernetesConfig;
use super::cluster::{Cluster, Passes, Refusal, refusal};
use super::job::{MANAGER, job, labels, queue_of, secret};
use super::keeper::PAUSE;
use super::objects;
use super::watch::kueue;
use crate::remote::Remote;

/// Between two tries, after some.
const LONGEST: Duration = Duration::from_secs(16);

/// Makes both, one right after the other; tried until the cluster has heard it and has room for it. `known` is whether
/// Kueue is: else whoever names a queue looks whether it has come meanwhile, and returns what it found.
pub async fn make(
    config: &KubernetesConfig,
    cluster: &Cluster,
    remote: &Remote,
    plan: &AttemptPlan,
    known: bool,
) -> Result<Option<ApiResource>, Refusal> {
    let queue = queue_of(config, plan).filter(|_| !known);
    let found = match queue {
        Some(_) => insist(cluster, remote, &plan.key, || kueue(cluster)).await?,
        None => None,
    };
    if let (Some(queue), None) = (queue, &found) {
        let words =
            format!("Kueue is not installed in the cluster: it does not wait in the queue `{queue}`.");
        remote.note(&plan.key, words);
    }
    let queued = known || found.is_some();
    // Made once: another word for a Job would suspend again what Kueue has admitted.
    let made = OnceCell::new();
    let both = || async {
        let uid = made.get_or_try_init(|| make_job(config, cluster, plan, queued)).await?;
        let secret = secret(&plan.key, &labels(config, plan), &remote.token(&plan.key), uid);
        make_secret(cluster, &plan.key, &secret).await
    };
    insist(cluster, remote, &plan.key, both).await?;
    Ok(found)
}

/// Makes the secret of a Job that is there.
pub async fn complete(
    cluster: &Cluster,
    remote: &Remote,
    key: &AttemptKey,
    labels: &Map<String, Value>,
    uid: &str,
) -> Result<(), Refusal> {
    let wanted = secret(key, labels, &remote.token(key), uid);
    insist(cluster, remote, key, || make_secret(cluster, key, &wanted)).await
}

/// Tries again what may pass, and tells why it waits whenever that changes.
async fn insist<T, F>(
    cluster: &Cluster,
    remote: &Remote,
    key: &AttemptKey,
    attempt: impl Fn() -> F,
) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let (mut told, mut pause, since) = (None, PAUSE, Instant::now());
    loop {
        match cluster.call(&attempt).await {
            Err(refusal) if refusal.passes.after(since.elapsed()) => {
                let message = format!("{} It is tried again.", refusal.message);
                if told.as_ref() != Some(&message) {
                    let what =
                        Observation::Preparing { reason: refusal.waits_for(), message: message.clone() };
                    remote.tell(key.clone(), Timestamp::now(), what);
                    told = Some(message);
                }
                tokio::time::sleep(pause).await;
                // What passes soon or never is asked often, and not for long.
                pause = if refusal.passes == Passes::Yes { (pause * 2).min(LONGEST) } else { PAUSE };
            }
            other => return other,
        }
    }
}

/// Returns its `uid`.
async fn make_job(
    config: &KubernetesConfig,
    cluster: &Cluster,
    plan: &AttemptPlan,
    queued: bool,
) -> Result<String, Refusal> {
    let apply = PatchParams::apply(MANAGER).force();
    let jobs = cluster.of(&objects::jobs());
    let wanted = job(config, plan, queued);
    let made = jobs.patch(&plan.key.object_name(), &apply, &Patch::Apply(wanted)).await;
    let made = made.map_err(|error| refusal("make a Job", &error))?;
    Ok(made.metadata.uid.unwrap_or_default())
}

async fn make_secret(cluster: &Cluster, key: &AttemptKey, wanted: &Value) -> Result<(), Refusal> {
    let apply = PatchParams::apply(MANAGER).force();
    let secrets = cluster.of(&objects::core("Secret"));
    let made = secrets.patch(&key.object_name(), &apply, &Patch::Apply(wanted)).await;
    made.map(drop).map_err(|error| refusal("make a secret", &error))
}
