//! Pipelines that a trigger waits for together: which of them have ended, and when a run starts. Pure: time is a parameter.

use std::collections::BTreeMap;

use super::spec::AfterOn;
use crate::{RunId, Timestamp};

/// An end that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Of which pipeline.
    pub pipeline: String,
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
}

/// What became of one more end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// Others are waited for; this is what is there of those that belong together.
    Waits(Vec<Arrived>),
    /// All are there: these, in the order of the trigger's pipelines.
    Complete(Vec<Arrived>),
}

/// One more end, on top of those of the same key. Of two of one pipeline the later counts; what is older than `within` does not.
#[must_use]
pub fn join(after: &AfterOn, there: &[Arrived], one: &Arrived) -> Joined {
    let newest = there.iter().chain([one]).map(|one| one.at).max().unwrap_or(one.at);
    let mut of: BTreeMap<&str, &Arrived> = BTreeMap::new();
    for arrived in there.iter().chain([one]) {
        let expired = after.within.is_some_and(|within| newest.since(arrived.at) > within);
        let awaited = after.pipelines.contains(&arrived.pipeline);
        let later = |known: &&Arrived| (known.at, &known.run) < (arrived.at, &arrived.run);
        if awaited && !expired && of.get(arrived.pipeline.as_str()).is_none_or(later) {
            of.insert(&arrived.pipeline, arrived);
        }
    }
    let in_order: Vec<Arrived> =
        after.pipelines.iter().filter_map(|name| of.get(name.as_str()).map(|one| (*one).clone())).collect();
    match in_order.len() == after.pipelines.len() {
        true => Joined::Complete(in_order),
        false => Joined::Waits(in_order),
    }
}

/// Names what has come together: the same runs, the same name.
#[must_use]
pub fn event_of(key: &str, runs: &[Arrived]) -> String {
    let runs: Vec<&str> = runs.iter().map(|one| one.run.as_str()).collect();
    super::lines::id_of(format!("{key} {}", runs.join(" ")).trim_start())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::triggers::AwaitedEnd;

    fn after(pipelines: &[&str], within: Option<u64>) -> AfterOn {
        AfterOn {
            pipelines: pipelines.iter().map(|name| (*name).to_owned()).collect(),
            on: AwaitedEnd::Success,
            key: None,
            within: within.map(Duration::from_secs),
        }
    }

    fn arrived(pipeline: &str, seconds: i64) -> Arrived {
        Arrived { pipeline: pipeline.to_owned(), run: RunId::generate(), at: Timestamp(seconds * 1_000_000) }
    }

    #[test]
    fn all_are_waited_for_and_what_is_old_does_not_count() {
        let of = after(&["a", "b"], Some(60));
        let (a, b, late) = (arrived("a", 0), arrived("b", 50), arrived("b", 61));
        assert_eq!(join(&of, &[], &a), Joined::Waits(vec![a.clone()]));
        assert_eq!(join(&of, std::slice::from_ref(&a), &b), Joined::Complete(vec![a.clone(), b.clone()]));
        assert_eq!(join(&of, std::slice::from_ref(&a), &late), Joined::Waits(vec![late.clone()]));
        let again = arrived("a", 10);
        assert_eq!(join(&of, std::slice::from_ref(&a), &again), Joined::Waits(vec![again]));
        assert_eq!(join(&of, std::slice::from_ref(&a), &arrived("c", 1)), Joined::Waits(vec![a.clone()]));
        assert_ne!(event_of("k", std::slice::from_ref(&b)), event_of("k", &[late]));
    }

    proptest! {
        /// Whatever comes in which order: a run starts whenever each has ended anew, and never with an end that was used before.
        #[test]
        fn each_end_is_used_once_and_none_fires_early(order in proptest::collection::vec(0..3_usize, 0..40)) {
            let names = ["a", "b", "c"];
            let of = after(&names, None);
            let (mut there, mut used, mut since) = (Vec::new(), std::collections::HashSet::new(), [false; 3]);
            for (at, index) in order.into_iter().enumerate() {
                since[index] = true;
                let one = arrived(names[index], i64::try_from(at).unwrap());
                match join(&of, &there, &one) {
                    Joined::Complete(runs) => {
                        prop_assert!(since.iter().all(|there| *there));
                        prop_assert_eq!(runs.len(), 3);
                        for run in runs {
                            prop_assert!(used.insert(run.run));
                        }
                        there.clear();
                        since = [false; 3];
                    }
                    Joined::Waits(runs) => {
                        prop_assert!(since.iter().any(|there| !*there));
                        there = runs;
                    }
                }
            }
        }
    }
}
