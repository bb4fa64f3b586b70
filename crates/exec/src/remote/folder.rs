//! What the server keeps of a remote attempt until the engine has kept it elsewhere.
//!
//! `remote/<attempt>/` holds `attempt.json` (its target, and who claimed it), `log`, `outputs/`, `stored.json` (which of
//! the outputs its runner has stored itself), and at the end `ended.json`, which is written when all the rest is on the
//! disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rigi_model::log::{BlockHeader, HEADER_LEN};
use rigi_model::{AttemptKey, Target, Timestamp};
use rigi_work::plan::{Ended, StoredFile};
use serde::{Deserialize, Serialize};

use super::{Refusal, unpack};

const RECORD: &str = "attempt.json";
const LOG: &str = "log";
const OUTPUTS: &str = "outputs";
const STORED: &str = "stored.json";
const ENDED: &str = "ended.json";

/// What is remembered of an attempt beside what it sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub target: Target,
    pub claimed: Option<Claimed>,
    /// What its log says first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Who has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claimed {
    pub runner: String,
    /// What to add to its clock to get the server's, in microseconds.
    pub shift_us: i64,
    pub started: bool,
}

impl Claimed {
    /// By a runner that another server knew by its name. Its clock is taken as it is.
    pub fn before(started: bool) -> Self {
        Self { runner: String::new(), shift_us: 0, started }
    }
}

/// An attempt's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// One writes at a time.
    writing: Mutex<()>,
}

/// Where the log of an attempt lies.
pub fn log_file(root: &Path, key: &AttemptKey) -> PathBuf {
    root.join(key.to_string()).join(LOG)
}

/// All folders with a record; what has none was never handed over, and is removed.
pub fn all(root: &Path) -> io::Result<Vec<(AttemptKey, Folder, Record)>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(key) = name.to_str().and_then(AttemptKey::parse) else { continue };
        let record = fs::read(entry.path().join(RECORD)).ok();
        match record.and_then(|text| serde_json::from_slice(&text).ok()) {
            Some(record) => {
                found.push((key, Folder { path: entry.path(), writing: Mutex::default() }, record))
            }
            None => fs::remove_dir_all(entry.path())?,
        }
    }
    Ok(found)
}

impl Folder {
    pub fn create(root: &Path, key: &AttemptKey, record: &Record) -> io::Result<Self> {
        let path = root.join(key.to_string());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let folder = Self { path, writing: Mutex::default() };
        folder.write_record(record)?;
        Ok(folder)
    }

    pub fn write_record(&self, record: &Record) -> io::Result<()> {
        self.replace(RECORD, &serde_json::to_vec(record)?)
    }

    /// The last word, and when it was said.
    pub fn last_word(&self) -> io::Result<Option<(Timestamp, Ended)>> {
        match fs::read(self.path.join(ENDED)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When this returns, all that the attempt left is on the disk, whatever happens to the machine.
    pub fn write_last_word(&self, at: Timestamp, ended: &Ended) -> io::Result<()> {
        rustix::fs::syncfs(File::open(&self.path)?)?;
        self.replace(ENDED, &serde_json::to_vec(&(at, ended))?)?;
        File::open(&self.path)?.sync_all()
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (path, partial) = (self.path.join(name), self.path.join(format!("{name}.partial")));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(partial, path)
    }

    /// Appends what is not there yet of these bytes, which belong to `offset`. Returns the length.
    pub fn append(&self, offset: u64, bytes: &[u8]) -> Result<u64, Refusal> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(false).mode(0o600).open(self.log_file())?;
        let length = file.metadata()?.len();
        if offset > length {
            return Err(Refusal::Gap(length));
        }
        let known = usize::try_from(length - offset).unwrap_or(usize::MAX).min(bytes.len());
        if let Err(error) = file.write_all_at(&bytes[known..], length) {
            // A reader must not find half a block.
            file.set_len(length)?;
            return Err(error.into());
        }
        Ok(length + (bytes.len() - known) as u64)
    }

    pub fn log_file(&self) -> PathBuf {
        self.path.join(LOG)
    }

    pub fn log_length(&self) -> io::Result<u64> {
        match fs::metadata(self.log_file()) {
            Ok(facts) => Ok(facts.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Lines of the log, by the headers of its blocks.
    pub fn lines(&self) -> io::Result<u64> {
        let length = self.log_length()?;
        if length == 0 {
            return Ok(0);
        }
        let file = File::open(self.log_file())?;
        let (mut at, mut lines, mut header) = (0, 0, [0; HEADER_LEN]);
        while at + HEADER_LEN as u64 <= length {
            file.read_exact_at(&mut header, at)?;
            let Ok(block) = BlockHeader::parse(&header) else { break };
            lines = block.next_line() - 1;
            at += HEADER_LEN as u64 + u64::from(block.stored_len);
        }
        Ok(lines)
    }

    /// Notes down which outputs are stored already, in place of what was noted before.
    pub fn write_stored(&self, files: &[StoredFile]) -> io::Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(STORED, &serde_json::to_vec(files)?)
    }

    /// The outputs that are stored already.
    pub fn stored(&self) -> io::Result<Vec<StoredFile>> {
        match fs::read(self.path.join(STORED)) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Puts what a tar stream holds in place of the outputs, beside empty files for those that are stored already: so
    /// that there is one of each name, and all bounds hold for both.
    pub fn take_outputs(&self, stream: impl io::Read) -> Result<(), Refusal> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path.join(OUTPUTS);
        remove(&path)?;
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let stored = self.stored()?;
        unpack::hold_places(&stored, &path)?;
        unpack::unpack(stream, &path, stored.len())
    }

    pub fn outputs(&self) -> Option<PathBuf> {
        let path = self.path.join(OUTPUTS);
        path.is_dir().then_some(path)
    }

    pub fn remove(&self) -> io::Result<()> {
        // Without its record the rest is nothing.
        let _ = fs::remove_file(self.path.join(RECORD));
        remove(&self.path)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
