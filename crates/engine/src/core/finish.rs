//! Keeping what an ended attempt left: its files are stored by content, its log is packed.
//!
//! Trouble with files never costs the log, and the other way round: each is kept as far as it can be, and what cannot
//! is said in the log and in the run's events.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::log::{LastWords, Line};
use rigi_model::{AttemptKey, Exit, Timestamp};
use rigi_store::inspect::stored_lines;
use rigi_store::logs::{LogSource, Notes, Packed};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Error, Result, Stored};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{Ended, EndedLog, Sample, StoredFile};

use super::copy::Brake;
use super::gather::{Gathered, Gatherer};
use crate::ledger::{Kept, Leaving};

/// Between two tries while the disk takes nothing.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// The same while a bucket is away, which many may ask.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// So many tries while the disk or the machine fails otherwise: a minute.
const TRIES: u32 = 30;
/// Of a run that was cancelled, what can be copied within this time is kept.
const AFTER_CANCEL: Duration = Duration::from_secs(30);

/// Keeps what one attempt left.
pub(super) struct Keeper {
    blobs: Blobs,
    declared: Vec<String>,
    limit: Option<u64>,
    samples: Vec<(Timestamp, Sample)>,
    brake: Brake,
}

/// A log as far as it is kept.
#[derive(Debug, Default)]
struct KeptLog {
    lines: u64,
    bytes: u64,
    inline: Option<Vec<u8>>,
    object: Option<String>,
    /// The line of it that says why the process failed.
    quote: Option<String>,
    /// Why it is not kept.
    trouble: Option<String>,
}

impl Keeper {
    /// For what one attempt left, and what stops it.
    pub fn new(blobs: Blobs, leaving: Leaving) -> (Self, AttemptKey, Timestamp, Ended) {
        let Leaving { key, at, ended, declared, output_size, samples, cancelled, .. } = leaving;
        let brake = if cancelled { Brake::after(AFTER_CANCEL) } else { Brake::default() };
        (Self { blobs, declared, limit: output_size, samples, brake }, key, at, ended)
    }

    /// What stops the copying of files.
    pub fn brake(&self) -> Brake {
        self.brake.clone()
    }

    /// Tries until the disk or the bucket takes it: what a run has done is not thrown away because the disk is full or
    /// read-only, or the bucket away, for a while. Other trouble of the machine has a minute to pass.
    pub async fn keep(self, key: AttemptKey, at: Timestamp, mut ended: Ended) -> Kept {
        let keeper = Arc::new(self);
        let mut gathered = Gathered::default();
        if let Some(folder) = ended.outputs.clone() {
            let (number, stored) = (key.number, std::mem::take(&mut ended.stored));
            let gather = move |keeper: &Self| {
                let Self { blobs, declared, limit, brake, .. } = keeper;
                let gatherer = Gatherer { blobs, number, declared, limit: *limit, brake };
                gatherer.gather(&folder, &stored)
            };
            gathered = keeper.clone().insist(&key, gather).await.unwrap_or_else(|why| {
                let mut left = LeftOut::default();
                left.lost(std::path::Path::new("."), why);
                Gathered { left, ..Gathered::default() }
            });
        }
        if ended.outputs.is_none() && !ended.stored.is_empty() {
            gathered = keeper.hold(&key, std::mem::take(&mut ended.stored));
        }
        let left = std::mem::take(&mut gathered.left).with(std::mem::take(&mut ended.left));
        let log = std::mem::take(&mut ended.log);
        let (cut, notes) = (log.cut_bytes, Notes { at, lines: left.lines() });
        let silent = log.file.is_none() && log.inline.is_empty() && notes.lines.is_empty();
        let object = format!("{}/{}.{}", key.run.short(), key.run, key.number);
        let failed = matches!(ended.exit, Exit::Code { code } if code != 0);
        let pack = move |keeper: &Self| {
            let mut words = failed.then(LastWords::default);
            let kept = keep_log(&keeper.blobs, &log, &object, &notes, words.as_mut())?;
            Ok(KeptLog { quote: words.and_then(|words| words.quote()), ..kept })
        };
        // A short run that says nothing is not worth a thread.
        let log = match silent {
            true => KeptLog::default(),
            false => keeper.clone().insist(&key, pack).await.unwrap_or_else(KeptLog::not_kept),
        };
        if let Some(why) = &log.trouble {
            tracing::error!(%key, why, "the log of an ended attempt cannot be kept");
        }
        let samples = &keeper.samples;
        let mut kept = Kept::nothing(ended);
        kept.samples = if samples.is_empty() { None } else { serde_json::to_string(samples).ok() };
        kept.artifacts = gathered.artifacts;
        kept.exit = exit_of(kept.exit, &left, keeper.limit.filter(|_| gathered.over));
        kept.left = said(&left, log.trouble);
        (kept.log_lines, kept.log_cut, kept.log_bytes) = (log.lines, cut, log.bytes);
        (kept.log, kept.log_object, kept.quote) = (log.inline, log.object, log.quote);
        kept
    }

    /// What another run left and is kept already.
    fn hold(&self, key: &AttemptKey, stored: Vec<StoredFile>) -> Gathered {
        let mut gathered = Gathered::default();
        for StoredFile { path, sha256, size } in stored {
            match self.blobs.hold(&Stored { sha256, size }) {
                Ok(()) => {
                    let first = path.split('/').next().filter(|_| path.contains('/'));
                    let output =
                        first.filter(|first| self.declared.iter().any(|d| d == first)).map(str::to_owned);
                    gathered.artifacts.push(Artifact::new(path, output, key.number, size, sha256));
                }
                Err(error) => gathered.left.lost(Path::new(&path), error.to_string()),
            }
        }
        gathered
    }

    async fn insist<T: Send + 'static>(
        self: Arc<Self>,
        key: &AttemptKey,
        what: impl Fn(&Self) -> Result<T> + Send + Sync + 'static,
    ) -> std::result::Result<T, String> {
        let what = Arc::new(what);
        let mut tries = 0;
        loop {
            let (keeper, what) = (self.clone(), what.clone());
            match tokio::task::spawn_blocking(move || what(&keeper)).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) if error.may_pass() && (tries < TRIES || takes_nothing(&error)) => {
                    tries += 1;
                    tracing::warn!(%key, %error, "results wait until they can be kept");
                    let longer = matches!(error, Error::Storage { .. }) && tries > 5;
                    let pause = if longer { RETRY_EVERY * (tries - 4) } else { RETRY_EVERY };
                    tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                }
                Ok(Err(error)) => return Err(error.to_string()),
                Err(panic) => return Err(panic.to_string()),
            }
        }
    }
}

fn takes_nothing(error: &Error) -> bool {
    matches!(error, Error::Full(_) | Error::ReadOnly(_) | Error::Storage { .. })
}

impl KeptLog {
    fn not_kept(why: String) -> Self {
        Self { trouble: Some(why), ..Self::default() }
    }
}

fn keep_log(
    blobs: &Blobs,
    log: &EndedLog,
    object: &str,
    notes: &Notes,
    mut words: Option<&mut LastWords>,
) -> Result<KeptLog> {
    let source = match (&log.file, log.inline.is_empty()) {
        (Some(file), true) => LogSource::File(file.clone()),
        // Its disk took only a part of it.
        (Some(file), false) => {
            let read = |source| Error::Io { what: format!("read {}", file.display()), source };
            LogSource::Bytes([&std::fs::read(file).map_err(read)?, &log.inline[..]].concat().into())
        }
        (None, false) => LogSource::Bytes(log.inline.clone().into()),
        (None, true) => LogSource::Empty,
    };
    let mut kept = KeptLog::default();
    let hear = |line: &Line<'_>| {
        if let Some(words) = &mut words {
            words.hear(line);
        }
    };
    match source.pack_heard(blobs, object, notes, hear) {
        Ok(Packed::Empty) => return Ok(kept),
        Ok(Packed::Inline(bytes)) => {
            kept.bytes = bytes.len() as u64;
            kept.inline = Some(bytes);
        }
        Ok(Packed::Object(object)) => {
            kept.bytes = std::fs::metadata(blobs.log_file(&object)?).map_or(0, |facts| facts.len());
            kept.object = Some(object);
        }
        Err(error) if error.may_pass() => return Err(error),
        // The run is not at fault for a damaged log: it ends as it ended, without it.
        Err(error) => return Ok(KeptLog::not_kept(error.to_string())),
    }
    // What the disk did not take while it ran is not in it.
    kept.lines = stored_lines(kept.inline.as_deref(), kept.object.as_deref(), blobs)?;
    Ok(kept)
}

/// How the attempt ended once its files were looked at: a success is one only with all that it was to leave.
fn exit_of(exit: Exit, left: &LeftOut, over: Option<u64>) -> Exit {
    match (exit, over) {
        (Exit::Code { code: 0 }, Some(limit)) => {
            Exit::LimitExceeded { what: "output_size".to_owned(), limit }
        }
        (Exit::Code { code: 0 }, None) if left.lost > 0 => {
            Exit::OutputsLost { code: 0, message: format!("it exited with 0, but {}", left.sentence()) }
        }
        (exit, _) => exit,
    }
}

/// What is not kept, in a sentence.
fn said(left: &LeftOut, log: Option<String>) -> Option<String> {
    let left = (!left.is_empty()).then(|| left.sentence());
    let log = log.map(|why| format!("its log is not kept: {why}"));
    let parts: Vec<String> = left.into_iter().chain(log).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use rigi_model::log::Stream;

    use super::*;

    fn lost() -> LeftOut {
        let mut left = LeftOut::default();
        left.lost(std::path::Path::new("a"), "cannot be read");
        left
    }

    #[test]
    fn a_success_that_lost_files_is_none_and_every_other_end_stays() {
        let ok = Exit::Code { code: 0 };
        assert_eq!(exit_of(ok.clone(), &LeftOut::default(), None), ok);
        let message = "it exited with 0, but 1 output is not kept: `a` (cannot be read)".to_owned();
        assert_eq!(exit_of(ok.clone(), &lost(), None), Exit::OutputsLost { code: 0, message });
        let over = Exit::LimitExceeded { what: "output_size".into(), limit: 7 };
        assert_eq!(exit_of(ok, &lost(), Some(7)), over);
        for other in [Exit::Code { code: 1 }, Exit::Stopped, Exit::TimedOut { limit_us: 1 }] {
            assert_eq!(exit_of(other.clone(), &lost(), Some(7)), other);
        }
    }

    fn written(stream: Stream, text: &str) -> EndedLog {
        let mut encoder = rigi_model::log::Encoder::new(1);
        encoder.write(Timestamp(1), stream, text.as_bytes());
        let mut inline = Vec::new();
        encoder.take(&mut inline);
        EndedLog { lines: 1, inline, ..EndedLog::default() }
    }

    async fn kept(data: &std::path::Path, ended: Ended) -> Kept {
        let blobs = Blobs::open(data, &rigi_model::ProjectName::default()).unwrap();
        let key = AttemptKey { run: rigi_model::RunId::generate(), number: 1 };
        let leaving = Leaving {
            key: key.clone(),
            project: rigi_model::ProjectName::default(),
            at: Timestamp(2),
            ended,
            declared: Vec::new(),
            output_size: None,
            samples: Vec::new(),
            cancelled: false,
        };
        let (keeper, key, at, ended) = Keeper::new(blobs, leaving);
        keeper.keep(key, at, ended).await
    }

    #[tokio::test]
    async fn a_failed_process_is_quoted_and_no_other() {
        let data = tempfile::tempdir().unwrap();
        let quote = async |exit, text| {
            let ended = Ended::bare(exit, written(Stream::Stderr, text));
            kept(data.path(), ended).await.quote
        };
        let long = format!("{}ValueError: no rows\n", "loading\n".repeat(50_000));
        for text in ["ValueError: no rows\n", &long] {
            let said = quote(Exit::Code { code: 1 }, text).await;
            assert_eq!(said.as_deref(), Some("ValueError: no rows"));
        }
        assert_eq!(quote(Exit::Code { code: 0 }, "ValueError: no rows\n").await, None);
        assert_eq!(quote(Exit::Signal { signal: 9 }, "ValueError: no rows\n").await, None);
        assert_eq!(quote(Exit::Code { code: 1 }, "\n").await, None);
    }

    #[tokio::test]
    async fn a_log_is_kept_whatever_becomes_of_the_files() {
        let data = tempfile::tempdir().unwrap();
        let mut ended = Ended::bare(Exit::Code { code: 0 }, written(Stream::Stdout, "hello\n"));
        ended.outputs = Some(data.path().join("gone"));
        let kept = kept(data.path(), ended).await;
        assert!(matches!(&kept.exit, Exit::OutputsLost { code: 0, .. }), "{:?}", kept.exit);
        assert_eq!(kept.log_lines, 2);
        let (lines, _) = LogSource::Bytes(kept.log.unwrap().into()).page(1, 10, None).unwrap();
        let text: Vec<_> =
            lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
        assert_eq!(text[0], "hello");
        assert!(text[1].starts_with("Not kept: `.`, the folder cannot be read"), "{text:?}");
        assert!(kept.left.unwrap().starts_with("1 output is not kept"));
    }
}
