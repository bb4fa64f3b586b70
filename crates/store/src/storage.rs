//! Where stored files lie: in the data folder, in another folder, or in a bucket of S3's or Google's kind.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rigi_model::ProjectName;

/// Where stored files lie.
#[derive(Debug, Clone, Default)]
pub enum Storage {
    /// In the data folder.
    #[default]
    Data,
    /// In a folder of their own.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Box<BucketConfig>),
}

/// An address of stored files, as one writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// Nothing was written.
    Data,
    /// `/srv/rigi`, `file:///srv/rigi`.
    Folder(PathBuf),
    /// `s3://bucket/prefix`, `gs://bucket/prefix`.
    Bucket {
        /// What it speaks.
        kind: BucketKind,
        /// Its name.
        bucket: String,
        /// Without slashes around it; may be empty.
        prefix: String,
    },
}

/// What a bucket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketKind {
    /// Amazon's S3, and what speaks as it does: MinIO and friends.
    S3,
    /// Google Cloud Storage.
    Google,
}

impl BucketKind {
    /// As addresses begin.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// What it speaks.
    pub kind: BucketKind,
    /// Its name.
    pub bucket: String,
    /// What all keys begin with, without slashes around it; may be empty.
    pub prefix: String,
    /// Where it answers, if that does not follow from its kind.
    pub endpoint: Option<String>,
    /// Region; that of the environment, else `us-east-1`.
    pub region: Option<String>,
    /// Key; those of the environment or the machine unless it is given.
    pub access_key_id: Option<String>,
    /// The key's secret.
    pub secret_access_key: Option<Hidden>,
    /// Role that runs' credentials are made from.
    pub role: Option<String>,
    /// Where these are made, if not at the endpoint or at Amazon's.
    pub sts_endpoint: Option<String>,
    /// How long they last; `None`: runs get none.
    pub credentials_for: Option<Duration>,
    /// How long what nothing refers to is left alone: within half of it, what is stored again need not be touched.
    pub collect_after: Duration,
    /// Projects that have their files in another bucket, or below another prefix, reached in the same way.
    pub own: BTreeMap<ProjectName, OwnPlace>,
}

/// Where a project has its files that are not with all others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPlace {
    /// Name of the bucket.
    pub bucket: String,
    /// As [`BucketConfig::prefix`]; the project's name follows.
    pub prefix: String,
}

impl BucketConfig {
    /// The same for another place.
    #[must_use]
    pub fn at(&self, place: &OwnPlace) -> Self {
        let OwnPlace { bucket, prefix } = place.clone();
        Self { bucket, prefix, own: BTreeMap::new(), ..self.clone() }
    }
}

impl Storage {
    /// Where it answers, if that is elsewhere.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let Self::Bucket(config) = self else { return None };
        Some(config.endpoint.clone().unwrap_or_else(|| match config.kind {
            BucketKind::S3 => {
                let region = config.region.as_deref().unwrap_or("us-east-1");
                format!("https://s3.{region}.amazonaws.com")
            }
            BucketKind::Google => "https://storage.googleapis.com".to_owned(),
        }))
    }
}

impl StorageUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// With what is wrong, to go on after the name of the key that holds it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Data);
        }
        let folder = text.strip_prefix("file://").unwrap_or(text);
        if folder.starts_with('/') {
            return Ok(Self::Folder(folder.into()));
        }
        for kind in [BucketKind::S3, BucketKind::Google] {
            if let Some(rest) = text.strip_prefix(kind.scheme()).and_then(|rest| rest.strip_prefix("://")) {
                return Self::bucket(kind, rest).map_err(|why| format!("is `{text}`: {why}"));
            }
        }
        Err(format!(
            "is `{text}` and must be empty (the data folder), a full path, `s3://bucket/prefix` or `gs://bucket/prefix`"
        ))
    }

    fn bucket(kind: BucketKind, rest: &str) -> Result<Self, String> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let of_bucket = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        if !(3..=222).contains(&bucket.len()) || !bucket.bytes().all(of_bucket) {
            return Err("the name of a bucket has 3 or more of a-z, 0-9, `-`, `.`, `_`".into());
        }
        let prefix = prefix.trim_end_matches('/');
        // What means something in policies, or to those who read addresses, stays out of keys.
        let of_prefix = |b: u8| b.is_ascii_alphanumeric() || b"-._=".contains(&b);
        let segment =
            |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(of_prefix);
        if !prefix.is_empty() && !prefix.split('/').all(segment) {
            return Err("a prefix has letters, digits, `-`, `.`, `_` and `=` between single slashes".into());
        }
        Ok(Self::Bucket { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_what_is_none_says_why() {
        let bucket = |kind, bucket: &str, prefix: &str| {
            Ok(StorageUrl::Bucket { kind, bucket: bucket.into(), prefix: prefix.into() })
        };
        assert_eq!(StorageUrl::parse(""), Ok(StorageUrl::Data));
        assert_eq!(StorageUrl::parse("/srv/x"), Ok(StorageUrl::Folder("/srv/x".into())));
        assert_eq!(StorageUrl::parse("file:///srv/x"), Ok(StorageUrl::Folder("/srv/x".into())));
        assert_eq!(StorageUrl::parse("s3://data"), bucket(BucketKind::S3, "data", ""));
        assert_eq!(StorageUrl::parse("s3://data/a/b/"), bucket(BucketKind::S3, "data", "a/b"));
        assert_eq!(StorageUrl::parse("gs://data/a"), bucket(BucketKind::Google, "data", "a"));
        for wrong in ["data", "s3:/data", "s3://", "s3://AB", "s3://data/*", "s3://data/../x", "http://data"]
        {
            assert!(StorageUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
