//! What has become due, and what is to become of it. One function for a server that was down, a pause that ends, a schedule that was
//! changed and a clock that was set: all that counts is since when nobody has looked, and what time it is.

use std::time::Duration;

use super::{CatchUp, Rhythm};
use crate::Timestamp;

/// What is found so late was not found in time.
pub const LATE: Duration = Duration::from_secs(60);
/// Due times that are told one by one; what is older is told as one.
pub const MOST: usize = 1000;

/// What a schedule says of what is late.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// What is made up for.
    pub catch_up: CatchUp,
    /// What is later is missed.
    pub start_within: Option<Duration>,
    /// It starts at a moment of its own within this time.
    pub jitter: Duration,
}

/// A due time, and what is to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A run is to be made.
    Start,
    /// None, by the schedule's rules.
    Skipped(String),
    /// None, for it is too late.
    Missed(String),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The oldest first.
    pub due: Vec<(Timestamp, Due)>,
    /// When to look again; `None`: never.
    pub next: Option<Timestamp>,
}

/// What has become due after `since`, up to `now`.
#[must_use]
pub fn look(rhythm: &Rhythm, rules: Rules, since: Timestamp, now: Timestamp) -> Found {
    let mut times = Vec::new();
    let mut before = Timestamp(now.0.saturating_add(1));
    while let Some(last) = rhythm.last_before(before).filter(|last| *last > since) {
        times.push(last);
        before = last;
        if times.len() > MOST {
            break;
        }
    }
    let older = times.len() > MOST;
    times.reverse();
    let late = times.iter().filter(|at| now.since(**at) > LATE + rules.jitter).count();
    let made_up = match rules.catch_up {
        CatchUp::Skip => 0,
        // One that is in time is the newest.
        CatchUp::Latest => usize::from(late > 0 && late == times.len()),
        CatchUp::All(count) => count as usize,
    };
    let last = times.last().copied().unwrap_or(now);
    let fate = |(number, at): (usize, Timestamp)| {
        let by = now.since(at);
        let due = if older && number == 0 {
            Due::Missed(format!("this one and all before it: nothing was started since {since}"))
        } else if rules.start_within.is_some_and(|within| by > within + rules.jitter) {
            Due::Missed(format!("found {} after it was due", crate::quantity::show_duration(round(by))))
        } else if number >= late.saturating_sub(made_up) {
            Due::Start
        } else {
            match rules.catch_up {
                CatchUp::Latest => Due::Skipped(format!("the one of {last} makes up for it")),
                CatchUp::Skip => {
                    Due::Missed("nothing was started then, and nothing is made up for".to_owned())
                }
                CatchUp::All(count) => Due::Missed(format!("more than the {count} that are made up for")),
            }
        };
        (at, due)
    };
    Found { due: times.into_iter().enumerate().map(fate).collect(), next: rhythm.next_after(now) }
}

fn round(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn hourly() -> Rhythm {
        Rhythm::every(Duration::from_secs(3600))
    }

    fn starts(catch_up: CatchUp, since: i64, now: i64) -> (usize, usize) {
        let rules = Rules { catch_up, ..Rules::default() };
        let found = look(&hourly(), rules, Timestamp(since), Timestamp(now));
        let starts = found.due.iter().filter(|(_, due)| *due == Due::Start).count();
        (starts, found.due.len())
    }

    #[test]
    fn each_due_time_is_told_once_and_the_rule_says_which_start() {
        let (since, now) = (1000 * HOUR, 1005 * HOUR + HOUR / 2);
        assert_eq!(starts(CatchUp::Skip, since, now), (0, 5));
        assert_eq!(starts(CatchUp::Latest, since, now), (1, 5));
        assert_eq!(starts(CatchUp::All(3), since, now), (3, 5));
        assert_eq!(starts(CatchUp::All(100), since, now), (5, 5));
        // In time: the newest starts by every rule, and makes up for the others.
        let now = 1005 * HOUR + 1_000_000;
        assert_eq!(starts(CatchUp::Skip, since, now), (1, 5));
        assert_eq!(starts(CatchUp::Latest, since, now), (1, 5));
        assert_eq!(starts(CatchUp::All(2), since, now), (3, 5));
        // Looked at again, nothing is due.
        assert_eq!(starts(CatchUp::All(2), now, now), (0, 0));
        // A clock that was set back makes nothing due.
        assert_eq!(starts(CatchUp::All(2), now, since), (0, 0));
    }

    #[test]
    fn what_is_later_than_it_may_be_is_missed() {
        let rules = Rules {
            catch_up: CatchUp::All(100),
            start_within: Some(Duration::from_secs(5400)),
            ..Rules::default()
        };
        let found = look(&hourly(), rules, Timestamp(1000 * HOUR), Timestamp(1004 * HOUR + HOUR / 4));
        let missed: Vec<bool> = found.due.iter().map(|(_, due)| matches!(due, Due::Missed(_))).collect();
        assert_eq!(missed, [true, true, false, false]);
        assert_eq!(found.next, Some(Timestamp(1005 * HOUR)));
    }

    #[test]
    fn a_year_of_seconds_is_told_in_short() {
        let rhythm = Rhythm::every(Duration::from_secs(1));
        let now = Timestamp(9000 * HOUR + 500_000);
        let found = look(&rhythm, Rules::default(), Timestamp(0), now);
        assert_eq!(found.due.len(), MOST + 1);
        assert!(matches!(&found.due[0].1, Due::Missed(why) if why.contains("all before it")));
        assert_eq!(found.due.last().unwrap().1, Due::Start);
    }
}
