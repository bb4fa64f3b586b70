//! Puts an attempt's folder in place: a writable copy of the code, parameters, inputs, folders for outputs.
//!
//! Folders and small files are what a short run costs most, so that only what the attempt can ask for is made, and
//! small files of a code version are read once and kept: a captured version never changes.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use rigi_model::Reason;
use rigi_model::attempt::FailureClass;

use super::recycling::Recycler;
use crate::account::Account;
use crate::layout::name;
use crate::wire::Launch;

/// Files up to this size are kept in memory, with their version.
const SMALL: u64 = 16 * 1024;
/// A version's files are kept in memory up to this sum.
const SMALL_TOTAL: u64 = 256 * 1024;
/// So many versions are remembered.
const VERSIONS: usize = 32;

/// Why an attempt did not start.
#[derive(Debug)]
pub struct NotStarted {
    pub class: FailureClass,
    pub reason: Reason,
    pub message: String,
}

impl NotStarted {
    fn staging(what: &str, path: &Path, error: &io::Error) -> Self {
        let class = match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => FailureClass::User,
            _ => FailureClass::Infrastructure,
        };
        let reason = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
            _ => Reason::StagingFailed,
        };
        Self {
            class,
            reason,
            message: format!("{what} could not be put in place: {}: {error}", path.display()),
        }
    }
}

/// What a code folder holds, in the order in which it is to be made.
#[derive(Debug)]
pub enum Item {
    Folder(PathBuf),
    Small { path: PathBuf, mode: u32, content: Vec<u8> },
    Large { path: PathBuf, mode: u32 },
    Link { path: PathBuf, target: PathBuf },
}

impl Item {
    /// Relative to the code folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(path)
            | Self::Small { path, .. }
            | Self::Large { path, .. }
            | Self::Link { path, .. } => path,
        }
    }
}

/// What a code folder holds.
#[derive(Debug, Default)]
pub struct Version {
    pub items: Vec<Item>,
    /// Links that lead out of the folder: left out, with a word.
    refused: Vec<PathBuf>,
}

/// Code versions that were staged lately.
#[derive(Debug, Default)]
pub struct Versions {
    known: Mutex<HashMap<PathBuf, Arc<Version>>>,
}

impl Versions {
    /// What this code folder holds.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn get(&self, code: &Path) -> Result<Arc<Version>, NotStarted> {
        let lock = || self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(version) = lock().get(code) {
            return Ok(version.clone());
        }
        let mut version = Version::default();
        let mut kept = 0;
        read_folder(code, Path::new(""), &mut version, &mut kept)
            .map_err(|error| NotStarted::staging("The pipeline's code", code, &error))?;
        let version = Arc::new(version);
        let mut known = lock();
        if known.len() >= VERSIONS {
            known.clear();
        }
        known.insert(code.to_owned(), version.clone());
        Ok(version)
    }
}

fn read_folder(root: &Path, inner: &Path, version: &mut Version, kept: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(root.join(inner))? {
        let entry = entry?;
        let path = inner.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            version.items.push(Item::Folder(path.clone()));
            read_folder(root, &path, version, kept)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            if stays_inside(inner, &target) {
                version.items.push(Item::Link { path, target });
            } else {
                version.refused.push(path);
            }
        } else if kind.is_file() {
            let meta = entry.metadata()?;
            // The copy is the run's own: it may write, whatever the captured file says; executable stays executable.
            let mode = meta.permissions().mode() & 0o777 | 0o600;
            if meta.len() <= SMALL && *kept + meta.len() <= SMALL_TOTAL {
                *kept += meta.len();
                version.items.push(Item::Small { content: fs::read(entry.path())?, path, mode });
            } else {
                version.items.push(Item::Large { path, mode });
            }
        }
    }
    Ok(())
}

/// Whether a link in the folder `inner` to `target` ends within the root.
fn stays_inside(inner: &Path, target: &Path) -> bool {
    let mut depth = inner.components().count();
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// Makes the folder of an attempt, or takes one that is left over. Returns lines for its log.
///
/// # Errors
/// If something cannot be put in place; what was made so far is removed with the attempt.
pub fn stage(
    folder: &Path,
    launch: &Launch,
    versions: &Versions,
    recycler: &Recycler,
) -> Result<Vec<String>, NotStarted> {
    let failed = |what: &'static str| {
        move |(path, error): (PathBuf, io::Error)| NotStarted::staging(what, &path, &error)
    };
    let version = versions.get(&launch.code)?;
    if !(launch.is_plain() && recycler.reuse(&launch.code, folder)) {
        make_attempt_folder(folder).map_err(failed("The run's folder"))?;
        make_folder(&folder.join(name::TMP)).map_err(failed("The run's folder"))?;
        make_folder(&folder.join(name::OUTPUTS)).map_err(failed("The run's outputs folder"))?;
        for output in &launch.outputs {
            make_folder(&folder.join(name::OUTPUTS).join(segment(output)?))
                .map_err(failed("The run's outputs folder"))?;
        }
        place_code(&launch.code, launch, folder, &version).map_err(failed("The pipeline's code"))?;
    }
    if let Some(parameters) = &launch.parameters {
        let path = folder.join(name::PARAMS);
        write_file(&path, 0o600, parameters.as_bytes()).map_err(failed("The run's parameters"))?;
    }
    place_secrets(folder, launch)?;
    place_inputs(folder, launch)?;
    let note = |path: &PathBuf| {
        format!("The link {} leads out of the pipeline's folder and was left out.", path.display())
    };
    Ok(version.refused.iter().map(note).collect())
}

fn make_attempt_folder(folder: &Path) -> Result<(), Failed> {
    make_folder(folder).or_else(|(path, error)| match error.kind() {
        io::ErrorKind::NotFound => {
            let parent = folder.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|error| (parent.to_owned(), error))?;
            make_folder(folder)
        }
        // Left by an attempt that never got to its process.
        io::ErrorKind::AlreadyExists => {
            super::removal::remove(folder).map_err(|error| (folder.to_owned(), error))?;
            make_folder(folder)
        }
        _ => Err((path, error)),
    })
}

type Failed = (PathBuf, io::Error);

fn make_folder(path: &Path) -> Result<(), Failed> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(|error| (path.to_owned(), error))
}

fn write_file(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failed> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(content)).map_err(|error| (path.to_owned(), error))
}

fn place_code(code: &Path, launch: &Launch, folder: &Path, version: &Version) -> Result<(), Failed> {
    let work = launch.work(folder);
    if launch.work.is_none() {
        make_folder(&work)?;
    }
    for item in &version.items {
        match item {
            Item::Folder(path) => make_folder(&work.join(path))?,
            Item::Small { path, mode, content } => write_file(&work.join(path), *mode, content)?,
            Item::Large { path, mode } => copy_file(&code.join(path), &work.join(path), *mode)?,
            Item::Link { path, target } => {
                symlink(target, work.join(path)).map_err(|error| (work.join(path), error))?;
            }
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, mode: u32) -> Result<(), Failed> {
    // Reflinks where the file system can, else copies within the kernel.
    fs::copy(from, to).map_err(|error| (from.to_owned(), error))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(|error| (to.to_owned(), error))
}

fn place_secrets(folder: &Path, launch: &Launch) -> Result<(), NotStarted> {
    if launch.secrets.files.is_empty() {
        return Ok(());
    }
    let root = folder.join(name::SECRETS);
    let failed = |(path, error): Failed| NotStarted::staging("A secret", &path, &error);
    make_folder(&root).map_err(failed)?;
    for file in &launch.secrets.files {
        let path = root.join(segment(&file.name)?);
        write_file(&path, 0o400, file.content.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

fn make_if_missing(folder: &Path) -> Result<(), Failed> {
    match make_folder(folder) {
        Err((_, error)) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn place_inputs(folder: &Path, launch: &Launch) -> Result<(), NotStarted> {
    if launch.inputs.is_empty() {
        return Ok(());
    }
    let root = folder.join(name::INPUTS);
    let failed = |(path, error): Failed| NotStarted::staging("An input", &path, &error);
    make_folder(&root).map_err(failed)?;
    for input in &launch.inputs {
        let mut into = root.join(segment(&input.input)?);
        make_if_missing(&into).map_err(failed)?;
        // Files of a step come with their folders.
        let mut parts = input.name.split('/').peekable();
        while let Some(part) = parts.next() {
            into.push(segment(part)?);
            if parts.peek().is_some() {
                make_if_missing(&into).map_err(failed)?;
            }
        }
        copy_file(&input.path, &into, 0o444).map_err(failed)?;
    }
    Ok(())
}

/// Gives what is in place to another account. The folder itself stays Rigi's, so that nothing in it can be replaced,
/// and only this account can go through it; what the run would make there is there already.
///
/// # Errors
/// If something cannot be given.
pub fn hand_over(folder: &Path, account: Account) -> Result<(), NotStarted> {
    let failed = |error: io::Error| NotStarted::staging("The run's folder", folder, &error);
    for file in [name::EVENTS, name::ROUTE] {
        write_file(&folder.join(file), 0o600, b"").map_err(|(_, error)| failed(error))?;
    }
    let given = account.hand_over(folder).and_then(|()| chown(folder, None, Some(account.group)));
    given.and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o710))).map_err(failed)
}

/// A name that is one segment of a path and stays one.
fn segment(text: &str) -> Result<&str, NotStarted> {
    let mut parts = Path::new(text).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == text);
    if plain && !text.contains('\0') {
        return Ok(text);
    }
    let message = format!("`{}` cannot be the name of a file", text.escape_default());
    Err(NotStarted { class: FailureClass::User, reason: Reason::StagingFailed, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_or_are_refused() {
        for (inner, target, inside) in [
            ("", "data.csv", true),
            ("a/b", "../../x", true),
            ("a", "../../x", false),
            ("", "/etc/passwd", false),
            ("a", "b/../../../x", false),
            ("", "..", false),
        ] {
            assert_eq!(stays_inside(Path::new(inner), Path::new(target)), inside, "{inner} -> {target}");
        }
    }

    #[test]
    fn names_with_paths_in_them_are_refused() {
        assert!(segment("a b.csv").is_ok());
        for bad in ["", ".", "..", "a/b", "/a", "a/", "a\0b"] {
            assert!(segment(bad).is_err(), "{bad:?}");
        }
    }
}
