//! The Job and the secret of an attempt, put into the cluster.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use rigi_model::Timestamp;

use super::KubernetesConfig;
use super::cluster::{Cluster, Refusal, refusal};
use super::job::{MANAGER, job, secret};
use super::keeper::PAUSE;
use super::objects;
use crate::plan::{AttemptPlan, Observation};
use crate::remote::Remote;

/// Between two tries, after some.
const LONGEST: Duration = Duration::from_secs(16);

/// Makes both; tried until the cluster has heard it and has room for it.
pub async fn make(
    config: &KubernetesConfig,
    cluster: &Cluster,
    remote: &Remote,
    plan: &AttemptPlan,
    queued: bool,
) -> Result<(), Refusal> {
    // Made once: another word for a Job would suspend again what Kueue has admitted.
    let wanted = job(config, plan, queued);
    let uid = insist(remote, plan, || make_job(cluster, plan, &wanted)).await?;
    let wanted = secret(config, plan, &remote.token(&plan.key), &uid);
    insist(remote, plan, || make_secret(cluster, plan, &wanted)).await
}

/// Tries again what may pass, and tells why it waits whenever that changes.
async fn insist<T, F>(remote: &Remote, plan: &AttemptPlan, attempt: impl Fn() -> F) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let (mut told, mut pause) = (None, PAUSE);
    loop {
        match attempt().await {
            Err(refusal) if refusal.passes => {
                let message = format!("{} It is tried again.", refusal.message);
                if told.as_ref() != Some(&message) {
                    let what =
                        Observation::Preparing { reason: refusal.waits_for(), message: message.clone() };
                    remote.tell(plan.key.clone(), Timestamp::now(), what);
                    told = Some(message);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            other => return other,
        }
    }
}

/// Returns its `uid`.
async fn make_job(
    cluster: &Cluster,
    plan: &AttemptPlan,
    wanted: &serde_json::Value,
) -> Result<String, Refusal> {
    let apply = PatchParams::apply(MANAGER).force();
    let jobs = cluster.of(&objects::jobs());
    let made = jobs.patch(&plan.key.object_name(), &apply, &Patch::Apply(wanted)).await;
    let made = made.map_err(|error| refusal("make a Job", &error))?;
    Ok(made.metadata.uid.unwrap_or_default())
}

async fn make_secret(
    cluster: &Cluster,
    plan: &AttemptPlan,
    wanted: &serde_json::Value,
) -> Result<(), Refusal> {
    let apply = PatchParams::apply(MANAGER).force();
    let secrets = cluster.of(&objects::core("Secret"));
    let made = secrets.patch(&plan.key.object_name(), &apply, &Patch::Apply(wanted)).await;
    made.map(drop).map_err(|error| refusal("make a secret", &error))
}
