//! The board: which runs wait, how many are active, and when retries are due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rigi_model::{ProjectName, RunId, Timestamp};

use super::limit::{LimitOf, Limits, RunKind, StartedBy};
use super::line::Line;
use super::share::Shares;

/// What waits, what is active, what is due.
#[derive(Debug, Clone, Default)]
pub struct Board {
    pub(super) limits: Limits,
    pub(super) waiting: BTreeMap<Arc<RunKind>, Line>,
    /// How many are active, or how much they take, of whatever may have a limit.
    active: HashMap<LimitOf, u64>,
    due: BTreeSet<(Timestamp, RunId)>,
    /// When each kind last got a place, as a number that grows with every place.
    pub(super) served: HashMap<Arc<RunKind>, u64>,
    pub(super) places_given: u64,
    /// Whose turn it is among projects.
    pub(super) shares: Shares<ProjectName>,
    /// Who shares the places of a project, where people have accounts.
    people: HashMap<ProjectName, People>,
    /// Nothing is claimed while this is set.
    closed: bool,
    /// Nothing is claimed before the queue is here as a whole.
    held: bool,
    /// Nothing is claimed while the disk has no room.
    lacks_room: bool,
}

/// Who shares the places of one project.
#[derive(Debug, Clone, Default)]
pub(super) struct People {
    /// Whose turn it is among them.
    pub shares: Shares<StartedBy>,
    /// How many active runs each has.
    pub active: BTreeMap<StartedBy, u64>,
}

/// Why a waiting run has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// It is next, or the server takes none now.
    Turn,
    /// A limit is reached, which is so many.
    Limit(LimitOf, u64),
    /// Its project has too little left of an amount.
    Quota {
        /// Of which.
        of: LimitOf,
        /// What the project may have.
        most: u64,
        /// What active runs have.
        used: u64,
        /// What it takes.
        needs: u64,
    },
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlace {
    /// What it waits for.
    pub reason: WaitReason,
    /// 1 is next among those that wait for the same.
    pub position: u64,
    /// How many wait for the same.
    pub waiting: u64,
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

    /// Sets or lifts a limit.
    pub fn limit(&mut self, of: LimitOf, most: Option<u64>) {
        match most {
            Some(most) => self.limits.insert(of, most),
            None => self.limits.remove(&of),
        };
    }

    /// Sets the weight of a project.
    pub fn weigh(&mut self, project: &ProjectName, weight: u32) {
        self.shares.weigh(project, weight);
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
    pub fn wait(&mut self, run: &RunId, kind: &Arc<RunKind>, priority: i32) {
        let turn = (Reverse(priority), run.clone());
        if let Some(turns) = self.waiting.get_mut(kind) {
            turns.insert(turn);
        } else {
            let first = |by| self.waiting.range(RunKind::first_of(&kind.project, by)..).next();
            let is_its = |(next, _): &(&Arc<RunKind>, &Line)| next.project == kind.project;
            if first(&StartedBy::Anybody).filter(is_its).is_none() {
                self.shares.join(&kind.project);
            }
            if kind.by != StartedBy::Anybody
                && first(&kind.by).filter(is_its).is_none_or(|(next, _)| next.by != kind.by)
            {
                self.people_of(kind).shares.join(&kind.by);
            }
            let mut turns = Line::default();
            turns.insert(turn);
            self.waiting.insert(kind.clone(), turns);
        }
    }

    /// A run leaves the queue without a place.
    pub fn leave(&mut self, run: &RunId, kind: &Arc<RunKind>, priority: i32) {
        if let Some(turns) = self.waiting.get_mut(kind) {
            turns.remove(&(Reverse(priority), run.clone()));
            if turns.is_empty() {
                self.waiting.remove(kind);
            }
        }
    }

    /// A run leaves the queue for a place.
    pub fn start(&mut self, run: &RunId, kind: &Arc<RunKind>, priority: i32) {
        self.leave(run, kind, priority);
        self.occupy(kind);
        self.places_given += 1;
        self.shares.serve(&kind.project, self.places_given);
        if kind.by != StartedBy::Anybody {
            let number = self.places_given;
            self.people_of(kind).shares.serve(&kind.by, number);
        }
        self.served.insert(kind.clone(), self.places_given);
    }

    /// A run that has a place already is put on the board.
    pub fn occupy(&mut self, kind: &RunKind) {
        for (of, takes) in kind.takes() {
            *self.active.entry(of).or_default() += takes;
        }
        if kind.by != StartedBy::Anybody && !kind.is_flow() {
            *self.people_of(kind).active.entry(kind.by.clone()).or_default() += 1;
        }
    }

    fn people_of(&mut self, kind: &RunKind) -> &mut People {
        self.people.entry(kind.project.clone()).or_default()
    }

    /// Who shares the places of a project; `None`: nobody does.
    pub(super) fn people(&self, project: &ProjectName) -> Option<&People> {
        self.people.get(project)
    }

    /// Whether a place may be given to anybody.
    pub(super) fn gives(&self) -> bool {
        let all_taken = self.limits.get(&LimitOf::Everything).is_some_and(|&most| self.active() >= most);
        !(self.closed || self.held || self.lacks_room || all_taken)
    }

    /// An active run gives its place back.
    pub fn end(&mut self, kind: &RunKind) {
        for (of, takes) in kind.takes() {
            if let Some(count) = self.active.get_mut(&of) {
                *count -= takes;
                if *count == 0 {
                    self.active.remove(&of);
                }
            }
        }
        if kind.by == StartedBy::Anybody || kind.is_flow() {
            return;
        }
        let active = &mut self.people_of(kind).active;
        if let Some(count) = active.get_mut(&kind.by) {
            *count -= 1;
            if *count == 0 {
                active.remove(&kind.by);
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

    /// Some of a project's that wait.
    pub fn some_waiting<'a>(
        &'a self,
        project: &'a ProjectName,
        limit: usize,
    ) -> impl Iterator<Item = &'a RunId> {
        let its = self.waiting.iter().filter(|(kind, _)| kind.project == *project).map(|(_, turns)| turns);
        its.flat_map(move |turns| turns.iter().take(limit)).map(|(_, run)| run).take(limit)
    }

    /// How many of these have a place, or how much they take.
    #[must_use]
    pub fn active_of(&self, of: &LimitOf) -> u64 {
        self.active.get(of).copied().unwrap_or(0)
    }

    /// How many runs have a place.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.active_of(&LimitOf::Everything)
    }

    /// How many of these wait.
    fn waiting_of(&self, of: &LimitOf) -> u64 {
        let of_it = self.waiting.iter().filter(|(kind, _)| of.holds(kind));
        of_it.map(|(_, turns)| turns.len()).sum()
    }

    /// Waiting, active, delayed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.waiting_of(&LimitOf::Everything), self.active(), self.due.len() as u64)
    }

    /// Waiting and active runs of a pipeline, a project or a target.
    #[must_use]
    pub fn counts_of(&self, of: &LimitOf) -> (u64, u64) {
        (self.waiting_of(of), self.active_of(of))
    }

    /// Where waiting runs stand, in the order they were asked for; `None` for those that do not wait. Each sees those of its
    /// own project alone before it, and where people share that, those of whoever started it.
    #[must_use]
    pub fn places(&self, wanted: &[(RunId, Arc<RunKind>, i32)]) -> Vec<Option<QueuePlace>> {
        wanted.iter().map(|(run, kind, priority)| self.place(run, kind, *priority)).collect()
    }

    fn place(&self, run: &RunId, kind: &RunKind, priority: i32) -> Option<QueuePlace> {
        let turn = (Reverse(priority), run.clone());
        if !self.waiting.get(kind)?.before(&turn).1 {
            return None;
        }
        let project = LimitOf::Project(kind.project.clone());
        let full = |(of, needs): (LimitOf, u64)| {
            let most = kind.own_most(&of).or_else(|| self.limits.get(&of).copied())?;
            let used = self.active_of(&of);
            (used + needs > most).then_some((of, most, used, needs))
        };
        let (reason, among) = if self.lacks_room {
            (WaitReason::Disk, project)
        } else {
            match kind.takes().find_map(full) {
                Some((of @ (LimitOf::Pipeline(..) | LimitOf::Key(..)), most, ..)) => {
                    (WaitReason::Limit(of.clone(), most), of)
                }
                Some((of @ (LimitOf::Cpu(_) | LimitOf::Memory(_)), most, used, needs)) => {
                    (WaitReason::Quota { of, most, used, needs }, project)
                }
                Some((of, most, ..)) => (WaitReason::Limit(of, most), project),
                None => (WaitReason::Turn, project),
            }
        };
        let (mut ahead, mut waiting) = (0, 0);
        let its = |(other, _): &(&Arc<RunKind>, &Line)| among.holds(other) && other.by == kind.by;
        for (_, turns) in self.waiting.iter().filter(its) {
            ahead += turns.before(&turn).0;
            waiting += turns.len();
        }
        Some(QueuePlace { reason, position: ahead + 1, waiting })
    }
}
