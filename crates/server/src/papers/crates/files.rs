//! Files of a crate: code, what runs were given and what they left. The same content that one run left and another was given is one file.

use rigi_api::view::{CitedRun, InputView};
use rigi_model::ContentHash;
use rigi_model::data::FileAt;
use serde_json::json;

use super::entity::{id_of, refer, refer_all};
use super::{Code, Draft};

/// The folder of captured code.
pub(super) fn code_folder(version: &str) -> String {
    format!("code/{}/", version.get(..12).unwrap_or(version))
}

/// A file as it comes into a crate.
struct Incoming<'a> {
    path: String,
    sha256: &'a str,
    size: u64,
    /// What is said of it beside.
    more: serde_json::Value,
    /// Why it is not taken, whatever its size.
    refused: Option<&'static str>,
}

impl Draft<'_> {
    /// Takes in code, as a folder.
    pub(super) fn add_code(&mut self, code: &Code) {
        let folder = code_folder(&code.version);
        let mut parts = Vec::new();
        for file in &code.files {
            let sha256 = file.sha256.to_string();
            let path = format!("{folder}{}", file.path);
            let more = json!({});
            parts.push(self.place(Incoming { path, sha256: &sha256, size: file.size, more, refused: None }));
        }
        if parts.is_empty() {
            return;
        }
        let version = &code.version;
        self.add(json!({
            "@id": id_of(&folder),
            "@type": "Dataset",
            "name": "Code",
            "description": format!("The code as it ran, version {version}"),
            "version": version,
            "hasPart": refer_all(&parts),
        }));
        self.parts.push(id_of(&folder));
    }

    /// Takes in what a run left; the ids.
    pub(super) fn add_outputs(&mut self, run: &CitedRun) -> Vec<String> {
        let folder = self.folder(run);
        let mut ids = Vec::with_capacity(run.outputs.len());
        for file in &run.outputs {
            let path = format!("{folder}outputs/{}", file.path);
            let more =
                json!({"description": file.output.as_ref().map(|output| format!("The output {output}"))});
            let id =
                self.place(Incoming { path, sha256: &file.sha256, size: file.size, more, refused: None });
            self.content.entry(file.sha256.clone()).or_default().push((run.id.to_string(), id.clone()));
            self.parts.push(id.clone());
            ids.push(id);
        }
        ids
    }

    /// Takes in what a run was given, unless another run left it, or was given it; the ids.
    pub(super) fn add_inputs(&mut self, run: &CitedRun) -> Vec<String> {
        run.inputs.iter().map(|file| self.add_input(run, file)).collect()
    }

    fn add_input(&mut self, run: &CitedRun, file: &InputView) -> String {
        // A version of a dataset is what it is by its own name; a flow's own files come from without.
        let is_handed_on = run.step.is_some() && file.dataset.is_none();
        let left = self.content.get(&file.sha256).filter(|_| is_handed_on).and_then(|all| {
            let other = all.iter().find(|(by, _)| *by != run.id.as_str());
            other.map(|(_, id)| id.clone())
        });
        if let Some(id) = left.or_else(|| self.inputs.get(&file.sha256).cloned()) {
            return id;
        }
        let of = file.dataset.as_ref().map(|dataset| {
            let id = format!("#dataset-{}", id_of(dataset));
            let version = dataset.rsplit_once('@').map(|(_, version)| version);
            self.add(json!({"@id": id, "@type": "CreativeWork", "name": dataset, "version": version}));
            refer(&id)
        });
        let refused = (file.dataset.is_none() && !self.bounds.uploads).then_some("was uploaded");
        let path = format!("{}inputs/{}/{}", self.folder(run), file.input, file.name);
        let more = json!({"description": format!("The input {}", file.input), "isPartOf": of});
        let id = self.place(Incoming { path, sha256: &file.sha256, size: file.size, more, refused });
        self.inputs.insert(file.sha256.clone(), id.clone());
        self.parts.push(id.clone());
        id
    }

    /// The folder of a run.
    fn folder(&self, run: &CitedRun) -> String {
        self.folders.get(run.id.as_str()).cloned().unwrap_or_default()
    }

    /// Puts a file in its place, or tells of it alone; its id.
    fn place(&mut self, file: Incoming<'_>) -> String {
        let Incoming { path, sha256, size, more, refused } = file;
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let hash = sha256.parse::<ContentHash>().ok();
        let why = refused.or_else(|| {
            let fits = size <= self.bounds.file_bytes && self.bytes + size <= self.bounds.bytes;
            match (hash, fits && self.files.len() < self.bounds.files) {
                (Some(_), true) => None,
                _ => Some("is too large, or one too many"),
            }
        });
        let mut entity = json!({
            "name": name,
            "contentSize": size.to_string(),
            "sha256": sha256,
        });
        if let (Some(whole), Some(more)) = (entity.as_object_mut(), more.as_object()) {
            whole.extend(more.clone());
        }
        if let (Some(why), Some(whole)) = (why, entity.as_object_mut()) {
            let id = format!("#left-out-{}", id_of(&path));
            self.left_out += 1;
            whole.insert("@id".to_owned(), json!(id));
            whole.insert("@type".to_owned(), json!("CreativeWork"));
            whole.insert("description".to_owned(), json!(format!("{path} is not in the crate: it {why}")));
            self.add(entity);
            return id;
        }
        let id = id_of(&path);
        if let Some(whole) = entity.as_object_mut() {
            let kind = (self.media_type)(&name).split(';').next().unwrap_or_default().to_owned();
            whole.insert("@id".to_owned(), json!(id));
            whole.insert("@type".to_owned(), json!("File"));
            whole.insert("encodingFormat".to_owned(), json!(kind));
        }
        self.add(entity);
        if let Some(sha256) = hash.filter(|_| self.paths.insert(path.clone())) {
            self.bytes += size;
            self.files.push(FileAt { path, sha256, size });
        }
        id
    }
}
