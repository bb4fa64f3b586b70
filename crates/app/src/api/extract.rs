//! What handlers take from requests; what does not fit becomes a problem, not plain text.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use rigi_model::ErrorCode;
use rigi_model::parameters::{INEXACT, inexact_number};
use rigi_model::pipeline::mistake::excerpt;
use rigi_store::{IdempotencyKey, hex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ApiResult};

/// A JSON object as the body.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        // As JSON of any form first: what is read from an object could be read from a list as well.
        let axum::Json(value) = axum::Json::<Box<RawValue>>::from_request(request, state).await?;
        if !value.get().trim_start().starts_with('{') {
            return Err(ApiError::invalid("", "the body must be a JSON object"));
        }
        // What would be changed without a word is refused.
        if let Some(number) = inexact_number(value.get()) {
            let message = format!("the number {} {INEXACT}", excerpt(number));
            return Err(ApiError::invalid("", message).cure("Give it as a text, in quotes."));
        }
        let mistake = |error: serde_json::Error| ApiError::invalid("", error.to_string());
        serde_json::from_str(value.get()).map(Self).map_err(mistake)
    }
}

/// A query; keys may come more than once.
#[derive(FromRequestParts)]
#[from_request(via(axum_extra::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);

/// Parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

/// The key that makes a POST safe to repeat, with a hash of what was asked.
///
/// # Errors
/// If the key is not printable ASCII of at most 200 characters.
pub fn idempotency(
    headers: &HeaderMap,
    what: &str,
    body: &impl Serialize,
) -> ApiResult<Option<IdempotencyKey>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 200);
    let key = key.ok_or_else(|| {
        ApiError::new(
            ErrorCode::RequestInvalid,
            "`Idempotency-Key` must be 1 to 200 printable ASCII characters",
        )
    })?;
    let mut hash = Sha256::new();
    hash.update(what.as_bytes());
    hash.update(serde_json::to_vec(body).unwrap_or_default());
    Ok(Some(IdempotencyKey { key: key.to_owned(), request: hex(&hash.finalize()) }))
}

/// `key=value` pairs of a query parameter that comes more than once, or holds several between commas.
///
/// # Errors
/// If one has no `=`.
pub fn pairs(texts: &[String]) -> ApiResult<Vec<(String, String)>> {
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(ApiError::invalid("/query/label", format!("`{part}` must read `key=value`"))),
    };
    texts.iter().flat_map(|text| text.split(',')).filter(|part| !part.is_empty()).map(pair).collect()
}
