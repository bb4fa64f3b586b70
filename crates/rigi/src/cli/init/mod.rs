//! `rigi init`: writes a pipeline that works, to start from. Never over anything that is there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use rigi_model::pipeline::name::check_pipeline_name;

use super::words::quoted;
use crate::terminal::Exit;
use crate::terminal::Failure;
use crate::terminal::say;

/// What kind of pipeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Template {
    /// A Python script
    #[default]
    Script,
    /// A notebook
    Notebook,
    /// A shell command
    Command,
    /// A Python script of several files
    MultiFile,
}

/// A file of a template: its name and its text.
type File = (&'static str, &'static str);

/// Takes a template's files from the folder of its name.
macro_rules! template {
    ($kind:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("templates/", $kind, "/", $file)))),+]
    };
}

impl Template {
    const fn files(self) -> &'static [File] {
        match self {
            Self::Script => template!("script": "main.py", "pipeline.yaml"),
            Self::Notebook => template!("notebook": "main.ipynb", "pipeline.yaml"),
            Self::Command => template!("command": "count.sh", "pipeline.yaml"),
            Self::MultiFile => template!("multi-file": "main.py", "steps.py", "data.csv", "pipeline.yaml"),
        }
    }
}

/// `rigi init`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi init hello
  rigi init count --kind command && rigi run ./count -i text=README.md")]
pub struct Init {
    /// Folder to write; its name is the pipeline's
    #[arg(default_value = "hello", value_name = "DIR")]
    folder: PathBuf,
    /// What kind of pipeline
    #[arg(short, long, value_enum, default_value_t)]
    kind: Template,
}

impl Init {
    /// Writes it.
    ///
    /// # Errors
    /// When a file is there already, or cannot be written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let name = name_of(&self.folder)?;
        let files = self.kind.files();
        let there: Vec<&str> =
            files.iter().map(|(file, _)| *file).filter(|file| self.folder.join(file).exists()).collect();
        if !there.is_empty() {
            let what = format!(
                "`{}` has `{}` already; nothing was written",
                self.folder.display(),
                there.join("`, `")
            );
            return Err(Failure::new(Exit::CannotCreate, what)
                .cure("name another folder: `rigi init NAME`")
                .into());
        }
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("making the folder `{}`", self.folder.display()))?;
        let mut text = String::new();
        for (file, content) in files {
            let path = self.folder.join(file);
            write_new(&path, content).with_context(|| format!("writing `{}`", path.display()))?;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "wrote {}", path.display());
        }
        let (place, name) = (quoted(&shown(&self.folder)), quoted(&name));
        let _ = writeln!(
            text,
            "\nRun it with `rigi run {place}`, or start a server beside it with `rigi up` and"
        );
        let _ = write!(text, "run it there with `rigi run {name} --follow`.");
        say(&text)?;
        Ok(Exit::Ok.into())
    }
}

/// As `rigi run` takes it for a folder: with a `/`.
fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    if text.contains('/') || text == "." { text } else { format!("./{text}") }
}

/// The name that the pipeline will have.
fn name_of(folder: &Path) -> Result<String, Failure> {
    let cannot = |why: &str| {
        Failure::new(Exit::BadInput, format!("`{}` cannot be a pipeline: {why}", folder.display()))
    };
    let absolute = std::path::absolute(folder).map_err(|error| cannot(&error.to_string()))?;
    let name = absolute.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| cannot("it has no name").cure("name a folder: `rigi init NAME`"))?;
    check_pipeline_name(name).map_err(|mistake| cannot(&mistake.to_string()).cure(mistake.cure()))?;
    Ok(name.to_owned())
}

/// Fails if somebody made the file in the meantime.
fn write_new(path: &Path, content: &str) -> std::io::Result<()> {
    std::fs::File::create_new(path)?.write_all(content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_once_and_never_over_something() {
        for kind in Template::value_variants() {
            let parent = tempfile::tempdir().unwrap();
            let folder = parent.path().join("hello");
            let init = || Init { folder: folder.clone(), kind: *kind };
            init().run().unwrap();
            std::fs::write(folder.join("pipeline.yaml"), "mine").unwrap();
            assert!(init().run().is_err());
            assert_eq!(std::fs::read_to_string(folder.join("pipeline.yaml")).unwrap(), "mine");
        }
    }

    #[test]
    fn the_notebook_is_one() {
        let (_, text) = Template::Notebook.files()[0];
        let notebook: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(notebook["nbformat"], 4);
    }

    #[test]
    fn folders_are_shown_as_paths() {
        assert_eq!(shown(Path::new("hello")), "./hello");
        assert_eq!(shown(Path::new("a/b")), "a/b");
    }
}
