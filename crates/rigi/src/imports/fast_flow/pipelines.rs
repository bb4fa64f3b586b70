//! The pipelines folder: read as a server would read it, with what is wrong or another here; copied where that is asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rigi_engine::catalog::{Pipeline, read_pipeline};
use rigi_model::ErrorCode;
use rigi_model::pipeline::Mistake;

use super::{Moving, Run};
use crate::trouble::Trouble;

const SUBJECT: &str = "pipelines";

/// Where a mistake is and what it says, with what to do.
fn said(mistake: &Mistake) -> String {
    let place = match (mistake.path.as_deref(), mistake.line) {
        (Some(path), _) if !path.is_empty() => format!("{path}: "),
        (_, 0) => String::new(),
        (_, line) => format!("line {line}: "),
    };
    let cure = mistake.cure.as_ref().map(|cure| format!(". {cure}")).unwrap_or_default();
    format!("{place}{}{cure}", mistake.message)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Trouble {
    let what = format!("{} cannot be {what}: {error}", path.display());
    Trouble::new(ErrorCode::StorageUnavailable, what, "check the path, the rights and the disk")
}

/// Folders that Fast-Flow takes for pipelines, by name: those that are not hidden.
fn folders(of: &Path) -> Result<BTreeMap<String, PathBuf>, Trouble> {
    let mut all = BTreeMap::new();
    for item in fs::read_dir(of).map_err(|error| cannot("read", of, &error))? {
        let item = item.map_err(|error| cannot("read", of, &error))?;
        let name = item.file_name().to_string_lossy().into_owned();
        if !name.starts_with(['.', '_']) && item.path().is_dir() {
            all.insert(name, item.path());
        }
    }
    Ok(all)
}

impl Moving<'_> {
    /// Whether the folder of this installation is Fast-Flow's own.
    fn is_in_place(&self) -> bool {
        let same = |path: &Path| path.canonicalize().ok();
        same(&self.options.pipelines).is_some_and(|theirs| same(&self.folder) == Some(theirs))
    }

    pub(super) fn bring_pipelines(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let in_place = self.is_in_place();
        let mut count = 0;
        for (name, folder) in folders(&self.options.pipelines)? {
            let limits = self.loaded.config.code_limits();
            let read =
                read_pipeline(&name, &folder, limits).map_err(|error| cannot("read", &folder, &error))?;
            let Some(pipeline) = read else { continue };
            count += 1;
            match &pipeline.outcome {
                Err(mistakes) => {
                    let first = mistakes.first().map(said).unwrap_or_default();
                    let more = mistakes.len().saturating_sub(1);
                    let rest =
                        if more > 0 { format!(" (and {more} more: `rigi validate`)") } else { String::new() };
                    self.report.left_out(SUBJECT, &name, format!("it does not run as it is: {first}{rest}"));
                    continue;
                }
                Ok(ready) => {
                    for warning in &ready.warnings {
                        self.report.differs(SUBJECT, &name, said(warning));
                    }
                    self.specs.insert(name.clone(), ready.spec.clone());
                }
            }
            if in_place {
                self.report.here(SUBJECT, 1);
            } else {
                self.copy(&name, &pipeline)?;
            }
        }
        if count == 0 {
            let folder = self.options.pipelines.display().to_string();
            self.report.left_out(
                SUBJECT,
                &folder,
                "no folder in it is a pipeline; with `PIPELINES_SUBDIR`, name that folder",
            );
        }
        Ok(())
    }

    /// Puts the files of a pipeline beside the others, unless there is one of its name.
    fn copy(&mut self, name: &str, pipeline: &Arc<Pipeline>) -> Result<(), Trouble> {
        let to = self.folder.join(name);
        if fs::symlink_metadata(&to).is_ok() {
            let limits = self.loaded.config.code_limits();
            let there = read_pipeline(name, &to, limits).map_err(|error| cannot("read", &to, &error))?;
            self.report.here(SUBJECT, 1);
            let same = |there: &Arc<Pipeline>| there.listing().files() == pipeline.listing().files();
            if !there.as_ref().is_some_and(same) {
                let why = format!("it is another in {}, which stays", self.folder.display());
                self.report.differs(SUBJECT, name, why);
            }
            // What runs here is what the rest goes by.
            if let Some(Ok(ready)) = there.as_ref().map(|there| &there.outcome) {
                self.specs.insert(name.to_owned(), ready.spec.clone());
            }
            return Ok(());
        }
        self.report.came(SUBJECT, 1);
        if self.options.run == Run::Dry {
            return Ok(());
        }
        // Beside it first: half of a pipeline is none.
        let draft = self.folder.join(format!(".{name}.part"));
        let copied = copy_files(pipeline, &draft).and_then(|()| fs::rename(&draft, &to));
        copied.map_err(|error| {
            let _ = fs::remove_dir_all(&draft);
            cannot("written", &to, &error)
        })
    }
}

fn copy_files(pipeline: &Pipeline, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for file in pipeline.listing().files() {
        let target = to.join(&file.path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        // With its mode.
        fs::copy(pipeline.folder.join(&file.path), target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_says_where_it_is() {
        let mistake = |line, path: Option<&str>| Mistake {
            line,
            column: 1,
            path: path.map(str::to_owned),
            message: "no".into(),
            cure: Some("Do it.".into()),
        };
        assert_eq!(said(&mistake(3, None)), "line 3: no. Do it.");
        assert_eq!(said(&mistake(0, Some("main.py"))), "main.py: no. Do it.");
        assert_eq!(said(&Mistake { cure: None, ..mistake(0, Some("")) }), "no");
    }

    #[test]
    fn hidden_folders_and_files_are_no_pipelines() {
        let root = tempfile::tempdir().unwrap();
        for name in [".git", "__pycache__", "a", "b"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("c"), "").unwrap();
        let names: Vec<String> = folders(root.path()).unwrap().into_keys().collect();
        assert_eq!(names, ["a", "b"]);
        assert!(folders(&root.path().join("none")).is_err());
    }
}
