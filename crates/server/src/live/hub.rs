//! One followed log. What has grown is read once, made into one event, and shared by all followers.
//!
//! Each follower knows its own place, an attempt and the line that comes next, and asks for the event that begins there.
//! Events are cut the same way for all, so that whoever is at the same place gets the same bytes, and whoever is
//! elsewhere (just come, back after a while, slow) has them read from the log. There is no moment of joining: what
//! comes next follows from the place alone, so that no line is missed and none told twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rigi_api::view::LogLine;
use rigi_model::RunState;
use rigi_model::log::Unfinished;
use rigi_store::logs::{Bounds, LogPart};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::pace::Pace;
use super::sse;

/// Lines of one event at most; events end at multiples of it, so that those who catch up share them.
const EVENT_LINES: u64 = 1000;
/// Bytes of text of one event, about.
const EVENT_BYTES: usize = 64 << 10;
/// Events that are kept for others, in bytes for each follower, and at most.
const KEEP_EACH: usize = 64 << 10;
const KEEP_MOST: usize = 2 << 20;

/// Where a run stands, as far as its log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The current attempt; 0 before the first.
    pub attempt: u32,
    /// Its state.
    pub state: RunState,
}

/// Where a log comes from.
pub trait Origin: Send + Sync + 'static {
    /// Where the run stands now.
    fn standing(&self) -> BoxFuture<'_, rigi_store::Result<Standing>>;

    /// Lines of an attempt, from a line on. Everything is there that was written before a standing was told.
    fn read(&self, attempt: u32, from: u64, most: Bounds) -> BoxFuture<'_, rigi_store::Result<LogPart>>;
}

/// A place in a run's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// From 1.
    pub attempt: u32,
    /// The line that comes next, from 1.
    pub line: u64,
}

/// An event, and the line that comes after it.
#[derive(Debug, Clone)]
pub struct LogEvent {
    pub bytes: Bytes,
    pub next: u64,
}

/// What there is at a place.
pub enum Look {
    /// This event.
    LogEvent(LogEvent),
    /// Nothing yet.
    Nothing(Standing),
    /// It has to be read.
    Unread(Standing),
}

/// What followers wait for; each change wakes all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signal {
    /// Grows whenever there may be more to tell.
    pub generation: u64,
    /// Grows every [`sse::BEAT`].
    pub beat: u64,
    /// Nothing more is told: the log cannot be read, or the server stops.
    pub closed: bool,
}

/// See the module.
pub struct Hub {
    origin: Box<dyn Origin>,
    shared: Mutex<Shared>,
    /// One reads at a time; those who wait find what was read.
    reading: tokio::sync::Mutex<()>,
    signal: watch::Sender<Signal>,
    poked: Notify,
}

struct Shared {
    standing: Standing,
    /// Since the last look something may have been written, or may have changed.
    grown: bool,
    changed: bool,
    generation: u64,
    /// In this generation nothing follows this place.
    end: Option<LogPlace>,
    kept: VecDeque<(LogPlace, LogEvent)>,
    kept_bytes: usize,
    unfinished: Option<Stands>,
}

/// The lines of an attempt that have not ended, as an event.
struct Stands {
    attempt: u32,
    /// Grows with each change.
    version: u64,
    is_empty: bool,
    event: Bytes,
}

impl Stands {
    fn new(attempt: u32, version: u64, lines: &[Unfinished]) -> Self {
        let event = sse::event("unfinished", None::<u8>, &json!({ "attempt": attempt, "lines": lines }));
        Self { attempt, version, is_empty: lines.is_empty(), event }
    }
}

impl Hub {
    /// Of a run that stood there a moment ago.
    pub fn new(origin: Box<dyn Origin>, standing: Standing) -> Arc<Self> {
        let shared = Shared {
            standing,
            grown: false,
            changed: true,
            generation: 0,
            end: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            unfinished: None,
        };
        let hub = Self {
            origin,
            shared: Mutex::new(shared),
            reading: tokio::sync::Mutex::default(),
            signal: watch::Sender::new(Signal::default()),
            poked: Notify::new(),
        };
        hub.poked.notify_one();
        Arc::new(hub)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines were written.
    pub fn grew(&self) {
        self.shared().grown = true;
        self.poked.notify_one();
    }

    /// These lines of an attempt have not ended, and no others.
    pub fn stands(&self, attempt: u32, lines: &[Unfinished]) {
        let mut shared = self.shared();
        let version = shared.unfinished.as_ref().map_or(1, |known| known.version + 1);
        shared.unfinished = Some(Stands::new(attempt, version, lines));
        // What comes before it may have been written.
        shared.grown = true;
        drop(shared);
        self.poked.notify_one();
    }

    /// The same as it was a while ago, unless more was told since.
    pub fn stood(&self, attempt: u32, lines: &[Unfinished]) {
        if !lines.is_empty() && self.shared().unfinished.is_none() {
            self.stands(attempt, lines);
        }
    }

    /// What is to be told of unfinished lines to one who knows of version `known`, 0 at first; and the version.
    pub fn unfinished(&self, attempt: u32, known: u64) -> Option<(u64, Bytes)> {
        let shared = self.shared();
        // The lines before them come first.
        let told = shared.unfinished.as_ref().filter(|_| !shared.grown);
        let stands = told.filter(|stands| stands.attempt == attempt)?;
        let is_news = stands.version > known && !(stands.is_empty && known == 0);
        is_news.then(|| (stands.version, stands.event.clone()))
    }

    /// The run changed.
    pub fn changed(&self) {
        self.shared().changed = true;
        self.poked.notify_one();
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.signal.send_modify(|signal| signal.closed = true);
    }

    /// One more who waits.
    pub fn subscribe(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.signal.receiver_count()
    }

    /// Tells what changes, until `over` agrees that nobody follows any more, or until it cannot.
    pub async fn run(&self, over: impl Fn() -> bool) {
        let mut pace = Pace::new();
        let mut beat = Instant::now() + sse::BEAT;
        loop {
            tokio::select! {
                () = self.poked.notified() => {
                    pace.wait(self.followers()).await;
                    if let Err(error) = self.tell().await {
                        tracing::warn!(%error, "a log cannot be followed");
                        return self.close();
                    }
                }
                () = self.signal.closed() => if over() { return },
                () = tokio::time::sleep_until(beat) => {
                    beat += sse::BEAT;
                    self.signal.send_modify(|signal| signal.beat += 1);
                }
            }
        }
    }

    /// Looks at what has changed, reads what follows the place where all was told, and wakes the followers.
    async fn tell(&self) -> rigi_store::Result<()> {
        let changed = std::mem::take(&mut self.shared().changed);
        let standing = if changed { Some(self.origin.standing().await?) } else { None };
        let (generation, front) = {
            let mut shared = self.shared();
            if !std::mem::take(&mut shared.grown) && standing.is_none_or(|new| new == shared.standing) {
                return Ok(());
            }
            shared.standing = standing.unwrap_or(shared.standing);
            shared.generation += 1;
            (shared.generation, shared.end.take())
        };
        // If nobody has come to the end, all are busy reading, each at its place.
        if let Some(front) = front {
            match self.read(front).await {
                // Each follower meets it at its own place.
                Err(error) if error.is_damage() => {}
                read => _ = read?,
            }
        }
        self.signal.send_modify(|signal| signal.generation = generation);
        Ok(())
    }

    /// Where the run stands.
    pub fn standing(&self) -> Standing {
        self.shared().standing
    }

    /// What there is at a place, as far as is known.
    pub fn look(&self, place: LogPlace) -> Look {
        let shared = self.shared();
        if let Some(told) = shared.kept_at(place) {
            return Look::LogEvent(told);
        }
        let none_yet = place.attempt > shared.standing.attempt;
        let ended = shared.end.is_some_and(|end| end.attempt == place.attempt && end.line <= place.line);
        if none_yet || ended { Look::Nothing(shared.standing) } else { Look::Unread(shared.standing) }
    }

    /// Reads the event at a place; `None` if nothing is there.
    pub async fn read(&self, place: LogPlace) -> rigi_store::Result<Option<LogEvent>> {
        let _turn = self.reading.lock().await;
        let generation = {
            let shared = self.shared();
            if let Some(told) = shared.kept_at(place) {
                return Ok(Some(told));
            }
            shared.generation
        };
        let lines = usize::try_from(EVENT_LINES - (place.line - 1) % EVENT_LINES).unwrap_or(1);
        let part = self.origin.read(place.attempt, place.line, Bounds { lines, bytes: EVENT_BYTES }).await?;
        let told = part.lines.last().map(|line| line.number).map(|last| {
            let lines: Vec<LogLine> = part.lines.into_iter().map(line).collect();
            let id = format!("{}.{last}", place.attempt);
            LogEvent { bytes: sse::event("lines", Some(id), &lines), next: last + 1 }
        });
        let room = (KEEP_EACH * self.followers()).min(KEEP_MOST);
        let mut shared = self.shared();
        if shared.generation == generation && shared.standing.attempt == place.attempt {
            shared.end = part.end.map(|line| LogPlace { attempt: place.attempt, line });
        }
        if let Some(told) = &told {
            shared.keep(place, told.clone(), room);
        }
        Ok(told)
    }
}

impl Shared {
    fn kept_at(&self, place: LogPlace) -> Option<LogEvent> {
        // The newest is asked for most.
        let mut kept = self.kept.iter().rev();
        kept.find(|(at, _)| *at == place).map(|(_, told)| told.clone())
    }

    /// Keeps an event for others; the oldest go. The newest stays in any case.
    fn keep(&mut self, place: LogPlace, told: LogEvent, room: usize) {
        self.kept_bytes += told.bytes.len();
        self.kept.push_back((place, told));
        while self.kept_bytes > room && self.kept.len() > 1 {
            let Some((_, old)) = self.kept.pop_front() else { break };
            self.kept_bytes -= old.bytes.len();
        }
    }
}

/// A line as it is told.
pub fn line(line: rigi_store::logs::LogLine) -> LogLine {
    LogLine::new(line.number, line.at, line.stream, line.text, line.continues)
}
