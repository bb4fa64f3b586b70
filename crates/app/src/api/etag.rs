//! ETags of reads: a reader that has an answer already is told so instead of getting it again.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use rigi_store::hex;
use sha2::{Digest, Sha256};

/// Answers larger than this are not worth the reading.
const LARGEST: usize = 4 << 20;

/// Marks JSON answers to GET with a hash of their content, and answers 304 to whoever has it.
pub async fn mark(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !reads || !json || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, Body::empty());
    };
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)[..16]));
    if known
        .is_some_and(|known| known.to_str().is_ok_and(|known| known.split(',').any(|one| same(one, &tag))))
    {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        insert(&mut parts, &tag);
        return Response::from_parts(parts, Body::empty());
    }
    insert(&mut parts, &tag);
    Response::from_parts(parts, Body::from(bytes))
}

/// A proxy that compresses makes a tag weak; the content is the same.
fn same(known: &str, tag: &str) -> bool {
    let known = known.trim();
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}

fn insert(parts: &mut axum::http::response::Parts, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        parts.headers.insert(header::ETAG, value);
        // Ask again each time; what has not changed is not sent again.
        parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}
