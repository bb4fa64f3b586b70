use rigi_api::view::{CitedEnvironment, CitedFile, InputView, StepPlace};
use rigi_model::RunId;

use super::*;
use crate::papers::tests::{file, run, told};

fn kind(_: &str) -> &'static str {
    "text/plain; charset=utf-8"
}

fn input(name: &str, digit: char, dataset: Option<&str>) -> InputView {
    InputView {
        input: "table".into(),
        name: name.into(),
        size: 3,
        sha256: digit.to_string().repeat(64),
        dataset: dataset.map(str::to_owned),
    }
}

fn graph(parts: &CrateParts) -> Vec<Value> {
    let whole: Value = serde_json::from_slice(&parts.metadata).unwrap();
    whole["@graph"].as_array().unwrap().clone()
}

fn entity<'a>(graph: &'a [Value], id: &str) -> &'a Value {
    graph.iter().find(|one| one["@id"] == id).unwrap_or_else(|| panic!("there is no {id}"))
}

#[test]
fn what_is_too_large_or_not_for_everybody_is_named_and_not_packed() {
    let one = told(vec![CitedRun {
        inputs: vec![input("up.csv", '1', None), input("of.csv", '2', Some("sea/level@3"))],
        outputs: vec![file("a.txt", 'a'), CitedFile { size: 99, ..file("b.bin", 'b') }],
        ..run(1)
    }]);
    let bounds = Bounds { file_bytes: 10, uploads: false, ..Bounds::default() };
    let parts = crate_of(&one, &[], &bounds, None, kind);
    let paths: Vec<_> = parts.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["outputs/a.txt", "inputs/table/of.csv"]);
    let graph = graph(&parts);
    assert_eq!(entity(&graph, "#left-out-outputs/b.bin")["sha256"], "b".repeat(64));
    assert_eq!(entity(&graph, "#left-out-inputs/table/up.csv")["@type"], "CreativeWork");
    assert_eq!(entity(&graph, "inputs/table/of.csv")["isPartOf"]["@id"], "#dataset-sea/level%403");
    let about = entity(&graph, "./")["description"].as_str().unwrap().to_owned();
    assert!(about.ends_with("2 files are not in it; they are named by their checksums."), "{about}");
    assert_eq!(entity(&graph, "./")["license"], NO_LICENCE);
}

#[test]
fn what_one_step_left_and_another_was_given_is_one_file() {
    let place = |name: &str| Some(StepPlace { flow: RunId::from_bits(1), step: name.into(), item: None });
    let mut one = told(vec![
        CitedRun { kind: "flow".into(), does: String::new(), ..run(1) },
        CitedRun { step: place("make"), outputs: vec![file("a b.txt", 'a')], ..run(2) },
        CitedRun { step: place("use"), inputs: vec![input("0/a b.txt", 'a', None)], ..run(3) },
    ]);
    let with = CitedEnvironment {
        image: Some("lab.example.org:5000/fit:2@sha256:ab".into()),
        ..CitedEnvironment::default()
    };
    one.environments.insert("it".into(), with);
    one.runs[1].environment = Some("it".into());
    let hash = "ab".repeat(32).parse().unwrap();
    let spec = FileAt { path: "pipeline.yaml".into(), sha256: hash, size: 1 };
    let code = Code { version: "3f".repeat(32), spec: "{}".into(), files: vec![spec] };
    let parts = crate_of(&one, &[code], &Bounds::default(), Some("https://example.org/l"), kind);
    let graph = graph(&parts);
    let made = "steps/make/outputs/a%20b.txt";
    let used = entity(&graph, &format!("#{}", RunId::from_bits(3)));
    assert_eq!(used["object"], json!([{"@id": made}]));
    assert_eq!(parts.files.iter().filter(|file| file.path.ends_with("a b.txt")).count(), 1);
    let workflow = entity(&graph, "./")["mainEntity"]["@id"].as_str().unwrap();
    assert_eq!(workflow, "code/3f3f3f3f3f3f/pipeline.yaml");
    assert_eq!(graph.iter().filter(|one| one["@id"] == workflow).count(), 1);
    assert_eq!(entity(&graph, "#organize")["object"].as_array().unwrap().len(), 2);
    let image = graph.iter().find(|one| one["@type"] == "ContainerImage").unwrap();
    assert_eq!(
        (&image["registry"], &image["name"], &image["tag"], &image["sha256"]),
        (&json!("lab.example.org:5000"), &json!("fit"), &json!("2"), &json!("ab"))
    );
    assert!(!String::from_utf8_lossy(&parts.metadata).contains("null"));
}
