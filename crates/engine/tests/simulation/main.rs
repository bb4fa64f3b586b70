//! Some seeds of the simulation, in a build that looks for overflows too; `make simulate` lets thousands happen.

mod world;

use world::mutation::Mutation;
use world::{Stats, Telling, simulate};

#[test]
fn no_seed_finds_a_breach() {
    let mut all = Stats::default();
    for seed in 0..200 {
        let ending = simulate(seed, Mutation::None, Telling::Silent);
        assert_eq!(ending.breach, None, "make simulate SEED={seed}");
        all.add(&ending.stats);
    }
    // What is to go wrong does.
    let Stats {
        crashes, takeovers, superseded, supervisor_crashes, doubts, lost, repeated, reordered, ..
    } = all;
    let troubles = [crashes, takeovers, superseded, supervisor_crashes, doubts, lost, repeated, reordered];
    assert!(troubles.iter().all(|&count| count > 10), "{all:?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    let tell = || simulate(7, Mutation::None, Telling::Everything);
    assert_eq!(tell().trace, tell().trace);
}

#[test]
fn every_breach_made_on_purpose_is_found() {
    let find = |mutation| (0..5000).find(|&seed| simulate(seed, mutation, Telling::Silent).breach.is_some());
    std::thread::scope(|scope| {
        let looking = Mutation::ALL.map(|mutation| (mutation, scope.spawn(move || find(mutation))));
        for (mutation, looked) in looking {
            assert!(looked.join().unwrap().is_some(), "{mutation:?} is not found");
        }
    });
}
