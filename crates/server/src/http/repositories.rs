//! Git repositories that pipelines come from: added, changed, synced, and what became of that.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{
    Page, RepositoryHook, RepositoryKey, RepositoryView, SetRepository, SetRepositoryKey, SyncReport,
    SyncView,
};
use rigi_engine::repositories::Wish;
use rigi_model::ErrorCode;
use rigi_model::quantity::parse_duration;
use rigi_model::repositories::{
    Address, Cause, MOST_REPOSITORIES, Reference, RepositorySpec, check_name, check_token,
};
use rigi_store::Hidden;
use rigi_store::repositories::{NewParts, Part, Repository};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::drawn;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::repository_views::{plan_view, sync_view, view};
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_repositories, add_repository))
        .routes(routes!(get_repository, set_repository, remove_repository))
        .routes(routes!(sync_repository))
        .routes(routes!(list_syncs))
        .routes(routes!(make_repository_key))
        .routes(routes!(make_repository_hook))
        .routes(routes!(reset_host_key))
}

/// The repositories of a project, by name, with what each holds.
#[utoipa::path(get, path = "/repositories", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.read"))),
    responses((status = 200, description = "All of them", body = Page<RepositoryView>)))]
async fn list_repositories(scope: Scope) -> ApiResult<axum::Json<Page<RepositoryView>>> {
    let all = scope.db().repositories(scope.project()).await?;
    let items = all.into_iter().map(|one| view(&scope, one)).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// One repository.
#[utoipa::path(get, path = "/repositories/{name}", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.read"))),
    params(("name" = String, Path, description = "Name of the repository", example = "tools")),
    responses((status = 200, description = "The repository", body = RepositoryView)))]
async fn get_repository(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<RepositoryView>> {
    Ok(axum::Json(view(&scope, find(&scope, &name).await?)))
}

async fn find(scope: &Scope, name: &str) -> ApiResult<Repository> {
    let found = scope.db().repository(scope.project(), name).await;
    found.map_err(missing)
}

fn missing(error: rigi_store::Error) -> ApiError {
    let is_missing = matches!(error, rigi_store::Error::NotFound { what: "repository", .. });
    let answer = ApiError::from(error);
    if is_missing { answer.cure("`rigi repositories list` shows what there is.") } else { answer }
}

/// Adds a repository. Nothing is fetched before the first sync.
#[utoipa::path(post, path = "/repositories", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.write"))), request_body = SetRepository,
    responses((status = 201, description = "It is added", body = RepositoryView)))]
async fn add_repository(scope: Scope, asker: Asker, Json(body): Json<SetRepository>) -> ApiResult<Response> {
    let (spec, token) = read(&scope, &body)?;
    let name = match &body.name {
        Some(name) => name.clone(),
        None => name_of(&spec),
    };
    check_name(&name).map_err(|why| ApiError::invalid("/name", why))?;
    let all = scope.db().repositories(scope.project()).await?;
    if all.len() >= MOST_REPOSITORIES {
        let detail = format!("the project has {MOST_REPOSITORIES} repositories, and can have no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Remove one that is not used."));
    }
    let deed = asker.deed();
    let added = scope.repositories.change(
        scope.project(),
        &name,
        ("repositories.add", &deed),
        |there: Option<Repository>| match there {
            Some(_) => {
                Err(ApiError::new(ErrorCode::StateConflict, format!("there is a repository `{name}`"))
                    .cure("Give this one another name, or change that one."))
            }
            None => Ok((Repository::new(&name, spec, &deed), NewParts { token, ..NewParts::default() })),
        },
    );
    let added = added.await?;
    Ok((StatusCode::CREATED, axum::Json(view(&scope, added))).into_response())
}

/// Changes a repository. Its pipelines stay as they are until the next sync.
#[utoipa::path(put, path = "/repositories/{name}", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.write"))), request_body = SetRepository,
    params(("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "It is changed", body = RepositoryView)))]
async fn set_repository(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetRepository>,
) -> ApiResult<axum::Json<RepositoryView>> {
    find(&scope, &name).await?;
    let (spec, token) = read(&scope, &body)?;
    if body.name.as_ref().is_some_and(|given| *given != name) {
        return Err(ApiError::invalid(
            "/name",
            "a repository keeps its name; add one of the new name instead",
        ));
    }
    let changed = change(&scope, &asker, &name, "repositories.change", |repository| {
        let host = |spec: &RepositorySpec| Address::parse(&spec.url).ok().map(|address| address.known_as());
        // Another host has other keys, and is not to be shown what the first one was.
        let moved = host(&repository.spec) != host(&spec);
        if moved {
            repository.host_key = None;
        }
        repository.spec = spec;
        let token = match token {
            Part::Keep if moved => Part::Remove,
            token => token,
        };
        NewParts { token, ..NewParts::default() }
    });
    Ok(axum::Json(view(&scope, changed.await?)))
}

/// Changes one that is there.
async fn change(
    scope: &Scope,
    asker: &Asker,
    name: &str,
    action: &'static str,
    change: impl FnOnce(&mut Repository) -> NewParts,
) -> ApiResult<Repository> {
    let deed = asker.deed();
    let change = |there: Option<Repository>| {
        let gone = || rigi_store::Error::NotFound { what: "repository", id: name.to_owned() };
        let mut repository = there.ok_or_else(|| missing(gone()))?;
        let parts = change(&mut repository);
        Ok((repository, parts))
    };
    scope.repositories.change(scope.project(), name, (action, &deed), change).await
}

/// Removes a repository, and its pipelines with it. Runs of them stay, with their code.
#[utoipa::path(delete, path = "/repositories/{name}", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.write"))),
    params(("name" = String, Path, description = "Name of the repository")),
    responses((status = 204, description = "It is gone")))]
async fn remove_repository(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let removed = scope.repositories.remove(scope.project(), &name, &asker.deed()).await;
    removed.map_err(missing)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a body says, and what becomes of the token.
fn read(scope: &Scope, body: &SetRepository) -> ApiResult<(RepositorySpec, Part)> {
    let refuse = |(field, why): (&str, String)| ApiError::invalid(field, why);
    let reference =
        Reference::of(body.branch.clone(), body.tag.clone(), body.commit.clone()).map_err(refuse)?;
    let interval = match body.interval.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let time = parse_duration(text);
            Some(time.map_err(|error| ApiError::invalid("/interval", error.to_string()))?.as_secs())
        }
        None => None,
    };
    let spec = RepositorySpec {
        url: body.url.trim().to_owned(),
        reference,
        folder: body.folder.trim().trim_end_matches('/').to_owned(),
        interval,
        forge: body.forge,
        user: body.user.clone().filter(|user| !user.is_empty()),
    };
    let address = spec.check().map_err(refuse)?;
    let allowed = &scope.repositories.settings().protocols;
    if !allowed.iter().any(|allowed| allowed == address.scheme.as_str()) {
        let message = format!("this server takes repositories by {}", allowed.join(" and "));
        return Err(ApiError::invalid("/url", message));
    }
    let token = match body.token.as_deref().map(str::trim) {
        None => Part::Keep,
        Some("") => Part::Remove,
        Some(token) => {
            check_token(token).map_err(|why| ApiError::invalid("/token", why))?;
            Part::Set(Hidden(token.to_owned()))
        }
    };
    Ok((spec, token))
}

/// The last part of its address, as a name.
fn name_of(spec: &RepositorySpec) -> String {
    let path = spec.url.trim_end_matches('/');
    let last = path.rsplit(['/', ':']).next().unwrap_or_default();
    last.strip_suffix(".git").unwrap_or(last).to_ascii_lowercase()
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SyncQuery {
    /// Only say what would change.
    #[serde(default)]
    plan: bool,
}

/// Brings the pipelines of a repository to what it has now: all at once, or none where something goes wrong.
#[utoipa::path(post, path = "/repositories/{name}/sync", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.sync"))),
    params(SyncQuery, ("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "What changed, or would", body = SyncReport)))]
async fn sync_repository(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Query(query): Query<SyncQuery>,
) -> ApiResult<axum::Json<SyncReport>> {
    let spec = find(&scope, &name).await?.spec;
    let wish = if query.plan { Wish::Plan } else { Wish::Sync };
    let (repositories, project, deed) = (scope.repositories.clone(), scope.project().clone(), asker.deed());
    // Whoever asked may hang up: a sync that was begun comes to its end all the same.
    let sync =
        tokio::spawn(async move { repositories.sync(&project, &name, (Cause::Hand, wish), &deed).await });
    let report = sync.await.map_err(|_| ApiError::new(ErrorCode::Internal, "the sync broke off"))??;
    let plan = plan_view(&spec, report.plan);
    Ok(axum::Json(SyncReport { outcome: report.outcome, done: wish == Wish::Sync, plan }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListSyncs {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Syncs of a repository that changed something or went wrong, the newest first.
#[utoipa::path(get, path = "/repositories/{name}/syncs", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.read"))),
    params(ListSyncs, ("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "A page", body = Page<SyncView>)))]
async fn list_syncs(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<ListSyncs>,
) -> ApiResult<axum::Json<Page<SyncView>>> {
    let repository = find(&scope, &name).await?;
    let limit = super::pipelines::bounded(query.limit, 20, 100)?;
    let wrong = |_| ApiError::invalid("/query/cursor", "no page ends with it");
    let before = query.cursor.as_deref().map(str::parse::<i64>).transpose().map_err(wrong)?;
    let mut all = scope.db().syncs(scope.project(), &name, before, limit + 1).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|sync| sync.number.to_string());
    let items = all.into_iter().map(|sync| sync_view(&repository.spec, sync)).collect();
    Ok(axum::Json(Page { items, next_cursor }))
}

/// Makes a key to open a repository with by SSH, or takes one, and says what its host is to be given.
#[utoipa::path(post, path = "/repositories/{name}/key", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.write"))), request_body = SetRepositoryKey,
    params(("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "The public half", body = RepositoryKey)))]
async fn make_repository_key(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetRepositoryKey>,
) -> ApiResult<axum::Json<RepositoryKey>> {
    find(&scope, &name).await?;
    let pair = scope.repositories.key(&name, body.private_key).await?;
    let public_key = pair.public.clone();
    let made = change(&scope, &asker, &name, "repositories.key", |repository| {
        repository.public_key = Some(pair.public);
        NewParts { private_key: Part::Set(pair.private), ..NewParts::default() }
    });
    made.await?;
    Ok(axum::Json(RepositoryKey { public_key }))
}

/// Makes the address and the secret by which a repository's host says that something was pushed. Those of before count no more.
#[utoipa::path(post, path = "/repositories/{name}/hook-secret", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.write"))),
    params(("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "What the host is to be given; the secret is told this once", body = RepositoryHook)))]
async fn make_repository_hook(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<RepositoryHook>> {
    find(&scope, &name).await?;
    let secret = drawn::hex_secret()?;
    let hidden = Hidden(secret.clone());
    let made = change(&scope, &asker, &name, "repositories.hook", |_| NewParts {
        hook_secret: Part::Set(hidden),
        ..NewParts::default()
    });
    made.await?;
    let url = format!("{}{}/repositories/{name}/hook", scope.auth.public_url, scope.path());
    Ok(axum::Json(RepositoryHook { url, secret }))
}

/// Forgets by which key a repository's host was known: the next sync takes whatever key it shows then.
#[utoipa::path(post, path = "/repositories/{name}/host-key/reset", tag = "repositories", extensions(("x-rigi-action" = json!("repositories.trust"))),
    params(("name" = String, Path, description = "Name of the repository")),
    responses((status = 200, description = "It is forgotten", body = RepositoryView)))]
async fn reset_host_key(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<RepositoryView>> {
    find(&scope, &name).await?;
    let reset = change(&scope, &asker, &name, "repositories.reset-host-key", |repository| {
        repository.host_key = None;
        NewParts::default()
    });
    Ok(axum::Json(view(&scope, reset.await?)))
}
