//! What is generated from the code: the OpenAPI file and the JSON Schema of specs. Hidden; `make gen` calls them.

use std::process::ExitCode;

use crate::terminal::Exit;
use crate::terminal::say;

/// `rigi openapi`: the API, OpenAPI 3.1.
///
/// # Errors
/// When standard output cannot be written.
pub fn openapi() -> anyhow::Result<ExitCode> {
    say(&rigi_server::http::document().to_pretty_json()?)?;
    Ok(Exit::Ok.into())
}

/// `rigi schema`: the spec of a pipeline, JSON Schema.
///
/// # Errors
/// When standard output cannot be written.
pub fn schema() -> anyhow::Result<ExitCode> {
    say(&serde_json::to_string_pretty(&rigi_model::pipeline::spec_schema())?)?;
    Ok(Exit::Ok.into())
}
