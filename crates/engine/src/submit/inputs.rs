//! The input files of a submission.

use std::collections::BTreeMap;

use rigi_model::ProjectName;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::name::is_of_format;
use rigi_store::RunInput;

use super::{InputSource, SubmitError, invalid};
use crate::Engine;

impl Engine {
    /// The files of a submission's inputs, as its pipeline declares them.
    pub(super) async fn inputs(
        &self,
        project: &ProjectName,
        spec: &PipelineSpec,
        given: BTreeMap<String, Vec<InputSource>>,
    ) -> Result<Vec<RunInput>, SubmitError> {
        for (name, input) in &spec.inputs {
            if input.required && given.get(name).is_none_or(Vec::is_empty) {
                return Err(invalid(format!("/inputs/{name}"), format!("the input `{name}` is missing")));
            }
        }
        let mut inputs: Vec<RunInput> = Vec::new();
        for (name, files) in given {
            let pointer = format!("/inputs/{name}");
            let known: Vec<&str> = spec.inputs.keys().map(String::as_str).collect();
            let Some(declared) = spec.inputs.get(&name) else {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(invalid(
                    pointer,
                    format!("there is no input `{name}`; the pipeline has: {known}"),
                ));
            };
            let mut all = Vec::new();
            for file in files {
                all.extend(self.input(project, &name, file).await?);
            }
            if all.len() > 1 && !declared.multiple {
                let message = format!("the input `{name}` takes one file, not {}", all.len());
                return Err(invalid(pointer, message));
            }
            let known: std::collections::HashSet<String> = inputs
                .iter()
                .filter(|other: &&RunInput| other.input == name)
                .map(|other| other.name.clone())
                .collect();
            let mut seen = known;
            for file in all {
                if !declared.formats.is_empty() && !is_of_format(&file.name, &declared.formats) {
                    let formats = declared.formats.join("`, `");
                    let other = format!("the input `{name}` takes files of `{formats}`, not `{}`", file.name);
                    return Err(invalid(pointer, other));
                }
                if !seen.insert(file.name.clone()) {
                    let twice = format!("the input `{name}` has two files named `{}`", file.name);
                    return Err(invalid(pointer, twice));
                }
                inputs.push(file);
            }
        }
        Ok(inputs)
    }

    /// What a step is given: it declares none.
    pub(super) async fn inputs_of_step(
        &self,
        project: &ProjectName,
        given: BTreeMap<String, Vec<InputSource>>,
    ) -> Result<Vec<RunInput>, SubmitError> {
        let mut inputs = Vec::new();
        for (name, files) in given {
            for file in files {
                inputs.extend(self.input(project, &name, file).await?);
            }
        }
        Ok(inputs)
    }

    async fn input(
        &self,
        project: &ProjectName,
        input: &str,
        source: InputSource,
    ) -> Result<Vec<RunInput>, SubmitError> {
        let (id, name) = match source {
            InputSource::Stored(file) => return Ok(vec![RunInput { input: input.to_owned(), ..file }]),
            InputSource::Dataset(reference) => {
                let given = self.dataset_input(project, input, &reference).await;
                return given.map_err(|source| SubmitError::Dataset { input: input.to_owned(), source });
            }
            InputSource::Upload { id, name } => (id, name),
        };
        let upload = self.store.db().upload(project, &id).await?;
        let name = name.unwrap_or(upload.name);
        if !is_file_name(&name) {
            return Err(invalid(format!("/inputs/{input}"), format!("`{name}` is not a file name")));
        }
        let size = u64::try_from(upload.size).unwrap_or(0);
        let sha256 = upload.sha256;
        Ok(vec![RunInput { input: input.to_owned(), name, size, sha256, dataset: None }])
    }
}

/// One path segment that is no trick.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let plain = !name.is_empty() && name.len() <= 255 && name != "." && name != "..";
    plain && !name.contains(['/', '\\', '\0']) && !name.chars().any(char::is_control)
}
