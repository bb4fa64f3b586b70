//! Keeping what an ended attempt left: its log is packed, its files are stored by content.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rigi_exec::plan::{Ended, Sample, StoredFile};
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use rigi_store::inspect::stored_lines;
use rigi_store::logs::{LogSource, Packed};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Error, Stored};

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
            kept.artifacts = self.collect(key, outputs, &ended.stored)?;
        }
        Ok(kept)
    }

    fn collect(
        &self,
        key: &AttemptKey,
        folder: &Path,
        stored: &[StoredFile],
    ) -> Result<Vec<Artifact>, Error> {
        let stored: HashMap<&Path, &StoredFile> =
            stored.iter().map(|file| (Path::new(&file.path), file)).collect();
        let what = |source| Error::Io { what: format!("read {}", folder.display()), source };
        let outputs = Outputs::open(folder).map_err(what)?;
        let files = outputs.files(MOST_ARTIFACTS).map_err(what)?;
        let store = |files: &[PathBuf]| -> Result<Vec<Artifact>, Error> {
            let kept = files.iter().map(|path| self.store(key, &outputs, path, stored.get(path.as_path())));
            kept.filter_map(Result::transpose).collect()
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

    fn store(
        &self,
        key: &AttemptKey,
        outputs: &Outputs,
        file: &Path,
        stored: Option<&&StoredFile>,
    ) -> Result<Option<Artifact>, Error> {
        let Some(path) = file.to_str().map(str::to_owned) else {
            tracing::warn!(%key, ?file, "a file whose name is not UTF-8 was left out");
            return Ok(None);
        };
        let open = |source| Error::Io { what: format!("read {path}"), source };
        let Some(opened) = outputs.file(file).map_err(open)? else {
            tracing::warn!(%key, ?file, "a file that is not the run's own was left out");
            return Ok(None);
        };
        let stored = match stored {
            Some(StoredFile { sha256, size, .. }) => {
                // What holds its place here is empty.
                let content = Stored { sha256: sha256.clone(), size: *size };
                self.blobs.hold(&content)?;
                content
            }
            None => self.blobs.put(opened)?,
        };
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

#[cfg(test)]
mod tests {
    use rigi_exec::plan::EndedLog;
    use rigi_model::{RunId, Usage};
    use rigi_store::{BucketConfig, BucketKind, Hidden, Storage};

    use super::*;

    /// A bucket of the MinIO that `RIGI_TEST_S3` names; CI names one.
    fn bucket(data: &Path, collect_after: Duration) -> Option<Blobs> {
        let Ok(named) = std::env::var("RIGI_TEST_S3") else {
            assert!(std::env::var("CI").is_err(), "CI must set RIGI_TEST_S3");
            return None;
        };
        let words: Vec<String> = named.split(' ').map(str::to_owned).collect();
        let config = BucketConfig {
            kind: BucketKind::S3,
            bucket: "rigi-tests".into(),
            prefix: RunId::generate().to_string(),
            endpoint: Some(words[0].clone()),
            region: None,
            access_key_id: Some(words[1].clone()),
            secret_access_key: Some(Hidden(words[2].clone())),
            role: None,
            sts_endpoint: None,
            credentials_for: None,
            collect_after,
        };
        Some(Blobs::open_at(data, "default", &Storage::Bucket(Box::new(config))).unwrap())
    }

    fn ended(outputs: &Path, stored: Vec<StoredFile>) -> Ended {
        let (usage, log, outputs) = (Usage::default(), EndedLog::default(), Some(outputs.to_owned()));
        Ended { exit: Exit::Code { code: 0 }, started_at: None, usage, log, route: None, outputs, stored }
    }

    #[test]
    fn what_its_runner_has_stored_is_kept_unread_and_only_if_it_is_there() {
        let key = AttemptKey { run: RunId::generate(), number: 1 };
        // Young and old: what is old is written anew, so that no collection takes it.
        for collect_after in [Duration::from_secs(3600), Duration::ZERO] {
            let data = tempfile::tempdir().unwrap();
            let Some(blobs) = bucket(data.path(), collect_after) else { return };
            let outputs = data.path().join("outputs");
            std::fs::create_dir_all(outputs.join("maps")).unwrap();
            // Its place in the folder; what it holds is in the bucket.
            std::fs::write(outputs.join("maps/big"), "").unwrap();
            std::fs::write(outputs.join("small"), "small").unwrap();
            let big = blobs.put(&b"big"[..]).unwrap();
            let file = |path: &str, sha256: &str, size| StoredFile {
                path: path.into(),
                sha256: sha256.into(),
                size,
            };
            let keeper = Keeper { blobs, declared: vec!["maps".into()], samples: Vec::new() };
            // What has no place in the folder is nobody's.
            let stored = vec![file("maps/big", &big.sha256, 3), file("../x", &big.sha256, 3)];
            let kept = keeper.try_keep(&key, ended(&outputs, stored)).unwrap().artifacts;
            let seen: Vec<_> = kept.iter().map(|a| (a.path.as_str(), a.output.as_deref(), a.size)).collect();
            assert_eq!(seen, [("maps/big", Some("maps"), 3), ("small", None, 5)]);
            assert_eq!(kept[0].sha256, big.sha256);
            for wrong in [file("maps/big", &"0a".repeat(32), 3), file("maps/big", &big.sha256, 4)] {
                let lost = keeper.try_keep(&key, ended(&outputs, vec![wrong]));
                assert!(matches!(lost, Err(Error::NotFound { .. } | Error::Damaged { .. })), "{lost:?}");
            }
        }
    }
}
