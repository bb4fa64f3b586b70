//! What the expressions of a step know: parameters, what started the flow, and the steps that they name.

use std::collections::BTreeSet;

use rigi_model::ProjectName;
use rigi_model::expression::Template;
use rigi_model::flows::{Begun, state_of};
use rigi_store::flows::{StepFile, StepRunsPage};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, Store, Stored};
use rigi_work::plan::StoredFile;
use serde_json::{Map, Value, json};

use super::flow::Flow;

/// The file in which a run leaves small values: one JSON object.
pub(crate) const VALUES: &str = "outputs.json";
/// Bytes of it at most.
const MOST: u64 = 64 << 10;
/// The same of all items of a step together.
const MOST_OF_ALL: u64 = 16 << 20;

/// Why something cannot be known; the step fails by it.
pub(super) type Unknown = String;
/// The small values of runs, by their item.
type Values = Vec<(Option<u32>, Value)>;

impl Flow {
    /// All that these names lead to.
    pub(super) async fn names(
        &self,
        wanted: &BTreeSet<(String, Option<String>)>,
    ) -> rigi_store::Result<Result<Value, Unknown>> {
        let request = &self.run.request;
        let mut names = Map::new();
        names.insert("params".to_owned(), Value::Object((*request.parameters).clone()));
        names.insert(
            "trigger".to_owned(),
            json!({"kind": request.trigger.kind.as_str(), "by": request.trigger.by.as_str()}),
        );
        names.insert(
            "flow".to_owned(),
            json!({"run": request.id.as_str(), "pipeline": request.pipeline.as_str()}),
        );
        let whole = wanted.contains(&("steps".to_owned(), None));
        let named: BTreeSet<&str> = wanted
            .iter()
            .filter(|(root, _)| root == "steps")
            .filter_map(|(_, step)| step.as_deref())
            .collect();
        let mut steps = Map::new();
        for step in self.spec.steps.iter().filter(|step| whole || named.contains(step.name.as_str())) {
            match self.facts_of(&step.name).await? {
                Ok(facts) => _ = steps.insert(step.name.clone(), facts),
                Err(why) => return Ok(Err(why)),
            }
        }
        names.insert("steps".to_owned(), Value::Object(steps));
        Ok(Ok(Value::Object(names)))
    }

    /// What is known of a step: its state, its run, its outputs; of several items a list of these.
    async fn facts_of(&self, name: &str) -> rigi_store::Result<Result<Value, Unknown>> {
        let (Some(step), facts) = (self.spec.step(name), self.facts.get(name).cloned().unwrap_or_default())
        else {
            return Ok(Ok(Value::Null));
        };
        let state = state_of(step, &facts);
        let total = match facts.begun {
            Some(Begun::Items(total)) => total,
            _ => 0,
        };
        let mut known = Map::new();
        known.insert("state".to_owned(), state.as_str().into());
        known.insert("total".to_owned(), total.into());
        known.insert("succeeded".to_owned(), facts.counts.succeeded.into());
        known.insert("failed".to_owned(), facts.counts.failed.into());
        let outputs = match self.outputs_of(name).await? {
            Ok(outputs) => outputs,
            Err(why) => return Ok(Err(why)),
        };
        let outputs = if step.for_each.is_some() {
            let mut all = vec![Value::Null; total as usize];
            for (item, values) in outputs {
                if let Some(place) = item.and_then(|item| all.get_mut(item as usize)) {
                    *place = values;
                }
            }
            Value::Array(all)
        } else {
            outputs.into_iter().next().map_or_else(|| json!({}), |(_, values)| values)
        };
        known.insert("outputs".to_owned(), outputs);
        if step.for_each.is_none() {
            let page = StepRunsPage { step: Some(name.to_owned()), limit: 1, ..StepRunsPage::default() };
            let runs = self.world.engine.store().db().step_runs(&self.key.run, &page).await?;
            known.insert("run".to_owned(), runs.first().map(|run| run.id.as_str()).into());
        }
        Ok(Ok(Value::Object(known)))
    }

    /// The small values that the runs of a step left.
    pub(super) async fn outputs_of(&self, step: &str) -> rigi_store::Result<Result<Values, Unknown>> {
        let store = self.world.engine.store();
        let files = store.db().files_of_step(&self.key.run, step, VALUES, u32::MAX).await?;
        if let Some(large) = files.iter().find(|file| file.size > MOST) {
            let why = format!("`{VALUES}` of `{step}` has {} bytes, and may have {MOST}", large.size);
            return Ok(Err(why));
        }
        if files.iter().map(|file| file.size).sum::<u64>() > MOST_OF_ALL {
            let why = format!("`{VALUES}` of all items of `{step}` are more than {} MiB", MOST_OF_ALL >> 20);
            return Ok(Err(why));
        }
        if files.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let (blobs, step) = (store.blobs(&self.run.request.project), step.to_owned());
        let read = tokio::task::spawn_blocking(move || read_all(&blobs, &step, files)).await;
        read.map_err(|_| rigi_store::Error::Closed)?
    }
}

impl Flow {
    /// The small values that the flow leaves itself, stored as those of a step are.
    pub(super) async fn own_values(&self) -> rigi_store::Result<Result<Option<StoredFile>, Unknown>> {
        if self.spec.values.is_empty() {
            return Ok(Ok(None));
        }
        let template = match Template::parse(&json!(self.spec.values)) {
            Ok(template) => template,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let names = match self.names(&template.names()).await? {
            Ok(names) => names,
            Err(why) => return Ok(Err(why)),
        };
        let text = match template.value(&names) {
            Ok(values) => values.to_string(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if text.len() as u64 > MOST {
            return Ok(Err(format!("they have {} bytes, and may have {MOST}", text.len())));
        }
        let blobs = self.world.engine.store().blobs(&self.run.request.project);
        let stored = tokio::task::spawn_blocking(move || blobs.put(text.as_bytes())).await;
        let Stored { sha256, size } = stored.map_err(|_| rigi_store::Error::Closed)??;
        Ok(Ok(Some(StoredFile { path: VALUES.to_owned(), sha256, size })))
    }
}

/// The small values that a run left.
pub(crate) async fn values(
    store: &Store,
    project: &ProjectName,
    file: Artifact,
) -> rigi_store::Result<Result<Value, Unknown>> {
    let size = u64::try_from(file.size).unwrap_or(0);
    if size > MOST {
        return Ok(Err(format!("`{VALUES}` has {size} bytes, and may have {MOST}")));
    }
    let file = StepFile { item: None, path: file.path, size, sha256: file.sha256 };
    let blobs = store.blobs(project);
    let read = tokio::task::spawn_blocking(move || read_all(&blobs, "the run", vec![file])).await;
    let read = read.map_err(|_| rigi_store::Error::Closed)??;
    Ok(read.map(|all| all.into_iter().next().map_or_else(|| json!({}), |(_, values)| values)))
}

fn read_all(blobs: &Blobs, step: &str, files: Vec<StepFile>) -> rigi_store::Result<Result<Values, Unknown>> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        let mut reader = blobs.get(&file.sha256)?;
        let mut bytes = Vec::new();
        while let Some(piece) = reader.next_piece()? {
            bytes.extend(piece);
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(values @ Value::Object(_)) => all.push((file.item, values)),
            Ok(_) => return Ok(Err(format!("`{VALUES}` of `{step}` is not an object"))),
            Err(error) => return Ok(Err(format!("`{VALUES}` of `{step}` is not JSON: {error}"))),
        }
    }
    Ok(Ok(all))
}
