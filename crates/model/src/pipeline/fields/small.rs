//! The fields of the smaller objects within a spec.

use super::{Field, Kind, field};

/// `presets`.
pub const PRESET: &[Field] = &[
    field("description", Kind::Text, "What it is for.", "\"A quick look\""),
    field("parameters", Kind::Values, "Values by parameter.", "{\"start\": 2000}"),
];

/// `inputs`.
pub const INPUT: &[Field] = &[
    field("description", Kind::Text, "What it is.", "\"The measurements\""),
    field("required", Kind::Bool, "Whether a run is refused without it; it is unless told.", "true"),
    field("multiple", Kind::Bool, "Whether it takes more than one file.", "false"),
    field(
        "accept",
        Kind::Texts,
        "File endings or media types that the form offers.",
        "[\".csv\", \"text/plain\"]",
    ),
    field("formats", Kind::Texts, FORMATS, "[\"mzML\", \"mzXML\"]"),
];

/// What `formats` of an input says.
const FORMATS: &str =
    "What its files are, as endings without a dot: the form offers them alone, and others are refused.";

/// An entry of `secrets`.
pub const SECRET: &[Field] = &[
    field("name", Kind::Text, "Its name in the project.", "\"TLS_KEY\""),
    field("variable", Kind::Text, "The environment variable that it becomes, if not of its name.", "\"KEY\""),
    field("file", Kind::Text, "The file below `$RIGI_SECRETS` that it becomes instead.", "\"key.pem\""),
];

/// `outputs`.
pub const OUTPUT: &[Field] = &[
    field("description", Kind::Text, "What it is.", "\"The trend as a picture\""),
    field(
        "dataset",
        Kind::Text,
        "The dataset of which what a run leaves there is a new version, when it has succeeded.",
        "\"co2/trend\"",
    ),
    field(
        "formats",
        Kind::Texts,
        "What its files are, as endings without a dot: told to those who pass them on.",
        "[\"featureXML\"]",
    ),
];

/// `limits`.
pub const LIMITS: &[Field] = &[
    field("cpu", Kind::Cores, "Cores.", "2"),
    field(
        "memory",
        Kind::Bytes,
        "Memory of the whole tree of processes. Letters are powers of 1024.",
        "\"512MiB\"",
    ),
    field("processes", Kind::Integer(1, 4_194_304), "Processes and threads.", "64"),
    field("open_files", Kind::Integer(16, 1_048_576), "Open files of one process.", "1024"),
    field("output_size", Kind::Bytes, "What one attempt may leave in its outputs.", "\"1GiB\""),
    field("log_size", Kind::Bytes, "How much log is kept of one attempt.", "\"100MiB\""),
    field("gpus", Kind::Integer(1, 1024), "GPUs, where it runs in a container.", "1"),
];

/// When an image is pulled.
pub const PULL: &[&str] = &["if-missing", "always", "never"];

/// `kubernetes`.
pub const KUBERNETES: &[Field] = &[
    field("node_selector", Kind::TextMap, "Labels that a node must have.", "{\"disk\": \"ssd\"}"),
    field(
        "tolerations",
        Kind::Objects(TOLERATION),
        "Taints of nodes that are put up with, as Kubernetes writes them.",
        "[{\"key\": \"gpu\", \"operator\": \"Exists\"}]",
    ),
    field("affinity", Kind::Values, "Which nodes are preferred, as Kubernetes writes it.", "{}"),
    field("priority_class", Kind::Text, "A `PriorityClass`.", "\"batch\""),
    field("image_pull_secrets", Kind::Texts, "Secrets with credentials of registries.", "[\"registry\"]"),
    field("service_account", Kind::Text, "A service account in the target's namespace.", "\"reader\""),
    field(
        "service_account_token",
        Kind::Bool,
        "Whether code in the pod gets its token; not unless told.",
        "true",
    ),
    field("request_cpu", Kind::Cores, "Cores that are set aside; the limit unless told.", "0.5"),
    field("request_memory", Kind::Bytes, "Memory that is set aside; the limit unless told.", "\"256MiB\""),
    field("ephemeral_storage", Kind::Bytes, "The node's disk: set aside, and the limit.", "\"2GiB\""),
    field("queue", Kind::Text, "A `LocalQueue` of Kueue.", "\"team\""),
    field("queue_priority", Kind::Text, "A `WorkloadPriorityClass` of Kueue.", "\"high\""),
    field(
        "pod_template",
        Kind::Values,
        "A patch of the pod's template, for what is rare.",
        "{\"spec\": {\"hostAliases\": []}}",
    ),
];

/// `kubernetes.tolerations`.
const TOLERATION: &[Field] = &[
    field("key", Kind::Text, "The taint.", "\"gpu\""),
    field("operator", Kind::Choice(&["Exists", "Equal"]), "How it is compared.", "\"Exists\""),
    field("value", Kind::Text, "Its value.", "\"true\""),
    field("effect", Kind::Text, "Its effect.", "\"NoSchedule\""),
    field("tolerationSeconds", Kind::Integer(0, i64::MAX), "For how long.", "60"),
];

/// `concurrency`.
pub const CONCURRENCY: &[Field] = &[
    field(
        "key",
        Kind::Text,
        "What runs have in common that count together, with parameters in braces; all runs of the pipeline unless told.",
        "\"{customer}\"",
    ),
    field(
        "limit",
        Kind::Integer(1, 1_000_000),
        "How many of them may be active at a time; 1 unless told.",
        "1",
    ),
    field(
        "overlap",
        Kind::Choice(&["queue", "skip", "replace"]),
        "What becomes of one too many: it waits (unless told), is skipped, or the oldest is stopped.",
        "\"replace\"",
    ),
    field("shared", Kind::Bool, "Whether other pipelines with the same key count too.", "true"),
];

/// `soft_limits`.
pub const SOFT_LIMITS: &[Field] =
    &[field("cpu", Kind::Cores, "Cores.", "1"), field("memory", Kind::Bytes, "Memory.", "\"400MiB\"")];

/// `retention`.
pub const RETENTION: &[Field] = &[
    field("runs", Kind::Integer(0, i64::MAX), "The newest so many.", "100"),
    field("age", Kind::Duration, "Those younger than this.", "\"30d\""),
    field("bytes", Kind::Bytes, "The newest whose logs and artifacts fit into this.", "\"10GiB\"")
        .also(&["size"]),
];

/// How delays may grow, in Rigi's words and in Fast-Flow's.
const STRATEGIES: &[&str] =
    &["fixed", "exponential", "custom", "fixed_delay", "exponential_backoff", "custom_schedule"];

/// `retries`.
pub const RETRIES: &[Field] = &[
    field("attempts", Kind::Integer(0, 1000), "Further attempts after the first.", "3"),
    field(
        "strategy",
        Kind::Choice(STRATEGIES),
        "How the delay grows; `fixed` unless told.",
        "\"exponential\"",
    )
    .also(&["backoff"]),
    field("delay", Kind::Duration, "The delay, or the first one; 60 s unless told.", "\"10s\"")
        .also(&["initial_delay"]),
    field("max_delay", Kind::Duration, "The longest delay; an hour unless told.", "\"1h\""),
    field("multiplier", Kind::Number(1.0, 1000.0), "By what each delay is longer; 2 unless told.", "2"),
    field("delays", Kind::Durations, "Strategy `custom`: each delay; the last repeats.", "[\"10s\", \"1m\"]"),
    field("jitter", Kind::Number(0.0, 1.0), "Spreads each delay by up to this part of itself.", "0.1"),
];

/// `retry_strategy`, Fast-Flow's.
pub const RETRY_STRATEGY: &[Field] = &[
    field("type", Kind::Choice(STRATEGIES), "How the delay grows.", "\"fixed_delay\""),
    field("delay", Kind::Duration, "The delay of `fixed_delay`, in seconds.", "60"),
    field("initial_delay", Kind::Duration, "The first delay of `exponential_backoff`, in seconds.", "60"),
    field("max_delay", Kind::Duration, "The longest delay, in seconds.", "3600"),
    field("multiplier", Kind::Number(1.0, 1000.0), "By what each delay is longer.", "2.0"),
    field("delays", Kind::Durations, "Each delay of `custom_schedule`; the last repeats.", "[60, 300]"),
];

/// `cells`.
pub const CELL: &[Field] = &[
    field("retries", Kind::Integer(0, 1000), "Further tries after the first.", "2"),
    field("delay_seconds", Kind::Duration, "Between two tries; 1 s unless told.", "1").also(&["delay"]),
];

/// `restart`.
pub const RESTART: &[Field] = &[
    field("on_crash", Kind::Bool, "Start again when it failed.", "true"),
    field("cooldown", Kind::Duration, "Between a crash and the next start.", "\"60s\""),
    field(
        "interval",
        Kind::Either(&[Kind::Cron, Kind::Duration]),
        "Regular restarts of what runs.",
        "\"0 3 * * *\"",
    ),
    field("at_start", Kind::Bool, "Start with the server, unless it runs.", "true"),
];

/// `downstream_triggers`.
pub const DOWNSTREAM: &[Field] = &[
    field("pipeline", Kind::Text, "The pipeline that follows.", "\"report\""),
    field("on_success", Kind::Bool, "After a success; so it is unless told.", "true"),
    field("on_failure", Kind::Bool, "After a failure.", "false"),
    field("on_route", Kind::Text, "Only after a success that chose this route.", "\"large\""),
    field("run_config_id", Kind::Text, "Which entry of the other pipeline's `schedules` to use.", "\"prod\""),
    field(
        "parameters",
        Kind::Values,
        "Its parameters; texts may have `${…}` over `params`, `outputs`, `run`, `route`.",
        "{\"rows\": \"${outputs.rows}\"}",
    ),
    field(
        "inputs",
        Kind::TextMap,
        "Its inputs: each is given what the run left in an output or a file.",
        "{\"table\": \"table\"}",
    ),
    field(
        "allow_cycle",
        Kind::Integer(0, 50),
        "How often a pipeline that is in the chain already may follow again; not at all unless told.",
        "3",
    ),
];
