//! The connection to a cluster, and what its refusals mean.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use rigi_model::attempt::FailureClass;
use rigi_model::causes::with_causes;
use rigi_model::{Exit, Reason};
use tokio::sync::Semaphore;

use super::KubernetesConfig;

/// A client, and the namespace of all Jobs.
#[derive(Clone)]
pub struct Cluster {
    pub client: Client,
    pub namespace: String,
    calls: Arc<Semaphore>,
}

/// Calls that are on their way at a time: an API server that is asked for thousands of things at once answers none of them.
const CALLS: usize = 32;

impl Cluster {
    /// Makes a call when its turn comes. Until then it has no memory: thousands may wait for theirs.
    pub async fn call<F: Future>(&self, make: impl FnOnce() -> F) -> F::Output {
        let _turn = self.calls.acquire().await;
        Box::pin(make()).await
    }

    /// All objects of a kind in the namespace.
    pub fn of(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }
}

/// Why there is no client, or why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub class: FailureClass,
    pub reason: Reason,
    /// For people.
    pub message: String,
    /// Whether the cluster may answer otherwise in a moment.
    pub passes: Passes,
}

/// Whether a refusal is a matter of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    Yes,
    /// Where it does not within seconds, it does not: an API server that has just started knows no rights yet.
    Soon,
    No,
}

/// So long a right may be missing.
const SOON: Duration = Duration::from_secs(15);

impl Passes {
    /// Whether to try again what has been refused for so long.
    pub fn after(self, waited: Duration) -> bool {
        self == Self::Yes || self == Self::Soon && waited < SOON
    }
}

impl Refusal {
    /// As the end of an attempt.
    pub fn exit(&self) -> Exit {
        Exit::NotStarted { class: self.class, reason: self.reason, message: self.message.clone() }
    }

    /// Why an attempt waits that is to be tried again.
    pub const fn waits_for(&self) -> Reason {
        match self.reason {
            Reason::WaitingForQuota => Reason::WaitingForQuota,
            _ => Reason::PreparingContainer,
        }
    }
}

/// Makes a client; nothing is sent yet.
///
/// # Errors
/// In words, if the kubeconfig cannot be used.
pub async fn connect(config: &KubernetesConfig) -> Result<Cluster, Refusal> {
    // Installed once per process; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bad = |message: String| Refusal {
        class: FailureClass::Infrastructure,
        reason: Reason::TargetUnavailable,
        message,
        passes: Passes::No,
    };
    let options = KubeConfigOptions { context: config.context.clone(), ..KubeConfigOptions::default() };
    let found = match &config.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|error| bad(unreadable(path, &error)))?;
            let made = Config::from_custom_kubeconfig(read, &options).await;
            made.map_err(|error| bad(unreadable(path, &error)))?
        }
        None => match Config::incluster() {
            Ok(found) => found,
            Err(_) => Config::from_kubeconfig(&options).await.map_err(|error| {
                bad(format!(
                    "There is no cluster around this server, and no kubeconfig: {}.",
                    with_causes(&error)
                ))
            })?,
        },
    };
    let namespace = config.namespace.clone().unwrap_or_else(|| found.default_namespace.clone());
    let client = Client::try_from(found)
        .map_err(|error| bad(format!("The cluster cannot be called: {}.", with_causes(&error))))?;
    Ok(Cluster { client, namespace, calls: Arc::new(Semaphore::new(CALLS)) })
}

fn unreadable(path: &Path, error: &kube::config::KubeconfigError) -> String {
    format!("The kubeconfig {} cannot be used: {}.", path.display(), with_causes(error))
}

/// What a refused call means. `doing` says what was asked for.
pub fn refusal(doing: &str, error: &kube::Error) -> Refusal {
    let kube::Error::Api(status) = error else {
        let said = error.source().map_or_else(|| error.to_string(), with_causes);
        let message = format!("The cluster does not answer ({said}); it was asked to {doing}.");
        let (class, reason) = (FailureClass::Transient, Reason::TargetUnavailable);
        return Refusal { class, reason, message, passes: Passes::Yes };
    };
    let said = status.message.trim();
    let of = |class, reason, passes, message: String| Refusal { class, reason, message, passes };
    let (user, machine) = (FailureClass::User, FailureClass::Infrastructure);
    match status.code {
        401 => of(
            machine,
            Reason::TargetUnavailable,
            Passes::No,
            format!(
                "The cluster does not know us ({said}): its token or certificate has run out or was never good. Renew the \
             target's kubeconfig."
            ),
        ),
        403 if said.contains("exceeded quota") => of(
            machine,
            Reason::WaitingForQuota,
            Passes::Yes,
            format!("A quota of the namespace is used up: {said}."),
        ),
        403 if said.contains("being terminated") => of(
            machine,
            Reason::TargetUnavailable,
            Passes::No,
            format!("The namespace is being deleted: {said}."),
        ),
        400..=403 | 500 if said.contains("admission webhook") => {
            of(user, Reason::StartFailed, Passes::No, format!("A webhook of the cluster rejects it: {said}."))
        }
        403 => of(
            machine,
            Reason::TargetUnavailable,
            Passes::Soon,
            format!("We may not {doing}: {said}. `rigi targets check` says which rights are missing."),
        ),
        404 if said.contains("namespaces") => of(
            machine,
            Reason::TargetUnavailable,
            Passes::No,
            format!("The target's namespace is not there: {said}."),
        ),
        // So are patches answered whose fields have the wrong types.
        500 if said.contains("failed to create typed patch object") => {
            of(user, Reason::StartFailed, Passes::No, format!("The cluster does not take the Job: {said}."))
        }
        400 | 422 => {
            of(user, Reason::StartFailed, Passes::No, format!("The cluster does not take the Job: {said}."))
        }
        429 | 500..=599 => {
            let message = format!("The cluster is in trouble ({said}); it was asked to {doing}.");
            of(FailureClass::Transient, Reason::TargetUnavailable, Passes::Yes, message)
        }
        _ => of(machine, Reason::StartFailed, Passes::No, format!("The cluster did not {doing}: {said}.")),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16, message: &str) -> Refusal {
        let status = Status { code, message: message.into(), ..Status::default() };
        refusal("make a Job", &kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn refusals_say_whose_they_are() {
        for (code, message, class, reason, passes) in [
            (401, "Unauthorized", FailureClass::Infrastructure, Reason::TargetUnavailable, Passes::No),
            (
                403,
                "jobs.batch is forbidden: exceeded quota: q",
                FailureClass::Infrastructure,
                Reason::WaitingForQuota,
                Passes::Yes,
            ),
            (
                403,
                "cannot create resource \"jobs\"",
                FailureClass::Infrastructure,
                Reason::TargetUnavailable,
                Passes::Soon,
            ),
            (
                403,
                "because it is being terminated",
                FailureClass::Infrastructure,
                Reason::TargetUnavailable,
                Passes::No,
            ),
            (
                400,
                "admission webhook \"x\" denied the request: no",
                FailureClass::User,
                Reason::StartFailed,
                Passes::No,
            ),
            (
                404,
                "namespaces \"x\" not found",
                FailureClass::Infrastructure,
                Reason::TargetUnavailable,
                Passes::No,
            ),
            (422, "Job.batch is invalid", FailureClass::User, Reason::StartFailed, Passes::No),
            (
                500,
                "failed to create typed patch object (rigi-x): expected list",
                FailureClass::User,
                Reason::StartFailed,
                Passes::No,
            ),
            (503, "etcd is away", FailureClass::Transient, Reason::TargetUnavailable, Passes::Yes),
        ] {
            let found = api(code, message);
            assert_eq!(
                (found.class, found.reason, found.passes),
                (class, reason, passes),
                "{code} {message}"
            );
            assert!(found.message.contains(message), "{}", found.message);
        }
    }
}
