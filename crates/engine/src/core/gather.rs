//! What an attempt left in its outputs folder, file by file: stored by content, or named with the reason.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rigi_exec::outputs::{LeftOut, MOST_FILES, Outputs};
use rigi_exec::plan::StoredFile;
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Error, Result, Stored};

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
        let work = Work {
            gatherer: self,
            outputs: &outputs,
            stored,
            resumed: Resumed::open(folder),
            bytes: AtomicU64::new(0),
        };
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
    /// So many are kept, or on their way.
    bytes: AtomicU64,
}

impl Work<'_> {
    fn all(&self, files: &[PathBuf]) -> Result<Vec<One>> {
        let keep = |files: &[PathBuf]| files.iter().map(|path| self.keep(path)).collect::<Result<Vec<_>>>();
        if !self.gatherer.blobs.is_remote() || files.len() < 2 {
            return keep(files);
        }
        // Each costs the way there and back.
        let share = files.len().div_ceil(FILES_AT_ONCE);
        std::thread::scope(|scope| {
            let working: Vec<_> = files.chunks(share).map(|files| scope.spawn(|| keep(files))).collect();
            let done = working.into_iter().map(|one| one.join().unwrap_or(Err(Error::Closed)));
            done.collect::<Result<Vec<_>>>().map(|parts| parts.into_iter().flatten().collect())
        })
    }

    fn keep(&self, path: &Path) -> Result<One> {
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
        let file = match self.outputs.file(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(One::Left(path.to_owned(), "a file that is not the run's own".into())),
            Err(error) => return unread(error),
        };
        let facts = match file.metadata() {
            Ok(facts) => facts,
            Err(error) => return unread(error),
        };
        // What holds the place of a stored one is empty.
        let stored = self.stored.get(path);
        let size = stored.map_or(facts.len(), |stored| stored.size);
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        if of.limit.is_some_and(|limit| before.saturating_add(size) > limit) {
            return Ok(One::Over(path.to_owned()));
        }
        if let Some(StoredFile { sha256, size, .. }) = stored {
            let content = Stored { sha256: sha256.clone(), size: *size };
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
