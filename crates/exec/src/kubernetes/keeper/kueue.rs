//! What Kueue's Workloads tell the keeper.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use super::super::queues::{Place, job_of};
use super::{Command, Keeper};

/// Between two tellings of places in queues.
const LINE: Duration = Duration::from_secs(1);

impl Keeper {
    pub(super) fn workloads(&mut self, there: &HashSet<String>) {
        let changed = self.queues.retain(there);
        self.line_changed(changed);
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
        let named = |(job, place): (&str, Place)| Some((self.names.get(job)?.clone(), place));
        let places: Vec<_> = places.into_iter().filter_map(named).collect();
        for (key, place) in places {
            self.update(&key, |shown| shown.place = Some(place));
        }
    }
}
