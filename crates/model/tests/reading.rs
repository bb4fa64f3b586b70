//! Good specs, in every format.

use std::time::Duration;

use rigi_model::pipeline::spec::{Entry, Limits};
use rigi_model::pipeline::{FolderFacts, SpecFormat, SpecReading, read_spec, read_without_spec, spec_schema};
use rigi_model::retry::{RetryPolicy, RetrySpec, RetryStrategy};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

fn folder() -> FolderFacts {
    FolderFacts::new("demo", ["main.py", "main.ipynb"])
}

fn read(format: SpecFormat, text: &str) -> SpecReading {
    read_spec(format, text.as_bytes(), &folder()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

const FAST_FLOW: &str = include_str!("fixtures/fast_flow_full.json");
const FULL: &str = include_str!("fixtures/full.yaml");
const COMMAND: &str = include_str!("fixtures/command.toml");

#[test]
fn every_field_of_fast_flow_is_read() {
    let SpecReading { spec, warnings, .. } = read(SpecFormat::Json, FAST_FLOW);
    assert_eq!(spec.entry, Entry::Script { file: "main.py".to_owned() });
    assert_eq!(spec.timeout, Some(Duration::from_secs(900)));
    assert_eq!(spec.limits, Limits { cpu: Some(1.5), memory: Some(512 * MIB), ..Limits::default() });
    assert_eq!(spec.soft_limits.memory, Some(1536 * MIB));
    let env = serde_json::to_value(&spec.env).unwrap();
    assert_eq!(env, json!({"DEBUG": "false", "MODE": "full", "PORT": "8080", "RATIO": "1.50"}));
    let retry = spec.retry.unwrap();
    let (initial_delay, max_delay) = (Duration::from_secs(30), Duration::from_secs(600));
    assert_eq!(
        retry.strategy,
        Some(RetryStrategy::ExponentialBackoff { initial_delay, max_delay, multiplier: 2.0 })
    );
    assert_eq!(spec.schedules.len(), 2);
    let prod = &spec.schedules[0];
    assert_eq!(prod.start.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(prod.end.as_deref(), Some("2026-12-31T23:59:59.999999Z"));
    assert_eq!(prod.retry.as_ref().unwrap().attempts, Some(3));
    assert!(!spec.schedules[1].enabled);
    assert_eq!(spec.schedules[1].interval, Some(Duration::from_secs(3600)));
    assert_eq!(spec.downstream_triggers[2].on_route.as_deref(), Some("large"));
    assert_eq!(spec.restart.interval.as_deref(), Some("0 4 * * *"));
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    let expected =
        "18:3  `schedule_cron` and `schedules` say two things; it has no effect (Keep it in `schedules`.)";
    assert!(warnings.iter().any(|warning| warning == expected), "{warnings:?}");
    let of_false = "DEBUG` becomes the text `false`, which counts as true in Python";
    assert!(
        warnings.iter().any(|warning| warning.starts_with("14:") && warning.contains(of_false)),
        "{warnings:?}"
    );
}

#[test]
fn rigis_own_words_are_read() {
    let SpecReading { spec, warnings, rules } = read(SpecFormat::Yaml, FULL);
    assert_eq!(warnings, []);
    assert_eq!(spec.python_version.as_deref(), Some("3.10"));
    assert_eq!(spec.env["ratio"], "1.50");
    assert_eq!(spec.limits.cpu, Some(0.5));
    assert_eq!(spec.limits.memory, Some(1536 * MIB));
    assert_eq!(spec.labels["example.org/cost-centre"], "4711");
    assert!(spec.inputs["table"].required && !spec.inputs["extra"].required);
    assert_eq!(spec.presets["quick"].parameters["start"], 2000);
    assert_eq!(spec.presets["all"].description.as_deref(), Some("Everything there is"));
    assert_eq!(spec.schedules[0].start.as_deref(), Some("2025-12-31T23:00:00Z"));
    let schema = spec.parameters.unwrap();
    assert_eq!(schema["required"], json!(["station"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["token"], json!({"type": "string", "writeOnly": true}));
    assert_eq!(rules["/properties/start/maximum"].to_string(), "15:5");
}

#[test]
fn toml_and_the_long_form_of_parameters_are_read() {
    let SpecReading { spec, rules, .. } = read(SpecFormat::Toml, COMMAND);
    let argv = ["sh", "count.sh", "-n", "5"].map(str::to_owned).to_vec();
    assert_eq!(spec.entry, Entry::Command { argv });
    assert_eq!(spec.timeout, Some(Duration::ZERO));
    assert_eq!(spec.retry.unwrap().attempts, Some(2));
    assert_eq!(spec.parameters.unwrap()["additionalProperties"], false);
    assert_eq!(rules["/properties/word/minLength"].to_string(), "18:1");
}

#[test]
fn a_folder_without_a_spec_has_defaults_if_it_has_code() {
    let entry = |files: &[&str]| {
        read_without_spec(&FolderFacts::new("demo", files.iter().copied())).map(|reading| reading.spec.entry)
    };
    assert_eq!(entry(&["main.py", "main.ipynb"]), Ok(Entry::Script { file: "main.py".to_owned() }));
    assert_eq!(entry(&["main.ipynb"]), Ok(Entry::Notebook { file: "main.ipynb".to_owned() }));
    let mistakes = entry(&["mian.py"]).unwrap_err();
    assert_eq!(
        mistakes[0].to_string(),
        "1:1  there is nothing to run: neither `main.py` nor `main.ipynb`, and no `command` or `image` \
         (Rename `mian.py` to `main.py`, or say what to run with `command`.)"
    );
    assert_eq!(read(SpecFormat::Yaml, "").spec.entry, Entry::Script { file: "main.py".to_owned() });
    let command = read(SpecFormat::Yaml, "command: wc -l *.csv").spec.entry;
    assert_eq!(command, Entry::Command { argv: ["sh", "-c", "wc -l *.csv"].map(str::to_owned).to_vec() });
}

#[test]
fn the_published_schema_takes_what_the_reader_takes() {
    let validator = jsonschema::draft202012::new(&spec_schema()).unwrap();
    let toml: Value = toml::from_str(COMMAND).unwrap();
    let json: Value = serde_json::from_str(FAST_FLOW).unwrap();
    let bytes = rigi_model::pipeline::document::read_document(SpecFormat::Yaml, FULL.as_bytes());
    let yaml = bytes.root.unwrap().to_value();
    for value in [toml, json, yaml] {
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, [] as [String; 0]);
    }
    assert!(!validator.is_valid(&json!({"timout": 3})));
    assert!(!validator.is_valid(&json!({"limits": {"memory": []}})));
}

#[test]
fn a_notebook_is_repeated_by_retries_and_not_by_fast_flows_fields() {
    let retry_of = |format, text| read(format, text).spec.retry;
    let attempts = |attempts| Some(RetrySpec { attempts: Some(attempts), ..RetrySpec::default() });
    assert_eq!(retry_of(SpecFormat::Yaml, "type: notebook\nretries: 2\n"), attempts(2));
    assert_eq!(retry_of(SpecFormat::Json, r#"{"type": "notebook", "retries": 2}"#), attempts(2));
    // The server's default is for those that say nothing, unless they were written for Fast-Flow.
    assert_eq!(retry_of(SpecFormat::Yaml, "type: notebook\n"), None);
    assert_eq!(retry_of(SpecFormat::Json, r#"{"type": "notebook"}"#), attempts(0));
    let theirs = read(SpecFormat::Json, r#"{"type": "notebook", "retry_attempts": 3}"#);
    assert_eq!(theirs.spec.retry, attempts(0));
    let warnings: Vec<_> = theirs.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @"1:22  `retry_attempts` has no effect on a notebook, as in Fast-Flow; `cells` and `retries` have");
}

#[test]
fn the_delay_of_a_cell_keeps_its_fraction() {
    let text = "type: notebook\ncells: [{retries: 1, delay_seconds: 0.25}, {delay: 2s}, {retries: 1}]\n";
    let cells = serde_json::to_string(&read(SpecFormat::Yaml, text).spec.cells).unwrap();
    let expected = r#"[{"retries":1,"delay_seconds":0.25},{"retries":0,"delay_seconds":2},{"retries":1,"delay_seconds":1}]"#;
    assert_eq!(cells, expected);
    let old: Vec<rigi_model::pipeline::spec::CellRetry> = serde_json::from_str(expected).unwrap();
    assert_eq!(serde_json::to_string(&old).unwrap(), expected);
}

#[test]
fn what_fast_flow_lets_pass_is_a_warning_in_its_own_format() {
    let text = r#"{
        "_comment": "people write this",
        "type": "skript",
        "timeout": null,
        "retry_attempts": 1,
        "retry_strategy": {"type": "fibonacci"},
        "default_env": {"A": null, "MY-VAR": "x"},
        "schedule_cron": "0 9 last * 1",
        "schedule_interval_seconds": 60,
        "downstream_triggers": [],
        "schedules": []
    }"#;
    let SpecReading { spec, warnings, .. } = read(SpecFormat::Json, text);
    assert_eq!(spec.entry, Entry::Script { file: "main.py".to_owned() });
    let retry = spec.retry.unwrap();
    assert_eq!(retry.policy(&RetryPolicy::default()), RetryPolicy { attempts: 1, ..RetryPolicy::default() });
    assert_eq!(serde_json::to_value(&spec.env).unwrap(), json!({"MY-VAR": "x"}));
    assert_eq!(spec.schedules[0].cron.as_deref(), Some("0 9 L * +TUE"));
    assert_eq!(spec.schedules[0].interval, None);
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"
3:17  `type` is `skript` and must be `script` or `notebook`; the nearest is `script`; it is taken for `script`
6:36  `retry_strategy.type` is `fibonacci` and must be `fixed_delay`, `exponential_backoff` or `custom_schedule`; 60 s are between two attempts
7:30  `default_env.A` is empty and must be a text; it is left out (Put the value into quotes.)
7:36  `default_env`: `MY-VAR` is not a name of an environment variable; it is set all the same (Use letters, digits and `_`, and no digit first.)
8:26  `schedule_cron`: a day of month and a day of week mean both of them, as in Fast-Flow; elsewhere either
8:26  `schedule_cron`: the day of week `1` counts from Monday = 0, as Fast-Flow does; elsewhere Sunday is 0 (Write names, such as `mon-fri`.)
9:9  `schedule_cron` and `schedule_interval_seconds` cannot both say when; the first is used (Keep one of them.)
"#);
}
