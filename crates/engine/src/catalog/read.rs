//! Reading one pipeline's folder: its files, its spec, its version, or what is wrong with it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::parameters::ParameterSchema;
use rigi_model::pipeline::document::LARGEST_SPEC;
use rigi_model::pipeline::entry::{NOTEBOOK, SCRIPT};
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::{
    FolderFacts, Likeness, Mistake, PipelineSpec, SpecFormat, SpecReading, check_pipeline_name, find_spec,
    hints, is_pipeline_file, likeness, read_spec, read_without_spec, spec_candidates,
};
use rigi_model::place::Position;
use rigi_model::{ContentHash, PipelineName, VersionHash};
use rigi_store::may_pass;
use rigi_store::tables::versions::VersionFile;
use rustix::fs::FileType;
use sha2::{Digest, Sha256};

use crate::code;
use crate::folder::CaptureError;
use crate::folder::{CodeLimits, Folder, LeftOut, Listing, Walked, list, special_name, walk};

/// Of a script or notebook no more is looked at for what is worth a word, in bytes.
const LOOKED_AT: u64 = 1 << 20;

/// A pipeline as its folder is now.
#[derive(Debug)]
pub struct Pipeline {
    /// Name of the folder, also one that no pipeline may have.
    pub name: PipelineName,
    /// Where it is.
    pub folder: PathBuf,
    /// The file that holds its spec.
    pub spec_file: Option<String>,
    /// What can be run, or every mistake that keeps it from being run.
    pub outcome: Result<Ready, Vec<Mistake>>,
    /// What it was made of.
    made_of: Mutex<MadeOf>,
}

/// What a reading was made of: as long as all of it is the same, so is what was read.
#[derive(Debug, Default, Clone)]
struct MadeOf {
    listing: Arc<Listing>,
    left_out: Vec<LeftOut>,
    tops: Tops,
}

/// What stands under the names at the top of a folder that make it a pipeline.
type Tops = BTreeMap<String, FileType>;

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
    pub version: VersionHash,
    /// Its files.
    pub files: Vec<VersionFile>,
}

impl Pipeline {
    /// Whether nothing changed from one reading to the next.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (&self.outcome, &other.outcome) {
            (Ok(a), Ok(b)) => a.version == b.version && a.warnings == b.warnings,
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

    /// The file that a mistake is in, as people know it.
    #[must_use]
    pub fn path_of(&self, mistake: &Mistake) -> String {
        match mistake.path.as_deref() {
            None => self.spec_path(),
            Some("") => self.folder.display().to_string(),
            Some(path) => self.folder.join(path).display().to_string(),
        }
    }

    /// The files that its code was read from.
    pub fn listing(&self) -> Arc<Listing> {
        self.made_of().listing
    }

    fn made_of(&self) -> MadeOf {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One whose folder cannot be read as code.
    pub(super) fn refused(name: &str, folder: &Path, mistakes: Vec<Mistake>) -> Self {
        let (name, folder, outcome) = (PipelineName::unchecked(name), folder.to_owned(), Err(mistakes));
        Self { name, folder, spec_file: None, outcome, made_of: Mutex::default() }
    }
}

/// Folders that are pipelines or want to be: their names, and where they are. A name that is no text is shown as one.
pub(super) fn names(folder: &Path) -> std::io::Result<BTreeMap<String, PathBuf>> {
    let items = std::fs::read_dir(folder)?.filter_map(Result::ok);
    let is_folder = |item: &std::fs::DirEntry| match item.file_type() {
        Ok(kind) if kind.is_symlink() => item.path().is_dir(),
        kind => kind.is_ok_and(|kind| kind.is_dir()),
    };
    let named = items.filter(is_folder).map(|item| (shown(&item.file_name()), item.path()));
    Ok(named.filter(|(name, _)| is_served(name)).collect())
}

/// A folder's name as a text; one that is none has its odd bytes as `\xe9`.
pub(super) fn shown(name: &OsStr) -> String {
    name.to_str().map_or_else(|| name.as_bytes().escape_ascii().to_string(), str::to_owned)
}

/// Whether a folder of this name can hold a pipeline: hidden ones, and `__pycache__` and its like, are nobody's.
pub(super) fn is_served(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.') && !name.starts_with("__")
}

/// Why a folder is not ready.
enum NotReady {
    Mistakes(Vec<Mistake>),
    /// The machine does not let it be read now, and nobody knows what is in it.
    Trouble(std::io::Error),
    /// It is not what it was when it was walked: it is to be read again.
    Changing,
    /// It holds data, and nothing of a pipeline.
    NoPipeline,
}

impl From<Vec<Mistake>> for NotReady {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Mistakes(mistakes)
    }
}

impl From<CaptureError> for NotReady {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Changing => Self::Changing,
            CaptureError::Read { source, .. } if may_pass(&source) => Self::Trouble(source),
            error => Self::Mistakes(vec![of_folder(&error)]),
        }
    }
}

fn of_folder(error: &CaptureError) -> Mistake {
    let message = match error {
        CaptureError::Read { path, source } if path == "." => format!("the folder cannot be read: {source}"),
        error => error.to_string(),
    };
    let path = error.path().filter(|path| *path != ".").unwrap_or_default();
    Mistake { cure: error.cure(), ..Mistake::of_file(path, message) }
}

/// Reads a folder; `None` if it holds nothing that makes it a pipeline.
///
/// # Errors
/// If the machine does not let it be read now: it has no descriptors left, or its disk fails.
pub fn read_pipeline(
    name: &str,
    folder: &Path,
    limits: CodeLimits,
) -> std::io::Result<Option<Arc<Pipeline>>> {
    read_again(name, folder, limits, None)
}

/// The same; where nothing has changed since `former` was read, it is what it was.
pub(super) fn read_again(
    name: &str,
    path: &Path,
    limits: CodeLimits,
    former: Option<&Arc<Pipeline>>,
) -> std::io::Result<Option<Arc<Pipeline>>> {
    /// Readings of a folder that changes all the while.
    const TRIES: u32 = 5;
    let wrong = |mistakes| Ok(Some(Arc::new(Pipeline::refused(name, path, mistakes))));
    let opened = Folder::open(path).and_then(|folder| Ok((tops(&folder, name)?, folder)));
    let (mut tops, folder) = match opened {
        Ok(opened) => opened,
        Err(error) if may_pass(&error) => return Err(error),
        // Nothing can be called so.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidFilename | ErrorKind::InvalidInput) => {
            return Ok(None);
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return wrong(vec![of_folder(&CaptureError::Read { path: ".".to_owned(), source })]),
    };
    let mut tries = 0;
    loop {
        if tops.is_empty() {
            return Ok(None);
        }
        match read_once(name, path, &folder, limits, tops, former) {
            Ok(pipeline) => return Ok(Some(pipeline)),
            Err(NotReady::NoPipeline) => return Ok(None),
            Err(NotReady::Trouble(error)) => return Err(error),
            Err(NotReady::Mistakes(mistakes)) => return wrong(mistakes),
            Err(NotReady::Changing) if tries < TRIES => tries += 1,
            Err(NotReady::Changing) => return wrong(vec![of_folder(&CaptureError::Changing)]),
        }
        tops = self::tops(&folder, name)?;
    }
}

/// What stands under the names that make a folder a pipeline.
fn tops(folder: &Folder, name: &str) -> std::io::Result<Tops> {
    let specs = spec_candidates(name).into_iter().map(|(file, _)| file);
    let mut tops = Tops::new();
    for file in specs.chain([SCRIPT, NOTEBOOK].map(str::to_owned)) {
        if let Some(kind) = folder.kind(&file)? {
            tops.insert(file, kind);
        }
    }
    // Any folder may be called like this; it says nothing of a pipeline.
    let own = format!("{name}.json");
    if tops.get(&own) == Some(&FileType::Directory) {
        tops.remove(&own);
    }
    Ok(tops)
}

fn read_once(
    name: &str,
    path: &Path,
    folder: &Folder,
    limits: CodeLimits,
    tops: Tops,
    former: Option<&Arc<Pipeline>>,
) -> Result<Arc<Pipeline>, NotReady> {
    check_name(name, path).map_err(|mistake| vec![mistake])?;
    let walked = walk(folder, limits)?;
    let known = former.map(|former| former.made_of()).unwrap_or_default();
    let same_facts = known.tops == tops && known.left_out == walked.left_out;
    if let Some(former) = former
        && same_facts
        && known.listing.is_fresh(&walked)
    {
        return Ok(former.clone());
    }
    let listing = Arc::new(list(folder, &walked, &known.listing)?);
    let made_of = MadeOf { listing, left_out: walked.left_out.clone(), tops };
    if let Some(former) = former
        && same_facts
        && known.listing.is_same_code(&made_of.listing)
    {
        *former.made_of.lock().unwrap_or_else(PoisonError::into_inner) = made_of;
        return Ok(former.clone());
    }
    let (spec_file, outcome) = read_spec_of(name, folder, &walked, &made_of)?;
    let (name, folder) = (PipelineName::unchecked(name), path.to_owned());
    Ok(Arc::new(Pipeline { name, folder, spec_file, outcome, made_of: Mutex::new(made_of) }))
}

fn check_name(name: &str, path: &Path) -> Result<(), Mistake> {
    if path.file_name().is_some_and(|name| name.to_str().is_none()) {
        let message = format!("the name of the folder is not UTF-8: `{name}`");
        return Err(Mistake::of_file("", message).with_cure("Rename the folder."));
    }
    check_pipeline_name(name)
        .map_err(|mistake| Mistake::of_file("", mistake.to_string()).with_cure(mistake.cure()))
}

/// The spec's file and what it says.
type Outcome = (Option<String>, Result<Ready, Vec<Mistake>>);

fn read_spec_of(name: &str, folder: &Folder, walked: &Walked, made_of: &MadeOf) -> Result<Outcome, NotReady> {
    let tops = walked.files.keys().filter(|path| !path.contains('/'));
    let mut facts = FolderFacts::new(name, tops.cloned());
    let mut warnings: Vec<Mistake> = walked.left_out.iter().map(warning_of).collect();
    if let Some(mistake) = spec_that_is_no_file(name, made_of, walked) {
        return Ok((None, Err(vec![mistake])));
    }
    let reading = match find_spec(&facts) {
        Err(mistake) => Err(vec![mistake]),
        Ok(None) => read_without_spec(&facts).map(|reading| (None, (None, reading))),
        Ok(Some((file, format))) => {
            let bytes = read_bounded(folder, made_of, &file)?;
            match as_spec(&file, format, &bytes) {
                Taken::Spec => {
                    let reading = read_spec(format, &bytes, &facts).map_err(|m| or_data(&file, m));
                    match reading {
                        Ok(reading) => Ok((Some(file), (Some(format), reading))),
                        Err(mistakes) => {
                            return Ok((Some(file), Err(mistakes.into_iter().chain(warnings).collect())));
                        }
                    }
                }
                Taken::Data(_) if !facts.has(SCRIPT) && !facts.has(NOTEBOOK) => {
                    return Err(NotReady::NoPipeline);
                }
                Taken::Data(warning) => {
                    facts.files.remove(&file);
                    warnings.push(warning);
                    read_without_spec(&facts).map(|reading| (None, (None, reading)))
                }
                Taken::Wrong(mistake) => return Ok((Some(file), Err(vec![mistake]))),
            }
        }
    };
    // What was left out may be what is missing.
    let with_warnings = |mistakes: Vec<Mistake>| mistakes.into_iter().chain(warnings.clone()).collect();
    match reading {
        Err(mistakes) => Ok((None, Err(with_warnings(mistakes)))),
        Ok((file, reading)) => {
            let ready = ready(reading, warnings.clone(), &facts, folder, &made_of.listing);
            Ok((file, ready.map_err(with_warnings)))
        }
    }
}

/// What a file under a spec's name is taken for.
enum Taken {
    Spec,
    Data(Mistake),
    Wrong(Mistake),
}

fn as_spec(file: &str, format: SpecFormat, bytes: &[u8]) -> Taken {
    let likeness = likeness(format, bytes);
    if !is_pipeline_file(file) {
        let what = match likeness {
            Likeness::Spec => return Taken::Spec,
            Likeness::Data(what) => what,
            Likeness::Foreign(fields) => format!("it has {fields}, and none of a spec's fields"),
        };
        let message = format!("`{file}` is taken for data, not for a spec: {what}");
        let cure = "A spec is called `pipeline.yaml`, `pipeline.toml` or `pipeline.json`.";
        return Taken::Data(Mistake::of_file(file, message).with_cure(cure));
    }
    match likeness {
        // In Fast-Flow's format unknown fields are no mistake.
        Likeness::Foreign(fields) if format != SpecFormat::Json => {
            let message =
                format!("`{file}` is no spec of Rigi: it has {fields}, and none of a spec's fields");
            let cure = "Give it another name, or move it into a folder within the pipeline's.";
            Taken::Wrong(Mistake::of_file(file, message).with_cure(cure))
        }
        _ => Taken::Spec,
    }
}

/// Data that happens to be called as its folder needs no mending.
fn or_data(file: &str, mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    if !is_pipeline_file(file) {
        let mistake = Mistake::of_file(file, format!("`{file}` is read as the spec of its folder"));
        mistakes.push(mistake.with_cure("If it is data, add a `pipeline.yaml`; an empty one is enough."));
    }
    mistakes
}

fn ready(
    (format, reading): (Option<SpecFormat>, SpecReading),
    mut of_folder: Vec<Mistake>,
    facts: &FolderFacts,
    folder: &Folder,
    listing: &Listing,
) -> Result<Ready, Vec<Mistake>> {
    let files = listing.files();
    let version = code::version_of(&files);
    let SpecReading { spec, mut warnings, rules } = reading;
    warnings.extend(hints(&spec, format, facts, code_of(&spec, folder, listing).as_deref()));
    warnings.append(&mut of_folder);
    let schema = spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
    let schema = schema.map_err(|error| vec![Mistake::new(Position::START, error.to_string())])?;
    Ok(Ready { spec, warnings, rules, schema, version, files })
}

/// The text of a script or notebook, as far as it is looked at.
fn code_of(spec: &PipelineSpec, folder: &Folder, listing: &Listing) -> Option<String> {
    let (Entry::Script { file } | Entry::Notebook { file }) = &spec.entry else { return None };
    let mut bytes = Vec::new();
    listing.open(folder, file).ok()?.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn warning_of(left: &LeftOut) -> Mistake {
    let message = match left.why.as_str() {
        why if why.starts_with("is not part") => format!("`{}` {why}", left.path),
        why => format!("`{}` {why}, and no part of the code", left.path),
    };
    Mistake::of_file(&left.path, message).with_cure(left.cure)
}

/// The spec's name, with something behind it that is not read.
fn spec_that_is_no_file(name: &str, made_of: &MadeOf, walked: &Walked) -> Option<Mistake> {
    let mut odd = spec_candidates(name)
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| !walked.files.contains_key(file));
    let (kind, file) = odd.find_map(|file| Some((*made_of.tops.get(&file)?, file)))?;
    let why = walked.left_out.iter().find(|left| left.path == file).map(|left| left.why.clone());
    let why = why.unwrap_or_else(|| format!("is {}", special_name(kind)));
    let mistake = Mistake::of_file(&file, format!("`{file}` {why}; a spec is a file"));
    Some(mistake.with_cure("Put a file in its place, or remove it."))
}

/// One byte more than a spec may have is enough to know that it is too large.
fn read_bounded(folder: &Folder, made_of: &MadeOf, file: &str) -> Result<Vec<u8>, NotReady> {
    let mut bytes = Vec::new();
    let opened = made_of.listing.open(folder, file).map_err(|error| match error {
        CaptureError::Read { source, .. } if may_pass(&source) => NotReady::Trouble(source),
        _ => NotReady::Changing,
    })?;
    match opened.take(LARGEST_SPEC as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if may_pass(&error) => return Err(NotReady::Trouble(error)),
        Err(source) => return Err(CaptureError::Read { path: file.to_owned(), source }.into()),
    }
    // What is read here is what the version says, or it is read again.
    let whole = bytes.len() <= LARGEST_SPEC;
    if whole && !made_of.listing.has(file, &ContentHash::new(Sha256::digest(&bytes).into())) {
        return Err(NotReady::Changing);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
