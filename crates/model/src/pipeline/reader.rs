//! From a spec's bytes to a [`PipelineSpec`], or to every mistake in it at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::concurrency::read_concurrency;
use super::container::read_container;
use super::document::{Node, NodeValue, SpecFormat, read_document};
use super::entry::{FolderFacts, default_entry, read_entry, read_target};
use super::flow_values::read_flow_values;
use super::limits::{read_cells, read_limits, read_restart, read_retention, read_soft_limits};
use super::mistake::Mistake;
use super::parameter_spec::{ReadParameters, check_values, read_parameters};
use super::ports::{preset_values, read_inputs, read_labels, read_outputs, read_presets};
use super::retries::{read_retry, retry_of_notebook};
use super::schedules::{read_downstream, read_schedules, read_webhook_key};
use super::secret_use::read_secrets;
use super::section::{Found, MOST_MISTAKES, Notes, Section};
use super::spec::{Entry, PipelineSpec};
use super::steps::read_steps;
use super::triggers::read_triggers;
use super::{fast_flow, fields};
use crate::parameters::secret_parameters;
use crate::place::Position;

/// A spec that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecReading {
    /// What it says.
    pub spec: PipelineSpec,
    /// What does not mean what it seems to; nothing of it keeps the pipeline from running.
    pub warnings: Vec<Mistake>,
    /// Where the rules of the parameters stand, by JSON pointer into `spec.parameters`.
    pub rules: BTreeMap<String, Position>,
}

/// The files that may hold the spec of a folder, in their order: the first that is there is read. More than one
/// of those that begin with `pipeline.` is a mistake (`find_spec`); `<folder>.json`, Fast-Flow's second name, is
/// a spec only where none of them is, and data otherwise.
#[must_use]
pub fn spec_candidates(folder: &str) -> Vec<(String, SpecFormat)> {
    let mut candidates: Vec<_> =
        PIPELINE_FILES.iter().map(|(name, format)| ((*name).to_owned(), *format)).collect();
    if folder != "pipeline" {
        candidates.push((format!("{folder}.json"), SpecFormat::Json));
    }
    candidates
}

const PIPELINE_FILES: [(&str, SpecFormat); 4] = [
    ("pipeline.yaml", SpecFormat::Yaml),
    ("pipeline.yml", SpecFormat::Yaml),
    ("pipeline.toml", SpecFormat::Toml),
    ("pipeline.json", SpecFormat::Json),
];

/// Whether a file of this name is a spec and nothing else; `<folder>.json` may be data as well.
#[must_use]
pub fn is_pipeline_file(name: &str) -> bool {
    PIPELINE_FILES.iter().any(|(file, _)| *file == name)
}

/// The file that holds a folder's spec, if it has one.
///
/// # Errors
/// When it has several: which of them is meant cannot be known.
pub fn find_spec(folder: &FolderFacts) -> Result<Option<(String, SpecFormat)>, Mistake> {
    let present: Vec<_> =
        spec_candidates(&folder.name).into_iter().filter(|(name, _)| folder.has(name)).collect();
    let rivals: Vec<&str> =
        present.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("pipeline.")).collect();
    if rivals.len() > 1 {
        let names = rivals.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        return Err(
            Mistake::new(Position::START, format!("the folder has {names}")).with_cure("Keep one of them.")
        );
    }
    Ok(present.into_iter().next())
}

/// The spec of a folder that has none: its `main.py` or `main.ipynb` with every default.
///
/// # Errors
/// When it has neither.
pub fn read_without_spec(folder: &FolderFacts) -> Result<SpecReading, Vec<Mistake>> {
    let entry = default_entry(folder).map_err(|mistake| vec![mistake])?;
    Ok(SpecReading { spec: PipelineSpec::of(entry), warnings: Vec::new(), rules: BTreeMap::new() })
}

/// Reads a spec. JSON is Fast-Flow's format: what Fast-Flow lets pass in its own fields is a warning there.
///
/// # Errors
/// Every mistake, in the order of the file.
pub fn read_spec(
    format: SpecFormat,
    bytes: &[u8],
    folder: &FolderFacts,
) -> Result<SpecReading, Vec<Mistake>> {
    let mut document = read_document(format, bytes);
    let mut notes = Notes::new(format);
    notes.mistakes = document.mistakes;
    if let Some(root) = document.root.as_mut().filter(|_| notes.lenient) {
        let (mistakes, warnings) = fast_flow::sort_repeated(root, document.repeated);
        notes.mistakes.extend(mistakes);
        notes.warnings.extend(warnings);
        notes.passes_unknown = fast_flow::is_theirs(root);
        fast_flow::put_right(root, &mut notes.warnings);
    }
    let reading = document.root.and_then(|root| read_root(&root, folder, &mut notes));
    let (mut mistakes, mut warnings) = notes.finish();
    mistakes.sort();
    mistakes.dedup();
    cut(&mut mistakes, "mistakes");
    warnings.sort();
    warnings.dedup();
    cut(&mut warnings, "warnings");
    match reading {
        Some((spec, rules)) if mistakes.is_empty() => Ok(SpecReading { spec, warnings, rules }),
        _ => Err(mistakes),
    }
}

/// Keeps the first and says how many there are more.
fn cut(mistakes: &mut Vec<Mistake>, what: &str) {
    let more = mistakes.len().saturating_sub(MOST_MISTAKES);
    if more > 0 {
        mistakes.truncate(MOST_MISTAKES);
        let at = mistakes.last().map_or(Position::START, Mistake::position);
        mistakes.push(Mistake::new(at, format!("and {more} more {what} from here on")));
    }
}

fn read_root(
    root: &Node,
    folder: &FolderFacts,
    notes: &mut Notes,
) -> Option<(PipelineSpec, BTreeMap<String, Position>)> {
    // An empty file says nothing, as no file does.
    let empty = Node { value: NodeValue::Map(Vec::new()), at: root.at };
    let root = Found::root(if root.is_null() { &empty } else { root });
    let section = Section::open(&root, fields::SPEC, notes)?;
    let entry = read_entry(&section, folder, notes);
    let target = read_target(&section, entry.as_ref(), notes);
    let parameters = section.read("parameters", notes, read_parameters);
    let mut spec = PipelineSpec {
        target,
        ..PipelineSpec::of(entry.clone().unwrap_or(Entry::Command { argv: Vec::new() }))
    };
    spec.container = read_container(&section, entry.as_ref(), notes);
    read_descriptions(&section, &mut spec, notes);
    read_python(&section, &mut spec, notes);
    read_limits_and_failures(&section, &mut spec, notes);
    spec.inputs = section.read("inputs", notes, read_inputs).unwrap_or_default();
    spec.outputs = section.read("outputs", notes, read_outputs).unwrap_or_default();
    spec.env = section.read("env", notes, Found::variables).unwrap_or_default();
    spec.encrypted_env = section.read("encrypted_env", notes, Found::variables).unwrap_or_default();
    spec.secrets = section.read("secrets", notes, read_secrets).unwrap_or_default();
    spec.presets = section.read("presets", notes, read_presets).unwrap_or_default();
    spec.schedules = read_schedules(&section, spec.retry.as_ref(), notes);
    spec.downstream_triggers =
        section.read("downstream_triggers", notes, read_downstream).unwrap_or_default();
    let own = folder.name.as_str();
    let read = |found: &Found<'_>, notes: &mut Notes| read_triggers(found, &spec, own, notes);
    spec.triggers = section.read("triggers", notes, read).unwrap_or_default();
    spec.webhook_key = section.read("webhook_key", notes, read_webhook_key);
    if let Some(steps) = section.get("steps") {
        spec.steps = read_steps(steps, &spec, folder, notes).unwrap_or_default();
    }
    let schema = parameters.as_ref().map(|parameters| &parameters.schema);
    let read = |found: &Found<'_>, notes: &mut Notes| read_flow_values(found, &spec, schema, notes);
    spec.values = section.read("values", notes, read).unwrap_or_default();
    check_parameter_values(&section, parameters.as_ref(), notes);
    if refuse_same_keys(&section, notes) == SameKeys::Dropped {
        keep_first_keys(&mut spec);
    }
    refuse_secret_key(&section, &spec, parameters.as_ref(), notes);
    let rules = parameters.map(|parameters| {
        spec.parameters = Some(parameters.schema);
        parameters.rules
    });
    entry.map(|_| (spec, rules.unwrap_or_default()))
}

fn read_descriptions(section: &Section<'_>, spec: &mut PipelineSpec, notes: &mut Notes) {
    spec.enabled = section.read("enabled", notes, Found::bool).unwrap_or(true);
    spec.description = section.read("description", notes, Found::text);
    spec.tags = section.read("tags", notes, Found::texts).unwrap_or_default();
    spec.labels = section.read("labels", notes, read_labels).unwrap_or_default();
}

fn read_python(section: &Section<'_>, spec: &mut PipelineSpec, notes: &mut Notes) {
    spec.python_version = section.read("python_version", notes, read_python_version);
    spec.requirements = section.read("requirements", notes, Found::texts).unwrap_or_default();
    for name in ["python_version", "requirements"] {
        if let Some(found) = section.get(name)
            && !spec.entry.needs_python()
        {
            notes
                .warn(found.key_at, format!("{} has no effect: no Python is run by Rigi here", found.name()));
        }
    }
    if let Some(cells) = section.get("cells")
        && !matches!(spec.entry, Entry::Notebook { .. })
    {
        notes.warn(cells.key_at, format!("{} has no effect: this is not a notebook", cells.name()));
    }
}

/// What `uv` is given as `--python`: a text that no command line can take for an option.
pub(super) fn read_python_version(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let version = found.scalar_text("a version such as `3.12`", notes)?;
    let is_sound = version
        .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '>' | '<' | '=' | '~'))
        && version.len() <= 64
        && version.chars().all(|c| c.is_ascii_alphanumeric() || " .,+-_@<>=~!*".contains(c));
    if is_sound {
        return Some(version);
    }
    found.refuse("a version such as `3.12`", notes)
}

fn read_limits_and_failures(section: &Section<'_>, spec: &mut PipelineSpec, notes: &mut Notes) {
    spec.timeout = section.read("timeout", notes, Found::duration);
    spec.grace_period = section.read("grace_period", notes, Found::duration);
    spec.retry = read_retry(section, notes);
    if matches!(spec.entry, Entry::Notebook { .. }) {
        spec.retry = retry_of_notebook(section, spec.retry.take(), notes);
    }
    spec.limits = read_limits(section, notes);
    spec.soft_limits = read_soft_limits(section, notes);
    spec.max_instances =
        section.read("max_instances", notes, |found, notes| found.count(1, 1_000_000, notes));
    spec.concurrency = section.read("concurrency", notes, read_concurrency);
    let priority = section.read("priority", notes, |found, notes| found.integer(-100, 100, notes));
    spec.priority = priority.and_then(|priority| i32::try_from(priority).ok()).unwrap_or(0);
    spec.retention = read_retention(section, notes);
    spec.restart = read_restart(section, notes);
    spec.cells = section.read("cells", notes, read_cells).unwrap_or_default();
}

/// The values that presets and schedules give to parameters.
fn check_parameter_values(section: &Section<'_>, parameters: Option<&ReadParameters>, notes: &mut Notes) {
    if let Some(presets) = section.get("presets")
        && let NodeValue::Map(members) = &presets.node.value
    {
        for member in members {
            let preset = presets.child(member);
            check_values(preset_values(&preset).as_ref().unwrap_or(&preset), parameters, notes);
        }
    }
    for schedule in &schedules_of(section) {
        if let Some(member) = schedule.node.member("parameters") {
            check_values(&schedule.child(member), parameters, notes);
        }
    }
}

/// A key of `concurrency` is shown to whoever waits for it.
fn refuse_secret_key(
    section: &Section<'_>,
    spec: &PipelineSpec,
    parameters: Option<&ReadParameters>,
    notes: &mut Notes,
) {
    let secret = secret_parameters(parameters.map(|parameters| &parameters.schema));
    let used = spec.concurrency.as_ref().and_then(|concurrency| concurrency.secret_within(&secret));
    if let (Some(name), Some(found)) = (used, section.get("concurrency")) {
        let message = format!("`concurrency.key` would show the secret parameter `{name}`");
        notes.wrong_with(found.key_at, message, "Take another parameter.");
    }
}

/// Each schedule as it stands in the spec.
fn schedules_of<'a>(section: &Section<'a>) -> Vec<Found<'a>> {
    let mut schedules: Vec<Found<'a>> = section.get("schedule").into_iter().cloned().collect();
    if let Some(list) = section.get("schedules")
        && let NodeValue::List(items) = &list.node.value
    {
        schedules.extend(items.iter().enumerate().map(|(index, item)| list.item(index, item)));
    }
    schedules
}

/// Whether a key of a webhook stands twice and only the first is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameKeys {
    None,
    Dropped,
}

/// A webhook's key says which schedule it means, so that no two may have the same.
fn refuse_same_keys(section: &Section<'_>, notes: &mut Notes) -> SameKeys {
    let mut same = SameKeys::None;
    let mut seen: BTreeMap<String, Position> = BTreeMap::new();
    let own = section.get("webhook_key").cloned();
    let others = schedules_of(section).into_iter().filter_map(|schedule| {
        let member = schedule.node.member("webhook_key")?;
        Some(schedule.child(member))
    });
    for found in own.into_iter().chain(others) {
        let NodeValue::Text(key) = &found.node.value else { continue };
        if let Some(first) = seen.insert(key.clone(), found.key_at) {
            let message = format!("{} is the same key as that at {first}", found.name());
            notes.tolerate(found.key_at, &message, "the first keeps it", "Give it another.");
            same = SameKeys::Dropped;
        }
    }
    same
}

fn keep_first_keys(spec: &mut PipelineSpec) {
    let mut seen = BTreeSet::new();
    let schedules = spec.schedules.iter_mut().map(|schedule| &mut schedule.webhook_key);
    for key in std::iter::once(&mut spec.webhook_key).chain(schedules) {
        if key.as_ref().is_some_and(|key| !seen.insert(key.clone())) {
            *key = None;
        }
    }
}
