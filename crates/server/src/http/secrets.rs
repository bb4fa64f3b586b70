//! Secrets of projects: set, listed by name, removed; and the key that seals them. No value is ever in an answer.

use axum::http::StatusCode;
use rigi_api::view::{ImportSecrets, KeyReplaced, Page, SecretView, SetSecret};
use rigi_model::ErrorCode;
use rigi_model::secret::{MOST_SECRETS, check_secret_name, check_secret_value, read_dotenv};
use rigi_model::secret_source::SecretSource;
use rigi_store::SecretFacts;
use rigi_store::people::Deed;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_secrets))
        .routes(routes!(set_secret, delete_secret))
        .routes(routes!(import_secrets))
        .routes(routes!(rotate_key))
}

fn view(facts: SecretFacts) -> SecretView {
    SecretView {
        name: facts.name,
        version: u64::try_from(facts.version).unwrap_or(0),
        set_by: facts.set_by.to_string(),
        set_at: facts.set_at,
        from: facts.from.map(|source| source.to_string()),
    }
}

/// The secrets of a project, by name: who set each, and when. Their values are told to runs alone.
#[utoipa::path(get, path = "/secrets", tag = "secrets", extensions(("x-rigi-action" = json!("secrets.read"))),
    responses((status = 200, description = "All of them", body = Page<SecretView>)))]
async fn list_secrets(scope: Scope) -> ApiResult<axum::Json<Page<SecretView>>> {
    let all = scope.db().secrets(scope.project()).await?;
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor: None }))
}

/// Sets a secret, or replaces what it holds: a value, or where it is taken from. Attempts that start from now on have the new one.
#[utoipa::path(put, path = "/secrets/{name}", tag = "secrets", extensions(("x-rigi-action" = json!("secrets.write"))), request_body = SetSecret,
    params(("name" = String, Path, description = "Its name", example = "API_KEY")),
    responses((status = 200, description = "It is set", body = SecretView)))]
async fn set_secret(
    scope: Scope,
    asker: Asker,
    Path(name): Path<String>,
    Json(body): Json<SetSecret>,
) -> ApiResult<axum::Json<SecretView>> {
    check_secret_name(&name).map_err(|why| refused("/name", why))?;
    let set = match (body.value, body.from) {
        (Some(value), None) => {
            check_secret_value(&value).map_err(|why| refused("/value", why))?;
            set(&scope, &[(name, value)], &asker.deed()).await?.into_iter().next()
        }
        (None, Some(from)) => set_reference(&scope, &name, &from, &asker.deed()).await?,
        _ => return Err(refused("", "either `value` or `from` must be given".to_owned())),
    };
    // Removed again by somebody else meanwhile.
    let set = set.ok_or_else(|| ApiError::new(ErrorCode::StateConflict, "the secret was just removed"))?;
    Ok(axum::Json(set))
}

/// Sets all secrets of a `.env` file, or none: a line that is wrong is told by its number.
#[utoipa::path(post, path = "/secrets/import", tag = "secrets", extensions(("x-rigi-action" = json!("secrets.write"))), request_body = ImportSecrets,
    responses((status = 200, description = "They are set", body = Page<SecretView>)))]
async fn import_secrets(
    scope: Scope,
    asker: Asker,
    Json(body): Json<ImportSecrets>,
) -> ApiResult<axum::Json<Page<SecretView>>> {
    let values = read_dotenv(&body.text).map_err(|mistakes| {
        let lines = if mistakes.len() == 1 { "a line" } else { "some lines" };
        let mut error =
            ApiError::new(ErrorCode::SecretInvalid, format!("{lines} cannot be taken; nothing was set"));
        error.errors = mistakes
            .into_iter()
            .map(|mistake| {
                let message = format!("line {}: {}", mistake.line, mistake.message);
                json!({"pointer": "/text", "line": mistake.line, "message": message})
            })
            .collect();
        error.cure("Mend the lines and send the file again.")
    })?;
    if values.is_empty() {
        return Err(refused("/text", "there is no line `NAME=value`".to_owned()));
    }
    Ok(axum::Json(Page { items: set(&scope, &values, &asker.deed()).await?, next_cursor: None }))
}

fn refused(pointer: &str, why: String) -> ApiError {
    let mut error = ApiError::new(ErrorCode::SecretInvalid, why.clone());
    error.errors.push(json!({"pointer": pointer, "message": why}));
    error
}

async fn set_reference(scope: &Scope, name: &str, from: &str, deed: &Deed) -> ApiResult<Option<SecretView>> {
    let source: SecretSource = from.trim().parse().map_err(|why| refused("/from", why))?;
    scope
        .store()
        .references()
        .check(scope.project(), &source)
        .map_err(|unresolved| refused("/from", unresolved.why).cure(format!("{}.", unresolved.cure)))?;
    expect_room(scope, &[name]).await?;
    let set = scope.store().set_reference(scope.project(), name, &source, deed).await?;
    Ok(set.map(view))
}

async fn set(scope: &Scope, values: &[(String, String)], deed: &Deed) -> ApiResult<Vec<SecretView>> {
    expect_room(scope, &values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()).await?;
    let set = scope.store().set_secrets(scope.project(), values, deed).await?;
    Ok(set.into_iter().map(view).collect())
}

async fn expect_room(scope: &Scope, names: &[&str]) -> ApiResult<()> {
    let there = scope.db().secrets(scope.project()).await?;
    let is_new = |name: &str| !there.iter().any(|facts| facts.name == name);
    let new = names.iter().filter(|name| is_new(name)).count();
    if new > 0 && there.len() + new > MOST_SECRETS {
        let detail = format!("the project has {} secrets and can have {MOST_SECRETS}", there.len());
        return Err(
            ApiError::new(ErrorCode::SecretInvalid, detail).cure("Remove some that no pipeline uses.")
        );
    }
    Ok(())
}

/// Removes a secret. Runs that ask for it are refused from now on; what runs already keeps what it was given.
#[utoipa::path(delete, path = "/secrets/{name}", tag = "secrets", extensions(("x-rigi-action" = json!("secrets.write"))),
    params(("name" = String, Path, description = "Its name", example = "API_KEY")),
    responses((status = 204, description = "It is gone")))]
async fn delete_secret(scope: Scope, asker: Asker, Path(name): Path<String>) -> ApiResult<StatusCode> {
    scope.store().remove_secret(scope.project(), &name, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the key of the server, by which the keys of projects are sealed. Nothing stops meanwhile.
#[utoipa::path(post, path = "/system/rotate-key", tag = "system", extensions(("x-rigi-action" = json!("secrets.rotate-key"))),
    responses((status = 200, description = "It is replaced", body = KeyReplaced)))]
async fn rotate_key(asker: Asker) -> ApiResult<axum::Json<KeyReplaced>> {
    let projects = asker.state.store().rotate_key(&asker.deed()).await.map_err(|error| match error {
        rigi_store::Error::Database { what, cure } => {
            ApiError::new(ErrorCode::StateConflict, what).cure(super::error::sentence(cure))
        }
        error => error.into(),
    })?;
    Ok(axum::Json(KeyReplaced { projects }))
}
