//! Amounts that the runs of a project share.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use rigi_model::{PipelineName, ProjectName, RunId, Target, Timestamp};

use super::{Action, Board, LimitOf, Limits, Needs, RunKind, StartedBy, WaitReason, decide, thousandths};

fn project(name: &str) -> ProjectName {
    ProjectName::unchecked(name)
}

fn kind(of: &str, cpu: u64, memory: u64) -> Arc<RunKind> {
    let needs = Needs { cpu, memory };
    let pipeline = PipelineName::unchecked(format!("takes-{cpu}-{memory}"));
    Arc::new(RunKind {
        project: project(of),
        by: StartedBy::default(),
        pipeline,
        target: Target::PROCESS,
        needs,
        key: None,
    })
}

fn claims(board: &Board) -> Vec<RunId> {
    let claim = |action| match action {
        Action::Claim(run) => Some(run),
        Action::Due(_) => None,
    };
    decide(board, Timestamp(0)).into_iter().filter_map(claim).collect()
}

#[test]
fn cores_are_thousandths_and_never_less() {
    assert_eq!([0.1, 0.5, 1.0, 1.5, 0.3, 64.0].map(thousandths), [100, 500, 1000, 1500, 300, 64_000]);
    assert_eq!(thousandths(0.0015), 2);
}

#[test]
fn what_does_not_fit_waits_and_what_fits_beside_it_does_not() {
    let mut board = Board::new(Limits::from([(LimitOf::Cpu(project("p")), 4000)]));
    let (large, small, other) = (kind("p", 3000, 0), kind("p", 1000, 0), kind("q", 9000, 0));
    for (n, kind) in [(1, &large), (2, &large), (3, &small), (4, &small), (5, &other)] {
        board.wait(&RunId::from_bits(n), kind, 0);
    }
    let mut claimed = claims(&board);
    claimed.sort();
    assert_eq!(claimed, [1, 3, 5].map(RunId::from_bits));
    board.start(&RunId::from_bits(1), &large, 0);
    board.start(&RunId::from_bits(3), &small, 0);
    let of = LimitOf::Cpu(project("p"));
    let place = board.places(&[(RunId::from_bits(2), large.clone(), 0)])[0].clone().unwrap();
    assert_eq!(place.reason, WaitReason::Quota { of: of.clone(), most: 4000, used: 4000, needs: 3000 });
    assert_eq!((place.position, place.waiting), (1, 2));
    board.end(&large);
    board.end(&small);
    assert_eq!(board.active_of(&of), 0);
}

proptest! {
    #[test]
    fn amounts_hold_and_nothing_that_fits_is_left(
        waiting in prop::collection::vec(("[pq]", 0..5u64, 0..5u64), 0..60),
        limits in prop::collection::btree_map(
            prop_oneof!["[pq]".prop_map(|p| LimitOf::Cpu(project(&p))), "[pq]".prop_map(|p| LimitOf::Memory(project(&p)))],
            0..20u64,
            0..5,
        ),
    ) {
        let mut board = Board::new(limits.clone());
        let mut of = BTreeMap::new();
        for (n, (name, cpu, memory)) in waiting.iter().enumerate() {
            let (run, kind) = (RunId::from_bits(n as u128), kind(name, *cpu, *memory));
            board.wait(&run, &kind, 0);
            of.insert(run, kind);
        }
        let claimed = claims(&board);
        for run in &claimed {
            board.start(run, &of[run], 0);
        }
        for (limit, most) in &limits {
            prop_assert!(board.active_of(limit) <= *most, "{:?}", limit);
        }
        for (run, kind) in of.iter().filter(|(run, _)| !claimed.contains(run)) {
            match board.places(&[(run.clone(), kind.clone(), 0)])[0].clone().unwrap().reason {
                WaitReason::Quota { of, most, used, needs } => {
                    prop_assert!(limits[&of] == most && board.active_of(&of) == used && used + needs > most);
                }
                other => prop_assert!(false, "{:?} waits for {:?}", kind, other),
            }
        }
        claimed.iter().for_each(|run| board.end(&of[run]));
        prop_assert!(limits.keys().all(|limit| board.active_of(limit) == 0));
    }
}
