//! What an attempt's environment follows from: where its requirements are written, which Python it asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rigi_model::pipeline::spec::Entry;
use sha2::{Digest, Sha256};

use super::{BuildError, hex, is_notebook, script};
use crate::plan::AttemptPlan;

/// What the notebook runner needs, beside what the notebook does.
const NOTEBOOK: [&str; 4] = ["nbclient", "nbformat", "nbconvert", "ipykernel"];
/// Raised when environments are built otherwise: those built before are not used any more.
const RECIPE: &str = "1";

/// Where the code says what it requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere.
    Nothing,
    /// In the script itself.
    Script { name: String, dependencies: Vec<String> },
    /// In a project's files; with a lock, exactly that is installed.
    Project { locked: bool },
    /// In a requirements file.
    Requirements { name: &'static str },
}

/// All that decides what is built.
#[derive(Debug, Clone)]
pub struct Need {
    pub code: PathBuf,
    pub source: Source,
    /// As `uv` understands it.
    pub python: Option<String>,
    /// Beside the source.
    pub extra: Vec<String>,
    /// Texts of all files that were read, with their names.
    texts: Vec<(String, Vec<u8>)>,
}

/// Tells plans of the same code with different needs apart.
pub fn signature(plan: &AttemptPlan) -> String {
    let file = match &plan.entry {
        Entry::Script { file } => file.as_str(),
        Entry::Notebook { .. } => "*notebook",
        Entry::Command { .. } | Entry::Image { .. } => "",
    };
    let asked = plan.environment.as_ref();
    let python = asked.and_then(|plan| plan.python_version.as_deref()).unwrap_or("");
    let requirements = asked.map(|plan| plan.requirements.join("\0")).unwrap_or_default();
    format!("{file}\0\0{python}\0\0{requirements}")
}

/// Looks at a plan and its code. Precedence: PEP 723 in the script, `pyproject.toml` with `uv.lock`,
/// `requirements.txt.lock`, `requirements.txt`, `pyproject.toml` alone; what the spec requires comes on top.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn find(plan: &AttemptPlan) -> Result<Need, BuildError> {
    let asked = plan.environment.as_ref();
    let mut need = Need {
        code: plan.code.clone(),
        source: Source::Nothing,
        python: asked.and_then(|plan| plan.python_version.clone()),
        extra: asked.map(|plan| plan.requirements.clone()).unwrap_or_default(),
        texts: Vec::new(),
    };
    if is_notebook(plan) {
        need.extra.extend(NOTEBOOK.map(str::to_owned));
    }
    let metadata = match &plan.entry {
        Entry::Script { file } => read_script(&plan.code, file)?,
        _ => None,
    };
    let has = |name: &str| plan.code.join(name).is_file();
    if let Some((name, metadata)) = metadata {
        need.python = need.python.or(metadata.requires_python);
        need.source = Source::Script { name, dependencies: metadata.dependencies };
    } else if has("pyproject.toml") && has("uv.lock") {
        need.source = Source::Project { locked: true };
        need.read("pyproject.toml")?;
        need.read("uv.lock")?;
    } else if let Some(name) =
        ["requirements.txt.lock", "requirements.txt"].into_iter().find(|name| has(name))
    {
        need.source = Source::Requirements { name };
        need.read_requirements(name)?;
    } else if has("pyproject.toml") {
        need.read("pyproject.toml")?;
        if need.lists_dependencies() {
            need.source = Source::Project { locked: false };
        }
    }
    if need.python.is_none() && matches!(need.source, Source::Project { .. }) {
        need.python = need.project("requires-python").and_then(|value| value.as_str().map(str::to_owned));
    }
    Ok(need)
}

fn read_script(code: &Path, file: &str) -> Result<Option<(String, script::Metadata)>, BuildError> {
    // A script that is not there is told of when it is started.
    let Ok(bytes) = fs::read(code.join(file)) else { return Ok(None) };
    let source = String::from_utf8_lossy(&bytes);
    match script::read(&source) {
        Ok(found) => Ok(found.map(|metadata| (file.to_owned(), metadata))),
        Err(why) => {
            Err(BuildError::user(&format!("The block `# /// script` of {file} cannot be read: {why}.")))
        }
    }
}

impl Need {
    fn read(&mut self, name: &str) -> Result<(), BuildError> {
        let bytes = fs::read(self.code.join(name))
            .map_err(|error| BuildError::user(&format!("{name} cannot be read: {error}")))?;
        self.texts.push((name.to_owned(), bytes));
        Ok(())
    }

    /// Reads a requirements file and those it includes.
    fn read_requirements(&mut self, name: &str) -> Result<(), BuildError> {
        let (mut waiting, mut seen) = (vec![name.to_owned()], BTreeSet::new());
        while let Some(name) = waiting.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            self.read(&name)?;
            let Some((_, text)) = self.texts.last() else { continue };
            let folder = Path::new(&name).parent().unwrap_or(Path::new("")).to_owned();
            for line in String::from_utf8_lossy(text).lines() {
                let included = ["-r", "--requirement", "-c", "--constraint"].iter().find_map(|option| {
                    let rest = line.trim().strip_prefix(option)?;
                    rest.starts_with([' ', '=', '\t']).then(|| rest[1..].trim())
                });
                if let Some(included) = included.filter(|included| !included.contains("://")) {
                    waiting.push(folder.join(included).display().to_string());
                }
            }
        }
        Ok(())
    }

    fn project(&self, key: &str) -> Option<toml::Value> {
        let (_, bytes) = self.texts.iter().find(|(name, _)| name == "pyproject.toml")?;
        let table: toml::Table = toml::from_str(std::str::from_utf8(bytes).ok()?).ok()?;
        table.get("project")?.get(key).cloned()
    }

    fn lists_dependencies(&self) -> bool {
        self.project("dependencies").is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    }

    /// Whether nothing is to be installed.
    pub fn is_plain(&self) -> bool {
        let nothing = match &self.source {
            Source::Nothing => true,
            Source::Script { dependencies, .. } => dependencies.is_empty(),
            Source::Project { .. } | Source::Requirements { .. } => false,
        };
        nothing && self.extra.is_empty()
    }

    /// The name of what is built: the same name, the same content.
    pub fn hash(&self, python: &str) -> String {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        for part in [RECIPE, std::env::consts::OS, std::env::consts::ARCH, python] {
            add(part.as_bytes());
        }
        if let Source::Script { dependencies, .. } = &self.source {
            dependencies.iter().for_each(|part| add(part.as_bytes()));
        }
        add(b"extra");
        self.extra.iter().for_each(|part| add(part.as_bytes()));
        if !matches!(self.source, Source::Nothing) {
            for (name, text) in &self.texts {
                add(name.as_bytes());
                add(text);
            }
        }
        hex(&digest.finalize()[..16])
    }

    /// For people, after the Python version: `with the requirements of requirements.txt`.
    pub fn describe(&self) -> String {
        let source = match &self.source {
            Source::Nothing => None,
            Source::Script { name, .. } => Some(name.as_str()),
            Source::Project { locked: true } => Some("uv.lock"),
            Source::Project { locked: false } => Some("pyproject.toml"),
            Source::Requirements { name } => Some(*name),
        };
        match (source, self.extra.is_empty()) {
            _ if self.is_plain() => "without packages".to_owned(),
            (Some(source), true) => format!("with the requirements of {source}"),
            (Some(source), false) => {
                format!("with the requirements of {source} and {}", self.extra.join(", "))
            }
            (None, _) => format!("with {}", self.extra.join(", ")),
        }
    }
}
