//! Fair share, as its figures: of places and of time, in a world of made-up runs without chance.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use proptest::prelude::*;
use rigi_model::{Actor, PipelineName, ProjectName, RunId, Target, Timestamp};

use super::{Action, Board, LimitOf, Limits, Needs, RunKind, StartedBy, decide};

const SECOND: u64 = 1_000_000;

/// Of a project, or of somebody in it (`lab@ada`; `lab@` is what starts by itself).
fn kind(whose: &str, pipeline: &str) -> Arc<RunKind> {
    let (project, by) = match whose.split_once('@') {
        None => (whose, StartedBy::Anybody),
        Some((project, "")) => (project, StartedBy::Itself),
        Some((project, person)) => (project, StartedBy::Person(Actor::named(person))),
    };
    let (project, pipeline) = (ProjectName::unchecked(project), PipelineName::unchecked(pipeline));
    Arc::new(RunKind { project, by, pipeline, target: Target::PROCESS, needs: Needs::default(), key: None })
}

/// The same as a name.
fn whose(kind: &RunKind) -> ProjectName {
    match &kind.by {
        StartedBy::Anybody => kind.project.clone(),
        StartedBy::Itself => ProjectName::unchecked(format!("{}@", kind.project)),
        StartedBy::Person(person) => ProjectName::unchecked(format!("{}@{person}", kind.project)),
    }
}

/// Runs that wait and end; time is a number.
struct World {
    board: Board,
    kinds: BTreeMap<RunId, (Arc<RunKind>, i32)>,
    ends: BinaryHeap<Reverse<(u64, RunId)>>,
    now: u64,
    runs: u128,
    /// Places·microseconds that each project had.
    held: BTreeMap<ProjectName, u64>,
    started: BTreeMap<ProjectName, u64>,
    order: Vec<RunId>,
}

impl World {
    fn new(places: u64, weights: &[(&str, u32)]) -> Self {
        let mut board = Board::new(Limits::from([(LimitOf::Everything, places)]));
        weights.iter().for_each(|(name, weight)| board.weigh(&ProjectName::unchecked(*name), *weight));
        Self {
            board,
            kinds: BTreeMap::new(),
            ends: BinaryHeap::new(),
            now: 0,
            runs: 0,
            held: BTreeMap::new(),
            started: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    fn submit(&mut self, count: usize, project: &str, pipeline: &str) {
        let kind = kind(project, pipeline);
        for _ in 0..count {
            self.runs += 1;
            let run = RunId::from_bits(self.runs);
            self.board.wait(&run, &kind, 0);
            self.kinds.insert(run, (kind.clone(), 0));
        }
    }

    /// Gives the places that are free to runs that take so long, by project.
    fn give(&mut self, takes: &impl Fn(&str) -> u64) {
        for action in decide(&self.board, Timestamp(0)) {
            let Action::Claim(run) = action else { continue };
            let (kind, priority) = self.kinds[&run].clone();
            self.board.start(&run, &kind, priority);
            let took = takes(whose(&kind).as_str());
            self.ends.push(Reverse((self.now + took, run.clone())));
            *self.started.entry(whose(&kind)).or_default() += 1;
            self.order.push(run);
        }
    }

    /// Until then, each place is given as soon as it is free.
    fn until(&mut self, end: u64, takes: impl Fn(&str) -> u64) {
        self.give(&takes);
        while let Some(Reverse((at, run))) = self.ends.peek().cloned() {
            if at > end {
                break;
            }
            self.pass(at);
            self.ends.pop();
            let (kind, _) = self.kinds[&run].clone();
            self.board.end(&kind);
            self.give(&takes);
        }
        self.pass(end);
    }

    fn pass(&mut self, to: u64) {
        for Reverse((_, run)) in &self.ends {
            *self.held.entry(whose(&self.kinds[run].0)).or_default() += to - self.now;
        }
        self.now = to;
    }

    fn share(&self, project: &str) -> f64 {
        let all: u64 = self.held.values().sum();
        self.held.get(&ProjectName::unchecked(project)).copied().unwrap_or(0) as f64 / all as f64
    }
}

/// 1 is wholly fair, 1/n is all for one.
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    sum * sum / (shares.len() as f64 * shares.iter().map(|share| share * share).sum::<f64>())
}

const FOUR: [&str; 4] = ["big", "one", "three", "two"];

#[test]
fn one_with_a_hundred_thousand_and_three_with_a_hundred_have_the_same() {
    for places in [1, 2, 3, 4, 5, 7, 8, 16] {
        // Places are shared, not starts: one with short runs has as many places as one with long ones.
        for times_longer in [1, 3] {
            let mut world = World::new(places, &[]);
            world.submit(100_000, "big", "a");
            FOUR[1..].iter().for_each(|project| world.submit(100, project, "a"));
            let short = places * SECOND / if times_longer == 1 { 6 } else { 5 };
            world.until(60 * SECOND, |project| if project == "big" { times_longer * short } else { short });
            let index = jain(&FOUR.map(|project| world.share(project)));
            assert!(world.board.counts().0 > 90_000);
            // Of the places that are left over, whoever has the longer runs has more.
            let least = if times_longer == 1 || places >= 7 { 0.95 } else { 0.74 };
            assert!(index >= least, "{places} places, {times_longer} times longer: {index}");
        }
    }
}

#[test]
fn places_are_shared_by_weight() {
    for places in [1, 2, 3, 7, 10, 16, 50] {
        for pattern in [[1, 1, 1], [3, 1, 2]] {
            let mut world = World::new(places, &[("a", 1), ("b", 2), ("c", 4)]);
            for project in ["a", "b", "c"] {
                world.submit(20_000, project, "x");
            }
            let takes = |project: &str| {
                let at = ["a", "b", "c"].iter().position(|name| *name == project).unwrap();
                pattern[at] * SECOND / 5
            };
            world.until(60 * SECOND, takes);
            let shares = ["a", "b", "c"].map(|project| world.share(project));
            if pattern == [1, 1, 1] {
                for (share, weight) in shares.iter().zip([1.0, 2.0, 4.0]) {
                    let off = share * 7.0 / weight - 1.0;
                    assert!(off.abs() < 0.05, "{places}: {shares:?}");
                }
            }
        }
    }
}

#[test]
fn who_comes_new_or_back_gets_the_next_place() {
    for places in [1, 2, 3, 16] {
        let mut world = World::new(places, &[]);
        world.submit(100_000, "big", "a");
        world.submit(10_000, "other", "a");
        world.until(10 * SECOND, |_| SECOND);
        for (n, name) in ["new", "new", "newer", "new"].into_iter().enumerate() {
            world.submit(1, name, "a");
            let (before, own) = (world.order.len(), RunId::from_bits(world.runs));
            world.until((10 + 10 * (n as u64 + 1)) * SECOND, |_| SECOND);
            assert_eq!(world.order[before], own, "{places} places, {name}");
        }
    }
}

#[test]
fn what_one_had_while_nobody_else_waited_is_not_held_against_it() {
    let mut world = World::new(4, &[]);
    world.submit(400, "early", "a");
    world.until(100 * SECOND, |_| SECOND);
    world.submit(1000, "late", "a");
    world.submit(1000, "early", "a");
    world.held.clear();
    world.until(160 * SECOND, |_| SECOND);
    assert!((world.share("early") - 0.5).abs() < 0.02, "{}", world.share("early"));
}

#[test]
fn a_priority_orders_within_a_project_alone() {
    let mut world = World::new(1, &[]);
    let (loud, quiet) = (kind("loud", "a"), kind("quiet", "a"));
    for n in 1..=4 {
        let (kind, priority) = if n == 4 { (&quiet, -5) } else { (&loud, n * 10) };
        let run = RunId::from_bits(n as u128);
        world.board.wait(&run, kind, priority);
        world.kinds.insert(run, (kind.clone(), priority));
    }
    world.until(10 * SECOND, |_| SECOND);
    assert_eq!(world.order, [3, 4, 2, 1].map(RunId::from_bits));
}

/// The order of a server with one project, in full: priority, then the pipeline with the fewest active, then what was served longest
/// ago, then age.
#[derive(Default)]
struct Plain {
    waiting: BTreeSet<(RunId, String, i32)>,
    active: BTreeMap<String, u64>,
    served: BTreeMap<String, u64>,
    places: u64,
}

impl Plain {
    fn next(&mut self) -> Option<RunId> {
        let turn = |(run, pipeline, priority): &&(RunId, String, i32)| {
            let count = |of: &BTreeMap<String, u64>| of.get(pipeline).copied().unwrap_or(0);
            (Reverse(*priority), count(&self.active), count(&self.served), run.clone())
        };
        let next = self.waiting.iter().min_by_key(turn)?.clone();
        self.waiting.remove(&next);
        self.places += 1;
        *self.active.entry(next.1.clone()).or_default() += 1;
        self.served.insert(next.1, self.places);
        Some(next.0)
    }
}

proptest! {
    #[test]
    fn with_one_project_the_order_is_what_it_was(
        steps in prop::collection::vec((0..4u8, "[a-d]", -1..2i32), 0..200),
        places in 1..8u64,
    ) {
        let (mut board, mut plain) = (Board::new(Limits::from([(LimitOf::Everything, places)])), Plain::default());
        let mut known = BTreeMap::new();
        let mut active: Vec<String> = Vec::new();
        for (n, (step, name, priority)) in steps.into_iter().enumerate() {
            if step == 0 {
                if let Some(name) = active.pop() {
                    board.end(&kind("p", &name));
                    *plain.active.get_mut(&name).unwrap() -= 1;
                }
            } else {
                let run = RunId::from_bits(n as u128);
                board.wait(&run, &kind("p", &name), priority);
                plain.waiting.insert((run.clone(), name.clone(), priority));
                known.insert(run, (name, priority));
            }
            if step == 3 {
                continue;
            }
            for action in decide(&board, Timestamp(0)) {
                let Action::Claim(run) = action else { continue };
                let next = plain.next();
                prop_assert_eq!(Some(&run), next.as_ref());
                let (name, priority) = &known[&run];
                board.start(&run, &kind("p", name), *priority);
                active.push(name.clone());
            }
            prop_assert_eq!(active.len() as u64, board.active());
        }
    }
}

const PEOPLE: [&str; 4] = ["lab@", "lab@ada", "lab@ben", "lab@cleo"];

#[test]
fn people_of_a_project_have_the_same_whoever_has_a_hundred_thousand() {
    for places in [1, 4, 16] {
        for times_longer in [1, 3] {
            let mut world = World::new(places, &[]);
            world.submit(100_000, "lab@ada", "a");
            // Many pipelines are no greater share; what starts by itself is one.
            ["b", "c", "d", "e"].iter().for_each(|pipeline| world.submit(100, "lab@ben", pipeline));
            ["b", "c"].iter().for_each(|pipeline| world.submit(200, "lab@", pipeline));
            world.submit(400, "lab@cleo", "a");
            let short = places * SECOND / if times_longer == 1 { 6 } else { 5 };
            world.until(60 * SECOND, |whose| if whose == "lab@ada" { times_longer * short } else { short });
            let index = jain(&PEOPLE.map(|whose| world.share(whose)));
            // As between projects: of places that are left over, whoever has the longer runs has more.
            let least = if times_longer == 1 || places >= 7 { 0.95 } else { 0.74 };
            assert!(index >= least, "{places} places, {times_longer} times longer: {index}");
        }
    }
}

#[test]
fn the_first_run_of_another_waits_for_one_end_and_no_priority_goes_before_it() {
    for places in [1, 4, 16] {
        let mut world = World::new(places, &[]);
        let urgent = kind("lab@ada", "a");
        for _ in 0..100_000 {
            world.runs += 1;
            let run = RunId::from_bits(world.runs);
            world.board.wait(&run, &urgent, 100);
            world.kinds.insert(run, (urgent.clone(), 100));
        }
        world.until(10 * SECOND, |_| SECOND);
        world.submit(1, "lab@ben", "a");
        let first = RunId::from_bits(world.runs);
        assert_eq!(
            world.board.places(&[(first.clone(), kind("lab@ben", "a"), 0)])[0].clone().unwrap().position,
            1
        );
        let at = world.now;
        while !world.order.contains(&first) {
            world.until(world.now + SECOND / 10, |_| SECOND);
            assert!(world.now - at <= SECOND, "{places} places");
        }
    }
}

#[test]
fn a_project_is_not_more_for_having_more_people() {
    let mut world = World::new(4, &[]);
    (0..50).for_each(|person| world.submit(1000, &format!("big@p{person}"), "a"));
    world.submit(50_000, "small@ada", "a");
    world.until(60 * SECOND, |_| SECOND / 2);
    let small = world.share("small@ada");
    assert!((small - 0.5).abs() < 0.02, "{small}");
    let people: Vec<f64> = (0..50).map(|person| world.share(&format!("big@p{person}"))).collect();
    assert!(jain(&people) >= 0.95, "{people:?}");
}

proptest! {
    /// Without accounts there is one share of all: the order is what it was before.
    #[test]
    fn one_person_alone_is_served_as_if_nobody_shared(
        waiting in prop::collection::vec(("[a-d]", -2..3i32), 1..60),
        places in 1..5u64,
    ) {
        let order = |whose: &str| {
            let mut board = Board::new(Limits::from([(LimitOf::Everything, places)]));
            for (n, (pipeline, priority)) in waiting.iter().enumerate() {
                board.wait(&RunId::from_bits(n as u128), &kind(whose, pipeline), *priority);
            }
            let mut order = Vec::new();
            loop {
                let claims = decide(&board, Timestamp(0));
                let Some(Action::Claim(run)) = claims.first().cloned() else { return order };
                let n = waiting.iter().enumerate().find(|(n, _)| RunId::from_bits(*n as u128) == run).unwrap();
                let its = kind(whose, &n.1.0);
                board.start(&run, &its, n.1.1);
                board.end(&its);
                order.push(run);
            }
        };
        prop_assert_eq!(order("lab"), order("lab@ada"));
    }
}
