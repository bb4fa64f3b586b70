//! `rigi pipelines from-tool`: a command-line tool that describes itself becomes the folder of a pipeline.

mod ask;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rigi_model::pipeline::name::check_pipeline_name;
use rigi_model::tools::{
    Generated, GeneratedFile, LARGEST_DESCRIPTION, ToolError, generate, read_ctd, read_defaults,
};

use super::words::quoted;
use crate::terminal::{Exit, Failure, remark, say};

/// `rigi pipelines from-tool`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi pipelines from-tool FileInfo --into pipelines
  rigi pipelines from-tool PeakPickerHiRes.ini --name pick
  rigi pipelines from-tool filter.py")]
pub struct FromTool {
    /// A program that is asked with `-write_ctd`, or a file: CTD, ParamXML (.ini), or Python with `DEFAULTS`
    #[arg(value_name = "TOOL")]
    tool: PathBuf,
    /// The folder of pipelines that it is written into
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
    /// The pipeline's name; the tool's unless told
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write over what an earlier call has written
    #[arg(long)]
    force: bool,
}

/// A description as it was found.
struct Source {
    kind: Kind,
    /// Where it is from, for people.
    from: String,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ctd,
    Ini,
    Python,
}

impl FromTool {
    /// Writes it, and says what could not be taken.
    ///
    /// # Errors
    /// When the tool does not describe itself, or the folder is there already.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let source = self.source()?;
        let made = self.made(source)?;
        let name = self.name.clone().unwrap_or_else(|| made.name.clone());
        check_pipeline_name(&name).map_err(|mistake| {
            let what = format!("`{}` cannot be a pipeline: {mistake}", name.escape_debug());
            Failure::new(Exit::BadInput, what).cure("give it another name: `--name NAME`")
        })?;
        let folder = self.into.join(&name);
        self.write(&folder, &made)?;
        say(&summary(&folder, &made))?;
        for note in &made.notes {
            remark(&format!("note: {note}"));
        }
        Ok(Exit::Ok.into())
    }

    /// Reads the file, or asks the program.
    fn source(&self) -> anyhow::Result<Source> {
        let shown = self.tool.display().to_string();
        let ending = self.tool.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        let kind = match ending.as_deref() {
            Some("py") => Kind::Python,
            Some("ini") => Kind::Ini,
            Some("ctd" | "xml") => Kind::Ctd,
            _ => {
                let (kind, bytes, from) = ask::describe(&self.tool)?;
                return Ok(Source { kind, from, bytes });
            }
        };
        Ok(Source { kind, bytes: read_bounded(&self.tool)?, from: shown })
    }

    fn made(&self, source: Source) -> anyhow::Result<Generated> {
        let Source { kind, from, bytes } = source;
        let cannot = |error: ToolError| {
            Failure::new(Exit::BadInput, format!("`{from}` cannot become a pipeline: {error}"))
        };
        let name = match kind {
            Kind::Ctd => "tool.ctd",
            Kind::Ini => "tool.ini",
            Kind::Python => "tool.py",
        };
        let tool = if kind == Kind::Python {
            let stem = self.tool.file_stem().and_then(|stem| stem.to_str()).unwrap_or("tool");
            read_defaults(stem, &ask::defaults(&self.tool, &bytes)?)
        } else {
            read_ctd(&bytes)
        };
        let made = tool.and_then(|tool| generate(&tool, GeneratedFile::new(name, bytes)));
        Ok(made.map_err(cannot)?)
    }

    fn write(&self, folder: &Path, made: &Generated) -> anyhow::Result<()> {
        let is_there = |file: &&GeneratedFile| folder.join(&file.name).symlink_metadata().is_ok();
        let there: Vec<&str> = made.files.iter().filter(is_there).map(|file| file.name.as_str()).collect();
        if !there.is_empty() && !self.force {
            let what =
                format!("`{}` has `{}` already; nothing was written", folder.display(), there.join("`, `"));
            let cure = "name another pipeline with `--name`, or write over it with `--force`";
            return Err(Failure::new(Exit::CannotCreate, what).cure(cure).into());
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder `{}`", folder.display()))?;
        for file in &made.files {
            let path = folder.join(&file.name);
            replace(folder, &path, &file.bytes).with_context(|| format!("writing `{}`", path.display()))?;
        }
        Ok(())
    }
}

/// Whole or not at all, and never through a link that is there.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = folder.join(name);
    let written = File::create_new(&part).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| std::fs::rename(&part, path)).inspect_err(|_| {
        // What could not be written is of no use.
        let _ = std::fs::remove_file(&part);
    })
}

/// A file of at most as many bytes as a description may have.
fn read_bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::NotFound, format!("`{}` cannot be read: {error}", path.display()))
    };
    let file = File::open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(Failure::new(Exit::BadInput, format!("`{}` is no file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_DESCRIPTION as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > LARGEST_DESCRIPTION {
        let what = format!("`{}` has more than the 8 MiB that a description may have", path.display());
        return Err(Failure::new(Exit::BadInput, what));
    }
    Ok(bytes)
}

fn summary(folder: &Path, made: &Generated) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let inputs: String = made.inputs.first().map(|input| format!(" -i {input}=FILE")).unwrap_or_default();
    let around = folder.parent().filter(|around| !around.as_os_str().is_empty());
    let around = around.map_or_else(|| ".".to_owned(), |around| around.display().to_string());
    format!(
        "wrote {}\nparameters  {}\ninputs      {}\noutputs     {}\n\n\
         Run it with `rigi run {}{inputs} --follow`, or start a server on the folder with `rigi up {}`.",
        folder.display(),
        made.parameters,
        list(&made.inputs),
        list(&made.outputs),
        quoted(&shown(folder)),
        quoted(&around),
    )
}

/// As `rigi run` takes it for a folder: with a `/`.
fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    if text.contains('/') { text } else { format!("./{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INI: &str = r#"<PARAMETERS version="1.7.0"><NODE name="Demo" description="A demo.">
        <ITEM name="version" value="1" type="string"/><NODE name="1">
        <ITEM name="in" value="" type="input-file" required="true" supported_formats="*.txt"/>
        <ITEM name="n" value="3" type="int" restrictions="0:9"/></NODE></NODE></PARAMETERS>"#;

    fn from_tool(tool: PathBuf, into: &Path) -> FromTool {
        FromTool { tool, into: into.to_owned(), name: None, force: false }
    }

    #[test]
    fn a_file_becomes_a_folder_once_and_again_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("demo.ini");
        std::fs::write(&file, INI).unwrap();
        let run = |force| FromTool { force, ..from_tool(file.clone(), folder.path()) }.run();
        run(false).unwrap();
        let spec = folder.path().join("Demo/pipeline.yaml");
        assert!(std::fs::read_to_string(&spec).unwrap().contains("maximum: 9"));
        std::fs::write(&spec, "mine").unwrap();
        assert!(run(false).is_err());
        assert_eq!(std::fs::read_to_string(&spec).unwrap(), "mine");
        run(true).unwrap();
        assert_ne!(std::fs::read_to_string(&spec).unwrap(), "mine");
        let left = std::fs::read_dir(folder.path().join("Demo")).unwrap();
        assert_eq!(left.count(), 4);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("demo.ini");
        std::fs::write(&file, INI).unwrap();
        let named = |name: &str| {
            let name = Some(name.to_owned());
            FromTool { name, ..from_tool(file.clone(), folder.path()) }.run().is_err()
        };
        assert!(named("../out") && named("a/b") && named(".hidden") && named(""));
    }

    #[test]
    fn what_is_too_large_or_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large.ctd");
        File::create(&file).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(read_bounded(&file).unwrap_err().exit, Exit::BadInput);
        assert_eq!(read_bounded(folder.path()).unwrap_err().exit, Exit::BadInput);
        assert_eq!(read_bounded(&folder.path().join("missing")).unwrap_err().exit, Exit::NotFound);
    }
}
