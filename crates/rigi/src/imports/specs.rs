//! Folders of pipelines that a converter writes: each is read as a server would read it before it is, and nothing that is there is changed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use rigi_model::ErrorCode;
use rigi_model::pipeline::{FolderFacts, SpecFormat, check_pipeline_name, read_spec};
use serde_json::Value;

use super::report::Report;
use crate::trouble::Trouble;

/// The file of a spec.
const SPEC: &str = "pipeline.yaml";
/// Characters of a name that is made of something else.
const LONGEST_NAME: usize = 60;

/// A pipeline to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPipeline {
    /// Its name.
    pub name: String,
    /// Where it comes from, for people.
    pub from: String,
    /// Lines above the spec.
    pub comments: Vec<String>,
    /// Its spec.
    pub spec: Value,
    /// Its other files, by their plain names.
    pub files: Vec<(String, String)>,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Nothing is.
    Dry,
    /// What is new is.
    Real,
}

impl NewPipeline {
    /// The text of its spec.
    ///
    /// # Errors
    /// If it cannot be written as YAML.
    fn text(&self) -> Result<String, String> {
        let mut text = String::new();
        for comment in self.comments.iter().flat_map(|comment| comment.lines()) {
            text.push_str(format!("# {}", rigi_model::text::plain_line(comment, 400)).trim_end());
            text.push('\n');
        }
        text.push_str(&serde_saphyr::to_string(&self.spec).map_err(|error| error.to_string())?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    /// The text of its spec, read as a server would read it.
    ///
    /// # Errors
    /// With what keeps it from running.
    pub fn checked(&self) -> Result<String, String> {
        check_pipeline_name(&self.name).map_err(|error| error.to_string())?;
        let text = self.text()?;
        let files = self.files.iter().map(|(name, _)| name.as_str()).chain([SPEC]);
        let folder = FolderFacts::new(&self.name, files);
        match read_spec(SpecFormat::Yaml, text.as_bytes(), &folder) {
            Ok(_) => Ok(text),
            Err(mistakes) => {
                let said: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
                Err(said.join("; "))
            }
        }
    }
}

/// Names that have been given, so that none is given twice.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// A name made of a text: lower-case letters, digits and `-`.
    pub fn make(&mut self, text: &str) -> String {
        let mut name = String::new();
        for c in text.chars() {
            match c {
                'a'..='z' | '0'..='9' => name.push(c),
                'A'..='Z' => name.push(c.to_ascii_lowercase()),
                '_' if !name.is_empty() => name.push('_'),
                _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
                _ => {}
            }
            if name.len() == LONGEST_NAME {
                break;
            }
        }
        let name = name.trim_matches(['-', '_']);
        let name = if name.is_empty() { "job" } else { name };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !self.0.contains(name));
        let name = free.unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

/// Writes them below a folder, and tells what became of each.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_all(
    folder: &Path,
    pipelines: &[NewPipeline],
    writing: Writing,
    report: &mut Report,
) -> Result<(), Trouble> {
    const SUBJECT: &str = "pipelines";
    report.about(SUBJECT);
    for pipeline in pipelines {
        let text = match pipeline.checked() {
            Ok(text) => text,
            Err(why) => {
                report.left_out(SUBJECT, &pipeline.from, format!("its spec would not run: {why}"));
                continue;
            }
        };
        let to = folder.join(&pipeline.name);
        let files: Vec<(&str, &str)> = pipeline
            .files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .chain([(SPEC, text.as_str())])
            .collect();
        if fs::symlink_metadata(&to).is_ok() {
            let same = files
                .iter()
                .all(|(name, text)| fs::read(to.join(name)).is_ok_and(|there| there == text.as_bytes()));
            if same {
                report.here(SUBJECT, 1);
            } else {
                let why =
                    format!("there is another `{}` in {}, which stays", pipeline.name, folder.display());
                report.left_out(SUBJECT, &pipeline.from, why);
            }
            continue;
        }
        report.came(SUBJECT, 1);
        if writing == Writing::Real {
            put(&to, &files).map_err(|error| {
                let what = format!("{} cannot be written: {error}", to.display());
                Trouble::new(ErrorCode::StorageUnavailable, what, "check the path, the rights and the disk")
            })?;
        }
    }
    Ok(())
}

fn put(to: &Path, files: &[(&str, &str)]) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for (name, text) in files {
        fs::File::create_new(to.join(name))?.write_all(text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pipeline(name: &str, spec: Value) -> NewPipeline {
        let files = vec![("job.sh".to_owned(), "echo 1\n".to_owned())];
        NewPipeline {
            name: name.into(),
            from: "line 3".into(),
            comments: vec!["from\nline 3".into()],
            spec,
            files,
        }
    }

    #[test]
    fn names_are_plain_and_each_is_given_once() {
        let mut names = Names::default();
        for (text, expected) in [
            ("/usr/bin/Backup.sh", "usr-bin-backup-sh"),
            ("backup", "backup"),
            ("backup", "backup-2"),
            ("../..", "job"),
            ("", "job-2"),
            ("--__--", "job-3"),
            ("naïve näme", "na-ve-n-me"),
        ] {
            assert_eq!(names.make(text), expected, "{text}");
        }
        assert!(names.make(&"x".repeat(1000)).len() <= LONGEST_NAME);
    }

    #[test]
    fn what_is_written_runs_and_what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let good = pipeline("good", json!({"command": ["sh", "job.sh"], "env": {"A": "yes", "B": "1: 2"}}));
        let bad = pipeline("bad", json!({"command": "x", "schedule": "99 * * * *"}));
        let write = |pipelines: &[NewPipeline], writing| {
            let mut report = Report::default();
            write_all(folder.path(), pipelines, writing, &mut report).unwrap();
            (report.subjects[0].new, report.subjects[0].here, report.subjects[0].left_out)
        };
        assert_eq!(write(&[good.clone(), bad.clone()], Writing::Dry), (1, 0, 1));
        assert!(!folder.path().join("good").exists());
        assert_eq!(write(&[good.clone(), bad], Writing::Real), (1, 0, 1));
        let text = fs::read_to_string(folder.path().join("good/pipeline.yaml")).unwrap();
        assert!(text.starts_with("# from\n# line 3\n"), "{text}");
        assert!(!folder.path().join("bad").exists());
        assert_eq!(write(std::slice::from_ref(&good), Writing::Real), (0, 1, 0));
        fs::write(folder.path().join("good/job.sh"), "mine").unwrap();
        assert_eq!(write(&[good], Writing::Real), (0, 0, 1));
        assert_eq!(fs::read_to_string(folder.path().join("good/job.sh")).unwrap(), "mine");
    }
}
