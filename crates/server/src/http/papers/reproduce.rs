//! The same run again, and whether two runs left the same.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;
use rigi_api::view::{Comparison, RerunRun, RunView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::gather::{Gathered, gather};
use super::{TOLD, ended};
use crate::http::error::ApiResult;
use crate::http::extract::{Path, idempotency};
use crate::http::runs::{accept_one, repeated};
use crate::http::scope::Scope;
use crate::http::state::AppState;
use crate::papers::compare;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(reproduce_run)).routes(routes!(compare_runs))
}

/// Starts an ended run once more: the same code, parameters, inputs and target; no former result of a step counts. When it has ended,
/// `/runs/{id}/compare/{other}` says whether the same came of it.
#[utoipa::path(post, path = "/runs/{id}/reproduce", tag = "runs", extensions(("x-rigi-action" = json!("runs.start"))),
    params(("id" = String, Path, description = "Id of the run"),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[ -~]+$",
            description = "The same key and request is one run")),
    responses((status = 202, description = "The new run", body = RunView)))]
async fn reproduce_run(scope: Scope, Path(id): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    ended(&run)?;
    let key = idempotency(&headers, &format!("reproduce {}", run.request.id), &())?;
    let again = RerunRun { no_cache: true, ..RerunRun::default() };
    accept_one(&scope, repeated(scope.actor(), &run, again)?, key).await
}

/// Whether two ended runs left the same files by content; of flows, also their steps. And in what else they differ.
#[utoipa::path(get, path = "/runs/{id}/compare/{other}", tag = "runs", extensions(("x-rigi-action" = json!("artifacts.read"))),
    params(("id" = String, Path, description = "Id of the run"),
           ("other" = String, Path, description = "Id of the run that it is compared with, of the same project")),
    responses((status = 200, description = "File by file", body = Comparison)))]
async fn compare_runs(
    scope: Scope,
    Path((id, other)): Path<(String, String)>,
) -> ApiResult<axum::Json<Comparison>> {
    let (scope, run) = scope.find_run(&id).await?;
    let other = scope.db().resolve_run(scope.project(), &other).await?;
    let other = scope.db().run(scope.project(), &other).await?;
    ended(&run)?;
    ended(&other)?;
    let (one, other) = (gather(&scope, run, TOLD).await?, gather(&scope, other, TOLD).await?);
    let (given, later) = (secrets(&scope, &one).await?, secrets(&scope, &other).await?);
    let names = given.keys().chain(later.keys().filter(|name| !given.contains_key(*name)));
    let changed = names.filter(|name| given.get(*name) != later.get(*name)).cloned().collect();
    Ok(axum::Json(compare(&one.view, &other.view, changed)))
}

/// The secrets that the runs were given, with the version of each.
async fn secrets(scope: &Scope, told: &Gathered) -> ApiResult<BTreeMap<String, i64>> {
    let asks = |version: &rigi_store::tables::versions::Version| {
        !version.spec.secrets.is_empty() || !version.spec.encrypted_env.is_empty()
    };
    let mut all = BTreeMap::new();
    if told.versions.values().any(asks) {
        for run in &told.view.runs {
            all.extend(scope.db().secrets_of(&run.id).await?);
        }
    }
    Ok(all)
}
