//! By what one is let in: sessions of browsers, and tokens.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rigi_api::view::{CreateToken, NewTokenView, Page, SessionView, TokenView};
use rigi_model::people::{KeyKind, PersonKind};
use rigi_model::quantity::parse_duration;
use rigi_model::{ErrorCode, SessionId, Timestamp, TokenId};
use rigi_store::people::{Carrier, Person, Token};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path};
use super::state::AppState;
use crate::auth::new_key;

/// A token ends after this time unless it is told otherwise.
pub(super) const TOKEN_LIFE: &str = "90d";
/// Tokens of an account at most.
const MOST_TOKENS: usize = 100;
/// Characters of a token's name at most.
const LONGEST_NAME: usize = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(remove_token))
}

async fn sessions_of(asker: &Asker, person: &Person) -> ApiResult<Vec<rigi_store::people::Session>> {
    let now = Timestamp::now();
    let idle = now.before(asker.people()?.rules.idle);
    Ok(asker.state.store().db().sessions_of(&person.id, now, idle).await?)
}

/// One's sessions, the newest first.
#[utoipa::path(get, path = "/account/sessions", tag = "account", extensions(("x-rigi-action" = json!("account.read"))),
    responses((status = 200, description = "Sessions", body = Page<SessionView>)))]
async fn list_sessions(asker: Asker) -> ApiResult<axum::Json<Page<SessionView>>> {
    let account = asker.account()?;
    let sessions = sessions_of(&asker, &account.person).await?;
    let view = |session: rigi_store::people::Session| SessionView {
        present: account.carrier == Carrier::Session(session.id.clone()),
        id: session.id,
        way: session.way,
        created_at: session.created_at,
        seen_at: session.seen_at,
        until: session.until,
        address: session.address,
        agent: session.agent,
    };
    Ok(axum::Json(Page { items: sessions.into_iter().map(view).collect(), next_cursor: None }))
}

/// Ends one session.
#[utoipa::path(delete, path = "/account/sessions/{id}", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    params(("id" = String, Path, description = "Id of the session")),
    responses((status = 204, description = "Ended")))]
async fn end_session(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let account = asker.account()?;
    let wanted = id.parse::<SessionId>().ok();
    let all = sessions_of(&asker, &account.person).await?;
    let found = all.into_iter().map(|session| session.id).find(|session| Some(session) == wanted.as_ref());
    let found = found.ok_or_else(|| ApiError::not_found("session", &id))?;
    asker.state.store().end_sessions(&[found], &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions but the one that asks.
#[utoipa::path(delete, path = "/account/sessions", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    responses((status = 204, description = "Ended")))]
async fn end_sessions(asker: Asker) -> ApiResult<StatusCode> {
    let account = asker.account()?;
    let all = sessions_of(&asker, &account.person).await?;
    let others = all.into_iter().map(|session| session.id);
    let others: Vec<_> = others.filter(|id| account.carrier != Carrier::Session(id.clone())).collect();
    asker.state.store().end_sessions(&others, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn token_view(state: &AppState, token: Token) -> TokenView {
    TokenView {
        id: token.id,
        name: token.name,
        hint: token.hint,
        project: token.project.map(|id| state.projects.name_of(&id)),
        role: token.role,
        created_at: token.created_at,
        until: token.until,
        used_at: token.used_at,
    }
}

/// Tokens of an account, the newest first.
pub(super) async fn tokens_page(asker: &Asker, person: &Person) -> ApiResult<axum::Json<Page<TokenView>>> {
    let tokens = asker.state.store().db().tokens_of(&person.id).await?;
    Ok(axum::Json(Page {
        items: tokens.into_iter().map(|token| token_view(&asker.state, token)).collect(),
        next_cursor: None,
    }))
}

/// One's tokens, the newest first.
#[utoipa::path(get, path = "/account/tokens", tag = "account", extensions(("x-rigi-action" = json!("account.read"))),
    responses((status = 200, description = "Tokens", body = Page<TokenView>)))]
async fn list_tokens(asker: Asker) -> ApiResult<axum::Json<Page<TokenView>>> {
    tokens_page(&asker, &asker.account()?.person).await
}

/// Makes a token. Its rights are those that its owner has whenever it is used, and no more than were given to it.
#[utoipa::path(post, path = "/account/tokens", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    request_body = CreateToken, responses((status = 201, description = "The token, whose key is shown this once", body = NewTokenView)))]
async fn create_token(asker: Asker, Json(body): Json<CreateToken>) -> ApiResult<Response> {
    let person = asker.account()?.person.clone();
    made_token(&asker, &person, body).await
}

/// Makes a token for an account.
pub(super) async fn made_token(asker: &Asker, person: &Person, body: CreateToken) -> ApiResult<Response> {
    let (store, now) = (asker.state.store(), Timestamp::now());
    let name = body.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "/name",
            format!("a name has 1 to {LONGEST_NAME} characters, on one line"),
        ));
    }
    let project = match &body.project {
        None => None,
        Some(name) => {
            let standing = store.db().standing_of(&person.id).await?;
            let known = asker.state.projects.id_of(name).and_then(|id| asker.state.projects.of(&id));
            let own = known.filter(|project| standing.role_in(project.id()).is_some());
            let message = || format!("`{}` has no role in `{name}`", person.name);
            Some(own.ok_or_else(|| ApiError::invalid("/project", message()))?.id().clone())
        }
    };
    let until = expiry(body.expires_in.as_deref().unwrap_or(TOKEN_LIFE), now)?;
    if store.db().tokens_of(&person.id).await?.len() >= MOST_TOKENS {
        let detail = format!("an account has at most {MOST_TOKENS} tokens");
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Take one back that is not used."));
    }
    let kind = if person.kind == PersonKind::Service { KeyKind::Service } else { KeyKind::Person };
    let key = new_key(kind).map_err(|e| ApiError::new(ErrorCode::Internal, e.to_string()))?;
    let token = Token {
        id: TokenId::generate(),
        name: name.to_owned(),
        hint: key.hint(),
        project,
        role: body.role,
        created_at: now,
        until,
        used_at: None,
    };
    store.add_token(&person.id, &key, &token, &asker.deed()).await?;
    let view = NewTokenView { key: key.expose().to_owned(), token: token_view(&asker.state, token) };
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

/// When something ends that is told to last so long; `none` is never.
pub(super) fn expiry(text: &str, now: Timestamp) -> ApiResult<Option<Timestamp>> {
    if text == "none" {
        return Ok(None);
    }
    let time = parse_duration(text).map_err(|e| ApiError::invalid("/expires_in", e.to_string()))?;
    if time.is_zero() {
        return Err(ApiError::invalid("/expires_in", "it would have ended already"));
    }
    Ok(Some(now.after(time)))
}

/// Takes a token back.
#[utoipa::path(delete, path = "/account/tokens/{id}", tag = "account", extensions(("x-rigi-action" = json!("account.change"))),
    params(("id" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "Taken back")))]
async fn remove_token(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let person = asker.account()?.person.clone();
    take_back(&asker, &person, &id).await
}

/// Takes a token of an account back.
pub(super) async fn take_back(asker: &Asker, person: &Person, id: &str) -> ApiResult<StatusCode> {
    let store = asker.state.store();
    let wanted = id.parse::<TokenId>().ok();
    let tokens = store.db().tokens_of(&person.id).await?;
    let token = tokens.iter().find(|token| Some(&token.id) == wanted.as_ref());
    let token = token.ok_or_else(|| ApiError::not_found("token", id))?;
    store.remove_token(token, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
