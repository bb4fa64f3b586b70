//! The task that sends, on the server that leads: woken by commits in which runs change, in the order in which things happened. What is not
//! taken is tried again for days; nothing behind it overtakes.

use std::time::Duration;

use rigi_engine::clock::sleep;
use rigi_engine::projects::Projects;
use rigi_model::Timestamp;
use rigi_store::triggers::FollowUp;
use rigi_store::{Commit, Error, Result, Store};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::gather::gather;
use super::send::{LineageSettings, Sender};

/// Events that are looked at together.
const TOGETHER: u32 = 100;
/// After a try that went wrong, the shortest and the longest time to the next.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What nobody took for so long is given up.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// See the module.
pub struct Lineage {
    /// Where runs are.
    pub store: Store,
    /// Their projects.
    pub projects: Projects,
    /// Where events go.
    pub settings: LineageSettings,
}

/// Sends for as long as the server lives. Where events go nowhere, what was to be sent before is forgotten, and it ends.
pub async fn keep_telling(lineage: Lineage) {
    let Some(to) = lineage.settings.to.clone() else {
        if let Err(error) = lineage.forget_all().await {
            tracing::debug!(%error, "events of lineage that nobody wants any more are not removed");
        }
        return;
    };
    let sender = Sender::new(to);
    let mut commits = lineage.store.commits();
    let mut wait = WAIT.0;
    loop {
        let next = match lineage.tell_due(&sender).await {
            Ok(true) => {
                wait = WAIT.0;
                None
            }
            Ok(false) => Some(wait),
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "events of lineage cannot be looked at; this is tried again");
                Some(wait)
            }
        };
        if next.is_some() {
            wait = (wait * 2).min(WAIT.1);
            // What comes meanwhile has to wait as well.
            sleep(next).await;
        } else {
            woken(&mut commits).await;
        }
    }
}

async fn woken(commits: &mut Receiver<Commit>) {
    loop {
        match commits.recv().await {
            Ok(commit) if commit.runs.is_empty() && commit.others.is_empty() => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Lineage {
    async fn forget_all(&self) -> Result<()> {
        loop {
            let all = self.store.db().lineage_due(TOGETHER).await?;
            if all.is_empty() {
                return Ok(());
            }
            self.store.forget_follow_ups(&all).await?;
        }
    }

    /// Sends what is due; `false`: it was not taken.
    async fn tell_due(&self, sender: &Sender) -> Result<bool> {
        loop {
            let due = self.store.db().lineage_due(TOGETHER).await?;
            if due.is_empty() {
                return Ok(true);
            }
            let mut done = Vec::new();
            let taken = self.tell(sender, due, &mut done).await;
            if !done.is_empty() {
                self.store.forget_follow_ups(&done).await?;
            }
            if !taken? {
                return Ok(false);
            }
        }
    }

    async fn tell(&self, sender: &Sender, due: Vec<FollowUp>, done: &mut Vec<FollowUp>) -> Result<bool> {
        for one in due {
            let Some(event) = gather(self.store.db(), &self.projects, &one).await? else {
                done.push(one);
                continue;
            };
            let outcome = match sender.send(&event.to_json(&self.settings.namespace)).await {
                Ok(()) => "sent",
                Err(error) if error.passes && Timestamp::now().since(one.due) < KEPT => {
                    tracing::warn!(
                        reason = error.message,
                        "an event of lineage was not taken; it is tried again"
                    );
                    return Ok(false);
                }
                Err(error) => {
                    tracing::warn!(run = %one.run, reason = error.message, "an event of lineage is given up");
                    "dead"
                }
            };
            metrics::counter!("rigi_lineage_events_total", "outcome" => outcome).increment(1);
            done.push(one);
        }
        Ok(true)
    }
}
