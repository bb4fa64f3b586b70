//! Runs as actions: when, with what, on what, and what came of it.

use rigi_api::view::{CitationView, CitedParameter, CitedRun};
use rigi_model::RunState;
use serde_json::{Value, json};

use super::entity::{id_of, refer, refer_all, time};
use super::tools::tool_of;
use super::{Draft, title};

/// The id of a run's action.
pub(super) fn action_of(run: &CitedRun) -> String {
    format!("#{}", run.id)
}

/// The id of a parameter's value.
pub(super) fn value_of(run: &CitedRun, parameter: &str) -> String {
    format!("#{}-{}", run.id, id_of(parameter))
}

/// The id of a flow's formal parameter.
pub(super) fn formal_of(parameter: &str) -> String {
    format!("#parameter-{}", id_of(parameter))
}

impl Draft<'_> {
    /// Takes in a run; the first of a flow is that of its `workflow`.
    pub(super) fn add_action(
        &mut self,
        run: &CitedRun,
        told: &CitationView,
        (mut objects, results): (Vec<String>, Vec<String>),
        workflow: Option<&str>,
    ) {
        let is_whole = told.runs.first().is_some_and(|first| first.id == run.id);
        let workflow = workflow.filter(|_| is_whole);
        for parameter in &run.parameters {
            objects.push(self.add_value(run, parameter, workflow.is_some()));
        }
        let with = run.environment.as_ref().and_then(|name| told.environments.get(name));
        let image = with.and_then(|with| with.image.as_ref()).map(|image| self.add_image(image));
        let (status, error) = outcome(run);
        let agent = self.add_agent(run);
        let former =
            run.result_of.as_ref().map(|former| format!(" Its result is that of the former run {former}."));
        let id = action_of(run);
        self.add(json!({
            "@id": id,
            "@type": "CreateAction",
            "name": title(run),
            "description": format!("{} on the target {}.{}", title(run), run.target, former.unwrap_or_default()),
            "startTime": run.started_at.map(time),
            "endTime": run.ended_at.map(time),
            "instrument": refer(workflow.unwrap_or(&tool_of(run))),
            "agent": agent,
            "object": refer_all(&once(objects)),
            "result": refer_all(&results),
            "actionStatus": status,
            "error": error,
            "containerImage": image,
        }));
        self.mentions.push(id);
    }

    fn add_value(&mut self, run: &CitedRun, parameter: &CitedParameter, formal: bool) -> String {
        let id = value_of(run, &parameter.name);
        let value = match &parameter.value {
            Value::Null => json!("null"),
            Value::String(text) if text.is_empty() => json!("\"\""),
            value @ (Value::Array(_) | Value::Object(_)) => json!(value.to_string()),
            value => value.clone(),
        };
        self.add(json!({
            "@id": id,
            "@type": "PropertyValue",
            "name": parameter.name,
            "value": value,
            "exampleOfWork": formal.then(|| refer(&formal_of(&parameter.name))),
        }));
        id
    }

    /// Who asked for it, where that was a person who has a name here.
    fn add_agent(&mut self, run: &CitedRun) -> Option<Value> {
        let by = &run.trigger.by;
        if !["manual", "rerun"].contains(&run.trigger.kind.as_str()) || by == "you" || by.is_empty() {
            return None;
        }
        let id = format!("#agent-{}", id_of(by));
        self.add(json!({"@id": id, "@type": "Person", "name": by}));
        Some(refer(&id))
    }
}

/// How it ended, and why not well.
pub(super) fn outcome(run: &CitedRun) -> (Value, Option<String>) {
    match run.state {
        RunState::Succeeded => (refer("http://schema.org/CompletedActionStatus"), None),
        state => {
            let why = run.message.clone().unwrap_or_else(|| format!("It is {state}"));
            (refer("http://schema.org/FailedActionStatus"), Some(why))
        }
    }
}

/// Each id once, in the order in which it came.
fn once(ids: Vec<String>) -> Vec<String> {
    let mut known = std::collections::HashSet::new();
    ids.into_iter().filter(|id| known.insert(id.clone())).collect()
}
