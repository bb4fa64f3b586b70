//! What changes: gathered for a moment, made into events once, and shared by all who listen.
//!
//! Nobody listens, nothing is done: then a commit costs nothing here. One who is too slow for what is kept, or comes back
//! after a while, is told what the database says has changed since; nothing is held for anybody.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rigi_engine::{Pulse, PulseKind};
use rigi_model::RunId;
use rigi_store::Commit;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::listener::Listening;
use super::sse;
use crate::api::view::{RunSummary, UsageSample};
use crate::api::{AppState, present};

/// Between two tellings of what has changed.
const GATHER: Duration = Duration::from_millis(50);
/// Waiting runs whose place is told when something else changed.
const MOST_MOVED: usize = 50;
/// Runs that are told one by one; with more at once, whoever hears of all runs reads its lists again.
const MOST_TOLD: usize = 500;
/// Batches that are kept for those who are slow.
const KEPT: usize = 32;

/// What a listener wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// What happens to this run, and what it uses.
    Run(RunId),
    /// What happens to all, and what one of them uses.
    All {
        /// Whose usage.
        usage: Option<RunId>,
    },
}

impl Wants {
    fn usage(&self) -> Option<&RunId> {
        match self {
            Self::Run(run) => Some(run),
            Self::All { usage } => usage.as_ref(),
        }
    }
}

/// Events that are told together.
#[derive(Debug)]
pub enum Batch {
    /// Runs changed.
    Runs {
        /// The events of all of them.
        bytes: Bytes,
        /// Where each one's event lies, by id.
        places: Vec<(RunId, Range<usize>)>,
        /// The newest event of the database that they tell of.
        last: Option<i64>,
    },
    /// For those who hear of all.
    General(Bytes),
    /// What a run uses.
    Usage(RunId, Bytes),
    /// For everybody.
    Everybody(Bytes),
    /// The server stops.
    Closed,
}

impl Batch {
    /// What one who wants this is told of it.
    pub fn part(&self, wants: &Wants) -> Option<Bytes> {
        match (self, wants) {
            (Self::Runs { bytes, .. } | Self::General(bytes), Wants::All { .. })
            | (Self::Everybody(bytes), _) => Some(bytes.clone()),
            (Self::Runs { bytes, places, .. }, Wants::Run(run)) => {
                let at = places.binary_search_by(|(id, _)| id.cmp(run)).ok()?;
                Some(bytes.slice(places[at].1.clone()))
            }
            (Self::Usage(run, bytes), wants) => (wants.usage() == Some(run)).then(|| bytes.clone()),
            (Self::General(_), Wants::Run(_)) | (Self::Closed, _) => None,
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    batches: broadcast::Sender<Arc<Batch>>,
    audience: Arc<Mutex<Audience>>,
}

/// Who listens, and the one who tells them.
#[derive(Default)]
struct Audience {
    to_all: usize,
    /// Those whose changes or usage somebody wants.
    to_runs: HashMap<RunId, usize>,
    teller: Option<AbortHandle>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { batches: broadcast::Sender::new(KEPT), audience: Arc::default() }
    }
}

impl Feed {
    /// Listens from now on, after what happened since the event `seen`.
    pub fn listen(&self, state: AppState, wants: Wants, seen: Option<i64>) -> Listening {
        let seat = self.seat(&state, &wants);
        Listening::new(state, self.batches.subscribe(), seat, wants, seen)
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.send(Batch::Closed);
    }

    fn send(&self, batch: Batch) {
        let _ = self.batches.send(Arc::new(batch));
    }

    fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat(&self, state: &AppState, wants: &Wants) -> Seat {
        let mut audience = self.audience();
        if matches!(wants, Wants::All { .. }) {
            audience.to_all += 1;
        }
        if let Some(run) = wants.usage() {
            *audience.to_runs.entry(run.clone()).or_default() += 1;
        }
        if audience.teller.is_none() {
            // It hears what happens from here on, and the newcomer reads what was before.
            let teller = Teller {
                commits: state.store().commits(),
                pulses: state.engine.pulses(),
                pipelines: state.catalog.changes(),
                feed: self.clone(),
                state: state.clone(),
                told: Instant::now() - GATHER,
            };
            audience.teller = Some(tokio::spawn(teller.run()).abort_handle());
        }
        Seat { feed: self.clone(), wants: wants.clone() }
    }
}

/// Held by one who listens.
pub struct Seat {
    feed: Feed,
    wants: Wants,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut audience = self.feed.audience();
        if matches!(self.wants, Wants::All { .. }) {
            audience.to_all -= 1;
        }
        if let Some(run) = self.wants.usage()
            && let Some(count) = audience.to_runs.get_mut(run)
        {
            *count -= 1;
            if *count == 0 {
                audience.to_runs.remove(run);
            }
        }
        if audience.to_all == 0
            && audience.to_runs.is_empty()
            && let Some(teller) = audience.teller.take()
        {
            teller.abort();
        }
    }
}

/// Makes the events, while somebody listens.
struct Teller {
    state: AppState,
    feed: Feed,
    commits: broadcast::Receiver<Commit>,
    pulses: broadcast::Receiver<Pulse>,
    pipelines: broadcast::Receiver<String>,
    told: Instant,
}

/// Changes that are told together.
#[derive(Default)]
struct Gathered {
    runs: BTreeSet<RunId>,
    last: Option<i64>,
}

impl Gathered {
    fn add(&mut self, commit: &Commit) {
        self.last = Some(commit.last_event);
        self.runs.extend(commit.runs.iter().cloned());
    }
}

impl Teller {
    async fn run(mut self) {
        let mut beat = Instant::now() + sse::BEAT;
        loop {
            let mut gathered = Gathered::default();
            tokio::select! {
                commit = self.commits.recv() => match commit {
                    Ok(commit) => gathered.add(&commit),
                    Err(RecvError::Lagged(_)) => self.feed.send(Batch::Everybody(reset(None))),
                    Err(RecvError::Closed) => return,
                },
                pulse = self.pulses.recv() => match pulse {
                    Ok(pulse) => self.hear(pulse, &mut gathered),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                name = self.pipelines.recv() => match name {
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
            if !gathered.runs.is_empty() {
                self.gather(&mut gathered).await;
                self.tell(gathered).await;
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
            PulseKind::Sample(..) | PulseKind::Log(_) => {}
        }
    }

    /// The first change after a while is told at once; those that follow wait for others.
    async fn gather(&mut self, gathered: &mut Gathered) {
        let gone = self.told.elapsed();
        if gone < GATHER {
            tokio::time::sleep(GATHER - gone).await;
        }
        while let Ok(commit) = self.commits.try_recv() {
            gathered.add(&commit);
        }
        self.told = Instant::now();
    }

    async fn tell(&self, Gathered { mut runs, last }: Gathered) {
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
            runs.extend(self.state.engine.some_waiting(MOST_MOVED).await);
        }
        let runs: Vec<RunId> = runs.into_iter().collect();
        match summaries(&self.state, &runs).await {
            Ok(views) if !views.is_empty() => self.feed.send(batch(views, last)),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "what changed cannot be told");
                self.feed.send(Batch::Everybody(reset(None)));
            }
        }
    }
}

/// Tells a listener to read everything again; it resumes behind this event.
pub fn reset(id: Option<i64>) -> Bytes {
    sse::event("reset", id, &json!({}))
}

/// Runs as lists show them.
pub async fn summaries(state: &AppState, runs: &[RunId]) -> rigi_store::Result<Vec<RunSummary>> {
    let runs = state.store().db().runs_by_id(runs).await?;
    Ok(present::summaries(state, &runs).await)
}

fn batch(mut views: Vec<RunSummary>, last: Option<i64>) -> Batch {
    views.sort_by(|a, b| a.id.cmp(&b.id));
    let (bytes, places) = run_events(&views, last);
    let places = views.into_iter().map(|view| view.id).zip(places).collect();
    Batch::Runs { bytes, places, last }
}

/// The events of these runs, and where each lies. The last one carries the id of the newest event, so that a reader
/// resumes behind all of them.
pub fn run_events(views: &[RunSummary], last: Option<i64>) -> (Bytes, Vec<Range<usize>>) {
    let mut bytes = Vec::with_capacity(views.len() * 640);
    let mut places = Vec::with_capacity(views.len());
    for (index, view) in views.iter().enumerate() {
        let begin = bytes.len();
        sse::write_event(&mut bytes, "run", last.filter(|_| index + 1 == views.len()), view);
        places.push(begin..bytes.len());
    }
    (bytes.into(), places)
}
