//! The page, embedded in the binary.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::error::ApiError;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Page;

/// Shown where the binary was built without the page.
const NOT_BUILT: &str = include_str!("not_built.html");

/// Serves the page: files by name, and the page itself for every other path that is not the API's.
pub(super) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return ApiError::not_found("resource", request.uri().path())
            .cure("`/docs` shows what there is.")
            .into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = super::wrong_method(request).await;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        return response;
    }
    if let Some(file) = Page::get(path).filter(|_| !path.is_empty()) {
        let kind = media_type(path);
        // Built files carry a hash of their content in their names.
        let keep =
            if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
        return (headers, file.data.into_owned()).into_response();
    }
    if path.starts_with("assets/") {
        return ApiError::not_found("file", path).into_response();
    }
    let html = Page::get("index.html").map(|file| file.data.into_owned());
    let html = html.unwrap_or_else(|| NOT_BUILT.as_bytes().to_vec());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, html).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => super::run_parts::media_type(path),
    }
}
