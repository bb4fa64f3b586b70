//! Projects by name: `[projects.NAME]`, one table for each beside the one that is always there.

use std::path::PathBuf;

use rigi_engine::projects::Declared;
use rigi_model::ProjectName;
use rigi_model::project::{ProjectSettings, Quota};
use rigi_store::StorageUrl;

use super::error::ConfigMistake;
use super::named::{Section, named_keys};
use super::sections::Config;
use super::value::{Bytes, Cores, Names, StorageAddress, Time, Weight};
use super::vault::AllowedSources;

named_keys! {
    /// What an operator says of one project.
    ProjectConfig, KEYS {
        /// Folder of its pipelines. A relative one lies beside the configuration file.
        pipelines: PathBuf, &[], "none: it must be given";
        /// `true`: it can be read, and takes no runs, uploads and secrets more.
        archived: bool, &[], "`false`";
        /// Runs of it that may be active at a time. Further ones wait.
        runs: u64, &[], "none: `limits.runs` alone counts";
        /// Its share of the places while several projects wait for them: one of weight 2 has twice as many as one of weight 1.
        weight: Weight, &[], "1";
        /// Runs of it that may wait. Further ones are refused.
        queued: u64, &[], "none";
        /// Cores that its active runs may ask for together (`limits.cpu`). Further ones wait.
        cpu: Cores, &[], "none";
        /// Memory that its active runs may ask for together (`limits.memory`). Further ones wait.
        memory: Bytes, &[], "none";
        /// Files and logs that it may store. With more, runs and uploads are refused.
        storage: Bytes, &[], "none";
        /// Where its runs may execute.
        targets: Names, &[], "anywhere";
        /// Where its runs execute that say nothing.
        target: String, &[], "`targets.default`";
        /// Bucket of its files, `s3://bucket/prefix`, where they are to lie apart from those of all others. It is reached as `storage.url` is.
        bucket: StorageAddress, &[], "below `storage.url`";
        /// Account of its processes, by its name or its number, where `process.run_as` gives all runs another one than Rigi's own.
        run_as: String, &[], "`process.run_as`";
        /// Where the values of its secrets may lie, beside what `secrets.from` lets all projects name.
        secrets_from: AllowedSources, &[], "`secrets.from` alone";
        /// Longest time limit of a run. One that has more, or none, is refused.
        max_timeout: Time, &[], "none";
        /// Most cores of a run. One that asks for more, or has no `limits.cpu`, is refused.
        max_cpu: Cores, &[], "none";
        /// Most memory of a run. One that asks for more, or has no `limits.memory`, is refused.
        max_memory: Bytes, &[], "none";
    }
}

/// The section.
pub const PROJECTS: Section<ProjectConfig> = Section {
    name: "projects",
    one: "a project",
    doc: "One project: pipelines, runs, uploads, files and limits of its own, which no other project sees. The folder that \
          `rigi up` is given is that of the project `default`. As variables: `RIGI_PROJECTS__AIR_QUALITY__PIPELINES` sets \
          `projects.air-quality.pipelines`.",
    keys: KEYS,
    tables: |config| &config.projects,
    tables_mut: |config| &mut config.projects,
    refuses: |name| name.parse::<ProjectName>().err().map(|error| error.to_string()),
};

/// Buckets and accounts of projects that cannot be.
pub(super) fn mistakes(config: &Config) -> Vec<ConfigMistake> {
    let kind_of = |address: &str| match StorageUrl::parse(address) {
        Ok(StorageUrl::Bucket { kind, .. }) => Some(kind),
        _ => None,
    };
    let main = kind_of(&config.storage.url.0);
    let mistake = |(name, project): (&String, &ProjectConfig)| {
        let bucket = &project.bucket.as_ref()?.0;
        let message = match (kind_of(bucket), main) {
            _ if ProjectName::default() == name.as_str() => "is `storage.url`: leave it out",
            (None, _) => "must be a bucket: `s3://bucket/prefix`, `gs://bucket/prefix`",
            (Some(_), None) => "needs `storage.url` to be a bucket, which says how both are reached",
            (Some(own), Some(main)) if own != main => {
                "must begin as `storage.url` does: both are reached in the same way"
            }
            _ => return None,
        };
        Some(ConfigMistake { place: format!("projects.{name}.bucket"), message: message.to_owned() })
    };
    let alone = |(name, project): (&String, &ProjectConfig)| {
        let is_alone = project.run_as.is_some() && config.process.run_as.is_none();
        let message =
            "needs `process.run_as`: else runs of other projects are Rigi's own, and reach this one's files";
        is_alone
            .then(|| ConfigMistake { place: format!("projects.{name}.run_as"), message: message.to_owned() })
    };
    config.projects.iter().filter_map(mistake).chain(config.projects.iter().filter_map(alone)).collect()
}

impl Config {
    /// What is said of a project.
    #[must_use]
    pub fn declared(&self, project: &ProjectName, folder: PathBuf) -> Declared {
        let Some(own) = self.projects.get(project.as_str()) else {
            return Declared { folder, ..Declared::default() };
        };
        let quota = Quota {
            runs: own.runs,
            weight: own.weight.map(|weight| weight.0),
            queued: own.queued,
            cpu: own.cpu.map(|cores| cores.0),
            memory: own.memory.map(|bytes| bytes.0),
            storage: own.storage.map(|bytes| bytes.0),
            max_timeout_ms: own.max_timeout.map(|time| u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX)),
            max_cpu: own.max_cpu.map(|cores| cores.0),
            max_memory: own.max_memory.map(|bytes| bytes.0),
            targets: own.targets.as_ref().map(|names| names.0.clone()),
        };
        let settings = ProjectSettings { target: own.target.clone(), quota, ..ProjectSettings::default() };
        Declared { folder, archived: own.archived == Some(true), settings }
    }
}
