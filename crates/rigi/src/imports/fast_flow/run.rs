//! One run of Fast-Flow, read from its row.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::pipeline::PipelineSpec;
use rigi_model::text::is_variable;
use rigi_model::{PipelineName, RunId, Timestamp, Trigger};
use rigi_store::ForeignRow;
use serde_json::{Map, Value};

use super::code::TheirCode;
use super::outcome::{OpenRuns, Outcome, outcome, trigger};
use super::values::{run_id, shown_uuid, texts, time, uuid};

/// The label that says which run it was there.
pub(super) const LABEL: &str = "fast-flow";
/// The label that says by which run configuration it ran.
pub(super) const CONFIG: &str = "run-config";
/// Characters of a label's value at most.
const LONGEST_LABEL: usize = 256;
/// What Fast-Flow or its image puts into each run.
const THEIRS: [&str; 8] = [
    "UV_CACHE_DIR",
    "UV_PYTHON_INSTALL_DIR",
    "UV_LINK_MODE",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "HOME",
    "TMPDIR",
    "FASTFLOW_ROUTE_FILE",
];
/// Parts of the names of variables that hold what nobody else may read.
const HIDDEN_WORDS: [&str; 9] =
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE", "CREDENTIAL", "_KEY"];

/// A run, in Rigi's words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TheirRun {
    pub id: RunId,
    pub uuid: String,
    pub pipeline: PipelineName,
    pub outcome: Outcome,
    pub exit_code: Option<i32>,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub trigger: Trigger,
    pub config: Option<String>,
    pub code: TheirCode,
    /// The run that it repeats, by the UUID it has there.
    pub repeats: Option<u128>,
    pub env: BTreeMap<String, String>,
    pub parameters: Map<String, Value>,
    /// Variables that are left out, as they hold what is secret.
    pub hidden: BTreeSet<String>,
    pub log_file: Option<String>,
    pub metrics_file: Option<String>,
    pub uv_version: Option<String>,
    pub setup_us: u64,
}

/// Why a run does not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotTaken {
    pub name: String,
    pub why: String,
}

/// What is known for reading runs.
pub(super) struct Knowledge<'a> {
    pub specs: &'a BTreeMap<String, PipelineSpec>,
    /// Names of secrets, of the database and of specs.
    pub secret_names: &'a BTreeSet<String>,
    /// Values of secrets.
    pub hidden: &'a [String],
    /// Who started which run.
    pub started_by: &'a BTreeMap<u128, String>,
    pub open: OpenRuns,
    pub now: Timestamp,
}

/// Reads a row of `pipeline_runs`.
pub(super) fn read(row: &ForeignRow, known: &Knowledge<'_>) -> Result<TheirRun, NotTaken> {
    let text = |column: &str| row.get(column).filter(|text| !text.trim().is_empty());
    let pipeline = text("pipeline_name").unwrap_or_default();
    let not = |name: &str, why: String| NotTaken { name: name.to_owned(), why };
    let bits = text("id").and_then(uuid).ok_or_else(|| not(pipeline, "its id is none".to_owned()))?;
    let shown = shown_uuid(bits);
    let name: PipelineName = pipeline
        .parse()
        .map_err(|error| not(pipeline, format!("no pipeline can be called so here: {error}")))?;
    let status = text("status").unwrap_or_default();
    let exit_code = text("exit_code").and_then(|code| code.parse().ok());
    let outcome = outcome(status, exit_code, known.open).ok_or_else(|| {
        let what = format!("{pipeline} {shown}");
        not(
            &what,
            "it has not ended: stop Fast-Flow and import again, with `--open lost` for those that never will"
                .to_owned(),
        )
    })?;
    let began = text("started_at")
        .and_then(time)
        .filter(|at| at.0 > 0)
        .ok_or_else(|| not(&shown, "its beginning is no time".to_owned()))?
        .min(known.now);
    let ended = text("finished_at").and_then(time).unwrap_or(began).max(began).min(known.now);
    let config = text("run_config_id").map(str::to_owned);
    let given = row.get("env_vars").and_then(texts).unwrap_or_default();
    let parameters = row.get("parameters").and_then(texts).unwrap_or_default();
    let repeats = given.get("_fastflow_previous_run_id").and_then(|id| uuid(id));
    let spec = known.specs.get(pipeline);
    let (env, mut hidden) = shown_variables(given, spec, known);
    let parameters = parameters
        .into_iter()
        .filter(|(name, value)| {
            let secret = is_secret(name, value, known);
            if secret {
                hidden.insert(name.clone());
            }
            !secret
        })
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    let setup = text("setup_duration").and_then(|text| text.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
    let setup_us = (setup.filter(|s| s.is_finite()).unwrap_or(0.0).clamp(0.0, 1e6) * 1e6) as u64;
    let code = TheirCode {
        pipeline: pipeline.to_owned(),
        commit: text("git_sha").map(str::to_owned),
        branch: text("git_branch").map(str::to_owned),
        subject: text("git_commit_message").map(|text| rigi_model::text::plain_line(text, 200)),
    };
    Ok(TheirRun {
        id: run_id(bits, began),
        uuid: shown,
        pipeline: name,
        exit_code,
        began,
        ended,
        trigger: trigger(
            text("triggered_by").unwrap_or("manual"),
            config.as_deref(),
            known.started_by.get(&bits).map(String::as_str),
        ),
        config: config.filter(|config| fits_label(config)),
        code,
        repeats,
        env,
        parameters,
        hidden,
        log_file: text("log_file").map(str::to_owned),
        metrics_file: text("metrics_file").map(str::to_owned),
        uv_version: text("uv_version").map(|text| rigi_model::text::plain_line(text, 60)),
        setup_us,
        outcome,
    })
}

fn fits_label(value: &str) -> bool {
    value.chars().count() <= LONGEST_LABEL && !value.contains(char::is_control)
}

/// Whether a variable is one of a secret, by its name or by its value.
fn is_secret(name: &str, value: &str, known: &Knowledge<'_>) -> bool {
    let upper = name.to_ascii_uppercase();
    known.secret_names.contains(name)
        || HIDDEN_WORDS.iter().any(|word| upper.contains(word))
        || known.hidden.iter().any(|hidden| value.contains(hidden.as_str()))
}

/// The variables that a run was asked for with: Fast-Flow stores all that it had, opened secrets among them. Those of the spec come with
/// the spec, and of a pipeline that is not there nobody knows which are secret.
fn shown_variables(
    given: BTreeMap<String, String>,
    spec: Option<&PipelineSpec>,
    known: &Knowledge<'_>,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let own = |name: &str| name.starts_with("_fastflow_") || THEIRS.contains(&name);
    let (mut shown, mut hidden) = (BTreeMap::new(), BTreeSet::new());
    for (name, value) in given.into_iter().filter(|(name, _)| !own(name)) {
        let of_spec = |spec: &PipelineSpec| {
            let mut all = spec.schedules.iter().map(|schedule| &schedule.env).chain([&spec.env]);
            all.any(|env| env.get(&name) == Some(&value))
        };
        match spec {
            Some(spec) if of_spec(spec) => {}
            Some(_)
                if is_variable(&name) && !name.starts_with("RIGI_") && !is_secret(&name, &value, known) =>
            {
                shown.insert(name, value);
            }
            _ => {
                hidden.insert(name);
            }
        }
    }
    (shown, hidden)
}

#[cfg(test)]
mod tests {
    use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};
    use rigi_model::{RunState, TriggerKind};

    use super::*;

    fn knowing<T>(open: OpenRuns, look: impl FnOnce(&Knowledge<'_>) -> T) -> T {
        let spec = br#"{"default_env": {"ROWS": "12"}, "secrets": ["ORCHARD"], "encrypted_env": {"SEALED": "gAAA"}}"#;
        let spec = read_spec(SpecFormat::Json, spec, &FolderFacts::new("fit", ["main.py"])).unwrap().spec;
        let specs = [("fit".to_owned(), spec)].into();
        let names = ["ORCHARD", "SEALED"].map(str::to_owned).into();
        let by = [(uuid(ID).unwrap(), "ada".to_owned())].into();
        look(&Knowledge {
            specs: &specs,
            secret_names: &names,
            hidden: &["pippin-and-russet".to_owned()],
            started_by: &by,
            open,
            now: Timestamp(1_800_000_000_000_000),
        })
    }

    const ID: &str = "69cb2bbe97895d7dab1c0c196d29c190";

    fn row(more: &[(&str, &str)]) -> ForeignRow {
        let all = [
            ("id", ID),
            ("pipeline_name", "fit"),
            ("status", "SUCCESS"),
            ("started_at", "2026-08-01 06:00:00.000000"),
            ("finished_at", "2026-08-01 06:00:12.500000"),
            ("exit_code", "0"),
            ("triggered_by", "manual"),
        ];
        let mut all: BTreeMap<&str, &str> = all.into();
        all.extend(more.iter().copied());
        ForeignRow::from_iter(all)
    }

    #[test]
    fn a_run_keeps_what_it_was_asked_with_and_nothing_that_is_secret() {
        let env = r#"{"ORCHARD": "x", "SEALED": "y", "ROWS": "12", "SORT": "gala", "MY_API_KEY": "k", "NOTE": "has pippin-and-russet in it",
            "HOME": "/tmp", "_fastflow_retry_count": "1", "_fastflow_previous_run_id": "69cb2bbe-9789-5d7d-ab1c-0c196d29c191", "RIGI_X": "1"}"#;
        let row = row(&[
            ("env_vars", env),
            ("parameters", r#"{"SORT": "gala", "DB_PASSWORD": "p"}"#),
            ("setup_duration", "1.25"),
        ]);
        let run = knowing(OpenRuns::Left, |known| read(&row, known)).unwrap();
        assert_eq!(run.env, [("SORT".to_owned(), "gala".to_owned())].into());
        let hidden: Vec<&str> = run.hidden.iter().map(String::as_str).collect();
        assert_eq!(hidden, ["DB_PASSWORD", "MY_API_KEY", "NOTE", "ORCHARD", "RIGI_X", "SEALED"]);
        assert_eq!(Value::Object(run.parameters.clone()), serde_json::json!({"SORT": "gala"}));
        assert_eq!(run.repeats, uuid("69cb2bbe97895d7dab1c0c196d29c191"));
        assert_eq!((run.outcome.run, run.setup_us), (RunState::Succeeded, 1_250_000));
        assert_eq!((run.trigger.kind, run.trigger.by.as_str()), (TriggerKind::Manual, "ada"));
    }

    #[test]
    fn of_a_pipeline_that_is_gone_no_variable_is_kept() {
        let row = row(&[("pipeline_name", "gone"), ("env_vars", r#"{"A": "1"}"#)]);
        let run = knowing(OpenRuns::Left, |known| read(&row, known)).unwrap();
        assert!(run.env.is_empty() && run.hidden.contains("A"));
    }

    #[test]
    fn times_are_in_order_and_never_ahead() {
        let read = |more: &[(&str, &str)]| knowing(OpenRuns::Left, |known| read(&row(more), known));
        let back = read(&[("finished_at", "2026-07-01 00:00:00")]).unwrap();
        assert_eq!(back.began, back.ended);
        let ahead =
            read(&[("started_at", "2999-01-01 00:00:00"), ("finished_at", "3000-01-01 00:00:00")]).unwrap();
        assert_eq!(
            (ahead.began, ahead.ended),
            (Timestamp(1_800_000_000_000_000), Timestamp(1_800_000_000_000_000))
        );
    }

    #[test]
    fn what_cannot_come_says_why() {
        let why =
            |more: &[(&str, &str)]| knowing(OpenRuns::Left, |known| read(&row(more), known)).unwrap_err().why;
        assert!(why(&[("pipeline_name", "no/such name")]).contains("called so"));
        assert!(why(&[("id", "x")]).contains("id"));
        assert!(why(&[("started_at", "soon")]).contains("no time"));
        assert!(why(&[("status", "RUNNING")]).contains("--open lost"));
        let lost = knowing(OpenRuns::Lost, |known| read(&row(&[("status", "RUNNING")]), known)).unwrap();
        assert_eq!(lost.outcome.run, RunState::Failed);
        let odd = [("env_vars", "[1]"), ("parameters", "{"), ("exit_code", "x"), ("setup_duration", "NaN")];
        let odd = knowing(OpenRuns::Left, |known| read(&row(&odd), known)).unwrap();
        assert_eq!((odd.exit_code, odd.setup_us), (None, 0));
    }
}
