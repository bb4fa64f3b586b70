//! Datasets: named sets of files by content, in versions that never change.

use std::collections::BTreeMap;

use rigi_model::data::{ChangeKind, MadeFrom};
use rigi_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetView {
    /// Its name in the project.
    #[schema(example = "sea/level")]
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Nothing of it is removed.
    pub protected: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When something of it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// Tags, and the versions that they lead to.
    pub tags: BTreeMap<String, u32>,
    /// The newest version; none where all were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<DatasetVersionView>,
}

/// A version of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetVersionView {
    /// Its number, from 1.
    #[schema(example = 3)]
    pub version: u32,
    /// The hash of its root folder: versions with the same hold the same files.
    pub root: String,
    /// Files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes of those that the version before it has not.
    pub own_bytes: u64,
    /// `upload`, `output` of a run, or `change` of another version.
    #[schema(value_type = String, example = "upload")]
    pub made_from: MadeFrom,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// What its maker says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The run that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// As which of its outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// When it was just added: whether it is new. One with the same files as the newest is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
}

/// A content by its hash.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentRef {
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Contents.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Each.
    pub contents: Vec<ContentRef>,
}

/// A file of a version that is to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetFile {
    /// Its path: relative, with `/` between folders.
    #[schema(example = "2024/may.csv")]
    pub path: String,
    /// Hash of its content, which is stored already.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// A version that is to be: all of its files, or another version with changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddDatasetVersion {
    /// All files; with `base`, those that are new or others than there.
    pub files: Vec<DatasetFile>,
    /// The version that is changed: a number, a tag, or `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// With `base`: paths of files and folders that are taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// What you say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is said of a dataset; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDataset {
    /// For people; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether nothing of it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
}

/// Which version a tag leads to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagDataset {
    /// Its number.
    pub version: u32,
}

/// An entry of a folder of a version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetEntry {
    /// Its whole path.
    #[schema(example = "2024/may.csv")]
    pub path: String,
    /// `file` or `folder`.
    #[schema(example = "file")]
    pub kind: String,
    /// Bytes; of a folder, of all files below.
    pub size: u64,
    /// Of a folder: files below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Hash of its content, or of the folder.
    pub sha256: String,
}

/// What differs between two versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetChange {
    /// Its path; a folder that was added or removed stands for all below it.
    pub path: String,
    /// `added`, `removed`, `changed`.
    #[schema(value_type = String, example = "changed")]
    pub kind: ChangeKind,
    /// `file` or `folder`.
    pub of: String,
    /// Bytes before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Bytes after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// The differences of two versions, up to some thousand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetDiff {
    /// The version before.
    pub from: u32,
    /// The version after.
    pub to: u32,
    /// What differs, by path.
    pub changes: Vec<DatasetChange>,
    /// Whether there is more than that.
    pub more: bool,
}

/// Where a version comes from, and where it was used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineageView {
    /// Versions of datasets and runs; the first is what was asked for.
    pub nodes: Vec<LineageNode>,
    /// From one to the other, by their ids.
    pub edges: Vec<LineageEdge>,
    /// Whether there is more than is told.
    pub more: bool,
}

/// A version of a dataset, or a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineageNode {
    /// `sea/level@3`, or a run's id.
    pub id: String,
    /// `dataset` or `run`.
    pub kind: String,
    /// Of a run: its pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
}

/// Something was made of something: a run was given a version, or left it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LineageEdge {
    /// Id of what came before.
    pub from: String,
    /// Id of what came of it.
    pub to: String,
    /// The input or the output.
    pub by: String,
}
