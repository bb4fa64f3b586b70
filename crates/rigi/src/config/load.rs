//! Puts the layers together, and remembers where each value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rigi_engine::projects::Sources as ProjectSources;
use rigi_model::ProjectName;
use serde::Serialize;

use super::error::{ConfigError, ConfigMistake};
use super::sections::{Config, KEYS};
use super::value::Raw;
use super::{FILE_NAME, environment, file};

/// A setting given on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// `server.port`.
    pub key: &'static str,
    /// As written.
    pub value: String,
    /// `--port`.
    pub flag: &'static str,
}

/// Where to look for settings.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The pipelines folder.
    pub pipelines: PathBuf,
    /// `--data` or `RIGI_DATA`.
    pub data: Option<PathBuf>,
    /// `--config` or `RIGI_CONFIG`: this file and no other.
    pub config: Option<PathBuf>,
    /// Every environment variable.
    pub variables: Vec<(String, String)>,
    /// Settings given on the command line.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// Those of this process, for a pipelines folder. Variables that are not Unicode are left out.
    #[must_use]
    pub fn of_process(pipelines: PathBuf) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = std::env::vars_os().filter_map(text).collect();
        Self { pipelines, variables, ..Self::default() }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "place", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// `rigi.toml:3:1`.
    File(String),
    /// `RIGI_LIMITS__RUNS`.
    Environment(String),
    /// `--port`.
    Flag(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.pad("default"),
            Self::File(place) | Self::Environment(place) | Self::Flag(place) => f.pad(place),
        }
    }
}

/// A configuration, and how it came about.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where each value came from, by `section.key`; what is absent is a default.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The pipelines folder, as given.
    pub pipelines: PathBuf,
    /// What was passed over, and why: nothing that keeps a server from starting.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Where a key's value came from.
    #[must_use]
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }

    /// Every project, with the folder of its pipelines.
    #[must_use]
    pub fn projects(&self) -> Vec<(ProjectName, PathBuf)> {
        let first = (ProjectName::default(), self.pipelines.clone());
        let others = self.config.projects.iter().filter_map(|(name, project)| {
            Some((ProjectName::unchecked(name.as_str()), project.pipelines.clone()?))
        });
        [first].into_iter().chain(others).collect()
    }

    /// Where projects come from.
    #[must_use]
    pub fn project_sources(&self) -> ProjectSources {
        let declared = |(id, folder)| {
            let declared = self.config.declared(&id, folder);
            (id, declared)
        };
        let own = self.config.data.projects.clone();
        ProjectSources {
            declared: self.projects().into_iter().map(declared).collect(),
            folder: own.unwrap_or_else(|| self.data_folder().join("projects")),
            limits: self.config.code_limits(),
        }
    }

    /// The data folder: the one that is set, else `.rigi` in the pipelines folder.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.config.data.folder.clone().unwrap_or_else(|| self.pipelines.join(".rigi"))
    }
}

/// Reads the configuration.
///
/// # Errors
/// With every mistake of every layer, when there is one.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut mistakes = Vec::new();
    let mut loaded = Loaded { pipelines: sources.pipelines.clone(), ..Loaded::default() };
    loaded.file = file_of(sources);
    let Loaded { config, origins, file, warnings, .. } = &mut loaded;

    if let Some(path) = file {
        file::apply(path, config, &mut mistakes, |key, place| {
            origins.insert(key, Origin::File(place));
        });
        // A relative folder of the file lies beside the file, wherever the command is called from.
        if let Some(parent) = path.parent() {
            let projects = config.projects.values_mut().map(|project| &mut project.pipelines);
            let tls = [&mut config.tls.certificate, &mut config.tls.key, &mut config.tls.acme_root];
            let single = [&mut config.mail.ca_file, &mut config.vault.ca_file, &mut config.vault.token_file];
            let data = [&mut config.data.folder, &mut config.data.projects];
            for folder in projects.chain(data).chain(tls).chain(single).flatten() {
                *folder = parent.join(&*folder);
            }
        }
    }
    environment::apply(&sources.variables, config, &mut mistakes, warnings, |key, name| {
        origins.insert(key, Origin::Environment(name));
    });
    if let Some(folder) = &sources.data {
        config.data.folder = Some(folder.clone());
        let by_variable =
            sources.variables.iter().any(|(name, value)| name == "RIGI_DATA" && Path::new(value) == folder);
        let origin =
            if by_variable { Origin::Environment("RIGI_DATA".into()) } else { Origin::Flag("--data".into()) };
        origins.insert("data.folder".to_owned(), origin);
    }
    for flag in &sources.flags {
        apply_flag(flag, config, &mut mistakes);
        origins.insert(flag.key.to_owned(), Origin::Flag(flag.flag.to_owned()));
    }
    mistakes.extend(contradictions(config));
    mistakes.extend(homeless(config));
    mistakes.extend(super::mail::mistakes(config));
    mistakes.extend(super::vault::mistakes(config));
    mistakes.extend(super::projects::mistakes(config));
    if mistakes.is_empty() { Ok(loaded) } else { Err(ConfigError { mistakes }) }
}

/// Projects without pipelines of their own.
fn homeless(config: &Config) -> impl Iterator<Item = ConfigMistake> {
    let default = ProjectName::default();
    config.projects.iter().filter_map(move |(name, project)| {
        let message = match (default == name.as_str(), &project.pipelines) {
            (true, Some(_)) => "is the folder that `rigi up` is given: leave it out",
            (false, None) => "is missing: which folder holds the project's pipelines?",
            _ => return None,
        };
        Some(ConfigMistake { place: format!("projects.{name}.pipelines"), message: message.to_owned() })
    })
}

/// What no key says by itself.
fn contradictions(config: &Config) -> Vec<ConfigMistake> {
    let storage = &config.storage;
    let mut mistakes = Vec::new();
    let mut wrong = |key: &str, message: String| {
        mistakes.push(ConfigMistake { place: format!("storage.{key}"), message });
    };
    match (&storage.access_key_id, &storage.secret_access_key) {
        (Some(_), None) => wrong("access_key_id", "stands without its `storage.secret_access_key`".into()),
        (None, Some(_)) => wrong("secret_access_key", "stands without its `storage.access_key_id`".into()),
        _ => {}
    }
    // What Amazon takes.
    let range = 15 * 60..=12 * 3600;
    if storage.credentials_for.is_some_and(|time| !range.contains(&time.0.as_secs())) {
        wrong("credentials_for", "must be 15 minutes to 12 hours, or `none`".into());
    }
    let secrets = &config.secrets;
    let keys = [("key", &secrets.key), ("former_key", &secrets.former_key)];
    for (name, key) in keys {
        if key.as_ref().is_some_and(|key| rigi_store::read_key(&key.0).is_none()) {
            let message = "must be 64 digits of hex: `openssl rand -hex 32` makes one".to_owned();
            mistakes.push(ConfigMistake { place: format!("secrets.{name}"), message });
        }
    }
    mistakes
}

fn apply_flag(flag: &Flag, config: &mut Config, mistakes: &mut Vec<ConfigMistake>) {
    let mut wrong = |message: String| mistakes.push(ConfigMistake { place: flag.flag.to_owned(), message });
    match KEYS.iter().find(|key| key.path() == flag.key) {
        Some(key) => {
            if let Err(message) = (key.set)(config, &Raw::Text(flag.value.clone())) {
                wrong(format!("`{}` {message}", flag.key));
            }
        }
        None => wrong(format!("`{}`: there is no such key", flag.key)),
    }
}

/// The file to read: the one that was named, or the one in the pipelines folder, or the one in the data folder.
fn file_of(sources: &Sources) -> Option<PathBuf> {
    if let Some(path) = &sources.config {
        return Some(path.clone());
    }
    let variable = |wanted: &str| {
        sources.variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| PathBuf::from(value))
    };
    let data = sources.data.clone().or_else(|| variable("RIGI_DATA__FOLDER"));
    let data = data.unwrap_or_else(|| sources.pipelines.join(".rigi"));
    [sources.pipelines.join(FILE_NAME), data.join(FILE_NAME)].into_iter().find(|path| path.exists())
}
