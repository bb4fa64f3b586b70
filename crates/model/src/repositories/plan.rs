//! What a sync changes: the pipelines before and after, held against each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ContentHash;
use crate::state::text_enum;

/// Names of files that a line tells of each kind at most.
const MOST_NAMES: usize = 50;

text_enum! {
    /// What becomes of a pipeline.
    Change {
        /// It was not there before.
        Added = "added",
        /// It is there no more.
        Removed = "removed",
        /// Its files are others.
        Changed = "changed",
        /// It is as it was.
        Same = "same",
    }
}

/// A file as far as it matters for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanFile<'a> {
    /// Below the pipeline's folder.
    pub path: &'a str,
    /// Its content.
    pub sha256: ContentHash,
    /// May be executed.
    pub executable: bool,
}

/// A pipeline as it was, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanPipeline<'a> {
    /// Its files.
    pub files: Vec<PlanFile<'a>>,
    /// Why it cannot run, each with its place.
    pub mistakes: Vec<String>,
    /// What is worth a word.
    pub warnings: Vec<String>,
}

/// What becomes of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub change: Change,
    /// Files that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Files that are there no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Files with other content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Why it cannot run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
    /// What is worth a word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a sync changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The commit that it is about.
    pub commit: String,
    /// The commit before; `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The first line of what the commit says of itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Each pipeline, by name; those that stay as they are only where they cannot run.
    pub pipelines: Vec<PlanLine>,
    /// How many stay as they are.
    #[serde(default)]
    pub same: usize,
    /// What of the repository is not taken, and belongs to no pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}

impl Plan {
    /// So many pipelines of it.
    #[must_use]
    pub fn count(&self, change: Change) -> usize {
        self.pipelines.iter().filter(|line| line.change == change).count()
    }

    /// So many that cannot run.
    #[must_use]
    pub fn invalid(&self) -> usize {
        self.pipelines
            .iter()
            .filter(|line| line.change != Change::Removed && !line.mistakes.is_empty())
            .count()
    }
}

/// Pipelines by name.
pub type PlanPipelines<'a> = BTreeMap<&'a str, PlanPipeline<'a>>;

/// A line for each pipeline of before and after that is worth one, and how many are not.
#[must_use]
pub fn diff(before: &PlanPipelines<'_>, after: &PlanPipelines<'_>) -> (Vec<PlanLine>, usize) {
    let mut lines = Vec::new();
    let mut same = 0;
    let mut names: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let nothing = PlanPipeline::default();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        let (mut added, mut removed, mut changed) =
            files(&old.unwrap_or(&nothing).files, &new.unwrap_or(&nothing).files);
        let change = match (old, new) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ if added.is_empty() && removed.is_empty() && changed.is_empty() => Change::Same,
            _ => Change::Changed,
        };
        if change != Change::Changed {
            (added, removed, changed) = Default::default();
        }
        let PlanPipeline { mistakes, warnings, .. } = new.cloned().unwrap_or_default();
        if change == Change::Same {
            same += 1;
            if mistakes.is_empty() {
                continue;
            }
        }
        lines.push(PlanLine { name: name.to_owned(), change, added, removed, changed, mistakes, warnings });
    }
    (lines, same)
}

type Names = (Vec<String>, Vec<String>, Vec<String>);

fn files(old: &[PlanFile<'_>], new: &[PlanFile<'_>]) -> Names {
    let by_path = |files: &[PlanFile<'_>]| -> BTreeMap<String, (ContentHash, bool)> {
        files.iter().map(|file| (file.path.to_owned(), (file.sha256, file.executable))).collect()
    };
    let (old, new) = (by_path(old), by_path(new));
    let mut added: Vec<String> = new.keys().filter(|path| !old.contains_key(*path)).cloned().collect();
    let mut removed: Vec<String> = old.keys().filter(|path| !new.contains_key(*path)).cloned().collect();
    let other =
        |(path, file): &(&String, &(ContentHash, bool))| old.get(*path).is_some_and(|old| old != *file);
    let mut changed: Vec<String> = new.iter().filter(other).map(|(path, _)| path.clone()).collect();
    for names in [&mut added, &mut removed, &mut changed] {
        let more = names.len().saturating_sub(MOST_NAMES);
        names.truncate(MOST_NAMES);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
    }
    (added, removed, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: u8) -> PlanFile<'_> {
        PlanFile { path, sha256: ContentHash::new([content; 32]), executable: false }
    }

    fn pipeline(files: Vec<PlanFile<'_>>) -> PlanPipeline<'_> {
        PlanPipeline { files, ..PlanPipeline::default() }
    }

    #[test]
    fn each_pipeline_is_added_removed_changed_or_the_same() {
        let before = PlanPipelines::from([
            ("gone", pipeline(vec![file("main.py", 1)])),
            ("other", pipeline(vec![file("main.py", 1), file("old.py", 1), file("run.sh", 1)])),
            ("same", pipeline(vec![file("main.py", 1)])),
            ("wrong", PlanPipeline { mistakes: vec!["was".into()], ..pipeline(vec![file("main.py", 1)]) }),
        ]);
        let executable = PlanFile { executable: true, ..file("run.sh", 1) };
        let after = PlanPipelines::from([
            ("new", pipeline(vec![file("main.py", 1)])),
            ("other", pipeline(vec![file("main.py", 2), file("new.py", 1), executable])),
            ("same", pipeline(vec![file("main.py", 1)])),
            ("wrong", PlanPipeline { mistakes: vec!["is".into()], ..pipeline(vec![file("main.py", 1)]) }),
        ]);
        let (lines, same) = diff(&before, &after);
        let told: Vec<_> = lines.iter().map(|line| (line.name.as_str(), line.change)).collect();
        assert_eq!(
            told,
            [
                ("gone", Change::Removed),
                ("new", Change::Added),
                ("other", Change::Changed),
                ("wrong", Change::Same)
            ]
        );
        assert_eq!(
            (lines[2].added.clone(), lines[2].removed.clone()),
            (vec!["new.py".into()], vec!["old.py".into()])
        );
        assert_eq!(lines[2].changed, ["main.py", "run.sh"]);
        assert_eq!((lines[3].mistakes.clone(), same), (vec!["is".to_owned()], 2));
        let plan = Plan { pipelines: lines, same, ..Plan::default() };
        assert_eq!((plan.count(Change::Added), plan.invalid()), (1, 1));
        assert_eq!(diff(&after, &after).0.len(), 1);
    }

    #[test]
    fn a_plan_of_very_many_files_is_short() {
        let names: Vec<String> = (0..5000).map(|n| format!("{n:05}")).collect();
        let before = PlanPipelines::from([("p", pipeline(vec![file("main.py", 1)]))]);
        let files = names.iter().map(|name| file(name, 1)).chain([file("main.py", 1)]).collect();
        let (lines, _) = diff(&before, &PlanPipelines::from([("p", pipeline(files))]));
        assert_eq!(lines[0].added.len(), MOST_NAMES + 1);
        assert_eq!(lines[0].added.last().map(String::as_str), Some("and 4950 more"));
    }
}
