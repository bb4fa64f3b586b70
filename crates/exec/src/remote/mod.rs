//! Attempts that run where the server does not see them: in containers, on clusters.
//!
//! A runner beside each of them claims it with a token, fetches what it needs, ships its log while it grows
//! and its outputs at its end. What arrives is kept in a folder per attempt, so that the server may die at any moment:
//! the runner says again what was not acknowledged. The executors only see to it that the runner lives.

mod ends;
mod folder;
mod token;
mod unpack;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Target, Timestamp};
use tokio::sync::mpsc;

use folder::{Claimed, Folder, Record};
use rigi_work::plan::{Ended, Known, Observation, Observed, Phase, StoredFile};
use rigi_work::wire::{self, Claim, MOST_STORED, Report, Said};
pub use token::TokenKey;

/// Why a runner is not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The attempt has ended, was stopped for good, or never was.
    #[error("the attempt {0} is not waited for any more")]
    Gone(AttemptKey),
    /// Another runner has claimed it.
    #[error("the attempt {0} was claimed by another runner")]
    Taken(AttemptKey),
    /// Who ended it is being looked at.
    #[error("what became of the attempt {0} is being looked at; it is to be said again")]
    Early(AttemptKey),
    /// Bytes before these are missing.
    #[error("the log has {0} bytes: those that follow come first")]
    Gap(u64),
    /// What was sent cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// The disk does not take it.
    #[error("it cannot be kept: {0}")]
    Disk(#[from] io::Error),
}

/// All remote attempts of a server. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    tokens: TokenKey,
    observed: mpsc::UnboundedSender<Observed>,
    /// Each has a lock of its own: one that is written to the disk holds up no other.
    attempts: Mutex<HashMap<AttemptKey, Arc<Mutex<Attempt>>>>,
    /// Held while a new one is noted down, so that it is noted down once.
    noting: Mutex<()>,
    /// Targets whose executor has not seen yet what became of its attempts while no server watched.
    blind: Mutex<HashSet<Target>>,
}

/// One of them, as the server knows it.
struct Attempt {
    folder: Arc<Folder>,
    record: Record,
    /// Somebody asked for its end.
    stopping: bool,
    /// Why others than Rigi end it, for people.
    moved: Option<String>,
    ended: bool,
    /// Reports before this one were heard.
    heard: u64,
    lines: u64,
}

impl Remote {
    /// Finds what is left of attempts in `root`. Ends that nobody may have heard of are told again.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn open(
        root: PathBuf,
        tokens: TokenKey,
        observed: mpsc::UnboundedSender<Observed>,
    ) -> io::Result<Self> {
        let mut attempts = HashMap::new();
        let mut ends = Vec::new();
        for (key, folder, record) in folder::all(&root)? {
            let last = folder.last_word()?;
            let ended = last.is_some();
            ends.extend(last.map(|last| (key.clone(), last)));
            let folder = Arc::new(folder);
            let attempt = Attempt { folder, record, stopping: false, moved: None, ended, heard: 0, lines: 0 };
            attempts.insert(key, Arc::new(Mutex::new(attempt)));
        }
        let blind = Mutex::default();
        let (attempts, noting) = (Mutex::new(attempts), Mutex::default());
        let inner = Inner { root, tokens, observed, attempts, noting, blind };
        let remote = Self { inner: Arc::new(inner) };
        for (key, (at, ended)) in ends {
            remote.tell(key, at, Observation::Ended(Box::new(ended)));
        }
        Ok(remote)
    }

    /// What is known of a target's attempts from before.
    #[must_use]
    pub fn known(&self, target: &Target) -> Vec<Known> {
        let phase = |attempt: &Attempt| match &attempt.record.claimed {
            _ if attempt.ended => Phase::Ended,
            Some(Claimed { started: true, .. }) => Phase::Running,
            _ => Phase::Preparing,
        };
        self.of(target, |key, attempt| Some(Known { key: key.clone(), phase: phase(attempt) }))
    }

    /// Expects a runner for this attempt. `false` if it is known already.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn expect(&self, key: &AttemptKey, target: &Target) -> io::Result<bool> {
        let _one = self.inner.noting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_known(key) {
            return Ok(false);
        }
        let record = Record { target: target.clone(), claimed: None, notes: Vec::new() };
        let folder = Arc::new(Folder::create(&self.inner.root, key, &record)?);
        let attempt =
            Attempt { folder, record, stopping: false, moved: None, ended: false, heard: 0, lines: 0 };
        self.attempts().insert(key.clone(), Arc::new(Mutex::new(attempt)));
        Ok(true)
    }

    /// Takes over an attempt that another server has started: its runner goes on, and tells what this one has not heard. Which runner it
    /// is, is known when it speaks; where its process runs already, no other may come.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn adopt(&self, key: &AttemptKey, target: &Target, started: bool) -> io::Result<()> {
        if !self.expect(key, target)? || !started {
            return Ok(());
        }
        let claim = |attempt: &mut Attempt| {
            attempt.record.claimed = Some(Claimed::before(started));
            attempt.folder.write_record(&attempt.record)
        };
        self.with(key, claim).unwrap_or(Ok(()))
    }

    /// A runner that speaks without having claimed here has claimed it where another server led.
    fn heard_of(attempt: &mut Attempt) -> io::Result<()> {
        if attempt.record.claimed.is_none() {
            attempt.record.claimed = Some(Claimed::before(false));
            attempt.folder.write_record(&attempt.record)?;
        }
        Ok(())
    }

    /// An attempt that cannot even be noted down has not started.
    pub fn refuse(&self, key: AttemptKey, error: &io::Error) {
        tracing::error!(%key, %error, "an attempt cannot be noted down");
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let reason = if full { Reason::DiskFull } else { Reason::StagingFailed };
        let message = format!("The attempt cannot be noted down: {error}");
        let (now, words) = (Timestamp::now(), [message.clone()]);
        let exit = Exit::NotStarted { class: FailureClass::Infrastructure, reason, message };
        self.tell(key, now, Observation::Ended(Box::new(Ended::without_start(exit, now, &words))));
    }

    /// What its runner shows.
    #[must_use]
    pub fn token(&self, key: &AttemptKey) -> String {
        self.inner.tokens.token(key)
    }

    /// Whose token this is, as long as the attempt is waited for.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<AttemptKey> {
        self.inner.tokens.open(token)
    }

    /// Whether the attempt is known and has not ended.
    #[must_use]
    pub fn is_open(&self, key: &AttemptKey) -> bool {
        self.with(key, |attempt| !attempt.ended).unwrap_or(false)
    }

    /// Whether it is known, ended or not.
    #[must_use]
    pub fn is_known(&self, key: &AttemptKey) -> bool {
        self.attempts().contains_key(key)
    }

    /// The attempts of a target that have not ended.
    #[must_use]
    pub fn open_of(&self, target: &Target) -> Vec<AttemptKey> {
        self.of(target, |key, attempt| (!attempt.ended).then(|| key.clone()))
    }

    /// Lines of its log that have arrived.
    #[must_use]
    pub fn lines(&self, key: &AttemptKey) -> u64 {
        let folder = self.with(key, |attempt| attempt.folder.clone());
        folder.and_then(|folder| folder.lines().ok()).unwrap_or(0)
    }

    /// Whether its runner has come.
    #[must_use]
    pub fn is_claimed(&self, key: &AttemptKey) -> bool {
        self.with(key, |attempt| attempt.record.claimed.is_some()).unwrap_or(false)
    }

    /// Whether its process runs.
    #[must_use]
    pub fn has_started(&self, key: &AttemptKey) -> bool {
        let claimed = |attempt: &mut Attempt| attempt.record.claimed.as_ref().is_some_and(|c| c.started);
        self.with(key, claimed).unwrap_or(false)
    }

    /// Remembers that its end was asked for; returns whether it is open.
    pub fn stopping(&self, key: &AttemptKey) -> bool {
        let stop = |attempt: &mut Attempt| {
            attempt.stopping |= !attempt.ended;
            !attempt.ended
        };
        self.with(key, stop).unwrap_or(false)
    }

    /// Whether its end was asked for.
    #[must_use]
    pub fn is_stopping(&self, key: &AttemptKey) -> bool {
        self.with(key, |attempt| attempt.stopping).unwrap_or(false)
    }

    /// Its log is to say this first.
    pub fn note(&self, key: &AttemptKey, words: String) {
        let noted = self.with(key, |attempt| {
            attempt.record.notes.push(words);
            attempt.folder.write_record(&attempt.record)
        });
        if let Some(Err(error)) = noted {
            tracing::warn!(%key, %error, "what the log of an attempt is to say first is not on the disk");
        }
    }

    /// What its log says first.
    #[must_use]
    pub fn notes(&self, key: &AttemptKey) -> Vec<String> {
        self.with(key, |attempt| attempt.record.notes.clone()).unwrap_or_default()
    }

    /// An executor has not looked yet at what became of its attempts.
    pub fn blind(&self, target: &Target) {
        self.inner.blind.lock().unwrap_or_else(PoisonError::into_inner).insert(target.clone());
    }

    /// It has.
    pub fn sees(&self, target: &Target) {
        self.inner.blind.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
    }

    fn is_blind(&self, target: &Target) -> bool {
        self.inner.blind.lock().unwrap_or_else(PoisonError::into_inner).contains(target)
    }

    /// Others than Rigi are about to end it, for this reason.
    pub fn moves(&self, key: &AttemptKey, message: String) {
        self.with(key, |attempt| attempt.moved = Some(message));
    }

    /// Why others than Rigi end it, where that is known.
    #[must_use]
    pub fn moved(&self, key: &AttemptKey) -> Option<String> {
        self.with(key, |attempt| attempt.moved.clone())?
    }

    /// Where its log lies.
    #[must_use]
    pub fn log_file(&self, key: &AttemptKey) -> PathBuf {
        folder::log_file(&self.inner.root, key)
    }

    /// A runner takes the attempt over. The same runner may ask again, another one never.
    ///
    /// # Errors
    /// If it may not have it.
    pub fn claim(&self, key: &AttemptKey, claim: &Claim, now: Timestamp) -> Result<(), Refusal> {
        self.with_open(key, |attempt| {
            match &attempt.record.claimed {
                Some(claimed) if claimed.runner == claim.runner => return Ok(()),
                Some(_) => return Err(Refusal::Taken(key.clone())),
                None => {}
            }
            let shift_us = now.0.saturating_sub(claim.now.0);
            let claimed = Claimed { runner: claim.runner.clone(), shift_us, started: false };
            attempt.record.claimed = Some(claimed);
            Ok(attempt.folder.write_record(&attempt.record)?)
        })?
    }

    /// The runner's log has grown: bytes from `offset` on. Returns how many bytes are kept.
    ///
    /// # Errors
    /// If bytes before them are missing, or the disk does not take them.
    pub fn log(&self, key: &AttemptKey, offset: u64, lines: u64, bytes: &[u8]) -> Result<u64, Refusal> {
        let folder = self.with_open(key, |attempt| {
            Self::heard_of(attempt)?;
            io::Result::Ok(attempt.folder.clone())
        })??;
        let length = folder.append(offset, bytes)?;
        self.with(key, |attempt| attempt.lines = attempt.lines.max(lines));
        self.tell(key.clone(), Timestamp::now(), Observation::Log { lines, bytes: length });
        Ok(length)
    }

    /// The runner has seen something.
    ///
    /// # Errors
    /// If it is not its attempt.
    pub fn report(&self, key: &AttemptKey, report: Report) -> Result<(), Refusal> {
        let attempt = self.find(key).ok_or_else(|| Refusal::Gone(key.clone()))?;
        let mut attempt = attempt.lock().unwrap_or_else(PoisonError::into_inner);
        if attempt.ended {
            return Err(Refusal::Gone(key.clone()));
        }
        let attempt = &mut *attempt;
        Self::heard_of(attempt)?;
        let shift = attempt.record.claimed.as_ref().map_or(0, |claimed| claimed.shift_us);
        let known = usize::try_from(attempt.heard.saturating_sub(report.first)).unwrap_or(usize::MAX);
        attempt.heard = attempt.heard.max(report.first + report.said.len() as u64);
        for Said { at, what } in report.said.into_iter().skip(known) {
            if let (wire::Seen::Started { .. }, Some(claimed)) = (&what, &mut attempt.record.claimed) {
                claimed.started = true;
                attempt.folder.write_record(&attempt.record)?;
            }
            let at = Timestamp(at.0.saturating_add(shift));
            let _ = self.inner.observed.send(Observed { key: key.clone(), at, what: what.into() });
        }
        if let Some(lines) = report.unfinished {
            let (at, what) = (Timestamp::now(), Observation::Unfinished(lines));
            let _ = self.inner.observed.send(Observed { key: key.clone(), at, what });
        }
        Ok(())
    }

    /// Remembers which outputs the runner has stored itself: they are where they are kept, somebody has looked. What was
    /// said before is dropped. Blocks until that is durable.
    ///
    /// # Errors
    /// If they are not as agreed, or the disk does not take it.
    pub fn stored(&self, key: &AttemptKey, files: &[StoredFile]) -> Result<(), Refusal> {
        let folder = self.with_open(key, |attempt| attempt.folder.clone())?;
        check_stored(files)?;
        Ok(folder.write_stored(files)?)
    }

    /// Keeps the outputs that the runner sends as a tar stream; what an earlier try left is dropped. Blocks.
    ///
    /// # Errors
    /// If they are not as agreed, or the disk does not take them.
    pub fn outputs(&self, key: &AttemptKey, stream: impl io::Read) -> Result<(), Refusal> {
        let folder = self.with_open(key, |attempt| attempt.folder.clone())?;
        folder.take_outputs(stream)
    }

    /// Forgets an attempt and removes its folder. Blocks.
    pub fn forget(&self, key: &AttemptKey) {
        let folder = self.with(key, |attempt| attempt.folder.clone());
        self.attempts().remove(key);
        if let Some(error) = folder.and_then(|folder| folder.remove().err()) {
            tracing::warn!(%key, %error, "what is left of an attempt stays until the next start");
        }
    }

    /// Something that an executor saw of its own.
    pub fn tell(&self, key: AttemptKey, at: Timestamp, what: Observation) {
        // Nobody listens when the server is going down: it is told again.
        let _ = self.inner.observed.send(Observed { key, at, what });
    }

    fn attempts(&self) -> MutexGuard<'_, HashMap<AttemptKey, Arc<Mutex<Attempt>>>> {
        self.inner.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &AttemptKey) -> Option<Arc<Mutex<Attempt>>> {
        self.attempts().get(key).cloned()
    }

    /// Does something with an attempt, and keeps those who ask for others out of nothing.
    fn with<T>(&self, key: &AttemptKey, work: impl FnOnce(&mut Attempt) -> T) -> Option<T> {
        let attempt = self.find(key)?;
        let mut attempt = attempt.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(&mut attempt))
    }

    /// The same with one that has not ended.
    fn with_open<T>(&self, key: &AttemptKey, work: impl FnOnce(&mut Attempt) -> T) -> Result<T, Refusal> {
        let done = self.with(key, |attempt| (!attempt.ended).then(|| work(attempt)));
        done.flatten().ok_or_else(|| Refusal::Gone(key.clone()))
    }

    /// What is made of each attempt of a target.
    fn of<T>(&self, target: &Target, mut make: impl FnMut(&AttemptKey, &Attempt) -> Option<T>) -> Vec<T> {
        let all: Vec<_> =
            self.attempts().iter().map(|(key, attempt)| (key.clone(), attempt.clone())).collect();
        let make = |(key, attempt): (AttemptKey, Arc<Mutex<Attempt>>)| {
            let attempt = attempt.lock().unwrap_or_else(PoisonError::into_inner);
            (attempt.record.target == *target).then(|| make(&key, &attempt)).flatten()
        };
        all.into_iter().filter_map(make).collect()
    }
}

/// Whether a runner may say that it has stored these, wherever they are.
///
/// # Errors
/// If they are too many, or one would not be in its folder.
pub fn check_stored(files: &[StoredFile]) -> Result<(), Refusal> {
    if files.len() > MOST_STORED {
        return Err(Refusal::Invalid(format!("there are more than {MOST_STORED} stored files")));
    }
    files.iter().try_for_each(|file| unpack::place_of(file).map(drop))
}

#[cfg(test)]
mod tests;
