//! What a cluster says while it happens. Watches are resumed where they broke off, and begin anew with a list where that
//! cannot be: the library sees to both.

use std::collections::HashSet;
use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use kube::api::{ApiResource, DynamicObject};
use kube::discovery;
use kube::error::DiscoveryError;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Config};
use rigi_model::AttemptKey;
use rigi_model::causes::with_causes;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cluster::{Cluster, Refusal, refusal};
use super::job::{ATTEMPT, SERVER};
use super::keeper::Command;
use super::look::Warning;
use super::objects::{self, Job, Pod};

/// The group of Kueue's objects.
pub const KUEUE: &str = "kueue.x-k8s.io";

/// Objects in one answer to a list: all of them are in memory until they are told.
const PAGE: u32 = 100;

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Jobs,
    Pods,
    Events,
    Workloads,
}

impl ObjectKind {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Pods => "pods",
            Self::Events => "events",
            Self::Workloads => "Kueue's Workloads",
        }
    }
}

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
    /// A list of all pods begins.
    PodsBegin,
    /// All pods that there are.
    Pods(HashSet<AttemptKey>),
    /// This cannot be followed.
    Deaf(ObjectKind, Deafness),
    /// It can be followed again.
    Hears(ObjectKind),
}

/// Why something cannot be followed.
#[derive(Debug)]
pub struct Deafness {
    /// In the cluster's words.
    pub why: String,
    /// It is not for us to see; else it is tried again.
    pub refused: bool,
}

impl From<&watcher::Error> for Deafness {
    fn from(error: &watcher::Error) -> Self {
        let code = match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            | watcher::Error::WatchFailed(kube::Error::Api(status))
            | watcher::Error::WatchError(status) => status.code,
            _ => 0,
        };
        Self { why: with_causes(error), refused: matches!(code, 401 | 403 | 404) }
    }
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

/// One stream of the cluster's, and whether it can be heard.
struct Ear<S> {
    stream: Pin<Box<S>>,
    kind: ObjectKind,
    outlet: Outlet,
    deaf: bool,
}

impl<S: Stream<Item = Watched>> Ear<S> {
    fn new(kind: ObjectKind, stream: S, outlet: Outlet) -> Self {
        Self { stream: Box::pin(stream), kind, outlet, deaf: false }
    }

    /// What comes next; trouble on the way is told.
    async fn next(&mut self) -> Option<Event<DynamicObject>> {
        loop {
            match self.stream.next().await? {
                // The library is about to ask: it has heard nothing yet.
                Ok(Event::Init) => return Some(Event::Init),
                Ok(event) => {
                    if std::mem::take(&mut self.deaf) {
                        self.outlet.send(Seen::Hears(self.kind));
                    }
                    return Some(event);
                }
                Err(error) => {
                    self.deaf = true;
                    self.outlet.send(Seen::Deaf(self.kind, Deafness::from(&error)));
                }
            }
        }
    }
}

/// Starts all watches but that of [`watch_workloads`]; they end when their tasks are dropped with the set.
pub fn watch(cluster: &Cluster, server: &str, outlet: &Outlet) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let own = Config::default().labels(&format!("{SERVER}={server}")).page_size(PAGE);
    let warnings = Config::default().fields("type=Warning").page_size(PAGE);
    let ear = |kind, resource: &ApiResource, config| {
        Ear::new(kind, watcher(cluster.of(resource), config).default_backoff(), outlet.clone())
    };
    tasks.spawn(follow_jobs(ear(ObjectKind::Jobs, &objects::jobs(), own.clone())));
    tasks.spawn(follow_pods(ear(ObjectKind::Pods, &objects::core("Pod"), own)));
    tasks.spawn(follow_events(ear(ObjectKind::Events, &objects::core("Event"), warnings)));
    tasks
}

/// Watches Kueue's objects too.
pub fn watch_workloads(tasks: &mut JoinSet<()>, cluster: &Cluster, resource: &ApiResource, outlet: &Outlet) {
    let all = Config::default().page_size(PAGE);
    let stream = watcher(cluster.of(resource), all).default_backoff();
    tasks.spawn(follow_workloads(Ear::new(ObjectKind::Workloads, stream, outlet.clone())));
}

/// Kueue's Workloads, where Kueue is installed.
///
/// # Errors
/// If the cluster does not say.
pub async fn kueue(cluster: &Cluster) -> Result<Option<ApiResource>, Refusal> {
    let group = match discovery::group(&cluster.client, KUEUE).await {
        Ok(group) => group,
        Err(kube::Error::Discovery(DiscoveryError::MissingApiGroup(_))) => return Ok(None),
        Err(error) => return Err(refusal("look for Kueue", &error)),
    };
    let found = group.recommended_kind("Workload");
    Ok(found.map(|(resource, _)| resource))
}

fn key_of(object: &DynamicObject) -> Option<AttemptKey> {
    AttemptKey::parse(object.metadata.labels.as_ref()?.get(ATTEMPT)?)
}

type Watched = Result<Event<DynamicObject>, watcher::Error>;

async fn follow_jobs(mut ear: Ear<impl Stream<Item = Watched>>) {
    let mut listed = HashSet::new();
    while let Some(event) = ear.next().await {
        let tell = |job: DynamicObject, there: bool| {
            let Some(key) = key_of(&job) else { return };
            ear.outlet.send(Seen::Job { key, job: there.then(|| Box::new(Job::of(job))) });
        };
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(job) => {
                listed.extend(key_of(&job));
                tell(job, true);
            }
            Event::InitDone => ear.outlet.send(Seen::Jobs(std::mem::take(&mut listed))),
            Event::Apply(job) => tell(job, true),
            Event::Delete(job) => tell(job, false),
        }
    }
}

async fn follow_pods(mut ear: Ear<impl Stream<Item = Watched>>) {
    let mut listed = HashSet::new();
    while let Some(event) = ear.next().await {
        let tell = |pod: DynamicObject, there: bool| {
            let Some(key) = key_of(&pod) else { return };
            ear.outlet.send(Seen::Pod { key, pod: there.then(|| Box::new(Pod::of(pod))) });
        };
        match event {
            Event::Init => {
                listed.clear();
                ear.outlet.send(Seen::PodsBegin);
            }
            Event::InitApply(pod) => {
                listed.extend(key_of(&pod));
                tell(pod, true);
            }
            Event::InitDone => ear.outlet.send(Seen::Pods(std::mem::take(&mut listed))),
            Event::Apply(pod) => tell(pod, true),
            Event::Delete(pod) => tell(pod, false),
        }
    }
}

async fn follow_events(mut ear: Ear<impl Stream<Item = Watched>>) {
    while let Some(event) = ear.next().await {
        let (Event::InitApply(event) | Event::Apply(event)) = event else { continue };
        let text =
            |path: &str| event.data.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = text("/involvedObject/name");
        let warning = Warning { reason: text("/reason"), message: text("/message") };
        if !about.is_empty() {
            ear.outlet.send(Seen::Warning { about, warning });
        }
    }
}

async fn follow_workloads(mut ear: Ear<impl Stream<Item = Watched>>) {
    let mut listed = HashSet::new();
    while let Some(event) = ear.next().await {
        let tell = |workload: &DynamicObject, there: bool| {
            let Some(name) = workload.metadata.name.clone() else { return };
            let value = serde_json::to_value(workload).ok().filter(|_| there);
            ear.outlet.send(Seen::Workload { name, workload: value.map(Box::new) });
        };
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(workload) => {
                listed.extend(workload.metadata.name.clone());
                tell(&workload, true);
            }
            Event::InitDone => ear.outlet.send(Seen::Workloads(std::mem::take(&mut listed))),
            Event::Apply(workload) => tell(&workload, true),
            Event::Delete(workload) => tell(&workload, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use kube::core::Status;

    use super::*;

    #[tokio::test]
    async fn what_is_refused_again_and_again_is_deaf_until_an_object_or_a_whole_list_comes() {
        let refused =
            || Err(watcher::Error::WatchError(Box::new(Status::failure("no", "Forbidden").with_code(403))));
        let came: [Watched; 6] =
            [Ok(Event::Init), refused(), Ok(Event::Init), refused(), Ok(Event::Init), Ok(Event::InitDone)];
        let (sender, mut told) = mpsc::unbounded_channel();
        let outlet = Outlet { sender: sender.downgrade() };
        let mut ear = Ear::new(ObjectKind::Workloads, stream::iter(came), outlet);
        while ear.next().await.is_some() {}
        drop(sender);
        let mut words = Vec::new();
        while let Some(Command::Seen(seen)) = told.recv().await {
            words.push(match seen {
                Seen::Deaf(ObjectKind::Workloads, deafness) => deafness.refused,
                Seen::Hears(ObjectKind::Workloads) => false,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(words, [true, true, false]);
    }
}
