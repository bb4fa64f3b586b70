//! The gate: every operation says what it does (`x-rigi-action`), and is done for those who may.
//!
//! What is in a project that somebody has no role in is not there for them. An operation that says nothing is done for nobody.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rigi_engine::projects::Project;
use rigi_model::project::ProjectState;
use rigi_model::rights::{Action, Needs, Role, Standing, Verdict};
use rigi_model::{ErrorCode, ProjectName};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;

use super::error::{ApiError, ApiResult};
use super::openapi::each_operation;
use super::projects::missing;
use super::queries::decoded;
use super::scope::Named;
use super::state::AppState;
use crate::auth::Principal;

/// How an operation of the description says its action.
pub(super) const EXTENSION: &str = "x-rigi-action";

impl Principal {
    /// What they carry is for less than their account may.
    fn is_narrowed(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.narrowed)
    }

    /// Refuses what may not be done in a project, which was asked for by this name.
    pub(super) fn check(&self, action: Action, project: &ProjectName, asked: &str) -> ApiResult<()> {
        match self.standing.may(action, project) {
            Verdict::Allowed if action.needs() == Needs::WholeAccount && self.is_narrowed() => {
                Err(ApiError::new(
                    ErrorCode::Forbidden,
                    "a token with a project or a role of its own changes no account",
                )
                .cure("Do it on the page, or with a token that is not limited."))
            }
            Verdict::Allowed => Ok(()),
            Verdict::Unseen => Err(missing(asked)),
            Verdict::Refused(needs) => Err(refused(action, needs, self.standing.role_in(project))),
        }
    }
}

fn refused(action: Action, needs: Needs, role: Option<Role>) -> ApiError {
    let are = role.map_or_else(String::new, |role| format!("; you are {role}"));
    let who = match needs {
        Needs::Role(least) => format!("a role of at least `{least}` in this project"),
        _ => "an administrator".to_owned(),
    };
    ApiError::new(ErrorCode::Forbidden, format!("`{action}` takes {who}{are}"))
        .cure("Ask an owner of the project, or an administrator.")
}

/// Actions by method and path, as the description of the API has them; `None` of an operation that says none.
#[derive(Debug, Clone)]
pub(crate) struct Actions(Arc<HashMap<(Method, String), Option<Action>>>);

impl Actions {
    /// Of a description whose paths are those of the routes.
    pub(super) fn of(document: &OpenApi) -> Self {
        let all = each_operation(document)
            .map(|(method, path, operation)| ((method, path.to_owned()), action_of(operation)));
        Self(Arc::new(all.collect()))
    }

    /// Who may do what is asked for without having signed in: anybody, or who looks at a public project.
    pub(super) fn stranger(&self, state: &AppState, request: &Request) -> Option<Principal> {
        let path = request.extensions().get::<MatchedPath>()?.as_str().to_owned();
        let action = self.0.get(&(request.method().clone(), path.clone())).copied().flatten()?;
        if action.needs() == Needs::Nothing {
            return Some(Principal::nobody());
        }
        if !action.is_for_visitors() || !state.auth.lets_visitors_in() {
            return None;
        }
        let mut public = state.projects.all();
        public.retain(|project| project.settings.public);
        if action != Action::ProjectsList {
            let id = state.projects.id_of(&project_of(request, &path));
            // What has an id of its own is asked for in its project.
            let found_later =
                request.extensions().get::<Named>().is_none() && path.starts_with("/api/v1/runs/{id}");
            public.retain(|project| Some(project.id()) == id.as_ref() && !found_later);
        }
        let visitor = || Principal::visitor(public.iter().map(|project| project.id().clone()));
        (!public.is_empty()).then(visitor)
    }
}

/// What an operation says it does.
pub(super) fn action_of(operation: &Operation) -> Option<Action> {
    operation.extensions.as_ref()?.get(EXTENSION).and_then(Value::as_str).and_then(Action::parse)
}

/// Somebody who has signed in sees what whoever comes sees; `None`: they are who they were. A token of a narrower reach stays within that.
fn as_visitor_too(state: &AppState, principal: &Principal, action: Action) -> Option<Principal> {
    let looks = action.is_for_visitors() && state.auth.lets_visitors_in() && !principal.is_narrowed();
    if !looks || principal.account.is_none() || principal.standing.everywhere.is_some() {
        return None;
    }
    let mut standing = Standing::clone(&principal.standing);
    let public = state.projects.all().into_iter().filter(|project| project.settings.public);
    public.for_each(|project| _ = standing.roles.entry(project.id().clone()).or_insert(Role::Viewer));
    Some(Principal { standing: Arc::new(standing), ..principal.clone() })
}

/// Lets an operation be done for those who may.
pub(super) async fn gate(
    State((state, actions)): State<(AppState, Actions)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = path.unwrap_or_default();
    // What is no operation is answered as such by the routes.
    let Some(known) = actions.0.get(&(request.method().clone(), path.clone())).copied() else {
        return next.run(request).await;
    };
    let principal = request.extensions().get::<Principal>().cloned();
    let (Some(action), Some(mut principal)) = (known, principal) else {
        return ApiError::new(ErrorCode::Forbidden, "this is done for nobody").into_response();
    };
    if let Some(wider) = as_visitor_too(&state, &principal, action) {
        principal = wider;
        request.extensions_mut().insert(principal.clone());
    }
    // What has an id of its own is looked for in all projects, and held against the one where it is found.
    let found_later = request.extensions().get::<Named>().is_none() && path.starts_with("/api/v1/runs/{id}");
    let asked = project_of(&request, &path);
    let project = state.projects.id_of(&asked).unwrap_or_else(|| ProjectName::unchecked(asked.as_str()));
    let allowed =
        || principal.check(action, &project, &asked).and_then(|()| still_taking(&state, action, &project));
    if !found_later && let Err(refusal) = allowed() {
        return refusal.into_response();
    }
    request.extensions_mut().insert(action);
    next.run(request).await
}

/// Lets administrators alone to what is of the whole server and no operation of the API.
pub(super) async fn administrators(request: Request, next: Next) -> Response {
    let principal = request.extensions().get::<Principal>();
    if principal.is_some_and(|principal| principal.standing.administrator) {
        return next.run(request).await;
    }
    ApiError::new(ErrorCode::Forbidden, "this takes an administrator")
        .cure("For Prometheus, `metrics.listen` has them at an address of their own.")
        .into_response()
}

/// Refuses what would add to a project that is archived.
pub(super) fn still_taking(state: &AppState, action: Action, project: &ProjectName) -> ApiResult<()> {
    let archived = |project: &Arc<Project>| project.state() == ProjectState::Archived;
    if action.adds()
        && let Some(project) = state.projects.of(project).filter(archived)
    {
        let name = project.name();
        let detail = format!("the project `{name}` is archived: it can be read, and takes no more");
        let cure = match &project.declared {
            Some(declared) if declared.archived => {
                "An administrator takes `archived` out of its table in the configuration.".to_owned()
            }
            _ => format!("An owner opens it again: `rigi projects open {name}`."),
        };
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure(cure));
    }
    Ok(())
}

/// The project that something is to be done in: that of the path, or the one that is always there.
fn project_of(request: &Request, path: &str) -> String {
    if let Some(Named(name)) = request.extensions().get::<Named>() {
        return name.to_string();
    }
    if path.starts_with("/api/v1/projects/{project}") {
        let name = request.uri().path().split('/').nth(4).unwrap_or_default();
        return decoded(&name.replace('+', "%2B"));
    }
    ProjectName::default().to_string()
}
