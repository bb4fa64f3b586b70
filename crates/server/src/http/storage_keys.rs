//! Keys to the files of a project, for S3's tools; and what these files take.

use axum::extract::State;
use axum::http::StatusCode;
use rigi_api::view::{MakeStorageKey, NewStorageKeyView, Page, StorageKeyView, StorageUse};
use rigi_model::area::{AccessKey, BUCKET, KeyRights};
use rigi_model::rights::Role;
use rigi_model::{ErrorCode, StorageKeyId};
use rigi_store::StorageKey;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account_access::{TOKEN_LIFE, expiry};
use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, check_name};
use super::scope::Scope;
use super::state::AppState;

/// Keys of a project at most.
const MOST: usize = 200;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_storage_keys, make_storage_key))
        .routes(routes!(remove_storage_key))
        .routes(routes!(storage_use))
}

fn view(key: &StorageKey) -> StorageKeyView {
    StorageKeyView {
        name: key.name.clone(),
        access_key_id: AccessKey::Named(key.id.clone()).to_string(),
        rights: key.rights,
        made_at: key.made_at,
        made_by: key.made_by.clone(),
        until: key.until,
        used_at: key.used_at,
    }
}

/// One's own keys, and to an owner all: each is an account's way in.
async fn seen(scope: &Scope, asker: &Asker) -> ApiResult<Vec<StorageKey>> {
    let mut all = scope.db().storage_keys(scope.project()).await?;
    if scope.role() != Some(Role::Owner) {
        let own = asker.principal.account.as_ref().map(|account| &account.person.id);
        all.retain(|key| key.person.as_ref() == own);
    }
    Ok(all)
}

/// Keys to the files of the project, by name: one's own, and to an owner all.
#[utoipa::path(get, path = "/storage-keys", tag = "storage", extensions(("x-rigi-action" = json!("storage-keys.make"))),
    responses((status = 200, description = "All of them", body = Page<StorageKeyView>)))]
async fn list_storage_keys(scope: Scope, asker: Asker) -> ApiResult<axum::Json<Page<StorageKeyView>>> {
    let all = seen(&scope, &asker).await?;
    Ok(axum::Json(Page { items: all.iter().map(view).collect(), next_cursor: None }))
}

/// Makes a key to the files of the project. Its secret is shown this once.
#[utoipa::path(post, path = "/storage-keys", tag = "storage", extensions(("x-rigi-action" = json!("storage-keys.make"))),
    request_body = MakeStorageKey,
    responses((status = 201, description = "The key, with its secret", body = NewStorageKeyView)))]
async fn make_storage_key(
    State(state): State<AppState>,
    scope: Scope,
    asker: Asker,
    Json(body): Json<MakeStorageKey>,
) -> ApiResult<(StatusCode, axum::Json<NewStorageKeyView>)> {
    if !state.gateway {
        let detail = "this server does not answer S3's tools";
        return Err(ApiError::new(ErrorCode::StateConflict, detail)
            .cure("An operator sets `storage.gateway = \"on\"`."));
    }
    check_name(&body.name)?;
    let rights = body.rights.unwrap_or(KeyRights::Read);
    if rights == KeyRights::Write && scope.role() < Some(Role::Runner) {
        let detail = "a viewer's key reads";
        return Err(ApiError::new(ErrorCode::Forbidden, detail)
            .cure("Ask for the role `runner`, or make one that reads."));
    }
    if scope.db().storage_keys(scope.project()).await?.len() >= MOST {
        let detail = format!("there are {MOST} keys, and can be no more");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Take one back that is not used."));
    }
    let deed = asker.deed();
    let until = expiry(body.expires_in.as_deref().unwrap_or(TOKEN_LIFE), deed.at)?;
    let key = StorageKey {
        id: StorageKeyId::generate(),
        project: scope.project().clone(),
        name: body.name,
        rights,
        person: asker.principal.account.as_ref().map(|account| account.person.id.clone()),
        made_at: deed.at,
        made_by: deed.actor.clone(),
        until,
        used_at: None,
    };
    scope.store().make_storage_key(&key, &deed).await?;
    let access_key = AccessKey::Named(key.id.clone());
    let secret = scope.store().give_storage_secret(&key.project, &access_key, deed.at).await?;
    let made = NewStorageKeyView {
        key: view(&key),
        secret_access_key: secret.0,
        endpoint: state.auth.public_url.clone(),
        storage: format!("s3://{BUCKET}/{}/", state.projects.name_of(&key.project)),
    };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Takes a key back: it opens nothing any more.
#[utoipa::path(delete, path = "/storage-keys/{key}", tag = "storage", extensions(("x-rigi-action" = json!("storage-keys.make"))),
    params(("key" = String, Path, description = "What it is called")),
    responses((status = 204, description = "Taken back")))]
async fn remove_storage_key(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let found = seen(&scope, &asker).await?.into_iter().find(|key| key.name == name);
    let key = found.ok_or_else(|| ApiError::not_found("storage key", &name))?;
    scope.store().remove_storage_key(&key, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the project's files take, as the storage has them now: all of them are looked at.
#[utoipa::path(get, path = "/storage-use", tag = "storage", extensions(("x-rigi-action" = json!("project.manage"))),
    responses((status = 200, description = "Each part", body = Page<StorageUse>)))]
async fn storage_use(scope: Scope) -> ApiResult<axum::Json<Page<StorageUse>>> {
    let blobs = scope.blobs();
    let parts = tokio::task::spawn_blocking(move || blobs.measure());
    let parts = parts.await.map_err(|_| rigi_store::Error::Closed)??;
    let items =
        parts.into_iter().map(|(part, taken)| StorageUse { part, files: taken.files, bytes: taken.bytes });
    Ok(axum::Json(Page { items: items.collect(), next_cursor: None }))
}
