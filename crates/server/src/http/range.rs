//! Parts of a file (RFC 9110, section 14): one range is answered by itself; several, or what is no range, by the whole.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rigi_model::ErrorCode;

use super::error::ApiError;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes; never none.
    Part(Range<u64>),
    /// Nothing that it has.
    Beyond,
}

/// What a request asks of a file of this size and tag.
pub(super) fn wanted(headers: &HeaderMap, size: u64, tag: &str) -> Wanted {
    // Only for the content that the reader has a part of already. A date is none of ours.
    if headers.get(header::IF_RANGE).is_some_and(|known| known.as_bytes() != tag.as_bytes()) {
        return Wanted::Whole;
    }
    let mut all = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (all.next(), all.next()) else { return Wanted::Whole };
    range.to_str().ok().and_then(|text| parse(text, size)).unwrap_or(Wanted::Whole)
}

/// `bytes=0-499`, `bytes=500-`, `bytes=-500`; `None` for anything else.
fn parse(text: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
    // A number that is too large is beyond the end of any file.
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (number(first), number(last)) {
        (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..size.min(last.saturating_add(1)),
        _ => return None,
    };
    Some(if range.is_empty() { Wanted::Beyond } else { Wanted::Part(range) })
}

/// The answer to who asks for what is not there.
pub(super) fn beyond(size: u64) -> Response {
    let error = ApiError::new(ErrorCode::RequestInvalid, format!("the file ends at byte {size}"));
    let mut response = error.status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
    insert(response.headers_mut(), &format!("bytes */{size}"));
    response
}

/// Says which part an answer is.
pub(super) fn mark(response: &mut Response, part: &Range<u64>, size: u64) {
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    insert(response.headers_mut(), &format!("bytes {}-{}/{size}", part.start, part.end - 1));
}

fn insert(headers: &mut HeaderMap, range: &str) {
    if let Ok(value) = HeaderValue::from_str(range) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &[&'static str], if_range: Option<&'static str>, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        for range in range {
            headers.append(header::RANGE, HeaderValue::from_static(range));
        }
        headers.extend(if_range.map(|known| (header::IF_RANGE, HeaderValue::from_static(known))));
        wanted(&headers, size, "\"tag\"")
    }

    #[test]
    fn one_range_is_a_part_and_everything_else_the_whole() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=2-", 2..10),
            ("Bytes = 2-99", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=0-99999999999999999999999", 0..10),
        ] {
            assert_eq!(of(&[range], None, 10), Wanted::Part(part), "{range}");
        }
        for whole in
            ["bytes=0-1,3-4", "lines=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes=+1-2", "0-1", ""]
        {
            assert_eq!(of(&[whole], None, 10), Wanted::Whole, "{whole}");
        }
        assert_eq!(of(&["bytes=0-1", "bytes=3-4"], None, 10), Wanted::Whole);
        assert_eq!(of(&[], None, 10), Wanted::Whole);
    }

    #[test]
    fn what_is_not_there_is_beyond() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(&[range], None, 10), Wanted::Beyond, "{range}");
        }
        assert_eq!(of(&["bytes=0-"], None, 0), Wanted::Beyond);
    }

    #[test]
    fn a_part_is_of_the_content_that_is_known() {
        assert_eq!(of(&["bytes=2-"], Some("\"tag\""), 10), Wanted::Part(2..10));
        for other in ["\"other\"", "W/\"tag\"", "Sat, 29 Nov 2026 00:00:00 GMT"] {
            assert_eq!(of(&["bytes=2-"], Some(other), 10), Wanted::Whole, "{other}");
        }
        assert_eq!(beyond(10).status(), StatusCode::RANGE_NOT_SATISFIABLE);
    }
}
