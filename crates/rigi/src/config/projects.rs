//! Projects by name: `[projects.NAME]`, one table for each beside the one that is always there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rigi_model::ProjectName;

use super::named::{Section, named_keys};
use super::sections::Config;
use super::value::{Bytes, Cores, Time, Weight};

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

impl Config {
    /// Projects that take no more.
    #[must_use]
    pub fn archived(&self) -> BTreeSet<ProjectName> {
        let archived = self.projects.iter().filter(|(_, project)| project.archived == Some(true));
        archived.map(|(name, _)| ProjectName::unchecked(name.as_str())).collect()
    }
}
