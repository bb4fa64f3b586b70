//! Parameters that are made of what has happened: `NAME=VALUE` with `${…}` in it, or a plain value of the type that its pipeline says.

use std::collections::BTreeMap;

use rigi_api::view::PipelineView;
use serde_json::Value;

use super::pairs;
use super::pairs::Given;
use crate::client::Client;
use crate::terminal::{Exit, Failure};

/// Reads them. Plain values are held against the pipeline, which is asked for if there are any.
///
/// # Errors
/// When one does not read as such, or there is no such pipeline.
pub async fn read(
    client: &Client,
    pipeline: &str,
    parameters: Vec<String>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let (made_of, fixed): (Vec<String>, Vec<String>) =
        parameters.into_iter().partition(|pair| pair.contains("${"));
    let mut all = BTreeMap::new();
    for pair in &made_of {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Failure::new(Exit::Usage, format!("`{pair}` must read NAME=VALUE")).into());
        };
        all.insert(name.to_owned(), value.into());
    }
    let mut values = pairs::parameters(&fixed, None)?;
    if !values.is_empty() {
        let pipeline: PipelineView = client.get(&["pipelines", pipeline], &[]).await?;
        let given = Given { parameters: fixed, inputs: Vec::new(), file: None };
        given.read_by(pipeline.parameters.as_ref(), &mut values);
        all.extend(values);
    }
    Ok(all)
}
