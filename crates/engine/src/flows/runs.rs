//! The runs of a step are accepted: once, whatever dies in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use rigi_model::parameters::secret_parameters;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::step::{StepAction, StepSpec};
use rigi_model::run_config::{STEP, SpecPart, VersionPart};
use rigi_model::{PipelineName, RunId, Target, Timestamp};
use rigi_store::{IdempotencyKey, NewRun, RunInput, StepOf};
use serde_json::{Map, Value};

use super::cache::{self, Cached};
use super::flow::Flow;
use crate::flow_words::{FLOW_TARGET, REUSED};
use crate::secrets;
use crate::submit::{InputSource, Submission, SubmitError, may_pass};

/// Flows within each other at most.
const DEEPEST: u32 = 8;

/// Why runs of a step were not accepted.
pub(super) enum NotStarted {
    /// It may go well a little later.
    Later,
    /// The step fails by it.
    Never(String),
}

type Begins = rigi_store::Result<Result<Vec<RunId>, NotStarted>>;

impl Flow {
    /// Starts items of a step.
    pub(super) async fn begin_items(&mut self, name: &str, from: u32, to: u32) -> Begins {
        let spec = self.spec.clone();
        let never = |why: String| Ok(Err(NotStarted::Never(why)));
        let Some(step) = spec.step(name) else { return never("there is no such step".to_owned()) };
        let items = match self.items_of(step).await? {
            Ok(items) => items,
            Err(why) => return never(why),
        };
        let some = &items[(from as usize).min(items.len())..(to as usize).min(items.len())];
        let parameters = match self.parameters_of(step, some, from).await? {
            Ok(parameters) => parameters,
            Err(why) => return never(why),
        };
        // A list of items that is made here is not collected before its run is accepted.
        let _nothing_is_collected = self.world.engine.captured.gate.clone().read_owned().await;
        let inputs = match self.inputs_of(step).await? {
            Ok(inputs) => inputs,
            Err(why) => return never(why),
        };
        let begun: Vec<Beginning> = (from..)
            .zip(some.iter().zip(parameters))
            .map(|(index, (item, parameters))| Beginning {
                item: step.for_each.is_some().then_some(index),
                inputs: inputs.iter().cloned().chain(item.file.clone()).collect(),
                parameters,
            })
            .collect();
        let kept: Vec<Option<RunId>> = begun.iter().map(|one| self.kept_for(step, one.item)).collect();
        if kept.iter().any(Option::is_none) {
            self.fresh.insert(step.name.clone());
        }
        match &step.action {
            // What counts again is not asked of the other pipeline; of several items, all or none.
            StepAction::Pipeline { pipeline, entry } if kept.iter().any(Option::is_none) => {
                self.begin_others(step, pipeline, entry.clone(), from, begun).await
            }
            _ => self.begin_own(step, from, begun, kept).await,
        }
    }

    fn key(&self, step: &StepSpec, from: u32) -> IdempotencyKey {
        let key = format!("⇉ {} {} {from}", self.key.run, step.name);
        IdempotencyKey { key, request: "step".to_owned() }
    }

    fn step_of(&self, step: &StepSpec, item: Option<u32>) -> StepOf {
        StepOf { parent: self.key.run.clone(), name: step.name.clone(), item }
    }

    /// Runs of the flow's own code.
    async fn begin_own(
        &mut self,
        step: &StepSpec,
        from: u32,
        begun: Vec<Beginning>,
        kept: Vec<Option<RunId>>,
    ) -> Begins {
        let spec = self.spec_of(&step.name);
        let (engine, request) = (&self.world.engine, &self.run.request);
        let mut env = (*request.env).clone();
        env.insert(STEP.to_owned(), step.name.clone());
        // The flow has it, not its steps.
        env.remove(RunKey::VARIABLE);
        let part = VersionPart { version: request.version, part: SpecPart::of(&env) };
        // Of another pipeline it is what is kept of it, and is not executed.
        let target = match self.target_of(step, &spec) {
            Ok(target) => target,
            Err(why) => return Ok(Err(NotStarted::Never(why))),
        };
        engine.versions.needs.learn(&request.project, &part, &spec);
        let secret = secret_parameters(self.spec.parameters.as_ref());
        let max_attempts = if spec.entry.is_run() { engine.settings.retry_of(&spec).attempts + 1 } else { 1 };
        let mut runs = Vec::with_capacity(begun.len());
        for (one, kept) in begun.into_iter().zip(kept) {
            let mut parameters = (*request.parameters).clone();
            parameters.extend(one.parameters);
            // What it is given of secrets comes sealed, and stays so.
            let open: Map<String, Value> = parameters
                .iter()
                .filter(|(name, _)| secret.contains(*name))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect();
            let mut sealed = open;
            secrets::open_parameters(engine.store().sealer(), &mut sealed)?;
            secrets::seal_parameters(engine.store().sealer(), &secret, &mut sealed)?;
            parameters.extend(sealed);
            let (mut env, mut target) = (env.clone(), target.clone());
            if let Some(former) = &kept {
                env.insert(REUSED.to_owned(), former.to_string());
                target = Target::FLOW;
            }
            runs.push(NewRun {
                id: RunId::generate(),
                project: request.project.clone(),
                pipeline: request.pipeline.clone(),
                version: request.version,
                priority: request.priority,
                max_attempts,
                created_at: Timestamp::now(),
                trigger: request.trigger.clone(),
                rerun_of: kept,
                target,
                parameters: parameters.into(),
                inputs: one.inputs.into(),
                env: env.into(),
                labels: request.labels.clone(),
                step: Some(self.step_of(step, one.item)),
            });
        }
        let made_of =
            if step.cache { self.look_up(step, &spec, &mut runs).await? } else { Cached::default() };
        let runs: Vec<Arc<NewRun>> = runs.into_iter().map(Arc::new).collect();
        let ids = match engine.submit_steps(runs, self.key(step, from)).await {
            Ok(ids) => ids,
            Err(error) => return not_started(error),
        };
        cache::note(engine, &request.project, made_of, &ids).await?;
        Ok(Ok(ids))
    }

    /// The spec of a step: made once, as a flow's own may have thousands of items in it.
    fn spec_of(&mut self, name: &str) -> Arc<PipelineSpec> {
        if let Some(spec) = self.specs.get(name) {
            return spec.clone();
        }
        let spec = self.spec.with_step(name).unwrap_or_else(|| PipelineSpec::of(Entry::Flow));
        let spec = Arc::new(spec);
        self.specs.insert(name.to_owned(), spec.clone());
        spec
    }

    /// Where a step's runs execute: where it says, else where the flow was asked to.
    fn target_of(&self, step: &StepSpec, spec: &PipelineSpec) -> Result<Target, String> {
        if !spec.entry.is_run() {
            return Ok(Target::FLOW);
        }
        let (engine, request) = (&self.world.engine, &self.run.request);
        let asked = request.env.get(FLOW_TARGET).filter(|_| step.target.is_none());
        let target = engine.target(&request.project, &request.pipeline, asked.map(String::as_str), spec);
        target.map_err(|error| error.to_string())
    }

    /// Runs of another pipeline.
    async fn begin_others(
        &self,
        step: &StepSpec,
        pipeline: &PipelineName,
        entry: Option<String>,
        from: u32,
        begun: Vec<Beginning>,
    ) -> Begins {
        let (engine, request) = (&self.world.engine, &self.run.request);
        let never = |why: String| Ok(Err(NotStarted::Never(why)));
        let Some(project) = self.world.projects.of(&request.project) else {
            return never("its project is not there any more".to_owned());
        };
        let depth = self.depth().await?;
        if depth >= DEEPEST {
            return never(format!("flows are within each other {depth} times, and may be {DEEPEST} times"));
        }
        let mut wanted = Vec::with_capacity(begun.len());
        for one in begun {
            let mut inputs: BTreeMap<String, Vec<InputSource>> = BTreeMap::new();
            for file in one.inputs {
                inputs.entry(file.input.clone()).or_default().push(InputSource::Stored(file));
            }
            wanted.push(Submission {
                parameters: one.parameters,
                inputs,
                priority: Some(request.priority),
                entry: entry.clone(),
                step: Some(self.step_of(step, one.item)),
                ..Submission::of(pipeline.clone(), request.trigger.clone())
            });
        }
        match engine.submit(&project.catalog, wanted, Some(self.key(step, from))).await {
            Ok(submitted) => Ok(Ok(submitted.ids)),
            Err(error) => not_started(error),
        }
    }

    /// How many flows this one is in.
    async fn depth(&self) -> rigi_store::Result<u32> {
        let mut depth = 1;
        let mut parent = self.run.request.step.as_ref().map(|step| step.parent.clone());
        while let Some(run) = parent.filter(|_| depth <= DEEPEST) {
            let run = self.world.engine.store().db().run_of_any(&run).await?;
            parent = run.request.step.map(|step| step.parent);
            depth += 1;
        }
        Ok(depth)
    }
}

/// What one run of a step is given.
struct Beginning {
    item: Option<u32>,
    parameters: Map<String, Value>,
    inputs: Vec<RunInput>,
}

fn not_started(error: SubmitError) -> Begins {
    match error {
        SubmitError::Store(rigi_store::Error::Closed) => Err(rigi_store::Error::Closed),
        error if may_pass(&error) => {
            tracing::warn!(%error, "a step is not started yet; this is tried again");
            Ok(Err(NotStarted::Later))
        }
        error => Ok(Err(NotStarted::Never(error.to_string()))),
    }
}
