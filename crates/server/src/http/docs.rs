//! The page that shows the API: made in the browser from the OpenAPI file, with what it takes to try each call.

use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::state::AppState;

/// The page and what it loads, all of it in the binary.
const PAGE: &str = include_str!("docs/index.html");
const STYLE: &str = include_str!("docs/docs.css");
const SCRIPT: &str = include_str!("docs/docs.js");

pub(super) fn router() -> axum::Router<AppState> {
    let page = || async { file("text/html; charset=utf-8", PAGE) };
    axum::Router::new()
        .route("/docs", get(page))
        .route("/docs/", get(page))
        .route("/docs/docs.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/docs/docs.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, text)
}
