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
            if files.len() > 1 && !declared.multiple {
                return Err(invalid(
                    pointer,
                    format!("the input `{name}` takes one file, not {}", files.len()),
                ));
            }
            for file in files {
                let file = self.input(project, &name, file).await?;
                if !declared.formats.is_empty() && !is_of_format(&file.name, &declared.formats) {
                    let formats = declared.formats.join("`, `");
                    let other = format!("the input `{name}` takes files of `{formats}`, not `{}`", file.name);
                    return Err(invalid(pointer, other));
                }
                if inputs.iter().any(|other| other.input == name && other.name == file.name) {
                    let twice = format!("the input `{name}` has two files named `{}`", file.name);
                    return Err(invalid(pointer, twice));
                }
                inputs.push(file);
            }
        }
        Ok(inputs)
    }

    async fn input(
        &self,
        project: &ProjectName,
        input: &str,
        source: InputSource,
    ) -> Result<RunInput, SubmitError> {
        let (id, name) = match source {
            InputSource::Stored(file) => return Ok(RunInput { input: input.to_owned(), ..file }),
            InputSource::Upload { id, name } => (id, name),
        };
        let upload = self.store.db().upload(project, &id).await?;
        let name = name.unwrap_or(upload.name);
        if !is_file_name(&name) {
            return Err(invalid(format!("/inputs/{input}"), format!("`{name}` is not a file name")));
        }
        let size = u64::try_from(upload.size).unwrap_or(0);
        Ok(RunInput { input: input.to_owned(), name, size, sha256: upload.sha256 })
    }
}

/// One path segment that is no trick.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let plain = !name.is_empty() && name.len() <= 255 && name != "." && name != "..";
    plain && !name.contains(['/', '\\', '\0']) && !name.chars().any(char::is_control)
}

/// What a step was given: it declares none.
pub(super) fn stored(given: BTreeMap<String, Vec<InputSource>>) -> Vec<RunInput> {
    let files = |(input, files): (String, Vec<InputSource>)| {
        files.into_iter().filter_map(move |file| match file {
            InputSource::Stored(file) => Some(RunInput { input: input.clone(), ..file }),
            InputSource::Upload { .. } => None,
        })
    };
    given.into_iter().flat_map(files).collect()
}
