//! Uploaded files, and those that are on their way.

use std::collections::BTreeMap;

use rigi_model::{Timestamp, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadView {
    /// Use it in `inputs`.
    #[schema(value_type = String, example = "upl_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")]
    pub id: UploadId,
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, hex.
    pub sha256: String,
}

/// An upload that comes in pieces.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenUploadView {
    /// Its id, and that of the upload that it becomes.
    #[schema(value_type = String, example = "upl_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")]
    pub id: UploadId,
    /// File name.
    pub name: String,
    /// Bytes that it will have.
    pub size: u64,
    /// Bytes that are there.
    pub offset: u64,
    /// What whoever began it said of it.
    pub metadata: BTreeMap<String, String>,
    /// It is a part of another, and becomes no upload of its own.
    pub is_part: bool,
    /// SHA-256 of the content, hex, when it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// When it is forgotten, if nothing more comes.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
