//! The fields of an entry of `triggers`: what it waits for, and what its runs are given.

use super::{Field, Kind, field};

/// Each of `triggers`.
pub const TRIGGER: &[Field] = &[
    field("id", Kind::Text, "Its name; no other trigger of the pipeline has it.", "\"inbox\""),
    field(
        "files",
        Kind::Text,
        "Files that come: an absolute pattern of the server's machine, or `storage:` and one below the project's storage.",
        "\"/data/in/*.csv\"",
    ),
    field("interval", Kind::Duration, "Of `files`: how often it is looked; 30 s unless told.", "\"1m\""),
    field(
        "settle",
        Kind::Duration,
        "Of `files`: for how long one must not have changed; 5 s unless told.",
        "\"10s\"",
    ),
    field(
        "existing",
        Kind::Choice(&["skip", "start"]),
        "Of `files`: what becomes of those that are there at first; they are skipped unless told.",
        "\"start\"",
    ),
    field(
        "each",
        Kind::Choice(&["file", "batch"]),
        "Of `files`: a run for each file (unless told), or one for all that have come.",
        "\"batch\"",
    ),
    field("input", Kind::Text, "Of `files`: the input that is given them.", "\"table\""),
    field(
        "sensor",
        Kind::Text,
        "A pipeline: each line that its runs say on standard output is an event.",
        "\"check-orders\"",
    ),
    field(
        "after",
        Kind::Texts,
        "Pipelines: all of them have had a run that ended.",
        "[\"extract\", \"clean\"]",
    ),
    field(
        "on",
        Kind::Choice(&["success", "failure", "end"]),
        "Of `after`: which ends count; successes unless told.",
        "\"end\"",
    ),
    field(
        "key",
        Kind::Text,
        "Of `after`: runs with the same belong together, over `run` and `params`; all do unless told.",
        "\"${run.due}\"",
    ),
    field("within", Kind::Duration, "Of `after`: how long an end counts; for ever unless told.", "\"24h\""),
    field("when", Kind::Text, "What is to hold for a run to start.", "\"file.size > 0\""),
    field(
        "parameters",
        Kind::Values,
        "Its runs' parameters; texts may have `${…}` over `file`, `files`, `event`, `run`, `runs`, `key`, `id`.",
        "{\"path\": \"${file.path}\"}",
    ),
    field("schedule", Kind::Text, "The entry of `schedules` whose words count.", "\"prod\""),
    field("enabled", Kind::Bool, "Whether it starts anything; it does unless told.", "false"),
];
