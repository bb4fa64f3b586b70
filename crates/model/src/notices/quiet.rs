//! Hours in which nobody is told.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::triggers::zone_of;

/// From one time of the day to another, over midnight where the second is the earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// `22:00`.
    pub from: String,
    /// `07:00`.
    pub to: String,
    /// IANA name; UTC where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What is wrong with such hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    /// A time is none.
    #[error("`{0}` is no time of the day, such as `22:00`")]
    Time(String),
    /// There is no such zone.
    #[error("there is no time zone `{0}`")]
    Zone(String),
}

fn time(text: &str) -> Result<Time, QuietError> {
    let wrong = || QuietError::Time(text.chars().take(20).collect());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str| part.parse::<i8>().map_err(|_| wrong());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong())
}

impl Quiet {
    /// Reads what it says.
    ///
    /// # Errors
    /// [`QuietError`].
    pub fn check(&self) -> Result<(), QuietError> {
        time(&self.from)?;
        time(&self.to)?;
        self.zone.as_ref().map_or(Ok(()), |zone| {
            zone_of(zone).map(|_| ()).ok_or_else(|| QuietError::Zone(zone.chars().take(60).collect()))
        })
    }

    /// This time, or the end of the hours that it is in.
    #[must_use]
    pub fn over(&self, at: Timestamp) -> Timestamp {
        self.end_of(at).unwrap_or(at)
    }

    fn end_of(&self, at: Timestamp) -> Option<Timestamp> {
        let (from, to) = (time(&self.from).ok()?, time(&self.to).ok()?);
        let zone = match &self.zone {
            Some(zone) => zone_of(zone)?,
            None => jiff::tz::TimeZone::UTC,
        };
        let local = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(zone.clone());
        let now = local.time();
        let (is_quiet, days) = if from <= to {
            (now >= from && now < to, 0)
        } else {
            (now >= from || now < to, i64::from(now >= from))
        };
        if !is_quiet {
            return None;
        }
        let day = local.date().checked_add(jiff::Span::new().days(days)).ok()?;
        let end = day.to_datetime(to).to_zoned(zone).ok()?;
        Some(Timestamp(end.timestamp().as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_quiet_hours_waits_for_their_end() {
        let quiet = |from: &str, to: &str| Quiet {
            from: from.to_owned(),
            to: to.to_owned(),
            zone: Some("Europe/Zurich".to_owned()),
        };
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        for (from, to, now, then) in [
            // 22:30 there.
            ("22:00", "07:00", "2026-07-01T20:30:00Z", "2026-07-02T05:00:00Z"),
            ("22:00", "07:00", "2026-07-02T04:59:00Z", "2026-07-02T05:00:00Z"),
            ("22:00", "07:00", "2026-07-02T05:00:00Z", "2026-07-02T05:00:00Z"),
            ("12:00", "13:00", "2026-01-01T11:30:00Z", "2026-01-01T12:00:00Z"),
            ("12:00", "13:00", "2026-01-01T13:30:00Z", "2026-01-01T13:30:00Z"),
            // The night in which clocks go forward is an hour shorter.
            ("22:00", "07:00", "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),
        ] {
            assert_eq!(quiet(from, to).over(at(now)), at(then), "{from} {to} {now}");
        }
        assert!(quiet("25:00", "07:00").check().is_err());
        assert!(Quiet { zone: Some("Mars/Base".into()), ..quiet("1:00", "2:00") }.check().is_err());
        assert!(quiet("22:00", "7:00").check().is_ok());
    }
}
