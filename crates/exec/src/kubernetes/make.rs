//! The Job and the secret of an attempt, put into the cluster.

use std::time::{Duration, Instant};

use kube::api::{ApiResource, Patch, PatchParams};
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Reason, Timestamp};
use rigi_work::plan::{AttemptPlan, Observation};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::KubernetesConfig;
use super::cluster::{Cluster, Passes, Refusal, refusal};
use super::job::{MANAGER, job, labels, pull_secret, pull_secret_name, queue_of, secret};
use super::keeper::PAUSE;
use super::objects::{self, Job};
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
        let labels = labels(config, plan);
        // The one with the token is the last: without it no pod begins to pull.
        if let Some(wanted) = pull_secret(plan, &labels, uid).map_err(no_login)? {
            make_secret(cluster, &pull_secret_name(&plan.key), &wanted).await?;
        }
        let secret = secret(&plan.key, &labels, &remote.token(&plan.key), uid);
        make_secret(cluster, &plan.key.object_name(), &secret).await
    };
    insist(cluster, remote, &plan.key, both).await?;
    Ok(found)
}

/// Makes the secret of a Job that is there.
pub async fn complete(
    cluster: &Cluster,
    remote: &Remote,
    key: &AttemptKey,
    job: &Job,
) -> Result<(), Refusal> {
    if job.spec.template.spec.pulls_with(&pull_secret_name(key)) {
        insist(cluster, remote, key, || expect_pull_secret(cluster, key, &job.labels)).await?;
    }
    let (name, wanted) = (key.object_name(), secret(key, &job.labels, &remote.token(key), &job.uid));
    insist(cluster, remote, key, || make_secret(cluster, &name, &wanted)).await
}

/// Only who made the plan has what it holds: where a server was killed before it was there, the attempt begins anew. We may not read
/// secrets; a change of nothing says whether it is there.
async fn expect_pull_secret(
    cluster: &Cluster,
    key: &AttemptKey,
    labels: &Map<String, Value>,
) -> Result<(), Refusal> {
    let nothing = Patch::Merge(json!({"metadata": {"labels": labels}}));
    let secrets = cluster.of(&objects::core("Secret"));
    match secrets.patch(&pull_secret_name(key), &PatchParams::default(), &nothing).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Err(Refusal {
            class: FailureClass::Lost,
            reason: Reason::Lost,
            message: "The server was stopped while it made this attempt: it begins anew.".to_owned(),
            passes: Passes::No,
        }),
        Err(error) => Err(refusal("look for a secret", &error)),
        Ok(_) => Ok(()),
    }
}

fn no_login(message: String) -> Refusal {
    let (class, reason) = (FailureClass::User, Reason::ImageUnavailable);
    Refusal { class, reason, message, passes: Passes::No }
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

async fn make_secret(cluster: &Cluster, name: &str, wanted: &Value) -> Result<(), Refusal> {
    let apply = PatchParams::apply(MANAGER).force();
    let secrets = cluster.of(&objects::core("Secret"));
    let made = secrets.patch(name, &apply, &Patch::Apply(wanted)).await;
    made.map(drop).map_err(|error| refusal("make a secret", &error))
}
