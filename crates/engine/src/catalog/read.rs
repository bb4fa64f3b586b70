//! Reading one pipeline's folder: its files, its spec, its version, or what is wrong with it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::pipeline::document::LARGEST_SPEC;
use rigi_model::pipeline::entry::{NOTEBOOK, SCRIPT};
use rigi_model::pipeline::{Mistake, check_pipeline_name, spec_candidates};
use rigi_model::{ContentHash, PipelineName};
use rigi_store::may_pass;
use rigi_store::tables::versions::VersionFile;
use rustix::fs::FileType;
use sha2::{Digest, Sha256};

use super::pipeline::{MadeOf, Pipeline, Tops};
use super::spec_of::{Content, LOOKED_AT, NotReady, of_folder, read_spec_of};
use crate::folder::CaptureError;
use crate::folder::{CodeLimits, Folder, Walked, list, special_name, walk};

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
    let (spec_file, outcome) = match spec_that_is_no_file(name, &made_of, &walked) {
        Some(mistake) => (None, Err(vec![mistake])),
        None => {
            let tops = walked.files.keys().filter(|path| !path.contains('/')).cloned().collect();
            let content = Disk { folder, made_of: &made_of };
            read_spec_of(name, tops, &walked.left_out, &content)?
        }
    };
    let (name, folder) = (PipelineName::unchecked(name), path.to_owned());
    Ok(Arc::new(Pipeline { name, folder, origin: None, spec_file, outcome, made_of: Mutex::new(made_of) }))
}

fn check_name(name: &str, path: &Path) -> Result<(), Mistake> {
    if path.file_name().is_some_and(|name| name.to_str().is_none()) {
        let message = format!("the name of the folder is not UTF-8: `{name}`");
        return Err(Mistake::of_file("", message).with_cure("Rename the folder."));
    }
    check_pipeline_name(name)
        .map_err(|mistake| Mistake::of_file("", mistake.to_string()).with_cure(mistake.cure()))
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

/// A folder of this machine.
struct Disk<'a> {
    folder: &'a Folder,
    made_of: &'a MadeOf,
}

impl Content for Disk<'_> {
    fn spec(&self, file: &str) -> Result<Vec<u8>, NotReady> {
        read_bounded(self.folder, self.made_of, file)
    }

    fn code(&self, file: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.made_of.listing.open(self.folder, file).ok()?.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn files(&self) -> Vec<VersionFile> {
        self.made_of.listing.files()
    }
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
