//! Reads what a pipeline runs, by its spec and by the files of its folder.

use std::collections::BTreeSet;

use super::document::NodeValue;
use super::mistake::Mistake;
use super::section::{Found, Notes, Section};
use super::spec::Entry;
use crate::Target;
use crate::place::Position;
use crate::text::meant;

/// What is known of a pipeline's folder without reading its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderFacts {
    /// The folder's name, which is the pipeline's.
    pub name: String,
    /// The names of the files at its top.
    pub files: BTreeSet<String>,
}

impl FolderFacts {
    /// Facts from a name and file names.
    pub fn new<F: Into<String>>(name: impl Into<String>, files: impl IntoIterator<Item = F>) -> Self {
        Self { name: name.into(), files: files.into_iter().map(Into::into).collect() }
    }

    /// Whether a file of this name is at its top.
    #[must_use]
    pub fn has(&self, file: &str) -> bool {
        self.files.contains(file)
    }
}

/// The script that is run unless the spec says otherwise.
pub const SCRIPT: &str = "main.py";

/// The notebook that is run unless the spec says otherwise.
pub const NOTEBOOK: &str = "main.ipynb";

fn script() -> Entry {
    Entry::Script { file: SCRIPT.to_owned() }
}

fn notebook() -> Entry {
    Entry::Notebook { file: NOTEBOOK.to_owned() }
}

/// What a folder without a word about it runs.
pub(super) fn default_entry(folder: &FolderFacts) -> Result<Entry, Mistake> {
    if folder.has(SCRIPT) {
        return Ok(script());
    }
    if folder.has(NOTEBOOK) {
        return Ok(notebook());
    }
    let message = "there is nothing to run: neither `main.py` nor `main.ipynb`, and no `command` or `image`";
    Err(Mistake::new(Position::START, message).with_cure(cure_missing(folder, SCRIPT)))
}

fn cure_missing(folder: &FolderFacts, file: &str) -> String {
    let names = folder.files.iter().map(String::as_str);
    match meant(file, names.filter(|name| name.ends_with(".py") || name.ends_with(".ipynb"))) {
        Some(near) => format!("Rename `{near}` to `{file}`, or say what to run with `command`."),
        None => format!("Add `{file}`, or say what to run with `command`."),
    }
}

/// `type`, `command`, `image`.
pub(super) fn read_entry(spec: &Section<'_>, folder: &FolderFacts, notes: &mut Notes) -> Option<Entry> {
    if let Some(steps) = spec.get("steps") {
        for other in ["type", "command"].iter().filter_map(|name| spec.get(name)) {
            let message = format!("{} and {} cannot both say what is run", steps.name(), other.name());
            notes.wrong_with(other.key_at, message, "Make it a step, or remove `steps`.");
        }
        return Some(Entry::Flow);
    }
    let argv = spec.read("command", notes, read_command);
    if let (Some(kind), Some(explicit)) = (spec.get("type"), spec.get("command")) {
        let message = format!("{} and {} cannot both say what is run", kind.name(), explicit.name());
        notes.wrong_with(kind.key_at, message, "Remove `type`.");
        return None;
    }
    // With a type, the image is what the script or notebook runs in.
    if spec.get("image").is_some() && spec.get("type").is_none() {
        let image = spec.read("image", notes, read_image);
        return Some(Entry::Image { image: image?, argv: argv.unwrap_or_default() });
    }
    if spec.get("command").is_some() {
        return Some(Entry::Command { argv: argv? });
    }
    let (kind, entry) = match (spec.get("type"), spec.read("type", notes, read_type)) {
        (Some(kind), Some(entry)) => (kind, entry),
        // It is a mistake, or was left out.
        (Some(_), None) if !notes.lenient => return None,
        _ => return default_entry(folder).map_err(|mistake| notes.mistakes.push(mistake)).ok(),
    };
    let file = if matches!(entry, Entry::Notebook { .. }) { NOTEBOOK } else { SCRIPT };
    if folder.has(file) {
        return Some(entry);
    }
    let message = format!("the folder has no `{file}`");
    notes.wrong_with(kind.node.at, message, cure_missing(folder, file));
    None
}

fn read_type(found: &Found<'_>, notes: &mut Notes) -> Option<Entry> {
    match found.text(notes)?.as_str() {
        "script" => Some(script()),
        "notebook" => Some(notebook()),
        other if notes.lenient && ["script", "notebook"].contains(&other.to_lowercase().as_str()) => {
            let lower = other.to_lowercase();
            notes.warn(found.node.at, format!("{} is `{other}` and is taken for `{lower}`", found.name()));
            Some(if lower == "script" { script() } else { notebook() })
        }
        other => {
            let message = found.unlike(other, &["script", "notebook"]);
            notes.tolerate(found.node.at, &message, "it is taken for `script`", "");
            notes.lenient.then(script)
        }
    }
}

pub(super) fn read_command(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<String>> {
    match &found.node.value {
        NodeValue::Text(_) => {
            let text = found.filled_text(notes)?;
            Some(["sh", "-c"].map(str::to_owned).into_iter().chain([text]).collect())
        }
        NodeValue::List(items) => {
            if items.is_empty() {
                notes.wrong(found.node.at, format!("{} is empty", found.name()));
                return None;
            }
            // An argument may be empty, a program may not.
            let arguments = found.items(notes)?;
            let argv: Vec<String> = arguments
                .iter()
                .enumerate()
                .filter_map(|(index, item)| {
                    if index == 0 { item.filled_text(notes) } else { item.scalar_text("a text", notes) }
                })
                .collect();
            (argv.len() == items.len()).then_some(argv)
        }
        _ => found.refuse("a text for the shell, or a list of a program and its arguments", notes),
    }
}

pub(super) fn read_image(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let image = found.filled_text(notes)?;
    let is_odd = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@'));
    if image.contains(is_odd) || image.starts_with('-') || image.len() > 512 {
        let message = format!("{} is not the name of a container image", found.name());
        notes.wrong_with(
            found.node.at,
            message,
            "Write it like `debian:13-slim` or `ghcr.io/team/app@sha256:…`.",
        );
        return None;
    }
    Some(image)
}

/// `target`, which must be able to run the entry.
pub(super) fn read_target(spec: &Section<'_>, entry: Option<&Entry>, notes: &mut Notes) -> Option<Target> {
    let found = spec.get("target")?;
    let text = found.filled_text(notes)?;
    let Some(target) = Target::parse(&text) else {
        let message = format!("{} is `{text}`, which cannot be the name of a target", found.name());
        let cure = "Use `process`, `container`, `kubernetes`, or a name that the server has.";
        notes.wrong_with(found.node.at, message, cure);
        return None;
    };
    if target == Target::PROCESS && matches!(entry, Some(Entry::Image { .. })) {
        let message = "a container image cannot run as a process";
        notes.wrong_with(found.node.at, message, "Use `target: container` or `target: kubernetes`.");
    }
    Some(target)
}
