//! What is answered where something is wrong.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A problem, as RFC 9457 has it, with Rigi's members.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the documentation explains the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// Stable code.
    #[schema(example = "parameter-invalid")]
    pub code: String,
    /// What kind of problem.
    #[schema(example = "A parameter breaks its schema")]
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong this time.
    #[schema(example = "`start` is 2040 and may be at most 2001")]
    pub detail: String,
    /// Names the request in the server's log.
    pub request_id: String,
    /// Each single mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Value>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}
