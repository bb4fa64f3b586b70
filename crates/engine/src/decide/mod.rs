//! What happens next, as a pure function of what waits, what runs, the limits and the time.

mod board;
mod draft;
mod limit;
mod line;
#[cfg(test)]
mod quota_tests;
mod share;
#[cfg(test)]
mod share_tests;

pub use board::{Board, DiskRoom, QueuePlace, WaitReason};
pub use limit::{LimitOf, Limits, Needs, RunKind, StartedBy, thousandths};
pub use share::WEIGHT;

use rigi_model::{RunId, Timestamp};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Give this waiting run a place.
    Claim(RunId),
    /// The retry delay of this run is over: into the queue.
    Due(RunId),
}

/// What is to be done at `now`; doing it changes the board. Delays end first: only when those runs wait with the others, by
/// the next call, are places given. When there is nothing to be done, nothing is returned.
///
/// Places are shared between projects by weight ([`share`]), and within a project, where people have accounts, between those who
/// start its runs; what starts by itself is one of them. Of theirs, they are given by priority, then to the pipeline
/// with the fewest active runs, then to the one that was served longest ago, then by age.
#[must_use]
pub fn decide(board: &Board, now: Timestamp) -> Vec<Action> {
    let mut actions: Vec<Action> = board.due(now).map(|run| Action::Due(run.clone())).collect();
    if !actions.is_empty() {
        return actions;
    }
    let mut draft = board.draft();
    while let Some(run) = draft.next() {
        actions.push(Action::Claim(run));
    }
    actions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;
    use rigi_model::{PipelineName, ProjectName, Target};

    use super::*;

    const T: Timestamp = Timestamp(0);

    fn run(n: u128) -> RunId {
        RunId::from_bits(n)
    }

    fn project(name: &str) -> ProjectName {
        ProjectName::unchecked(name)
    }

    /// Of `pipeline`, or of `project/pipeline`.
    fn kind(text: &str) -> Arc<RunKind> {
        let (of, pipeline) = text.split_once('/').unwrap_or(("p", text));
        let pipeline = PipelineName::unchecked(pipeline);
        let by = StartedBy::default();
        Arc::new(RunKind {
            project: project(of),
            by,
            pipeline,
            target: Target::PROCESS,
            needs: Needs::default(),
            key: None,
        })
    }

    fn pipeline(name: &str) -> LimitOf {
        let kind = kind(name);
        LimitOf::Pipeline(kind.project.clone(), kind.pipeline.clone())
    }

    fn claims(board: &Board) -> Vec<RunId> {
        let claim = |action| match action {
            Action::Claim(run) => Some(run),
            Action::Due(_) => None,
        };
        decide(board, T).into_iter().filter_map(claim).collect()
    }

    /// A board with so many places and these limits.
    fn board(places: u64, limits: &[(LimitOf, u64)]) -> Board {
        let mut all: Limits = limits.iter().cloned().collect();
        all.insert(LimitOf::Everything, places);
        Board::new(all)
    }

    fn place(board: &Board, n: u128, name: &str) -> QueuePlace {
        board.places(&[(run(n), kind(name), 0)])[0].clone().unwrap()
    }

    #[test]
    fn priority_comes_first_then_fairness_then_age() {
        let mut board = board(3, &[]);
        board.wait(&run(1), &kind("a"), 0);
        board.wait(&run(2), &kind("a"), 0);
        board.wait(&run(3), &kind("b"), 0);
        board.wait(&run(4), &kind("a"), 5);
        assert_eq!(claims(&board), [run(4), run(3), run(1)]);
    }

    #[test]
    fn projects_take_turns_however_many_pipelines_one_has() {
        let mut board = board(4, &[]);
        for (n, name) in [(1, "p/a"), (2, "p/b"), (3, "p/c"), (4, "p/d"), (5, "q/a"), (6, "q/a"), (7, "q/a")]
        {
            board.wait(&run(n), &kind(name), 0);
        }
        assert_eq!(claims(&board), [run(1), run(5), run(2), run(6)]);
    }

    #[test]
    fn whoever_is_at_a_limit_waits_and_says_for_which() {
        let cases = [
            (pipeline("a"), [true, false, true, true]),
            (LimitOf::Project(project("p")), [true, false, false, true]),
            (LimitOf::Target(Target::PROCESS), [true, false, false, false]),
        ];
        for (of, given) in cases {
            let mut board = board(10, &[(of.clone(), 1)]);
            let all = [(1, "p/a"), (2, "p/a"), (3, "p/b"), (4, "q/a")];
            for (n, name) in all {
                board.wait(&run(n), &kind(name), 0);
            }
            let claimed = claims(&board);
            assert_eq!(all.map(|(n, _)| claimed.contains(&run(n))), given, "{of:?}");
            board.start(&run(1), &kind("p/a"), 0);
            let waits = place(&board, 2, "p/a");
            assert_eq!(waits.reason, WaitReason::Limit(of.clone(), 1));
            let many = if matches!(of, LimitOf::Pipeline(..)) { 1 } else { 2 };
            assert_eq!((waits.position, waits.waiting), (1, many), "{of:?}");
            board.end(&kind("p/a"));
            // Of what limits all projects, another may have its turn.
            let next =
                if of == LimitOf::Target(Target::PROCESS) { vec![run(4)] } else { vec![run(2), run(3)] };
            assert!(claims(&board).iter().any(|run| next.contains(run)), "{of:?}");
        }
    }

    #[test]
    fn a_limit_that_is_lifted_is_none() {
        let mut board = board(10, &[(pipeline("a"), 0)]);
        board.wait(&run(1), &kind("a"), 0);
        assert_eq!(claims(&board), []);
        board.limit(pipeline("a"), None);
        assert_eq!(claims(&board), [run(1)]);
    }

    #[test]
    fn with_one_place_pipelines_take_turns() {
        let mut board = board(1, &[]);
        for (n, pipeline) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
            board.wait(&run(n), &kind(pipeline), 0);
        }
        let mut order = Vec::new();
        while let Some(next) = claims(&board).pop() {
            let pipeline = kind(if next == run(4) { "b" } else { "a" });
            board.start(&next, &pipeline, 0);
            board.end(&pipeline);
            order.push(next);
        }
        assert_eq!(order, [run(1), run(4), run(2), run(3)]);
    }

    #[test]
    fn a_retry_waits_for_its_time() {
        let mut board = board(1, &[]);
        board.delay(&run(1), Timestamp(100));
        assert_eq!(decide(&board, Timestamp(99)), []);
        assert_eq!(board.next_due(), Some(Timestamp(100)));
        assert_eq!(decide(&board, Timestamp(100)), [Action::Due(run(1))]);
    }

    #[test]
    fn a_retry_that_is_due_is_back_in_the_queue_before_places_are_given() {
        let mut board = board(1, &[]);
        board.delay(&run(1), Timestamp(100));
        board.wait(&run(2), &kind("a"), 0);
        assert_eq!(decide(&board, Timestamp(100)), [Action::Due(run(1))]);
        board.undelay(&run(1), Timestamp(100));
        board.wait(&run(1), &kind("a"), 5);
        assert_eq!(decide(&board, Timestamp(100)), [Action::Claim(run(1))]);
    }

    #[test]
    fn a_held_board_gives_no_place() {
        let mut board = board(1, &[]);
        board.hold();
        board.wait(&run(1), &kind("a"), 0);
        assert_eq!(claims(&board), []);
        board.release();
        assert_eq!(claims(&board), [run(1)]);
    }

    #[test]
    fn places_count_over_all_pipelines_of_a_project() {
        let mut board = board(0, &[]);
        for (n, pipeline) in [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "q/a")] {
            board.wait(&run(n), &kind(pipeline), i32::from(n == 4));
        }
        let wanted =
            [4, 1, 2, 3].map(|n| (run(n), kind(if n % 2 == 1 { "a" } else { "b" }), i32::from(n == 4)));
        let places: Vec<_> = board.places(&wanted).into_iter().map(|place| place.unwrap()).collect();
        assert_eq!(places.iter().map(|place| place.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(places.iter().all(|place| place.waiting == 4));
        assert_eq!(place(&board, 5, "q/a").position, 1);
        assert_eq!(board.places(&[(run(9), kind("a"), 0)]), [None]);
    }

    /// A limit of one of the kinds that [`waiting`] has.
    fn limits() -> impl Strategy<Value = Limits> {
        let of = prop_oneof![
            "[pq]/[a-d]".prop_map(|name| pipeline(&name)),
            "[pq]".prop_map(|name| LimitOf::Project(project(&name))),
            Just(LimitOf::Target(Target::PROCESS)),
        ];
        prop::collection::btree_map(of, 0..4u64, 0..6)
    }

    proptest! {
        #[test]
        fn limits_hold_and_no_place_stays_empty(
            waiting in prop::collection::vec(("[pq]/[a-d]", -2..3i32), 0..60),
            places in 1..8u64,
            limits in limits(),
        ) {
            let mut limits = limits;
            limits.insert(LimitOf::Everything, places);
            let mut board = Board::new(limits.clone());
            let mut of = BTreeMap::new();
            for (n, (name, priority)) in waiting.iter().enumerate() {
                board.wait(&run(n as u128), &kind(name), *priority);
                of.insert(run(n as u128), (kind(name), *priority));
            }
            let claimed = claims(&board);
            for (limit, most) in &limits {
                let count = claimed.iter().filter(|run| limit.holds(&of[run].0)).count() as u64;
                prop_assert!(count <= *most, "{:?}", limit);
            }
            for run in &claimed {
                let (kind, priority) = &of[run];
                board.start(run, kind, *priority);
            }
            prop_assert_eq!(claims(&board), []);
            for (run, (kind, priority)) in of.iter().filter(|(run, _)| !claimed.contains(run)) {
                let place = board.places(&[(run.clone(), kind.clone(), *priority)])[0].clone().unwrap();
                match place.reason {
                    WaitReason::Limit(limit, most) => {
                        prop_assert!(limit.holds(kind) && limits[&limit] == most);
                        prop_assert_eq!(board.active_of(&limit), most);
                    }
                    other => prop_assert!(false, "{:?} waits for {:?}", kind, other),
                }
            }
        }
    }
}
