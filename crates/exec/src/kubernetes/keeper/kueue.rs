//! What Kueue's Workloads tell the keeper, and what it makes of their absence.

use std::collections::HashSet;
use std::time::Duration;

use kube::api::ApiResource;
use rigi_model::AttemptKey;
use serde_json::Value;

use super::super::objects::Job;
use super::super::queues::{LocalQueuePlace, job_of};
use super::super::watch::{ObjectKind, Outlet, watch_workloads};
use super::{Command, Keeper};

/// Between two tellings of places in queues.
const LINE: Duration = Duration::from_secs(1);
/// So long Kueue may take to make its object for a Job.
const HEARS: Duration = Duration::from_secs(10);

impl Keeper {
    pub(super) fn workloads(&mut self, there: &HashSet<String>) {
        let changed = self.queues.retain(there);
        self.line_changed(changed);
        self.listed(ObjectKind::Workloads);
    }

    /// Kueue is there. It may come while this server runs.
    pub(super) fn queue_by(&mut self, resource: ApiResource) {
        let Some(cluster) = &self.cluster else { return };
        if self.kueue.is_some() {
            return;
        }
        let outlet = Outlet { sender: self.sender.clone() };
        watch_workloads(&mut self.watches, cluster, &resource, &outlet);
        self.kueue = Some(resource);
    }

    /// Gives Kueue some time to hear of a Job that waits for it.
    pub(super) fn time(&mut self, key: &AttemptKey, job: &Job) {
        let Some(held) = self.held.get_mut(key).filter(|held| !held.timed && job.waits_in().is_some()) else {
            return;
        };
        held.timed = true;
        let (sender, key) = (self.sender.clone(), key.clone());
        tokio::spawn(async move {
            tokio::time::sleep(HEARS).await;
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Unheard { key });
            }
        });
    }

    /// Kueue's objects cannot be seen, or can be again.
    pub(super) fn all_unseen(&mut self, unseen: bool) {
        self.unseen = unseen;
        let waiting = self.held.iter().filter(|(_, held)| held.shown.pod.is_none());
        let waiting: Vec<_> = waiting.map(|(key, _)| key.clone()).collect();
        for key in waiting {
            self.update(&key, |shown| shown.unseen = unseen);
        }
    }

    pub(super) fn workload(&mut self, name: &str, workload: Option<Value>) {
        let changed = self.queues.hear(name, workload.as_ref());
        self.line_changed(changed);
        let key = workload.as_ref().and_then(job_of).and_then(|job| self.names.get(job)).cloned();
        if let Some(key) = key {
            self.update(&key, |shown| shown.workload = workload);
        }
    }

    /// Places are told together: each that ends moves all that wait.
    fn line_changed(&mut self, changed: bool) {
        if !changed || std::mem::replace(&mut self.line_due, true) {
            return;
        }
        let sender = self.sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LINE).await;
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Command::Line);
            }
        });
    }

    pub(super) fn line(&mut self) {
        self.line_due = false;
        let places = self.queues.places();
        let named = |(job, place): (&str, LocalQueuePlace)| Some((self.names.get(job)?.clone(), place));
        let places: Vec<_> = places.into_iter().filter_map(named).collect();
        for (key, place) in places {
            self.update(&key, |shown| shown.place = Some(place));
        }
    }
}
