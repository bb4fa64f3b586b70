//! The board: which runs wait, how many are active, and when retries are due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rigi_model::{ProjectName, RunId, Timestamp};

use super::limit::{LimitOf, Limits, RunKind};
use super::line::{Line, Turn, Turns};
use super::share::{Share, Shares, may_take};

/// What waits, what is active, what is due.
#[derive(Debug, Clone, Default)]
pub struct Board {
    limits: Limits,
    waiting: BTreeMap<Arc<RunKind>, Line>,
    /// How many are active, or how much they take, of whatever may have a limit.
    active: HashMap<LimitOf, u64>,
    due: BTreeSet<(Timestamp, RunId)>,
    /// When each kind last got a place, as a number that grows with every place.
    served: HashMap<Arc<RunKind>, u64>,
    places_given: u64,
    /// Whose turn it is among projects.
    shares: Shares,
    /// Nothing is claimed while this is set.
    closed: bool,
    /// Nothing is claimed before the queue is here as a whole.
    held: bool,
    /// Nothing is claimed while the disk has no room.
    lacks_room: bool,
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
            if self
                .waiting
                .range(RunKind::first_of(&kind.project)..)
                .next()
                .is_none_or(|(next, _)| next.project != kind.project)
            {
                self.shares.join(&kind.project);
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
        self.served.insert(kind.clone(), self.places_given);
    }

    /// A run that has a place already is put on the board.
    pub fn occupy(&mut self, kind: &RunKind) {
        for (of, takes) in kind.takes() {
            *self.active.entry(of).or_default() += takes;
        }
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
    /// own project alone before it.
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
            let (most, used) = (*self.limits.get(&of)?, self.active_of(&of));
            (used + needs > most).then_some((of, most, used, needs))
        };
        let (reason, among) = if self.lacks_room {
            (WaitReason::Disk, project)
        } else {
            match kind.takes().find_map(full) {
                Some((of @ LimitOf::Pipeline(..), most, ..)) => (WaitReason::Limit(of.clone(), most), of),
                Some((of @ (LimitOf::Cpu(_) | LimitOf::Memory(_)), most, used, needs)) => {
                    (WaitReason::Quota { of, most, used, needs }, project)
                }
                Some((of, most, ..)) => (WaitReason::Limit(of, most), project),
                None => (WaitReason::Turn, project),
            }
        };
        let (mut ahead, mut waiting) = (0, 0);
        for (_, turns) in self.waiting.iter().filter(|(kind, _)| among.holds(kind)) {
            ahead += turns.before(&turn).0;
            waiting += turns.len();
        }
        Some(QueuePlace { reason, position: ahead + 1, waiting })
    }

    pub(super) fn draft(&self) -> Draft<'_> {
        let mut draft = Draft {
            projects: Vec::new(),
            counts: Vec::new(),
            clock: self.shares.clock,
            places_given: self.places_given,
        };
        let all_taken = self.limits.get(&LimitOf::Everything).is_some_and(|&most| self.active() >= most);
        if self.closed || self.held || self.lacks_room || all_taken {
            return draft;
        }
        let mut known: HashMap<LimitOf, usize> = HashMap::new();
        // Sorted by project.
        for (kind, turns) in &self.waiting {
            let mut count = |of: LimitOf| {
                *known.entry(of).or_insert_with_key(|of| {
                    let most = self.limits.get(of).copied().unwrap_or(u64::MAX);
                    draft.counts.push(Count { active: self.active_of(of), most });
                    draft.counts.len() - 1
                })
            };
            let counts = kind.limited_by().map(&mut count);
            let amounts = kind.amounts().map(|(of, takes)| (count(of), takes)).collect();
            let mut turns = turns.iter();
            let served = self.served.get(kind).copied().unwrap_or(0);
            let is_flow = kind.is_flow();
            let lane = Lane { counts, amounts, served, is_flow, next: turns.next(), turns };
            match draft.projects.last_mut() {
                Some(last) if *last.name == kind.project => last.lanes.push(lane),
                _ => draft.projects.push(Contender {
                    name: &kind.project,
                    share: self.shares.of(&kind.project),
                    lanes: vec![lane],
                }),
            }
        }
        draft
    }
}

/// The waiting runs of one kind, while places are given.
struct Lane<'a> {
    /// Of the pipeline, the project, the target, everything: see [`RunKind::limited_by`].
    counts: [usize; 4],
    /// What each run takes of amounts.
    amounts: Vec<(usize, u64)>,
    served: u64,
    /// Its runs take no place.
    is_flow: bool,
    next: Option<&'a Turn>,
    turns: Turns<'a>,
}

impl<'a> Lane<'a> {
    /// The smallest gets its project's next place: priority, then the pipeline with the fewest active, then what was served
    /// longest ago, then age.
    fn turn(&self, counts: &[Count]) -> Option<(Reverse<i32>, u64, u64, &'a RunId)> {
        let pipeline = counts[self.counts[0]].active;
        self.next.map(|(priority, run)| (*priority, pipeline, self.served, run))
    }

    /// Whether somebody waits in it, and nothing is in the way.
    fn is_open(&self, counts: &[Count]) -> bool {
        let fits = |at: usize, takes: u64| counts[at].active.saturating_add(takes) <= counts[at].most;
        self.next.is_some()
            && self.counts.iter().all(|&at| fits(at, 1))
            && self.amounts.iter().all(|&(at, takes)| fits(at, takes))
    }
}

/// A project that could take the next place.
struct Contender<'a> {
    name: &'a ProjectName,
    share: Share,
    /// At least one.
    lanes: Vec<Lane<'a>>,
}

impl Contender<'_> {
    /// How many of its runs have a place.
    fn active(&self, counts: &[Count]) -> u64 {
        self.lanes.iter().find(|lane| !lane.is_flow).map_or(0, |lane| counts[lane.counts[1]].active)
    }
}

/// How many are active or how much they take, and may.
struct Count {
    active: u64,
    most: u64,
}

/// Places being given, without changing the board.
pub(super) struct Draft<'a> {
    projects: Vec<Contender<'a>>,
    counts: Vec<Count>,
    /// Of the shares.
    clock: u64,
    places_given: u64,
}

impl Draft<'_> {
    pub(super) fn next(&mut self) -> Option<RunId> {
        let counts = &mut self.counts;
        // A limit that is reached is not reached less before the draft is done.
        self.projects.retain_mut(|project| {
            project.lanes.retain(|lane| lane.is_open(counts));
            !project.lanes.is_empty()
        });
        let all: Vec<(u64, u64)> =
            self.projects.iter().map(|project| (project.active(counts), project.share.weight)).collect();
        let may = may_take(&all);
        let in_turn = self.projects.iter_mut().zip(all).filter(|(_, (active, weight))| may(*active, *weight));
        let (project, _) =
            in_turn.min_by_key(|(project, _)| (project.share.turn(self.clock), project.name))?;
        let lane = project.lanes.iter_mut().min_by(|one, other| one.turn(counts).cmp(&other.turn(counts)))?;
        let run = lane.next.map(|(_, run)| run.clone());
        lane.next = lane.turns.next();
        for at in lane.counts {
            counts[at].active += 1;
        }
        for (at, takes) in &lane.amounts {
            counts[*at].active += takes;
        }
        self.places_given += 1;
        lane.served = self.places_given;
        self.clock = project.share.serve(self.clock, self.places_given);
        run
    }
}
