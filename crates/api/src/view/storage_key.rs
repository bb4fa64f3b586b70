//! Keys to the files of a project, for S3's tools.

use rigi_model::Timestamp;
use rigi_model::area::KeyRights;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A storage key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StorageKeyView {
    /// What it is called.
    pub name: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `read`, or `write`: `uploads/` too.
    #[schema(value_type = String, example = "read")]
    pub rights: KeyRights,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom. The key is never more than they are.
    pub made_by: String,
    /// When it ends; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// When it was used last, to some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
}

/// A storage key with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewStorageKeyView {
    /// What is kept of it.
    pub key: StorageKeyView,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// What it opens: `s3://rigi/PROJECT/`.
    pub storage: String,
}

/// Makes a storage key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeStorageKey {
    /// What it is called.
    pub name: String,
    /// `read` unless told; `write` also writes `uploads/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rights: Option<KeyRights>,
    /// When it ends, as a time from now such as `30d`; 90 days unless told, `none` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "90d")]
    pub expires_in: Option<String>,
}

/// What a part of a project's files takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageUse {
    /// `blobs` (code, inputs, artifacts, datasets, by content), `logs`, `uploads`, `processes` (what runs have written themselves), `parts`
    /// (of files that are on their way).
    pub part: String,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}
