//! A run as an RO-Crate 1.1: <https://w3id.org/ro/crate/1.1>, by the profiles of Workflow Run RO-Crate (<https://w3id.org/ro/wfrun/process/0.5>,
//! of a flow also `workflow/0.5` and `provenance/0.5`). Paths are those of the crate, nothing is null, and the same run gives the same bytes.

mod actions;
mod entity;
mod files;
mod flow;
#[cfg(test)]
mod tests;
mod tools;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rigi_api::view::{CitationView, CitedRun};
use rigi_model::data::FileAt;
use serde_json::{Map, Value, json};

use self::entity::{date, refer, refer_all};
use super::places;

/// What is in a crate at most; what is not is told, and named by its checksum.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Files.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Whether inputs that somebody uploaded are in it.
    pub uploads: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { files: 20_000, file_bytes: 1 << 30, bytes: 8 << 30, uploads: true }
    }
}

/// Captured code.
#[derive(Debug, Clone)]
pub struct Code {
    /// Its hash.
    pub version: String,
    /// Its spec, as JSON, without secrets.
    pub spec: String,
    /// Its files.
    pub files: Vec<FileAt>,
}

/// What a crate consists of.
#[derive(Debug, Clone)]
pub struct CrateParts {
    /// `ro-crate-metadata.json`.
    pub metadata: Vec<u8>,
    /// `README.md`.
    pub readme: Vec<u8>,
    /// Another file that was made for it.
    pub made: Option<(String, Vec<u8>)>,
    /// Stored files, each path once.
    pub files: Vec<FileAt>,
}

/// Terms beside those of RO-Crate 1.1, of <https://w3id.org/ro/terms/workflow-run/context>.
const TERMS: [&str; 5] = ["ContainerImage", "containerImage", "registry", "sha256", "tag"];
const RUN_TERMS: &str = "https://w3id.org/ro/terms/workflow-run#";
/// Names of files that say under which licence code is.
const LICENCES: [&str; 6] = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING"];
const NO_LICENCE: &str = "No licence is stated: ask those who made it.";

/// What is made of a crate until it is whole.
struct Draft<'a> {
    bounds: &'a Bounds,
    media_type: fn(&str) -> &'static str,
    /// Entities in the order in which they came up.
    graph: Vec<Value>,
    known: BTreeSet<String>,
    /// Ids of data entities right below the root.
    parts: Vec<String>,
    mentions: Vec<String>,
    made: Option<(String, Vec<u8>)>,
    files: Vec<FileAt>,
    paths: BTreeSet<String>,
    bytes: u64,
    left_out: u64,
    /// Where content is, by its hash: which run left it, and the entity.
    content: HashMap<String, Vec<(String, String)>>,
    /// Inputs that are there, by hash.
    inputs: HashMap<String, String>,
    /// The folder of each run.
    folders: HashMap<String, String>,
}

/// Makes a crate of what is told of a run.
#[must_use]
pub fn crate_of(
    told: &CitationView,
    code: &[Code],
    bounds: &Bounds,
    licence: Option<&str>,
    media_type: fn(&str) -> &'static str,
) -> CrateParts {
    let mut draft = Draft::new(bounds, media_type);
    for one in code {
        draft.add_code(one);
    }
    let folders = places(&told.runs);
    draft.folders = told.runs.iter().map(|run| run.id.to_string()).zip(folders).collect();
    draft.add_tools(told);
    // What runs leave comes first: it is what others are given.
    let results: Vec<Vec<String>> = told.runs.iter().map(|run| draft.add_outputs(run)).collect();
    let objects: Vec<Vec<String>> = told.runs.iter().map(|run| draft.add_inputs(run)).collect();
    let is_flow = told.runs.first().is_some_and(|run| run.kind == "flow") && told.runs.len() > 1;
    let workflow = is_flow.then(|| draft.add_workflow(told, code));
    for ((run, objects), results) in told.runs.iter().zip(objects).zip(results) {
        draft.add_action(run, told, (objects, results), workflow.as_deref());
    }
    if let Some(workflow) = &workflow {
        draft.add_organising(told, workflow);
    }
    let root = draft.root(told, workflow.as_deref(), licence_of(licence, code));
    draft.finish(root, &told.text)
}

fn licence_of(said: Option<&str>, code: &[Code]) -> Value {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    let stored = code.iter().find_map(|code| {
        let file = code.files.iter().find(|file| LICENCES.contains(&file.path.as_str()))?;
        Some(entity::id_of(&format!("{}{}", files::code_folder(&code.version), file.path)))
    });
    match (said, stored) {
        (Some(said), _) if said.starts_with("https://") || said.starts_with("http://") => refer(said),
        (Some(said), _) => json!(said),
        (None, Some(file)) => refer(&file),
        (None, None) => json!(NO_LICENCE),
    }
}

impl<'a> Draft<'a> {
    fn new(bounds: &'a Bounds, media_type: fn(&str) -> &'static str) -> Self {
        Self {
            bounds,
            media_type,
            graph: Vec::new(),
            known: BTreeSet::new(),
            parts: Vec::new(),
            mentions: Vec::new(),
            made: None,
            files: Vec::new(),
            paths: BTreeSet::new(),
            bytes: 0,
            left_out: 0,
            content: HashMap::new(),
            inputs: HashMap::new(),
            folders: HashMap::new(),
        }
    }

    /// Takes in an entity, once by its id; what is null in it is left out.
    fn add(&mut self, entity: Value) {
        let Value::Object(entity) = entity else { return };
        let id = entity.get("@id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.known.insert(id) {
            let whole: Map<String, Value> =
                entity.into_iter().filter(|(_, value)| !entity::is_nothing(value)).collect();
            self.graph.push(Value::Object(whole));
        }
    }

    fn root(&mut self, told: &CitationView, workflow: Option<&str>, licence: Value) -> Value {
        let first = told.runs.first();
        let profiles: &[&str] = match workflow {
            Some(_) => &["process", "workflow", "provenance"],
            None => &["process"],
        };
        let mut conforms: Vec<String> = Vec::new();
        for profile in profiles {
            let id = format!("https://w3id.org/ro/wfrun/{profile}/0.5");
            let name = format!("{}{} Run Crate", profile[..1].to_uppercase(), &profile[1..]);
            self.add(json!({"@id": id, "@type": "CreativeWork", "name": name, "version": "0.5"}));
            conforms.push(id);
        }
        if workflow.is_some() {
            let id = "https://w3id.org/workflowhub/workflow-ro-crate/1.0".to_owned();
            self.add(
                json!({"@id": id, "@type": "CreativeWork", "name": "Workflow RO-Crate", "version": "1.0"}),
            );
            conforms.push(id);
        }
        if let Some(address) = licence.get("@id").and_then(Value::as_str).filter(|id| id.starts_with("http"))
        {
            let (address, name) = (address.to_owned(), address.to_owned());
            self.add(json!({"@id": address, "@type": "CreativeWork", "name": name, "url": address}));
        }
        let left_out = match self.left_out {
            0 => String::new(),
            count => format!(" {count} files are not in it; they are named by their checksums."),
        };
        let name = first.map(title).unwrap_or_default();
        let about = first
            .and_then(|run| run.description.clone())
            .map(|about| format!(" {}.", about.trim_end_matches('.')));
        let made = "What it ran, what it was given, what it left, and what made what.";
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": format!("{name}.{} {made}{left_out}", about.unwrap_or_default()),
            "datePublished": first.map(|run| date(run.ended_at.unwrap_or(run.created_at))),
            "license": licence,
            "conformsTo": refer_all(&conforms),
            "hasPart": refer_all(&self.parts),
            "mainEntity": workflow.map(refer),
            "mentions": refer_all(&self.mentions),
        })
    }

    fn finish(mut self, root: Value, text: &str) -> CrateParts {
        let readme = format!("# Methods\n\n{text}").into_bytes();
        let workflow = root.get("mainEntity").is_some_and(|entity| !entity.is_null());
        let conforms = match workflow {
            true => json!([
                {"@id": "https://w3id.org/ro/crate/1.1"},
                {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"}
            ]),
            false => json!({"@id": "https://w3id.org/ro/crate/1.1"}),
        };
        let mut root = root;
        if let Some(parts) = root.get_mut("hasPart").and_then(Value::as_array_mut) {
            parts.insert(0, refer("README.md"));
        }
        self.add(json!({
            "@id": "README.md",
            "@type": "File",
            "name": "README.md",
            "description": "A text for a methods section",
            "about": refer("./"),
            "encodingFormat": "text/markdown",
            "contentSize": readme.len().to_string(),
        }));
        let rest = std::mem::take(&mut self.graph);
        self.known.clear();
        self.add(json!({
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": refer("./"),
            "conformsTo": conforms,
        }));
        self.add(root);
        self.graph.extend(rest);
        let terms: BTreeMap<&str, String> =
            TERMS.into_iter().map(|term| (term, format!("{RUN_TERMS}{term}"))).collect();
        let whole = json!({
            "@context": ["https://w3id.org/ro/crate/1.1/context", terms],
            "@graph": self.graph,
        });
        let metadata = serde_json::to_vec_pretty(&whole).unwrap_or_default();
        CrateParts { metadata, readme, made: self.made, files: self.files }
    }
}

/// What a run is called.
fn title(run: &CitedRun) -> String {
    match &run.step {
        Some(step) => {
            let item = step.item.map(|item| format!(", item {item}")).unwrap_or_default();
            format!("Step {} of {}{item}, run {}", step.step, run.pipeline, run.short)
        }
        None => format!("Run {} of {}", run.short, run.pipeline),
    }
}
