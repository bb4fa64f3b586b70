//! Every field that a spec may have, in one table: the reader, its suggestions and the published JSON Schema
//! are made from it, so that they cannot say different things.

mod schedule;
mod small;
mod step;
mod trigger;

pub use schedule::{SCHEDULE, STOP_AFTER};
pub use small::{
    CELL, CONCURRENCY, DOWNSTREAM, INPUT, KUBERNETES, LIMITS, OUTPUT, PRESET, PULL, RESTART, RETENTION,
    RETRIES, RETRY_STRATEGY, SECRET, SOFT_LIMITS,
};
pub use step::{APPROVAL, ON_FAILURE, RUN_IF, STEP};
pub use trigger::TRIGGER;

/// A field of a spec.
#[derive(Debug)]
pub struct Field {
    /// The name that documentation uses.
    pub name: &'static str,
    /// Other names for the same, most of them Fast-Flow's.
    pub synonyms: &'static [&'static str],
    /// What it may hold.
    pub kind: Kind,
    /// For people, in editors.
    pub description: &'static str,
    /// A value as JSON text.
    pub example: &'static str,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number from, to.
    Integer(i64, i64),
    /// A number from, to.
    Number(f64, f64),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A text that may look like a number, such as a version.
    Version,
    /// Cores.
    Cores,
    /// An amount of memory.
    Bytes,
    /// A time, or seconds.
    Duration,
    /// A point in time.
    Moment,
    /// Five fields.
    Cron,
    /// A list of texts, or one.
    Texts,
    /// A list of texts or of objects with these fields, or one text.
    TextsOrObjects(&'static [Field]),
    /// A list of times.
    Durations,
    /// A text for the shell, or a list of arguments.
    Command,
    /// Names with texts (numbers and truth values are taken as they are written).
    TextMap,
    /// Names with any values.
    Values,
    /// A JSON Schema of the parameters, or names with the schema of each.
    Parameters,
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of objects with these fields.
    Objects(&'static [Field]),
    /// Names with objects of these fields, or with just a description, or a list of names.
    NamedObjects(&'static [Field]),
    /// Names with objects of these fields, or with parameter values.
    Presets(&'static [Field]),
    /// One of several.
    Either(&'static [Self]),
}

/// A field without synonyms.
pub(crate) const fn field(
    name: &'static str,
    kind: Kind,
    description: &'static str,
    example: &'static str,
) -> Field {
    Field { name, synonyms: &[], kind, description, example }
}

impl Field {
    /// The same with other names.
    pub(crate) const fn also(mut self, synonyms: &'static [&'static str]) -> Self {
        self.synonyms = synonyms;
        self
    }

    /// All its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.synonyms.iter().copied())
    }
}

/// The fields at the top of a spec.
pub const SPEC: &[Field] = &[
    // What runs.
    field(
        "type",
        Kind::Choice(&["script", "notebook"]),
        "Whether `main.py` or `main.ipynb` is run, where the folder has both.",
        "\"notebook\"",
    ),
    field(
        "command",
        Kind::Command,
        "What is run instead of `main.py`: a text for `sh -c`, or a list of a program and its arguments.",
        "\"wc -l data.csv\"",
    ),
    field(
        "image",
        Kind::Text,
        "A container image, by tag or (better) by digest: with `command` in place of what it starts by itself, or with \
         `type` to run the folder's script or notebook in it.",
        "\"debian:13-slim\"",
    ),
    field("pull", Kind::Choice(PULL), "When the image is pulled; `if-missing` unless told.", "\"always\""),
    field(
        "pull_secret",
        Kind::Text,
        "The project's secret with the credentials that the image is pulled with: `user:password`, or a file as `docker login` writes it.",
        "\"REGISTRY\"",
    ),
    field(
        "kubernetes",
        Kind::Object(KUBERNETES),
        "What only Kubernetes understands.",
        "{\"queue\": \"team\"}",
    ),
    field(
        "target",
        Kind::Text,
        "Where attempts execute, instead of the server's default: `process`, `container`, `kubernetes`, or another \
         target that the server has by name.",
        "\"container\"",
    ),
    field("python_version", Kind::Version, "The Python version, as `uv` understands it.", "\"3.12\"")
        .also(&["python"]),
    field(
        "requirements",
        Kind::Texts,
        "Python packages beside those in `requirements.txt` and friends.",
        "[\"pandas>=2\"]",
    ),
    // What people see.
    field("enabled", Kind::Bool, "`false`: no run is accepted.", "true"),
    field(
        "description",
        Kind::Text,
        "What the pipeline does; the first line is the summary.",
        "\"Trend of atmospheric CO2\"",
    ),
    field("tags", Kind::Texts, "Words to filter lists by.", "[\"climate\"]"),
    field("labels", Kind::TextMap, "Labels of every run.", "{\"team\": \"data\"}"),
    // What goes in and comes out.
    field(
        "parameters",
        Kind::Parameters,
        "The parameters: names with a JSON Schema each (`required: false` and `secret: true` may stand in it), or one JSON Schema (draft 2020-12) of type object. A parameter without a default must be given.",
        "{\"start\": {\"type\": \"integer\", \"minimum\": 1958, \"default\": 1990}}",
    ),
    field(
        "presets",
        Kind::Presets(PRESET),
        "Named sets of parameter values.",
        "{\"quick\": {\"start\": 2000}}",
    ),
    field(
        "inputs",
        Kind::NamedObjects(INPUT),
        "Files that a run is given, by name, in `$RIGI_INPUTS/<name>/`.",
        "{\"table\": {\"accept\": [\".csv\"]}}",
    ),
    field(
        "outputs",
        Kind::NamedObjects(OUTPUT),
        "What a run leaves in `$RIGI_OUTPUTS/<name>/`.",
        "{\"plot\": \"The trend as a picture\"}",
    ),
    field("env", Kind::TextMap, "Environment variables of every run.", "{\"TZ\": \"UTC\"}")
        .also(&["default_env"]),
    field(
        "encrypted_env",
        Kind::TextMap,
        "Environment variables as Fernet tokens, which the server opens.",
        "{\"API_KEY\": \"gAAAA…\"}",
    ),
    field(
        "secrets",
        Kind::TextsOrObjects(SECRET),
        "The project's secrets that a run is given: names, each an environment variable; or objects that say as what.",
        "[\"API_KEY\", {\"name\": \"TLS_KEY\", \"file\": \"key.pem\"}]",
    ),
    // Limits.
    field(
        "timeout",
        Kind::Duration,
        "The longest that one attempt may run; 0 is no limit. A bare number is seconds.",
        "\"10m\"",
    ),
    field(
        "grace_period",
        Kind::Duration,
        "How long a run may take to end after SIGTERM, before SIGKILL.",
        "\"10s\"",
    ),
    field(
        "limits",
        Kind::Object(LIMITS),
        "Hard limits of one attempt.",
        "{\"cpu\": 2, \"memory\": \"1.5GiB\"}",
    ),
    field("soft_limits", Kind::Object(SOFT_LIMITS), "Limits that only notify.", "{\"memory\": \"1GiB\"}"),
    field("cpu_hard_limit", Kind::Cores, "Fast-Flow's name of `limits.cpu`.", "1.5"),
    field("mem_hard_limit", Kind::Bytes, "Fast-Flow's name of `limits.memory`.", "\"512m\""),
    field("cpu_soft_limit", Kind::Cores, "Fast-Flow's name of `soft_limits.cpu`.", "0.8"),
    field("mem_soft_limit", Kind::Bytes, "Fast-Flow's name of `soft_limits.memory`.", "\"400m\""),
    field(
        "max_instances",
        Kind::Integer(1, 1_000_000),
        "How many runs may be active at a time; others wait.",
        "1",
    ),
    field(
        "concurrency",
        Kind::Object(CONCURRENCY),
        "How many runs with something in common may be active at a time.",
        "{\"key\": \"{customer}\", \"limit\": 1, \"overlap\": \"replace\"}",
    ),
    field("priority", Kind::Integer(-100, 100), "Higher starts first.", "10"),
    field(
        "retention",
        Kind::Object(RETENTION),
        "What is kept of ended runs.",
        "{\"runs\": 100, \"age\": \"30d\"}",
    ),
    // Failures.
    field(
        "retries",
        Kind::Either(&[Kind::Integer(0, 1000), Kind::Object(RETRIES)]),
        "Further attempts after a failed one: how many, or in detail.",
        "{\"attempts\": 3, \"strategy\": \"exponential\", \"delay\": \"10s\"}",
    ),
    field("retry_attempts", Kind::Integer(0, 1000), "Fast-Flow's name of `retries.attempts`.", "3"),
    field(
        "retry_strategy",
        Kind::Object(RETRY_STRATEGY),
        "Fast-Flow's form of the rest of `retries`.",
        "{\"type\": \"fixed_delay\", \"delay\": 60}",
    ),
    field(
        "cells",
        Kind::Objects(CELL),
        "Notebooks: retries by code cell, in their order.",
        "[{\"retries\": 2, \"delay_seconds\": 1}]",
    ),
    field(
        "restart",
        Kind::Object(RESTART),
        "Restarts of a pipeline that is meant to run for ever (`timeout: 0`).",
        "{\"on_crash\": true}",
    ),
    field("restart_on_crash", Kind::Bool, "Fast-Flow's name of `restart.on_crash`.", "true"),
    field("restart_cooldown", Kind::Duration, "Fast-Flow's name of `restart.cooldown`, in seconds.", "60"),
    field(
        "restart_interval",
        Kind::Either(&[Kind::Cron, Kind::Duration]),
        "Fast-Flow's name of `restart.interval`.",
        "\"0 3 * * *\"",
    ),
    // Flows.
    field(
        "steps",
        Kind::NamedObjects(STEP),
        "The steps of a flow, by name: each is a run of its own, and begins when those that it needs have ended.",
        "{\"count\": {\"command\": \"wc -l data.csv\"}, \"report\": {\"needs\": [\"count\"], \"pipeline\": \"report\"}}",
    ),
    field(
        "values",
        Kind::Values,
        "Of a flow: small values that it leaves; texts may have `${…}` over `params`, `steps`, `trigger`, `flow`.",
        "{\"rows\": \"${steps.count.outputs.rows}\"}",
    ),
    // What starts it, and what it starts.
    field(
        "schedule",
        Kind::Either(&[Kind::Cron, Kind::Object(SCHEDULE)]),
        "When runs start by themselves: a cron text of five fields, or in detail.",
        "\"0 6 * * *\"",
    ),
    field(
        "schedules",
        Kind::Objects(SCHEDULE),
        "Several schedules, each with overrides; also named sets of overrides (Fast-Flow's run configurations).",
        "[{\"id\": \"nightly\", \"cron\": \"0 3 * * *\"}]",
    ),
    field("schedule_cron", Kind::Cron, "Fast-Flow's name of `schedule.cron`.", "\"0 8 * * *\""),
    field(
        "schedule_interval_seconds",
        Kind::Duration,
        "Fast-Flow's name of `schedule.interval`, in seconds.",
        "3600",
    ),
    field("schedule_start", Kind::Moment, "Fast-Flow's name of `schedule.start`.", "\"2026-01-01\""),
    field("schedule_end", Kind::Moment, "Fast-Flow's name of `schedule.end`.", "\"2026-12-31\""),
    field("run_once_at", Kind::Moment, "Fast-Flow's name of `schedule.once_at`.", "\"2026-06-01T08:00:00Z\""),
    field(
        "downstream_triggers",
        Kind::Objects(DOWNSTREAM),
        "Pipelines that follow this one.",
        "[{\"pipeline\": \"report\"}]",
    ),
    field(
        "triggers",
        Kind::Objects(TRIGGER),
        "What starts runs when something has happened: files come, a sensor says so, other pipelines have ended.",
        "[{\"id\": \"inbox\", \"files\": \"/data/in/*.csv\"}]",
    ),
    field("webhook_key", Kind::Text, "The key of the webhook that starts a run.", "\"a-long-random-text\""),
];

/// The table that a path such as `limits` or `schedules` leads to, for tools and tests.
#[must_use]
pub fn tables() -> Vec<(&'static str, &'static [Field])> {
    vec![
        ("spec", SPEC),
        ("preset", PRESET),
        ("input", INPUT),
        ("output", OUTPUT),
        ("concurrency", CONCURRENCY),
        ("trigger", TRIGGER),
        ("limits", LIMITS),
        ("soft_limits", SOFT_LIMITS),
        ("retention", RETENTION),
        ("retries", RETRIES),
        ("retry_strategy", RETRY_STRATEGY),
        ("cell", CELL),
        ("restart", RESTART),
        ("kubernetes", KUBERNETES),
        ("schedule", SCHEDULE),
        ("downstream_trigger", DOWNSTREAM),
        ("step", STEP),
        ("approval", APPROVAL),
        ("on_failure", ON_FAILURE),
    ]
}
