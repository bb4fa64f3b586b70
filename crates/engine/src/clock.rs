//! The system's clock may be set at any time, by a person or by the network. What lasts is measured by a clock that only
//! goes forward; here the two are held against each other.

use std::time::{Duration, SystemTime};

use rigi_model::Timestamp;

/// Waits so long; for ever, where there is no time to wait for.
pub async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// What the system's clock says.
    pub wall: Timestamp,
    /// Since the machine's start; nobody sets it.
    pub steady: Duration,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(since_boot.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(since_boot.tv_nsec).unwrap_or(0);
        Self { wall: Timestamp::now(), steady: Duration::new(seconds, nanos) }
    }

    /// What the system's clock would say `later` if nobody had set it.
    fn expected(&self, later: Duration) -> Timestamp {
        self.wall.after(later.saturating_sub(self.steady))
    }

    /// By how many microseconds the system's clock was set between this moment and a later one; clocks that are
    /// merely slewed were not set.
    #[must_use]
    pub fn set_until(&self, later: &Self) -> i64 {
        let by = later.wall.0.saturating_sub(self.expected(later.steady).0);
        if by.unsigned_abs() < SLEWED.as_micros() as u64 { 0 } else { by }
    }
}

/// Clocks that differ by less agree.
const SLEWED: Duration = Duration::from_secs(1);
/// A leap ahead that has lasted for so long is the truth.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// A leap of less is none, where ages are concerned.
const NO_LEAP: Duration = Duration::from_secs(300);

/// The clock by which ages are counted before something is removed for its age. It follows the system's clock, but
/// takes a leap ahead for true only when it has lasted a day: one that is taken back has taken nothing along.
#[derive(Debug)]
pub struct Ages {
    last: Moment,
    leapt: Option<Duration>,
}

impl Ages {
    /// Trusts the system's clock as it is.
    #[must_use]
    pub const fn new(start: Moment) -> Self {
        Self { last: start, leapt: None }
    }

    /// The time to count ages from.
    pub fn now(&mut self, moment: Moment) -> Timestamp {
        let expected = self.last.expected(moment.steady);
        if moment.wall.since(expected) > NO_LEAP {
            let since = *self.leapt.get_or_insert(moment.steady);
            if moment.steady.saturating_sub(since) < BELIEVED {
                return expected;
            }
        }
        *self = Self::new(moment);
        moment.wall
    }
}

/// The same time as files have it.
#[must_use]
pub fn of_files(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn moment(steady: u64, wall: u64) -> Moment {
        Moment { wall: Timestamp(wall as i64 * 1_000_000), steady: Duration::from_secs(steady) }
    }

    #[test]
    fn a_clock_that_was_set_is_seen_and_one_that_drifts_is_not() {
        let first = moment(100, 10_000);
        assert_eq!(first.set_until(&moment(160, 10_060)), 0);
        assert_eq!(first.set_until(&moment(160, 10_060 + 86_400)), 86_400_000_000);
        assert_eq!(first.set_until(&moment(160, 9000)), -1_060_000_000);
    }

    #[test]
    fn a_leap_ahead_ages_nothing_until_it_has_lasted_a_day() {
        let day = 24 * HOUR;
        let mut ages = Ages::new(moment(0, 1_000_000));
        let leapt = |hours: u64| moment(hours * HOUR, 1_000_000 + hours * HOUR + 30 * day);
        assert_eq!(ages.now(leapt(1)), moment(0, 1_000_000 + HOUR).wall);
        assert_eq!(ages.now(leapt(20)), moment(0, 1_000_000 + 20 * HOUR).wall);
        assert_eq!(ages.now(leapt(25)), leapt(25).wall);
        // Taken back: at once.
        let back = moment(26 * HOUR, 1_000_000 + 26 * HOUR);
        assert_eq!(ages.now(back), back.wall);
        assert_eq!(ages.now(leapt(27)), moment(0, 1_000_000 + 27 * HOUR).wall);
    }
}
