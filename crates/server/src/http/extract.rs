//! What handlers take from requests; what does not fit becomes a problem, not plain text.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use rigi_model::ErrorCode;
use rigi_model::hash::hex;
use rigi_model::parameters::{INEXACT, inexact_number};
use rigi_model::text::excerpt;
use rigi_store::IdempotencyKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ApiResult};
use super::plain::plain;

/// A JSON object as the body.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(ErrorCode::RequestInvalid, "the body must be JSON, and say so")
                .status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .cure("Send it with `Content-Type: application/json`."));
        }
        read_object(&Bytes::from_request(request, state).await?).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

pub(super) fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    // What is read from an object could be read from a list as well.
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(ApiError::invalid("", "the body must be a JSON object"));
    }
    let no_json = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        ApiError::invalid("", format!("the body is no JSON: see line {line}, column {column}"))
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        if !error.inner().is_data() {
            return no_json(error.inner());
        }
        ApiError::invalid(&pointer(error.path()), plain(&error.inner().to_string()))
    })?;
    reader.end().map_err(|error| no_json(&error))?;
    // What would be changed without a word is refused.
    if let Some(number) = std::str::from_utf8(bytes).ok().and_then(inexact_number) {
        let message = format!("the number {} {INEXACT}", excerpt(number));
        return Err(ApiError::invalid("", message).cure("Give it as a text, in quotes."));
    }
    Ok(read)
}

/// A JSON pointer (RFC 6901) to where a mistake is.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
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
    let mut all = headers.get_all("idempotency-key").iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(ApiError::new(ErrorCode::RequestInvalid, "there is more than one `Idempotency-Key`"));
    }
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

/// Whether a text can name what people make beside specs: in addresses, on a command line, in a list.
pub fn is_own_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// Refuses what cannot be such a name.
///
/// # Errors
/// With what one may be.
pub fn check_name(name: &str) -> ApiResult<()> {
    if is_own_name(name) {
        return Ok(());
    }
    Err(ApiError::invalid("/name", "a name has up to 64 letters, digits and `-_.`"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Body {
        count: Option<u32>,
        #[serde(default)]
        inputs: std::collections::BTreeMap<String, Vec<u8>>,
    }

    fn told(bytes: &str) -> (String, String) {
        let error = read_object::<Body>(bytes.as_bytes()).unwrap_err();
        (error.errors[0]["pointer"].as_str().unwrap().to_owned(), error.detail)
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_in_plain_words() {
        let expected = |pointer: &str, words: &str| (pointer.to_owned(), words.to_owned());
        let whole = "where a whole number from 0, in its range is expected";
        assert_eq!(told(r#"{"count": "3"}"#), expected("/count", &format!("`3` is a text, {whole}")));
        assert_eq!(
            told(r#"{"inputs": {"a/b~": [1, true]}}"#),
            expected("/inputs/a~1b~0/1", &format!("`true` is a truth value, {whole}"))
        );
        assert_eq!(told(r#"{"cuont": 3}"#).1, "`cuont` is no field; the nearest is `count`");
        assert_eq!(told("[]"), expected("", "the body must be a JSON object"));
        assert_eq!(told("{\n  \"count\": }"), expected("", "the body is no JSON: see line 2, column 12"));
        assert_eq!(told("{} {}").1, "the body is no JSON: see line 1, column 4");
        assert_eq!(told("").1, "the body is no JSON: see line 1, column 0");
    }

    #[test]
    fn json_is_known_by_its_type_and_two_keys_are_refused() {
        let with = |name: &'static str, values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| _ = headers.append(name, HeaderValue::from_static(value)));
            headers
        };
        for (kind, is) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/json", false),
            ("application/jsonp", false),
        ] {
            assert_eq!(is_json(&with("content-type", &[kind])), is, "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
        assert!(idempotency(&with("idempotency-key", &["a"]), "x", &()).unwrap().is_some());
        assert!(idempotency(&with("idempotency-key", &["a", "a"]), "x", &()).is_err());
        assert!(idempotency(&HeaderMap::new(), "x", &()).unwrap().is_none());
    }
}
