//! Which packages a pipeline's files name, where no environment of it is at hand: in the order in which files count for a build.

use std::collections::BTreeSet;

use rigi_model::packages::{Listed, of_requirements, of_uv_lock};

use super::requirements::{Included, included, text_of};
use super::{project, script};

/// Included files that are read.
const MOST_FILES: usize = 50;
/// What the runner of notebooks brings along.
const BROUGHT: &str = "what the packages bring along is known once they are installed";

/// A pipeline's files, and what of it decides which of them count.
pub struct Files<'a> {
    /// The bytes of a file, by its path in the folder.
    pub read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// The script that is run, if one is.
    pub script: Option<&'a str>,
    /// Requirements that the spec names.
    pub requirements: &'a [String],
    /// The spec is in Fast-Flow's format: then requirements files alone count.
    pub format: Format,
}

/// Whose format a spec has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Rigi's own, or there is none.
    Own,
    /// Fast-Flow's.
    FastFlow,
}

/// What they name.
///
/// # Errors
/// If a file cannot be read: in words, as the end of a sentence.
pub fn declared(files: &Files<'_>) -> Result<Listed, String> {
    let own = if files.requirements.is_empty() {
        Listed::default()
    } else {
        of_requirements(&files.requirements.join("\n"))
    };
    Ok(files.of_source()?.and(own))
}

impl Files<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(bytes) = (self.read)(name) else { return Ok(None) };
        text_of(name, &bytes).map(Some).map_err(|error| error.message)
    }

    fn of_source(&self) -> Result<Listed, String> {
        if self.format == Format::FastFlow {
            return Ok(self.of_files()?.unwrap_or_default());
        }
        let block = match self.script {
            Some(name) => match self.text(name)? {
                Some(text) => script::read(&text).map_err(|why| format!("the block of {name}: {why}"))?,
                None => None,
            },
            None => None,
        };
        if let Some(block) = block {
            return Ok(of_requirements(&block.dependencies.join("\n")));
        }
        let project = self.text("pyproject.toml")?;
        if project.is_some()
            && let Some(lock) = self.text("uv.lock")?
        {
            return of_uv_lock(&lock).map_err(|why| format!("uv.lock: {why}"));
        }
        if let Some(listed) = self.of_files()? {
            return Ok(listed);
        }
        Ok(project.map(|text| of_project(&text)).unwrap_or_default())
    }

    fn of_files(&self) -> Result<Option<Listed>, String> {
        for name in ["requirements.txt.lock", "requirements.txt"] {
            let Some(text) = self.text(name)? else { continue };
            let mut listed = of_requirements(&text);
            if name.ends_with(".lock") {
                listed.incomplete = None;
            }
            return self.with_included(name, listed).map(Some);
        }
        Ok(None)
    }

    fn with_included(&self, name: &str, mut listed: Listed) -> Result<Listed, String> {
        let mut seen: BTreeSet<String> = [name.to_owned()].into();
        let mut waiting: Vec<(String, String)> = Vec::new();
        let take = |from: &str, listed: &mut Listed, waiting: &mut Vec<(String, String)>| {
            waiting
                .extend(std::mem::take(&mut listed.included).into_iter().map(|file| (from.to_owned(), file)));
        };
        take(name, &mut listed, &mut waiting);
        while let Some((from, file)) = waiting.pop() {
            let inner = match included(&from, &file) {
                Ok(Included::Inside(inner)) => inner,
                Ok(Included::Outside(_)) | Err(_) => {
                    listed.incomplete = Some(format!("`{file}` lies outside of the folder"));
                    continue;
                }
            };
            if seen.len() >= MOST_FILES || !seen.insert(inner.clone()) {
                continue;
            }
            let Some(text) = self.text(&inner)? else {
                listed.incomplete = Some(format!("there is no file {inner}"));
                continue;
            };
            let mut more = of_requirements(&text);
            take(&inner, &mut more, &mut waiting);
            listed = listed.and(more);
        }
        Ok(listed)
    }
}

fn of_project(text: &str) -> Listed {
    let project = project::read(text);
    let named = project.as_ref().and_then(|project| project::field(project, "dependencies")?.as_array());
    let lines: Vec<&str> = named.into_iter().flatten().filter_map(|value| value.as_str()).collect();
    let mut listed = of_requirements(&lines.join("\n"));
    listed.incomplete = (!lines.is_empty()).then(|| BROUGHT.to_owned());
    listed
}

#[cfg(test)]
mod tests {
    use rigi_model::packages::Package;

    use super::*;

    fn of(files: &[(&str, &str)], requirements: &[&str], format: Format) -> Result<Listed, String> {
        let read = |name: &str| Some(files.iter().find(|(path, _)| *path == name)?.1.as_bytes().to_vec());
        let requirements: Vec<String> = requirements.iter().map(|&text| text.to_owned()).collect();
        declared(&Files { read: &read, script: Some("main.py"), requirements: &requirements, format })
    }

    #[test]
    fn the_file_that_counts_for_a_build_counts() {
        let block = ("main.py", "# /// script\n# dependencies = [\"a==1\"]\n# ///\n");
        let lock = ("uv.lock", "[[package]]\nname = \"b\"\nversion = \"2\"\nsource = {registry = \"x\"}\n");
        let project = ("pyproject.toml", "[project]\ndependencies = [\"c>=3\", \"d==4\"]\n");
        let (frozen, loose) = (("requirements.txt.lock", "e==5\n"), ("requirements.txt", "-r more/f.txt\n"));
        let more = ("more/f.txt", "-r ../requirements.txt\nf==6\n");
        let names =
            |listed: Listed| listed.packages.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(" ");
        let all = [block, lock, project, frozen, loose, more];
        for (from, expected, complete) in
            [(0, "a", false), (1, "b", true), (3, "e", true), (4, "f", false), (2, "c d", false)]
        {
            let files: Vec<_> = if from == 2 { vec![project] } else { all[from..].to_vec() };
            let listed = of(&files, &[], Format::Own).unwrap();
            assert_eq!(
                (names(listed.clone()).as_str(), listed.incomplete.is_none()),
                (expected, complete),
                "{from}"
            );
        }
        assert_eq!(names(of(&all, &[], Format::FastFlow).unwrap()), "e");
        let both = of(&[frozen], &["g==7"], Format::Own).unwrap();
        assert_eq!(both.packages, [Package::pinned("e", "5"), Package::pinned("g", "7")]);
        assert_eq!(of(&[], &[], Format::Own).unwrap(), Listed::default());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let lock = [("pyproject.toml", ""), ("uv.lock", "[[")];
        assert!(of(&lock, &[], Format::Own).unwrap_err().starts_with("uv.lock: "));
        let outside =
            of(&[("requirements.txt.lock", "-r ../x.txt\n-r gone.txt\n")], &[], Format::Own).unwrap();
        assert!(outside.incomplete.is_some());
        assert!(of(&[("requirements.txt", "a\0")], &[], Format::Own).unwrap_err().contains("NUL"));
    }
}
