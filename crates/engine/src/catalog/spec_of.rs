//! The spec of a pipeline, read from its files wherever they lie.

use rigi_model::parameters::ParameterSchema;
use rigi_model::pipeline::entry::{NOTEBOOK, SCRIPT};
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::{
    FolderFacts, Likeness, Mistake, PipelineSpec, SpecFormat, SpecReading, find_spec, hints,
    is_pipeline_file, likeness, read_spec, read_without_spec,
};
use rigi_model::place::Position;
use rigi_store::may_pass;
use rigi_store::tables::versions::VersionFile;

use super::pipeline::Ready;
use crate::code;
use crate::folder::{CaptureError, LeftOut};

/// Of a script or notebook no more is looked at for what is worth a word, in bytes.
pub(super) const LOOKED_AT: u64 = 1 << 20;

/// The files of a pipeline, wherever they lie.
pub(super) trait Content {
    /// A spec, and one byte more than one may have where it is longer.
    fn spec(&self, file: &str) -> Result<Vec<u8>, NotReady>;
    /// The beginning of a script or notebook.
    fn code(&self, file: &str) -> Option<Vec<u8>>;
    /// All of them, by path.
    fn files(&self) -> Vec<VersionFile>;
}

/// Why a folder is not ready.
pub(super) enum NotReady {
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

pub(super) fn of_folder(error: &CaptureError) -> Mistake {
    let message = match error {
        CaptureError::Read { path, source } if path == "." => format!("the folder cannot be read: {source}"),
        error => error.to_string(),
    };
    let path = error.path().filter(|path| *path != ".").unwrap_or_default();
    Mistake { cure: error.cure(), ..Mistake::of_file(path, message) }
}

/// The spec's file and what it says.
pub(super) type Outcome = (Option<String>, Result<Ready, Vec<Mistake>>);

/// Reads the spec of a folder with these files at its top, of which something is left out.
pub(super) fn read_spec_of(
    name: &str,
    tops: Vec<String>,
    left_out: &[LeftOut],
    content: &impl Content,
) -> Result<Outcome, NotReady> {
    let mut facts = FolderFacts::new(name, tops);
    let mut warnings: Vec<Mistake> = left_out.iter().map(warning_of).collect();
    let reading = match find_spec(&facts) {
        Err(mistake) => Err(vec![mistake]),
        Ok(None) => read_without_spec(&facts).map(|reading| (None, (None, reading))),
        Ok(Some((file, format))) => {
            let bytes = content.spec(&file)?;
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
            let ready = ready(reading, warnings.clone(), &facts, content);
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
    content: &impl Content,
) -> Result<Ready, Vec<Mistake>> {
    let files = content.files();
    let version = code::version_of(&files);
    let SpecReading { spec, mut warnings, rules } = reading;
    warnings.extend(hints(&spec, format, facts, code_of(&spec, content).as_deref()));
    warnings.append(&mut of_folder);
    let schema = spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
    let schema = schema.map_err(|error| vec![Mistake::new(Position::START, error.to_string())])?;
    Ok(Ready { spec, warnings, rules, schema, version, files })
}

/// The text of a script or notebook, as far as it is looked at.
fn code_of(spec: &PipelineSpec, content: &impl Content) -> Option<String> {
    let (Entry::Script { file } | Entry::Notebook { file }) = &spec.entry else { return None };
    Some(String::from_utf8_lossy(&content.code(file)?).into_owned())
}

fn warning_of(left: &LeftOut) -> Mistake {
    let message = match left.why.as_str() {
        why if why.starts_with("is not part") || why.ends_with("taken") => format!("`{}` {why}", left.path),
        why => format!("`{}` {why}, and no part of the code", left.path),
    };
    Mistake::of_file(&left.path, message).with_cure(left.cure)
}
