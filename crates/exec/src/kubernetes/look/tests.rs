use serde_json::json;

use super::*;
use crate::kubernetes::objects::JobSpec;

fn pod(status: Value) -> Shown {
    let pod = json!({
        "metadata": {"name": "rigi-x-1-abcde"},
        "spec": {"nodeName": "node2", "containers": [{"name": "attempt", "resources": {"limits": {"memory": "117440512"}}}]},
        "status": status,
    });
    Shown { pod: Some(serde_json::from_value(pod).unwrap()), ..Shown::default() }
}

fn container(state: Value) -> Value {
    json!({"name": "attempt", "image": "debian:13", "imageID": "", "ready": false, "restartCount": 0, "state": state})
}

fn waiting(reason: &str, message: &str) -> Shown {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    pod(json!({"phase": "Pending", "containerStatuses": [container(state)]}))
}

fn ended(reason: &str, code: i32) -> Shown {
    let state = json!({"terminated": {"reason": reason, "exitCode": code}});
    pod(json!({"phase": "Failed", "containerStatuses": [container(state)]}))
}

fn exit(shown: &Shown) -> Exit {
    match look(shown) {
        Look::Ended { exit, .. } => exit,
        other => panic!("{other:?}"),
    }
}

fn waits(shown: &Shown) -> (Reason, String) {
    match look(shown) {
        Look::Waits { reason, message } => (reason, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_scheduled_waits_and_says_why() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                           "message": "0/2 nodes are available: 2 Insufficient cpu."});
    let shown = pod(json!({"phase": "Pending", "conditions": [condition]}));
    assert_eq!(waits(&shown), (Reason::Unschedulable, "0/2 nodes are available: 2 Insufficient cpu.".into()));
}

#[test]
fn an_image_that_is_not_there_ends_it_and_a_slow_registry_does_not() {
    let not_there = waiting("ErrImagePull", "failed to resolve reference: docker.io/x:1: not found");
    let Exit::NotStarted { class, reason, message } = exit(&not_there) else { panic!() };
    assert_eq!((class, reason), (FailureClass::User, Reason::ImageUnavailable));
    assert!(message.contains("debian:13") && message.contains("not found"), "{message}");
    let slow = waiting("ImagePullBackOff", "dial tcp: i/o timeout");
    assert!(matches!(look(&slow), Look::Stumbles { .. }));
    let secret = waiting("CreateContainerConfigError", "secret \"x\" not found");
    assert!(matches!(exit(&secret), Exit::NotStarted { reason: Reason::StartFailed, .. }));
}

#[test]
fn ends_are_told_apart() {
    assert_eq!(exit(&ended("OOMKilled", 137)), Exit::OutOfMemory { limit: Some(64 << 20) });
    assert!(matches!(exit(&ended("Error", 1)), Exit::Lost { .. }));
    assert!(matches!(exit(&ended("StartError", 128)), Exit::NotStarted { class: FailureClass::User, .. }));
    let evicted = pod(
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}),
    );
    let Exit::Evicted { message } = exit(&evicted) else { panic!() };
    assert!(message.contains("low on resource"), "{message}");
    for (reason, lost) in
        [("PreemptionByScheduler", false), ("EvictionByEvictionAPI", false), ("DeletionByTaintManager", true)]
    {
        let condition =
            json!({"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "why"});
        let found = exit(&pod(json!({"phase": "Failed", "conditions": [condition]})));
        assert_eq!(matches!(found, Exit::Lost { .. }), lost, "{reason}");
    }
    // Of a lost node's pod the phase stays what it was.
    let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "x"});
    let Exit::Lost { message } = exit(&pod(json!({"phase": "Running", "conditions": [condition]}))) else {
        panic!()
    };
    assert!(message.contains("node2"), "{message}");
}

#[test]
fn what_was_asked_for_is_no_loss() {
    let shown = Shown { stopping: true, ..ended("Error", 143) };
    assert_eq!(exit(&shown), Exit::Stopped);
    let running = pod(json!({"phase": "Running"}));
    assert_eq!(look(&Shown { stopping: true, ..running }), Look::Fine);
    assert!(matches!(gone(true), Look::Ended { exit: Exit::Stopped, .. }));
    assert!(matches!(gone(false), Look::Ended { exit: Exit::Lost { .. }, .. }));
}

#[test]
fn a_pod_that_cannot_be_made_says_so() {
    let job: Job = serde_json::from_value(json!({"metadata": {"name": "rigi-x-1"}})).unwrap();
    let told = |message: &str| Shown {
        job: Some(job.clone()),
        warning: Some(Warning { reason: "FailedCreate".into(), message: message.into() }),
        ..Shown::default()
    };
    let quota = "pods \"x\" is forbidden: exceeded quota: q, requested: cpu=4, used: cpu=0, limited: cpu=1";
    assert_eq!(waits(&told(quota)).0, Reason::WaitingForQuota);
    let webhook = "admission webhook \"policy.example\" denied the request: no";
    assert!(matches!(exit(&told(webhook)), Exit::NotStarted { class: FailureClass::User, .. }));
}

fn suspended(labels: &[(&str, &str)]) -> Job {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Job { labels, ..serde_json::from_value(json!({"spec": {"suspend": true}})).unwrap() }
}

#[test]
fn kueue_says_why_it_waits() {
    let workload = |conditions: Value| Shown {
        workload: Some(json!({"spec": {"queueName": "team"}, "status": {"conditions": conditions}})),
        job: Some(suspended(&[(QUEUE, "team")])),
        place: Some(LocalQueuePlace { queue: "team".into(), before: 1 }),
        ..Shown::default()
    };
    let said = "insufficient unused quota for cpu in flavor default, 200m more needed";
    let waiting = json!([
        {"type": "QuotaReserved", "status": "False", "reason": "WaitingForQuota", "message": said},
        {"type": "Admitted", "status": "False", "reason": "NoReservation", "message": "The workload has no reservation"},
    ]);
    let (reason, message) = waits(&workload(waiting));
    assert_eq!(reason, Reason::WaitingForQuota);
    assert_eq!(message, format!("200m of cpu short, 2nd in `team`. Kueue: {said} (WaitingForQuota)"));
    assert_eq!(waits(&workload(json!([]))).1, "2nd in `team`");
    let admitted = json!([{"type": "Admitted", "status": "True", "reason": "Admitted", "message": ""}]);
    assert_eq!(look(&workload(admitted)), Look::Fine);
    let preempted = json!([
        {"type": "Evicted", "status": "True", "reason": "Preempted", "message": "Preempted to accommodate a workload"},
        {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "x"},
    ]);
    assert!(waits(&workload(preempted)).1.contains("Preempted to accommodate"));
}

#[test]
fn who_is_not_heard_of_by_kueue_says_so() {
    let shown = |labels: &[(&str, &str)]| Shown { job: Some(suspended(labels)), ..Shown::default() };
    let team = [(QUEUE, "team")];
    assert_eq!(look(&shown(&team)), Look::Fine, "it has just been made");
    let (reason, message) = waits(&Shown { unheard: true, ..shown(&team) });
    assert_eq!(reason, Reason::WaitingForQuota);
    assert!(message.starts_with("in `team`, and Kueue has made no Workload for its Job."), "{message}");
    let class = Shown { unheard: true, ..shown(&[(QUEUE, "team"), (QUEUE_PRIORITY, "gold")]) };
    assert!(waits(&class).1.ends_with("is the priority class `gold` there?"));
    let unseen = waits(&Shown { unseen: true, ..shown(&team) }).1;
    assert!(unseen.contains("`rigi targets check`"), "{unseen}");
    // Without a queue, or admitted, Kueue has no part in it.
    assert_eq!(look(&Shown { unheard: true, unseen: true, ..shown(&[]) }), Look::Fine);
    let admitted = Job { spec: JobSpec::default(), ..suspended(&team) };
    assert_eq!(look(&Shown { job: Some(admitted), unheard: true, ..Shown::default() }), Look::Fine);
}

#[test]
fn what_was_moved_while_nobody_watched_is_no_loss() {
    let without = |job: Job| Shown { job: Some(job), pod_gone: true, ..Shown::default() };
    let Exit::Evicted { message } = exit(&without(suspended(&[(QUEUE, "team")]))) else { panic!() };
    assert!(message.contains("taken its admission in the queue `team` back"), "{message}");
    let by =
        "Preempted to accommodate a workload (UID: 1, JobUID: 2) due to prioritization in the ClusterQueue";
    let workload = json!({"status": {"conditions": [
        {"type": "Evicted", "status": "True", "reason": "Preempted", "message": by},
    ]}});
    let told = Shown { workload: Some(workload), ..without(suspended(&[(QUEUE, "team")])) };
    let Exit::Evicted { message } = exit(&told) else { panic!() };
    assert!(
        message.ends_with("Preempted to accommodate a workload due to prioritization in the ClusterQueue"),
        "{message}"
    );
    // Admitted anew before anybody looked: its second pod found the attempt claimed, or has not come yet.
    let again = json!({"status": {"conditions": [
        {"type": "Evicted", "status": "False", "reason": "QuotaReserved", "message": "Previously: The ClusterQueue is stopped"},
    ]}});
    for shown in [without(Job::default()), ended("Error", 3)] {
        let Exit::Evicted { message } = exit(&Shown { workload: Some(again.clone()), ..shown }) else {
            panic!()
        };
        assert!(message.ends_with("(Evicted): The ClusterQueue is stopped"), "{message}");
    }
    let failed = |reason: &str| -> Job {
        let said =
            "Pod default/rigi-x-1-abcde has condition DisruptionTarget matching FailJob rule at index 0";
        let condition = json!({"type": "Failed", "status": "True", "reason": reason, "message": said});
        serde_json::from_value(json!({"status": {"conditions": [condition]}})).unwrap()
    };
    assert!(matches!(exit(&without(failed("PodFailurePolicy"))), Exit::Evicted { .. }));
    assert!(matches!(exit(&without(failed("BackoffLimitExceeded"))), Exit::Lost { .. }));
    assert!(matches!(exit(&without(Job::default())), Exit::Lost { .. }));
    assert_eq!(exit(&Shown { stopping: true, ..without(failed("PodFailurePolicy")) }), Exit::Stopped);
}

#[test]
fn what_moves_a_running_pod_is_told_before_it_ends() {
    let running = json!({"phase": "Running"});
    let condition = json!({"phase": "Running", "conditions": [
        {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"},
    ]});
    let workload = json!({"status": {"conditions": [
        {"type": "Evicted", "status": "True", "reason": "Preempted", "message": "Preempted to accommodate a workload"},
    ]}});
    let leaving = |job: Job| {
        let mut shown = pod(json!({"phase": "Running"}));
        if let Some(pod) = &mut shown.pod {
            pod.leaves = true;
        }
        Shown { job: Some(job), ..shown }
    };
    let warning =
        Warning { reason: "Evicted".into(), message: "Pod ephemeral local storage usage exceeds".into() };
    let shown = |status: &Value| pod(status.clone());
    assert_eq!(look(&shown(&running)), Look::Fine);
    for (shown, words) in [
        (shown(&condition), "Eviction API: evicting"),
        (Shown { workload: Some(workload), ..leaving(Job::default()) }, "Preempted to accommodate"),
        (Shown { warning: Some(warning), ..shown(&running) }, "ephemeral local storage"),
        (leaving(suspended(&[(QUEUE, "team")])), "taken its admission in the queue `team` back"),
    ] {
        let Look::Moves { message } = look(&shown) else { panic!("{words}: {:?}", look(&shown)) };
        assert!(message.contains(words), "{message}");
    }
}
