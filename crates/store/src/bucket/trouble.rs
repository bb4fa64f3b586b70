//! What a bucket's refusals mean, in words with a cure.

use rigi_model::causes::with_causes;

use crate::Error;
use crate::storage::BucketConfig;

/// Where to look when nothing more is known.
pub(crate) const SEE_CHECK: &str = "`rigi storage check` says what is wrong; what waits goes on by itself";
const KEY: &str =
    "check `storage.access_key_id` and `storage.secret_access_key`, or the server's AWS_* variables";
const RIGHTS: &str = "give the server's key the rights of docs/operate/storage.md";

/// Codes of S3's errors, what they mean, and what to do.
const CODES: &[(&str, &str, &str)] = &[
    ("NoSuchBucket", "there is no such bucket", "make it, or correct `storage.url`"),
    ("InvalidAccessKeyId", "it does not know this access key", KEY),
    ("SignatureDoesNotMatch", "the secret of the access key is wrong", KEY),
    ("InvalidToken", "the session token is not valid", KEY),
    ("InvalidClientTokenId", "it does not know this access key", KEY),
    ("ExpiredToken", "the server's credentials have expired", KEY),
    ("AccessDenied", "this key may not do that", RIGHTS),
    ("AllAccessDisabled", "this key may not do that", RIGHTS),
    ("RequestTimeTooSkewed", "its clock and this machine's differ too much", "set the clock of this machine"),
    ("AuthorizationHeaderMalformed", "it is in another region", "correct `storage.region`"),
    ("PermanentRedirect", "it is in another region", "correct `storage.region`"),
    ("XMinioStorageFull", "it is full", "make room there"),
    ("XMinioAdminBucketQuotaExceeded", "the bucket's quota is used up", "raise it, or make room there"),
    ("QuotaExceeded", "the bucket's quota is used up", "raise it, or make room there"),
    ("SlowDown", "it asks for fewer requests", SEE_CHECK),
];

/// A configuration that no client can be made of.
pub(super) fn unusable(config: &BucketConfig, error: &object_store::Error) -> Error {
    let place = format!("{}://{}", config.kind.scheme(), config.bucket);
    Error::Storage { what: format!("{place}: {}", innermost(error)), cure: "check the keys of `[storage]`" }
}

/// What a failed call means. `what` was being done: `write s3://…`.
pub(super) fn of(what: &str, error: &object_store::Error) -> Error {
    let text = with_causes(error);
    if let Some((_, meaning, cure)) = code_of(&text).and_then(|code| CODES.iter().find(|c| c.0 == code)) {
        return Error::Storage { what: format!("cannot {what}: {meaning}"), cure };
    }
    let (why, cure) = match error {
        object_store::Error::PermissionDenied { .. } => ("this key may not do that".to_owned(), RIGHTS),
        object_store::Error::Unauthenticated { .. } => ("it does not know this key".to_owned(), KEY),
        object_store::Error::NotFound { .. } => ("it is not there".to_owned(), SEE_CHECK),
        _ if text.contains("507 ") => ("it is full".to_owned(), "make room there"),
        _ => (innermost(error), SEE_CHECK),
    };
    Error::Storage { what: format!("cannot {what}: {why}"), cure }
}

/// Whether a call failed because there is no such object, and not for want of the bucket.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && code_of(&with_causes(error)).is_none_or(|code| code == "NoSuchKey")
}

/// Whether it was refused for want of a right.
pub(super) fn is_refusal(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::PermissionDenied { .. })
        || with_causes(error).contains("AccessDenied")
}

/// The code of an answer of S3's.
pub(super) fn code_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// The code's meaning and cure.
pub(super) fn meaning_of(code: &str) -> Option<(&'static str, &'static str)> {
    CODES.iter().find(|known| known.0 == code).map(|(_, meaning, cure)| (*meaning, *cure))
}

/// The cause of all causes, in one line.
fn innermost(error: &object_store::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}
