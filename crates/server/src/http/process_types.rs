//! Process types: each pipeline as it is seen from outside, with JSON Schemas of what it takes and gives.

use axum::http::{HeaderMap, Uri, header};
use rigi_api::view::{Page, ProcessType};
use rigi_engine::catalog::{Pipeline, Ready};
use rigi_model::pipeline::spec::{InputSpec, OutputSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::pipelines::{bounded, find_now, kind};
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_process_types)).routes(routes!(get_process_type))
}

/// Where programs written for Nagelfluh look for them.
const SHORT: &str = "/process-types";
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListProcessTypes {
    /// Part of the name or of the description.
    q: Option<String>,
    /// With this tag.
    tag: Option<String>,
    /// At most so many: 1 to 100, 50 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
}

/// Lists what can be run, by name: each pipeline without a mistake, with JSON Schemas of its inputs, parameters and outputs.
/// `/process-types` at the top of the server is the same.
#[utoipa::path(get, path = "/process-types", tag = "pipelines", extensions(("x-rigi-action" = json!("pipelines.read"))), params(ListProcessTypes),
    responses((status = 200, description = "A page", body = Page<ProcessType>)))]
async fn list_process_types(
    scope: Scope,
    Query(query): Query<ListProcessTypes>,
) -> ApiResult<axum::Json<Page<ProcessType>>> {
    let limit = bounded(query.limit, 50, 100)? as usize;
    let text = query.q.map(|text| text.to_lowercase());
    let all = scope.catalog().all();
    let wanted = all.iter().filter_map(|pipeline| {
        let ready = pipeline.outcome.as_ref().ok()?;
        let after = query.cursor.as_ref().is_none_or(|cursor| pipeline.name.as_str() > cursor.as_str());
        let named = text.as_ref().is_none_or(|text| {
            let about = ready.spec.description.as_deref().unwrap_or_default();
            pipeline.name.as_str().to_lowercase().contains(text) || about.to_lowercase().contains(text)
        });
        let tagged = query.tag.as_ref().is_none_or(|tag| ready.spec.tags.contains(tag));
        (after && named && tagged).then_some((pipeline, ready))
    });
    let mut found: Vec<_> = wanted.take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|(pipeline, _)| pipeline.name.to_string());
    let items = found.into_iter().map(|(pipeline, ready)| process_type(pipeline, ready)).collect();
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One of them, as its folder is now.
#[utoipa::path(get, path = "/process-types/{name}", tag = "pipelines", extensions(("x-rigi-action" = json!("pipelines.read"))),
    params(("name" = String, Path, description = "Name of the pipeline", example = "co2-trend")),
    responses((status = 200, description = "The process type", body = ProcessType)))]
async fn get_process_type(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<ProcessType>> {
    let pipeline = find_now(&scope, &name).await?;
    let Ok(ready) = &pipeline.outcome else {
        let error = ApiError::not_found("process type", &name);
        return Err(error.cure("Its spec has a mistake: `rigi pipelines validate` shows where."));
    };
    Ok(axum::Json(process_type(&pipeline, ready)))
}

fn process_type(pipeline: &Pipeline, ready: &Ready) -> ProcessType {
    let spec = &ready.spec;
    let mut parameters = spec.parameters.clone().unwrap_or_else(|| json!({"type": "object"}));
    rigi_model::parameters::hide_secrets(&mut parameters);
    ProcessType {
        name: pipeline.name.to_string(),
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        kind: kind(&spec.entry).to_owned(),
        runnable: spec.enabled,
        version: ready.version.to_string(),
        inputs: inputs(spec.inputs.iter()),
        parameters: titled(parameters),
        outputs: outputs(spec.outputs.iter()),
    }
}

fn titled(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        members.entry("$schema").or_insert_with(|| DRAFT.into());
    }
    schema
}

/// The schema of `inputs` in a request for a run.
fn inputs<'a>(all: impl Iterator<Item = (&'a String, &'a InputSpec)>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, input) in all {
        let mut schema = described(input.description.as_deref());
        schema.insert("type".to_owned(), "array".into());
        schema.insert("items".to_owned(), json!({"$ref": "#/$defs/file"}));
        if input.required {
            schema.insert("minItems".to_owned(), 1.into());
            required.push(name.clone());
        }
        if !input.multiple {
            schema.insert("maxItems".to_owned(), 1.into());
        }
        if !input.formats.is_empty() {
            schema.insert("x-formats".to_owned(), json!(input.formats));
        }
        if !input.accept.is_empty() {
            schema.insert("x-accept".to_owned(), json!(input.accept));
        }
        properties.insert(name.clone(), Value::Object(schema));
    }
    let file = json!({
        "type": "object",
        "properties": {
            "upload": {"type": "string", "description": "The id of an upload."},
            "dataset": {"type": "string", "description": "Instead of it: a version of a dataset, or a part of one: `sea/level@3:2024`."},
            "name": {"type": "string", "description": "The name of an upload that the run sees."},
        },
        "oneOf": [{"required": ["upload"]}, {"required": ["dataset"]}],
        "additionalProperties": false,
    });
    titled(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "$defs": {"file": file},
    }))
}

/// The schema of what a run leaves: the paths of files by output.
fn outputs<'a>(all: impl Iterator<Item = (&'a String, &'a OutputSpec)>) -> Value {
    let output = |(name, output): (&'a String, &'a OutputSpec)| {
        let mut schema = described(output.description.as_deref());
        schema.insert("type".to_owned(), "array".into());
        schema.insert("items".to_owned(), json!({"type": "string"}));
        if !output.formats.is_empty() {
            schema.insert("x-formats".to_owned(), json!(output.formats));
        }
        (name.clone(), Value::Object(schema))
    };
    titled(json!({"type": "object", "properties": all.map(output).collect::<Map<_, _>>()}))
}

fn described(text: Option<&str>) -> Map<String, Value> {
    text.map(|text| ("description".to_owned(), text.into())).into_iter().collect()
}

/// The path within the API that a path at the top of the server stands for. A browser is shown the page there.
pub(super) fn short_path(uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    (uri.path() == SHORT && !accepts.contains("text/html")).then_some("process-types")
}
