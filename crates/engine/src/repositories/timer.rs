//! Syncs that nobody asks for. One task waits for the next of all repositories that have an interval; while there is none, it waits for word
//! of one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::project::ProjectState;
use rigi_model::repositories::Cause;
use rigi_model::{ProjectName, Timestamp};
use rigi_store::Commit;
use rigi_store::people::Deed;
use tokio::sync::broadcast::{self, error::RecvError};

use super::sync::Wish;
use super::{AGAIN, Key, Repositories};

/// Repositories that are to be synced now and then: how long in between, and when next.
type Due = HashMap<Key, (Duration, Instant)>;

pub(super) async fn run(repositories: Repositories, mut commits: broadcast::Receiver<Commit>) {
    let mut due = Due::new();
    let mut stale = true;
    loop {
        if stale {
            match read(&repositories, &due).await {
                Ok(read) => (due, stale) = (read, false),
                Err(error) => tracing::warn!(%error, "repositories cannot be read; this is tried again"),
            }
        }
        let next = due.values().map(|(_, at)| *at).min();
        let next = if stale { Some(Instant::now() + AGAIN) } else { next };
        tokio::select! {
            () = sleep(next) => {}
            heard = commits.recv() => match heard {
                Ok(commit) => stale |= commit.others.iter().any(|change| match change.subject {
                    Subject::Repository => [SubjectEvent::CHANGED, SubjectEvent::REMOVED].contains(&&*change.kind),
                    Subject::Project => change.kind != SubjectEvent::RUNS_REMOVED,
                    _ => false,
                }),
                Err(RecvError::Lagged(_)) => stale = true,
                Err(RecvError::Closed) => return,
            },
        }
        let now = Instant::now();
        for ((project, name), (interval, at)) in &mut due {
            if *at <= now {
                *at = now + *interval;
                begin(&repositories, project, name);
            }
        }
    }
}

fn begin(repositories: &Repositories, project: &ProjectName, name: &str) {
    // One that takes long is not waited for by the next.
    if repositories.live(project, name).one.try_lock().is_err() {
        return;
    }
    let (repositories, project, name) = (repositories.clone(), project.clone(), name.to_owned());
    tokio::spawn(async move {
        let deed = Deed::of_server("interval", Timestamp::now());
        if let Err(error) = repositories.sync(&project, &name, (Cause::Interval, Wish::Sync), &deed).await {
            tracing::warn!(%project, repository = name, %error, "a repository was not synced");
        }
    });
}

/// All that have an interval; those that had the same before keep their time.
async fn read(repositories: &Repositories, before: &Due) -> rigi_store::Result<Due> {
    let mut due = Due::new();
    for project in repositories.projects.all() {
        if project.state() != ProjectState::Open {
            continue;
        }
        for one in repositories.engine.store().db().repositories(project.id()).await? {
            let Some(seconds) = one.spec.interval else { continue };
            let interval = Duration::from_secs(seconds);
            let key = (project.id().clone(), one.name);
            let known = before.get(&key).filter(|(known, _)| *known == interval);
            let at = known.map_or_else(|| Instant::now() + interval, |(_, at)| *at);
            due.insert(key, (interval, at));
        }
    }
    Ok(due)
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
