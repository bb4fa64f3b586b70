//! What the ledger remembers of a run that has not ended.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rigi_model::log::Unfinished;
use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::run::RunStatus;
use rigi_model::run_config::VersionPart;
use rigi_model::{AttemptKey, PipelineName, RunId, RunState, Timestamp};
use rigi_store::{NewRun, OpenRun};
use rigi_work::plan::Sample;
use serde_json::Value;

use crate::decide::{Needs, RunKind, StartedBy};

/// A run that has not ended. Most of them wait, and there may be a million of these: what a waiting one needs is little.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is of.
    pub of: Arc<RunOf>,
    pub priority: i32,
    accepted_at: Timestamp,
    /// `None`: as it was accepted; nothing has happened to it.
    status: Option<Box<RunStatus>>,
    /// What was asked for; read back from the store when it is needed and not here.
    pub request: Option<Arc<NewRun>>,
    /// The current attempt was handed to its executor.
    pub launched: bool,
    /// The current attempt ended, and its log and files are being kept.
    pub keeping: bool,
    pub live: Option<Box<Live>>,
}

/// What many runs have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RunOf {
    pub kind: Arc<RunKind>,
    pub part: VersionPart,
    /// The flow that it is a step of.
    pub parent: Option<RunId>,
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
    /// Which secrets its attempt was given, until that is told.
    pub(super) secrets: Option<String>,
    /// It was told that it uses more than its soft limits.
    pub(super) soft_told: bool,
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

/// Where runs of a pipeline wait: those of a step of its own have a line of their own, and are not its instances.
fn line_of(pipeline: &PipelineName, step: Option<&str>) -> PipelineName {
    step.map_or_else(|| pipeline.clone(), |step| PipelineName::unchecked(format!("{pipeline}/{step}")))
}

impl Entry {
    fn new(of: Arc<RunOf>, priority: i32, accepted_at: Timestamp) -> Self {
        let (launched, keeping) = (false, false);
        Self { of, priority, accepted_at, status: None, request: None, launched, keeping, live: None }
    }

    pub(super) fn accepted(
        request: &Arc<NewRun>,
        (by, needs): (StartedBy, Needs),
        cache: bool,
        runs_of: &mut RunsOf,
    ) -> Self {
        let kind = RunKind {
            project: request.project.clone(),
            by,
            pipeline: line_of(&request.pipeline, request.part().part.step.as_deref()),
            target: request.target.clone(),
            needs,
            key: request.env.get(RunKey::VARIABLE).and_then(|text| RunKey::parse(text)),
        };
        let parent = request.step.as_ref().map(|step| step.parent.clone());
        let of = RunOf { kind: Arc::new(kind), part: request.part(), parent };
        let entry = Self::new(runs_of.get(of), request.priority, request.created_at);
        Self { request: cache.then(|| request.clone()), ..entry }
    }

    pub(super) fn recovered(run: OpenRun, (by, needs): (StartedBy, Needs), runs_of: &mut RunsOf) -> Self {
        let OpenRun { project, pipeline, part, parent, target, priority, status, key, .. } = run;
        let pipeline = line_of(&pipeline, part.part.step.as_deref());
        let kind = Arc::new(RunKind { project, by, pipeline, target, needs, key });
        let of = runs_of.get(RunOf { kind, part, parent });
        let accepted_at = status.queued_at;
        let known = (status != RunStatus::accepted(accepted_at)).then(|| Box::new(status));
        Self { status: known, ..Self::new(of, priority, accepted_at) }
    }

    pub(super) fn state(&self) -> RunState {
        self.status.as_ref().map_or(RunState::Queued, |status| status.state)
    }

    /// The current attempt; 0 before the first.
    pub(super) fn attempt(&self) -> u32 {
        self.status.as_ref().map_or(0, |status| status.attempt)
    }

    pub(super) fn next_attempt_at(&self) -> Option<Timestamp> {
        self.status.as_ref()?.next_attempt_at
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.cancel_requested_at.is_some())
    }

    /// Its whole status, to be changed.
    pub(super) fn status(&mut self) -> &mut RunStatus {
        self.status.get_or_insert_with(|| Box::new(RunStatus::accepted(self.accepted_at)))
    }

    /// The clock was set by so many microseconds: its delay stays as long as it was.
    pub(super) fn set_clock(&mut self, by: i64) {
        if let Some(next) = self.status.as_mut().and_then(|status| status.next_attempt_at.as_mut()) {
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
    use rigi_model::Target;

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
