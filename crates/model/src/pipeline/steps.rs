//! Reads `steps`: what each does, when, and with what; and whether they fit together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::NodeValue;
use super::entry::{FolderFacts, read_command, read_image};
use super::fields;
use super::limits::read_limit_fields;
use super::name::check_pipeline_name;
use super::reader::read_python_version;
use super::retries::read_retries;
use super::section::{Found, Notes, Section};
use super::spec::{Entry, PipelineSpec};
use super::step::{FilesOf, ForEach, ItemFailures, RunIf, StepAction, StepSpec};
use super::step_links::check_links;
use crate::expression::{Expression, ParseError, Template};
use crate::rights::Role;
use crate::{PipelineName, Target};

/// Steps of one flow at most.
const MOST_STEPS: usize = 500;
/// What a step's inputs call the flow itself.
const FLOW: &str = "flow";
/// Fields by which a step says what it does.
const ACTIONS: [&str; 5] = ["script", "notebook", "command", "pipeline", "approval"];

/// A step with where it stands.
pub(super) struct ReadStep<'a> {
    pub step: StepSpec,
    pub found: Found<'a>,
    pub section: Section<'a>,
}

/// `steps`: names with what each is.
pub(super) fn read_steps(
    found: &Found<'_>,
    flow: &PipelineSpec,
    folder: &FolderFacts,
    notes: &mut Notes,
) -> Option<Vec<StepSpec>> {
    let members = found.members(notes)?;
    if members.is_empty() {
        notes.wrong_with(found.node.at, format!("{} is empty", found.name()), "Add a step, or remove it.");
        return None;
    }
    if members.len() > MOST_STEPS {
        let message =
            format!("{} has {} entries and may have at most {MOST_STEPS}", found.name(), members.len());
        notes.wrong(found.node.at, message);
        return None;
    }
    let mut steps: Vec<ReadStep<'_>> = Vec::new();
    for member in members {
        let child = found.child(member);
        if !is_step_name(&member.key) {
            let message =
                format!("{}: `{}` cannot be a step's name", found.name(), crate::text::excerpt(&member.key));
            let cure =
                "Use letters, digits, `_` and `-`, a letter first, at most 64; `flow` is the flow itself.";
            notes.wrong_with(member.key_at, message, cure);
            continue;
        }
        if let Some(first) = steps.iter().find(|other| other.step.name == member.key) {
            let message = format!("`{}` stands twice, first at {}", member.key, first.found.key_at);
            notes.wrong_with(member.key_at, message, "Give it another name.");
            continue;
        }
        let Some(section) = Section::open(&child, fields::STEP, notes) else { continue };
        let step = read_step(&member.key, &section, folder, notes);
        steps.extend(step.map(|step| ReadStep { step, found: child, section }));
    }
    check_links(&steps, flow, members.iter().map(|member| member.key.as_str()).collect(), notes);
    Some(steps.into_iter().map(|read| read.step).collect())
}

fn is_step_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() <= 64 && name != FLOW
}

fn read_step(name: &str, section: &Section<'_>, folder: &FolderFacts, notes: &mut Notes) -> Option<StepSpec> {
    let action = read_action(section, folder, notes);
    // The rest is read in any case, so that every mistake is told.
    let given = action.clone().unwrap_or(StepAction::Approval { role: Role::Editor, message: None });
    let mut step = StepSpec::of(name, given);
    step.description = section.read("description", notes, Found::text);
    step.needs = section.read("needs", notes, Found::texts).unwrap_or_default();
    step.run_if = section.read("run_if", notes, read_run_if).unwrap_or_default();
    step.when = section.read("when", notes, read_condition);
    step.optional = section.read("optional", notes, Found::bool).unwrap_or(false);
    step.for_each = section.read("for_each", notes, read_for_each);
    step.parallel = section.read("parallel", notes, |found, notes| found.count(1, 1000, notes));
    step.on_failure = section.read("on_failure", notes, read_on_failure).unwrap_or_default();
    step.parameters = section.read("parameters", notes, read_parameters).unwrap_or_default();
    step.inputs = section.read("inputs", notes, read_inputs).unwrap_or_default();
    step.env = section.read("env", notes, Found::variables).unwrap_or_default();
    step.python_version = section.read("python_version", notes, read_python_version);
    step.requirements = section.read("requirements", notes, Found::texts).unwrap_or_default();
    step.target = section.read("target", notes, read_target);
    step.timeout = section.read("timeout", notes, Found::duration);
    step.retry = section.read("retries", notes, read_retries);
    if let Some(limits) =
        section.read("limits", notes, |found, notes| Section::open(found, fields::LIMITS, notes))
    {
        step.limits = read_limit_fields(&limits, notes);
    }
    step.cache = section.read("cache", notes, Found::bool).unwrap_or(false);
    if let StepAction::Run { entry } = &step.action
        && !matches!(entry, Entry::Image { .. })
    {
        step.image = section.read("image", notes, read_image);
    }
    warn_of_vain(section, &step, notes);
    action.map(|_| step)
}

/// What a step does: one of its fields says it.
fn read_action(section: &Section<'_>, folder: &FolderFacts, notes: &mut Notes) -> Option<StepAction> {
    let given: Vec<&Found<'_>> = ACTIONS.iter().filter_map(|name| section.get(name)).collect();
    if let [first, second, ..] = given.as_slice() {
        let message = format!("{} and {} cannot both say what is done", first.name(), second.name());
        notes.wrong_with(second.key_at, message, "Keep one of them.");
        return None;
    }
    let run = |entry: Entry| StepAction::Run { entry };
    let entry = section.read("run_config_id", notes, Found::filled_text);
    if let (Some(found), None) = (section.get("run_config_id"), section.get("pipeline")) {
        notes.warn(found.key_at, format!("{} has no effect: no other pipeline is run", found.name()));
    }
    if section.get("script").is_some() {
        return section
            .read("script", notes, |found, notes| read_file(found, ".py", folder, notes))
            .map(|file| run(Entry::Script { file }));
    }
    if section.get("notebook").is_some() {
        return section
            .read("notebook", notes, |found, notes| read_file(found, ".ipynb", folder, notes))
            .map(|file| run(Entry::Notebook { file }));
    }
    if section.get("command").is_some() {
        let argv = section.read("command", notes, read_command)?;
        return Some(run(match section.read("image", notes, read_image) {
            Some(image) => Entry::Image { image, argv },
            None => Entry::Command { argv },
        }));
    }
    if section.get("pipeline").is_some() {
        let pipeline = section.read("pipeline", notes, read_pipeline);
        return Some(StepAction::Pipeline { pipeline: pipeline?, entry });
    }
    if section.get("approval").is_some() {
        return section.read("approval", notes, read_approval);
    }
    if section.get("image").is_some() {
        let image = section.read("image", notes, read_image)?;
        return Some(run(Entry::Image { image, argv: Vec::new() }));
    }
    let cure = "Add `script`, `notebook`, `command`, `image`, `pipeline` or `approval`.";
    notes.wrong_with(section.at, "the step does not say what it does", cure);
    None
}

/// A file of the folder, by a path that stays in it.
fn read_file(found: &Found<'_>, ending: &str, folder: &FolderFacts, notes: &mut Notes) -> Option<String> {
    let file = found.filled_text(notes)?;
    let plain = file.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !file.chars().any(char::is_control)
        && !file.contains('\\');
    if !plain || !file.ends_with(ending) {
        return found.refuse(&format!("a path within the folder that ends in `{ending}`"), notes);
    }
    if !file.contains('/') && !folder.has(&file) {
        notes.wrong_with(found.node.at, format!("the folder has no `{file}`"), "Add it, or name another.");
        return None;
    }
    Some(file)
}

fn read_pipeline(found: &Found<'_>, notes: &mut Notes) -> Option<PipelineName> {
    let name = found.filled_text(notes)?;
    if let Err(mistake) = check_pipeline_name(&name) {
        notes.wrong(found.node.at, format!("{}: {mistake}", found.name()));
        return None;
    }
    Some(PipelineName::unchecked(name))
}

fn read_approval(found: &Found<'_>, notes: &mut Notes) -> Option<StepAction> {
    match &found.node.value {
        NodeValue::Bool(true) => Some(StepAction::Approval { role: Role::Editor, message: None }),
        NodeValue::Map(_) => {
            let section = Section::open(found, fields::APPROVAL, notes)?;
            let role = section.read("role", notes, |found, notes| {
                let text = found.text(notes)?;
                let role = Role::parse(&text).filter(|role| *role >= Role::Runner);
                role.or_else(|| found.refuse("`runner`, `editor` or `owner`", notes))
            });
            let message = section.read("message", notes, Found::text);
            Some(StepAction::Approval { role: role.unwrap_or(Role::Editor), message })
        }
        _ => found.refuse("`true`, or a map with `role` and `message`", notes),
    }
}

fn read_run_if(found: &Found<'_>, notes: &mut Notes) -> Option<RunIf> {
    let text = found.text(notes)?;
    RunIf::parse(&text).or_else(|| {
        notes.wrong(found.node.at, found.unlike(&text, fields::RUN_IF));
        None
    })
}

fn unread(found: &Found<'_>, error: &ParseError, notes: &mut Notes) {
    notes.wrong(found.node.at, format!("{} cannot be read: {error}", found.name()));
}

fn read_condition(found: &Found<'_>, notes: &mut Notes) -> Option<Expression> {
    if let NodeValue::Bool(holds) = &found.node.value {
        return Expression::parse(&holds.to_string()).ok();
    }
    let text = found.filled_text(notes)?;
    // As in other texts, brackets may stand around it.
    let bare = text.trim().strip_prefix("${").and_then(|text| text.strip_suffix('}')).unwrap_or(&text);
    Expression::parse(bare).map_err(|error| unread(found, &error, notes)).ok()
}

fn read_for_each(found: &Found<'_>, notes: &mut Notes) -> Option<ForEach> {
    if let NodeValue::Map(members) = &found.node.value {
        return match members.as_slice() {
            [one] if one.key == "input" => found.child(one).filled_text(notes).map(ForEach::Input),
            _ => found.refuse("a list, `${…}`, or a map with `input`", notes),
        };
    }
    let value = found.node.to_value();
    let template = Template::parse(&value).map_err(|error| unread(found, &error, notes)).ok()?;
    match (&value, &template) {
        (Value::Array(_), _) | (_, Template::Value(_)) => Some(ForEach::Values(value)),
        _ => found.refuse("a list, `${…}`, or a map with `input`", notes),
    }
}

fn read_on_failure(found: &Found<'_>, notes: &mut Notes) -> Option<ItemFailures> {
    if matches!(found.node.value, NodeValue::Map(_)) {
        let section = Section::open(found, fields::ON_FAILURE, notes)?;
        return section.read("max", notes, |found, notes| {
            let text = found.scalar_text("a number such as `3`, or a part such as `5%`", notes)?;
            let percent = text.strip_suffix('%').and_then(|part| part.trim().parse::<f64>().ok());
            let percent = percent.filter(|part| (0.0..=100.0).contains(part)).map(ItemFailures::Percent);
            let count = text.parse::<u32>().ok().map(ItemFailures::Count);
            percent.or(count).or_else(|| found.refuse("a number such as `3`, or a part such as `5%`", notes))
        });
    }
    match found.text(notes)?.as_str() {
        "stop" => Some(ItemFailures::Stop),
        "continue" => Some(ItemFailures::Continue),
        _ => found.refuse("`stop`, `continue`, or a map with `max`", notes),
    }
}

fn read_parameters(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, Value>> {
    let values = found.values(notes)?;
    for (name, value) in &values {
        if let Err(error) = Template::parse(value) {
            notes.wrong(found.node.at, format!("`{}.{name}` cannot be read: {error}", found.path));
        }
    }
    Some(values)
}

/// Names with where their files come from, or a list of steps.
fn read_inputs(found: &Found<'_>, notes: &mut Notes) -> Option<BTreeMap<String, FilesOf>> {
    let pairs: Vec<(String, String)> = match &found.node.value {
        NodeValue::Map(_) => found.variables(notes)?.into_iter().collect(),
        _ => {
            let texts = found.texts(notes)?;
            let named = |text: String| (text.rsplit('/').next().unwrap_or_default().to_owned(), text);
            texts.into_iter().map(named).collect()
        }
    };
    let mut inputs = BTreeMap::new();
    for (name, from) in pairs {
        if !super::name::is_port(&name) {
            notes.wrong(found.node.at, format!("{}: `{name}` cannot be a name here", found.name()));
            continue;
        }
        let (step, output) = match from.split_once('/') {
            Some((step, output)) => (step.to_owned(), Some(output.to_owned())),
            None => (from.clone(), None),
        };
        let files = match (step.as_str(), output) {
            (FLOW, Some(input)) => FilesOf::Flow { input },
            (FLOW, None) => {
                let message = format!("`{}.{name}` does not say which input of the flow", found.path);
                notes.wrong_with(found.node.at, message, "Write it like `flow/table`.");
                continue;
            }
            (_, output) => FilesOf::Step { step, output },
        };
        inputs.insert(name, files);
    }
    Some(inputs)
}

fn read_target(found: &Found<'_>, notes: &mut Notes) -> Option<Target> {
    let text = found.filled_text(notes)?;
    Target::parse(&text).or_else(|| found.refuse("the name of a target that the server has", notes))
}

/// What is said and has no effect.
fn warn_of_vain(section: &Section<'_>, step: &StepSpec, notes: &mut Notes) {
    let python =
        matches!(&step.action, StepAction::Run { entry } if entry.needs_python()) && step.image.is_none();
    let mut vain: BTreeSet<(&str, &str)> = BTreeSet::new();
    if !python {
        vain.extend([
            ("python_version", "no Python is run by Rigi here"),
            ("requirements", "no Python is run by Rigi here"),
        ]);
    }
    if step.for_each.is_none() {
        vain.extend([("parallel", "it is done once"), ("on_failure", "it is done once")]);
    }
    let not_of_others = ["env", "timeout", "retries", "limits", "target", "cache"]
        .map(|name| (name, "the other pipeline says that"));
    match &step.action {
        StepAction::Pipeline { .. } => vain.extend(not_of_others),
        StepAction::Approval { .. } => {
            vain.extend(
                ["env", "retries", "limits", "target", "cache", "inputs", "parameters", "for_each"]
                    .map(|name| (name, "nothing is run")),
            );
        }
        StepAction::Run { .. } => {}
    }
    for (name, why) in vain {
        if let Some(found) = section.get(name) {
            notes.warn(found.key_at, format!("{} has no effect: {why}", found.name()));
        }
    }
}
