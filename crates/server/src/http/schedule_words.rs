//! Schedules in words: when they are due, by which rules, and what daylight saving does to them.

use std::time::Duration;

use rigi_api::view::{ClockChange, DueView, ExplainView};
use rigi_engine::triggers::Scheduled;
use rigi_model::Timestamp;
use rigi_model::pipeline::spec::Schedule;
use rigi_model::quantity::{show_duration, write_duration};
use rigi_model::triggers::{CatchUp, Overlap, zone_of};
use serde_json::{Map, Value, json};

/// Days on which the clock is changed, that are told.
const CHANGES: usize = 2;
/// Due times of such a day, that are told.
const OF_A_DAY: usize = 6;

/// When it is due.
pub(super) fn rhythm(schedule: &Schedule) -> String {
    let zone = schedule.timezone.as_deref().unwrap_or("UTC");
    if let Some(cron) = &schedule.cron {
        return format!("{cron}, {zone}");
    }
    if let Some(every) = schedule.interval {
        return format!("every {}", show_duration(every));
    }
    schedule.once_at.as_ref().map_or_else(|| "never".to_owned(), |at| format!("once, at {at}"))
}

/// What it says, as a spec has it; sealed variables by name alone.
pub(super) fn shown(schedule: &Schedule) -> Value {
    let time = |time: Duration| Value::String(write_duration(time));
    let text = |text: &String| Value::String(text.clone());
    let sealed = |names: &std::collections::BTreeMap<String, String>| -> Value {
        names.keys().map(|name| (name.clone(), json!("***"))).collect::<Map<_, _>>().into()
    };
    let all = [
        ("cron", schedule.cron.as_ref().map(text)),
        ("interval", schedule.interval.map(time)),
        ("once_at", schedule.once_at.as_ref().map(text)),
        ("timezone", schedule.timezone.as_ref().map(text)),
        ("start", schedule.start.as_ref().map(text)),
        ("end", schedule.end.as_ref().map(text)),
        ("jitter", schedule.jitter.map(time)),
        ("catch_up", schedule.catch_up.map(|rule| json!(rule.to_string()))),
        ("overlap", schedule.overlap.map(|rule| json!(rule.as_str()))),
        ("start_within", schedule.start_within.map(time)),
        ("stop_after", schedule.stop_after.map(|count| json!(count))),
        ("parameters", (!schedule.parameters.is_empty()).then(|| json!(schedule.parameters))),
        ("labels", (!schedule.labels.is_empty()).then(|| json!(schedule.labels))),
        ("target", schedule.target.as_ref().map(text)),
        ("timeout", schedule.timeout.map(time)),
        ("env", (!schedule.env.is_empty()).then(|| sealed(&schedule.env))),
        ("encrypted_env", (!schedule.encrypted_env.is_empty()).then(|| sealed(&schedule.encrypted_env))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
}

fn rules(one: &Scheduled) -> Vec<String> {
    let mut rules = vec![match one.rules().catch_up {
        CatchUp::Skip => "What was due while nothing could start is missed.".to_owned(),
        CatchUp::Latest => "Of what was due while nothing could start, the newest is made up for.".to_owned(),
        CatchUp::All(count) => {
            format!("What was due while nothing could start is made up for, the newest {count}.")
        }
    }];
    rules.push(match one.overlap() {
        Overlap::Queue => "While a run of it has not ended, the next one waits; one at most.".to_owned(),
        Overlap::Skip => "While a run of it has not ended, the next one is skipped.".to_owned(),
        Overlap::Replace => "A run of it that has not ended is stopped when the next one is due.".to_owned(),
        Overlap::Allow => "Runs of it may overlap.".to_owned(),
    });
    let schedule = &one.schedule;
    rules.extend(
        schedule
            .start_within
            .map(|time| format!("What cannot start within {} is missed.", show_duration(time))),
    );
    rules.extend(
        schedule
            .jitter
            .map(|time| format!("Each starts at a moment of its own within {}.", show_duration(time))),
    );
    rules.extend(schedule.stop_after.map(|count| match count {
        1 => "After a run that failed it is paused.".to_owned(),
        count => format!("After {count} runs in a row that failed it is paused."),
    }));
    rules
}

fn local(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    let moment = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// What it does.
pub(super) fn explain(one: &Scheduled, now: Timestamp, count: usize) -> ExplainView {
    let zone = one.schedule.timezone.as_deref().and_then(zone_of).unwrap_or(jiff::tz::TimeZone::UTC);
    let due = |at: Timestamp| DueView { at, local: local(at, &zone) };
    let next = one.next(now, count).into_iter().map(due).collect();
    let of_a_wall = one.rhythm.as_ref().is_some_and(|rhythm| rhythm.zone().is_some());
    let changes = if of_a_wall { changes(one, now, &zone) } else { Vec::new() };
    ExplainView { rhythm: rhythm(&one.schedule), rules: rules(one), next, changes }
}

fn changes(one: &Scheduled, now: Timestamp, zone: &jiff::tz::TimeZone) -> Vec<ClockChange> {
    let start = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    let change = |transition: jiff::tz::TimeZoneTransition<'_>| {
        let at = transition.timestamp();
        let before = zone.to_datetime(at - jiff::SignedDuration::from_micros(1));
        let (from, to) = (before + jiff::SignedDuration::from_micros(1), zone.to_datetime(at));
        let morning = to.date().to_zoned(zone.clone()).ok()?.timestamp();
        let evening = to.date().tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
        let first = Timestamp(morning.as_microsecond() - 1);
        let due = one.next(first, OF_A_DAY).into_iter().filter(|due| due.0 < evening.as_microsecond());
        Some(ClockChange {
            day: to.date().to_string(),
            change: format!("{} becomes {}", from.strftime("%H:%M"), to.strftime("%H:%M")),
            due: due.map(|at| DueView { at, local: local(at, zone) }).collect(),
        })
    };
    zone.following(start).take(CHANGES).filter_map(change).collect()
}
