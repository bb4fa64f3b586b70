//! What starts what, over all pipelines of a project.

use rigi_api::view::{StartView, StartsView};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::DownstreamTrigger;
use rigi_model::pipeline::step::StepAction;
use rigi_model::rights::{Action, Verdict};
use rigi_model::triggers::TriggerOn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::ApiResult;
use super::schedule_words;
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_starts))
}

fn start(kind: &str, by: &str, pipeline: &str, when: Option<String>) -> StartView {
    let (kind, by, pipeline) = (kind.to_owned(), by.to_owned(), pipeline.to_owned());
    StartView { kind, by, pipeline, when, off: false, missing: false }
}

/// What starts which pipelines by itself: schedules, webhooks (for those who may see them), triggers, other pipelines, steps of flows, restarts.
#[utoipa::path(get, path = "/starts", tag = "triggers", extensions(("x-rigi-action" = json!("pipelines.read"))),
    responses((status = 200, description = "What starts what", body = StartsView)))]
async fn get_starts(scope: Scope, asker: Asker) -> ApiResult<axum::Json<StartsView>> {
    let all = scope.catalog().all();
    let pipelines: Vec<String> = all.iter().map(|pipeline| pipeline.name.to_string()).collect();
    let mut starts = Vec::new();
    for one in scope.engine.schedules_of(&*super::schedules::project_of(&scope)?).await? {
        if one.rhythm.is_some() {
            let kind = if one.restarts { "restart" } else { "schedule" };
            let rhythm = schedule_words::rhythm(&one.schedule);
            let off = !one.is_armed();
            starts
                .push(StartView { off, ..start(kind, &one.key.id, one.key.pipeline.as_str(), Some(rhythm)) });
        }
    }
    let sees = asker.principal.standing.may(Action::WebhooksRead, scope.project()) == Verdict::Allowed;
    let hooks = if sees { scope.db().webhooks(scope.project()).await? } else { Vec::new() };
    for hook in hooks {
        let when = hook.spec.when.as_ref().map(ToString::to_string);
        let off = hook.paused_at.is_some();
        starts.push(StartView { off, ..start("webhook", &hook.name, &hook.spec.pipeline, when) });
    }
    for one in scope.engine.triggers_of(&*super::schedules::project_of(&scope)?).await? {
        let (off, pipeline) = (!one.is_armed(), one.key.pipeline.as_str());
        let mut add = |one: StartView| starts.push(StartView { off, ..one });
        match &one.spec.on {
            TriggerOn::Files(files) if sees => {
                add(start("files", &one.key.id, pipeline, Some(files.pattern.clone())));
            }
            TriggerOn::Files(_) => {}
            TriggerOn::Sensor(sensor) => add(start("sensor", sensor, pipeline, Some("a line".to_owned()))),
            TriggerOn::After(after) => {
                let on = after.on.to_string();
                let when = if after.pipelines.len() > 1 { format!("all: {on}") } else { on };
                after.pipelines.iter().for_each(|by| add(start("after", by, pipeline, Some(when.clone()))));
            }
        }
    }
    for pipeline in &all {
        if let Ok(ready) = &pipeline.outcome {
            of_spec(pipeline.name.as_str(), &ready.spec, &mut starts);
        }
    }
    for one in &mut starts {
        one.missing = !pipelines.contains(&one.pipeline);
    }
    Ok(axum::Json(StartsView { pipelines, starts }))
}

fn of_spec(name: &str, spec: &PipelineSpec, starts: &mut Vec<StartView>) {
    let off = !spec.enabled;
    let mut add = |one: StartView| starts.push(StartView { off, ..one });
    if spec.webhook_key.is_some() {
        add(start("webhook", "webhook_key", name, None));
    }
    if spec.restart.on_crash {
        add(start("restart", name, name, Some("crash".to_owned())));
    }
    if spec.restart.at_start {
        add(start("restart", name, name, Some("the server's start".to_owned())));
    }
    for next in &spec.downstream_triggers {
        add(start("downstream", name, &next.pipeline, Some(after(next))));
    }
    for step in &spec.steps {
        if let StepAction::Pipeline { pipeline, .. } = &step.action {
            add(start("step", name, pipeline.as_str(), Some(step.name.clone())));
        }
    }
}

fn after(next: &DownstreamTrigger) -> String {
    let route = next.on_route.as_ref().map(|route| format!("route {route}"));
    let success = (next.on_success && route.is_none()).then(|| "success".to_owned());
    let failure = next.on_failure.then(|| "failure".to_owned());
    [route, success, failure].into_iter().flatten().collect::<Vec<_>>().join(" or ")
}
