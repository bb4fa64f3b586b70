//! What the ledger remembers of a run that has not ended.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rigi_exec::plan::Sample;
use rigi_model::Target;
use rigi_model::log::Unfinished;
use rigi_model::run::RunStatus;
use rigi_model::{AttemptKey, PipelineName, ProjectName, RunId, RunState, Timestamp, VersionHash};
use rigi_store::{NewRun, OpenRun};
use serde_json::Value;

/// A run that has not ended. Most of them wait, and there may be a million of these: what a waiting one needs is little.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is of.
    pub of: Arc<RunOf>,
    pub priority: i32,
    status: Status,
    /// What was asked for; read back from the store when it is needed and not here.
    pub request: Option<Arc<NewRun>>,
    /// The current attempt was handed to its executor.
    pub launched: bool,
    /// The current attempt ended, and its log and files are being kept.
    pub keeping: bool,
    pub live: Option<Box<Live>>,
}

/// Where a run is.
#[derive(Debug)]
enum Status {
    /// As it was accepted, at this time: nothing has happened to it.
    Accepted(Timestamp),
    Known(Box<RunStatus>),
}

/// What many runs have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RunOf {
    pub project: ProjectName,
    pub pipeline: PipelineName,
    pub version: VersionHash,
    pub target: Target,
}

/// Each of these once.
#[derive(Debug, Default)]
pub(super) struct RunsOf {
    known: HashSet<Arc<RunOf>>,
    /// So many were in use when that was last looked at.
    used: usize,
}

/// Kept before it is looked at which of them are still in use.
const FEW: usize = 1000;

impl RunsOf {
    fn get(&mut self, of: RunOf) -> Arc<RunOf> {
        if let Some(known) = self.known.get(&of) {
            return known.clone();
        }
        if self.known.len() > FEW + 2 * self.used {
            self.known.retain(|of| Arc::strong_count(of) > 1);
            self.used = self.known.len();
        }
        let of = Arc::new(of);
        self.known.insert(of.clone());
        of
    }
}

/// What an active run does right now.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Lines in its log.
    pub log_lines: u64,
    /// The lines that have not ended.
    pub unfinished: Arc<[Unfinished]>,
    /// What it last said of its progress.
    pub progress: Option<Progress>,
    /// What its process tree used, oldest first.
    pub samples: VecDeque<(Timestamp, Sample)>,
}

/// What a run said of its progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// 0.0 to 1.0.
    pub fraction: Option<f64>,
    /// Its words.
    pub message: Option<String>,
}

/// Samples kept of one attempt; beyond it every second one goes.
const SAMPLES: usize = 720;
/// Characters of a progress message that are kept.
const MESSAGE_CHARS: usize = 300;

impl Entry {
    fn new(of: Arc<RunOf>, priority: i32, status: Status) -> Self {
        Self { of, priority, status, request: None, launched: false, keeping: false, live: None }
    }

    pub(super) fn accepted(request: &Arc<NewRun>, cache: bool, runs_of: &mut RunsOf) -> Self {
        let of = RunOf {
            project: request.project.clone(),
            pipeline: request.pipeline.clone(),
            version: request.version,
            target: request.target.clone(),
        };
        let status = Status::Accepted(request.created_at);
        let entry = Self::new(runs_of.get(of), request.priority, status);
        Self { request: cache.then(|| request.clone()), ..entry }
    }

    pub(super) fn recovered(run: OpenRun, runs_of: &mut RunsOf) -> Self {
        let OpenRun { project, pipeline, version, target, priority, status, .. } = run;
        let of = runs_of.get(RunOf { project, pipeline, version, target });
        let status = match status.queued_at {
            at if status == RunStatus::accepted(at) => Status::Accepted(at),
            _ => Status::Known(Box::new(status)),
        };
        Self::new(of, priority, status)
    }

    pub(super) fn state(&self) -> RunState {
        match &self.status {
            Status::Accepted(_) => RunState::Queued,
            Status::Known(status) => status.state,
        }
    }

    /// The current attempt; 0 before the first.
    pub(super) fn attempt(&self) -> u32 {
        match &self.status {
            Status::Accepted(_) => 0,
            Status::Known(status) => status.attempt,
        }
    }

    pub(super) fn next_attempt_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Accepted(_) => None,
            Status::Known(status) => status.next_attempt_at,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(&self.status, Status::Known(status) if status.cancel_requested_at.is_some())
    }

    /// Its whole status, to be changed.
    pub(super) fn status(&mut self) -> &mut RunStatus {
        if let Status::Accepted(at) = self.status {
            self.status = Status::Known(Box::new(RunStatus::accepted(at)));
        }
        match &mut self.status {
            Status::Known(status) => status,
            Status::Accepted(_) => unreachable!("it has just been filled in"),
        }
    }

    /// The clock was set by so many microseconds: its delay stays as long as it was.
    pub(super) fn set_clock(&mut self, by: i64) {
        if let Status::Known(status) = &mut self.status
            && let Some(next) = &mut status.next_attempt_at
        {
            next.0 = next.0.saturating_add(by);
        }
    }

    pub(super) fn key(&self, run: RunId) -> AttemptKey {
        AttemptKey { run, number: self.attempt() }
    }

    pub(super) fn live(&mut self) -> &mut Live {
        self.live.get_or_insert_default()
    }
}

impl Live {
    pub(super) fn add_sample(&mut self, at: Timestamp, sample: Sample) {
        if self.samples.len() >= SAMPLES {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.samples.push_back((at, sample));
    }

    /// Takes a note of the run; `true` if it changed what is shown.
    pub(super) fn take_note(&mut self, note: &Value) -> bool {
        let kind = note.get("type").and_then(Value::as_str).unwrap_or("progress");
        if kind != "progress" && kind != "message" {
            return false;
        }
        let number = |name: &str| note.get(name).and_then(Value::as_f64);
        let counted = number("current").zip(number("total").filter(|&total| total > 0.0)).map(|(c, t)| c / t);
        let fraction = number("fraction").or(number("progress")).or(counted).map(|f| f.clamp(0.0, 1.0));
        let message = note.get("message").and_then(Value::as_str);
        let before = self.progress.clone();
        let progress = self.progress.get_or_insert(Progress { fraction: None, message: None });
        progress.fraction = fraction.or(progress.fraction);
        if let Some(message) = message {
            progress.message = Some(message.chars().take(MESSAGE_CHARS).collect());
        }
        before != self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_become_progress() {
        let mut live = Live::default();
        assert!(live.take_note(
            &serde_json::json!({"type": "progress", "current": 3, "total": 4, "message": "cell 3"})
        ));
        assert_eq!(live.progress, Some(Progress { fraction: Some(0.75), message: Some("cell 3".into()) }));
        assert!(live.take_note(&serde_json::json!({"type": "message", "message": "x"})));
        assert_eq!(live.progress.as_ref().unwrap().fraction, Some(0.75));
        assert!(!live.take_note(&serde_json::json!({"type": "metric", "name": "loss", "value": 1})));
    }

    #[test]
    fn a_target_that_cannot_be_read_is_no_other_one() {
        for stored in ["", "Lab GPU", "process ", "PROCESS"] {
            let target = Target::as_stored(stored);
            assert_eq!(target.as_str(), stored);
            assert_ne!(target, Target::PROCESS);
        }
        assert_eq!(Target::as_stored("process"), Target::PROCESS);
    }

    #[test]
    fn samples_are_thinned_not_cut() {
        let mut live = Live::default();
        for n in 0..5000 {
            live.add_sample(Timestamp(n), Sample { cpu: 1.0, memory: 1, processes: 1 });
        }
        assert!(live.samples.len() <= SAMPLES);
        assert_eq!(live.samples.front().unwrap().0, Timestamp(0));
        assert_eq!(live.samples.back().unwrap().0, Timestamp(4999));
    }
}
