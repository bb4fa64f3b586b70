//! Gathers what is told of a run: of a flow, of all runs of its steps, also where a step is a flow itself. Bounded in runs, files and bytes.

use std::collections::{BTreeMap, VecDeque};

use rigi_api::view::{CitationView, CitedFile, CitedParameter, CitedRun, StepPlace, TriggerView};
use rigi_model::flows::executes;
use rigi_model::packages::clean_text;
use rigi_model::parameters::secret_parameters;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::repositories::COMMIT;
use rigi_model::{Target, VersionHash};
use rigi_store::Run;
use rigi_store::flows::StepRunsPage;
use rigi_store::tables::artifacts::Artifact;
use rigi_store::tables::versions::Version;
use serde_json::Value;

use super::tools;
use crate::http::error::ApiResult;
use crate::http::pipelines::kind;
use crate::http::present;
use crate::http::scope::Scope;
use crate::papers::text_of;

/// Characters of a description or a message.
const LONGEST_WORDS: usize = 500;
/// Bytes of a parameter's value that are told.
const LARGEST_VALUE: usize = 4 << 10;
/// Runs of steps that are asked for together.
const TOGETHER: u32 = 500;
/// Files of a run that are asked for together.
const FILES_TOGETHER: u32 = 1000;

/// How much is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Runs of steps.
    pub runs: usize,
    /// Files, of all runs together.
    pub files: usize,
    /// Bytes of all that is told, as JSON.
    pub bytes: usize,
}

/// What was found.
pub(super) struct Gathered {
    /// As it is told.
    pub view: CitationView,
    /// The code of the runs.
    pub versions: BTreeMap<VersionHash, Version>,
}

/// Gathers what is told of a run.
///
/// # Errors
/// If the database or the storage does not answer.
pub(super) async fn gather(scope: &Scope, run: Run, most: Most) -> ApiResult<Gathered> {
    let mut told = Told {
        scope,
        most,
        bytes: 0,
        view: CitationView {
            text: String::new(),
            rigi: env!("CARGO_PKG_VERSION").to_owned(),
            runs: Vec::new(),
            environments: BTreeMap::new(),
            runs_left_out: 0,
        },
        versions: BTreeMap::new(),
    };
    let mut flows = VecDeque::from([run]);
    while let Some(flow) = flows.pop_front() {
        if told.view.runs.is_empty() {
            told.add(&flow).await?;
        }
        if flow.request.target != Target::FLOW {
            continue;
        }
        let mut page = StepRunsPage { limit: TOGETHER, ..StepRunsPage::default() };
        loop {
            let steps = scope.db().step_runs(&flow.request.id, &page).await?;
            let full = steps.len() == TOGETHER as usize;
            page.after = steps.last().map(|step| step.id.clone());
            for step in steps {
                if told.is_full() {
                    told.view.runs_left_out += 1;
                    continue;
                }
                let run = scope.db().run(scope.project(), &step.id).await?;
                told.add(&run).await?;
                if run.request.target == Target::FLOW {
                    flows.push_back(run);
                }
            }
            if !full {
                break;
            }
        }
    }
    told.view.text = text_of(&told.view);
    Ok(Gathered { view: told.view, versions: told.versions })
}

struct Told<'a> {
    scope: &'a Scope,
    most: Most,
    bytes: usize,
    view: CitationView,
    versions: BTreeMap<VersionHash, Version>,
}

impl Told<'_> {
    fn is_full(&self) -> bool {
        self.view.runs.len() > self.most.runs || self.bytes >= self.most.bytes
    }

    async fn add(&mut self, run: &Run) -> ApiResult<()> {
        let hash = run.request.version;
        if !self.versions.contains_key(&hash) {
            let version = self.scope.db().version(self.scope.project(), hash).await?;
            self.versions.insert(hash, version);
        }
        let Some(version) = self.versions.get(&hash) else { return Ok(()) };
        let spec = version.spec.part(&run.request.part().part).into_owned();
        let reused = run.request.env.contains_key(rigi_engine::flows::REUSED);
        let environment = tools::name_of(run, &spec);
        if let Some(name) = environment.as_ref().filter(|name| !self.view.environments.contains_key(*name)) {
            let (environments, blobs) = (self.scope.auditor.environments().clone(), self.scope.blobs());
            let (run, spec, version) = (run.clone(), spec.clone(), version.clone());
            let look = tokio::task::spawn_blocking(move || {
                tools::look(&environments, &blobs, &run, (&spec, &version))
            });
            let found = look.await.map_err(|_| rigi_store::Error::Closed)?;
            self.view.environments.insert(name.clone(), found);
        }
        let mut cited = cited(run, &spec, version);
        cited.environment = environment.filter(|_| !reused);
        let room = self.most.files.saturating_sub(self.files());
        cited.inputs = run.request.inputs.iter().take(room).map(present::input).collect();
        cited.inputs_left_out = (run.request.inputs.len() - cited.inputs.len()) as u64;
        let room = room.saturating_sub(cited.inputs.len());
        self.outputs(run, &mut cited, room).await?;
        self.bytes += serde_json::to_vec(&cited).map_or(0, |bytes| bytes.len());
        self.view.runs.push(cited);
        Ok(())
    }

    fn files(&self) -> usize {
        self.view.runs.iter().map(|run| run.inputs.len() + run.outputs.len()).sum()
    }

    async fn outputs(&self, run: &Run, cited: &mut CitedRun, room: usize) -> ApiResult<()> {
        let mut after = String::new();
        while cited.outputs.len() < room {
            let page = self.scope.db().artifacts(&run.request.id, &after, FILES_TOGETHER).await?;
            let full = page.len() == FILES_TOGETHER as usize;
            after = page.last().map(|file| file.path.clone()).unwrap_or_default();
            cited.outputs.extend(page.into_iter().map(file));
            if !full {
                break;
            }
        }
        cited.outputs.truncate(room);
        cited.outputs_left_out = run.status.artifacts.0.saturating_sub(cited.outputs.len() as u64);
        Ok(())
    }
}

/// A file that a run left, as it is told.
pub(super) fn file(file: Artifact) -> CitedFile {
    CitedFile {
        path: file.path,
        output: file.output,
        size: u64::try_from(file.size).unwrap_or(0),
        sha256: file.sha256.to_string(),
    }
}

fn cited(run: &Run, spec: &PipelineSpec, version: &Version) -> CitedRun {
    let (request, status) = (&run.request, &run.status);
    let took = status.started_at.zip(status.ended_at).map(|(from, to)| to.since(from));
    CitedRun {
        id: request.id.clone(),
        short: request.id.short().to_owned(),
        pipeline: request.pipeline.to_string(),
        description: spec.description.as_ref().map(|text| clean_text(text, LONGEST_WORDS)),
        step: request.step.as_ref().map(|step| StepPlace {
            flow: step.parent.clone(),
            step: step.name.clone(),
            item: step.item,
        }),
        state: status.state,
        message: status.message.as_ref().map(|text| clean_text(text, LONGEST_WORDS)),
        trigger: TriggerView { kind: request.trigger.kind.to_string(), by: request.trigger.by.to_string() },
        kind: kind(&spec.entry).to_owned(),
        does: executes(&spec.entry),
        version: request.version.to_string(),
        git: present::git(version, request.env.get(COMMIT)),
        target: request.target.to_string(),
        environment: None,
        parameters: parameters(run, spec),
        inputs: Vec::new(),
        inputs_left_out: 0,
        outputs: Vec::new(),
        outputs_left_out: 0,
        created_at: request.created_at,
        started_at: status.started_at,
        ended_at: status.ended_at,
        duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        result_of: request.env.get(rigi_engine::flows::REUSED).and_then(|id| id.parse().ok()),
    }
}

/// Values by name, with their defaults; secret ones are hidden.
fn parameters(run: &Run, spec: &PipelineSpec) -> Vec<CitedParameter> {
    let properties = spec.parameters.as_ref().and_then(|schema| schema.get("properties"));
    let secret = secret_parameters(spec.parameters.as_ref());
    let values = present::masked(Some(spec), &run.request.parameters);
    let one = |(name, value): (String, Value)| {
        let hidden = secret.contains(&name);
        let default = properties.and_then(|all| all.get(&name)).and_then(|one| one.get("default"));
        let default = default.filter(|_| !hidden).cloned();
        CitedParameter {
            secret: hidden,
            changed: !hidden && default.as_ref() != Some(&value),
            value: short(value),
            default: default.map(short),
            name,
        }
    };
    values.into_iter().map(one).collect()
}

fn short(value: Value) -> Value {
    let text = value.to_string();
    match text.char_indices().nth(LARGEST_VALUE) {
        Some((end, _)) => Value::String(format!("{}…", &text[..end])),
        None => value,
    }
}
