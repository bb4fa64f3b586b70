//! A DAG as a flow.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::pipeline::check_pipeline_name;
use serde_json::{Map, Value};

use super::read::{Read, ReadDag};
use super::schedule::{duration, parameters, schedule};
use super::task::{Around, step};
use crate::imports::report::Report;
use crate::imports::specs::{Names, NewPipeline};

const DAGS: &str = "DAGs";
const TASKS: &str = "tasks";
/// Characters of a step's name at most.
const LONGEST_STEP: usize = 64;

/// Makes flows of what was read, and tells what does not come.
pub fn convert(read: &Read, report: &mut Report) -> Vec<NewPipeline> {
    report.about(DAGS);
    report.about(TASKS);
    for note in &read.notes {
        report.differs(TASKS, &note.place(), note.why.clone());
    }
    let (mut names, mut known) = (Names::default(), BTreeSet::new());
    let mut pipelines = Vec::new();
    for dag in &read.dags {
        let place = format!("{}:{}", dag.file, dag.line);
        let Some(id) = dag.args.get("dag_id").and_then(Value::as_str) else {
            report.left_out(DAGS, &place, "its name is only known when it runs");
            continue;
        };
        if dag.tasks.is_empty() {
            report.left_out(DAGS, &format!("{place} {id}"), "no task of it is known");
            continue;
        }
        if !known.insert(id.to_owned()) {
            report.left_out(DAGS, &format!("{place} {id}"), "another DAG has its name");
            continue;
        }
        let name = if check_pipeline_name(id).is_ok() { id.to_owned() } else { names.make(id) };
        if name != id {
            report.differs(DAGS, id, format!("no pipeline can be called so; it is `{name}`"));
        }
        pipelines.push(flow(dag, &name, &place, &read.modules, report));
        report.came(DAGS, 1);
    }
    pipelines
}

/// Names of steps, by the ids of their tasks.
fn step_names(dag: &ReadDag) -> BTreeMap<&str, String> {
    let mut taken = BTreeSet::from(["flow".to_owned()]);
    let mut names = BTreeMap::new();
    for task in &dag.tasks {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        let mut name: String = task.id.chars().map(plain).collect();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name.insert_str(0, "task_");
        }
        name.truncate(LONGEST_STEP - 5);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        let name = free.unwrap_or(name);
        taken.insert(name.clone());
        names.insert(task.id.as_str(), name);
    }
    names
}

fn flow(
    dag: &ReadDag,
    name: &str,
    place: &str,
    modules: &BTreeMap<String, String>,
    report: &mut Report,
) -> NewPipeline {
    let mut spec = Map::new();
    describe(dag, name, &mut spec, report);
    let names = step_names(dag);
    let step_of = |id: &str| names.get(id).cloned();
    let (mut steps, mut files, mut needed) = (Map::new(), Vec::new(), BTreeSet::new());
    for task in &dag.tasks {
        let Some(own) = step_of(&task.id) else { continue };
        let mut needs: Vec<String> = Vec::new();
        for (before, _) in dag.edges.iter().filter(|(_, after)| *after == task.id) {
            needs.extend(step_of(before).filter(|before| !needs.contains(before)));
        }
        let made = step(task, &Around { dag: name, name: &own, needs: &needs, step_of: &step_of });
        let at = format!("{}:{} {name} {}", dag.file, task.line, task.id);
        match made.missing {
            Some(why) => report.left_out(TASKS, &at, why),
            None => {
                report.came(TASKS, 1);
                needed.extend(task.modules.iter().cloned());
            }
        }
        made.said.into_iter().for_each(|said| report.differs(TASKS, &at, said));
        files.extend(made.files);
        steps.insert(own, Value::Object(made.fields));
    }
    spec.insert("steps".to_owned(), Value::Object(steps));
    let modules =
        needed.iter().filter_map(|module| Some((format!("{module}.py"), modules.get(module)?.clone())));
    files.extend(modules);
    NewPipeline {
        name: name.to_owned(),
        from: format!("{place} {name}"),
        comments: vec![format!("From the DAG {name} of Airflow ({place})")],
        spec: Value::Object(spec),
        files,
    }
}

/// What the DAG says of all of it.
fn describe(dag: &ReadDag, name: &str, spec: &mut Map<String, Value>, report: &mut Report) {
    let text = |key: &str| dag.args.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let Some(text) = text("description").or_else(|| text("doc_md")) {
        spec.insert("description".to_owned(), rigi_model::text::plain_line(text, 500).into());
    }
    if let Some(Value::Array(tags)) = dag.args.get("tags") {
        let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
        if !tags.is_empty() {
            spec.insert("tags".to_owned(), tags.into());
        }
    }
    let owner = dag.args.get("default_args").and_then(|args| args.get("owner")).and_then(Value::as_str);
    if let Some(owner) = owner.filter(|owner| *owner != "airflow") {
        spec.insert("labels".to_owned(), serde_json::json!({"owner": owner}));
    }
    if let Some(Value::Object(params)) = dag.args.get("params")
        && !params.is_empty()
    {
        spec.insert("parameters".to_owned(), Value::Object(parameters(params)));
    }
    let (schedule, said) = schedule(&dag.args);
    said.into_iter().for_each(|said| report.differs(DAGS, name, said));
    if let Some(schedule) = schedule {
        spec.insert("schedule".to_owned(), schedule);
    }
    if let Some(most) = dag.args.get("max_active_runs").and_then(Value::as_u64).filter(|most| *most > 0) {
        spec.insert("max_instances".to_owned(), most.into());
    }
    if let Some(longest) = dag.args.get("dagrun_timeout").and_then(duration) {
        spec.insert("timeout".to_owned(), longest.into());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Our own DAGs, as people write them.
    async fn fixture() -> (Vec<NewPipeline>, Report) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/airflow");
        let read = super::super::read::read(&folder, Path::new("python3")).await.unwrap();
        let mut report = Report::default();
        (convert(&read, &mut report), report)
    }

    #[tokio::test]
    async fn dags_become_flows_that_a_server_takes() {
        let (pipelines, report) = fixture().await;
        let names: Vec<&str> = pipelines.iter().map(|pipeline| &*pipeline.name).collect();
        assert_eq!(names, ["harvest", "press", "cider"]);
        for pipeline in &pipelines {
            pipeline.checked().unwrap_or_else(|why| panic!("{}: {why}", pipeline.name));
        }
        let harvest = &pipelines[0].spec;
        assert_eq!(harvest["steps"]["sort_sort_gala"]["needs"], serde_json::json!(["count", "weigh"]));
        assert_eq!(harvest["steps"]["clean"]["run_if"], "done");
        assert_eq!(harvest["steps"]["press"]["pipeline"], "press");
        assert_eq!(harvest["steps"]["pick"].get("retries"), None);
        assert_eq!((&harvest["max_instances"], &harvest["timeout"]), (&1.into(), &"7200s".into()));
        assert_eq!(harvest["labels"]["owner"], "orchard");
        assert!(pipelines[0].files.iter().any(|(name, _)| name == "helper.py"));
        let cider = &pipelines[2].spec["steps"];
        assert_eq!(cider["transform"]["parameters"]["juice"], "${steps.extract.outputs.return_value}");
        assert!(cider["wait"]["command"].as_str().unwrap().contains("FileSensor"));
        let said: Vec<String> =
            report.notes.iter().map(|note| format!("{:?} {}", note.names, note.why)).collect();
        for expected in
            ["broken.py:1", "`pool`", "email_on_failure", "macros.ds_add", "only Airflow has (ti)", "expand"]
        {
            assert!(said.iter().any(|said| said.contains(expected)), "{expected}: {said:#?}");
        }
    }

    #[test]
    fn steps_have_plain_names_and_each_its_own() {
        let task = |id: &str| super::super::read::ReadTask { id: id.to_owned(), ..Default::default() };
        let tasks = ["a.b", "a_b", "1st", "flow", "ä b", &"x".repeat(300)].map(task).to_vec();
        let dag = ReadDag { tasks, ..Default::default() };
        let names = step_names(&dag);
        let of = |id: &str| names[id].as_str();
        assert_eq!(
            (of("a.b"), of("a_b"), of("1st"), of("flow"), of("ä b")),
            ("a_b", "a_b_2", "task_1st", "flow_2", "task___b")
        );
        assert!(names.values().all(|name| name.len() <= LONGEST_STEP));
    }

    #[test]
    fn what_has_no_name_or_no_task_is_told() {
        let dag = |id: Option<&str>| ReadDag {
            args: id.map(|id| ("dag_id".to_owned(), Value::from(id))).into_iter().collect(),
            ..ReadDag::default()
        };
        let read = Read { dags: vec![dag(None), dag(Some("x"))], ..Read::default() };
        let mut report = Report::default();
        assert!(convert(&read, &mut report).is_empty());
        assert_eq!(report.subjects[0].left_out, 2);
    }
}
