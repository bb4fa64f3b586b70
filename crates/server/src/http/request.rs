//! What every request has, whatever it asks for: an id, and bounds.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rigi_model::ErrorCode;
use rigi_model::id::RequestId;

use super::error::ApiError;
use crate::door::Stalled;

/// Bytes of all headers together.
const HEADERS: usize = 32 << 10;
/// Bytes of an address.
const ADDRESS: usize = 16 << 10;
/// Header of the answer that names the request.
const NAME: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of the request that is being answered.
pub(super) fn id() -> RequestId {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| RequestId::generate())
}

/// Gives a request its id: in its answer, in its problem and in the server's log.
pub async fn name(request: Request, next: Next) -> Response {
    let (id, begun) = (RequestId::generate(), Instant::now());
    let method = request.method().clone();
    // The route, and not the address: that may hold what signs in.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = CURRENT.scope(id.clone(), bounded(request, next)).await;
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_millis());
    let route = route.as_deref().unwrap_or("page");
    tracing::debug!(request = %id, %method, route, status, ms, "answered");
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

async fn bounded(request: Request, next: Next) -> Response {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > HEADERS {
        let detail = format!("the headers have {headers} bytes; they may have {HEADERS}");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return ApiError::new(ErrorCode::TooLarge, detail).status(status).into_response();
    }
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if address > ADDRESS {
        let detail = format!("the address has {address} bytes; it may have {ADDRESS}");
        return ApiError::new(ErrorCode::TooLarge, detail).status(StatusCode::URI_TOO_LONG).into_response();
    }
    let stalled = request.extensions().get::<Stalled>().cloned();
    let response = next.run(request).await;
    if stalled.is_some_and(|stalled| stalled.is_so()) {
        return ApiError::new(ErrorCode::TooSlow, "nothing of the body came for too long")
            .cure("Send it again.")
            .into_response();
    }
    response
}
