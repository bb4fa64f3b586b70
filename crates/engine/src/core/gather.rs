//! What an attempt left in its outputs folder, file by file: stored by content, or named with the reason.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Error, Result, Stored};
use rigi_work::outputs::{LeftOut, MOST_FILES, Outputs};
use rigi_work::plan::StoredFile;

use super::copy::{Brake, Copied, copy};
use super::resumed::Resumed;

/// Files that are on their way to a bucket at a time, of one attempt.
const FILES_AT_ONCE: usize = 8;
/// A longer path fits into no index.
const LONGEST_PATH: usize = 2000;

/// How outputs are gathered.
pub(super) struct Gatherer<'a> {
    pub blobs: &'a Blobs,
    /// The attempt's number.
    pub number: u32,
    /// Names of the declared outputs.
    pub declared: &'a [String],
    /// Bytes that are kept at most.
    pub limit: Option<u64>,
    pub brake: &'a Brake,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub artifacts: Vec<Artifact>,
    pub left: LeftOut,
    /// The limit on bytes was reached.
    pub over: bool,
}

/// What became of one file.
enum One {
    Kept(Artifact),
    Left(PathBuf, String),
    Lost(PathBuf, String),
    Over(PathBuf),
    Stopped,
}

impl Gatherer<'_> {
    /// Stores all that can be stored.
    ///
    /// # Errors
    /// If the disk or the bucket does not take it, or the machine does not let anybody look now: another try may help.
    pub fn gather(&self, folder: &Path, stored: &[StoredFile]) -> Result<Gathered> {
        let mut gathered = Gathered::default();
        let what = |source| Error::Io { what: format!("read {}", folder.display()), source };
        let outputs = match Outputs::open(folder) {
            Ok(outputs) => outputs,
            Err(error) if rigi_store::may_pass(&error) => return Err(what(error)),
            Err(error) => {
                gathered.left.lost(Path::new("."), format!("the folder cannot be read: {error}"));
                return Ok(gathered);
            }
        };
        let mut listing = outputs.list(MOST_FILES).map_err(what)?;
        listing.files.sort();
        gathered.left = listing.left;
        let stored = stored.iter().map(|file| (Path::new(&file.path), file)).collect();
        let work = Work { gatherer: self, outputs: &outputs, stored, resumed: Resumed::open(folder) };
        let mut stopped = 0;
        for one in work.all(&listing.files)? {
            match one {
                One::Kept(artifact) => gathered.artifacts.push(artifact),
                One::Left(path, why) => gathered.left.add(&path, why),
                One::Lost(path, why) => gathered.left.lost(&path, why),
                One::Over(path) => {
                    gathered.over = true;
                    gathered.left.add(&path, "beyond the limit of `limits.output_size`");
                }
                One::Stopped => stopped += 1,
            }
        }
        gathered.artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        let mut twice = Vec::new();
        gathered.artifacts.dedup_by(|later, first| {
            let same = later.path == first.path;
            if same {
                twice.push(later.path.clone());
            }
            same
        });
        for path in twice {
            gathered.left.lost(Path::new(&path), "another file is kept under this name");
        }
        if stopped > 0 {
            let files = if stopped == 1 { "1 file".to_owned() } else { format!("{stopped} files") };
            let why = format!("{files} more: the run was cancelled before that was copied");
            gathered.left.add(Path::new("."), why);
        }
        Ok(gathered)
    }

    fn artifact(&self, path: String, content: Stored) -> Artifact {
        let first = path.split('/').next().filter(|_| path.contains('/'));
        let output = first.filter(|first| self.declared.iter().any(|d| d == first)).map(str::to_owned);
        Artifact::new(path, output, self.number, content.size, content.sha256)
    }
}

/// The files of one folder on their way.
struct Work<'a> {
    gatherer: &'a Gatherer<'a>,
    outputs: &'a Outputs,
    /// Those that their runner has stored.
    stored: HashMap<&'a Path, &'a StoredFile>,
    resumed: Resumed,
}

impl Work<'_> {
    fn all(&self, files: &[PathBuf]) -> Result<Vec<One>> {
        let keep = |files: &[PathBuf], mut bytes: u64| {
            files.iter().map(|path| self.keep(path, &mut bytes)).collect::<Result<Vec<_>>>()
        };
        if !self.gatherer.blobs.is_remote() || files.len() < 2 {
            return keep(files, 0);
        }
        // Each costs the way there and back.
        let share = files.len().div_ceil(FILES_AT_ONCE);
        let starts = self.starts(files, share);
        std::thread::scope(|scope| {
            let parts = files.chunks(share).zip(starts);
            let working: Vec<_> =
                parts.map(|(files, start)| scope.spawn(move || keep(files, start))).collect();
            let done = working.into_iter().map(|one| one.join().unwrap_or(Err(Error::Closed)));
            done.collect::<Result<Vec<_>>>().map(|parts| parts.into_iter().flatten().collect())
        })
    }

    /// The bytes of all files before each part: what a limit leaves out must not depend on who is faster.
    fn starts(&self, files: &[PathBuf], share: usize) -> Vec<u64> {
        let mut bytes: u64 = 0;
        let starts = files.chunks(share).map(|part| {
            let start = bytes;
            if self.gatherer.limit.is_some() {
                let size = |path: &PathBuf| self.open(path).ok().flatten().map_or(0, |(_, _, size)| size);
                bytes = part.iter().map(size).fold(bytes, u64::saturating_add);
            }
            start
        });
        starts.collect()
    }

    /// A file, what the machine says of it, and the bytes that are kept of it; `None` if it is not the run's own.
    fn open(&self, path: &Path) -> io::Result<Option<(File, Metadata, u64)>> {
        let Some(file) = self.outputs.file(path)? else { return Ok(None) };
        let facts = file.metadata()?;
        // What holds the place of a stored one is empty.
        let size = self.stored.get(path).map_or(facts.len(), |stored| stored.size);
        Ok(Some((file, facts, size)))
    }

    /// Keeps a file; `bytes` are those of the files before it, and grow by its own.
    fn keep(&self, path: &Path, bytes: &mut u64) -> Result<One> {
        let of = self.gatherer;
        if of.brake.is_pulled() {
            return Ok(One::Stopped);
        }
        let name = name_of(path);
        if name.len() > LONGEST_PATH {
            return Ok(One::Left(path.to_owned(), format!("its path has more than {LONGEST_PATH} bytes")));
        }
        let unread = |error: io::Error| -> Result<One> {
            if rigi_store::may_pass(&error) {
                return Err(Error::Io { what: format!("read {name}"), source: error });
            }
            Ok(One::Lost(path.to_owned(), format!("cannot be read: {error}")))
        };
        let (file, facts, size) = match self.open(path) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(One::Left(path.to_owned(), "a file that is not the run's own".into())),
            Err(error) => return unread(error),
        };
        *bytes = bytes.saturating_add(size);
        if of.limit.is_some_and(|limit| *bytes > limit) {
            return Ok(One::Over(path.to_owned()));
        }
        if let Some(StoredFile { sha256, size, .. }) = self.stored.get(path) {
            let content = Stored { sha256: *sha256, size: *size };
            return match of.blobs.hold(&content) {
                Ok(()) => Ok(One::Kept(of.artifact(name, content))),
                Err(error) if error.may_pass() => Err(error),
                Err(error) => Ok(One::Lost(path.to_owned(), error.to_string())),
            };
        }
        if let Some(content) = self.resumed.find(&name, &facts, of.blobs) {
            return Ok(One::Kept(of.artifact(name, content)));
        }
        match copy(of.blobs, &file, of.brake)? {
            Copied::Stored(content) => {
                self.resumed.note(&name, &facts, &content);
                Ok(One::Kept(of.artifact(name, content)))
            }
            Copied::Unreadable(error) => unread(error),
            Copied::Stopped => Ok(One::Stopped),
        }
    }
}

/// The name under which a file is kept: its path; bytes of it that are no UTF-8 are written as `\xE9`.
fn name_of(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut name = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to memory does not fail.
            let _ = write!(name, "\\x{byte:02X}");
        }
    }
    name
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
