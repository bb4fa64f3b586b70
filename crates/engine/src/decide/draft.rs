//! Places being given: whose turn it is, without changing the board.

use std::cmp::Reverse;
use std::collections::HashMap;

use rigi_model::{ProjectName, RunId};

use super::board::Board;
use super::limit::{LimitOf, RunKind, StartedBy};
use super::line::{Turn, Turns};
use super::share::{Share, may_take};

impl Board {
    pub(super) fn draft(&self) -> Draft<'_> {
        let mut draft = Draft {
            projects: Vec::new(),
            counts: Vec::new(),
            clock: self.shares.clock,
            places_given: self.places_given,
        };
        if !self.gives() {
            return draft;
        }
        let mut known: HashMap<LimitOf, usize> = HashMap::new();
        // Sorted by project, then by who has started them.
        for (kind, turns) in &self.waiting {
            let mut count = |of: LimitOf| {
                *known.entry(of).or_insert_with_key(|of| {
                    let most = self.limits.get(of).copied().unwrap_or(u64::MAX);
                    draft.counts.push(Count { active: self.active_of(of), most });
                    draft.counts.len() - 1
                })
            };
            let counts = kind.limited_by().map(&mut count);
            let amounts = kind.amounts().map(|(of, takes)| {
                let most = kind.own_most(&of);
                let at = count(of);
                Amount { at, takes, most: most.unwrap_or(u64::MAX) }
            });
            let amounts = amounts.collect();
            let mut turns = turns.iter();
            let served = self.served.get(kind).copied().unwrap_or(0);
            let is_flow = kind.is_flow();
            let lane = Lane { counts, amounts, served, is_flow, next: turns.next(), turns };
            let project = match draft.projects.last_mut() {
                Some(last) if *last.name == kind.project => last,
                _ => {
                    let share = self.shares.of(&kind.project);
                    let clock = self.people(&kind.project).map_or(0, |people| people.shares.clock);
                    draft.projects.push(Contender { name: &kind.project, share, groups: Vec::new(), clock });
                    // It was just put there.
                    let Some(last) = draft.projects.last_mut() else { continue };
                    last
                }
            };
            match project.groups.last_mut() {
                Some(last) if *last.by == kind.by => last.lanes.push(lane),
                _ => project.groups.push(Group::new(self, kind, lane)),
            }
        }
        draft
    }
}

/// What each run of a lane takes.
struct Amount {
    /// Of which count.
    at: usize,
    takes: u64,
    /// The most that the lane itself says.
    most: u64,
}

/// The waiting runs of one kind, while places are given.
struct Lane<'a> {
    /// Of the pipeline, the project, the target, everything: see [`RunKind::limited_by`].
    counts: [usize; 4],
    /// What each run takes of amounts.
    amounts: Vec<Amount>,
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
        let fits = |at: usize, takes: u64, most: u64| {
            counts[at].active.saturating_add(takes) <= counts[at].most.min(most)
        };
        self.next.is_some()
            && self.counts.iter().all(|&at| fits(at, 1, u64::MAX))
            && self.amounts.iter().all(|amount| fits(amount.at, amount.takes, amount.most))
    }
}

/// The waiting runs of whoever has started them; of all, where nobody shares.
struct Group<'a> {
    by: &'a StartedBy,
    share: Share,
    /// How many of theirs have a place.
    active: u64,
    /// At least one.
    lanes: Vec<Lane<'a>>,
}

impl<'a> Group<'a> {
    fn new(board: &Board, kind: &'a RunKind, lane: Lane<'a>) -> Self {
        let people = board.people(&kind.project);
        let share = people.map_or_else(Share::default, |people| people.shares.of(&kind.by));
        let active = people.and_then(|people| people.active.get(&kind.by)).copied().unwrap_or(0);
        Self { by: &kind.by, share, active, lanes: vec![lane] }
    }
}

/// A project that could take the next place.
struct Contender<'a> {
    name: &'a ProjectName,
    share: Share,
    /// At least one.
    groups: Vec<Group<'a>>,
    /// Of the shares of its people.
    clock: u64,
}

impl<'a> Contender<'a> {
    /// How many of its runs have a place.
    fn active(&self, counts: &[Count]) -> u64 {
        let places = self.groups.iter().flat_map(|group| &group.lanes).find(|lane| !lane.is_flow);
        places.map_or(0, |lane| counts[lane.counts[1]].active)
    }

    /// Whose turn it is.
    fn next(&mut self) -> Option<&mut Group<'a>> {
        if self.groups.len() < 2 {
            return self.groups.first_mut();
        }
        let all: Vec<(u64, u64)> =
            self.groups.iter().map(|group| (group.active, group.share.weight)).collect();
        let (may, clock) = (may_take(&all), self.clock);
        let in_turn = self.groups.iter_mut().filter(|group| may(group.active, group.share.weight));
        in_turn.min_by_key(|group| (group.share.turn(clock), group.by))
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
            project.groups.retain_mut(|group| {
                group.lanes.retain(|lane| lane.is_open(counts));
                !group.lanes.is_empty()
            });
            !project.groups.is_empty()
        });
        let all: Vec<(u64, u64)> =
            self.projects.iter().map(|project| (project.active(counts), project.share.weight)).collect();
        let may = may_take(&all);
        let in_turn = self.projects.iter_mut().zip(all).filter(|(_, (active, weight))| may(*active, *weight));
        let (project, _) =
            in_turn.min_by_key(|(project, _)| (project.share.turn(self.clock), project.name))?;
        let clock = project.clock;
        let group = project.next()?;
        let lane = group.lanes.iter_mut().min_by(|one, other| one.turn(counts).cmp(&other.turn(counts)))?;
        let run = lane.next.map(|(_, run)| run.clone());
        lane.next = lane.turns.next();
        for at in lane.counts {
            counts[at].active += 1;
        }
        for amount in &lane.amounts {
            counts[amount.at].active += amount.takes;
        }
        self.places_given += 1;
        lane.served = self.places_given;
        group.active += u64::from(!lane.is_flow);
        let clock = group.share.serve(clock, self.places_given);
        project.clock = clock;
        self.clock = project.share.serve(self.clock, self.places_given);
        run
    }
}
