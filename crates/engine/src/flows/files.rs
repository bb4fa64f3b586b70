//! The files that a step is given: of steps before it, and of the flow.

use rigi_model::pipeline::step::{FilesOf, StepSpec};
use rigi_store::RunInput;
use serde_json::json;

use super::flow::Flow;

/// Files of one run at most.
const MOST_FILES: usize = 10_000;
/// The name of the list of what the items of a step handed on.
const ITEMS: &str = "items.jsonl";

impl Flow {
    /// All of them, by input. Files of a step that was done for several items lie in a folder an item: `000003/table.csv`.
    pub(super) async fn inputs_of(
        &self,
        step: &StepSpec,
    ) -> rigi_store::Result<Result<Vec<RunInput>, String>> {
        let store = self.world.engine.store();
        let mut all = Vec::new();
        for (input, from) in &step.inputs {
            match from {
                FilesOf::Flow { input: of } => {
                    let its = self.run.request.inputs.iter().filter(|file| file.input == *of);
                    all.extend(its.map(|file| RunInput { input: input.clone(), ..file.clone() }));
                }
                FilesOf::Step { step: of, output } => {
                    let limit = u32::try_from(MOST_FILES + 1).unwrap_or(u32::MAX);
                    let fans = self.spec.step(of).is_some_and(|step| step.for_each.is_some());
                    for file in store.db().files_of_step(&self.key.run, of, "", limit).await? {
                        let inner = match output {
                            None => Some(file.path.as_str()),
                            Some(output) => below(&file.path, output),
                        };
                        let Some(inner) = inner else { continue };
                        let name = match file.item.filter(|_| fans) {
                            Some(item) => format!("{item:06}/{inner}"),
                            None => inner.to_owned(),
                        };
                        all.push(RunInput {
                            input: input.clone(),
                            name,
                            size: file.size,
                            sha256: file.sha256,
                            dataset: None,
                        });
                    }
                    if fans && output.is_none() {
                        match self.list_of_items(input, of).await? {
                            Ok(list) => all.push(list),
                            Err(why) => return Ok(Err(why)),
                        }
                    }
                }
            }
            if all.len() > MOST_FILES {
                let why = format!("its inputs are more than {MOST_FILES} files");
                return Ok(Err(why));
            }
        }
        Ok(Ok(all))
    }

    /// One line an item, in their order: its place, and what it handed on.
    async fn list_of_items(&self, input: &str, step: &str) -> rigi_store::Result<Result<RunInput, String>> {
        let outputs = match self.outputs_of(step).await? {
            Ok(outputs) => outputs,
            Err(why) => return Ok(Err(why)),
        };
        let mut text = String::new();
        for (item, values) in outputs {
            text.push_str(&json!({"index": item, "outputs": values}).to_string());
            text.push('\n');
        }
        let blobs = self.world.engine.store().blobs(&self.run.request.project);
        let stored = tokio::task::spawn_blocking(move || blobs.put(text.as_bytes())).await;
        let stored = stored.map_err(|_| rigi_store::Error::Closed)??;
        Ok(Ok(RunInput {
            input: input.to_owned(),
            name: ITEMS.to_owned(),
            size: stored.size,
            sha256: stored.sha256,
            dataset: None,
        }))
    }
}

/// A path within an output's folder, or the name of the file that is meant; `None`: it is neither.
fn below<'a>(path: &'a str, output: &str) -> Option<&'a str> {
    match path.strip_prefix(output)? {
        "" => path.rsplit('/').next(),
        within => within.strip_prefix('/'),
    }
}
