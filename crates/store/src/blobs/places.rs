//! What depends on where stored files lie: files of their own for those who need one, logs, names, and what may go.

use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rigi_model::{ContentHash, RunId, Timestamp};

use super::area::measure;
use super::{BlobPlace, Blobs, key_of};
use crate::bucket::Bucket;
use crate::bucket::credentials::RunAccess;
use crate::durable::{make_folder, sync_folder};
use crate::{Error, Result};

/// Part of what is stored for a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    /// Files by content.
    Blobs,
    /// Logs of ended attempts.
    Logs,
}

impl BlobKind {
    /// Its folder.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Logs => "logs",
        }
    }
}

/// Whether what may go is removed, or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Removed.
    Now,
    /// Only counted.
    Counted,
}

/// Objects that are removed by one request.
const REMOVED_TOGETHER: usize = 1000;

fn log_key(object: &str) -> String {
    format!("logs/{object}")
}

impl Blobs {
    /// The folder of everything that belongs to the project, where it is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            BlobPlace::Folder(root) => Some(root),
            BlobPlace::Bucket(..) => None,
        }
    }

    /// The folder of everything that belongs to any project, where it is one.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.folder().and_then(Path::parent)
    }

    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        match &self.place {
            BlobPlace::Folder(_) => None,
            BlobPlace::Bucket(bucket, _) => Some(bucket),
        }
    }

    /// Whether each file costs a request or more, so that several should be on their way at a time.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.folder().is_none()
    }

    /// Where a blob lies, for people.
    #[must_use]
    pub fn name(&self, sha256: &ContentHash) -> String {
        self.name_of(&key_of(sha256))
    }

    /// Where a log lies, for people.
    #[must_use]
    pub fn log_name(&self, object: &str) -> String {
        self.name_of(&log_key(object))
    }

    /// Where all that is the project's lies, for people.
    pub(crate) fn area_name(&self) -> String {
        self.name_of("")
    }

    fn name_of(&self, key: &str) -> String {
        match &self.place {
            BlobPlace::Folder(root) => root.join(key).display().to_string(),
            BlobPlace::Bucket(bucket, _) => bucket.name(key),
        }
    }

    /// A file with a blob's content, which was read and is what was stored. Not to be changed.
    ///
    /// # Errors
    /// If it is damaged or cannot be had.
    pub fn file(&self, sha256: &ContentHash) -> Result<PathBuf> {
        let (bucket, cache) = match &self.place {
            BlobPlace::Folder(root) => {
                self.check(sha256)?;
                return Ok(root.join(key_of(sha256)));
            }
            BlobPlace::Bucket(bucket, cache) => (bucket, cache),
        };
        let name = sha256.to_string();
        if let Some(copy) = cache.find(&name) {
            if super::hash_of(&copy).is_ok_and(|found| found == *sha256) {
                return Ok(copy);
            }
            tracing::warn!(copy = %copy.display(), "a copy of a stored file is damaged: it is fetched again");
            cache.forget(&name);
        }
        let draft = Draft::begin(self.temporary("fetched"))?;
        let mut reader = self.get(sha256)?;
        let write = || Error::io(format!("write a copy of {}", bucket.name(&key_of(sha256))));
        while let Some(piece) = reader.next_piece()? {
            (&draft.file).write_all(&piece).map_err(write())?;
        }
        cache.keep(&name, &draft.path)
    }

    /// A file with a log; what it should hold, its row says.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there; or if it cannot be had.
    pub fn log_file(&self, object: &str) -> Result<PathBuf> {
        match &self.place {
            BlobPlace::Folder(root) => Ok(root.join(log_key(object))),
            BlobPlace::Bucket(_, cache) => match cache.find(object) {
                Some(copy) => Ok(copy),
                None => self.fetch_log(object),
            },
        }
    }

    /// The same, and never a copy that was there before.
    pub(crate) fn fetch_log(&self, object: &str) -> Result<PathBuf> {
        let BlobPlace::Bucket(bucket, cache) = &self.place else { return self.log_file(object) };
        let key = log_key(object);
        let draft = Draft::begin(self.temporary("log"))?;
        let (mut at, mut size) = (0, 1);
        while at < size {
            let bytes;
            (bytes, size) = bucket.read(&key, at)?;
            at += bytes.len() as u64;
            let written = (&draft.file).write_all(&bytes);
            written.map_err(Error::io(format!("write a copy of {}", bucket.name(&key))))?;
        }
        cache.keep(object, &draft.path)
    }

    /// Where a log is written before it is kept.
    pub(crate) fn log_draft(&self, object: &str) -> Result<PathBuf> {
        let BlobPlace::Folder(root) = &self.place else { return Ok(self.temporary("log")) };
        let path = root.join(log_key(&format!("{object}.tmp")));
        path.parent().map_or(Ok(()), make_folder)?;
        Ok(path)
    }

    /// Keeps a log that was written.
    pub(crate) fn keep_log(&self, object: &str, file: &File, draft: &Path) -> Result<()> {
        match &self.place {
            BlobPlace::Folder(root) => {
                file.sync_data().map_err(Error::io(format!("write {}", draft.display())))?;
                let path = root.join(log_key(object));
                fs::rename(draft, &path).map_err(Error::io(format!("move to {}", path.display())))?;
                sync_folder(path.parent().unwrap_or(root))
            }
            BlobPlace::Bucket(bucket, cache) => {
                let size = file.metadata().map_err(Error::io(format!("read {}", draft.display())))?.len();
                bucket.upload(&log_key(object), draft, size)?;
                // Who looks at it next has it here.
                cache.keep(object, draft).map(drop)
            }
        }
    }
}

/// What lies in a bucket and may go. Nothing of it concerns a folder.
impl Blobs {
    /// Removes what was written within `ages` and is not in use, by its name. Returns how many objects and bytes.
    ///
    /// # Errors
    /// If the bucket does not answer; what was removed before stays removed.
    pub fn collect(
        &self,
        part: BlobKind,
        ages: &Range<SystemTime>,
        removal: Removal,
        in_use: &dyn Fn(&str) -> bool,
    ) -> Result<(u64, u64)> {
        let BlobPlace::Bucket(bucket, _) = &self.place else { return Ok((0, 0)) };
        let ages = micros(ages.start)..micros(ages.end);
        let (mut objects, mut bytes, mut going) = (0, 0, Vec::new());
        bucket.list(part.folder(), |key, facts| {
            let name = key.rsplit('/').next().unwrap_or(key);
            if ages.contains(&facts.modified) && !in_use(name) {
                objects += 1;
                bytes += facts.size;
                going.push(key.to_owned());
            }
            if going.len() >= REMOVED_TOGETHER && removal == Removal::Now {
                bucket.remove(std::mem::take(&mut going))?;
            }
            Ok(())
        })?;
        if removal == Removal::Now && !going.is_empty() {
            bucket.remove(going)?;
        }
        Ok((objects, bytes))
    }

    /// Gives up uploads that were broken off, and lets copies go that were not used for long: those of all projects.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub fn tidy(&self, before: SystemTime) -> Result<()> {
        let BlobPlace::Bucket(bucket, cache) = &self.place else { return Ok(()) };
        cache.trim();
        let count = bucket.give_up_uploads(before)?;
        if count > 0 {
            tracing::info!(count, "gave up uploads that were broken off");
        }
        Ok(())
    }

    /// The runs of the project that have written to the storage themselves.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub fn runs_with_files(&self) -> Result<Vec<RunId>> {
        let bucket = match &self.place {
            BlobPlace::Folder(root) => return Ok(measure::runs_with_files(root)),
            BlobPlace::Bucket(bucket, _) => bucket,
        };
        // What is no run's is nobody's of ours: it is left alone.
        Ok(bucket.folders("processes")?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes what a run has written to the storage itself, if all of it was written within `ages`.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub fn remove_files_of(
        &self,
        run: &RunId,
        ages: &Range<SystemTime>,
        removal: Removal,
    ) -> Result<(u64, u64)> {
        let ages = micros(ages.start)..micros(ages.end);
        let bucket = match &self.place {
            BlobPlace::Folder(root) => return measure::remove_files_of(root, run, &ages, removal),
            BlobPlace::Bucket(bucket, _) => bucket,
        };
        let (mut going, mut bytes, mut others) = (Vec::new(), 0, false);
        bucket.list(&format!("processes/{run}"), |key, facts| {
            others |= !ages.contains(&facts.modified);
            bytes += facts.size;
            going.push(key.to_owned());
            Ok(())
        })?;
        if others {
            return Ok((0, 0));
        }
        let objects = going.len() as u64;
        if removal == Removal::Now {
            going.chunks(REMOVED_TOGETHER).try_for_each(|keys| bucket.remove(keys.to_vec()))?;
        }
        Ok((objects, bytes))
    }

    /// Removes all that is the project's.
    ///
    /// # Errors
    /// If the storage does not let it go; what was removed before stays removed.
    pub(crate) fn remove_all(&self) -> Result<()> {
        let bucket = match &self.place {
            BlobPlace::Folder(root) => {
                return match fs::remove_dir_all(root) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(Error::io(format!("remove {}", root.display()))(error))
                    }
                    _ => Ok(()),
                };
            }
            BlobPlace::Bucket(bucket, _) => bucket,
        };
        let mut going = Vec::new();
        bucket.list("", |key, _| {
            going.push(key.to_owned());
            if going.len() < REMOVED_TOGETHER {
                return Ok(());
            }
            bucket.remove(std::mem::take(&mut going))
        })?;
        if going.is_empty() { Ok(()) } else { bucket.remove(going) }
    }

    /// Whether the storage gives runs credentials of its own.
    #[must_use]
    pub fn gives_credentials(&self) -> bool {
        self.bucket().is_some_and(Bucket::gives_credentials)
    }

    /// Credentials for a run, where there is a bucket that gives such.
    ///
    /// # Errors
    /// If they cannot be had.
    pub async fn access_for(&self, run: &RunId) -> Result<Option<RunAccess>> {
        match &self.place {
            BlobPlace::Folder(_) => Ok(None),
            BlobPlace::Bucket(bucket, _) => bucket.access_for(run).await,
        }
    }

    /// Whether the bucket answers; a folder always does.
    ///
    /// # Errors
    /// If it does not.
    pub async fn reach(&self) -> Result<()> {
        match &self.place {
            BlobPlace::Folder(_) => Ok(()),
            BlobPlace::Bucket(bucket, _) => bucket.reach().await,
        }
    }
}

pub(super) fn micros(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A file that is removed unless it becomes something.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn begin(path: PathBuf) -> Result<Self> {
        let file = File::create_new(&path).map_err(Error::io(format!("create {}", path.display())))?;
        Ok(Self { file, path })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it was moved away, this fails as it should.
        let _ = fs::remove_file(&self.path);
    }
}
