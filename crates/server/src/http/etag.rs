//! ETags of reads: a reader that has an answer already is told so instead of getting it again.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use rigi_model::hash::hex;
use sha2::{Digest, Sha256};

/// Answers larger than this are not worth the reading.
const LARGEST: usize = 4 << 20;

/// Marks JSON answers to GET with a hash of their content, and answers 304 to whoever has it.
pub async fn mark(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let known = request.headers().clone();
    let response = next.run(request).await;
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    // What is longer, or streamed, goes on its way.
    let short = response.body().size_hint().upper().is_some_and(|bytes| bytes <= LARGEST as u64);
    if !reads || !json || !short || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, Body::empty());
    };
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)[..16]));
    if is_known(&known, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        insert(&mut parts, &tag);
        return Response::from_parts(parts, Body::empty());
    }
    insert(&mut parts, &tag);
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a reader has what has this tag: `If-None-Match` may list several, and say `*` for whatever there is. A proxy
/// that compresses makes a tag weak; the content is the same. Our tags hold no commas.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let same = |known: &str| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    };
    let all = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    all.flat_map(|known| known.split(',')).any(same)
}

fn insert(parts: &mut axum::http::response::Parts, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        parts.headers.insert(header::ETAG, value);
        // Ask again each time; what has not changed is not sent again.
        parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_long_answer_comes_without_a_tag() {
        let answer = |length: usize| {
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], vec![b' '; length]) })
        };
        let routes = Router::new().route("/long", answer(LARGEST + 1)).route("/short", answer(LARGEST));
        let routes = routes.layer(from_fn(mark));
        for (path, length, marked) in [("/long", LARGEST + 1, false), ("/short", LARGEST, true)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers().contains_key(header::ETAG), marked, "{path}");
            assert_eq!(to_bytes(response.into_body(), usize::MAX).await.unwrap().len(), length, "{path}");
        }
    }

    #[test]
    fn what_a_reader_has_is_told_in_many_ways() {
        let asks = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            values
                .iter()
                .for_each(|v| _ = headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(v)));
            is_known(&headers, "\"abc\"")
        };
        for known in ["\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\""] {
            assert!(asks(&[known]), "{known}");
        }
        assert!(asks(&["\"x\"", "\"abc\""]));
        for unknown in ["abc", "\"abcd\"", "w/\"abc\"", "", "\"x\", \"y\""] {
            assert!(!asks(&[unknown]), "{unknown}");
        }
        assert!(!asks(&[]));
    }
}
