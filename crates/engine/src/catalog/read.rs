//! Reading one pipeline's folder: its files, its spec, its version, or what is wrong with it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rigi_model::parameters::ParameterSchema;
use rigi_model::pipeline::document::LARGEST_SPEC;
use rigi_model::pipeline::{
    FolderFacts, Mistake, PipelineSpec, Position, SpecFormat, SpecReading, check_pipeline_name, find_spec,
    read_spec, read_without_spec,
};
use rigi_store::tables::versions::VersionFile;

use crate::code;

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
pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(items) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_folder = |item: &std::fs::DirEntry| item.path().is_dir();
    let name = |item: std::fs::DirEntry| item.file_name().to_str().map(str::to_owned);
    let mut names: Vec<String> = items.filter_map(Result::ok).filter(is_folder).filter_map(name).collect();
    names.retain(|name| !name.starts_with('.') && !name.starts_with("__"));
    names.sort();
    names
}

/// Reads a folder; `None` if it holds nothing that makes it a pipeline.
#[must_use]
pub fn read_pipeline(name: &str, folder: &Path) -> Option<Pipeline> {
    let facts = FolderFacts::new(name, top_files(folder)?);
    let found = find_spec(&facts);
    if matches!(found, Ok(None)) && !facts.has("main.py") && !facts.has("main.ipynb") {
        return None;
    }
    let (spec_file, outcome) = match found {
        Err(mistake) => (None, Err(vec![mistake])),
        Ok(spec) => {
            let outcome = read_ready(name, folder, &facts, spec.as_ref());
            (spec.map(|(file, _)| file), outcome)
        }
    };
    Some(Pipeline { name: name.to_owned(), folder: folder.to_owned(), spec_file, outcome })
}

fn top_files(folder: &Path) -> Option<Vec<String>> {
    let items = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let files =
        items.filter(|item| item.path().is_file()).filter_map(|item| item.file_name().into_string().ok());
    Some(files.collect())
}

fn whole_folder(message: impl Into<String>) -> Mistake {
    Mistake::new(Position::START, message)
}

fn read_ready(
    name: &str,
    folder: &Path,
    facts: &FolderFacts,
    spec: Option<&(String, SpecFormat)>,
) -> Result<Ready, Vec<Mistake>> {
    check_pipeline_name(name).map_err(|mistake| vec![whole_folder(mistake.to_string())])?;
    let reading = match spec {
        None => read_without_spec(facts)?,
        Some((file, format)) => read_spec(*format, &read_bounded(&folder.join(file))?, facts)?,
    };
    let files = code::list(folder).map_err(|error| vec![whole_folder(error.to_string())])?;
    let version = code::version_of(&files);
    let SpecReading { spec, warnings, rules } = reading;
    let schema = spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
    let schema = schema.map_err(|error| vec![whole_folder(error.to_string())])?;
    Ok(Ready { spec, warnings, rules, schema, version, files })
}

/// One byte more than a spec may have is enough to know that it is too large.
fn read_bounded(file: &Path) -> Result<Vec<u8>, Vec<Mistake>> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(file).and_then(|f| f.take(LARGEST_SPEC as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(vec![whole_folder(format!("the file cannot be read: {error}"))]),
    }
}
