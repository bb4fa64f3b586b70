//! Accepting runs: everything that can be wrong with a request is found before anything is stored.

mod again;
mod capture;
mod inputs;
mod own;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::parameters::{ParameterMistake, is_reserved, secret_parameters};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::name::is_label_key;
use rigi_model::run::RunStatus;
use rigi_model::run_config::{SpecPart, VersionPart};
use rigi_model::text::is_variable;
use rigi_model::{PipelineName, ProjectName, RunId, Target, Timestamp, Trigger, UploadId, VersionHash};
use rigi_store::{Accepted, IdempotencyKey, NewRun, Run, RunInput, StepOf};
use serde_json::{Map, Value};

use crate::catalog::{Catalog, LookError, Pipeline};
use crate::decide::LimitOf;
use crate::folder::CaptureError;
use crate::ledger::Message;
use crate::quota::{Exceeded, not_there, too_many};
use crate::{Engine, given, secrets};
pub(crate) use capture::Captured;
use capture::Looked;
pub use inputs::is_file_name;
use own::{own_flow, own_key, refuse_secrets_in_clear, take_own};

/// Runs of one submission at most.
pub const MOST_RUNS: usize = 100_000;
/// Labels and environment variables of one run at most.
const MOST_ENTRIES: usize = 64;
/// Bytes of one label or environment variable at most.
const MOST_VALUE_BYTES: usize = 16 << 10;

/// Whoever asks is told so much later that nobody knows whether it was accepted.
const ANSWER: Duration = Duration::from_secs(10);
/// What each of many runs may take beyond that.
const PER_RUN: Duration = Duration::from_millis(1);

/// A run that somebody wants.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Pipeline.
    pub pipeline: PipelineName,
    /// Values by parameter.
    pub parameters: Map<String, Value>,
    /// Files by input.
    pub inputs: BTreeMap<String, Vec<InputSource>>,
    /// On top of the spec's.
    pub env: BTreeMap<String, String>,
    /// On top of the spec's.
    pub labels: BTreeMap<String, String>,
    /// Instead of the spec's.
    pub priority: Option<i32>,
    /// Instead of the spec's.
    pub target: Option<String>,
    /// What starts them.
    pub trigger: Trigger,
    /// The run that this one repeats.
    pub rerun_of: Option<RunId>,
    /// The captured version to run instead of what the folder holds now.
    pub version: Option<VersionHash>,
    /// The entry of `schedules` whose words count, where the spec has one of this id.
    pub entry: Option<String>,
    /// Which due time they are of, and the one before it.
    pub due: Option<(Timestamp, Option<Timestamp>)>,
    /// The step of a flow that it is.
    pub step: Option<StepOf>,
    /// Of a flow: former results of steps do not count.
    pub no_cache: bool,
    /// Of a flow: what has succeeded in this run of it counts.
    pub keeps: Option<RunId>,
    /// How many of them.
    pub count: u32,
}

/// Where an input file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    /// An upload, under its own name or another.
    Upload {
        /// Its id.
        id: UploadId,
        /// Name that the run sees.
        name: Option<String>,
    },
    /// A file that an earlier run was given.
    Stored(RunInput),
    /// A version of a dataset, or a folder or file in it: `measurements@3:2024`.
    Dataset(String),
}

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// Its runs, in the order in which they were asked for.
    pub ids: Vec<RunId>,
    /// The first of them, unless the same was accepted before: what is durable needs no reading back, which may fail.
    pub first: Option<Run>,
}

/// Why a run was not accepted; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// No such pipeline.
    #[error("there is no pipeline `{0}`")]
    NoPipeline(PipelineName),
    /// Its spec or its folder has mistakes.
    #[error("{}", mistakes(.0))]
    Mistakes(Arc<Pipeline>),
    /// Its folder cannot be read now.
    #[error("the folder of `{pipeline}` cannot be read now: {source}")]
    Unread {
        /// Pipeline.
        pipeline: PipelineName,
        /// Why.
        source: LookError,
    },
    /// Switched off.
    #[error("`{0}` is switched off in its spec")]
    Disabled(PipelineName),
    /// Parameters break their schema.
    #[error("{}", .0.first().map_or("a parameter is wrong", |m| m.message.as_str()))]
    Parameters(Vec<ParameterMistake>),
    /// An input, label or variable is wrong.
    #[error("{message}")]
    Invalid {
        /// JSON pointer into the request.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// The target is not there.
    #[error("this server has no target `{name}`; it has {}", list(there))]
    NoTarget {
        /// As asked for.
        name: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// The target cannot run such a pipeline.
    #[error("the target `{target}` cannot run `{pipeline}`: {why}")]
    Refused {
        /// The target.
        target: Target,
        /// The pipeline.
        pipeline: PipelineName,
        /// Why, and what to do.
        why: String,
    },
    /// Secrets that it asks for are not there.
    #[error("`{pipeline}` cannot run: {}", given::missing_words(names, project))]
    SecretsMissing {
        /// The pipeline.
        pipeline: PipelineName,
        /// Its project.
        project: ProjectName,
        /// Which.
        names: Vec<String>,
    },
    /// A dataset cannot be given.
    #[error("the input `{input}`: {source}")]
    Dataset {
        /// Which input.
        input: String,
        /// Why.
        source: crate::datasets::DatasetError,
    },
    /// A quota of its project does not let it in.
    #[error("{0}")]
    Quota(Exceeded),
    /// The code cannot be captured.
    #[error("the code of `{pipeline}` cannot be captured: {source}")]
    Capture {
        /// Pipeline.
        pipeline: PipelineName,
        /// Why.
        source: CaptureError,
    },
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

/// Whether the same may go well a little later: nothing is wrong with what was asked.
pub(crate) fn may_pass(error: &SubmitError) -> bool {
    match error {
        SubmitError::Store(error) => !error.is_damage(),
        SubmitError::Unread { .. } => true,
        // Waiting runs get fewer by themselves.
        SubmitError::Quota(exceeded) => exceeded.quota == "queued",
        SubmitError::Dataset { source: crate::datasets::DatasetError::Store(error), .. } => {
            !error.is_damage() && !matches!(error, rigi_store::Error::NotFound { .. })
        }
        _ => false,
    }
}

fn mistakes(pipeline: &Pipeline) -> String {
    let (name, mistakes) = (&pipeline.name, pipeline.outcome.as_ref().err().map(Vec::as_slice));
    match mistakes.unwrap_or_default() {
        // Of the folder, not of a line of the spec.
        [mistake, ..] if mistake.path.is_some() => format!("`{name}` cannot run: {}", mistake.message),
        [_] => format!("`{name}` has a mistake in its spec"),
        many => format!("`{name}` has {} mistakes in its spec", many.len()),
    }
}

fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> SubmitError {
    SubmitError::Invalid { pointer: pointer.into(), message: message.into() }
}

impl Engine {
    /// Accepts runs, all or none.
    ///
    /// # Errors
    /// [`SubmitError`]; then none is accepted.
    pub async fn submit(
        &self,
        catalog: &Catalog,
        wanted: Vec<Submission>,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, SubmitError> {
        let total: usize = wanted.iter().map(|s| s.count.max(1) as usize).sum();
        if total > MOST_RUNS {
            return Err(invalid("/runs", format!("{total} runs are more than the {MOST_RUNS} of one call")));
        }
        self.room.check()?;
        let now = Timestamp::now();
        let nothing_is_collected = self.captured.gate.clone().read_owned().await;
        let mut runs = Vec::with_capacity(total);
        let mut looked = Looked::default();
        self.has_storage(catalog.project()).await?;
        for submission in wanted {
            self.prepare(catalog, submission, now, &mut looked, &mut runs).await?;
        }
        if let Some(submitted) = self.enter(catalog.project(), runs.len() as u64, key.as_ref()).await? {
            return Ok(submitted);
        }
        let status = RunStatus::accepted(now);
        let first = runs.first().map(|request| Run { request: NewRun::clone(request), status });
        let (store, core) = (self.store.clone(), self.core.clone());
        let limited = self.queued_quota(catalog.project()).is_some();
        let (entering, project, count) =
            (self.entering.clone(), catalog.project().clone(), runs.len() as u64);
        // Who asked may hang up while the runs are written, or be told that nobody knows: the core is told of them all
        // the same.
        let accepting = tokio::spawn(async move {
            let _nothing_is_collected = nothing_is_collected;
            let accepted = store.submit(runs.clone(), key).await;
            let tell = || {
                if matches!(accepted, Ok(Accepted::New(_))) {
                    metrics::counter!("rigi_runs_accepted_total").increment(count);
                    let _ = core.send(Message::Accepted(runs));
                }
            };
            if limited {
                entering.leave(&project, count, tell).await
            } else {
                tell()
            }
            accepted
        });
        let bound = ANSWER + PER_RUN * u32::try_from(total).unwrap_or(u32::MAX);
        match tokio::time::timeout(bound, accepting).await {
            Ok(accepted) => match accepted.map_err(|_| rigi_store::Error::Closed)? {
                Ok(Accepted::New(ids)) => Ok(Submitted { ids, first }),
                Ok(Accepted::Before(ids)) => Ok(Submitted { ids, first: None }),
                Err(error) => Err(self.plain(error).await.into()),
            },
            Err(_) => Err(rigi_store::Error::OutcomeUnknown.into()),
        }
    }

    /// Has so many more runs of a project counted among those that wait, until [`Entering::leave`], if they may. What was accepted
    /// before with the same key is answered with that, however many wait.
    async fn enter(
        &self,
        project: &ProjectName,
        count: u64,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Submitted>, SubmitError> {
        let Some(most) = self.queued_quota(project) else { return Ok(None) };
        let mut entering = self.entering.runs.lock().await;
        let counts = self.counts_of(vec![LimitOf::Project(project.clone())]).await;
        let own = entering.entry(project.clone()).or_default();
        let waiting = counts.first().map_or(0, |(waiting, _)| *waiting) + *own;
        if waiting + count <= most {
            *own += count;
            return Ok(None);
        }
        drop(entering);
        if let Some(key) = key
            && let Some(ids) = self.store.accepted_before(project, key).await?
        {
            return Ok(Some(Submitted { ids, first: None }));
        }
        Err(SubmitError::Quota(too_many(project, most, waiting, count)))
    }

    /// Refuses what comes to a project that has stored as much as it may.
    pub async fn has_storage(&self, project: &ProjectName) -> Result<(), SubmitError> {
        match self.beyond_storage(project).await? {
            Some(exceeded) => Err(SubmitError::Quota(exceeded)),
            None => Ok(()),
        }
    }

    fn queued_quota(&self, project: &ProjectName) -> Option<u64> {
        self.settings.projects.of(project).quota.queued
    }

    /// A disk that is full or read-only says more plainly why the database cannot be written.
    async fn plain(&self, error: rigi_store::Error) -> rigi_store::Error {
        let rigi_store::Error::Unavailable(_) = error else { return error };
        let room = self.room.clone();
        tokio::task::spawn_blocking(move || room.why()).await.ok().flatten().unwrap_or(error)
    }

    async fn prepare(
        &self,
        catalog: &Catalog,
        mut submission: Submission,
        now: Timestamp,
        looked: &mut Looked,
        runs: &mut Vec<Arc<NewRun>>,
    ) -> Result<(), SubmitError> {
        let mut code = self.code(catalog, &submission, looked).await?;
        let sealer = self.store.sealer();
        let mut own = take_own(&mut submission, &mut code)?;
        // What a rerun repeats comes sealed, and what a flow hands on.
        let sealed = secrets::open_parameters(sealer, &mut submission.parameters)?;
        refuse_secrets_in_clear(&submission, &sealed, &code.spec)?;
        secrets::open_variables(sealer, &mut submission.env)?;
        let mut parameters =
            code.check(std::mem::take(&mut submission.parameters)).map_err(SubmitError::Parameters)?;
        if code.spec.is_flow() {
            self.check_steps(catalog, &submission, &code.spec)?;
            own_flow(&mut submission, &mut own);
        } else {
            let within = self.settings.within_quota(catalog.project(), &submission.pipeline, &code.spec);
            within.map_err(SubmitError::Quota)?;
        }
        check_entries("env", &submission.env, |name| is_variable(name) && !is_reserved(name))?;
        check_entries("labels", &submission.labels, is_label_key)?;
        own_key(&submission, &code, &parameters, &mut own)?;
        self.own_cursor(catalog.project(), &submission, &mut own).await?;
        secrets::seal_parameters(sealer, &secret_parameters(code.spec.parameters.as_ref()), &mut parameters)?;
        secrets::seal_variables(sealer, &mut submission.env)?;
        submission.env.extend(own);
        let part = VersionPart { version: code.hash, part: SpecPart::of(&submission.env) };
        self.versions.needs.learn(catalog.project(), &part, &code.spec);
        let given = std::mem::take(&mut submission.inputs);
        let inputs = match code.is_step {
            true => self.inputs_of_step(catalog.project(), given).await?,
            false => self.inputs(catalog.project(), &code.spec, given).await?,
        };
        let names = given::missing(&self.store, catalog.project(), &code.spec).await?;
        if !names.is_empty() {
            let (pipeline, project) = (submission.pipeline, catalog.project().clone());
            return Err(SubmitError::SecretsMissing { pipeline, project, names });
        }
        let priority = submission.priority.unwrap_or(code.spec.priority);
        if !(-100..=100).contains(&priority) {
            return Err(invalid("/priority", format!("the priority is {priority} and may be -100 to 100")));
        }
        let wanted = submission.target.as_deref();
        let target = self.target(catalog.project(), &submission.pipeline, wanted, &code.spec)?;
        let mut labels = code.spec.labels.clone();
        labels.extend(submission.labels);
        let run = NewRun {
            id: RunId::generate(),
            project: catalog.project().clone(),
            pipeline: submission.pipeline,
            version: code.hash,
            priority,
            max_attempts: if code.spec.entry.is_run() {
                self.settings.retry_of(&code.spec).attempts + 1
            } else {
                1
            },
            created_at: now,
            trigger: submission.trigger,
            rerun_of: submission.rerun_of,
            target,
            parameters: parameters.into(),
            inputs: inputs.into(),
            env: submission.env.into(),
            labels: labels.into(),
            step: submission.step,
        };
        for _ in 1..submission.count {
            runs.push(Arc::new(NewRun { id: RunId::generate(), ..run.clone() }));
        }
        runs.push(Arc::new(run));
        Ok(())
    }

    /// Where it is executed: where it was asked for, and nowhere else.
    pub(crate) fn target(
        &self,
        project: &ProjectName,
        pipeline: &PipelineName,
        wanted: Option<&str>,
        spec: &PipelineSpec,
    ) -> Result<Target, SubmitError> {
        if !spec.entry.is_run() {
            return Ok(Target::FLOW);
        }
        let own = self.settings.projects.of(project);
        let missing = |name: &str| SubmitError::NoTarget { name: name.to_owned(), there: self.targets() };
        let target = match (wanted, &spec.target, &own.target) {
            (Some(text), ..) => Target::parse(text).ok_or_else(|| missing(text))?,
            (None, None, Some(text)) => Target::parse(text).ok_or_else(|| missing(text))?,
            (None, Some(target), _) => target.clone(),
            (None, None, None) => self.settings.target.clone(),
        };
        if let Some(may) = &own.quota.targets
            && !may.iter().any(|may| may == target.as_str())
        {
            return Err(SubmitError::Quota(not_there(project, &target, may)));
        }
        let executor = self.executors.get(&target).ok_or_else(|| missing(target.as_str()))?;
        match executor.refuses(spec) {
            None => Ok(target),
            Some(why) => Err(SubmitError::Refused { target, pipeline: pipeline.clone(), why }),
        }
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn check_entries(
    what: &str,
    entries: &BTreeMap<String, String>,
    is_name: impl Fn(&str) -> bool,
) -> Result<(), SubmitError> {
    if entries.len() > MOST_ENTRIES {
        return Err(invalid(
            format!("/{what}"),
            format!("{} {what} are more than {MOST_ENTRIES}", entries.len()),
        ));
    }
    for (name, value) in entries {
        let pointer = format!("/{what}/{name}");
        if !is_name(name) {
            return Err(invalid(pointer, format!("`{name}` may not be a name in `{what}`")));
        }
        if value.len() > MOST_VALUE_BYTES || value.contains('\0') {
            let limit = MOST_VALUE_BYTES >> 10;
            return Err(invalid(
                pointer,
                format!("the value of `{name}` holds a NUL byte or more than {limit} KiB"),
            ));
        }
    }
    Ok(())
}
