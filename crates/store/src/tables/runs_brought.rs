//! Runs that ended elsewhere and are brought here with all that is known of them: written whole, so that none is ever taken for one that
//! waits.

use rigi_model::event::SubjectEvent;
use rigi_model::{Reason, RunId};
use serde::Serialize;

use super::artifacts::{self, Artifact};
use super::attempts;
use super::runs::{EndedAttempt, Run, signed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A run that ended elsewhere.
#[derive(Debug, Clone)]
pub struct BroughtRun {
    /// What was asked for, and how it ended.
    pub run: Run,
    /// Its last attempt, with its log.
    pub attempt: EndedAttempt,
    /// Files that it left, stored already.
    pub artifacts: Vec<Artifact>,
    /// What happened to it, oldest first.
    pub events: Vec<SubjectEvent>,
}

static INSERT: Statement = Statement::insert(
    "runs",
    &[
        ("id", Text),
        ("project", Text),
        ("pipeline", Text),
        ("version", Text),
        ("state", Text),
        ("reason", Text),
        ("message", Text),
        ("priority", Int),
        ("max_attempts", Int),
        ("attempt", Int),
        ("failures", Int),
        ("created_at", Int),
        ("queued_at", Int),
        ("queued_us", Int),
        ("claimed_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
        ("trigger_kind", Text),
        ("trigger_by", Text),
        ("rerun_of", Text),
        ("target", Text),
        ("parameters", Text),
        ("inputs", Text),
        ("env", Text),
        ("labels", Text),
        ("environment", Text),
        ("exit_code", Int),
        ("signal", Int),
        ("cpu_us", Int),
        ("max_memory", Int),
        ("log_lines", Int),
        ("log_cut", Int),
        ("artifacts", Int),
        ("artifact_bytes", Int),
        ("stored_bytes", Int),
    ],
    "",
);

static INSERT_LABEL: Statement =
    Statement::insert("labels", &[("project", Text), ("run", Text), ("key", Text), ("value", Text)], "");

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps of text keys serialise")
}

/// Their rows. Their ids are new.
pub(crate) fn rows(runs: &[BroughtRun]) -> Rows<'static> {
    let mut rows = Rows::default();
    runs.iter().for_each(|run| insert(&mut rows, run));
    rows.into_owned()
}

/// The rows of one. It has no inputs: what it was given lies elsewhere.
fn insert<'a>(rows: &mut Rows<'a>, brought: &'a BroughtRun) {
    let Run { request, status } = &brought.run;
    rows.add(
        &INSERT,
        [
            request.id.as_str().into(),
            request.project.as_str().into(),
            request.pipeline.as_str().into(),
            request.version.to_string().into(),
            status.state.as_str().into(),
            status.reason.map(Reason::as_str).into(),
            status.message.as_deref().into(),
            i64::from(request.priority).into(),
            i64::from(request.max_attempts).into(),
            i64::from(status.attempt).into(),
            i64::from(status.failures).into(),
            request.created_at.0.into(),
            status.queued_at.0.into(),
            signed(status.queued_us).into(),
            status.claimed_at.map(|at| at.0).into(),
            status.started_at.map(|at| at.0).into(),
            status.ended_at.map(|at| at.0).into(),
            request.trigger.kind.as_str().into(),
            request.trigger.by.as_str().into(),
            request.rerun_of.as_ref().map(RunId::as_str).into(),
            request.target.as_str().into(),
            json(&request.parameters).into(),
            "[]".into(),
            json(&request.env).into(),
            json(&request.labels).into(),
            status.environment.as_ref().map(json).into(),
            status.exit_code.map(i64::from).into(),
            status.signal.map(i64::from).into(),
            signed(status.usage.cpu_us).into(),
            signed(status.usage.max_memory).into(),
            signed(status.log.lines).into(),
            signed(status.log.cut_bytes).into(),
            signed(status.artifacts.0).into(),
            signed(status.artifacts.1).into(),
            signed(status.stored_bytes).into(),
        ],
    );
    for (key, value) in request.labels.iter() {
        rows.add(
            &INSERT_LABEL,
            [
                request.project.as_str().into(),
                request.id.as_str().into(),
                key.as_str().into(),
                value.as_str().into(),
            ],
        );
    }
    attempts::insert(rows, &request.project, &request.id, &brought.attempt);
    brought.artifacts.iter().for_each(|file| artifacts::insert(rows, &request.project, &request.id, file));
}
