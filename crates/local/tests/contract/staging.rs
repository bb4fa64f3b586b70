//! What running code finds: its folder, its variables, its inputs; and what is taken from it.

use std::path::Path;

use rigi_model::Exit;
use rigi_model::log::Stream;
use rigi_model::pipeline::spec::Entry;
use rigi_work::plan::{InputFile, Observation};
use serde_json::json;

use crate::bed::{Bed, stdout_of, text_of};

#[tokio::test]
async fn code_is_a_writable_copy() {
    let mut bed = Bed::new().await;
    let big = "x".repeat(100_000);
    let files = [
        ("run.sh", "#!/bin/sh\npwd; cat data/a.txt; wc -c < big; echo changed > data/a.txt\n"),
        ("data/a.txt", "a\n"),
        ("big", &big),
    ];
    let plan = bed.plan(Entry::Command { argv: vec!["./run.sh".into()] }, &files);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(plan.code.join("run.sh"), executable).unwrap();
    std::os::unix::fs::symlink("data/a.txt", plan.code.join("inside")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", plan.code.join("outside")).unwrap();
    let (code, folder) = (plan.code.clone(), bed.folder(&plan.key).canonicalize());
    drop(folder);
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    let work = bed.folder(&key).canonicalize().unwrap().join("work");
    assert_eq!(stdout_of(&ended), format!("{}\na\n100000\n", work.display()));
    assert_eq!(std::fs::read_to_string(code.join("data/a.txt")).unwrap(), "a\n");
    assert_eq!(std::fs::read_to_string(work.join("inside")).unwrap(), "changed\n");
    assert!(work.join("outside").symlink_metadata().is_err());
    assert!(text_of(&ended, Stream::System).contains("The link outside leads out"));
}

#[tokio::test]
async fn the_environment_is_the_contracts_and_not_the_servers() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("env; echo; cat $RIGI_PARAMS");
    plan.key.number = 3;
    plan.env = [("GREETING", "hi"), ("RIGI_RUN_ID", "mine"), ("TMPDIR", "/elsewhere")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let parameters = json!({"start": 1990, "deep": {"a": [1]}, "on": true, "name": "x y", "nothing": null,
        "LD_PRELOAD": "/evil.so", "RIGI_PIPELINE": "other", "PATH": "/evil", "a=b": 1, "nul": "a\u{0}b"});
    plan.parameters = parameters.as_object().unwrap().clone();
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    let text = stdout_of(&ended);
    let (variables, written) = text.split_once("\n\n").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(written).unwrap(), parameters);
    let previous = format!("_fastflow_previous_run_id={}", key.run);
    let has = |line: &str| variables.lines().any(|variable| variable == line);
    for line in [
        "GREETING=hi",
        "start=1990",
        "deep={\"a\":[1]}",
        "on=true",
        "name=x y",
        "TMPDIR=/elsewhere",
        "RIGI_PIPELINE=test",
        "RIGI_PROJECT=default",
        "RIGI_STEP=main",
        "RIGI_TRIGGER=manual",
        "RIGI_ATTEMPT=3",
        "PYTHONUNBUFFERED=1",
        "_fastflow_retry_count=2",
        previous.as_str(),
    ] {
        assert!(has(line), "{line} is missing in\n{variables}");
    }
    assert!(has(&format!("RIGI_RUN_ID={}", key.run)));
    for absent in ["LD_PRELOAD", "CARGO", "PATH=/evil", "nothing=", "nul="] {
        assert!(!variables.lines().any(|variable| variable.starts_with(absent)), "{absent}");
    }
    let words = text_of(&ended, Stream::System);
    assert!(words.contains("`LD_PRELOAD`") && words.contains("`RIGI_RUN_ID` was not set"), "{words}");
}

fn input(input: &str, name: &str, path: &Path) -> InputFile {
    InputFile { input: input.into(), name: name.into(), path: path.into(), sha256: None, size: 0 }
}

#[tokio::test]
async fn inputs_are_given_and_outputs_routes_and_notes_are_taken() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell(
        "cat $RIGI_INPUTS/table/*; touch $RIGI_OUTPUTS/result/x.csv; echo ' left ' > $FASTFLOW_ROUTE_FILE; \
         echo '{\"progress\": 0.5}' >> $RIGI_EVENTS; echo 'no json' >> $RIGI_EVENTS; printf '{\"message\": \"bye\"}' >> $RIGI_EVENTS",
    );
    let file = bed.code(&[("in.csv", "a,b\n")]).join("in.csv");
    plan.inputs = vec![input("table", "my in.csv", &file)];
    plan.outputs = vec!["result".into(), "unused".into()];
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    assert_eq!(stdout_of(&ended), "a,b\n");
    assert_eq!(ended.route.as_deref(), Some("left"));
    assert!(ended.outputs.unwrap().join("result/x.csv").is_file());
    let notes: Vec<_> = bed
        .seen(&key)
        .iter()
        .filter_map(|observed| match &observed.what {
            Observation::Note(note) => Some(note.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, [json!({"progress": 0.5}), json!({"message": "bye"})]);
}

#[tokio::test]
async fn a_bad_name_or_a_missing_input_does_not_start() {
    let mut bed = Bed::new().await;
    for (name, path) in [("../../x", "/etc/hostname"), ("x", "/no/such/file")] {
        let mut plan = bed.shell("true");
        plan.inputs = vec![input("in", name, Path::new(path))];
        assert!(matches!(bed.run(plan).await.exit, Exit::NotStarted { .. }), "{name}");
    }
}
