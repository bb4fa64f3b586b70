//! What an attempt's environment follows from: where its requirements are written, which Python it asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rigi_model::ProjectName;
use rigi_model::hash::hex;
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::{FolderFacts, SpecFormat, find_spec};
use rigi_work::plan::AttemptPlan;
use sha2::{Digest, Sha256};

use super::requirements::{Included, Reach, included, text_of};
use super::uv::Python;
use super::variables::{Variables, of_pipeline, reaches_folder, without_credentials};
use super::{BuildError, is_notebook, project, script, tree};

/// What the notebook runner needs, beside what the notebook does.
const NOTEBOOK: [&str; 4] = ["nbclient", "nbformat", "nbconvert", "ipykernel"];
/// Raised when environments are built otherwise: those built before are not used any more.
const RECIPE: &str = "2";
/// Where uv finds the block of a script, without the rest of it.
pub const SCRIPT: &str = ".rigi-script.py";
/// Requirements files, the stronger first.
const REQUIREMENTS: [&str; 2] = ["requirements.txt.lock", "requirements.txt"];

/// Where the code says what it requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere.
    Nothing,
    /// In the script itself; with settings for uv, uv reads them.
    Script { name: String, dependencies: Vec<String>, settings: bool },
    /// In a project's files; with a lock, exactly that is installed. A package is itself installed.
    Project { locked: bool, package: bool },
    /// In a requirements file.
    Requirements { name: &'static str },
}

/// All that decides what is built.
#[derive(Debug, Clone)]
pub struct Need {
    /// What one project's runs may have written to, no other's is given.
    pub project: ProjectName,
    pub code: PathBuf,
    pub source: Source,
    /// As `uv` understands it.
    pub python: Option<String>,
    /// Beside the source.
    pub extra: Vec<String>,
    /// What it follows from beside its texts.
    pub reach: Reach,
    /// What the pipeline's own variables say to the build.
    pub variables: Variables,
    /// Variables of the pipeline that speak to pip.
    pub pip: BTreeSet<String>,
    /// Texts of all files that were read, by their paths in the folder.
    pub texts: Vec<(String, String)>,
    /// What the rest of the folder and what lies outside hold, if that counts.
    content: Vec<Vec<u8>>,
}

/// Tells plans of the same code with different needs apart.
pub fn signature(plan: &AttemptPlan) -> String {
    let file = match &plan.entry {
        Entry::Script { file } => file.as_str(),
        Entry::Notebook { .. } => "*notebook",
        Entry::Command { .. } | Entry::Image { .. } | Entry::Flow | Entry::Approval { .. } => "",
    };
    let asked = plan.environment.as_ref();
    let python = asked.and_then(|plan| plan.python_version.as_deref()).unwrap_or("");
    let default = asked.and_then(|plan| plan.default_python.as_deref()).unwrap_or("");
    let requirements = asked.map(|plan| plan.requirements.join("\0")).unwrap_or_default();
    format!("{}\0\0{file}\0\0{python}\0\0{default}\0\0{requirements}", plan.project)
}

/// Looks at a plan and its code. Of a folder of Fast-Flow only `requirements.txt.lock` and `requirements.txt` count.
/// Elsewhere what is nearest to the script does: its own block (PEP 723), `pyproject.toml` with `uv.lock`,
/// `requirements.txt.lock`, `requirements.txt`, `pyproject.toml` alone. What the spec requires comes on top.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn find(plan: &AttemptPlan) -> Result<Need, BuildError> {
    let asked = plan.environment.as_ref();
    let mut need = Need {
        project: plan.project.clone(),
        code: plan.code.clone(),
        source: Source::Nothing,
        python: asked.and_then(|plan| plan.python_version.clone()),
        extra: asked.map(|plan| plan.requirements.clone()).unwrap_or_default(),
        reach: Reach::default(),
        variables: Variables::new(),
        pip: plan.env.keys().filter(|name| name.starts_with("PIP_")).cloned().collect(),
        texts: Vec::new(),
        content: Vec::new(),
    };
    need.extra.iter().for_each(|line| need.reach.requirement(line));
    if is_notebook(plan) {
        need.extra.extend(NOTEBOOK.map(str::to_owned));
    }
    if is_of_fast_flow(plan) {
        need.find_requirements()?;
    } else {
        need.find_any(plan)?;
    }
    need.python = need.python.or_else(|| asked.and_then(|plan| plan.default_python.clone()));
    need.variables = of_pipeline(&plan.env, &need.reach.names);
    need.reach.folder |= !need.is_plain() && reaches_folder(&need.variables);
    need.look_around()?;
    Ok(need)
}

/// Whether the folder's spec is in Fast-Flow's format.
fn is_of_fast_flow(plan: &AttemptPlan) -> bool {
    let entries = fs::read_dir(&plan.code).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>();
    let found = find_spec(&FolderFacts::new(plan.pipeline.as_str(), names));
    matches!(found, Ok(Some((_, SpecFormat::Json))))
}

fn read_script(code: &Path, file: &str) -> Result<Option<script::Metadata>, BuildError> {
    // A script that is not there is told of when it is started.
    let Ok(bytes) = fs::read(code.join(file)) else { return Ok(None) };
    script::read(&String::from_utf8_lossy(&bytes)).map_err(|why| {
        BuildError::user(&format!("The block `# /// script` of {file} cannot be read: {why}."))
    })
}

impl Need {
    fn has(&self, name: &str) -> bool {
        self.code.join(name).exists()
    }

    fn find_any(&mut self, plan: &AttemptPlan) -> Result<(), BuildError> {
        let metadata = match &plan.entry {
            Entry::Script { file } => read_script(&plan.code, file)?.map(|found| (file.clone(), found)),
            _ => None,
        };
        let mut asked = None;
        if let Some((name, metadata)) = metadata {
            asked = metadata.requires_python;
            metadata.dependencies.iter().for_each(|line| self.reach.requirement(line));
            let settings = metadata.tool.as_ref().and_then(|tool| tool.get("uv")?.as_table());
            if let Some(settings) = settings {
                project::reach_of_settings(settings, &mut self.reach);
                self.texts.push((SCRIPT.to_owned(), metadata.block));
            }
            let settings = settings.is_some();
            self.source = Source::Script { name, dependencies: metadata.dependencies, settings };
        } else if self.has("pyproject.toml") && (self.has("uv.lock") || !self.find_requirements()?) {
            asked = self.find_project()?;
        } else if self.source == Source::Nothing {
            self.find_requirements()?;
        }
        self.read_settings()?;
        self.find_python(asked)
    }

    fn find_requirements(&mut self) -> Result<bool, BuildError> {
        let Some(name) = REQUIREMENTS.into_iter().find(|name| self.has(name)) else { return Ok(false) };
        self.source = Source::Requirements { name };
        self.read_requirements(name)?;
        Ok(true)
    }

    /// Reads a project; returns which Python it asks for.
    fn find_project(&mut self) -> Result<Option<String>, BuildError> {
        let text = self.read("pyproject.toml")?;
        let locked = self.has("uv.lock");
        let Some(project) = project::read(&text) else {
            // uv says where the mistake is.
            self.source = Source::Project { locked, package: false };
            return Ok(None);
        };
        let lists = |key| {
            project::field(&project, key).is_some_and(|list| !list.as_array().is_some_and(Vec::is_empty))
        };
        let package = project::is_package(&project);
        if !locked && !package && !lists("dependencies") {
            return Ok(None);
        }
        if locked {
            let lock = self.read("uv.lock")?;
            project::read(&lock).iter().for_each(|lock| project::reach_of_lock(lock, &mut self.reach));
        }
        project::reach_of_project(&project, &mut self.reach);
        self.source = Source::Project { locked, package };
        Ok(project::field(&project, "requires-python").and_then(|value| value.as_str().map(str::to_owned)))
    }

    /// What the folder says to uv counts for whatever is installed.
    fn read_settings(&mut self) -> Result<(), BuildError> {
        if self.is_plain() {
            return Ok(());
        }
        if self.has("uv.toml") {
            let text = self.read("uv.toml")?;
            project::read(&text).iter().for_each(|all| project::reach_of_settings(all, &mut self.reach));
        }
        if self.has("pyproject.toml") && !matches!(self.source, Source::Project { .. }) {
            let text = self.read("pyproject.toml")?;
            if let Some(project) = project::read(&text) {
                match project::uv(&project) {
                    Some(settings) => project::reach_of_settings(settings, &mut self.reach),
                    None => self.texts.retain(|(name, _)| name != "pyproject.toml"),
                }
            }
        }
        Ok(())
    }

    /// The Python of a folder whose spec names none: as its requirements ask, or as `.python-version` says.
    fn find_python(&mut self, asked: Option<String>) -> Result<(), BuildError> {
        if let Some(asked) = asked.as_deref().filter(|asked| !is_range(asked)) {
            return Err(BuildError::user(&format!(
                "`requires-python` is `{asked}`, which is not a version or a range such as `>=3.11`."
            )));
        }
        // A script speaks for itself; a project's range is what the version that was chosen must lie in.
        if matches!(self.source, Source::Script { .. }) {
            self.python = self.python.take().or_else(|| asked.clone());
        }
        if self.python.is_none() && self.has(".python-version") {
            let text = self.read(".python-version")?;
            let mut lines = text.lines().map(str::trim);
            // Names of environments, which pyenv takes too, are nothing here.
            let version = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
            self.python = version.filter(|version| is_version(version)).map(str::to_owned);
        }
        self.python = self.python.take().or(asked);
        Ok(())
    }

    fn read(&mut self, name: &str) -> Result<String, BuildError> {
        let path = self.code.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(_) if path.is_dir() => {
                return Err(BuildError::user(&format!("{name} is a folder, and must be a file.")));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BuildError::user(&format!("There is no file {name} in the pipeline's folder.")));
            }
            Err(error) => {
                return Err(BuildError::infrastructure(&format!("{name} cannot be read: {error}")));
            }
        };
        let text = text_of(name, &bytes)?;
        self.texts.push((name.to_owned(), text.clone()));
        Ok(text)
    }

    /// Reads a requirements file and those it includes.
    fn read_requirements(&mut self, name: &str) -> Result<(), BuildError> {
        let mut waiting: Vec<(String, Option<String>)> = vec![(name.to_owned(), None)];
        let mut seen = BTreeSet::new();
        while let Some((name, from)) = waiting.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let text = self.read(&name).map_err(|error| match &from {
                Some(from) => error.told_by(from),
                None => error,
            })?;
            for named in self.reach.read(&text) {
                match included(&name, &named)? {
                    Included::Inside(inner) => waiting.push((inner, Some(name.clone()))),
                    Included::Outside(path) => _ = self.reach.outside.insert(path),
                }
            }
        }
        Ok(())
    }

    /// What counts beside the texts.
    fn look_around(&mut self) -> Result<(), BuildError> {
        if self.reach.folder && !self.is_plain() {
            let digest = tree::digest(&self.code)
                .map_err(|error| BuildError::infrastructure(&format!("The code cannot be read: {error}")))?;
            self.content.push(digest);
        }
        self.content.extend(self.reach.outside.iter().map(|path| tree::look(path)));
        Ok(())
    }

    /// Requirements that stand in no file of their own.
    pub fn listed(&self) -> Vec<String> {
        let own = match &self.source {
            Source::Script { dependencies, settings: false, .. } => dependencies.as_slice(),
            _ => &[],
        };
        self.extra.iter().chain(own).cloned().collect()
    }

    /// Whether the folder has settings for uv, or uv's own files.
    pub fn says_to_uv(&self) -> bool {
        let settings = |(name, text): &(String, String)| match name.as_str() {
            "uv.toml" => true,
            "pyproject.toml" => project::read(text).is_none_or(|project| project::uv(&project).is_some()),
            _ => false,
        };
        self.texts.iter().any(settings)
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

    /// The name of what is built: the same name, the same content. `more` is what the machine adds.
    pub fn hash<'a>(&self, python: &Python, more: impl Iterator<Item = &'a [u8]>) -> String {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        for part in [RECIPE, std::env::consts::OS, std::env::consts::ARCH, &python.version, &python.kind] {
            add(part.as_bytes());
        }
        // Its environments keep the names that they had before there were others.
        if self.project != ProjectName::default() {
            add(b"project");
            add(self.project.as_str().as_bytes());
        }
        if !self.is_plain() {
            if let Source::Script { dependencies, .. } = &self.source {
                dependencies.iter().for_each(|part| add(part.as_bytes()));
            }
            add(b"extra");
            self.extra.iter().for_each(|part| add(part.as_bytes()));
            add(b"texts");
            for (name, text) in &self.texts {
                add(name.as_bytes());
                add(text.as_bytes());
            }
            add(b"content");
            self.content.iter().for_each(|part| add(part));
            add(b"machine");
            more.for_each(add);
        }
        hex(&digest.finalize()[..16])
    }

    /// For people, after the Python version: `with the requirements of requirements.txt`.
    pub fn describe(&self) -> String {
        let source = match &self.source {
            Source::Nothing => None,
            Source::Script { name, .. } => Some(name.as_str()),
            Source::Project { locked: true, .. } => Some("uv.lock"),
            Source::Project { locked: false, .. } => Some("pyproject.toml"),
            Source::Requirements { name } => Some(*name),
        };
        let extra = || without_credentials(&self.extra.join(", "));
        match (source, self.extra.is_empty()) {
            _ if self.is_plain() => "without packages".to_owned(),
            (Some(source), true) => format!("with the requirements of {source}"),
            (Some(source), false) => format!("with the requirements of {source} and {}", extra()),
            (None, _) => format!("with {}", extra()),
        }
    }
}

/// A range of versions, and nothing that uv could take for a program or an option.
fn is_range(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || "<>=~!".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " .,*<>=~!".contains(c))
}

/// A version as `.python-version` names it.
fn is_version(text: &str) -> bool {
    let digits = ["cpython-", "cpython@", "pypy-", "pypy@", "pypy", "python"]
        .iter()
        .find_map(|name| text.strip_prefix(name))
        .unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+'))
}

#[cfg(test)]
#[path = "need_tests.rs"]
mod tests;
