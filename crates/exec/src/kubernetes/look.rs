//! What a cluster shows of an attempt, in Rigi's words: why it waits, or how it ended where its runner cannot say so.

use rigi_model::attempt::FailureClass;
use rigi_model::{Exit, Reason};
use serde_json::Value;

use super::job::{CONTAINER, memory_limit};
use super::objects::{Condition, ContainerStatus, Job, Pod};
use super::queues::{Place, condition};
use crate::plan::sentence;
use crate::supervisor::size;

/// All that is known of one attempt.
#[derive(Debug, Default)]
pub struct Shown {
    pub job: Option<Job>,
    pub pod: Option<Pod>,
    /// The newest warning of the cluster about it, and what it is about.
    pub warning: Option<Warning>,
    /// Kueue's object, where there is one.
    pub workload: Option<Value>,
    /// Where it waits in Kueue's queue.
    pub place: Option<Place>,
    /// Its end was asked for.
    pub stopping: bool,
}

/// An event of the kind `Warning`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `FailedCreate`, `FailedScheduling`, `Failed`, …
    pub reason: String,
    /// In the cluster's words.
    pub message: String,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It goes its way.
    Fine,
    /// It waits.
    Waits { reason: Reason, message: String },
    /// Its image cannot be had just now: the cluster tries again.
    Stumbles { message: String },
    /// The cluster moves it out of the way: when its runner is told to end, it is by this.
    Moves { message: String },
    /// It has ended, and its runner will not say how.
    Ended { exit: Exit, word: String },
}

/// Looks at what is shown.
pub fn look(shown: &Shown) -> Look {
    if let Some(pod) = &shown.pod {
        if let Some(ended) = ended_pod(pod, shown.stopping) {
            return ended;
        }
        if let Some(found) = starting_pod(pod) {
            return found;
        }
        if let Some(message) = moving(shown, pod) {
            return Look::Moves { message };
        }
        return match mount_trouble(shown) {
            Some(message) => Look::Waits { reason: Reason::PreparingContainer, message },
            None => Look::Fine,
        };
    }
    if let Some(found) = shown.workload.as_ref().and_then(|workload| queued(workload, shown.place.as_ref())) {
        return found;
    }
    let Some(job) = &shown.job else { return Look::Fine };
    if let Some(condition) = failed(job) {
        return if shown.stopping { stopped() } else { lost(format!("its Job failed: {condition}")) };
    }
    // The Job's controller cannot make the pod: by what it says, it waits, or it never will be.
    match &shown.warning {
        Some(Warning { reason, message }) if reason == "FailedCreate" => cannot_create(message),
        _ => Look::Fine,
    }
}

/// What is there no more has ended.
pub fn gone(stopping: bool) -> Look {
    if stopping { stopped() } else { lost("its Job is gone: somebody removed it".into()) }
}

/// A claimed attempt without a pod has ended: there is one pod for an attempt, and another would find it claimed.
pub fn gone_pod(moved: Option<String>) -> Look {
    match moved {
        Some(message) => evicted(message),
        None => lost("its pod is gone: somebody removed it".into()),
    }
}

fn evicted(message: String) -> Look {
    Look::Ended { word: sentence(&message), exit: Exit::Evicted { message } }
}

fn stopped() -> Look {
    Look::Ended { exit: Exit::Stopped, word: "Stopped on request.".into() }
}

fn lost(message: String) -> Look {
    Look::Ended { word: sentence(&message), exit: Exit::Lost { message } }
}

fn not_started(class: FailureClass, reason: Reason, message: String) -> Look {
    Look::Ended { word: message.clone(), exit: Exit::NotStarted { class, reason, message } }
}

fn cannot_create(message: &str) -> Look {
    if message.contains("exceeded quota") {
        let message = format!("a quota of the namespace is used up: {message}");
        return Look::Waits { reason: Reason::WaitingForQuota, message };
    }
    if message.contains("being terminated") {
        let message = format!("The namespace is being deleted: {message}");
        return not_started(FailureClass::Infrastructure, Reason::TargetUnavailable, message);
    }
    // What the cluster's rules forbid does not get better by waiting.
    if ["is forbidden", "is invalid", "denied the request"].iter().any(|word| message.contains(word)) {
        let message = format!("The cluster does not take the pod: {message}");
        return not_started(FailureClass::User, Reason::StartFailed, message);
    }
    Look::Waits { reason: Reason::PreparingContainer, message: message.to_owned() }
}

/// Of the `Failed` condition of a Job: reason and message.
fn failed(job: &Job) -> Option<String> {
    let failed = find(&job.status.conditions, "Failed", "True")?;
    let words = [failed.reason.as_deref(), failed.message.as_deref()];
    Some(words.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

fn find<'a>(conditions: &'a [Condition], kind: &str, status: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind && condition.status == status)
}

/// What Kueue says of a Workload that it has not admitted.
fn queued(workload: &Value, place: Option<&Place>) -> Option<Look> {
    if condition(workload, "Admitted", "True").is_some() {
        return None;
    }
    let evicted = condition(workload, "Evicted", "True");
    let (why, said) = evicted.or_else(|| condition(workload, "QuotaReserved", "False"))?;
    let place = place.map(|place| format!("; {}", place.words())).unwrap_or_default();
    let message = format!("Kueue: {said} ({why}){place}");
    Some(Look::Waits { reason: Reason::WaitingForQuota, message })
}

/// Why a pod that runs will be told to end by somebody else than Rigi.
fn moving(shown: &Shown, pod: &Pod) -> Option<String> {
    let by_kueue = || condition(shown.workload.as_ref()?, "Evicted", "True");
    // A kubelet says so before it ends the containers, and writes it into the pod's status afterwards.
    let announced = || {
        let warning = shown.warning.as_ref().filter(|warning| MOVED.contains(&warning.reason.as_str()))?;
        Some((warning.reason.clone(), warning.message.clone()))
    };
    let (reason, said) = disruption(pod).or_else(by_kueue).or_else(announced)?;
    Some(format!("the cluster moved it out of the way ({reason}): {said}"))
}

fn attempt(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.container_statuses.iter().find(|status| status.name == CONTAINER)
}

/// Reasons of pods and of warnings that are about being moved.
const MOVED: &[&str] = &["Evicted", "Preempted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown"];

/// The reason and words by which a cluster says that it moves a pod out of the way.
fn disruption(pod: &Pod) -> Option<(String, String)> {
    let status = &pod.status;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(found) = find(&status.conditions, "DisruptionTarget", "True") {
        return Some((text(&found.reason), text(&found.message)));
    }
    let reason = status.reason.clone().filter(|reason| MOVED.contains(&reason.as_str()))?;
    Some((reason, text(&status.message)))
}

/// A pod that has ended, or will not come back from where it is.
fn ended_pod(pod: &Pod, stopping: bool) -> Option<Look> {
    let over = matches!(pod.status.phase.as_str(), "Failed" | "Succeeded");
    if stopping {
        return over.then(stopped);
    }
    if let Some((reason, message)) = disruption(pod) {
        let node = pod.spec.node_name.as_deref().unwrap_or("?");
        // A node that does not answer will not say that the pod has ended.
        let lost_node = matches!(reason.as_str(), "DeletionByTaintManager" | "NodeLost");
        if lost_node {
            return Some(lost(format!("its node {node} is gone: {message} ({reason})")));
        }
        if over {
            let message = format!("the cluster moved it out of the way ({reason}): {message}");
            return Some(evicted(message));
        }
        return None;
    }
    if !over {
        return None;
    }
    let ended = attempt(pod).and_then(|status| status.state.terminated.as_ref());
    let Some(ended) = ended else {
        return Some(init_failed(pod).unwrap_or_else(|| lost("its pod ended without having run".into())));
    };
    if ended.reason.as_deref() == Some("OOMKilled") {
        let limit = memory_of(pod);
        let word = match limit {
            Some(limit) => format!("Killed: it used more than its limit of {} of memory.", size(limit)),
            None => "Killed: the machine ran out of memory.".to_owned(),
        };
        return Some(Look::Ended { exit: Exit::OutOfMemory { limit }, word });
    }
    if matches!(ended.reason.as_deref(), Some("StartError" | "ContainerCannotRun")) {
        let message = format!(
            "The container does not start: {}",
            ended.message.as_deref().unwrap_or("no reason is given")
        );
        return Some(not_started(FailureClass::User, Reason::StartFailed, message));
    }
    Some(init_failed(pod).unwrap_or_else(|| {
        lost(format!("its pod ended with status {} without a word of its runner", ended.exit_code))
    }))
}

fn init_failed(pod: &Pod) -> Option<Look> {
    let failed = pod.status.init_container_statuses.iter().find_map(|status| {
        let ended = status.state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
        let why = ended.message.clone().or_else(|| ended.reason.clone()).unwrap_or_default();
        Some(format!("The init container `{}` failed with status {}: {why}", status.name, ended.exit_code))
    })?;
    Some(not_started(FailureClass::Infrastructure, Reason::StartFailed, failed))
}

fn memory_of(pod: &Pod) -> Option<u64> {
    let attempt = pod.spec.containers.iter().find(|container| container.name == CONTAINER)?;
    memory_limit(attempt.resources.limits.memory.as_deref()?)
}

/// A pod on its way, and what holds it up.
fn starting_pod(pod: &Pod) -> Option<Look> {
    let status = &pod.status;
    if let Some(no) = find(&status.conditions, "PodScheduled", "False") {
        let message = no.message.clone().unwrap_or_else(|| "no node takes it".into());
        return Some(Look::Waits { reason: Reason::Unschedulable, message });
    }
    for container in status.init_container_statuses.iter().chain(&status.container_statuses) {
        let Some(waiting) = container.state.waiting.clone() else { continue };
        let said = waiting.message.unwrap_or_default();
        let image = &container.image;
        match waiting.reason.as_deref().unwrap_or_default() {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
            | "ImageInspectError" => {
                let message = format!("The image {image} cannot be pulled: {said}");
                return Some(match is_users_image(&said) {
                    true => not_started(FailureClass::User, Reason::ImageUnavailable, message),
                    false => Look::Stumbles { message },
                });
            }
            "CreateContainerConfigError" => {
                let message = format!("The container cannot be made: {said}");
                return Some(not_started(FailureClass::User, Reason::StartFailed, message));
            }
            "CreateContainerError" | "RunContainerError" => {
                return Some(Look::Stumbles { message: format!("The container does not start: {said}") });
            }
            _ => {}
        }
    }
    None
}

/// A volume that cannot be mounted shows in events alone.
fn mount_trouble(shown: &Shown) -> Option<String> {
    let runs = shown.pod.as_ref().and_then(attempt).and_then(|status| status.state.running.as_ref());
    let warning = shown.warning.as_ref().filter(|_| runs.is_none())?;
    matches!(warning.reason.as_str(), "FailedMount" | "FailedAttachVolume" | "FailedCreatePodSandBox")
        .then(|| warning.message.clone())
}

/// Whether waiting would not help: the image is not there, or not for us.
fn is_users_image(said: &str) -> bool {
    let lower = said.to_ascii_lowercase();
    [
        "not found",
        "denied",
        "unauthorized",
        "manifest unknown",
        "invalid reference",
        "couldn't parse",
        "never",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
