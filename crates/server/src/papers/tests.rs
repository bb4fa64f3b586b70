//! Runs that are told of, made up.

use std::collections::BTreeMap;

use rigi_api::view::{CitationView, CitedFile, CitedRun, TriggerView};
use rigi_model::{RunId, RunState, Timestamp};

/// A run of a pipeline that has succeeded.
pub fn run(number: u128) -> CitedRun {
    let id = RunId::from_bits(number);
    CitedRun {
        short: id.short().to_owned(),
        id,
        pipeline: "fit".into(),
        description: None,
        step: None,
        state: RunState::Succeeded,
        message: None,
        trigger: TriggerView { kind: "manual".into(), by: "you".into() },
        kind: "script".into(),
        does: "main.py".into(),
        version: "3f".repeat(32),
        git: None,
        target: "process".into(),
        environment: None,
        parameters: Vec::new(),
        inputs: Vec::new(),
        inputs_left_out: 0,
        outputs: Vec::new(),
        outputs_left_out: 0,
        created_at: Timestamp(1_796_040_249_000_000),
        started_at: Some(Timestamp(1_796_040_250_000_000)),
        ended_at: Some(Timestamp(1_796_040_252_400_000)),
        duration_ms: Some(2400),
        result_of: None,
    }
}

/// A file whose hash consists of one digit.
pub fn file(path: &str, digit: char) -> CitedFile {
    CitedFile { path: path.into(), output: None, size: 3, sha256: digit.to_string().repeat(64) }
}

/// What is told of these.
pub fn told(runs: Vec<CitedRun>) -> CitationView {
    CitationView {
        text: String::new(),
        rigi: "0.1.0".into(),
        runs,
        environments: BTreeMap::new(),
        runs_left_out: 0,
    }
}
