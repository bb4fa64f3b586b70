//! Between the store's words and those of S3.

use std::time::{Duration, SystemTime};

use rigi_model::Timestamp;
use rigi_store::Error;
use rigi_store::area::{FileFacts, Said};
use s3s::dto::{ETag, ETagCondition, Metadata, Timestamp as S3Time};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::http::file_answers;

/// A failure of the store, as S3's clients understand it: what may pass is worth another try to them.
pub(super) fn of(error: &Error) -> S3Error {
    match error {
        Error::NotFound { what: "upload", .. } => {
            s3_error!(NoSuchUpload, "no such upload is under way for this key")
        }
        Error::NotFound { .. } => s3_error!(NoSuchKey, "there is no such file"),
        Error::Parts(_) => S3Error::with_message(S3ErrorCode::InvalidPart, error.to_string()),
        Error::Conflict(why) => S3Error::with_message(S3ErrorCode::InvalidArgument, why.clone()),
        Error::Full(_) => {
            let mut full = s3_error!(ServiceUnavailable, "the disk of the storage is full");
            full.set_status_code(axum::http::StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        // A body that breaks, or is not what its checksum says.
        Error::Sent(source) => match source.get_ref().and_then(|inner| inner.downcast_ref::<S3Error>()) {
            Some(told) => {
                let message = told.message().unwrap_or_default().to_owned();
                S3Error::with_message(told.code().clone(), message)
            }
            None => s3_error!(IncompleteBody, "the body broke, or is not what its signature says"),
        },
        error => {
            tracing::warn!(%error, "a signed request failed");
            s3_error!(ServiceUnavailable, "the storage cannot be used now: {error}")
        }
    }
}

pub(super) fn time(at: Timestamp) -> S3Time {
    let since = Duration::from_micros(u64::try_from(at.0).unwrap_or(0));
    (SystemTime::UNIX_EPOCH + since).into()
}

pub(super) fn etag(facts: &FileFacts) -> ETag {
    ETag::Strong(facts.etag.clone())
}

/// What is said of a file that is written.
pub(super) fn said(media_type: Option<String>, metadata: Option<Metadata>) -> Said {
    Said { media_type, metadata: metadata.unwrap_or_default().into_iter().collect() }
}

/// What a file is, by its name, where nobody said it.
pub(super) fn media_type(key: &str, said: &Said) -> String {
    said.media_type.clone().unwrap_or_else(|| file_answers::media_type(key).to_owned())
}

/// What has to hold for a file to be read.
pub(super) struct Conditions<'a> {
    pub matches: Option<&'a ETagCondition>,
    pub matches_not: Option<&'a ETagCondition>,
    pub modified_since: Option<&'a S3Time>,
    pub unmodified_since: Option<&'a S3Time>,
}

impl Conditions<'_> {
    /// As RFC 9110 has it: what names a content counts more than a time.
    pub fn check(&self, facts: &FileFacts) -> S3Result<()> {
        let (own, at) = (etag(facts), time(Timestamp(facts.modified.0 / 1_000_000 * 1_000_000)));
        let is = |wanted: &ETagCondition| match wanted {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => wanted.weak_cmp(&own),
        };
        let changed = || s3_error!(PreconditionFailed, "the file is another one by now");
        match (self.matches, self.unmodified_since) {
            (Some(wanted), _) if !is(wanted) => return Err(changed()),
            (None, Some(since)) if at > *since => return Err(changed()),
            _ => {}
        }
        match (self.matches_not, self.modified_since) {
            (Some(unwanted), _) if is(unwanted) => Err(S3ErrorCode::NotModified.into()),
            (None, Some(since)) if at <= *since => Err(S3ErrorCode::NotModified.into()),
            _ => Ok(()),
        }
    }
}
