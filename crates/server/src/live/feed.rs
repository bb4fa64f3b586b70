//! What changes: gathered for a moment, made into events once, and shared by all who listen.
//!
//! Nobody listens, nothing is done: then a commit costs nothing here. One who is too slow for what is kept, or comes back
//! after a while, is told what the database says has changed since; nothing is held for anybody.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rigi_api::view::RunSummary;
use rigi_model::event::Subject;
use rigi_model::{ProjectName, RunId};
use rigi_store::SubjectChange;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use super::changes::Changes;
use super::listener::Listening;
use super::sse;
use super::teller::Teller;

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
        /// They are no older than this event of the database, which was known before they were read.
        as_of: i64,
        /// Up to this event all changes are told with them; `None`: no change is.
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

/// One for each project: who listens in one hears nothing of the others. Cheap to clone.
#[derive(Clone, Default)]
pub struct Feeds {
    by_project: Arc<Mutex<BTreeMap<ProjectName, Feed>>>,
}

impl Feeds {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ProjectName, Feed>> {
        self.by_project.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That of a project, which is there.
    pub fn of(&self, project: &ProjectName) -> Feed {
        self.all().entry(project.clone()).or_default().clone()
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.all().values().for_each(Feed::close);
    }
}

/// Who listens, and the one who tells them.
#[derive(Default)]
pub(super) struct Audience {
    pub to_all: usize,
    /// Those whose changes or usage somebody wants.
    pub to_runs: HashMap<RunId, usize>,
    teller: Option<AbortHandle>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { batches: broadcast::Sender::new(KEPT), audience: Arc::default() }
    }
}

impl Feed {
    /// Listens from now on, after what happened since the event `seen`.
    pub fn listen(&self, changes: Arc<dyn Changes>, wants: Wants, seen: Option<i64>) -> Listening {
        let seat = self.seat(&changes, &wants);
        Listening::new(changes, self.batches.subscribe(), seat, wants, seen)
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.send(Batch::Closed);
    }

    pub(super) fn send(&self, batch: Batch) {
        let _ = self.batches.send(Arc::new(batch));
    }

    pub(super) fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat(&self, changes: &Arc<dyn Changes>, wants: &Wants) -> FeedSeat {
        let mut audience = self.audience();
        if matches!(wants, Wants::All { .. }) {
            audience.to_all += 1;
        }
        if let Some(run) = wants.usage() {
            *audience.to_runs.entry(run.clone()).or_default() += 1;
        }
        if audience.teller.is_none() {
            // It hears what happens from here on, and the newcomer reads what was before.
            let teller = Teller::new(changes.clone(), self.clone());
            audience.teller = Some(tokio::spawn(teller.run()).abort_handle());
        }
        FeedSeat { feed: self.clone(), wants: wants.clone() }
    }
}

/// Held by one who listens.
pub struct FeedSeat {
    feed: Feed,
    wants: Wants,
}

impl Drop for FeedSeat {
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

/// Tells a listener to read everything again; it resumes behind this event.
pub fn reset(id: Option<i64>) -> Bytes {
    sse::event("reset", id, &json!({}))
}

/// What happened to something that is no run, called as its subject.
pub fn other_event(told: &SubjectChange) -> Bytes {
    // Who may hear of a project need not be let know which secrets it has.
    let id = Some(&told.id).filter(|_| told.subject != Subject::Secret);
    sse::event(told.subject.as_str(), None::<u8>, &json!({ "id": id, "kind": told.kind }))
}

/// The events of these runs; see [`Batch::Runs`].
pub fn batch(mut views: Vec<RunSummary>, as_of: i64, last: Option<i64>) -> Batch {
    views.sort_by(|a, b| a.id.cmp(&b.id));
    let (bytes, places) = run_events(&views, last);
    let places = views.into_iter().map(|view| view.id).zip(places).collect();
    Batch::Runs { bytes, places, as_of, last }
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
