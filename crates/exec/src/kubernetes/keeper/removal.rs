//! How what belongs to an attempt leaves the cluster, and how an attempt ends whose runner cannot say so.

use std::collections::HashSet;
use std::time::Instant;

use kube::api::DeleteParams;
use rigi_model::{AttemptKey, Exit};

use super::super::cluster::refusal;
use super::super::objects;
use super::super::rest::rest_of;
use super::super::watch::Seen;
use super::{Command, Keeper, PAUSE};

impl Keeper {
    /// Removes a Job and all that is its own, whatever it does; tried until the cluster has heard it.
    pub(super) fn delete(&self, key: AttemptKey) {
        let Some(cluster) = self.cluster.clone() else { return };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let (jobs, since) = (cluster.of(&objects::jobs()), Instant::now());
            let (name, background) = (key.object_name(), DeleteParams::background());
            loop {
                match cluster.call(|| jobs.delete(&name, &background)).await {
                    Ok(_) => return,
                    Err(kube::Error::Api(status)) if status.code == 404 => {
                        if let Some(sender) = sender.upgrade() {
                            let _ = sender.send(Command::Seen(Seen::Job { key, job: None }));
                        }
                        return;
                    }
                    Err(error) => {
                        let refusal = refusal("remove the Job", &error);
                        if refusal.passes.after(since.elapsed()) {
                            tokio::time::sleep(PAUSE).await;
                            continue;
                        }
                        let why = refusal.message;
                        tracing::error!(%key, why, "a Job cannot be removed");
                        return;
                    }
                }
            }
        });
    }

    /// After a list: what is known here and not there any more is looked for once more, by name.
    pub(super) fn compare(&self, there: &HashSet<AttemptKey>) {
        let Some(cluster) = &self.cluster else { return };
        let jobs = cluster.of(&objects::jobs());
        for (key, held) in &self.held {
            if there.contains(key) || held.making.is_some() || !self.remote.is_open(key) {
                continue;
            }
            let (jobs, key, sender, cluster) =
                (jobs.clone(), key.clone(), self.sender.clone(), cluster.clone());
            tokio::spawn(async move {
                let found = cluster.call(|| async { jobs.get_opt(&key.object_name()).await }).await;
                if let (Ok(None), Some(sender)) = (found, sender.upgrade()) {
                    let _ = sender.send(Command::Seen(Seen::Job { key, job: None }));
                }
            });
        }
        for key in there.iter().filter(|key| !self.remote.is_known(key)) {
            tracing::info!(%key, "a Job that nobody waits for is removed");
            self.delete(key.clone());
        }
    }

    pub(super) fn end(&self, key: AttemptKey, exit: Exit, word: String) {
        let remote = self.remote.clone();
        let target = self.config.name.clone();
        tokio::task::spawn_blocking(move || {
            // It may never have been handed over.
            let _ = remote.expect(&key, &target);
            remote.end_here(&key, exit, &[], &[word]);
        });
    }

    pub(super) fn end_with_rest(&mut self, key: AttemptKey, exit: Exit, word: String) {
        let Some(held) = self.held.get_mut(&key) else { return };
        if std::mem::replace(&mut held.ending, true) {
            return;
        }
        let pod = held.shown.pod.as_ref().map(|pod| pod.name.clone());
        let (remote, cluster) = (self.remote.clone(), self.cluster.clone());
        tokio::spawn(async move {
            let rest = match (pod, cluster) {
                (Some(pod), Some(cluster)) if remote.is_claimed(&key) => {
                    cluster.call(|| rest_of(&cluster, &pod, remote.lines(&key))).await
                }
                _ => Vec::new(),
            };
            let told = tokio::task::spawn_blocking(move || remote.end_here(&key, exit, &rest, &[word]));
            let _ = told.await;
        });
    }
}
