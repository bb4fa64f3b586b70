//! The headers of tus 1.0: what a request says of a file, of a part and of a checksum. Nothing here reads or writes.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_engine::submit::is_file_name;
use rigi_model::{ErrorCode, Timestamp, UploadId};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::http::error::{ApiError, ApiResult};

/// Bytes of what is said of a file at most.
const LONGEST_METADATA: usize = 4096;
/// Parts of one file at most.
pub(super) const MOST_PARTS: usize = 100;
/// What a file is called that has not said it.
const NAMELESS: &str = "file";
/// Checksums that are taken. Older clients have SHA-1 alone.
pub(super) const CHECKSUMS: &str = "sha256,sha1";

fn wrong(detail: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::RequestInvalid, detail)
}

/// A header as text; `None`: there is none.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> ApiResult<Option<&'a str>> {
    let text = headers.get(name).map(HeaderValue::to_str).transpose();
    text.map_err(|_| wrong(format!("`{name}` is no plain text")))
}

/// A header that is a number of bytes.
pub(super) fn number(headers: &HeaderMap, name: &str) -> ApiResult<Option<u64>> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong(format!("`{name}` must be a number of bytes, such as 0")));
    }
    // One that is too large for a number is too large for a file.
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

/// What is said of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// What it is called.
    pub name: String,
    /// All of it, as it is answered.
    pub text: String,
}

/// A key with its value.
fn pair(text: &str) -> Option<(&str, Vec<u8>)> {
    let text = text.trim();
    let (key, value) = text.split_once(' ').unwrap_or((text, ""));
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    STANDARD.decode(value.trim()).ok().filter(|_| is_key).map(|value| (key, value))
}

/// What `Upload-Metadata` says. It is written anew, so that what is answered later is what was understood.
pub(super) fn metadata(headers: &HeaderMap) -> ApiResult<Metadata> {
    let given = text(headers, "upload-metadata")?.unwrap_or_default();
    if given.len() > LONGEST_METADATA {
        return Err(wrong(format!("`Upload-Metadata` has more than {LONGEST_METADATA} bytes")));
    }
    let (mut known, mut all) = (BTreeMap::new(), Vec::new());
    for part in given.split(',').filter(|_| !given.trim().is_empty()) {
        let shape = || {
            wrong(
                "`Upload-Metadata` must be keys with values in base64: `filename YS5jc3Y=,filetype dGV4dA==`",
            )
        };
        let (key, value) = pair(part).ok_or_else(shape)?;
        all.push(match value.is_empty() {
            true => key.to_owned(),
            false => format!("{key} {}", STANDARD.encode(&value)),
        });
        if known.insert(key, value).is_some() {
            return Err(wrong(format!("`Upload-Metadata` has `{key}` twice")));
        }
    }
    let name = known.remove("filename").or_else(|| known.remove("name")).unwrap_or_else(|| NAMELESS.into());
    let name = String::from_utf8(name).ok().filter(|name| is_file_name(name));
    let no_name =
        || wrong("the `filename` of `Upload-Metadata` must be a plain file name of at most 255 bytes");
    Ok(Metadata { name: name.ok_or_else(no_name)?, text: all.join(",") })
}

/// What was said of a file, for people.
pub(super) fn shown(metadata: &str) -> BTreeMap<String, String> {
    let pairs = metadata.split(',').filter_map(pair);
    pairs.map(|(key, value)| (key.to_owned(), String::from_utf8_lossy(&value).into_owned())).collect()
}

/// What a file has to do with others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concat {
    /// Nothing.
    Whole,
    /// It is a part of one.
    Part,
    /// It is made of these.
    Of(Vec<UploadId>),
}

/// What `Upload-Concat` says. Of addresses, the last part counts: what is in another project is looked for in this one.
pub(super) fn concat(headers: &HeaderMap) -> ApiResult<Concat> {
    let Some(text) = text(headers, "upload-concat")? else { return Ok(Concat::Whole) };
    if text == "partial" {
        return Ok(Concat::Part);
    }
    let shape = || wrong("`Upload-Concat` must be `partial`, or `final;` and the addresses of the parts");
    let list = text.strip_prefix("final;").ok_or_else(shape)?;
    let id = |address: &str| address.rsplit('/').next().and_then(|last| last.parse::<UploadId>().ok());
    let parts: Option<Vec<_>> = list.split_ascii_whitespace().map(id).collect();
    match parts.ok_or_else(shape)? {
        parts if parts.is_empty() => Err(shape()),
        parts if parts.len() > MOST_PARTS => Err(wrong(format!("a file has at most {MOST_PARTS} parts"))),
        parts => Ok(Concat::Of(parts)),
    }
}

/// What the bytes of a request must come to.
pub(super) struct Checksum {
    digest: Context,
    expected: Vec<u8>,
}

impl Checksum {
    /// What `Upload-Checksum` says.
    pub(super) fn of(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let Some(text) = text(headers, "upload-checksum")? else { return Ok(None) };
        let (name, value) = text.split_once(' ').unwrap_or((text, ""));
        let algorithm: &'static Algorithm = match name {
            "sha256" => &SHA256,
            "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
            _ => return Err(wrong(format!("`Upload-Checksum` must be one of {CHECKSUMS}"))),
        };
        let expected = STANDARD.decode(value).ok().filter(|sum| sum.len() == algorithm.output_len());
        let expected = expected.ok_or_else(|| wrong("`Upload-Checksum` is no such checksum in base64"))?;
        Ok(Some(Self { digest: Context::new(algorithm), expected }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// Whether the bytes were those.
    pub(super) fn matches(self) -> bool {
        self.digest.finish().as_ref() == self.expected
    }
}

/// A time as headers have it.
pub(super) fn date(time: Timestamp) -> Option<HeaderValue> {
    let time = jiff::Timestamp::from_microsecond(time.0).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        headers
    }

    fn said(value: &str) -> Result<(String, String), String> {
        metadata(&with("upload-metadata", value))
            .map(|said| (said.name, said.text))
            .map_err(|error| error.detail)
    }

    #[test]
    fn what_is_said_of_a_file_is_understood_and_written_anew() {
        let told = |name: &str, text: &str| Ok((name.to_owned(), text.to_owned()));
        assert_eq!(said("filename YS5jc3Y=,x"), told("a.csv", "filename YS5jc3Y=,x"));
        assert_eq!(said("  x  ,  name YS5jc3Y= "), told("a.csv", "x,name YS5jc3Y="));
        assert_eq!(said("filename YQ==,name Yg=="), told("a", "filename YQ==,name Yg=="));
        assert_eq!(said(""), told("file", ""));
        assert_eq!(metadata(&HeaderMap::new()).unwrap().name, "file");
        let all = shown("filename YS5jc3Y=,empty,bytes //4=");
        assert_eq!(all["filename"], "a.csv");
        assert_eq!((all["empty"].as_str(), all["bytes"].as_str()), ("", "\u{fffd}\u{fffd}"));
    }

    #[test]
    fn what_cannot_be_said_of_a_file_is_refused() {
        for bad in [
            "filename a.csv",
            "filename YS5jc3Y",
            "filename YS5jc3Y= more",
            ",",
            "filename YQ==,",
            "filename YQ==,filename Yg==",
            // `../x`, `a/b`, a line break and a header behind it, nothing, and no text.
            "filename Li4veA==",
            "filename YS9i",
            "filename YQ0KU2V0LUNvb2tpZTogeD0x",
            "filename ",
            "filename //4=",
            "k\tx YQ==",
            "k\u{e9} YQ==",
        ] {
            assert!(said(bad).is_err(), "{bad:?}: {:?}", said(bad));
        }
        assert!(said(&format!("x {}", "YWFh".repeat(2000))).unwrap_err().contains("4096"));
    }

    #[test]
    fn numbers_parts_and_checksums_are_what_they_are_or_refused() {
        let length =
            |value: &str| number(&with("upload-length", value), "upload-length").map_err(|e| e.detail);
        assert_eq!(length("0"), Ok(Some(0)));
        assert_eq!(length("99999999999999999999999"), Ok(Some(u64::MAX)));
        for bad in ["", "-1", "+1", "1.5", "1e3", " 1", "x"] {
            assert!(length(bad).is_err(), "{bad}");
        }
        let told = |value: &str| concat(&with("upload-concat", value)).map_err(|error| error.detail);
        let id = UploadId::generate();
        assert_eq!(told("partial"), Ok(Concat::Part));
        assert_eq!(
            told(&format!("final;/api/v1/uploads/tus/{id} https://x.example/y/{id}")),
            Ok(Concat::Of(vec![id.clone(), id.clone()]))
        );
        for bad in
            ["", "final", "final;", "final;/x", "Partial", &format!("final;{}", format!("{id} ").repeat(101))]
        {
            assert!(told(bad).is_err(), "{bad}");
        }
        let right = |value: &str| {
            let mut sum =
                Checksum::of(&with("upload-checksum", value)).map_err(|error| error.detail)?.unwrap();
            sum.update(b"hello ");
            sum.update(b"world");
            Ok::<_, String>(sum.matches())
        };
        assert_eq!(right("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="), Ok(true));
        assert_eq!(right("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="), Ok(true));
        assert_eq!(right("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="), Ok(false));
        for bad in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha1", "sha1 !", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert!(right(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_as_headers_have_them() {
        assert_eq!(date(Timestamp(1_780_000_000_000_000)).unwrap(), "Thu, 28 May 2026 20:26:40 GMT");
    }
}
