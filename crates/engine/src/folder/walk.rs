//! The walk through a pipeline's folder: what belongs to its code, known by its facts alone, and what is left out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rigi_model::quantity::show_bytes;
use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat, fstat, openat, statat};

use super::{FOLDER, Folder, Target, left_out, special_name};
use crate::folder::CaptureError;

/// Levels of folders.
const DEEPEST: usize = 32;

/// Things that are looked at before a folder is given up, where it may have fewer files.
const MOST_SEEN: usize = 200_000;

/// Where files have no limit: links to folders can make a few of them look like very many.
const UNLIMITED: u64 = 5_000_000;

/// How much one pipeline's code may be; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeLimits {
    /// Files.
    pub files: Option<u64>,
    /// Bytes of them together.
    pub bytes: Option<u64>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Mark {
    /// Of an open file.
    ///
    /// # Errors
    /// If the machine does not say.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Self::from(&fstat(file)?))
    }

    /// The later of both its times, in nanoseconds since 1970, by the clock of its file system.
    #[must_use]
    pub fn newest(&self) -> i128 {
        self.modified.max(self.changed)
    }

    /// Whether somebody may execute it.
    #[must_use]
    pub const fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

impl From<&Stat> for Mark {
    #[expect(clippy::useless_conversion, reason = "the fields' types differ between machines")]
    fn from(stat: &Stat) -> Self {
        let time = |seconds: i64, nanoseconds: i128| i128::from(seconds) * 1_000_000_000 + nanoseconds;
        Self {
            device: stat.st_dev.into(),
            inode: stat.st_ino.into(),
            mode: stat.st_mode,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            changed: time(stat.st_ctime.into(), stat.st_ctime_nsec.into()),
        }
    }
}

/// A file of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// What changes when it does.
    pub mark: Mark,
    /// Its path without links, where its own has one.
    pub real: Option<PathBuf>,
}

/// Something that is not part of the code although it could be meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Path below the folder.
    pub path: String,
    /// What it is, in words.
    pub why: String,
    /// What to do.
    pub cure: &'static str,
}

/// What a walk found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// The code, by path.
    pub files: BTreeMap<String, SeenFile>,
    /// What is left out and told.
    pub left_out: Vec<LeftOut>,
}

/// Walks through a folder.
///
/// # Errors
/// If a link leaves it, it is too large, or cannot be read.
pub fn walk(folder: &Folder, limits: CodeLimits) -> Result<Walked, CaptureError> {
    let root = folder.below(Path::new(""), FOLDER).map_err(|source| read("", source))?;
    let mut walk = Walk { folder, limits, seen: 0, bytes: 0, above: Vec::new(), found: Walked::default() };
    walk.enter(root, "", None)?;
    walk.check_size()?;
    Ok(walk.found)
}

/// Why something that was there a moment ago cannot be read; where it is not there any more, the folder is changing.
fn read(path: &str, source: impl Into<io::Error>) -> CaptureError {
    use rustix::io::Errno as E;
    let source = source.into();
    let errno = source.raw_os_error().map(E::from_raw_os_error);
    if matches!(errno, Some(E::NOENT | E::NOTDIR | E::LOOP | E::STALE)) {
        return CaptureError::Changing;
    }
    let path = if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    CaptureError::Read { path, source }
}

struct Walk<'a> {
    folder: &'a Folder,
    limits: CodeLimits,
    seen: usize,
    bytes: u64,
    /// The folders that the walk is in, by device and inode.
    above: Vec<(u64, u64)>,
    found: Walked,
}

impl Walk<'_> {
    /// `real` is the folder's path without links, where its own has one.
    fn enter(&mut self, opened: OwnedFd, inner: &str, real: Option<&Path>) -> Result<(), CaptureError> {
        if self.above.len() > DEEPEST {
            return Err(CaptureError::TooDeep { path: inner.to_owned() });
        }
        let mark = Mark::of(&opened).map_err(|source| read(inner, source))?;
        let mut items = Dir::new(opened).map_err(|source| read(inner, source))?;
        let names: Vec<Vec<u8>> = items
            .by_ref()
            .map(|item| item.map(|item| item.file_name().to_bytes().to_vec()))
            .collect::<Result<_, _>>()
            .map_err(|source| read(inner, source))?;
        // An environment belongs to the machine that it was made on; the folder itself is code whatever lies in it.
        if !inner.is_empty() && names.iter().any(|name| left_out::marks_environment(name)) {
            return Ok(());
        }
        let opened = items.fd().map_err(|source| read(inner, source))?;
        self.above.push((mark.device, mark.inode));
        for name in names {
            self.item(opened, inner, real, &name)?;
        }
        self.above.pop();
        Ok(())
    }

    fn item(
        &mut self,
        at: BorrowedFd<'_>,
        inner: &str,
        real: Option<&Path>,
        name: &[u8],
    ) -> Result<(), CaptureError> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        let join = |name: &str| if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
        if left_out::by_name(name) {
            if name == left_out::NODE_MODULES.as_bytes() {
                let cure = "Have the command install what it needs, or give the folder another name.";
                self.leave(join(left_out::NODE_MODULES), "is not part of the code", cure);
            }
            return Ok(());
        }
        let path = match std::str::from_utf8(name) {
            Ok(name) => join(name),
            Err(_) => return Err(CaptureError::Name { path: join(&name.escape_ascii().to_string()) }),
        };
        let stat = match statat(at, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            // It went while the folder was read: it is no part of it any more.
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            stat => stat.map_err(|source| read(&path, source))?,
        };
        let real = real.map(|real| real.join(OsStr::from_bytes(name)));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path, real, &stat),
            FileType::Directory => {
                self.count()?;
                let opened = openat(at, OsStr::from_bytes(name), FOLDER, Mode::empty());
                let opened = opened.map_err(|source| read(&path, source))?;
                self.enter(opened, &path, real.as_deref())
            }
            FileType::Symlink => self.link(path),
            kind => {
                self.special(path, kind);
                Ok(())
            }
        }
    }

    fn link(&mut self, path: String) -> Result<(), CaptureError> {
        self.count()?;
        let real = match self.folder.target(Path::new(&path)).map_err(|source| read(&path, source))? {
            Target::Within(real) => real,
            Target::Outside(target) => {
                return Err(CaptureError::LinkLeaves { path, target: target.display().to_string() });
            }
            Target::Nowhere(why) => {
                self.leave(path, format!("is a link that {why}"), "Remove it, or mend where it leads.");
                return Ok(());
            }
        };
        let stat = self.folder.stat(&real).map_err(|source| read(&path, source))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path, Some(real), &stat),
            FileType::Directory => {
                let mark = Mark::from(&stat);
                if self.above.contains(&(mark.device, mark.inode)) {
                    self.leave(path, "is a link to a folder that it lies in", "Remove it.");
                    return Ok(());
                }
                let opened = self.folder.below(&real, FOLDER).map_err(|source| read(&path, source))?;
                self.enter(opened, &path, Some(&real))
            }
            kind => {
                self.special(path, kind);
                Ok(())
            }
        }
    }

    fn file(&mut self, path: String, real: Option<PathBuf>, stat: &Stat) -> Result<(), CaptureError> {
        self.count()?;
        let mark = Mark::from(stat);
        self.bytes = self.bytes.saturating_add(mark.size);
        self.found.files.insert(path, SeenFile { mark, real });
        Ok(())
    }

    fn special(&mut self, path: String, kind: FileType) {
        self.leave(path, format!("is {}", special_name(kind)), "Remove it, or make it where it is used.");
    }

    fn leave(&mut self, path: String, why: impl Into<String>, cure: &'static str) {
        self.found.left_out.push(LeftOut { path, why: why.into(), cure });
    }

    /// One more thing; a folder of far more than may be is not walked to its end.
    fn count(&mut self) -> Result<(), CaptureError> {
        self.seen += 1;
        let limit = self.limits.files.unwrap_or(UNLIMITED);
        let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(2).max(MOST_SEEN);
        if self.seen <= most {
            return Ok(());
        }
        Err(CaptureError::TooLarge {
            what: format!("holds more than {most} files and folders, and may hold {limit} files"),
            key: "limits.code_files",
        })
    }

    fn check_size(&self) -> Result<(), CaptureError> {
        let files = self.found.files.len();
        if let Some(limit) = self.limits.files.filter(|limit| files as u64 > *limit) {
            let what = format!("holds {files} files, and may hold {limit}{}", self.fullest());
            return Err(CaptureError::TooLarge { what, key: "limits.code_files" });
        }
        if let Some(limit) = self.limits.bytes.filter(|limit| self.bytes > *limit) {
            let largest = self.found.files.iter().max_by_key(|(_, file)| file.mark.size);
            let largest = largest
                .map(|(path, file)| format!("; the largest is `{path}` with {}", show_bytes(file.mark.size)));
            let (has, may) = (show_bytes(self.bytes), show_bytes(limit));
            let what = format!("holds {has}, and may hold {may}{}", largest.unwrap_or_default());
            return Err(CaptureError::TooLarge { what, key: "limits.code_size" });
        }
        Ok(())
    }

    /// The folder at the top that holds most files, in words.
    fn fullest(&self) -> String {
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for (top, _) in self.found.files.keys().filter_map(|path| path.split_once('/')) {
            *folders.entry(top).or_default() += 1;
        }
        let fullest = folders.into_iter().max_by_key(|(_, files)| *files);
        fullest.map_or_else(String::new, |(top, files)| format!("; {files} of them lie in `{top}`"))
    }
}

#[cfg(test)]
mod tests;
