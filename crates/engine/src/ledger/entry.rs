//! What the ledger remembers of a run that has not ended.

use std::collections::VecDeque;
use std::sync::Arc;

use rigi_exec::plan::Sample;
use rigi_model::Target;
use rigi_model::log::Unfinished;
use rigi_model::run::RunStatus;
use rigi_model::{AttemptKey, PipelineName, ProjectName, RunId, Timestamp, VersionHash};
use rigi_store::{NewRun, OpenRun};
use serde_json::Value;

/// A run that has not ended.
#[derive(Debug)]
pub(super) struct Entry {
    pub project: ProjectName,
    pub pipeline: PipelineName,
    pub version: VersionHash,
    pub priority: i32,
    pub target: Target,
    pub status: RunStatus,
    /// What was asked for; read back from the store when it is needed and not here.
    pub request: Option<Arc<NewRun>>,
    /// The current attempt was handed to its executor.
    pub launched: bool,
    /// The current attempt ended, and its log and files are being kept.
    pub keeping: bool,
    pub live: Option<Box<Live>>,
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
    pub(super) fn accepted(request: &Arc<NewRun>, cache: bool) -> Self {
        Self {
            project: request.project.clone(),
            pipeline: request.pipeline.clone(),
            version: request.version,
            priority: request.priority,
            target: request.target.clone(),
            status: RunStatus::accepted(request.created_at),
            request: cache.then(|| request.clone()),
            launched: false,
            keeping: false,
            live: None,
        }
    }

    pub(super) fn recovered(run: OpenRun) -> Self {
        Self {
            project: run.project,
            pipeline: run.pipeline,
            version: run.version,
            priority: run.priority,
            target: run.target,
            status: run.status,
            request: None,
            launched: false,
            keeping: false,
            live: None,
        }
    }

    pub(super) const fn key(&self, run: RunId) -> AttemptKey {
        AttemptKey { run, number: self.status.attempt }
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
