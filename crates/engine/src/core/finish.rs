//! Keeping what an ended attempt left: its log is packed, its files are stored by content.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rigi_exec::plan::{Ended, Sample};
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use rigi_store::inspect::stored_lines;
use rigi_store::logs::{LogSource, Packed};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Error};

use super::outputs::Outputs;
use crate::ledger::Kept;

/// Files of one attempt that are kept at most.
const MOST_ARTIFACTS: usize = 100_000;
/// Between two tries while the disk takes nothing.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// The same while a bucket is away, which many may ask.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Files that are on their way to a bucket at a time, of one attempt.
const FILES_AT_ONCE: usize = 8;
/// So many tries while the disk or the machine fails otherwise: a minute.
const TRIES: u32 = 30;

/// Keeps what one attempt left.
pub(super) struct Keeper {
    pub blobs: Blobs,
    pub declared: Vec<String>,
    pub samples: Vec<(Timestamp, Sample)>,
}

impl Keeper {
    /// Tries until the disk or the bucket takes it: what a run has done is not thrown away because the disk is full or
    /// read-only, or the bucket away, for a while. Other trouble of the machine has a minute to pass.
    pub(super) async fn keep(self, key: AttemptKey, ended: Ended) -> Kept {
        let keeper = std::sync::Arc::new(self);
        let mut tries = 0;
        loop {
            let (this, key_, ended_) = (keeper.clone(), key.clone(), ended.clone());
            let tried = tokio::task::spawn_blocking(move || this.try_keep(&key_, ended_)).await;
            match tried {
                Ok(Ok(kept)) => return kept,
                Ok(Err(error)) if error.may_pass() && (tries < TRIES || takes_nothing(&error)) => {
                    tries += 1;
                    tracing::warn!(%key, %error, "results wait until they can be kept");
                    let longer = matches!(error, Error::Storage { .. }) && tries > 5;
                    let pause = if longer { RETRY_EVERY * (tries - 4) } else { RETRY_EVERY };
                    tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                }
                Ok(Err(error)) => return lost_outputs(ended, error.to_string()),
                Err(panic) => return lost_outputs(ended, panic.to_string()),
            }
        }
    }

    fn try_keep(&self, key: &AttemptKey, ended: Ended) -> Result<Kept, Error> {
        let mut kept = Kept::nothing(ended.clone());
        let source = match (&ended.log.file, ended.log.inline.is_empty()) {
            (Some(file), true) => LogSource::File(file.clone()),
            // Its disk took only a part of it.
            (Some(file), false) => {
                let read = |source| Error::Io { what: format!("read {}", file.display()), source };
                LogSource::Bytes([std::fs::read(file).map_err(read)?, ended.log.inline].concat().into())
            }
            (None, false) => LogSource::Bytes(ended.log.inline.into()),
            (None, true) => LogSource::Empty,
        };
        let object = format!("{}/{}.{}", key.run.short(), key.run, key.number);
        match source.pack(&self.blobs, &object) {
            Ok(Packed::Empty) => {}
            Ok(Packed::Inline(bytes)) => {
                kept.log_bytes = bytes.len() as u64;
                kept.log = Some(bytes);
            }
            Ok(Packed::Object(object)) => {
                kept.log_bytes =
                    std::fs::metadata(self.blobs.log_file(&object)?).map_or(0, |facts| facts.len());
                kept.log_object = Some(object);
            }
            Err(error @ (Error::Full(_) | Error::ReadOnly(_) | Error::Storage { .. } | Error::Io { .. })) => {
                return Err(error);
            }
            // The run is not at fault for a damaged log: it ends as it ended, without it.
            Err(error) => tracing::error!(%key, %error, "the log of an ended attempt cannot be read"),
        }
        // What the disk did not take while it ran is not in it.
        kept.log_lines = stored_lines(kept.log.as_deref(), kept.log_object.as_deref(), &self.blobs)?;
        if !self.samples.is_empty() {
            kept.samples = serde_json::to_string(&self.samples).ok();
        }
        if let Some(outputs) = &ended.outputs {
            kept.artifacts = self.collect(key, outputs)?;
        }
        Ok(kept)
    }

    fn collect(&self, key: &AttemptKey, folder: &Path) -> Result<Vec<Artifact>, Error> {
        let what = |source| Error::Io { what: format!("read {}", folder.display()), source };
        let outputs = Outputs::open(folder).map_err(what)?;
        let files = outputs.files(MOST_ARTIFACTS).map_err(what)?;
        let store = |files: &[PathBuf]| -> Result<Vec<Artifact>, Error> {
            let stored = files.iter().map(|path| self.store(key, &outputs, path));
            stored.filter_map(Result::transpose).collect()
        };
        let mut artifacts = if self.blobs.is_remote() && files.len() > 1 {
            // Each costs the way there and back.
            let share = files.len().div_ceil(FILES_AT_ONCE);
            std::thread::scope(|scope| {
                let working: Vec<_> = files.chunks(share).map(|files| scope.spawn(|| store(files))).collect();
                let done = working.into_iter().map(|one| one.join().unwrap_or(Err(Error::Closed)));
                done.collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
            })?
        } else {
            store(&files)?
        };
        artifacts.sort_by(|a: &Artifact, b| a.path.cmp(&b.path));
        Ok(artifacts)
    }

    fn store(&self, key: &AttemptKey, outputs: &Outputs, file: &Path) -> Result<Option<Artifact>, Error> {
        let Some(path) = file.to_str().map(str::to_owned) else {
            tracing::warn!(%key, ?file, "a file whose name is not UTF-8 was left out");
            return Ok(None);
        };
        let open = |source| Error::Io { what: format!("read {path}"), source };
        let Some(opened) = outputs.file(file).map_err(open)? else {
            tracing::warn!(%key, ?file, "a file that is not the run's own was left out");
            return Ok(None);
        };
        let stored = self.blobs.put(opened)?;
        let output = path
            .split('/')
            .next()
            .filter(|first| self.declared.iter().any(|d| d == first))
            .map(str::to_owned);
        let output = output.filter(|_| path.contains('/'));
        Ok(Some(Artifact::new(path, output, key.number, stored.size, stored.sha256)))
    }
}

fn takes_nothing(error: &Error) -> bool {
    matches!(error, Error::Full(_) | Error::ReadOnly(_) | Error::Storage { .. })
}

/// The attempt ended, but what it wrote cannot be kept: that is not a success.
fn lost_outputs(ended: Ended, why: String) -> Kept {
    let mut kept = Kept::nothing(ended);
    kept.exit = Exit::NotStarted {
        class: FailureClass::Infrastructure,
        reason: Reason::OutputsFailed,
        message: format!("what the run wrote cannot be kept: {why}"),
    };
    kept
}
