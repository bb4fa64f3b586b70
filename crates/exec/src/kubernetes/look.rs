//! What a cluster shows of an attempt, in Rigi's words: why it waits, or how it ended where its runner cannot say so.

use rigi_model::attempt::FailureClass;
use rigi_model::quantity::show_size;
use rigi_model::{Exit, Reason};
use rigi_work::plan::{STOPPED, sentence};
use serde_json::Value;

use super::job::{CONTAINER, QUEUE, QUEUE_PRIORITY, memory_limit};
use super::objects::{Condition, ContainerStatus, Job, Pod};
use super::queues::{LocalQueuePlace, condition};
use super::standing::{standing, without_uids};

/// All that is known of one attempt.
#[derive(Debug, Default)]
pub struct Shown {
    pub job: Option<Job>,
    pub pod: Option<Pod>,
    /// Its pod was there, and is gone.
    pub pod_gone: bool,
    /// The newest warning of the cluster about it, and what it is about.
    pub warning: Option<Warning>,
    /// Kueue's object, where there is one.
    pub workload: Option<Value>,
    /// Where it waits in Kueue's queue.
    pub place: Option<LocalQueuePlace>,
    /// Kueue has had time enough, and made no object for it.
    pub unheard: bool,
    /// Kueue's objects are not ours to see.
    pub unseen: bool,
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
            // Another pod of the same attempt found it claimed: what counts is how the first one went.
            let first = || taken_back(shown, None).map(|(reason, said)| evicted(moved_away(&reason, &said)));
            let is_lost = matches!(ended, Look::Ended { exit: Exit::Lost { .. }, .. });
            return first().filter(|_| is_lost).unwrap_or(ended);
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
    let Some(job) = &shown.job else { return Look::Fine };
    if let Some(failed) = failed(job) {
        return if shown.stopping { stopped() } else { failed };
    }
    if shown.pod_gone && !shown.stopping {
        return without_pod(shown, job);
    }
    if let Some(message) = queued(shown, job) {
        return Look::Waits { reason: Reason::WaitingForQuota, message };
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

/// An attempt whose pod is gone has ended: there is one pod for an attempt, and another would find it claimed.
fn without_pod(shown: &Shown, job: &Job) -> Look {
    match taken_back(shown, Some(job)) {
        Some((reason, said)) => evicted(moved_away(&reason, &said)),
        None => lost("its pod is gone: somebody removed it".into()),
    }
}

fn moved_away(reason: &str, said: &str) -> String {
    format!("the cluster moved it out of the way ({reason}): {}", without_uids(said))
}

/// Kueue's reason and words for taking back what it had admitted. A Job that is suspended says so itself, once it has had
/// a pod.
fn taken_back(shown: &Shown, job: Option<&Job>) -> Option<(String, String)> {
    let of = |status| condition(shown.workload.as_ref()?, "Evicted", status);
    // Admitted anew meanwhile, which is of no use to an attempt whose pod is gone.
    let before = || {
        let (_, said) = of("False")?;
        Some(("Evicted".to_owned(), said.strip_prefix("Previously: ")?.to_owned()))
    };
    let suspended = || {
        let queue = job?.waits_in()?;
        Some(("Suspended".to_owned(), format!("Kueue has taken its admission in the queue `{queue}` back")))
    };
    of("True").or_else(before).or_else(suspended)
}

/// It is gone, and this is known to be why.
pub fn evicted(message: String) -> Look {
    Look::Ended { word: sentence(&message), exit: Exit::Evicted { message } }
}

fn stopped() -> Look {
    Look::Ended { exit: Exit::Stopped, word: STOPPED.into() }
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

/// What the `Failed` condition of a Job means: by its policy it remembers of its pod that it was moved.
fn failed(job: &Job) -> Option<Look> {
    let failed = find(&job.status.conditions, "Failed", "True")?;
    let words = [failed.reason.as_deref(), failed.message.as_deref()];
    let said = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
    Some(match failed.reason.as_deref() {
        Some("PodFailurePolicy") => evicted(format!("the cluster moved it out of the way ({said})")),
        _ => lost(format!("its Job failed: {said}")),
    })
}

fn find<'a>(conditions: &'a [Condition], kind: &str, status: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind && condition.status == status)
}

/// Why Kueue has not admitted it.
fn queued(shown: &Shown, job: &Job) -> Option<String> {
    if let Some(workload) = &shown.workload {
        let queue = job.labels.get(QUEUE).and_then(Value::as_str).unwrap_or_default();
        return standing(workload).map(|standing| standing.words(queue, shown.place.as_ref()));
    }
    let queue = job.waits_in()?;
    if shown.unseen {
        return Some(format!(
            "in `{queue}`; for what is not known: Rigi may not watch Kueue's Workloads (`rigi targets check`)"
        ));
    }
    shown.unheard.then(|| {
        let label = job.labels.get(QUEUE_PRIORITY).and_then(Value::as_str);
        let class = label.or(job.spec.template.spec.priority_class_name.as_deref());
        let class = class.map(|class| format!(": is the priority class `{class}` there?")).unwrap_or_default();
        format!(
            "in `{queue}`, and Kueue has made no Workload for its Job. Its controller does not run, or does not take the \
             Job{class}"
        )
    })
}

/// Why a pod that runs will be told to end by somebody else than Rigi.
fn moving(shown: &Shown, pod: &Pod) -> Option<String> {
    let by_kueue = || taken_back(shown, shown.job.as_ref().filter(|_| pod.leaves));
    // A kubelet says so before it ends the containers, and writes it into the pod's status afterwards.
    let announced = || {
        let warning = shown.warning.as_ref().filter(|warning| MOVED.contains(&warning.reason.as_str()))?;
        Some((warning.reason.clone(), warning.message.clone()))
    };
    let (reason, said) = disruption(pod).or_else(by_kueue).or_else(announced)?;
    Some(moved_away(&reason, &said))
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
            return Some(evicted(moved_away(&reason, &message)));
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
            Some(limit) => format!("Killed: it used more than its limit of {} of memory.", show_size(limit)),
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
