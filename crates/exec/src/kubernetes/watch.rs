//! What a cluster says while it happens. Watches are resumed where they broke off, and begin anew with a list where that
//! cannot be: the library sees to both.

use std::collections::HashSet;

use futures_util::{Stream, StreamExt};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Config};
use kube::{Api, discovery};
use rigi_model::AttemptKey;
use rigi_model::causes::with_causes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::cluster::Cluster;
use super::job::{ATTEMPT, SERVER};
use super::keeper::Command;
use super::look::Warning;
use super::objects::{self, Job, Pod};

/// Objects in one answer to a list: all of them are in memory until they are told.
const PAGE: u32 = 100;

/// Something that was seen.
#[derive(Debug)]
pub enum Seen {
    Job {
        key: AttemptKey,
        job: Option<Box<Job>>,
    },
    Pod {
        key: AttemptKey,
        pod: Option<Box<Pod>>,
    },
    /// A warning about the object of this name.
    Warning {
        about: String,
        warning: Warning,
    },
    /// Kueue's object of this name.
    Workload {
        name: String,
        workload: Option<Box<Value>>,
    },
    /// All of Kueue's objects that there are.
    Workloads(HashSet<String>),
    /// All Jobs that there are.
    Jobs(HashSet<AttemptKey>),
    /// The cluster cannot be followed; in its own words.
    Away(String),
}

/// Sends what is seen, for as long as anybody listens.
#[derive(Clone)]
pub struct Outlet {
    pub sender: mpsc::WeakUnboundedSender<Command>,
}

impl Outlet {
    fn send(&self, seen: Seen) {
        if let Some(sender) = self.sender.upgrade() {
            let _ = sender.send(Command::Seen(seen));
        }
    }
}

/// Starts all watches; they end when their tasks are dropped with the set.
pub fn watch(
    cluster: &Cluster,
    server: &str,
    queued: Option<&ApiResource>,
    outlet: &Outlet,
) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let own = Config::default().labels(&format!("{SERVER}={server}")).page_size(PAGE);
    let (client, namespace) = (&cluster.client, cluster.namespace.as_str());
    let all =
        |resource: &ApiResource| Api::<DynamicObject>::namespaced_with(client.clone(), namespace, resource);
    let (jobs, pods) = (all(&objects::jobs()), all(&objects::core("Pod")));
    let events = all(&objects::core("Event"));
    tasks.spawn(follow_jobs(watcher(jobs, own.clone()).default_backoff(), outlet.clone()));
    tasks.spawn(follow_pods(watcher(pods, own).default_backoff(), outlet.clone()));
    let warnings = Config::default().fields("type=Warning").page_size(PAGE);
    tasks.spawn(follow_events(watcher(events, warnings).default_backoff(), outlet.clone()));
    if let Some(resource) = queued {
        let workloads = all(resource);
        let all = Config::default().page_size(PAGE);
        tasks.spawn(follow_workloads(watcher(workloads, all).default_backoff(), outlet.clone()));
    }
    tasks
}

/// Kueue's Workloads, where Kueue is installed.
pub async fn kueue(cluster: &Cluster) -> Option<ApiResource> {
    let group = discovery::group(&cluster.client, "kueue.x-k8s.io").await.ok()?;
    let kind = GroupVersionKind::gvk("kueue.x-k8s.io", group.preferred_version_or_latest(), "Workload");
    let (resource, _) = group.recommended_kind(&kind.kind)?;
    Some(resource)
}

fn key_of(object: &DynamicObject) -> Option<AttemptKey> {
    AttemptKey::parse(object.metadata.labels.as_ref()?.get(ATTEMPT)?)
}

type Watched = Result<Event<DynamicObject>, watcher::Error>;

async fn follow_jobs(stream: impl Stream<Item = Watched>, outlet: Outlet) {
    let mut stream = std::pin::pin!(stream);
    let mut listed = HashSet::new();
    while let Some(event) = stream.next().await {
        let tell = |job: DynamicObject, there: bool| {
            let Some(key) = key_of(&job) else { return };
            outlet.send(Seen::Job { key, job: there.then(|| Box::new(Job::of(job))) });
        };
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(job)) => {
                listed.extend(key_of(&job));
                tell(job, true);
            }
            Ok(Event::InitDone) => outlet.send(Seen::Jobs(std::mem::take(&mut listed))),
            Ok(Event::Apply(job)) => tell(job, true),
            Ok(Event::Delete(job)) => tell(job, false),
            Err(error) => outlet.send(Seen::Away(with_causes(&error))),
        }
    }
}

async fn follow_pods(stream: impl Stream<Item = Watched>, outlet: Outlet) {
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        let (pod, there) = match event {
            Ok(Event::InitApply(pod) | Event::Apply(pod)) => (pod, true),
            Ok(Event::Delete(pod)) => (pod, false),
            Ok(Event::Init | Event::InitDone) | Err(_) => continue,
        };
        let Some(key) = key_of(&pod) else { continue };
        outlet.send(Seen::Pod { key, pod: there.then(|| Box::new(Pod::of(pod))) });
    }
}

async fn follow_events(stream: impl Stream<Item = Watched>, outlet: Outlet) {
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        let Ok(Event::InitApply(event) | Event::Apply(event)) = event else { continue };
        let text =
            |path: &str| event.data.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = text("/involvedObject/name");
        let warning = Warning { reason: text("/reason"), message: text("/message") };
        if !about.is_empty() {
            outlet.send(Seen::Warning { about, warning });
        }
    }
}

async fn follow_workloads(stream: impl Stream<Item = Watched>, outlet: Outlet) {
    let mut stream = std::pin::pin!(stream);
    let mut listed = HashSet::new();
    while let Some(event) = stream.next().await {
        let tell = |workload: &DynamicObject, there: bool| {
            let Some(name) = workload.metadata.name.clone() else { return };
            let value = serde_json::to_value(workload).ok().filter(|_| there);
            outlet.send(Seen::Workload { name, workload: value.map(Box::new) });
        };
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(workload)) => {
                listed.extend(workload.metadata.name.clone());
                tell(&workload, true);
            }
            Ok(Event::InitDone) => outlet.send(Seen::Workloads(std::mem::take(&mut listed))),
            Ok(Event::Apply(workload)) => tell(&workload, true),
            Ok(Event::Delete(workload)) => tell(&workload, false),
            Err(_) => {}
        }
    }
}
