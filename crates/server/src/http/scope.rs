//! Who asks, in which project: what every read and every command of a project's things carries. A handler gets at them
//! through its scope alone.
//!
//! `/api/v1/projects/{project}/runs` is `/api/v1/runs` in that project: the project is taken off the path before the routes are
//! looked at. Without it, the project is the one that is always there.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use rigi_api::OF_PROJECTS;
use rigi_engine::catalog::Catalog;
use rigi_model::rights::{Action, Role};
use rigi_model::{Actor, ErrorCode, ProjectName, RunId};
use rigi_store::{Blobs, Db, Run};

use super::error::{ApiError, ApiResult};
use super::process_types::short_path;
use super::projects::missing;
use super::queries::decoded;
use super::rights::still_taking;
use super::state::AppState;
use crate::auth::Principal;

/// Where the resources are.
const ROOT: &str = "/api/v1/";

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Scope {
    state: AppState,
    catalog: Catalog,
    principal: Principal,
    /// What is done.
    action: Action,
    /// The path names no project: what has an id of its own is looked for in all.
    anywhere: bool,
}

impl Scope {
    /// The project that a path names, for those who have no scope; the one that is always there, where it names none.
    pub(super) fn named(state: &AppState, extensions: &axum::http::Extensions) -> Option<ProjectName> {
        match extensions.get::<Named>() {
            Some(Named(name)) => state.projects.id_of(name),
            None => Some(ProjectName::default()),
        }
    }

    /// In a project; `None`: there is none of this name.
    fn of(state: AppState, project: &ProjectName, principal: Principal, action: Action) -> Option<Self> {
        let catalog = state.projects.catalog(project)?;
        Some(Self { state, catalog, principal, action, anywhere: false })
    }

    /// In which project.
    #[must_use]
    pub fn project(&self) -> &ProjectName {
        self.catalog.project()
    }

    /// The project's pipelines.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.principal.actor.clone()
    }

    /// The role in the project, as far as what was carried goes.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.principal.standing.role_in(self.project())
    }

    /// The project's files.
    #[must_use]
    pub fn blobs(&self) -> Blobs {
        self.state.store().blobs(self.project())
    }

    /// For reading.
    #[must_use]
    pub fn db(&self) -> &Db {
        self.state.store().db()
    }

    /// The path below which the project's things are.
    #[must_use]
    pub fn path(&self) -> String {
        if *self.project() == ProjectName::default() {
            return "/api/v1".to_owned();
        }
        format!("/api/v1/projects/{}", self.projects.name_of(self.project()))
    }

    /// The run that a path's `{id}` stands for, and its scope.
    ///
    /// # Errors
    /// If there is none that may be seen.
    pub async fn find_run(&self, id: &str) -> ApiResult<(Self, Run)> {
        let own = async {
            let id = self.db().resolve_run(self.project(), id).await?;
            self.db().run(self.project(), &id).await
        };
        let seen = self.principal.standing.role_in(self.project()).is_some();
        let unknown = match own.await {
            Ok(run) if seen => {
                self.principal.check(self.action, self.project(), self.project().as_str())?;
                still_taking(&self.state, self.action, self.project())?;
                return Ok((self.clone(), run));
            }
            Ok(_) => rigi_store::Error::NotFound { what: "run", id: id.to_owned() },
            Err(unknown @ rigi_store::Error::NotFound { .. }) => unknown,
            // How many there are is theirs to know who may see them.
            Err(rigi_store::Error::Ambiguous { .. }) if !seen => {
                rigi_store::Error::NotFound { what: "run", id: id.to_owned() }
            }
            Err(error) => return Err(error.into()),
        };
        let Some(id) = id.parse::<RunId>().ok().filter(|_| self.anywhere) else { return Err(unknown.into()) };
        let run = self.db().run_of_any(&id).await?;
        let project = &run.request.project;
        if self.principal.standing.role_in(project).is_none() {
            return Err(unknown.into());
        }
        self.principal.check(self.action, project, project.as_str())?;
        still_taking(&self.state, self.action, project)?;
        let scope = Self::of(self.state.clone(), project, self.principal.clone(), self.action);
        scope.map(|scope| (scope, run)).ok_or_else(|| unknown.into())
    }
}

impl std::ops::Deref for Scope {
    type Target = AppState;
    fn deref(&self) -> &AppState {
        &self.state
    }
}

/// The project that a request's path named.
#[derive(Debug, Clone)]
pub(super) struct Named(pub Arc<str>);

impl<S: Send + Sync> FromRequestParts<S> for Scope
where
    AppState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let state = AppState::from_ref(state);
        let asked =
            parts.extensions.get::<Principal>().cloned().zip(parts.extensions.get::<Action>().copied());
        let nobody = || ApiError::new(ErrorCode::Forbidden, "this is done for nobody");
        let (principal, action) = asked.ok_or_else(nobody)?;
        let Some(Named(name)) = parts.extensions.get::<Named>() else {
            let scope = Self::of(state, &ProjectName::default(), principal, action);
            let scope = scope.ok_or_else(|| missing(ProjectName::default().as_str()))?;
            return Ok(Self { anywhere: true, ..scope });
        };
        let id = state.projects.id_of(name);
        let found = id.and_then(|id| Self::of(state, &id, principal, action));
        found.ok_or_else(|| missing(name))
    }
}

/// Takes the project off a path, so that its routes are those of every project.
pub(super) fn strip(mut request: Request) -> Request {
    super::tus::meant(&mut request);
    let short = short_path(request.uri(), request.headers()).map(|path| (None, path.to_owned()));
    let within = || split(request.uri().path()).map(|(project, path)| (Some(Named(project)), path));
    let Some((project, path)) = short.or_else(within) else { return request };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(uri) = format!("{ROOT}{path}{query}").parse::<Uri>() else { return request };
    if let Some(project) = project {
        request.extensions_mut().insert(project);
    }
    *request.uri_mut() = uri;
    request
}

fn split(path: &str) -> Option<(Arc<str>, String)> {
    let (project, rest) = path.strip_prefix(ROOT)?.strip_prefix("projects/")?.split_once('/')?;
    let resource = rest.split('/').next()?;
    // A plus is one in a path, other than in a query.
    let name = || decoded(&project.replace('+', "%2B")).into();
    OF_PROJECTS.contains(&resource).then(|| (name(), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_taken_off_the_paths_of_its_things_alone() {
        let told = |path: &str| split(path).map(|(project, rest)| format!("{project} {rest}"));
        assert_eq!(told("/api/v1/projects/lab/runs").as_deref(), Some("lab runs"));
        assert_eq!(told("/api/v1/projects/lab/runs/x/log").as_deref(), Some("lab runs/x/log"));
        assert_eq!(told("/api/v1/projects/projects/events").as_deref(), Some("projects events"));
        // A name that cannot be one is refused where a project is looked for.
        assert_eq!(told("/api/v1/projects/%2e%2e/runs").as_deref(), Some(".. runs"));
        assert_eq!(told("/api/v1/projects/a%20b+c/runs").as_deref(), Some("a b+c runs"));
        for other in [
            "/api/v1/projects/lab",
            "/api/v1/projects/lab/",
            "/api/v1/projects",
            "/api/v1/projects/lab/system",
            "/api/v1/projects/lab/projects/other/runs",
            "/api/v1/runs",
            "/projects/lab/runs",
            "/api/v2/projects/lab/runs",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
