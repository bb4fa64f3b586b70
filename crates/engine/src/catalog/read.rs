//! Reading one pipeline's folder: its files, its spec, its version, or what is wrong with it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rigi_model::parameters::ParameterSchema;
use rigi_model::pipeline::document::LARGEST_SPEC;
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::{
    FolderFacts, Mistake, PipelineSpec, Position, SpecFormat, SpecReading, check_pipeline_name, find_spec,
    hints, read_spec, read_without_spec,
};
use rigi_store::may_pass;
use rigi_store::tables::versions::VersionFile;

use crate::code::{self, CaptureError};

/// Of a script or notebook no more is looked at for what is worth a word, in bytes.
const LOOKED_AT: u64 = 1 << 20;

/// A pipeline as its folder is now.
#[derive(Debug)]
pub struct Pipeline {
    /// Name of the folder.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// The file that holds its spec.
    pub spec_file: Option<String>,
    /// What can be run, or every mistake that keeps it from being run.
    pub outcome: Result<Ready, Vec<Mistake>>,
}

/// A pipeline without a mistake.
#[derive(Debug)]
pub struct Ready {
    /// Its spec.
    pub spec: PipelineSpec,
    /// What does not mean what it seems to.
    pub warnings: Vec<Mistake>,
    /// Where the rules of its parameters stand.
    pub rules: BTreeMap<String, Position>,
    /// Its compiled parameters; `None` takes any.
    pub schema: Option<ParameterSchema>,
    /// Hash of its content.
    pub version: String,
    /// Its files.
    pub files: Vec<VersionFile>,
}

impl Pipeline {
    /// Whether nothing changed from one reading to the next.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (&self.outcome, &other.outcome) {
            (Ok(a), Ok(b)) => a.version == b.version,
            (Err(a), Err(b)) => a == b && self.spec_file == other.spec_file,
            _ => false,
        }
    }

    /// The spec's file as people know it, for messages.
    #[must_use]
    pub fn spec_path(&self) -> String {
        match &self.spec_file {
            Some(file) => self.folder.join(file).display().to_string(),
            None => self.folder.display().to_string(),
        }
    }
}

/// Names of the folders that are pipelines or want to be.
pub(super) fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let items = std::fs::read_dir(folder)?;
    let is_folder = |item: &std::fs::DirEntry| item.path().is_dir();
    let name = |item: std::fs::DirEntry| item.file_name().to_str().map(str::to_owned);
    let mut names: Vec<String> = items.filter_map(Result::ok).filter(is_folder).filter_map(name).collect();
    names.retain(|name| !name.starts_with('.') && !name.starts_with("__"));
    names.sort();
    Ok(names)
}

/// Why a folder is not ready.
enum NotReady {
    Mistakes(Vec<Mistake>),
    /// The machine does not let it be read now, and nobody knows what is in it.
    Trouble(std::io::Error),
}

impl From<Vec<Mistake>> for NotReady {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Mistakes(mistakes)
    }
}

/// Reads a folder; `None` if it holds nothing that makes it a pipeline.
///
/// # Errors
/// If the machine does not let it be read now: it has no descriptors left, or its disk fails.
pub fn read_pipeline(name: &str, folder: &Path) -> std::io::Result<Option<Pipeline>> {
    let Some(files) = top_files(folder)? else { return Ok(None) };
    let facts = FolderFacts::new(name, files);
    let found = find_spec(&facts);
    if matches!(found, Ok(None)) && !facts.has("main.py") && !facts.has("main.ipynb") {
        return Ok(None);
    }
    let (spec_file, outcome) = match found {
        Err(mistake) => (None, Err(vec![mistake])),
        Ok(spec) => {
            let outcome = match read_ready(name, folder, &facts, spec.as_ref()) {
                Ok(ready) => Ok(ready),
                Err(NotReady::Mistakes(mistakes)) => Err(mistakes),
                Err(NotReady::Trouble(error)) => return Err(error),
            };
            (spec.map(|(file, _)| file), outcome)
        }
    };
    Ok(Some(Pipeline { name: name.to_owned(), folder: folder.to_owned(), spec_file, outcome }))
}

fn top_files(folder: &Path) -> std::io::Result<Option<Vec<String>>> {
    let items = match std::fs::read_dir(folder) {
        Err(error) if may_pass(&error) => return Err(error),
        Err(_) => return Ok(None),
        Ok(items) => items.filter_map(Result::ok),
    };
    let files =
        items.filter(|item| item.path().is_file()).filter_map(|item| item.file_name().into_string().ok());
    Ok(Some(files.collect()))
}

fn whole_folder(message: impl Into<String>) -> Mistake {
    Mistake::new(Position::START, message)
}

fn read_ready(
    name: &str,
    folder: &Path,
    facts: &FolderFacts,
    spec: Option<&(String, SpecFormat)>,
) -> Result<Ready, NotReady> {
    check_pipeline_name(name).map_err(|mistake| vec![whole_folder(mistake.to_string())])?;
    let reading = match spec {
        None => read_without_spec(facts)?,
        Some((file, format)) => read_spec(*format, &read_bounded(&folder.join(file))?, facts)?,
    };
    let files = code::list(folder).map_err(|error| match error {
        CaptureError::Read { source, .. } if may_pass(&source) => NotReady::Trouble(source),
        error => NotReady::Mistakes(vec![whole_folder(error.to_string())]),
    })?;
    let version = code::version_of(&files);
    let format = spec.map(|(_, format)| *format);
    let SpecReading { spec, mut warnings, rules } = reading;
    warnings.extend(hints(&spec, format, facts, code_of(&spec, folder, &files).as_deref()));
    let schema = spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
    let schema = schema.map_err(|error| vec![whole_folder(error.to_string())])?;
    Ok(Ready { spec, warnings, rules, schema, version, files })
}

/// The text of a script or notebook, as far as it is looked at.
fn code_of(spec: &PipelineSpec, folder: &Path, files: &[VersionFile]) -> Option<String> {
    let (Entry::Script { file } | Entry::Notebook { file }) = &spec.entry else { return None };
    // What was just captured is a plain file, and lies in the folder.
    files.iter().find(|captured| captured.path == *file)?;
    let mut bytes = Vec::new();
    std::fs::File::open(folder.join(file)).ok()?.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// One byte more than a spec may have is enough to know that it is too large.
fn read_bounded(file: &Path) -> Result<Vec<u8>, NotReady> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(file).and_then(|f| f.take(LARGEST_SPEC as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if may_pass(&error) => Err(NotReady::Trouble(error)),
        Err(error) => Err(vec![whole_folder(format!("the file cannot be read: {error}"))].into()),
    }
}
