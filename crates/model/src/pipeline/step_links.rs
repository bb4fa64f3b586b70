//! Whether the steps of a flow fit together: what each needs is there, nothing waits for itself, and what is handed on comes from before.

use std::collections::{BTreeMap, BTreeSet};

use super::section::Notes;
use super::spec::PipelineSpec;
use super::step::{FilesOf, ForEach, StepSpec};
use super::steps::ReadStep;
use crate::expression::Template;
use crate::text::meant;

/// What expressions know.
pub(super) const ROOTS: [&str; 4] = ["params", "steps", "trigger", "flow"];
/// What they know beside it, of a step that is done for several items.
const ITEM_ROOTS: [&str; 2] = ["item", "index"];

pub(super) fn check_links(steps: &[ReadStep<'_>], flow: &PipelineSpec, names: Vec<&str>, notes: &mut Notes) {
    for read in steps {
        check_needs(read, &names, notes);
    }
    if refuse_cycles(steps, notes) {
        return;
    }
    let before = before_each(steps);
    for read in steps {
        let mine = before.get(read.step.name.as_str()).cloned().unwrap_or_default();
        check_files(read, flow, &mine, steps, notes);
        check_expressions(read, &mine, &names, notes);
    }
}

fn check_needs(read: &ReadStep<'_>, names: &[&str], notes: &mut Notes) {
    let Some(found) = read.section.get("needs") else { return };
    let mut seen = BTreeSet::new();
    for need in &read.step.needs {
        if *need == read.step.name {
            notes.wrong_with(found.node.at, format!("{}: `{need}` needs itself", found.name()), "Remove it.");
        } else if !names.contains(&need.as_str()) {
            let message = format!("{}: there is no step `{need}`", found.name());
            match meant(need, names.iter().copied()) {
                Some(near) => notes.wrong_with(found.node.at, message, format!("The nearest is `{near}`.")),
                None => notes.wrong_with(found.node.at, message, format!("There are: {}.", names.join(", "))),
            }
        } else if !seen.insert(need) {
            notes.warn(found.node.at, format!("{}: `{need}` stands twice", found.name()));
        }
    }
}

/// Whether a step waits for itself by others; each circle is told once.
fn refuse_cycles(steps: &[ReadStep<'_>], notes: &mut Notes) -> bool {
    let needs: BTreeMap<&str, &ReadStep<'_>> =
        steps.iter().map(|read| (read.step.name.as_str(), read)).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut found = false;
    for read in steps {
        let mut way: Vec<(&str, usize)> = vec![(read.step.name.as_str(), 0)];
        while let Some((name, next)) = way.last().copied() {
            let need = needs.get(name).and_then(|read| read.step.needs.get(next)).map(String::as_str);
            let Some(need) = need.filter(|_| !done.contains(name)) else {
                done.insert(name);
                way.pop();
                continue;
            };
            if let Some(last) = way.last_mut() {
                last.1 += 1;
            }
            if need == name || done.contains(need) || !needs.contains_key(need) {
                continue;
            }
            if let Some(at) = way.iter().position(|(on_way, _)| *on_way == need) {
                let circle: Vec<String> = way[at..]
                    .iter()
                    .map(|(name, _)| *name)
                    .chain([need])
                    .map(|name| format!("`{name}`"))
                    .collect();
                let place = needs[need].found.key_at;
                let message = format!("a circle: {}", circle.join(" needs "));
                notes.wrong_with(place, message, "Take one of these needs away.");
                found = true;
                continue;
            }
            way.push((need, 0));
        }
    }
    found
}

/// All that ends before each step begins.
fn before_each<'a>(steps: &'a [ReadStep<'_>]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let needs: BTreeMap<&str, &[String]> =
        steps.iter().map(|read| (read.step.name.as_str(), read.step.needs.as_slice())).collect();
    let of = |name: &'a str| {
        let mut all: BTreeSet<&'a str> = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let its = needs.get(name).copied().unwrap_or_default();
            open.extend(its.iter().map(String::as_str).filter(|need| all.insert(need)));
        }
        all
    };
    needs.keys().map(|name| (*name, of(name))).collect()
}

fn check_files(
    read: &ReadStep<'_>,
    flow: &PipelineSpec,
    before: &BTreeSet<&str>,
    steps: &[ReadStep<'_>],
    notes: &mut Notes,
) {
    if let (Some(found), Some(ForEach::Input(input))) = (read.section.get("for_each"), &read.step.for_each)
        && !flow.inputs.contains_key(input)
    {
        notes.wrong(found.node.at, format!("{}: the flow has no input `{input}`", found.name()));
    }
    let Some(found) = read.section.get("inputs") else { return };
    for files in read.step.inputs.values() {
        match files {
            FilesOf::Flow { input } if !flow.inputs.contains_key(input) => {
                notes.wrong(found.node.at, format!("{}: the flow has no input `{input}`", found.name()));
            }
            FilesOf::Step { step, .. } if !steps.iter().any(|other| other.step.name == *step) => {
                notes.wrong(found.node.at, format!("{}: there is no step `{step}`", found.name()));
            }
            FilesOf::Step { step, .. } if !before.contains(step.as_str()) => {
                let message =
                    format!("{}: `{step}` has not ended when `{}` begins", found.name(), read.step.name);
                notes.wrong_with(found.node.at, message, format!("Add `{step}` to its `needs`."));
            }
            _ => {}
        }
    }
}

fn check_expressions(read: &ReadStep<'_>, before: &BTreeSet<&str>, names: &[&str], notes: &mut Notes) {
    let StepSpec { when, for_each, parameters, .. } = &read.step;
    let of = |value: &serde_json::Value| {
        Template::parse(value).map(|template| template.names()).unwrap_or_default()
    };
    let mut all = Vec::new();
    all.extend(when.as_ref().map(|when| ("when", when.names())));
    if let Some(ForEach::Values(values)) = for_each {
        all.push(("for_each", of(values)));
    }
    all.extend(parameters.values().map(|value| ("parameters", of(value))));
    for (field, used) in all {
        let Some(found) = read.section.get(field) else { continue };
        let items = field == "parameters" && for_each.is_some();
        for (root, second) in used {
            let known = ROOTS.contains(&root.as_str()) || items && ITEM_ROOTS.contains(&root.as_str());
            if !known {
                let all = ROOTS.iter().chain(if items { &ITEM_ROOTS[..] } else { &[] });
                let all: Vec<String> = all.map(|root| format!("`{root}`")).collect();
                let message = format!("{}: nothing is called `{root}` here", found.name());
                notes.wrong_with(found.node.at, message, format!("There are {}.", all.join(", ")));
                continue;
            }
            let Some(step) = second.filter(|_| root == "steps") else { continue };
            if !names.contains(&step.as_str()) {
                notes.wrong(found.node.at, format!("{}: there is no step `{step}`", found.name()));
            } else if !before.contains(step.as_str()) {
                let message =
                    format!("{}: `{step}` has not ended when `{}` begins", found.name(), read.step.name);
                notes.wrong_with(found.node.at, message, format!("Add `{step}` to its `needs`."));
            }
        }
    }
}
