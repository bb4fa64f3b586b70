//! What happens next, as a pure function of what waits, what runs, the limits and the time.

mod board;
mod line;

pub use board::{Board, DiskRoom, Limits, Place, WaitReason};

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
/// Waiting runs get places by priority, then to the pipeline with the fewest active runs, then to the one that was
/// served longest ago, then by age.
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

    use proptest::prelude::*;
    use rigi_model::PipelineName;

    use super::*;

    const T: Timestamp = Timestamp(0);

    fn run(n: u128) -> RunId {
        RunId::from_bits(n)
    }

    fn a_name(text: &str) -> PipelineName {
        PipelineName::unchecked(text)
    }

    fn claims(board: &Board) -> Vec<RunId> {
        let claim = |action| match action {
            Action::Claim(run) => Some(run),
            Action::Due(_) => None,
        };
        decide(board, T).into_iter().filter_map(claim).collect()
    }

    #[test]
    fn priority_comes_first_then_fairness_then_age() {
        let mut board = Board::new(Limits { runs: 3, pipelines: BTreeMap::new() });
        board.wait(&run(1), &a_name("a"), 0);
        board.wait(&run(2), &a_name("a"), 0);
        board.wait(&run(3), &a_name("b"), 0);
        board.wait(&run(4), &a_name("a"), 5);
        assert_eq!(claims(&board), [run(4), run(3), run(1)]);
    }

    #[test]
    fn a_pipeline_at_its_limit_waits_and_says_so() {
        let mut board = Board::new(Limits { runs: 10, pipelines: [(a_name("a"), 1)].into() });
        board.wait(&run(1), &a_name("a"), 0);
        board.wait(&run(2), &a_name("a"), 0);
        board.wait(&run(3), &a_name("a"), 0);
        assert_eq!(claims(&board), [run(1)]);
        board.start(&run(1), &a_name("a"), 0);
        assert_eq!(claims(&board), []);
        let place = board.places(&[(run(3), a_name("a"), 0)])[0].unwrap();
        assert_eq!(
            (place.reason, place.position, place.waiting, place.limit),
            (WaitReason::Pipeline, 2, 2, Some(1))
        );
        board.end(&a_name("a"));
        assert_eq!(claims(&board), [run(2)]);
    }

    #[test]
    fn with_one_place_pipelines_take_turns() {
        let mut board = Board::new(Limits { runs: 1, pipelines: BTreeMap::new() });
        for (n, pipeline) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
            board.wait(&run(n), &a_name(pipeline), 0);
        }
        let mut order = Vec::new();
        while let Some(next) = claims(&board).pop() {
            let pipeline = a_name(if next == run(4) { "b" } else { "a" });
            board.start(&next, &pipeline, 0);
            board.end(&pipeline);
            order.push(next);
        }
        assert_eq!(order, [run(1), run(4), run(2), run(3)]);
    }

    #[test]
    fn a_retry_waits_for_its_time() {
        let mut board = Board::new(Limits { runs: 1, pipelines: BTreeMap::new() });
        board.delay(&run(1), Timestamp(100));
        assert_eq!(decide(&board, Timestamp(99)), []);
        assert_eq!(board.next_due(), Some(Timestamp(100)));
        assert_eq!(decide(&board, Timestamp(100)), [Action::Due(run(1))]);
    }

    #[test]
    fn a_retry_that_is_due_is_back_in_the_queue_before_places_are_given() {
        let mut board = Board::new(Limits { runs: 1, pipelines: BTreeMap::new() });
        board.delay(&run(1), Timestamp(100));
        board.wait(&run(2), &a_name("a"), 0);
        assert_eq!(decide(&board, Timestamp(100)), [Action::Due(run(1))]);
        board.undelay(&run(1), Timestamp(100));
        board.wait(&run(1), &a_name("a"), 5);
        assert_eq!(decide(&board, Timestamp(100)), [Action::Claim(run(1))]);
    }

    #[test]
    fn a_held_board_gives_no_place() {
        let mut board = Board::new(Limits { runs: 1, pipelines: BTreeMap::new() });
        board.hold();
        board.wait(&run(1), &a_name("a"), 0);
        assert_eq!(claims(&board), []);
        board.release();
        assert_eq!(claims(&board), [run(1)]);
    }

    #[test]
    fn places_count_over_all_pipelines() {
        let mut board = Board::new(Limits { runs: 0, pipelines: BTreeMap::new() });
        for (n, pipeline) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            board.wait(&run(n), &a_name(pipeline), i32::from(n == 4));
        }
        let wanted =
            [4, 1, 2, 3].map(|n| (run(n), a_name(if n % 2 == 1 { "a" } else { "b" }), i32::from(n == 4)));
        let places: Vec<_> = board.places(&wanted).into_iter().map(|place| place.unwrap().position).collect();
        assert_eq!(places, [1, 2, 3, 4]);
        assert_eq!(board.places(&[(run(9), a_name("a"), 0)]), [None]);
    }

    proptest! {
        #[test]
        fn limits_hold_and_no_place_stays_empty(
            waiting in prop::collection::vec((0..4u8, -2..3i32), 0..60),
            runs in 1..8u64,
            limits in prop::collection::btree_map("[a-d]", 0..4u64, 0..4),
        ) {
            let limits: BTreeMap<_, _> = limits.iter().map(|(name, limit)| (a_name(name), *limit)).collect();
            let mut board = Board::new(Limits { runs, pipelines: limits.clone() });
            let name = |p: u8| a_name(&char::from(b'a' + p).to_string());
            let mut of = BTreeMap::new();
            for (n, (pipeline, priority)) in waiting.iter().enumerate() {
                board.wait(&run(n as u128), &name(*pipeline), *priority);
                of.insert(run(n as u128), (name(*pipeline), *priority));
            }
            let claimed = claims(&board);
            prop_assert!(claimed.len() as u64 <= runs);
            for (pipeline, limit) in &limits {
                let count = claimed.iter().filter(|r| &of[r].0 == pipeline).count() as u64;
                prop_assert!(count <= *limit);
            }
            for run in &claimed {
                let (pipeline, priority) = &of[run];
                board.start(run, pipeline, *priority);
            }
            prop_assert_eq!(claims(&board), []);
            if (claimed.len() as u64) < runs {
                for (run, (pipeline, priority)) in of.iter().filter(|(run, _)| !claimed.contains(run)) {
                    let place = board.places(&[(run.clone(), pipeline.clone(), *priority)])[0].unwrap();
                    prop_assert_eq!(place.reason, WaitReason::Pipeline);
                }
            }
        }
    }
}
