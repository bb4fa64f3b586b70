//! A flow as a workflow: its file, its steps, and who had them done.

use std::collections::BTreeSet;

use rigi_api::view::{CitationView, CitedRun};
use serde_json::{Value, json};

use super::actions::{action_of, formal_of, outcome, value_of};
use super::entity::{id_of, refer, refer_all, time};
use super::files::code_folder;
use super::tools::tool_of;
use super::{Code, Draft};

/// Files that may hold a pipeline's spec, as they are looked for in its folder.
const SPECS: [&str; 4] = ["pipeline.yaml", "pipeline.yml", "pipeline.toml", "pipeline.json"];
const ENGINE: &str = "#rigi";
const LANGUAGE: &str = "#rigi-pipeline";

fn step_id(name: &str) -> String {
    format!("#step-{}", id_of(name))
}

/// The steps of the flow itself, not those of flows in it.
fn own<'a>(told: &'a CitationView, flow: &'a CitedRun) -> impl Iterator<Item = (&'a str, &'a CitedRun)> {
    let of = |run: &'a CitedRun| run.step.as_ref().filter(|step| step.flow == flow.id);
    told.runs.iter().filter_map(move |run| Some((of(run)?.step.as_str(), run)))
}

impl Draft<'_> {
    /// Takes in the workflow; its id.
    pub(super) fn add_workflow(&mut self, told: &CitationView, code: &[Code]) -> String {
        let Some(flow) = told.runs.first() else { return String::new() };
        let found = code.iter().find(|code| code.version == flow.version);
        let named = found.and_then(|code| {
            SPECS.iter().find(|name| code.files.iter().any(|file| file.path == **name)).copied()
        });
        let path = format!("{}{}", code_folder(&flow.version), named.unwrap_or("pipeline.json"));
        let id = id_of(&path);
        if let (None, Some(code)) = (named, found) {
            self.made = Some((path, code.spec.clone().into_bytes()));
        }
        let tools: BTreeSet<String> = told.runs.iter().skip(1).map(tool_of).collect();
        let tools: Vec<String> = tools.into_iter().collect();
        let mut steps: Vec<String> = Vec::new();
        for (name, run) in own(told, flow) {
            let step = step_id(name);
            if steps.contains(&step) {
                continue;
            }
            steps.push(step.clone());
            let position = steps.len().to_string();
            self.add(json!({
                "@id": step, "@type": "HowToStep", "name": name, "position": position, "workExample": refer(&tool_of(run)),
            }));
        }
        let inputs: Vec<String> = flow.parameters.iter().map(|one| formal_of(&one.name)).collect();
        for one in &flow.parameters {
            self.add(json!({
                "@id": formal_of(&one.name),
                "@type": "FormalParameter",
                "additionalType": type_of(&one.value),
                "name": one.name,
                "workExample": refer(&value_of(flow, &one.name)),
            }));
        }
        self.add(json!({
            "@id": LANGUAGE,
            "@type": "ComputerLanguage",
            "name": "Rigi pipeline",
            "description": "Steps of a pipeline, in YAML, TOML or JSON",
        }));
        // It stands among the files of the code already, as no more than a file.
        self.graph.retain(|entity| entity["@id"] != *id);
        self.known.remove(&id);
        self.add(json!({
            "@id": id,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": flow.pipeline,
            "description": flow.description,
            "version": flow.version,
            "url": flow.git.as_ref().and_then(|git| git.page.as_ref()).map(|page| refer(page)),
            "programmingLanguage": refer(LANGUAGE),
            "input": refer_all(&inputs),
            "hasPart": refer_all(&tools),
            "step": refer_all(&steps),
        }));
        self.parts.push(id.clone());
        id
    }

    /// Takes in who had the steps done.
    pub(super) fn add_organising(&mut self, told: &CitationView, workflow: &str) {
        let Some(flow) = told.runs.first() else { return };
        let mut controls = Vec::new();
        for (name, run) in own(told, flow) {
            let id = format!("#control-{}", run.id);
            let (status, error) = outcome(run);
            self.add(json!({
                "@id": id,
                "@type": "ControlAction",
                "name": format!("Orchestrate the step {name}"),
                "instrument": refer(&step_id(name)),
                "object": refer(&action_of(run)),
                "startTime": run.started_at.map(time),
                "endTime": run.ended_at.map(time),
                "actionStatus": status,
                "error": error,
            }));
            controls.push(id);
        }
        let (status, error) = outcome(flow);
        self.add(json!({
            "@id": ENGINE,
            "@type": "SoftwareApplication",
            "name": "Rigi",
            "softwareVersion": told.rigi,
        }));
        self.add(json!({
            "@id": "#organize",
            "@type": "OrganizeAction",
            "name": format!("Orchestrate {workflow}"),
            "instrument": refer(ENGINE),
            "object": refer_all(&controls),
            "result": refer(&action_of(flow)),
            "startTime": flow.started_at.map(time),
            "endTime": flow.ended_at.map(time),
            "actionStatus": status,
            "error": error,
        }));
        self.mentions.push("#organize".to_owned());
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::Null | Value::String(_) => "Text",
        Value::Array(_) | Value::Object(_) => "PropertyValue",
    }
}
