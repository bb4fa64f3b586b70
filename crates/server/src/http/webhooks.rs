//! `POST /api/webhooks/{pipeline}/{key}`, as Fast-Flow has it: whoever knows the key of a pipeline starts it. The key is the spec's
//! `webhook_key`, or that of an entry of its `schedules`, whose words count then. A wrong key, and a pipeline without one, answer as a
//! pipeline that is not there.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rigi_engine::submit::Submission;
use rigi_model::rights::Action;
use rigi_model::{Actor, ErrorCode, PipelineName, ProjectName, Trigger, TriggerKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, idempotency, read_object};

use super::rights::still_taking;
use super::state::AppState;

/// Bytes of a body at most.
pub(super) const LARGEST: usize = 1 << 20;
/// Calls of one address within [`WINDOW`].
const MOST_CALLS: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const MOST_ADDRESSES: usize = 10_000;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/webhooks/{pipeline}/{key}", post(of_default))
        .route("/api/webhooks/{project}/{pipeline}/{key}", post(of_project))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// How often each address has called of late.
#[derive(Debug, Default)]
pub struct Calls {
    of: Mutex<HashMap<Option<IpAddr>, (Instant, u32)>>,
}

impl Calls {
    /// Refuses one that calls too often.
    pub(super) fn count(&self, address: Option<IpAddr>, now: Instant) -> ApiResult<()> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |since: &Instant| now.saturating_duration_since(*since) < WINDOW;
        if of.len() >= MOST_ADDRESSES {
            of.retain(|_, (since, _)| fresh(since));
        }
        let (since, calls) = of.entry(address).or_insert((now, 0));
        if !fresh(since) {
            (*since, *calls) = (now, 0);
        }
        *calls += 1;
        if *calls <= MOST_CALLS {
            return Ok(());
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(*since));
        Err(ApiError::too_many(format!("more than {MOST_CALLS} calls of webhooks within a minute"), left))
    }
}

/// What Fast-Flow reads of a body; what else is in it has no effect.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Asked {
    env_vars: BTreeMap<String, String>,
    parameters: Map<String, Value>,
}

async fn of_default(
    State(state): State<AppState>,
    Path((pipeline, key)): Path<(String, String)>,
    client: Option<axum::Extension<Client>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let project = ProjectName::default().to_string();
    start(&state, client, (&project, &pipeline, &key), &headers, &body).await
}

async fn of_project(
    State(state): State<AppState>,
    Path((project, pipeline, key)): Path<(String, String, String)>,
    client: Option<axum::Extension<Client>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    start(&state, client, (&project, &pipeline, &key), &headers, &body).await
}

async fn start(
    state: &AppState,
    client: Option<axum::Extension<Client>>,
    (project, pipeline, key): (&str, &str, &str),
    headers: &HeaderMap,
    body: &Bytes,
) -> ApiResult<Response> {
    state.webhook_calls.count(client.and_then(|client| client.0.address), Instant::now())?;
    let missing =
        || ApiError::not_found("webhook", pipeline).cure("Look at the name of the pipeline and at the key.");
    let project = state.projects.id_of(project).and_then(|id| state.projects.of(&id)).ok_or_else(missing)?;
    let entry = entry_of(&project.catalog, pipeline, key).ok_or_else(missing)?;
    still_taking(state, Action::RunsStart, project.id())?;
    let asked = read(body)?;
    let key = idempotency(headers, &format!("webhook {pipeline} {entry:?}"), &asked)?;
    let trigger = Trigger { kind: TriggerKind::Webhook, by: Actor::named("webhook") };
    let submission = Submission {
        parameters: asked.parameters,
        env: asked.env_vars,
        entry,
        ..Submission::of(PipelineName::unchecked(pipeline), trigger)
    };
    let submitted = state.engine.submit(&project.catalog, vec![submission], key).await?;
    let id = submitted.ids.first().ok_or_else(|| ApiError::new(ErrorCode::Internal, "no run was made"))?;
    let location = format!("/api/v1/projects/{}/runs/{id}", project.name());
    let answer = axum::Json(json!({"id": id, "pipeline": pipeline, "project": project.name()}));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], answer).into_response())
}

/// The entry that a key is of; `Some(None)`: the pipeline itself. Every key is compared, so that time says nothing.
fn entry_of(catalog: &rigi_engine::catalog::Catalog, pipeline: &str, key: &str) -> Option<Option<String>> {
    let found = catalog.get(pipeline)?;
    let spec = &found.outcome.as_ref().ok()?.spec;
    let entries =
        spec.schedules.iter().filter_map(|entry| Some((entry.webhook_key.as_ref()?, Some(&entry.id))));
    let own = spec.webhook_key.as_ref().map(|key| (key, None));
    let mut fits = None;
    for (known, entry) in own.into_iter().chain(entries) {
        if bool::from(known.as_bytes().ct_eq(key.as_bytes())) {
            fits = Some(entry.cloned());
        }
    }
    fits
}

/// An empty body asks for nothing.
fn read(body: &Bytes) -> ApiResult<Asked> {
    if body.trim_ascii().is_empty() {
        return Ok(Asked::default());
    }
    read_object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_too_often_waits_and_others_do_not() {
        let (calls, now) = (Calls::default(), Instant::now());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().ok());
        assert!((0..MOST_CALLS).all(|_| calls.count(one, now).is_ok()));
        assert!(calls.count(one, now).is_err() && calls.count(other, now).is_ok());
        assert!(calls.count(one, now + WINDOW).is_ok());
    }
}
