//! Reads `triggers`: what starts runs when something has happened.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fields;
use super::schedules::read_pipeline_name;
use super::section::{Found, Notes, Section};
use super::spec::PipelineSpec;
use crate::expression::Expression;
use crate::place::Position;
use crate::triggers::files::Pattern;
use crate::triggers::{
    AfterOn, AwaitedEnd, Each, Existing, FilesOn, LOOK_EVERY, MOST_AWAITED, SETTLE, TriggerOn, TriggerSpec,
};

/// How many triggers one pipeline may have.
const MOST: usize = 100;
/// The fields of each kind alone.
const OF_KIND: [(&str, &[&str]); 3] = [
    ("files", &["interval", "settle", "existing", "each", "input"]),
    ("sensor", &[]),
    ("after", &["on", "key", "within"]),
];
/// It is looked for files no more often.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// `triggers`.
pub(super) fn read_triggers(
    list: &Found<'_>,
    spec: &PipelineSpec,
    own: &str,
    notes: &mut Notes,
) -> Option<Vec<TriggerSpec>> {
    let mut seen: BTreeMap<String, Position> = BTreeMap::new();
    let mut triggers = Vec::new();
    for item in list.few_items(MOST, notes)? {
        let Some(section) = Section::open(&item, fields::TRIGGER, notes) else { continue };
        let id = section.read("id", notes, read_id);
        if section.get("id").is_none() {
            let message = format!("{} has no `id`", item.name());
            notes.wrong_with(item.key_at, message, "Add a name that no other trigger has.");
        }
        let read = read_one(&item, &section, id.clone().unwrap_or_default(), spec, own, notes);
        let (Some(id), Some(trigger)) = (id, read) else { continue };
        let first = *seen.entry(id.clone()).or_insert(item.key_at);
        if first != item.key_at {
            let message = format!("{} has the same `id` as the trigger at {first}: `{id}`", item.name());
            notes.wrong_with(item.key_at, message, "Give it another.");
            continue;
        }
        if let Err((at, why)) = trigger.check() {
            notes.wrong(item.key_at, format!("`{}.{at}`: {why}", item.path));
        }
        triggers.push(trigger);
    }
    Some(triggers)
}

fn read_id(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let id = found.filled_text(notes)?;
    let fits = id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !fits {
        notes.wrong(found.node.at, format!("{} has up to 64 letters, digits and `-_.`", found.name()));
    }
    fits.then_some(id)
}

fn read_one(
    item: &Found<'_>,
    section: &Section<'_>,
    id: String,
    spec: &PipelineSpec,
    own: &str,
    notes: &mut Notes,
) -> Option<TriggerSpec> {
    // Read in any case, so that every mistake is told.
    let files = read_files(section, spec, notes);
    let sensor = section.read("sensor", notes, |found, notes| other(found, own, notes));
    let after = read_after(section, own, notes);
    let when = section.read("when", notes, read_when);
    let parameters = section.read("parameters", notes, Found::values).unwrap_or_default();
    let schedule = section.read("schedule", notes, |found, notes| read_entry(found, spec, notes));
    let enabled = section.read("enabled", notes, Found::bool).unwrap_or(true);
    let on = match the_kind(item, section, notes)? {
        "files" => TriggerOn::Files(files?),
        "sensor" => TriggerOn::Sensor(sensor?),
        _ => TriggerOn::After(after?),
    };
    Some(TriggerSpec { id, on, when, parameters, schedule, enabled })
}

/// What it waits for; what belongs to another kind has no place in it.
fn the_kind(item: &Found<'_>, section: &Section<'_>, notes: &mut Notes) -> Option<&'static str> {
    let kinds = OF_KIND.iter().map(|(kind, _)| *kind).filter(|kind| section.get(kind).is_some());
    let kind = match kinds.collect::<Vec<_>>()[..] {
        [kind] => kind,
        [] => {
            notes.wrong(item.key_at, format!("{} has no `files`, `sensor` or `after`", item.name()));
            return None;
        }
        [one, other, ..] => {
            let message = format!("{} has `{one}` and `{other}`", item.name());
            notes.wrong_with(item.key_at, message, "Make two triggers of it.");
            return None;
        }
    };
    for (other, names) in OF_KIND.iter().filter(|(other, _)| *other != kind) {
        for found in names.iter().filter_map(|name| section.get(name)) {
            let message = format!("{} belongs to `{other}`, and this trigger has `{kind}`", found.name());
            notes.wrong_with(found.key_at, message, "Take it out.");
        }
    }
    Some(kind)
}

fn read_entry(found: &Found<'_>, spec: &PipelineSpec, notes: &mut Notes) -> Option<String> {
    let id = found.filled_text(notes)?;
    if spec.schedules.iter().any(|entry| entry.id == id) {
        return Some(id);
    }
    notes.wrong(found.node.at, format!("{}: `schedules` has no `{id}`", found.name()));
    None
}

fn read_when(found: &Found<'_>, notes: &mut Notes) -> Option<Expression> {
    let text = found.filled_text(notes)?;
    Expression::parse(&text)
        .map_err(|error| notes.wrong(found.node.at, format!("{} cannot be read: {error}", found.name())))
        .ok()
}

/// A pipeline that is not this one.
fn other(found: &Found<'_>, own: &str, notes: &mut Notes) -> Option<String> {
    let name = read_pipeline_name(found, notes)?;
    if name == own {
        notes.wrong(found.node.at, format!("{} is the pipeline itself", found.name()));
        return None;
    }
    Some(name)
}

fn read_files(section: &Section<'_>, spec: &PipelineSpec, notes: &mut Notes) -> Option<FilesOn> {
    let pattern = section.read("files", notes, |found, notes| {
        let text = found.filled_text(notes)?;
        match Pattern::parse(&text) {
            Ok(_) => Some(text),
            Err(why) => {
                notes.wrong(found.node.at, format!("{} is no pattern of files: {why}", found.name()));
                None
            }
        }
    });
    let each = read_choice(section, "each", &["file", "batch"], notes);
    let existing = read_choice(section, "existing", &["skip", "start"], notes);
    let input = section.read("input", notes, |found, notes| {
        let name = found.filled_text(notes)?;
        let Some(input) = spec.inputs.get(&name) else {
            notes.wrong(found.node.at, format!("{}: the input `{name}` is not declared", found.name()));
            return None;
        };
        if each.as_deref() == Some("batch") && !input.multiple {
            let message = format!("{}: `{name}` takes one file, and a batch may have several", found.name());
            notes.wrong_with(found.node.at, message, "Add `multiple: true` to the input.");
        }
        Some(name)
    });
    let interval = section.read("interval", notes, |found, notes| found.duration_from(LEAST_INTERVAL, notes));
    Some(FilesOn {
        interval: interval.unwrap_or(LOOK_EVERY),
        settle: section.read("settle", notes, Found::duration).unwrap_or(SETTLE),
        existing: existing.and_then(|text| Existing::parse(&text)).unwrap_or(Existing::Skip),
        each: each.and_then(|text| Each::parse(&text)).unwrap_or(Each::File),
        input,
        pattern: pattern?,
    })
}

fn read_after(section: &Section<'_>, own: &str, notes: &mut Notes) -> Option<AfterOn> {
    let pipelines = section.read("after", notes, |found, notes| {
        let items = found.few_items(MOST_AWAITED, notes)?;
        let mut names: Vec<String> = Vec::new();
        for item in &items {
            let name = other(item, own, notes)?;
            if names.contains(&name) {
                notes.wrong(item.node.at, format!("`{name}` stands twice in {}", found.name()));
            }
            names.push(name);
        }
        if names.is_empty() {
            notes.wrong(found.node.at, format!("{} names no pipeline", found.name()));
        }
        Some(names)
    });
    let on = read_choice(section, "on", &["success", "failure", "end"], notes);
    Some(AfterOn {
        on: on.and_then(|text| AwaitedEnd::parse(&text)).unwrap_or(AwaitedEnd::Success),
        key: section.read("key", notes, Found::filled_text),
        within: section
            .read("within", notes, |found, notes| found.duration_from(Duration::from_secs(1), notes)),
        pipelines: pipelines.filter(|names| !names.is_empty())?,
    })
}

fn read_choice(
    section: &Section<'_>,
    name: &str,
    choices: &[&'static str],
    notes: &mut Notes,
) -> Option<String> {
    section.read(name, notes, |found, notes| {
        let text = found.text(notes)?;
        if !choices.contains(&text.as_str()) {
            notes.wrong(found.node.at, found.unlike(&text, choices));
            return None;
        }
        Some(text)
    })
}
