//! A former success of a step counts where all that it was made of is the same: code, parameters, inputs by content, environment,
//! secrets. Times of files, hosts and the order of inputs say nothing.

use std::collections::{BTreeMap, HashMap};

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::step::StepSpec;
use rigi_model::{AttemptKey, ContentHash, Exit, ProjectName, Reason, RunId, Target, Timestamp};
use rigi_store::flows::CachedStep;
use rigi_store::{NewRun, Run};
use rigi_work::plan::{Ended, Observation, StoredFile};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::flow::Flow;
use super::router::World;
use crate::Engine;
use crate::flow_words::{NO_CACHE, REUSED};

/// Of the rule by which parts are made: another one finds nothing of before.
const RULE: &str = "1";
/// Former runs that a run is compared with.
const COMPARED: u32 = 20;

/// What runs are made of, by their place.
#[derive(Debug, Default)]
pub(super) struct Cached(HashMap<usize, CachedStep>);

impl Flow {
    /// Looks for former results; a run that has one is not executed.
    pub(super) async fn look_up(
        &self,
        step: &StepSpec,
        spec: &PipelineSpec,
        runs: &mut [NewRun],
    ) -> rigi_store::Result<Cached> {
        let engine = &self.world.engine;
        let store = engine.store();
        let version = engine.versions.version(&self.run.request.project, self.run.request.version).await?;
        let refused = self.run.request.env.contains_key(NO_CACHE);
        let secrets = crate::given::versions(store, &self.run.request.project, spec).await?;
        let mut cached = Cached::default();
        for (place, run) in runs.iter_mut().enumerate().filter(|(_, run)| run.rerun_of.is_none()) {
            let parts = parts(spec, &version.files, run, &secrets);
            let key = hash(&json!(parts));
            let former = match refused {
                true => None,
                false => store.db().cached_step(&run.project, &key).await?,
            };
            match former {
                Some(former) => {
                    let mut env = (*run.env).clone();
                    env.insert(REUSED.to_owned(), former.to_string());
                    run.env = env.into();
                    run.target = Target::FLOW;
                    run.rerun_of = Some(former);
                }
                None => {
                    let (run, pipeline, step) = (run.id.clone(), run.pipeline.clone(), step.name.clone());
                    cached.0.insert(place, CachedStep { run, pipeline, step, key, parts });
                }
            }
        }
        Ok(cached)
    }
}

/// Writes down what runs are made of, now that they are accepted.
pub(super) async fn note(
    engine: &Engine,
    project: &ProjectName,
    cached: Cached,
    ids: &[RunId],
) -> rigi_store::Result<()> {
    // Runs that were accepted before, under the same key, have ids of their own.
    let own = |(place, made): (usize, CachedStep)| Some(CachedStep { run: ids.get(place)?.clone(), ..made });
    let all: Vec<CachedStep> = cached.0.into_iter().filter_map(own).collect();
    if all.is_empty() { Ok(()) } else { engine.store().note_made_of(project, &all).await }
}

fn hash(value: &serde_json::Value) -> String {
    ContentHash::new(Sha256::digest(value.to_string().as_bytes()).into()).to_string()
}

/// What a run is made of, part by part.
fn parts(
    spec: &PipelineSpec,
    files: &[rigi_store::tables::versions::VersionFile],
    run: &NewRun,
    secrets: &BTreeMap<String, i64>,
) -> BTreeMap<String, String> {
    // The spec itself says how and when, and what of that counts is in the other parts.
    let is_code = |path: &str| {
        let own = format!("{}.json", run.pipeline);
        !rigi_model::pipeline::is_pipeline_file(path) && path != own
    };
    let mut code: Vec<_> = files
        .iter()
        .filter(|file| is_code(&file.path))
        .map(|file| json!([file.path, file.executable, file.sha256]))
        .collect();
    code.sort_by_key(ToString::to_string);
    let mut inputs: Vec<_> =
        run.inputs.iter().map(|file| json!([file.input, file.name, file.sha256])).collect();
    inputs.sort_by_key(ToString::to_string);
    let own: BTreeMap<&String, &String> =
        run.env.iter().filter(|(name, _)| !rigi_model::parameters::is_reserved(name)).collect();
    let part = |value: serde_json::Value| hash(&value);
    [
        ("rule", RULE.to_owned()),
        ("what is run", part(json!(spec.entry))),
        ("code", part(json!(code))),
        ("parameters", part(json!(*run.parameters))),
        ("inputs", part(json!(inputs))),
        ("environment variables", part(json!([spec.env, spec.encrypted_env, own]))),
        ("Python", part(json!([spec.python_version, spec.requirements]))),
        ("image", part(json!(spec.container.image))),
        ("target", run.target.to_string()),
        ("secrets", rigi_model::event::tell_versions(secrets)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Ends a run with what another one left.
pub(super) fn reuse(world: World, key: AttemptKey, run: &Run, former: String) {
    let project = run.request.project.clone();
    tokio::spawn(async move {
        let copied = copy(&world.engine, &project, &former).await;
        let (exit, stored, word) = match copied {
            Ok(stored) => (
                Exit::Code { code: 0 },
                stored,
                format!("The result of {former} counts: all that it is made of is the same."),
            ),
            Err(error) => {
                let message = format!("the result of {former} cannot be had any more: {error}; run it again");
                let (class, reason) = (FailureClass::User, Reason::StagingFailed);
                (Exit::NotStarted { class, reason, message: message.clone() }, Vec::new(), message)
            }
        };
        let now = Timestamp::now();
        let ended = Ended { started_at: Some(now), stored, ..Ended::without_start(exit, now, &[word]) };
        world.observed(&key, Observation::Ended(Box::new(ended)));
    });
}

async fn copy(engine: &Engine, project: &ProjectName, former: &str) -> rigi_store::Result<Vec<StoredFile>> {
    let missing = || rigi_store::Error::NotFound { what: "run", id: former.to_owned() };
    let former: RunId = former.parse().map_err(|_| missing())?;
    let db = engine.store().db();
    db.run(project, &former).await?;
    let files = db.artifacts(&former, "", u32::MAX).await?;
    let stored = |file: rigi_store::tables::artifacts::Artifact| StoredFile {
        path: file.path,
        sha256: file.sha256,
        size: u64::try_from(file.size).unwrap_or(0),
    };
    Ok(files.into_iter().map(stored).collect())
}

/// Why a former result does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The former run.
    pub run: RunId,
    /// The parts that differ, the first of them first.
    pub parts: Vec<String>,
}

/// Why a run was executed, though its step may be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCached {
    /// Its step does not ask for it.
    Unasked,
    /// It was not executed: the result of this run counts.
    Counts(RunId),
    /// No run of this step has succeeded before it.
    First,
    /// Of the runs before it, the one that differs least.
    Differs(Difference),
    /// A former result is the same, and was not asked for.
    Refused(RunId),
}

impl Engine {
    /// Why a run of a step was executed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn why_not_cached(&self, run: &Run) -> rigi_store::Result<NotCached> {
        if let Some(former) = run.request.env.get(REUSED).and_then(|former| former.parse().ok()) {
            return Ok(NotCached::Counts(former));
        }
        let db = self.store().db();
        let Some(made) = db.made_of(&run.request.id).await? else { return Ok(NotCached::Unasked) };
        let before = db.made_before(&run.request.project, &made, COMPARED).await?;
        if let Some(same) = before.iter().find(|other| other.key == made.key) {
            return Ok(NotCached::Refused(same.run.clone()));
        }
        let compared =
            before.into_iter().map(|other| Difference { parts: differing(&made, &other), run: other.run });
        let nearest = compared.min_by_key(|difference| difference.parts.len());
        Ok(nearest.map_or(NotCached::First, NotCached::Differs))
    }
}

fn differing(one: &CachedStep, other: &CachedStep) -> Vec<String> {
    let order = [
        "rule",
        "what is run",
        "code",
        "parameters",
        "inputs",
        "environment variables",
        "Python",
        "image",
        "target",
        "secrets",
    ];
    order
        .into_iter()
        .filter(|part| one.parts.get(*part) != other.parts.get(*part))
        .map(str::to_owned)
        .collect()
}
