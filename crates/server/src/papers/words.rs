//! A methods section: what was run, with what, on what, and what it left. Plain sentences, one paragraph a thing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rigi_api::view::{
    CitationView, CitedEnvironment, CitedFile, CitedPackage, CitedParameter, CitedRun, InputView,
};
use rigi_model::quantity::show_bytes;
use rigi_model::quantity::show_duration;
use rigi_model::{RunState, Timestamp};
use serde_json::Value;

/// Packages of an environment that are named.
const MOST_PACKAGES: usize = 60;
/// Files that are named, of inputs and of outputs.
const MOST_FILES: usize = 20;
/// Characters of a value that are written.
const LONGEST_VALUE: usize = 120;

/// The text of a citation, whose own `text` does not count.
#[must_use]
pub fn text_of(citation: &CitationView) -> String {
    let Some((whole, steps)) = citation.runs.split_first() else { return String::new() };
    let mut paragraphs = vec![opening(whole, &citation.rigi), code(whole)];
    paragraphs.extend(details(whole, citation, "It"));
    paragraphs.extend(of_steps(whole, steps, citation));
    if citation.runs_left_out > 0 {
        paragraphs.push(format!("{} more runs of steps are not told here.", citation.runs_left_out));
    }
    paragraphs.join("\n\n") + "\n"
}

fn opening(run: &CitedRun, rigi: &str) -> String {
    let what = if run.kind == "flow" { "the flow" } else { "the pipeline" };
    let times = match (run.started_at, run.ended_at, run.duration_ms) {
        (Some(from), _, Some(took)) => {
            format!(" on {}, for {}", minute(from), show_duration(Duration::from_millis(took)))
        }
        (Some(from), ..) => format!(" on {}", minute(from)),
        (None, Some(at), _) => format!(", which ended on {}", minute(at)),
        (None, None, _) => String::new(),
    };
    let end = match run.state {
        RunState::Succeeded => String::new(),
        state => {
            let why = run.message.as_deref().and_then(|message| message.lines().next());
            let why = why.map(|why| format!(": {}", why.trim_end_matches('.'))).unwrap_or_default();
            format!(" Its state is {state}{why}.")
        }
    };
    format!("Rigi {rigi} executed {what} {} as run {}{times}.{end}", run.pipeline, run.id)
}

fn code(run: &CitedRun) -> String {
    let mut text = format!("Its code has the version {}", run.version);
    if let Some(git) = &run.git {
        let _ = write!(text, ", git commit {}", git.commit);
        if let Some(page) = &git.page {
            let _ = write!(text, " ({page})");
        }
        if git.dirty {
            text.push_str(" with changes that were not committed");
        }
    }
    text.push('.');
    text
}

/// Tools, parameters, inputs and outputs; `who` begins the sentences.
fn details(run: &CitedRun, citation: &CitationView, who: &str) -> Vec<String> {
    let environment = run.environment.as_ref().and_then(|name| citation.environments.get(name));
    let mut all: Vec<String> = environment.map(|with| tools(run, with, who)).into_iter().collect();
    if environment.is_none() && !run.does.is_empty() {
        all.push(format!("{who} ran `{}`.", run.does));
    }
    all.extend(parameters(run));
    all.extend(inputs(&run.inputs, run.inputs_left_out));
    all.extend(outputs(&run.outputs, run.outputs_left_out, who));
    all
}

fn tools(run: &CitedRun, with: &CitedEnvironment, who: &str) -> String {
    let mut text = match run.does.as_str() {
        "" => format!("{who} ran"),
        does => format!("{who} ran `{does}`"),
    };
    if let Some(image) = with.image.as_ref().filter(|image| run.does != **image) {
        let _ = write!(text, " in the image {image}");
    }
    if let Some(label) = &with.label {
        let _ = write!(text, " with {label}");
    }
    text.push_str(&packages(with));
    text.push('.');
    if let Some(why) = &with.incomplete {
        let _ = write!(text, " There may be more packages: {why}.");
    }
    text
}

fn packages(with: &CitedEnvironment) -> String {
    if with.packages.is_empty() {
        return String::new();
    }
    let name = |one: &CitedPackage| match &one.version {
        Some(version) => format!("{} {version}", one.name),
        None => one.name.clone(),
    };
    let mut named: Vec<String> = with.packages.iter().take(MOST_PACKAGES).map(name).collect();
    let more = with.packages.len().saturating_sub(MOST_PACKAGES);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    let by = if with.origin.as_deref() == Some("files") { ", by the files of its code" } else { "" };
    format!("{} {}{by}", if with.label.is_some() { ":" } else { " with" }, list(&named))
}

fn parameters(run: &CitedRun) -> Option<String> {
    let (secret, told): (Vec<&CitedParameter>, Vec<&CitedParameter>) =
        run.parameters.iter().partition(|one| one.secret);
    let changed = told.iter().filter(|one| one.changed);
    let changed: Vec<String> = changed
        .map(|one| match &one.default {
            Some(default) => format!("{} = {} (default {})", one.name, value(&one.value), value(default)),
            None => format!("{} = {}", one.name, value(&one.value)),
        })
        .collect();
    let mut sentences = Vec::new();
    match changed.len() {
        _ if told.is_empty() => {}
        0 => sentences.push("All parameters had their defaults.".to_owned()),
        count if count == told.len() => sentences.push(format!("Parameters: {}.", changed.join("; "))),
        _ => sentences.push(format!("Parameters other than their defaults: {}.", changed.join("; "))),
    }
    if !secret.is_empty() {
        let names: Vec<String> = secret.iter().map(|one| one.name.clone()).collect();
        sentences.push(format!("Secret and not told: {}.", list(&names)));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn inputs(files: &[InputView], left_out: u64) -> Option<String> {
    let one = |file: &InputView| {
        let of = file.dataset.as_ref().map(|dataset| format!("dataset {dataset}, ")).unwrap_or_default();
        format!("{}: {} ({of}{}, SHA-256 {})", file.input, file.name, show_bytes(file.size), file.sha256)
    };
    let named: Vec<String> = files.iter().take(MOST_FILES).map(one).collect();
    (!files.is_empty()).then(|| format!("Inputs: {}.", with_more(named, files.len(), left_out)))
}

fn outputs(files: &[CitedFile], left_out: u64, who: &str) -> Option<String> {
    let one =
        |file: &CitedFile| format!("{} ({}, SHA-256 {})", file.path, show_bytes(file.size), file.sha256);
    let named: Vec<String> = files.iter().take(MOST_FILES).map(one).collect();
    (!files.is_empty()).then(|| format!("{who} left {}.", with_more(named, files.len(), left_out)))
}

fn with_more(mut named: Vec<String>, known: usize, left_out: u64) -> String {
    let more = known.saturating_sub(named.len()) as u64 + left_out;
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join("; ")
}

/// What the steps of a flow did: those that are done for several items are told together.
fn of_steps(flow: &CitedRun, steps: &[CitedRun], citation: &CitationView) -> Vec<String> {
    let mut places: Vec<&str> = Vec::new();
    let mut groups: BTreeMap<&str, Vec<&CitedRun>> = BTreeMap::new();
    for run in steps {
        let name = run.step.as_ref().map_or("", |step| step.step.as_str());
        let place = groups.entry(name).or_default();
        if place.is_empty() {
            places.push(name);
        }
        place.push(run);
    }
    places.into_iter().filter_map(|name| Some(step(flow, name, groups.get(name)?, citation))).collect()
}

fn step(flow: &CitedRun, name: &str, runs: &[&CitedRun], citation: &CitationView) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let mut sentences = match runs.len() {
        1 => vec![format!("Step {name} was run {}{}.", first.id, took(first))],
        count => {
            vec![format!("Step {name} was done {count} times, first as run {}{}.", first.id, took(first))]
        }
    };
    if let Some(former) = &first.result_of {
        sentences.push(format!("The result of the former run {former} counted again."));
    }
    if first.version != flow.version {
        sentences.push(code(first));
    }
    if runs.len() == 1 {
        sentences.extend(details(first, citation, "It"));
    } else {
        let environment = first.environment.as_ref().and_then(|name| citation.environments.get(name));
        sentences.extend(environment.map(|with| tools(first, with, "Each")));
        let files: usize = runs.iter().map(|run| run.outputs.len()).sum();
        sentences.push(format!("Together they left {files} files."));
    }
    sentences.join(" ")
}

fn took(run: &CitedRun) -> String {
    let took = run.duration_ms.map(|ms| format!(", for {}", show_duration(Duration::from_millis(ms))));
    let state = (run.state != RunState::Succeeded).then(|| format!(", which is {}", run.state));
    format!("{}{}", took.unwrap_or_default(), state.unwrap_or_default())
}

fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// To the minute, in UTC: `2026-11-30 12:04 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::tests::{file, run, told};

    #[test]
    fn a_run_is_told_in_plain_sentences() {
        let mut one = run(1);
        one.environment = Some("it".into());
        one.outputs = vec![file("a.txt", 'a')];
        let mut citation = told(vec![one]);
        let packages = vec![
            CitedPackage { name: "numpy".into(), version: Some("2.1.0".into()) },
            CitedPackage { name: "own".into(), version: None },
        ];
        let label = Some("Python 3.12.1 with 2 packages".into());
        citation
            .environments
            .insert("it".into(), CitedEnvironment { label, packages, ..CitedEnvironment::default() });
        let hash = "a".repeat(64);
        assert_eq!(
            text_of(&citation),
            format!(
                "Rigi 0.1.0 executed the pipeline fit as run run_00000000000000000000000001 on 2026-11-30 12:04 UTC, for 2.4 s.\n\n\
                 Its code has the version {}.\n\n\
                 It ran `main.py` with Python 3.12.1 with 2 packages: numpy 2.1.0 and own.\n\n\
                 It left a.txt (3 B, SHA-256 {hash}).\n",
                "3f".repeat(32)
            )
        );
    }

    #[test]
    fn long_lists_and_values_are_cut_and_say_so() {
        let mut one = run(1);
        one.outputs = (0..30).map(|n| file(&format!("{n:02}"), 'a')).collect();
        one.outputs_left_out = 5;
        let text = text_of(&told(vec![one]));
        assert!(text.contains("; 15 more."), "{text}");
        assert_eq!(value(&Value::String("x".repeat(200))).chars().count(), LONGEST_VALUE + 1);
    }
}
