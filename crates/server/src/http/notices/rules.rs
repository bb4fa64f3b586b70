//! Rules: what is told, and to whom.

use std::time::Duration;

use axum::http::StatusCode;
use rigi_api::view::{Page, QuietHours, RuleView, SetRule};
use rigi_model::ErrorCode;
use rigi_model::notices::{NoticeKind, Quiet, Rule};
use rigi_model::quantity::{parse_duration, show_duration};
use rigi_store::notices::NamedRule;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::asker::Asker;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path, check_name};
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Rules of a project at most.
const MOST: usize = 100;
/// Pipelines and channels of one rule at most.
const MOST_NAMES: usize = 100;
/// The longest time in which things are gathered.
const LONGEST_DIGEST: Duration = Duration::from_secs(24 * 3600);
/// Bytes of a template.
const LONGEST_TEMPLATE: usize = 4096;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_rules)).routes(routes!(get_rule, set_rule, remove_rule))
}

fn view(named: &NamedRule) -> RuleView {
    let rule = &named.rule;
    let quiet = |quiet: &Quiet| QuietHours {
        from: quiet.from.clone(),
        to: quiet.to.clone(),
        zone: quiet.zone.clone(),
    };
    RuleView {
        name: named.name.clone(),
        rule: SetRule {
            on: rule.on.iter().map(|kind| kind.as_str().to_owned()).collect(),
            pipelines: rule.pipelines.clone(),
            channels: rule.channels.clone(),
            digest: rule.digest.map(show_duration),
            quiet: rule.quiet.as_ref().map(quiet),
            waiting_after: rule.waiting_after.map(show_duration),
            template: rule.template.clone(),
            paused: rule.paused,
        },
        made_at: named.made_at,
        made_by: named.made_by.clone(),
    }
}

/// The rules of the project, by name.
#[utoipa::path(get, path = "/rules", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))),
    responses((status = 200, description = "All of them", body = Page<RuleView>)))]
async fn list_rules(scope: Scope) -> ApiResult<axum::Json<Page<RuleView>>> {
    let all = scope.db().rules(scope.project()).await?;
    Ok(axum::Json(Page { items: all.iter().map(view).collect(), next_cursor: None }))
}

async fn find(scope: &Scope, name: &str) -> ApiResult<NamedRule> {
    let all = scope.db().rules(scope.project()).await?;
    all.into_iter()
        .find(|rule| rule.name == name)
        .ok_or_else(|| ApiError::not_found("rule", name).cure("`rigi notices rules` shows what there is."))
}

/// One rule.
#[utoipa::path(get, path = "/rules/{rule}", tag = "notices", extensions(("x-rigi-action" = json!("notices.read"))),
    params(("rule" = String, Path, description = "Name of the rule")),
    responses((status = 200, description = "The rule", body = RuleView)))]
async fn get_rule(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<RuleView>> {
    Ok(axum::Json(view(&find(&scope, &name).await?)))
}

/// Makes a rule, or changes one. What happens from now on is told by it.
#[utoipa::path(put, path = "/rules/{rule}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))), request_body = SetRule,
    params(("rule" = String, Path, description = "Name of the rule: up to 64 letters, digits and `-_.`")),
    responses((status = 200, description = "The rule", body = RuleView)))]
async fn set_rule(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetRule>,
) -> ApiResult<axum::Json<RuleView>> {
    check_name(&name)?;
    let rule = read(&scope, &body).await?;
    let there = scope.db().rules(scope.project()).await?;
    if there.len() >= MOST && !there.iter().any(|rule| rule.name == name) {
        let detail = format!("there are {MOST} rules, and can be no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    scope.store().put_rule(scope.project(), &name, &rule, &asker.deed()).await?;
    Ok(axum::Json(view(&find(&scope, &name).await?)))
}

fn time(pointer: &str, text: Option<&String>, longest: Duration) -> ApiResult<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let time = parse_duration(text).map_err(|error| ApiError::invalid(pointer, error.to_string()))?;
    if time > longest {
        return Err(ApiError::invalid(pointer, format!("it is {} at most", show_duration(longest))));
    }
    Ok(Some(time).filter(|time| !time.is_zero()))
}

async fn read(scope: &Scope, body: &SetRule) -> ApiResult<Rule> {
    let mut on = Vec::new();
    for word in &body.on {
        let kind = NoticeKind::parse(word).filter(|kind| kind.is_ruled());
        let kind = kind.ok_or_else(|| {
            let all: Vec<_> =
                NoticeKind::ALL.iter().filter(|kind| kind.is_ruled()).map(|kind| kind.as_str()).collect();
            ApiError::invalid(
                "/on",
                format!("`{word}` is nothing that is told; there are {}", all.join(", ")),
            )
        })?;
        if !on.contains(&kind) {
            on.push(kind);
        }
    }
    if on.is_empty() {
        return Err(ApiError::invalid("/on", "it says of nothing what is told"));
    }
    if body.channels.is_empty() || body.channels.len() > MOST_NAMES || body.pipelines.len() > MOST_NAMES {
        return Err(ApiError::invalid(
            "/channels",
            format!("it has 1 to {MOST_NAMES} channels, and as many pipelines"),
        ));
    }
    if let Some(long) = body.pipelines.iter().find(|pattern| pattern.len() > 200) {
        return Err(ApiError::invalid(
            "/pipelines",
            format!("`{}…` is too long", long.chars().take(20).collect::<String>()),
        ));
    }
    let there = scope.db().channels(scope.project()).await?;
    if let Some(missing) =
        body.channels.iter().find(|name| !there.iter().any(|channel| channel.name == **name))
    {
        return Err(ApiError::invalid("/channels", format!("there is no channel `{missing}`"))
            .cure("Make it first: `rigi channels set`."));
    }
    let quiet = body.quiet.as_ref().map(|hours| Quiet {
        from: hours.from.clone(),
        to: hours.to.clone(),
        zone: hours.zone.clone(),
    });
    if let Some(quiet) = &quiet {
        quiet.check().map_err(|error| ApiError::invalid("/quiet", error.to_string()))?;
    }
    let template = body.template.clone().filter(|template| !template.trim().is_empty());
    if template.as_ref().is_some_and(|template| template.len() > LONGEST_TEMPLATE) {
        return Err(ApiError::invalid("/template", format!("it has {LONGEST_TEMPLATE} bytes at most")));
    }
    let rule = Rule {
        on,
        pipelines: body.pipelines.clone(),
        channels: body.channels.clone(),
        digest: time("/digest", body.digest.as_ref(), LONGEST_DIGEST)?,
        quiet,
        waiting_after: time("/waiting_after", body.waiting_after.as_ref(), Duration::from_secs(30 * 86_400))?,
        template,
        paused: body.paused,
    };
    rule.template().map_err(|error| ApiError::invalid("/template", error.to_string()))?;
    Ok(rule)
}

/// Removes a rule. Trouble that goes on is no longer told of by it.
#[utoipa::path(delete, path = "/rules/{rule}", tag = "notices", extensions(("x-rigi-action" = json!("notices.manage"))),
    params(("rule" = String, Path, description = "Name of the rule")),
    responses((status = 204, description = "Removed")))]
async fn remove_rule(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    find(&scope, &name).await?;
    scope.store().remove_rule(scope.project(), &name, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
