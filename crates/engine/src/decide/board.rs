//! The board: which runs wait, how many are active, and when retries are due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rigi_model::{PipelineName, RunId, Timestamp};

use super::line::{Line, Turn, Turns};

/// How many runs may be active at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub runs: u64,
    /// Of single pipelines.
    pub pipelines: BTreeMap<PipelineName, u64>,
}

/// What waits, what is active, what is due.
#[derive(Debug, Clone, Default)]
pub struct Board {
    limits: Limits,
    waiting: BTreeMap<PipelineName, Line>,
    active: HashMap<PipelineName, u64>,
    total_active: u64,
    due: BTreeSet<(Timestamp, RunId)>,
    /// When each pipeline last got a place, as a number that grows with every place.
    served: HashMap<PipelineName, u64>,
    places_given: u64,
    /// Nothing is claimed while this is set.
    closed: bool,
    /// Nothing is claimed before the queue is here as a whole.
    held: bool,
    /// Nothing is claimed while the disk has no room.
    lacks_room: bool,
}

/// Why a waiting run has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// It is next, or the server takes none now.
    Turn,
    /// The limit of all runs is reached.
    Global,
    /// The limit of its pipeline is reached.
    Pipeline,
    /// The disk has too little room to start anything, or takes nothing.
    Disk,
}

/// Whether the disk has room to start something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskRoom {
    /// Enough.
    Enough,
    /// Too little: what runs may go on.
    Lacking,
}

/// Where a waiting run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What it waits for.
    pub reason: WaitReason,
    /// 1 is next among those that wait for the same.
    pub position: u64,
    /// How many wait for the same.
    pub waiting: u64,
    /// The limit that it waits for.
    pub limit: Option<u64>,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// How many may be active.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets or lifts the limit of a pipeline.
    pub fn limit_pipeline(&mut self, pipeline: &PipelineName, limit: Option<u64>) {
        match limit {
            Some(limit) => self.limits.pipelines.insert(pipeline.clone(), limit),
            None => self.limits.pipelines.remove(pipeline),
        };
    }

    /// Stops giving places.
    pub const fn close(&mut self) {
        self.closed = true;
    }

    /// Gives no place until [`Self::release`]: the queue is not here as a whole.
    pub const fn hold(&mut self) {
        self.held = true;
    }

    /// The queue is here.
    pub const fn release(&mut self) {
        self.held = false;
    }

    /// Gives no places while the disk has no room; says whether that is news.
    pub fn set_room(&mut self, room: DiskRoom) -> bool {
        let lacks_room = room == DiskRoom::Lacking;
        std::mem::replace(&mut self.lacks_room, lacks_room) != lacks_room
    }

    /// Whether places could be given but for the disk.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The clock was set: whoever waits for a time waits as long as before.
    pub fn set_clock(&mut self, by: i64) {
        let due = std::mem::take(&mut self.due);
        self.due = due.into_iter().map(|(time, run)| (Timestamp(time.0.saturating_add(by)), run)).collect();
    }

    /// A run enters the queue.
    pub fn wait(&mut self, run: &RunId, pipeline: &PipelineName, priority: i32) {
        let turn = (Reverse(priority), run.clone());
        if let Some(turns) = self.waiting.get_mut(pipeline) {
            turns.insert(turn);
        } else {
            let mut turns = Line::default();
            turns.insert(turn);
            self.waiting.insert(pipeline.clone(), turns);
        }
    }

    /// A run leaves the queue without a place.
    pub fn leave(&mut self, run: &RunId, pipeline: &PipelineName, priority: i32) {
        if let Some(turns) = self.waiting.get_mut(pipeline) {
            turns.remove(&(Reverse(priority), run.clone()));
            if turns.is_empty() {
                self.waiting.remove(pipeline);
            }
        }
    }

    /// A run leaves the queue for a place.
    pub fn start(&mut self, run: &RunId, pipeline: &PipelineName, priority: i32) {
        self.leave(run, pipeline, priority);
        self.occupy(pipeline);
        self.places_given += 1;
        self.served.insert(pipeline.clone(), self.places_given);
    }

    /// A run that has a place already is put on the board.
    pub fn occupy(&mut self, pipeline: &PipelineName) {
        self.total_active += 1;
        if let Some(count) = self.active.get_mut(pipeline) {
            *count += 1;
        } else {
            self.active.insert(pipeline.clone(), 1);
        }
    }

    /// An active run gives its place back.
    pub fn end(&mut self, pipeline: &PipelineName) {
        self.total_active = self.total_active.saturating_sub(1);
        if let Some(count) = self.active.get_mut(pipeline) {
            *count -= 1;
            if *count == 0 {
                self.active.remove(pipeline);
            }
        }
    }

    /// A run waits until `time` before it enters the queue again.
    pub fn delay(&mut self, run: &RunId, time: Timestamp) {
        self.due.insert((time, run.clone()));
    }

    /// A run no longer waits for a time.
    pub fn undelay(&mut self, run: &RunId, time: Timestamp) {
        self.due.remove(&(time, run.clone()));
    }

    /// When the next delay ends.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(time, _)| *time)
    }

    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = &RunId> {
        self.due.iter().take_while(move |(time, _)| *time <= now).map(|(_, run)| run)
    }

    /// Some of those that wait.
    pub fn some_waiting(&self, limit: usize) -> impl Iterator<Item = &RunId> {
        self.waiting.values().flat_map(move |turns| turns.iter().take(limit)).map(|(_, run)| run).take(limit)
    }

    /// How many runs have a place.
    #[must_use]
    pub const fn active(&self) -> u64 {
        self.total_active
    }

    /// Waiting, active, delayed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let waiting = self.waiting.values().map(Line::len).sum();
        (waiting, self.total_active, self.due.len() as u64)
    }

    /// Waiting and active runs of a pipeline.
    #[must_use]
    pub fn counts_of(&self, pipeline: &PipelineName) -> (u64, u64) {
        let waiting = self.waiting.get(pipeline).map_or(0, Line::len);
        (waiting, self.active.get(pipeline).copied().unwrap_or(0))
    }

    /// Where waiting runs stand, in the order they were asked for; `None` for those that do not wait.
    #[must_use]
    pub fn places(&self, wanted: &[(RunId, PipelineName, i32)]) -> Vec<Option<Place>> {
        let (waiting, active, _) = self.counts();
        let place = |(run, pipeline, priority): &(RunId, PipelineName, i32)| {
            let turn = (Reverse(*priority), run.clone());
            let (own, true) = self.waiting.get(pipeline)?.before(&turn) else { return None };
            let ahead: u64 = self.waiting.values().map(|turns| turns.before(&turn).0).sum();
            Some(self.place_at(pipeline, own + 1, ahead + 1, (waiting, active)))
        };
        wanted.iter().map(place).collect()
    }

    fn place_at(
        &self,
        pipeline: &PipelineName,
        own: u64,
        ahead: u64,
        (waiting, active): (u64, u64),
    ) -> Place {
        if self.lacks_room {
            return Place { reason: WaitReason::Disk, position: ahead, waiting, limit: None };
        }
        let limit = self.limits.pipelines.get(pipeline).copied();
        let (in_pipeline, active_in_pipeline) = self.counts_of(pipeline);
        if let Some(limit) = limit.filter(|&limit| active_in_pipeline >= limit) {
            return Place {
                reason: WaitReason::Pipeline,
                position: own,
                waiting: in_pipeline,
                limit: Some(limit),
            };
        }
        let full = active >= self.limits.runs;
        let reason = if full { WaitReason::Global } else { WaitReason::Turn };
        Place { reason, position: ahead, waiting, limit: full.then_some(self.limits.runs) }
    }

    pub(super) fn draft(&self) -> Draft<'_> {
        let none = self.closed || self.held || self.lacks_room;
        let free = if none { 0 } else { self.limits.runs.saturating_sub(self.total_active) };
        let lanes = if free == 0 { Vec::new() } else { self.lanes() };
        Draft { lanes, free, places_given: self.places_given }
    }

    fn lanes(&self) -> Vec<Lane<'_>> {
        let mut lanes = Vec::with_capacity(self.waiting.len());
        for (pipeline, turns) in &self.waiting {
            let active = self.active.get(pipeline).copied().unwrap_or(0);
            let limit = self.limits.pipelines.get(pipeline).copied().unwrap_or(u64::MAX);
            let mut turns = turns.iter();
            if active < limit {
                let served = self.served.get(pipeline).copied().unwrap_or(0);
                lanes.push(Lane { active, limit, served, next: turns.next(), turns });
            }
        }
        lanes
    }
}

/// The waiting runs of one pipeline, while places are given.
struct Lane<'a> {
    active: u64,
    limit: u64,
    served: u64,
    next: Option<&'a Turn>,
    turns: Turns<'a>,
}

impl Lane<'_> {
    /// The smallest gets the next place: priority, then the fewest active, then the one served longest ago, then age.
    fn turn(&self) -> Option<(Reverse<i32>, u64, u64, &RunId)> {
        self.next.map(|(priority, run)| (*priority, self.active, self.served, run))
    }
}

/// Places being given, without changing the board.
pub(super) struct Draft<'a> {
    lanes: Vec<Lane<'a>>,
    free: u64,
    places_given: u64,
}

impl Draft<'_> {
    pub(super) fn next(&mut self) -> Option<RunId> {
        if self.free == 0 {
            return None;
        }
        let open = self.lanes.iter_mut().filter(|lane| lane.active < lane.limit && lane.next.is_some());
        let lane = open.min_by(|a, b| a.turn().cmp(&b.turn()))?;
        let run = lane.next.map(|(_, run)| run.clone());
        lane.next = lane.turns.next();
        lane.active += 1;
        self.places_given += 1;
        lane.served = self.places_given;
        self.free -= 1;
        run
    }
}
