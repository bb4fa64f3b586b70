//! Reads what starts runs (`schedule`, `schedules`, Fast-Flow's `schedule_…`) and what they start.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cron::{DayEnd, read_cron, read_moment, read_timezone};
use super::document::NodeValue;
use super::fields;
use super::limits::{read_limits, read_soft_limits};
use super::ports::read_labels;
use super::retries::read_retry;
use super::section::{Found, Notes, Section, refuse_both};
use super::spec::{DownstreamTrigger, Schedule};
use crate::Timestamp;
use crate::expression::Template;
use crate::place::Position;
use crate::retry::RetrySpec;
use crate::triggers::{CatchUp, Overlap};

/// Fast-Flow's fields of a schedule at the top of a spec.
const TOP: [&str; 5] =
    ["schedule_cron", "schedule_interval_seconds", "run_once_at", "schedule_start", "schedule_end"];

/// From here on a day is looked for that never comes; any would do.
const NEVER_SINCE: Timestamp = Timestamp(1_700_000_000_000_000);

/// How many schedules, and how many followers, one pipeline may have.
const MOST_SCHEDULES: usize = 500;

/// Every schedule of a spec, in its order.
pub(super) fn read_schedules(
    spec: &Section<'_>,
    retry: Option<&RetrySpec>,
    notes: &mut Notes,
) -> Vec<Schedule> {
    let top: Vec<&Found<'_>> = TOP.iter().filter_map(|name| spec.get(name)).collect();
    if let Some(list) = spec.get("schedules") {
        if let Some(schedule) = spec.get("schedule") {
            refuse_both(schedule, list, notes);
        }
        let read = |list: &Found<'_>, notes: &mut Notes| Some(read_list(list, retry, notes));
        let schedules = spec.read("schedules", notes, read).unwrap_or_default();
        // What Fast-Flow drops has no say there either.
        let says = if notes.lenient { !schedules.is_empty() } else { !is_empty(list) };
        if says {
            for found in top {
                let message = format!("{} and `schedules` say two things", found.name());
                notes.tolerate(found.key_at, &message, "it has no effect", "Keep it in `schedules`.");
            }
            return schedules;
        }
    }
    if let Some(schedule) = spec.get("schedule") {
        for found in top {
            refuse_both(schedule, found, notes);
        }
        let read = |found: &Found<'_>, notes: &mut Notes| read_short(found, retry, notes);
        return spec.read("schedule", notes, read).into_iter().collect();
    }
    if top.is_empty() { Vec::new() } else { read_top(spec, notes).into_iter().collect() }
}

fn is_empty(list: &Found<'_>) -> bool {
    matches!(&list.node.value, NodeValue::List(items) if items.is_empty())
}

/// `schedule`: a cron text or an object.
fn read_short(found: &Found<'_>, retry: Option<&RetrySpec>, notes: &mut Notes) -> Option<Schedule> {
    match &found.node.value {
        NodeValue::Text(_) => {
            let cron = read_cron(found, notes)?;
            let schedule = Schedule { cron: Some(cron), ..Schedule::named("default") };
            refuse_never(&schedule, found.node.at, notes);
            Some(schedule)
        }
        NodeValue::Map(_) => {
            let section = Section::open(found, fields::SCHEDULE, notes)?;
            let id = section.read("id", notes, Found::filled_text).unwrap_or_else(|| "default".to_owned());
            Some(read_entry(&section, id, retry, notes))
        }
        _ => found.refuse("a cron text such as `0 6 * * *`, or a map with `cron` or `interval`", notes),
    }
}

fn read_list(list: &Found<'_>, retry: Option<&RetrySpec>, notes: &mut Notes) -> Vec<Schedule> {
    let mut seen: BTreeMap<String, Position> = BTreeMap::new();
    let mut schedules = Vec::new();
    for item in list.few_items(MOST_SCHEDULES, notes).unwrap_or_default() {
        let Some(section) = Section::open(&item, fields::SCHEDULE, notes) else { continue };
        let id = section.read("id", notes, Found::filled_text);
        // Read in any case, so that every mistake is told.
        let schedule = read_entry(&section, id.clone().unwrap_or_default(), retry, notes);
        let Some(id) = id else {
            if section.get("id").is_none() {
                let message = format!("{} has no `id`", item.name());
                notes.tolerate(
                    item.key_at,
                    &message,
                    "it is left out",
                    "Add a name that no other schedule has.",
                );
            }
            continue;
        };
        let first = *seen.entry(id.clone()).or_insert(item.key_at);
        if first != item.key_at {
            let message = format!("{} has the same `id` as the schedule at {first}: `{id}`", item.name());
            notes.wrong_with(item.key_at, message, "Give it another.");
            continue;
        }
        schedules.push(schedule);
    }
    schedules
}

fn read_entry(section: &Section<'_>, id: String, retry: Option<&RetrySpec>, notes: &mut Notes) -> Schedule {
    let timezone = section.read("timezone", notes, read_timezone);
    let zone = timezone.as_deref();
    let mut schedule = Schedule {
        id,
        cron: section.read("cron", notes, read_cron),
        interval: section.read("interval", notes, read_interval),
        once_at: section
            .read("once_at", notes, |found, notes| read_moment(found, zone, DayEnd::Morning, notes)),
        start: section.read("start", notes, |found, notes| read_moment(found, zone, DayEnd::Morning, notes)),
        end: section.read("end", notes, |found, notes| read_moment(found, zone, DayEnd::Midnight, notes)),
        timezone: None,
        enabled: section.read("enabled", notes, Found::bool).unwrap_or(true),
        env: section.read("env", notes, Found::variables).unwrap_or_default(),
        encrypted_env: section.read("encrypted_env", notes, Found::variables).unwrap_or_default(),
        parameters: section.read("parameters", notes, Found::values).unwrap_or_default(),
        limits: read_limits(section, notes),
        soft_limits: read_soft_limits(section, notes),
        timeout: section.read("timeout", notes, Found::duration),
        // What it leaves out is the pipeline's.
        retry: read_retry(section, notes).map(|own| own.over(retry)),
        webhook_key: section.read("webhook_key", notes, read_webhook_key),
        labels: section.read("labels", notes, read_labels).unwrap_or_default(),
        target: section.read("target", notes, Found::filled_text),
        jitter: section.read("jitter", notes, Found::duration),
        catch_up: section.read("catch_up", notes, read_catch_up),
        overlap: section.read("overlap", notes, read_overlap),
        start_within: section
            .read("start_within", notes, |found, notes| found.duration_from(Duration::from_secs(1), notes)),
        stop_after: section.read("stop_after", notes, read_stop_after),
    };
    schedule.timezone = timezone;
    keep_one_rhythm(&mut schedule, ["cron", "interval", "once_at"].map(|name| section.get(name)), notes);
    schedule
}

/// Fast-Flow's schedule at the top.
fn read_top(spec: &Section<'_>, notes: &mut Notes) -> Option<Schedule> {
    let moment = |end| move |found: &Found<'_>, notes: &mut Notes| read_moment(found, None, end, notes);
    let mut schedule = Schedule {
        cron: spec.read("schedule_cron", notes, read_cron),
        interval: spec.read("schedule_interval_seconds", notes, read_interval),
        once_at: spec.read("run_once_at", notes, moment(DayEnd::Morning)),
        start: spec.read("schedule_start", notes, moment(DayEnd::Morning)),
        end: spec.read("schedule_end", notes, moment(DayEnd::Midnight)),
        ..Schedule::named("default")
    };
    let rhythms = ["schedule_cron", "schedule_interval_seconds", "run_once_at"].map(|name| spec.get(name));
    if rhythms.iter().all(Option::is_none) {
        for found in ["schedule_start", "schedule_end"].iter().filter_map(|name| spec.get(name)) {
            notes.warn(found.key_at, format!("{} has no effect without a schedule", found.name()));
        }
        return None;
    }
    keep_one_rhythm(&mut schedule, rhythms, notes);
    // Unless nothing of it can be read.
    (schedule.cron.is_some() || schedule.interval.is_some() || schedule.once_at.is_some()).then_some(schedule)
}

/// A schedule has one of cron, interval and once; Fast-Flow takes the first of them.
fn keep_one_rhythm(schedule: &mut Schedule, rhythms: [Option<&Found<'_>>; 3], notes: &mut Notes) {
    let read = [schedule.cron.is_some(), schedule.interval.is_some(), schedule.once_at.is_some()];
    let lenient = notes.lenient;
    let given = rhythms.into_iter().zip(read).filter(|(_, read)| *read || !lenient);
    let mut given = given.filter_map(|(found, _)| found);
    let Some(first) = given.next() else { return };
    for second in given {
        let message = format!("{} and {} cannot both say when", first.name(), second.name());
        notes.tolerate(second.key_at, &message, "the first is used", "Keep one of them.");
    }
    if schedule.cron.is_some() {
        schedule.interval = None;
    }
    if schedule.cron.is_some() || schedule.interval.is_some() {
        schedule.once_at = None;
    }
    refuse_never(schedule, first.key_at, notes);
    if let (Some(start), Some(end)) = (&schedule.start, &schedule.end)
        && let (Ok(start), Ok(end)) = (start.parse::<jiff::Timestamp>(), end.parse::<jiff::Timestamp>())
        && end < start
    {
        notes.warn(first.key_at, format!("the schedule `{}` ends before it starts", schedule.id));
    }
}

fn read_catch_up(found: &Found<'_>, notes: &mut Notes) -> Option<CatchUp> {
    let text = found.text(notes)?;
    CatchUp::parse(&text).or_else(|| found.refuse("`skip`, `latest`, or `all(100)` with up to 1000", notes))
}

fn read_overlap(found: &Found<'_>, notes: &mut Notes) -> Option<Overlap> {
    let text = found.text(notes)?;
    Overlap::parse(&text).or_else(|| found.refuse("`queue`, `skip`, `replace` or `allow`", notes))
}

/// A number, or a map with `failures`.
fn read_stop_after(found: &Found<'_>, notes: &mut Notes) -> Option<u32> {
    if !matches!(found.node.value, NodeValue::Map(_)) {
        return found.count(1, 1000, notes);
    }
    let section = Section::open(found, fields::STOP_AFTER, notes)?;
    section.read("failures", notes, |found, notes| found.count(1, 1000, notes))
}

/// A cron text of which there is no such day, such as 30 February.
fn refuse_never(schedule: &Schedule, at: Position, notes: &mut Notes) {
    let never = schedule.cron.is_some() && schedule.end.is_none();
    if let Ok(Some(rhythm)) = schedule.when()
        && never
        && !rhythm.ever_from(NEVER_SINCE)
    {
        let message = format!("the schedule `{}` never comes: there is no such day", schedule.id);
        notes.tolerate(at, &message, "no run starts by it", "Look at its day and month.");
    }
}

fn read_interval(found: &Found<'_>, notes: &mut Notes) -> Option<Duration> {
    found.duration_from(Duration::from_secs(1), notes)
}

/// A key that stands in an address.
pub(super) fn read_webhook_key(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let key = found.filled_text(notes)?;
    if key.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
        // The key itself is a secret and stays out of the message.
        let message = format!("{} holds a `/` or a space and cannot stand in an address", found.name());
        notes.wrong_with(found.node.at, message, "Use letters, digits, `-` and `_`.");
        return None;
    }
    Some(key)
}

/// `downstream_triggers`.
pub(super) fn read_downstream(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<DownstreamTrigger>> {
    let items = found.few_items(MOST_SCHEDULES, notes)?;
    let triggers = items.iter().filter_map(|item| {
        let section = Section::open(item, fields::DOWNSTREAM, notes)?;
        let pipeline = section.read("pipeline", notes, read_pipeline_name);
        if section.get("pipeline").is_none() {
            notes.wrong_with(
                item.key_at,
                format!("{} has no `pipeline`", item.name()),
                "Name the one that follows.",
            );
        }
        Some(DownstreamTrigger {
            on_success: section.read("on_success", notes, Found::bool).unwrap_or(true),
            on_failure: section.read("on_failure", notes, Found::bool).unwrap_or(false),
            on_route: section.read("on_route", notes, Found::filled_text),
            run_config_id: section.read("run_config_id", notes, Found::filled_text),
            parameters: section.read("parameters", notes, read_handed_on).unwrap_or_default(),
            inputs: section.read("inputs", notes, Found::variables).unwrap_or_default(),
            allow_cycle: section
                .read("allow_cycle", notes, |found, notes| found.count(0, 50, notes))
                .unwrap_or(0),
            pipeline: pipeline?,
        })
    });
    Some(triggers.collect())
}

/// What expressions of a trigger know.
const TRIGGER_ROOTS: [&str; 4] = ["params", "outputs", "run", "route"];

fn read_handed_on(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, serde_json::Value>> {
    let values = found.values(notes)?;
    for (name, value) in &values {
        match Template::parse(value) {
            Err(error) => {
                notes.wrong(found.node.at, format!("`{}.{name}` cannot be read: {error}", found.path))
            }
            Ok(template) => {
                let used = template.names();
                if let Some((root, _)) = used.iter().find(|(root, _)| !TRIGGER_ROOTS.contains(&root.as_str()))
                {
                    let message = format!("`{}.{name}`: nothing is called `{root}` here", found.path);
                    notes.wrong_with(
                        found.node.at,
                        message,
                        "There are `params`, `outputs`, `run`, `route`.",
                    );
                }
            }
        }
    }
    Some(values)
}

pub(super) fn read_pipeline_name(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let name = found.text(notes)?;
    match super::name::check_pipeline_name(&name) {
        Ok(()) => Some(name),
        Err(mistake) => {
            notes.wrong(found.node.at, format!("{}: {mistake}", found.name()));
            None
        }
    }
}
