//! Backfills: runs for a range of due times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Rhythm;
use crate::Timestamp;
use crate::state::text_enum;

/// Due times of one backfill at most.
pub const MOST_TIMES: usize = 10_000;

text_enum! {
    /// How a backfill stands.
    BackfillState {
        /// Its runs are started one after the other.
        Running = "running",
        /// Nothing is started until it goes on.
        Paused = "paused",
        /// Somebody has ended it.
        Cancelled = "cancelled",
        /// Each of its runs has ended.
        Done = "done",
    }
}

text_enum! {
    /// How a due time of a backfill stands.
    TimeState {
        /// No run is wanted yet.
        Waiting = "waiting",
        /// It has a run.
        Run = "run",
        /// None could be made.
        Refused = "refused",
        /// None is wanted any more.
        Skipped = "skipped",
    }
}

text_enum! {
    /// Which due time comes first.
    BackfillOrder {
        /// The oldest.
        Oldest = "oldest",
        /// The newest.
        Newest = "newest",
    }
}

/// What a backfill is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackfillSpec {
    /// From this time on.
    pub from: Timestamp,
    /// Before this time.
    pub to: Timestamp,
    /// On top of the schedule's.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// Which comes first.
    pub order: BackfillOrder,
    /// So many runs at a time.
    pub parallel: u32,
    /// Due times that have a run already are left out.
    pub only_missing: bool,
}

/// The due times of a range, in its order: one more than may be where there are too many.
#[must_use]
pub fn due_between(rhythm: &Rhythm, spec: &BackfillSpec) -> Vec<Timestamp> {
    let first = rhythm.next_after(Timestamp(spec.from.0.saturating_sub(1)));
    let all = std::iter::successors(first, |due| rhythm.next_after(*due));
    let mut due: Vec<Timestamp> = all.take_while(|due| *due < spec.to).take(MOST_TIMES + 1).collect();
    if spec.order == BackfillOrder::Newest {
        due.reverse();
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(from: &str, to: &str, order: BackfillOrder) -> BackfillSpec {
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let (from, to) = (at(from), at(to));
        BackfillSpec { from, to, parameters: BTreeMap::new(), order, parallel: 1, only_missing: false }
    }

    #[test]
    fn a_range_has_its_first_time_and_not_its_end() {
        let rhythm = Rhythm::cron("0 3 * * *", Some("Europe/Zurich")).unwrap();
        // Clocks go forward in this night: 03:00 there is an hour earlier from then on.
        let spec = |order| spec("2026-03-28T02:00:00Z", "2026-03-31T01:00:00Z", order);
        let texts =
            |order| due_between(&rhythm, &spec(order)).iter().map(ToString::to_string).collect::<Vec<_>>();
        let oldest = texts(BackfillOrder::Oldest);
        assert_eq!(oldest.len(), 3, "{oldest:?}");
        assert!(
            oldest[0].starts_with("2026-03-28T02:00") && oldest[2].starts_with("2026-03-30T01:00"),
            "{oldest:?}"
        );
        let mut newest = texts(BackfillOrder::Newest);
        newest.reverse();
        assert_eq!(newest, oldest);
    }

    #[test]
    fn too_many_are_known_for_too_many() {
        let rhythm = Rhythm::every(std::time::Duration::from_secs(1));
        let many = spec("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", BackfillOrder::Oldest);
        assert_eq!(due_between(&rhythm, &many).len(), MOST_TIMES + 1);
        let none = spec("2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z", BackfillOrder::Oldest);
        assert_eq!(due_between(&rhythm, &none), []);
    }
}
