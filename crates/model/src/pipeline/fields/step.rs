//! The fields of a step of a flow.

use super::small::{LIMITS, RETRIES};
use super::{Field, Kind, field};

/// When a step is done, by how its direct needs ended.
pub const RUN_IF: &[&str] = &["success", "any_success", "failed", "done", "not_skipped"];

/// `approval` of a step.
pub const APPROVAL: &[Field] = &[
    field(
        "role",
        Kind::Choice(&["runner", "editor", "owner"]),
        "Who may answer: this role at least; `editor` unless told.",
        "\"owner\"",
    ),
    field("message", Kind::Text, "What is asked.", "\"Publish the figures?\""),
];

/// `on_failure` of a step that is done for several items.
pub const ON_FAILURE: &[Field] = &[field(
    "max",
    Kind::Either(&[Kind::Integer(0, 10_000), Kind::Text]),
    "So many items may fail, or such a part of them, and the step succeeds.",
    "\"5%\"",
)];

/// Each of `steps`.
pub const STEP: &[Field] = &[
    field("description", Kind::Text, "What it does.", "\"Counts the rows\""),
    // What it does: one of these.
    field("script", Kind::Text, "A Python script of the folder.", "\"count.py\""),
    field("notebook", Kind::Text, "A notebook of the folder.", "\"plot.ipynb\""),
    field(
        "command",
        Kind::Command,
        "A text for `sh -c`, or a list of a program and its arguments.",
        "\"wc -l data.csv\"",
    ),
    field(
        "image",
        Kind::Text,
        "A container image: by itself, or what a script, notebook or command runs in.",
        "\"debian:13-slim\"",
    ),
    field("pipeline", Kind::Text, "Another pipeline of the project, which may be a flow.", "\"report\""),
    field(
        "run_config_id",
        Kind::Text,
        "Which entry of the other pipeline's `schedules` its run goes by.",
        "\"prod\"",
    ),
    field(
        "approval",
        Kind::Either(&[Kind::Bool, Kind::Object(APPROVAL)]),
        "It waits for a person; with `timeout`, until then.",
        "{\"role\": \"owner\", \"message\": \"Publish the figures?\"}",
    ),
    // When.
    field("needs", Kind::Texts, "Steps that end before it begins.", "[\"extract\"]"),
    field(
        "run_if",
        Kind::Choice(RUN_IF),
        "How its needs must have ended: all succeeded (`success`, unless told), one did, one failed, all ended in any way, none was skipped.",
        "\"done\"",
    ),
    field(
        "when",
        Kind::Text,
        "A condition over `params`, `steps`, `trigger`; it is skipped where that does not hold.",
        "\"steps.count.outputs.rows > 0\"",
    ),
    field("optional", Kind::Bool, "Its failure is not the flow's.", "true"),
    // For what.
    field(
        "for_each",
        Kind::Either(&[Kind::Text, Kind::Values, Kind::Objects(&[])]),
        "It is done for each item of a list, of an expression's list, or of the files of an input (`{\"input\": \"tables\"}`); `item` and `index` are known in it.",
        "\"${steps.list.outputs.days}\"",
    ),
    field("parallel", Kind::Integer(1, 1000), "So many items at a time; 64 unless told.", "8"),
    field(
        "on_failure",
        Kind::Either(&[Kind::Choice(&["stop", "continue"]), Kind::Object(ON_FAILURE)]),
        "What a failed item means: no further one begins (`stop`, unless told), all are done, or some may fail.",
        "\"continue\"",
    ),
    // What goes in.
    field(
        "parameters",
        Kind::Values,
        "Its parameters, beside those of the flow; texts may have `${…}`.",
        "{\"rows\": \"${steps.count.outputs.rows}\"}",
    ),
    field(
        "inputs",
        Kind::Either(&[Kind::Texts, Kind::TextMap]),
        "Files in `$RIGI_INPUTS/<name>/`: of a step (`extract`), of one of its outputs (`extract/table`), or the flow's own (`flow/table`).",
        "{\"table\": \"extract/table\"}",
    ),
    field("env", Kind::TextMap, "Further environment variables.", "{\"MODE\": \"full\"}"),
    // How.
    field("python_version", Kind::Version, "Another Python version.", "\"3.12\"").also(&["python"]),
    field("requirements", Kind::Texts, "Further Python packages.", "[\"pandas>=2\"]"),
    field("target", Kind::Text, "Where it executes, if not where the flow says.", "\"cluster\""),
    field("timeout", Kind::Duration, "The longest that one attempt may run.", "\"10m\""),
    field(
        "retries",
        Kind::Either(&[Kind::Integer(0, 1000), Kind::Object(RETRIES)]),
        "Further attempts, if not those of the flow.",
        "3",
    ),
    field("limits", Kind::Object(LIMITS), "Hard limits, if not those of the flow.", "{\"memory\": \"2GiB\"}"),
    field(
        "cache",
        Kind::Bool,
        "A former success with the same code, parameters, inputs, environment and secrets counts.",
        "true",
    ),
];
