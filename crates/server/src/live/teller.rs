//! The one who tells: hears what happens, gathers it for a moment, and makes the events for all who listen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rigi_api::view::{RunSummary, UsageSample};
use rigi_engine::{Pulse, PulseKind};
use rigi_model::RunId;
use rigi_store::{Commit, SubjectChange};
use serde_json::json;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::changes::{Changes, Happenings};
use super::feed::{Batch, Feed, batch, other_event, reset};
use super::sse;

/// Between two tellings of what has changed.
const GATHER: Duration = Duration::from_millis(50);
/// Waiting runs whose place is told when something else changed.
const MOST_MOVED: usize = 50;
/// Runs that are told one by one; with more at once, whoever hears of all runs reads its lists again.
const MOST_TOLD: usize = 500;

/// See the module. At work while somebody listens.
pub struct Teller {
    changes: Arc<dyn Changes>,
    feed: Feed,
    happenings: Happenings,
    /// The newest event that it knows of: what is read from now on is no older.
    newest: Option<i64>,
    told: Instant,
}

/// Changes that are told together.
#[derive(Default)]
struct Gathered {
    runs: BTreeSet<RunId>,
    others: Vec<SubjectChange>,
    last: Option<i64>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.others.is_empty()
    }

    fn add(&mut self, commit: &Commit) {
        self.last = Some(commit.last_event);
        self.runs.extend(commit.runs.iter().cloned());
        self.others.extend(commit.others.iter().cloned());
    }
}

impl Teller {
    /// One who hears what happens from here on.
    pub fn new(changes: Arc<dyn Changes>, feed: Feed) -> Self {
        let happenings = changes.happenings();
        Self { changes, feed, happenings, newest: None, told: Instant::now() - GATHER }
    }

    /// Tells until nobody listens.
    pub async fn run(mut self) {
        let mut beat = Instant::now() + sse::BEAT;
        loop {
            let mut gathered = Gathered::default();
            tokio::select! {
                commit = self.happenings.commits.recv() => match commit {
                    Ok(commit) => gathered.add(&commit),
                    Err(RecvError::Lagged(_)) => self.feed.send(Batch::Everybody(reset(None))),
                    Err(RecvError::Closed) => return,
                },
                pulse = self.happenings.pulses.recv() => match pulse {
                    Ok(pulse) => self.hear(pulse, &mut gathered),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                name = self.happenings.pipelines.recv() => match name {
                    Ok(name) => {
                        let event = sse::event("pipeline", None::<u8>, &json!({ "name": name }));
                        self.feed.send(Batch::General(event));
                    }
                    Err(RecvError::Lagged(_)) => self.feed.send(Batch::General(reset(None))),
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(beat) => {
                    beat += sse::BEAT;
                    self.feed.send(Batch::Everybody(sse::STILL_HERE));
                }
            }
            if !gathered.is_empty() {
                self.gather(&mut gathered).await;
                self.tell_others(&gathered);
                if !gathered.runs.is_empty() {
                    self.tell(gathered).await;
                }
            }
        }
    }

    fn hear(&self, pulse: Pulse, gathered: &mut Gathered) {
        match pulse.what {
            PulseKind::Progress => {
                gathered.runs.insert(pulse.run);
            }
            PulseKind::Sample(at, s) if self.feed.audience().to_runs.contains_key(&pulse.run) => {
                let sample = UsageSample { at, cpu: s.cpu, memory: s.memory, processes: s.processes };
                let event = sse::event("usage", None::<u8>, &json!({ "run": pulse.run, "sample": sample }));
                self.feed.send(Batch::Usage(pulse.run, event));
            }
            PulseKind::Sample(..) | PulseKind::Log(_) | PulseKind::Unfinished(_) => {}
        }
    }

    /// The first change after a while is told at once; those that follow wait for others.
    async fn gather(&mut self, gathered: &mut Gathered) {
        let gone = self.told.elapsed();
        if gone < GATHER {
            tokio::time::sleep(GATHER - gone).await;
        }
        loop {
            match self.happenings.commits.try_recv() {
                Ok(commit) => gathered.add(&commit),
                Err(TryRecvError::Lagged(_)) => self.feed.send(Batch::Everybody(reset(None))),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.told = Instant::now();
    }

    /// What happened to anything else than runs, in this project.
    fn tell_others(&self, gathered: &Gathered) {
        let own = gathered.others.iter().filter(|told| told.project == *self.changes.project());
        let events: Vec<_> = own.map(other_event).collect();
        if !events.is_empty() {
            self.feed.send(Batch::General(events.concat().into()));
        }
    }

    async fn tell(&mut self, Gathered { mut runs, last, .. }: Gathered) {
        let to_all = {
            let audience = self.feed.audience();
            if audience.to_all == 0 || runs.len() > MOST_TOLD {
                let many = runs.len() > MOST_TOLD;
                runs.retain(|run| audience.to_runs.contains_key(run));
                if many {
                    self.feed.send(Batch::General(reset(last)));
                }
            }
            audience.to_all > 0
        };
        // Who waits moves up when somebody else goes: what people look at is told too, as long as it is little.
        if to_all && runs.len() < MOST_MOVED {
            runs.extend(self.changes.some_waiting(MOST_MOVED).await);
        }
        self.newest = self.newest.max(last);
        match self.read(runs.into_iter().collect()).await {
            Ok((views, as_of)) if !views.is_empty() => self.feed.send(batch(views, as_of, last)),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "what changed cannot be told");
                self.feed.send(Batch::Everybody(reset(None)));
            }
        }
    }

    /// These runs, and an event that they are no older than.
    async fn read(&mut self, runs: Vec<RunId>) -> rigi_store::Result<(Vec<RunSummary>, i64)> {
        let as_of = match self.newest {
            Some(newest) => newest,
            None => self.changes.newest().await?,
        };
        self.newest = Some(as_of);
        Ok((self.changes.views(runs).await?, as_of))
    }
}
