//! What is done because runs have ended: pipelines follow, and what crashed starts again. Each is a row that was written with the end, and is
//! gone when it is done, so that whatever dies in between, it is done, and once.

use std::collections::BTreeMap;
use std::time::Duration;

use rigi_model::expression::Template;
use rigi_model::parameters::secret_parameters;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::DownstreamTrigger;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{Actor, PipelineName, RunState, Timestamp, Trigger, TriggerKind};
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::triggers::{FollowUp, RunLink, follow_key};
use rigi_store::{IdempotencyKey, Run};
use serde_json::{Map, Value, json};

use crate::Engine;
use crate::clock::sleep;
use crate::projects::{Project, Projects};
use crate::submit::{InputSource, Submission, SubmitError, may_pass};

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest wait at a time: the clock may be set.
const GLANCE: Duration = Duration::from_secs(60);
/// Ends of which somebody is told, before it is looked again at what follows from others.
const TOLD_TOGETHER: usize = 100;
/// Runs of a chain that are looked at.
const LONGEST_CHAIN: usize = 100;

/// Starts it, on a server that leads.
pub(super) fn start(engine: Engine, projects: Projects) {
    tokio::spawn(async move {
        for project in projects.all() {
            at_start(&engine, &project).await;
        }
        loop {
            let wait = match all_due(&engine, &projects).await {
                Ok(wait) => wait,
                Err(rigi_store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "what follows from ended runs cannot be done; this is tried again");
                    Some(AGAIN)
                }
            };
            tokio::select! {
                () = engine.after.follow.notified() => {}
                () = sleep(wait) => {}
            }
        }
    });
}

/// Starts what is to run whenever the server does, unless it runs.
async fn at_start(engine: &Engine, project: &Project) {
    if project.state() != rigi_model::project::ProjectState::Open {
        return;
    }
    for pipeline in project.catalog.all() {
        let Ok(ready) = &pipeline.outcome else { continue };
        if !ready.spec.restart.at_start || !ready.spec.enabled {
            continue;
        }
        let states = RunState::ALL.iter().copied().filter(|state| !state.is_terminal()).collect();
        let filter =
            RunFilter { pipeline: Some(pipeline.name.clone()), states, limit: 1, ..RunFilter::default() };
        let begun = match engine.store().db().list_runs(project.id(), &filter).await {
            Ok(open) if !open.runs.is_empty() => continue,
            Ok(_) => {
                let trigger = Trigger { kind: TriggerKind::Restart, by: Actor::named("the server's start") };
                let wanted = vec![Submission::of(pipeline.name.clone(), trigger)];
                engine.submit(&project.catalog, wanted, None).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = begun {
            tracing::error!(pipeline = %pipeline.name, %error, "what is to run whenever the server does was not started");
        }
    }
}

/// Does what is due; how long until the next is.
async fn all_due(engine: &Engine, projects: &Projects) -> rigi_store::Result<Option<Duration>> {
    let is_told = |one: &FollowUp| matches!(one.kind, FollowUpKind::Notice | FollowUpKind::SoftLimit);
    let (built, all): (Vec<_>, Vec<_>) = engine
        .store()
        .db()
        .follow_ups()
        .await?
        .into_iter()
        .partition(|one| one.kind == FollowUpKind::Packages);
    look_at_packages(engine, &built).await?;
    let (told, led): (Vec<_>, Vec<_>) = all.into_iter().partition(is_told);
    let mut next = None;
    for one in led {
        let now = Timestamp::now();
        if one.due > now {
            next = Some(one.due.since(now).min(GLANCE));
            break;
        }
        if !do_one(engine, projects, &one).await? {
            next = Some(AGAIN);
        }
    }
    for one in told.iter().take(TOLD_TOGETHER) {
        do_one(engine, projects, one).await?;
    }
    Ok(if told.len() > TOLD_TOGETHER { Some(Duration::ZERO) } else { next })
}

/// Says to who audits packages that there are some, or that nobody does any more.
async fn look_at_packages(engine: &Engine, built: &[FollowUp]) -> rigi_store::Result<()> {
    if engine.settings.audits {
        if !built.is_empty() {
            engine.after.built.notify_one();
        }
        return Ok(());
    }
    for one in built {
        engine.store().followed(one, &[], &[], &[], Timestamp::now()).await?;
    }
    Ok(())
}

/// What came of it.
#[derive(Default)]
struct Came {
    links: Vec<RunLink>,
    keys: Vec<String>,
    /// What was not done, and why.
    told: Vec<String>,
}

/// `false`: it is to be tried again.
async fn do_one(engine: &Engine, projects: &Projects, one: &FollowUp) -> rigi_store::Result<bool> {
    if matches!(one.kind, FollowUpKind::Notice | FollowUpKind::SoftLimit) {
        crate::notices::ended(engine, projects, one).await?;
        return Ok(true);
    }
    if one.kind == FollowUpKind::Trigger {
        return super::happen::ended(engine, projects, one).await;
    }
    let (run, spec) = match engine.run_with_part(&one.run).await {
        Ok(found) => found,
        Err(error) if error.is_damage() || matches!(error, rigi_store::Error::NotFound { .. }) => {
            tracing::error!(run = %one.run, %error, "what follows from it is not done");
            engine.store().followed(one, &[], &[], &[], Timestamp::now()).await?;
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    let mut came = Came::default();
    if let Some(project) = projects.of(&one.project) {
        let follower = Follower { engine, project: &project, run: &run, spec: &spec };
        let done = match one.kind {
            FollowUpKind::Downstream => follower.downstream(&mut came).await?,
            FollowUpKind::Restart => follower.restart(&mut came).await?,
            FollowUpKind::Dataset => match crate::datasets::leave(engine, &run, &spec).await? {
                Some(told) => {
                    came.told = told;
                    true
                }
                None => false,
            },
            FollowUpKind::Trigger
            | FollowUpKind::Notice
            | FollowUpKind::SoftLimit
            | FollowUpKind::Packages
            | FollowUpKind::LineageBegin
            | FollowUpKind::LineageEnd => true,
        };
        if !done {
            return Ok(false);
        }
    }
    engine.store().followed(one, &came.links, &came.keys, &came.told, Timestamp::now()).await?;
    Ok(true)
}

struct Follower<'a> {
    engine: &'a Engine,
    project: &'a Project,
    run: &'a Run,
    spec: &'a PipelineSpec,
}

impl Follower<'_> {
    async fn downstream(&self, came: &mut Came) -> rigi_store::Result<bool> {
        let id = &self.run.request.id;
        let route = self.engine.store().db().route_of(id).await?;
        let names = match self.names(route.as_deref()).await? {
            Ok(names) => names,
            Err(why) => {
                came.told.push(format!("no pipeline follows: {why}"));
                return Ok(true);
            }
        };
        for (index, next) in self.spec.downstream_triggers.iter().enumerate() {
            if !is_meant(next, self.run.status.state, route.as_deref()) {
                continue;
            }
            if let Some(why) = self.refuse_loop(next).await? {
                came.told.push(why);
                continue;
            }
            let wanted = match self.submission(next, &names).await? {
                Ok(wanted) => wanted,
                Err(why) => {
                    came.told.push(format!("`{}` does not follow: {why}", next.pipeline));
                    continue;
                }
            };
            let key = follow_key(id, &index.to_string());
            if !self.submit(wanted, key, FollowUpKind::Downstream, came).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same again, with the code of now.
    async fn restart(&self, came: &mut Came) -> rigi_store::Result<bool> {
        let request = &self.run.request;
        let wanted =
            Submission { priority: None, ..Submission::again(request, self.trigger(TriggerKind::Restart)) };
        let key = follow_key(&request.id, "restart");
        self.submit(wanted, key, FollowUpKind::Restart, came).await
    }

    fn trigger(&self, kind: TriggerKind) -> Trigger {
        Trigger { kind, by: Actor::named(self.run.request.id.to_string()) }
    }

    async fn submission(
        &self,
        next: &DownstreamTrigger,
        names: &Value,
    ) -> rigi_store::Result<Result<Submission, String>> {
        let mut parameters = Map::new();
        let secret = secret_parameters(self.spec.parameters.as_ref());
        for (name, value) in &next.parameters {
            let value = Template::parse(value)
                .map_err(|error| error.to_string())
                .and_then(|template| match template.secret_within(&secret) {
                    Some(secret) => Err(format!("the secret parameter `{secret}` is handed on whole alone")),
                    None => Ok(template),
                })
                .and_then(|template| template.value(names).map_err(|error| error.to_string()));
            match value {
                Ok(value) => _ = parameters.insert(name.clone(), value),
                Err(error) => return Ok(Err(format!("the parameter `{name}`: {error}"))),
            }
        }
        let mut inputs: BTreeMap<String, Vec<InputSource>> = BTreeMap::new();
        if !next.inputs.is_empty() {
            let files = self.engine.store().db().artifacts(&self.run.request.id, "", u32::MAX).await?;
            for (input, output) in &next.inputs {
                let its = files.iter().filter_map(|file| {
                    let name = file.path.strip_prefix(output.as_str())?;
                    // A folder's files, or one file.
                    let name = match name.strip_prefix('/') {
                        Some(within) => within,
                        None if name.is_empty() => last_of(output),
                        None => return None,
                    };
                    Some(InputSource::Stored(rigi_store::RunInput {
                        input: input.clone(),
                        name: name.to_owned(),
                        size: u64::try_from(file.size).unwrap_or(0),
                        sha256: file.sha256,
                        dataset: None,
                    }))
                });
                let its: Vec<_> = its.collect();
                if its.is_empty() {
                    return Ok(Err(format!("the run left nothing in `{output}`")));
                }
                inputs.insert(input.clone(), its);
            }
        }
        let entry = next.run_config_id.clone();
        let pipeline = PipelineName::unchecked(next.pipeline.as_str());
        Ok(Ok(Submission {
            parameters,
            inputs,
            entry,
            ..Submission::of(pipeline, self.trigger(TriggerKind::Downstream))
        }))
    }

    /// What the expressions of triggers know.
    async fn names(&self, route: Option<&str>) -> rigi_store::Result<Result<Value, String>> {
        let (request, store) = (&self.run.request, self.engine.store());
        let outputs = match store.db().artifact(&request.id, crate::flows::VALUES).await? {
            Some(file) => match crate::flows::values(store, &request.project, file).await? {
                Ok(values) => values,
                Err(why) => return Ok(Err(why)),
            },
            None => json!({}),
        };
        Ok(Ok(json!({
            "params": *request.parameters,
            "outputs": outputs,
            "run": {"id": request.id.as_str(), "state": self.run.status.state.as_str(), "pipeline": request.pipeline.as_str()},
            "route": route,
        })))
    }

    /// A pipeline that is in the chain already is not started again, but as often as its trigger allows.
    async fn refuse_loop(&self, next: &DownstreamTrigger) -> rigi_store::Result<Option<String>> {
        let chain = chain_of(self.engine, &self.run.request).await?;
        let before = chain.iter().filter(|name| **name == next.pipeline).count();
        if before <= next.allow_cycle as usize && chain.len() < LONGEST_CHAIN {
            return Ok(None);
        }
        Ok(Some(format!(
            "`{}` does not follow: it is in the chain already ({}); `allow_cycle` lets it be so more often",
            next.pipeline,
            way_of(&chain)
        )))
    }

    /// `false`: it is to be tried again.
    async fn submit(
        &self,
        wanted: Submission,
        key: String,
        kind: FollowUpKind,
        came: &mut Came,
    ) -> rigi_store::Result<bool> {
        let pipeline = wanted.pipeline.clone();
        let given = IdempotencyKey { key: key.clone(), request: kind.as_str().to_owned() };
        match self.engine.submit(&self.project.catalog, vec![wanted], Some(given)).await {
            Ok(submitted) => {
                let parent = self.run.request.id.clone();
                let link = |child| RunLink { parent: parent.clone(), child, kind };
                came.links.extend(submitted.ids.into_iter().map(link));
                came.keys.push(key);
                Ok(true)
            }
            Err(SubmitError::Store(rigi_store::Error::Closed)) => Err(rigi_store::Error::Closed),
            Err(error) if may_pass(&error) => {
                tracing::warn!(%pipeline, %error, "a run that follows another is not started yet; this is tried again");
                Ok(false)
            }
            Err(error) => {
                let verb =
                    if kind == FollowUpKind::Restart { "does not start again" } else { "does not follow" };
                came.told.push(format!("`{pipeline}` {verb}: {error}"));
                Ok(true)
            }
        }
    }
}

/// The pipelines that have led to a run, its own last.
pub(super) async fn chain_of(
    engine: &Engine,
    request: &rigi_store::NewRun,
) -> rigi_store::Result<Vec<String>> {
    let db = engine.store().db();
    let mut chain = vec![request.pipeline.to_string()];
    let mut child = request.id.clone();
    while let Some(link) = db.link_to(&child).await?.filter(|_| chain.len() < LONGEST_CHAIN) {
        if matches!(link.kind, FollowUpKind::Downstream | FollowUpKind::Trigger) {
            match db.run_of_any(&link.parent).await {
                Ok(run) => chain.push(run.request.pipeline.to_string()),
                Err(rigi_store::Error::NotFound { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        child = link.parent;
    }
    chain.reverse();
    Ok(chain)
}

/// A chain in words.
pub(super) fn way_of(chain: &[String]) -> String {
    chain.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a pipeline follows a run that has ended so. A route is chosen by a success alone.
fn is_meant(next: &DownstreamTrigger, state: RunState, route: Option<&str>) -> bool {
    match state {
        RunState::Succeeded => match &next.on_route {
            Some(wanted) => route.map(str::trim) == Some(wanted.as_str()),
            None => next.on_success,
        },
        RunState::Failed | RunState::TimedOut => next.on_failure,
        _ => false,
    }
}
