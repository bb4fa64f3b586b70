//! The page, embedded in the binary.

use std::io::Read as _;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
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
        let headers = [(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, "no-cache")];
        return (headers, file.data.into_owned()).into_response();
    }
    if path.starts_with("assets/") {
        let answer = asset(path, takes_packed(request.headers()));
        return answer.unwrap_or_else(|| ApiError::not_found("file", path).into_response());
    }
    let html = Page::get("index.html").map(|file| file.data.into_owned());
    let html = html.unwrap_or_else(|| NOT_BUILT.as_bytes().to_vec());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, html).into_response()
}

/// A built file. It carries a hash of its content in its name; most are packed.
fn asset(path: &str, takes_packed: bool) -> Option<Response> {
    let kind = HeaderValue::from_static(media_type(path));
    let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
    if let Some(file) = Page::get(path) {
        return Some((headers, file.data.into_owned()).into_response());
    }
    let packed = Page::get(&format!("{path}.gz"))?.data;
    let vary = [(header::VARY, HeaderValue::from_static("accept-encoding"))];
    if takes_packed {
        let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Some((headers, vary, encoding, packed.into_owned()).into_response());
    }
    let mut plain = Vec::with_capacity(packed.len() * 4);
    // What the build has packed can be unpacked.
    GzDecoder::new(&*packed).read_to_end(&mut plain).ok()?;
    Some((headers, vary, plain).into_response())
}

fn takes_packed(headers: &HeaderMap) -> bool {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = given.flat_map(|text| text.split(','));
    encodings.any(|encoding| {
        let (name, quality) = encoding.split_once(';').unwrap_or((encoding, ""));
        let refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => super::file_answers::media_type(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_goes_to_those_who_take_it() {
        let takes = |text: &'static str| {
            takes_packed(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.5") && takes("*"));
        assert!(!takes("identity") && !takes("gzip;q=0, br") && !takes_packed(&HeaderMap::new()));
    }
}
