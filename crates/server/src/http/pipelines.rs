//! Pipelines: what the folder holds now.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use rigi_api::view::{
    CodeFile, InputField, MistakeView, Page, PipelineSummary, PipelineView, PresetView, RunMark,
};
use rigi_engine::catalog::{Pipeline, Ready};
use rigi_engine::decide::LimitOf;
use rigi_engine::folder::Folder;
use rigi_engine::submit::SubmitError;
use rigi_model::PipelineName;
use rigi_model::pipeline::Mistake;
use rigi_model::pipeline::spec::{Entry, InputSpec};
use rigi_model::quantity::write_duration;
use rigi_model::retry::{RetryPolicy, RetrySpec};
use rigi_store::tables::versions::GitFacts;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::scope::Scope;
use super::state::AppState;
use super::stored::StoredFile;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_pipelines))
        .routes(routes!(get_pipeline))
        .routes(routes!(list_pipeline_code))
        .routes(routes!(get_pipeline_code))
}

/// Runs in a pipeline's strip of marks.
const MARKS: u32 = 30;
/// Pipelines whose runs are asked for at the same time.
const SIDE_BY_SIDE: usize = 4;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListPipelines {
    /// Part of the name or the summary.
    q: Option<String>,
    /// With this tag.
    tag: Option<String>,
    /// At most so many: 1 to 500, 100 unless told.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
}

/// Lists pipelines by name, with their last runs and what is wrong with their specs.
#[utoipa::path(get, path = "/pipelines", tag = "pipelines", extensions(("x-rigi-action" = json!("pipelines.read"))), params(ListPipelines),
    responses((status = 200, description = "A page", body = Page<PipelineSummary>)))]
async fn list_pipelines(
    scope: Scope,
    Query(query): Query<ListPipelines>,
) -> ApiResult<axum::Json<Page<PipelineSummary>>> {
    let limit = bounded(query.limit, 100, 500)? as usize;
    let wanted = |pipeline: &&std::sync::Arc<Pipeline>| {
        let after = query.cursor.as_ref().is_none_or(|cursor| pipeline.name.as_str() > cursor.as_str());
        let text = query.q.as_ref().is_none_or(|q| matches(pipeline, &q.to_lowercase()));
        let tag = query.tag.as_ref().is_none_or(|tag| tags(pipeline).contains(tag));
        after && text && tag
    };
    let all = scope.catalog().all();
    let mut found: Vec<_> = all.iter().filter(wanted).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|pipeline| pipeline.name.to_string());
    let counts = scope.engine.counts_of(found.iter().map(|p| limit_of(&scope, p)).collect()).await;
    let summaries = found.into_iter().cloned().zip(counts).map(|(pipeline, counts)| {
        let scope = scope.clone();
        async move { summary(&scope, &pipeline, counts).await }
    });
    let items = stream::iter(summaries).buffered(SIDE_BY_SIDE).try_collect().await?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One pipeline with its parameters, inputs, outputs and whole spec.
#[utoipa::path(get, path = "/pipelines/{name}", tag = "pipelines", extensions(("x-rigi-action" = json!("pipelines.read"))),
    params(("name" = String, Path, description = "Name of the pipeline", example = "co2-trend")),
    responses((status = 200, description = "The pipeline", body = PipelineView)))]
async fn get_pipeline(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<PipelineView>> {
    let pipeline = find_now(&scope, &name).await?;
    let counts =
        scope.engine.counts_of(vec![limit_of(&scope, &pipeline)]).await.first().copied().unwrap_or_default();
    let summary = summary(&scope, &pipeline, counts).await?;
    let shown = pipeline.outcome.as_ref().ok().map(|ready| {
        let mut spec = ready.spec.clone();
        spec.hide_secrets();
        spec
    });
    let spec = shown.as_ref();
    let git = git_of(&pipeline).await;
    let input = |(name, input): (&String, &InputSpec)| {
        let InputSpec { description, required, multiple, accept, formats } = input.clone();
        (name.clone(), InputField { description, required, multiple, accept, formats })
    };
    let preset = |(name, preset): (&String, &rigi_model::pipeline::spec::Preset)| {
        let (description, parameters) = (preset.description.clone(), preset.parameters.clone());
        (name.clone(), PresetView { description, parameters })
    };
    Ok(axum::Json(PipelineView {
        summary,
        description: spec.and_then(|spec| spec.description.clone()),
        git: git.map(super::present::git_view),
        spec_file: pipeline.spec_file.clone(),
        parameters: spec.and_then(|spec| spec.parameters.clone()),
        inputs: spec.map(|spec| spec.inputs.iter().map(input).collect()).unwrap_or_default(),
        outputs: spec
            .map(|spec| spec.outputs.iter().map(|(name, o)| (name.clone(), o.description.clone())).collect())
            .unwrap_or_default(),
        presets: spec.map(|spec| spec.presets.iter().map(preset).collect()).unwrap_or_default(),
        spec: spec.and_then(|spec| public_spec(spec, scope.engine.settings())),
    }))
}

/// The commit that a pipeline is of.
async fn git_of(pipeline: &Pipeline) -> Option<GitFacts> {
    if let Some(origin) = &pipeline.origin {
        return Some(origin.git.clone());
    }
    let folder = pipeline.folder.clone();
    tokio::task::spawn_blocking(move || rigi_engine::code::git_facts(&folder)).await.ok().flatten()
}

/// The files of a pipeline as they are now.
#[utoipa::path(get, path = "/pipelines/{name}/code", tag = "pipelines", extensions(("x-rigi-action" = json!("code.read"))),
    params(("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "All files", body = Page<CodeFile>)))]
async fn list_pipeline_code(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<Page<CodeFile>>> {
    let pipeline = find_now(&scope, &name).await?;
    let files = pipeline.outcome.as_ref().map(|ready| ready.files.as_slice()).unwrap_or_default();
    let items = files.iter().map(|f| CodeFile { path: f.path.clone(), size: f.size }).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// A pipeline as its folder is now: what is asked for next, a run, takes it from there too.
/// A file of a pipeline's folder as it is now, as text.
#[utoipa::path(get, path = "/pipelines/{name}/code/{*path}", tag = "pipelines", extensions(("x-rigi-action" = json!("code.read"))),
    params(("name" = String, Path, description = "Name of the pipeline"),
           ("path" = String, Path, description = "Path of the file; may hold `/`")),
    responses((status = 200, description = "The file", body = String, content_type = "text/plain")))]
async fn get_pipeline_code(scope: Scope, Path((name, path)): Path<(String, String)>) -> ApiResult<Response> {
    let pipeline = find_now(&scope, &name).await?;
    let files = pipeline.outcome.as_ref().map(|ready| ready.files.as_slice()).unwrap_or_default();
    // What is no part of the code is not shown, wherever a path may lead.
    let missing = || ApiError::not_found("file", &path);
    let file = files.iter().find(|file| file.path == path).ok_or_else(missing)?;
    if let Some(origin) = &pipeline.origin {
        let kind = "text/plain; charset=utf-8";
        let stored = StoredFile { sha256: file.sha256, size: file.size, kind, common: Vec::new() };
        return super::stored::answer(origin.blobs.clone(), stored, &HeaderMap::new()).await;
    }
    let size = file.size;
    let (looked, wanted) = (pipeline.clone(), path.clone());
    let open = move || looked.listing().open(&Folder::open(&looked.folder).ok()?, &wanted).ok();
    let opened = tokio::task::spawn_blocking(open).await;
    let file = tokio::fs::File::from_std(opened.ok().flatten().ok_or_else(missing)?);
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, Body::from_stream(ReaderStream::new(file.take(size)))).into_response())
}

/// The pipeline as it is on disk now.
pub(super) async fn find_now(scope: &Scope, name: &str) -> ApiResult<std::sync::Arc<Pipeline>> {
    let looked = scope.catalog().look(name).await;
    let unread = |source| SubmitError::Unread { pipeline: PipelineName::unchecked(name), source };
    looked.map_err(unread)?.ok_or_else(|| missing(scope, name))
}

/// There is no such pipeline; the nearest is named.
pub(super) fn missing(scope: &Scope, name: &str) -> ApiError {
    let names = scope.catalog().all();
    let near = names.iter().map(|p| (strsim::jaro_winkler(p.name.as_str(), name), &p.name));
    let near = near.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let error = ApiError::not_found("pipeline", name);
    match near {
        Some((_, near)) => error.cure(format!("The nearest is `{near}`.")),
        None => error.cure("`rigi pipelines list` shows what there is."),
    }
}

/// A limit of a page within its bounds.
/// What a pipeline's own limit is of.
fn limit_of(scope: &Scope, pipeline: &Pipeline) -> LimitOf {
    LimitOf::Pipeline(scope.project().clone(), pipeline.name.clone())
}

pub(super) fn bounded(given: Option<u32>, default: u32, most: u32) -> ApiResult<u32> {
    match given {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => {
            Err(ApiError::invalid("/query/limit", format!("`limit` is {limit} and may be 1 to {most}")))
        }
    }
}

fn tags(pipeline: &Pipeline) -> &[String] {
    pipeline.outcome.as_ref().map(|ready| ready.spec.tags.as_slice()).unwrap_or_default()
}

fn matches(pipeline: &Pipeline, text: &str) -> bool {
    let about = pipeline.outcome.as_ref().ok().and_then(|ready| ready.spec.description.as_deref());
    pipeline.name.as_str().to_lowercase().contains(text)
        || about.is_some_and(|about| about.to_lowercase().contains(text))
}

pub(super) const fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Script { .. } => "script",
        Entry::Notebook { .. } => "notebook",
        Entry::Command { .. } => "command",
        Entry::Image { .. } => "image",
        Entry::Flow => "flow",
        Entry::Approval { .. } => "approval",
    }
}

/// A mistake with the file it is in.
#[must_use]
pub fn mistake_view(pipeline: &Pipeline, mistake: &Mistake) -> MistakeView {
    MistakeView {
        file: pipeline.path_of(mistake),
        line: mistake.line,
        column: mistake.column,
        message: mistake.message.clone(),
        cure: mistake.cure.clone(),
    }
}

async fn summary(scope: &Scope, pipeline: &Pipeline, counts: (u64, u64)) -> ApiResult<PipelineSummary> {
    let db = scope.db();
    let marks = db.recent_marks(scope.project(), &pipeline.name, MARKS).await?;
    let expected = db.expected_us(scope.project(), &pipeline.name).await?;
    let ready: Option<&Ready> = pipeline.outcome.as_ref().ok();
    let recent = marks.into_iter().map(|m| RunMark {
        id: m.id,
        state: m.state,
        created_at: m.created_at,
        duration_ms: m.duration_us.map(|us| us / 1000),
    });
    let (mistakes, warnings) = match &pipeline.outcome {
        Ok(ready) => (Vec::new(), ready.warnings.iter().map(|w| mistake_view(pipeline, w)).collect()),
        Err(mistakes) => (mistakes.iter().map(|m| mistake_view(pipeline, m)).collect(), Vec::new()),
    };
    let (mut mistakes, mut warnings): (Vec<MistakeView>, Vec<MistakeView>) = (mistakes, warnings);
    let said = if ready.is_some() { &mut warnings } else { &mut mistakes };
    said.extend(scope.catalog().shadows_of(pipeline).iter().map(|repository| shadow(pipeline, repository)));
    let about = ready.and_then(|ready| ready.spec.description.as_deref());
    Ok(PipelineSummary {
        name: pipeline.name.to_string(),
        summary: about.and_then(|text| text.lines().next()).map(str::to_owned),
        tags: tags(pipeline).to_vec(),
        kind: ready.map(|ready| kind(&ready.spec.entry).to_owned()),
        runnable: ready.is_some_and(|ready| ready.spec.enabled),
        enabled: ready.is_none_or(|ready| ready.spec.enabled),
        mistakes,
        warnings,
        version: ready.map(|ready| ready.version.to_string()),
        recent: recent.collect(),
        queued: counts.0,
        active: counts.1,
        expected_ms: expected.map(|us| us / 1000),
    })
}

/// A repository has a pipeline of the same name, which is not this one.
fn shadow(pipeline: &Pipeline, repository: &str) -> MistakeView {
    let message =
        format!("the repository `{repository}` has a pipeline of this name too, which cannot be run");
    let mistake = Mistake::of_file("", message);
    mistake_view(pipeline, &mistake.with_cure("Rename one of both."))
}

/// The spec without what must not be read: webhook keys and sealed values. What it says of retries is said in full,
/// and times are as people write them.
fn public_spec(
    spec: &rigi_model::pipeline::PipelineSpec,
    settings: &rigi_engine::Settings,
) -> Option<serde_json::Value> {
    let mut spec = spec.clone();
    let full = |retry: &mut Option<RetrySpec>| {
        if let Some(said) = retry {
            let RetryPolicy { attempts, strategy, jitter } = said.policy(&settings.retry);
            *said = RetrySpec { attempts: Some(attempts), strategy: Some(strategy), jitter: Some(jitter) };
        }
    };
    full(&mut spec.retry);
    spec.schedules.iter_mut().for_each(|schedule| full(&mut schedule.retry));
    let hide = |text: &mut Option<String>| {
        if text.is_some() {
            *text = Some(super::present::MASK.to_owned());
        }
    };
    hide(&mut spec.webhook_key);
    for value in spec.encrypted_env.values_mut() {
        super::present::MASK.clone_into(value);
    }
    for schedule in &mut spec.schedules {
        hide(&mut schedule.webhook_key);
        for value in schedule.encrypted_env.values_mut() {
            super::present::MASK.clone_into(value);
        }
    }
    let mut spec = serde_json::to_value(spec).ok()?;
    write_times(&mut spec);
    Some(spec)
}

/// What users named or wrote themselves; nothing in it is a time of Rigi's.
const OF_USERS: [&str; 7] = ["parameters", "presets", "env", "labels", "inputs", "outputs", "container"];

/// Writes `{"secs": 3600, "nanos": 0}` as `1h`.
fn write_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let number = |name: &str| members.get(name).and_then(Value::as_u64);
            if members.len() == 2
                && let (Some(seconds), Some(nanoseconds)) = (number("secs"), number("nanos"))
                && let Ok(nanoseconds) = u32::try_from(nanoseconds)
            {
                *value = write_duration(Duration::new(seconds, nanoseconds)).into();
                return;
            }
            let own = members.iter_mut().filter(|(name, _)| !OF_USERS.contains(&name.as_str()));
            own.for_each(|(_, inner)| write_times(inner));
        }
        Value::Array(items) => items.iter_mut().for_each(write_times),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};

    use super::*;

    #[test]
    fn a_spec_is_shown_with_times_as_people_write_them_and_without_secrets() {
        let text = "timeout: 1h\nretries: 2\nwebhook_key: hush\nretention: {age: 30d}\n\
                    schedules: [{id: a, interval: 15m, retries: {attempts: 1, delay: 5s}}]\n\
                    parameters: {t: {secret: true, default: hush}, o: {default: {secs: 1, nanos: 2}}}";
        let folder = FolderFacts::new("demo", ["main.py"]);
        let mut spec = read_spec(SpecFormat::Yaml, text.as_bytes(), &folder).unwrap().spec;
        spec.hide_secrets();
        let shown = public_spec(&spec, &super::super::tests::settings()).unwrap();
        assert_eq!(shown["timeout"], "1h");
        assert_eq!(shown["retention"]["age"], "30d");
        let retry = serde_json::json!({"attempts": 2, "strategy": {"type": "fixed_delay", "delay": "1m"}, "jitter": 0.0});
        assert_eq!(shown["retry"], retry);
        assert_eq!(shown["schedules"][0]["interval"], "15m");
        assert_eq!(shown["schedules"][0]["retry"]["strategy"]["delay"], "5s");
        assert_eq!(shown["parameters"]["properties"]["o"]["default"]["secs"], 1);
        assert!(!shown.to_string().contains("hush"), "{shown}");
    }
}
