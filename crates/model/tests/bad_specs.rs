//! What is said about specs with mistakes: every mistake, where it is, what is near.

use proptest::prelude::*;
use rigi_model::pipeline::fields::{Field, Kind, tables};
use rigi_model::pipeline::{FolderFacts, SpecFormat, find_spec, read_spec, spec_candidates, spec_schema};
use serde_json::{Value, json};

fn folder() -> FolderFacts {
    FolderFacts::new("demo", ["main.py", "main.ipynb"])
}

fn said(format: SpecFormat, text: &str) -> String {
    match read_spec(format, text.as_bytes(), &folder()) {
        Ok(reading) => panic!("was read: {reading:?}"),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn yaml(text: &str) -> String {
    said(SpecFormat::Yaml, text)
}

/// The same mistake in all three formats, with the place in each.
fn in_each(texts: [(SpecFormat, &str, &str); 3], message: &str) {
    for (format, text, place) in texts {
        assert_eq!(said(format, text), format!("{place}  {message}"), "{format}");
    }
}

use SpecFormat::{Json, Toml, Yaml};

#[test]
fn unknown_fields_have_a_nearest_name_in_every_format() {
    in_each(
        [
            (Yaml, "limits: {memry: 1g}", "1:10"),
            (Toml, "limits = {memry = '1g'}", "1:11"),
            (Json, "{\"limits\": {\"memry\": \"1g\"}}", "1:13"),
        ],
        "`limits.memry`: there is no such field; the nearest is `memory`",
    );
    // In JSON without a field of Rigi's own it may be one that Fast-Flow passed over.
    assert_eq!(yaml("timout: 30s"), "1:1  `timout`: there is no such field; the nearest is `timeout`");
}

#[test]
fn wrong_types_are_told_in_every_format() {
    in_each(
        [
            (Yaml, "restart: {on_crash: ja}", "1:21"),
            (Toml, "restart = {on_crash = 'ja'}", "1:23"),
            (Json, "{\"restart\": {\"on_crash\": \"ja\"}}", "1:26"),
        ],
        "`restart.on_crash` is the text `ja` and must be `true` or `false`",
    );
    in_each(
        [
            (Yaml, "limits:\n  memory: 512x", "2:11"),
            (Toml, "[limits]\nmemory = '512x'", "2:10"),
            (Json, "{\"limits\":\n {\"memory\": \"512x\"}}", "2:13"),
        ],
        "`limits.memory`: `512x` has the unknown unit `x`; the units are B, KiB, MiB, GiB and TiB",
    );
}

#[test]
fn cron_of_seven_fields_is_refused_in_every_format() {
    in_each(
        [
            (Yaml, "schedule: 0 0 6 * * * 2027", "1:11"),
            (Toml, "schedule = '0 0 6 * * * 2027'", "1:12"),
            (Json, "{\"schedule\": \"0 0 6 * * * 2027\"}", "1:14"),
        ],
        "`schedule` has 7 fields and must have 5: minute, hour, day of month, month, day of week; or 6, with the second first \
         (Remove the last field: the year cannot be set.)",
    );
}

#[test]
fn every_memory_form_is_read_in_every_format() {
    for (form, bytes) in
        [("1.5g", 1_610_612_736_u64), ("512Mi", 536_870_912), ("512m", 536_870_912), ("1GB", 1 << 30)]
    {
        let texts = [
            (Yaml, format!("limits: {{memory: {form}}}")),
            (Toml, format!("mem_hard_limit = '{form}'")),
            (Json, format!("{{\"mem_hard_limit\": \"{form}\"}}")),
        ];
        for (format, text) in texts {
            let reading = read_spec(format, text.as_bytes(), &folder()).unwrap();
            assert_eq!(reading.spec.limits.memory, Some(bytes), "{text}");
        }
    }
}

#[test]
fn bytes_that_are_no_spec_are_refused_in_every_format() {
    for format in [Yaml, Toml, Json] {
        let fails = |bytes: &[u8], word: &str| {
            let mistakes = read_spec(format, bytes, &folder()).unwrap_err();
            assert!(mistakes[0].message.contains(word), "{format}: {mistakes:?}");
        };
        fails(b"\xff\xfe", "UTF-16");
        fails(b"a\xc3(", "not UTF-8");
        fails(&vec![b'['; 50_000_000], "at most 1 MiB");
        fails("[".repeat(100_000).as_bytes(), "");
    }
    assert!(
        said(Yaml, "env:\n  A: 1\n  A: 2").starts_with("3:3  `A` stands here twice; the first is at 2:3")
    );
    assert!(
        said(Json, "{\"env\": {\"A\": 1,\n\"A\": 2}}")
            .starts_with("2:1  `A` stands here twice; the first is at 1:10")
    );
    assert!(said(Toml, "[env]\nA = 1\nA = 2").starts_with("3:1  `A` stands here twice"));
    assert_eq!(yaml("- a\n- b"), "1:1  the spec is a list and must be a map of names and values");
}

#[test]
fn every_mistake_is_told_at_once() {
    insta::assert_snapshot!(yaml("timout: 30s\nbanana: 1\nmemory: 1g\nlimits: {memry: 1g, timeout: 3}\nretrys: 3"), @r#"
1:1  `timout`: there is no such field; the nearest is `timeout`
2:1  `banana`: there is no such field (Remove it, or let its name begin with `x-`.)
3:1  `memory`: there is no such field here; it is `limits.memory`
4:10  `limits.memry`: there is no such field; the nearest is `memory`
4:21  `limits.timeout`: there is no such field here; it stands at the top of a spec
5:1  `retrys`: there is no such field; the nearest is `retries`
"#);
    insta::assert_snapshot!(yaml(
        "timeout: [1]\ntags: {a: 1}\nmax_instances: 0\npriority: 1.5\nlimits: 3\nenv: [A]\nsecrets: 3\ninputs: 3"
    ), @r#"
1:10  `timeout` is a list and must be a time such as `30s` or `1h30m`, or a number of seconds
2:7  `tags` is a map and must be a list of texts
3:16  `max_instances` is the number 0 and must be a whole number from 1 to 1,000,000
4:11  `priority` is the number 1.5 and must be a whole number from -100 to 100
5:9  `limits` is the number 3 and must be a map of names and values
6:6  `env` is a list and must be a map of names and values
7:10  `secrets` is the number 3 and must be a list of texts
8:9  `inputs` is the number 3 and must be a map of names and values
"#);
    insta::assert_snapshot!(yaml("limits: {cpu: none, open_files: 2}\ntimeout: '30'\nsoft_limits: {memory: -5, cpu: 0}"), @r#"
1:15  `limits.cpu`: `none` has no number where one must stand; write cores such as `2`, `0.5` or `500m`
1:33  `limits.open_files` is the number 2 and must be a whole number from 16 to 1,048,576
2:10  `timeout`: `30` has no unit; write a time such as `30s` or `1h30m`
3:23  `soft_limits.memory` is the number -5 and must be an amount such as `512MiB` or `1.5g`
3:32  `soft_limits.cpu` is the number 0 and must be a number of cores, more than 0 and at most 100,000
"#);
}

#[test]
fn two_names_of_one_field_are_a_mistake() {
    let text = "env: {A: 1}\ndefault_env: {B: 2}\nretries: 3\nretry_attempts: 2\nlimits: {cpu: 1}\ncpu_hard_limit: 2\n\
                schedule: 0 6 * * *\nschedule_cron: 0 7 * * *\npython: 3.12\npython_version: 3.11";
    insta::assert_snapshot!(yaml(text), @r#"
2:1  `default_env` and `env` at 1:1 are the same field (Keep one of them.)
4:1  `retry_attempts` and `retries` at 3:1 say the same thing (Keep one of them.)
6:1  `cpu_hard_limit` and `limits.cpu` at 5:10 say the same thing (Keep one of them.)
8:1  `schedule_cron` and `schedule` at 7:1 say the same thing (Keep one of them.)
10:1  `python_version` and `python` at 9:1 are the same field (Keep one of them.)
"#);
}

#[test]
fn schedules_are_checked() {
    insta::assert_snapshot!(yaml("schedule: 61 25 * foo 9"), @r#"
1:11  `schedule`: the day of week is `9` and must be 0 to 7 (Sunday is 0 and 7) or sun to sat
1:11  `schedule`: the hour is `25` and must be 0 to 23
1:11  `schedule`: the minute is `61` and must be 0 to 59
1:11  `schedule`: the month is `foo` and must be 1 to 12 or jan to dec
"#);
    let text = "schedules:\n- {id: a, cron: 0 6 * * *, interval: 5m}\n- {id: a, timezone: Europe/Zurch, start: tomorrow}\n\
                - {cron: '* * * * *'}\n- {id: b, interval: 0, webhook_key: k}\nwebhook_key: k\n\
                downstream_triggers: [{}, {pipeline: ../x}]";
    insta::assert_snapshot!(yaml(text), @r#"
2:28  `schedules[0].cron` and `schedules[0].interval` cannot both say when (Keep one of them.)
3:3  `schedules[1]` has the same `id` as the schedule at 2:3: `a` (Give it another.)
3:21  `schedules[1].timezone`: there is no time zone `Europe/Zurch`; the nearest is `Europe/Zurich`
3:42  `schedules[1].start` is the text `tomorrow` and must be a time such as `2026-06-01T08:00:00Z` or a date such as `2026-06-01`
4:3  `schedules[2]` has no `id` (Add a name that no other schedule has.)
5:21  `schedules[3].interval` is the number 0 and must be at least 1s
5:24  `schedules[3].webhook_key` is the same key as that at 6:1 (Give it another.)
7:23  `downstream_triggers[0]` has no `pipeline` (Name the one that follows.)
7:38  `downstream_triggers[1].pipeline`: `../x` holds a path separator (`/` or `\`)
"#);
}

#[test]
fn parameters_are_checked() {
    let text = "parameters:\n  start: {type: int, maximun: 5}\n  a-b: {type: string}\n  n: 5\n  s: {type: string, minLength: x}\n\
                \x20 p: {type: string, pattern: (}\n  RIGI_X: {}\n  e: {enum: 3}";
    insta::assert_snapshot!(yaml(text), @r#"
2:17  `parameters.start.type`: there is no type `int`; the nearest is `integer`
2:22  `parameters.start.maximun`: there is no such rule; the nearest is `maximum`
3:3  `parameters`: `a-b` cannot be a parameter's name (It becomes an environment variable: use letters, digits and `_`, and no digit first.)
4:6  `parameters.n` is the number 5 and must be the schema of a parameter (Write it like `{type: integer, default: 1990}`.)
5:21  `parameters.s.minLength` is "x" and must be a whole number
6:21  `parameters.p.pattern`: "(" is not a regular expression (look-around is not supported)
7:3  `parameters`: `RIGI_X` is one of the names that Rigi sets itself (Use a name that does not begin with `RIGI_`.)
8:7  `parameters.e.enum` is 3 and must be a list
"#);
    let text = "parameters: {start: {type: integer, maximum: 5, default: 9}}\npresets: {p: {strat: 1, start: 7}}\n\
                schedule: {cron: 0 6 * * *, parameters: {start: x}}";
    insta::assert_snapshot!(yaml(text), @r#"
1:49  the default of `start` is 9 and may be at most 5
2:15  `presets.p`: `strat`: there is no such parameter; the nearest is `start`
2:25  `presets.p`: `start` is 7 and may be at most 5
3:42  `schedule.parameters`: `start` is "x" and must be a whole number
"#);
    let references = "parameters:\n  a: {$ref: 'http://example.org/x.json'}";
    insta::assert_snapshot!(yaml(references), @r#"2:7  `parameters.a.$ref`: the reference `http://example.org/x.json` leads out of the spec; nothing is fetched"#);
    insta::assert_snapshot!(yaml("parameters:\n  type: array\n  properties: {a: {pattern: '('}}"), @r#"
2:9  `parameters.type` is the text `array` and must be `object` (Or write names with the schema of each.)
3:20  `parameters.properties.a.pattern`: "(" is not a regular expression (look-around is not supported)
"#);
}

#[test]
fn names_are_checked() {
    let text = "inputs: {../x: {}, ok: 5}\nlabels: {'a b': x}\nenv: {1A: x, RIGI_RUN_ID: x}\nsecrets: [a-b]\noutputs: [.x]";
    insta::assert_snapshot!(yaml(text), @r#"
1:10  `inputs`: `../x` cannot be a name here (Use letters, digits, `.`, `_` and `-`, a letter or digit first, at most 128.)
1:24  `inputs.ok` is the number 5 and must be a description, or a map of its fields
2:10  `labels`: `a b` cannot be a label (Use letters, digits, `.`, `_`, `-` and `/`, at most 128.)
3:7  `env`: `1A` is not a name of an environment variable (Use letters, digits and `_`, and no digit first.)
3:14  `env`: `RIGI_RUN_ID` is one of the names that Rigi sets itself (Use a name that does not begin with `RIGI_`.)
4:11  `secrets`: `a-b` is not a name of an environment variable (Use letters, digits and `_`, and no digit first.)
5:11  `outputs`: `.x` cannot be a name here (Use letters, digits, `.`, `_` and `-`, a letter or digit first, at most 128.)
"#);
}

#[test]
fn what_is_run_must_be_there() {
    insta::assert_snapshot!(yaml("type: notebok\ntarget: Lab GPU"), @r#"
1:7  `type` is `notebok` and must be `script` or `notebook`; the nearest is `notebook`
2:9  `target` is `Lab GPU`, which cannot be the name of a target (Use `process`, `container`, `kubernetes`, or a name that the server has.)
"#);
    insta::assert_snapshot!(yaml("image: a b\ncommand: []"), @r#"
1:8  `image` is not the name of a container image (Write it like `debian:13-slim` or `ghcr.io/team/app@sha256:…`.)
2:10  `command` is empty
"#);
    insta::assert_snapshot!(yaml("image: debian\ntarget: process\npython: -x"), @r#"
2:9  a container image cannot run as a process (Use `target: container` or `target: kubernetes`.)
3:9  `python` is the text `-x` and must be a version such as `3.12`
"#);
    insta::assert_snapshot!(yaml("type: script\ncommand: x"), @r#"1:1  `type` and `command` cannot both say what is run (Remove `type`.)"#);
    let spec =
        "image: debian\npull: often\nkubernetes: {queue: A b, pod_template: {spec: {restartPolicy: Always}}}";
    insta::assert_snapshot!(yaml(spec), @r#"
2:7  `pull` is `often` and must be `if-missing`, `always` or `never`
3:21  `kubernetes.queue` is `A b`, which Kubernetes does not take for a name (Use lower-case letters, digits, `-` and `.`, at most 253.)
3:40  `kubernetes.pod_template`: `spec.restartPolicy` is Rigi's to say (Leave it out; `docs/operate/kubernetes-target.md` says why.)
"#);
    let empty = FolderFacts::new("demo", ["Main.py"]);
    let mistakes = read_spec(Yaml, b"type: notebook", &empty).unwrap_err();
    assert_eq!(
        mistakes[0].to_string(),
        "1:7  the folder has no `main.ipynb` (Add `main.ipynb`, or say what to run with `command`.)"
    );
    let mistakes = read_spec(Yaml, b"timeout: 3", &empty).unwrap_err();
    assert!(mistakes[0].cure.as_deref().unwrap().starts_with("Rename `Main.py` to `main.py`"));
}

#[test]
fn one_file_is_the_spec() {
    let names: Vec<_> = spec_candidates("etl").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["pipeline.yaml", "pipeline.yml", "pipeline.toml", "pipeline.json", "etl.json"]);
    let found = |files: &[&str]| find_spec(&FolderFacts::new("etl", files.iter().copied()));
    assert_eq!(found(&["main.py"]), Ok(None));
    assert_eq!(found(&["etl.json", "data.json"]), Ok(Some(("etl.json".to_owned(), Json))));
    assert_eq!(found(&["etl.json", "pipeline.toml"]), Ok(Some(("pipeline.toml".to_owned(), Toml))));
    let mistake = found(&["pipeline.yaml", "pipeline.json"]).unwrap_err();
    assert_eq!(
        mistake.to_string(),
        "1:1  the folder has `pipeline.yaml` and `pipeline.json` (Keep one of them.)"
    );
}

/// The spec with one field that holds `value`, wrapped to where its table stands.
fn wrap(table: &str, name: &str, value: &Value) -> Value {
    let object = json!({ name: value });
    match table {
        "spec" if name == "values" => json!({"steps": {"count": {"command": "x"}}, name: value}),
        "spec" => object,
        "preset" if name == "parameters" => json!({"presets": {"p": object}}),
        "preset" => json!({"presets": {"p": {"parameters": {}, name: value}}}),
        "input" => json!({"inputs": {"p": object}}),
        "output" => json!({"outputs": {"p": object}}),
        "cell" => json!({"type": "notebook", "cells": [object]}),
        "retry_strategy" => json!({"retry_attempts": 1, "retry_strategy": object}),
        "schedule" => json!({"schedules": [object]}),
        "downstream_trigger" => json!({"downstream_triggers": [object]}),
        "trigger" => json!({"triggers": [object]}),
        "step" => json!({"steps": {"p": object}}),
        "approval" => json!({"steps": {"p": {"approval": object}}}),
        "on_failure" => json!({"steps": {"p": {"command": "x", "on_failure": object}}}),
        "concurrency" if name == "shared" => json!({"concurrency": {"key": "k", name: value}}),
        other => json!({ other: object }),
    }
}

/// Fields that take a list of lists, or anything at all.
fn takes_anything(kind: &Kind) -> bool {
    match kind {
        Kind::Either(kinds) => kinds.iter().any(takes_anything),
        kind => matches!(kind, Kind::Values),
    }
}

fn every_field() -> impl Iterator<Item = (&'static str, &'static Field)> {
    tables().into_iter().flat_map(|(table, fields)| fields.iter().map(move |field| (table, field)))
}

#[test]
fn the_reader_reads_every_field_of_the_table() {
    let odd = json!([[[]]]);
    for (table, field) in every_field().filter(|(_, field)| !takes_anything(&field.kind)) {
        for name in field.names() {
            let text = wrap(table, name, &odd).to_string();
            let mistakes = read_spec(Yaml, text.as_bytes(), &folder()).unwrap_err();
            assert!(mistakes.iter().any(|mistake| mistake.message.contains(name)), "{text}: {mistakes:?}");
        }
    }
}

#[test]
fn every_field_is_in_the_published_schema_with_an_example_that_is_read() {
    let schema = spec_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (table, field) in every_field() {
        let example: Value =
            serde_json::from_str(field.example).unwrap_or_else(|error| panic!("{field:?}: {error}"));
        for name in field.names() {
            let spec = wrap(table, name, &example);
            let errors: Vec<_> = validator.iter_errors(&spec).map(|error| error.to_string()).collect();
            assert_eq!(errors, [] as [String; 0], "{spec}");
            if let Err(mistakes) = read_spec(Yaml, spec.to_string().as_bytes(), &folder()) {
                // What misses or contradicts something else is no fault of the example.
                let fault = mistakes.iter().find(|mistake| {
                    let about = [
                        "has no `",
                        "does not say how many",
                        "there is no such parameter",
                        "not declared",
                        "no `delays`",
                        "does not say what it does",
                        "there is no step",
                    ];
                    !about.iter().any(|about| mistake.message.contains(about))
                });
                assert_eq!(fault, None, "{spec}");
            }
        }
    }
    let described = schema["properties"].as_object().unwrap().iter().filter(|(name, _)| *name != "$schema");
    for (name, property) in described {
        assert!(property["description"].is_string() && property["title"].is_string(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "((timeout|limits|parameters|schedule|env|retries|cells|inputs): ?[\\[{a-z0-9*', :}\\]-]{0,30}\n){0,5}") {
        for format in [Yaml, Toml, Json] {
            let _ = read_spec(format, text.as_bytes(), &folder());
        }
    }

    #[test]
    fn no_value_panics(field in 0..60_usize, text in "\\PC{0,40}", number: f64) {
        let fields: Vec<_> = every_field().collect();
        let (table, field) = fields[field % fields.len()];
        for value in [json!(text), json!(number), json!([text]), json!({ text.as_str(): number })] {
            let _ = read_spec(Json, wrap(table, field.name, &value).to_string().as_bytes(), &folder());
        }
    }
}

#[test]
fn endless_mistakes_are_counted() {
    let text: String = (0..1000).map(|n| format!("field{n}: 1\n")).collect();
    let said = yaml(&text);
    assert_eq!(said.lines().count(), 201);
    assert!(said.ends_with("200:1  and 800 more mistakes from here on"), "{said}");
}

#[test]
fn large_specs_are_read_or_refused_at_once() {
    let started = std::time::Instant::now();
    let lines = |line: &dyn Fn(usize) -> String| -> String {
        let mut text = String::new();
        for n in 0.. {
            let next = line(n);
            if text.len() + next.len() > 300_000 {
                break;
            }
            text.push_str(&next);
        }
        text
    };
    let texts = [
        (Yaml, lines(&|n| format!("unknown_field_{n}: 1\n"))),
        (Yaml, format!("env:\n{}", lines(&|n| format!("  V{n}: {n}\n")))),
        (Yaml, format!("parameters:\n{}", lines(&|n| format!("  p{n}: {{type: integr}}\n")))),
        (Yaml, format!("parameters:\n{}", lines(&|n| format!("  p{n}: {{type: integer, default: x}}\n")))),
        (Yaml, format!("parameters:\n{}", lines(&|n| format!("  p{n}: {{foo{n}: 1}}\n")))),
        (Yaml, format!("tags: [{}]", "[],".repeat(150_000))),
        (Toml, lines(&|n| format!("[env.a{n}]\n"))),
        (Toml, lines(&|_| "a = 1\n".to_owned())),
        (Json, format!("{{\"tags\": [{}1]}}", "[],".repeat(150_000))),
        (Yaml, format!("description: \"{}\"", "\\n".repeat(400_000))),
        (Yaml, "a: [\n".repeat(100_000)),
        (Yaml, format!("schedules: [{}]", "{id: a, cron: '61 * * * *'},".repeat(30_000))),
    ];
    for (format, text) in texts {
        let _ = read_spec(format, text.as_bytes(), &folder());
    }
    // Unoptimised, on a busy machine; a quadratic step would take minutes.
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}
