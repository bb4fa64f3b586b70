//! Fast-Flow's own fields in its own format: whatever stands in them, the pipeline runs, and what is not meant so is
//! told with what is done instead.

use std::time::Duration;

use rigi_model::pipeline::SecretUse;
use rigi_model::pipeline::spec::{Entry, PipelineSpec};
use rigi_model::pipeline::{FolderFacts, SpecFormat, SpecReading, read_spec};
use rigi_model::retry::{RetryPolicy, RetryStrategy};
use serde_json::{Map, Value, json};

fn read(text: &str) -> SpecReading {
    let folder = FolderFacts::new("demo", ["main.py", "main.ipynb"]);
    read_spec(SpecFormat::Json, text.as_bytes(), &folder)
        .unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"))
}

fn spec(value: &Value) -> PipelineSpec {
    read(&value.to_string()).spec
}

fn said(value: &Value) -> Vec<String> {
    read(&value.to_string()).warnings.into_iter().map(|warning| warning.message).collect()
}

/// Every field of Fast-Flow's tables with a value as its documentation writes it.
fn whole() -> Value {
    serde_json::from_str(include_str!("fixtures/fast_flow_full.json")).expect("the fixture is JSON")
}

/// Values that people, generators and other tools have left in such fields.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(""),
        json!(" \t"),
        json!("  padded  "),
        json!("text"),
        json!("0"),
        json!("2"),
        json!("-1"),
        json!("2.5"),
        json!("1e3"),
        json!("true"),
        json!("../x/\u{202e}\n"),
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(2.5),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!(false),
        json!([]),
        json!([null]),
        json!([""]),
        json!(["a", " a ", "a"]),
        json!([1, 2.5, true]),
        json!([[[]]]),
        json!([{}]),
        json!([{"pipeline": "x", "id": 5}, 7, null, "x"]),
        json!({}),
        json!({"": ""}),
        json!({" ": "x", " A ": "x", "A": null, "B": 1, "C": [], "D=E": "x", "RIGI_X": "x", "é": "x"}),
        json!({"type": "fibonacci", "delay": 4}),
    ]
}

/// Takes the way to set one place of the spec.
type Replace<'a> = &'a mut dyn FnMut(&dyn Fn(Value) -> Value);

/// The spec with every place where a value may stand set to each odd value in turn.
fn mutate(value: &Value, replace: Replace<'_>) {
    walk(value, &|changed| changed, replace);
}

fn walk(value: &Value, rebuild: &dyn Fn(Value) -> Value, replace: Replace<'_>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let here = |changed: Value| {
                    let mut members = members.clone();
                    members.insert(name.clone(), changed);
                    rebuild(Value::Object(members))
                };
                replace(&here);
                walk(inner, &here, replace);
            }
            let unknown = |changed: Value| {
                let mut members: Map<String, Value> = members.clone();
                members.insert("owner".to_owned(), changed);
                rebuild(Value::Object(members))
            };
            replace(&unknown);
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let here = |changed: Value| {
                    let mut items = items.clone();
                    items[index] = changed;
                    rebuild(Value::Array(items))
                };
                replace(&here);
                walk(inner, &here, replace);
            }
        }
        _ => {}
    }
}

#[test]
fn no_value_in_any_of_its_fields_keeps_a_pipeline_from_running() {
    let mut whole = whole();
    whole["cells"] = json!([{"retries": 2, "delay_seconds": 1}]);
    let odd = odd_values();
    let mut tried = 0;
    mutate(&whole, &mut |put| {
        for value in &odd {
            let text = put(value.clone()).to_string();
            read(&text);
            tried += 1;
        }
    });
    assert!(tried > 2000, "{tried}");
    // The whole of it is something else, too.
    for value in &odd {
        if !value.is_object() {
            assert_eq!(spec(value).entry, Entry::Script { file: "main.py".to_owned() });
        }
    }
}

#[test]
fn what_cannot_run_is_a_mistake_all_the_same() {
    let only_script = FolderFacts::new("demo", ["main.py"]);
    let wrong = |text: &str| read_spec(SpecFormat::Json, text.as_bytes(), &only_script).unwrap_err();
    assert_eq!(wrong(r#"{"type": " NOTEBOOK "}"#)[0].message, "the folder has no `main.ipynb`");
    assert!(wrong(r#"{"default_env": {"A": "x\u0000"}}"#)[0].message.contains("NUL character"));
    assert!(wrong("{").len() == 1);
    // Rigi's own fields stay strict, and so do the other formats.
    for own in [
        r#"{"limits": {"memry": "1g"}}"#,
        r#"{"env": []}"#,
        r#"{"priority": 1, "timout": 3}"#,
        r#"{"retries": "2"}"#,
        r#"{"schedule": "99 * * * *"}"#,
        r#"{"schedules": [{"id": "a", "cron": "99 * * * *"}]}"#,
        r#"{"parameters": {"a": {"type": "integer", "type": "string"}}}"#,
        r#"{"env": {"A": 1, "A": 2}}"#,
    ] {
        assert!(!wrong(own).is_empty(), "{own}");
    }
    for yaml in
        ["owner: x", "max_instances: 0", "webhook_key: ''", "timeout: '30'", "retry_strategy: {delay: 4}"]
    {
        assert!(read_spec(SpecFormat::Yaml, yaml.as_bytes(), &only_script).is_err(), "{yaml}");
    }
}

#[test]
fn what_is_done_instead_is_what_fast_flow_does() {
    let spec = spec(&json!({
        "type": " Script ", "enabled": "no", "tags": [1, "", " x"], "python_version": "",
        "timeout": "30", "retry_attempts": "2", "max_instances": "3", "cpu_hard_limit": 0, "default_env": [],
        "secrets": [" A ", "A", "", 5, "B"], "webhook_key": "",
        "schedules": [
            {"id": 7, "schedule_interval_seconds": "90", "webhook_key": " k ", "max_delay": 3},
            {"id": " ", "schedule_cron": "0 6 * * *"},
            {"id": "seven", "schedule_cron": "not a cron", "webhook_key": "k"},
            5
        ],
        "downstream_triggers": [{"pipeline": " b ", "on_success": 1, "on_failure": "", "run_config_id": ""}, {}, 3],
        "restart_on_crash": 1, "restart_cooldown": "5"
    }));
    assert!(spec.enabled && spec.restart.on_crash);
    assert_eq!(spec.tags, ["1", " x"]);
    assert_eq!((spec.python_version, spec.webhook_key, spec.limits.cpu), (None, None, None));
    assert_eq!(spec.timeout, Some(Duration::from_secs(30)));
    assert_eq!((spec.retry.unwrap().attempts, spec.max_instances), (Some(2), Some(3)));
    assert_eq!(spec.secrets, ["A", "B"].map(SecretUse::variable));
    let schedules: Vec<_> =
        spec.schedules.iter().map(|s| (s.id.as_str(), s.webhook_key.as_deref())).collect();
    assert_eq!(schedules, [("7", Some("k")), ("seven", None)]);
    assert_eq!(spec.schedules[0].interval, Some(Duration::from_secs(90)));
    assert_eq!(spec.schedules[1].cron, None);
    assert_eq!(spec.downstream_triggers.len(), 1);
    let trigger = &spec.downstream_triggers[0];
    assert_eq!((trigger.pipeline.as_str(), trigger.on_success, trigger.on_failure), ("b", true, false));
    assert_eq!((spec.restart.cooldown, &trigger.run_config_id), (Some(Duration::from_secs(5)), &None));
}

#[test]
fn each_is_told_with_what_is_done_instead() {
    let text = r#"{
  "owner": "team", "timeot": 3,
  "max_instances": 0,
  "timeout": "30",
  "timeout": "40",
  "python_version": " ",
  "webhook_key": "",
  "schedule_cron": "0 25 * * *",
  "retry_attempts": 5000,
  "enabled": "no"
}"#;
    let SpecReading { warnings, spec, .. } = read(text);
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!((spec.timeout, spec.schedules.len()), (Some(Duration::from_secs(40)), 0));
    insta::assert_snapshot!(warnings.join("\n"), @r#"
2:3  `owner`: there is no such field; it has no effect
2:20  `timeot`: there is no such field; the nearest is `timeout`; it has no effect
3:20  `max_instances` is the number 0 and must be a whole number from 1 to 1,000,000; it is left out
5:3  `timeout` stands here twice; the first is at 4:3; the last is used (Keep one of them.)
5:14  `timeout` is the text `40` and is taken for the number 40
6:21  `python_version` is empty and has no effect
8:20  `schedule_cron`: the hour is `25` and must be 0 to 23; it is left out
9:21  `retry_attempts` is the number 5000 and must be a whole number from 0 to 1,000; it is taken for 1,000
10:14  `enabled` is the text `no` and is taken for `true`, as Fast-Flow does
"#);
}

#[test]
fn retries_follow_fast_flow() {
    let policy = |value: Value| {
        let server = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
        spec(&value).retry.map(|retry| retry.policy(&server))
    };
    let fixed = |seconds| RetryStrategy::FixedDelay { delay: Duration::from_secs(seconds) };
    // No type and an unknown one are 60 s, whatever else stands there.
    for strategy in [
        json!({"delay": 4}),
        json!({"type": "fibonacci", "delay": 4}),
        json!({"type": "", "delays": [1]}),
        json!({"max_delay": 4, "multiplier": 3}),
        json!({"type": 5}),
        json!({}),
    ] {
        let policy = policy(json!({"retry_attempts": 2, "retry_strategy": strategy})).unwrap();
        assert_eq!((policy.attempts, policy.strategy), (2, fixed(60)), "{strategy}");
        assert!(!said(&json!({"retry_attempts": 2, "retry_strategy": strategy})).is_empty(), "{strategy}");
    }
    // Alone it leaves the number to the server.
    let alone = policy(json!({"retry_strategy": {"type": "fixed_delay", "delay": 4}})).unwrap();
    assert_eq!((alone.attempts, alone.strategy), (1, fixed(4)));
    assert_eq!(policy(json!({"retry_strategy": "fixed_delay"})), None);
    let slow = policy(
        json!({"retry_attempts": 1, "retry_strategy": {"type": "exponential_backoff", "multiplier": 0.5}}),
    );
    let slow = slow.unwrap().strategy;
    assert!(
        matches!(slow, RetryStrategy::ExponentialBackoff { multiplier, .. } if multiplier == 1.0),
        "{slow:?}"
    );
}

#[test]
fn schedules_take_what_they_leave_out_from_their_pipeline() {
    let spec = spec(&json!({
        "retry_attempts": 2, "retry_strategy": {"type": "fixed_delay", "delay": 5},
        "schedules": [
            {"id": "a", "schedule_interval_seconds": 60, "retry_attempts": 4},
            {"id": "b", "schedule_interval_seconds": 60, "retry_strategy": {"type": "custom_schedule", "delays": [1]}},
            {"id": "c", "schedule_interval_seconds": 60}
        ]
    }));
    let seconds = Duration::from_secs;
    let of = |index: usize| spec.schedules[index].retry.clone().map(|retry| (retry.attempts, retry.strategy));
    assert_eq!(of(0), Some((Some(4), Some(RetryStrategy::FixedDelay { delay: seconds(5) }))));
    assert_eq!(of(1), Some((Some(2), Some(RetryStrategy::CustomSchedule { delays: vec![seconds(1)] }))));
    assert_eq!(of(2), None);
}
