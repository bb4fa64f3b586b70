//! Asking to be in a project.

use std::collections::BTreeMap;

use rigi_model::rights::Role;
use rigi_model::{PersonId, ProjectName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project that one may ask to be in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JoinableView {
    /// Its name.
    #[schema(value_type = String, example = "air-quality")]
    pub name: ProjectName,
    /// Words to find it by.
    pub labels: BTreeMap<String, String>,
    /// One has asked, and was not answered.
    pub asked: bool,
}

/// A wish to be in a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskToJoin {
    /// Its name.
    #[schema(example = "air-quality")]
    pub project: String,
    /// What its owners should know; up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Somebody who wants to be in a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JoinRequestView {
    /// Who.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// What they say.
    pub note: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What they become.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Their role.
    #[schema(value_type = String, example = "viewer")]
    pub role: Role,
}
