//! An error as the API says it (RFC 9457).

use serde::Deserialize;
use serde_json::Value;

/// `application/problem+json`. Every field may be absent: a proxy in between has its own ideas.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Problem {
    /// Address of the code's page.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Stable code.
    #[serde(default)]
    pub code: String,
    /// What the code means.
    #[serde(default)]
    pub title: String,
    /// What went wrong this time.
    #[serde(default)]
    pub detail: String,
    /// Names the request in the server's log.
    #[serde(default)]
    pub request_id: String,
    /// Its parts.
    #[serde(default)]
    pub errors: Vec<ProblemEntry>,
    /// What to do.
    #[serde(default)]
    pub cure: Option<String>,
}

/// One part of a problem.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ProblemEntry {
    /// JSON pointer into the request: `/parameters/start`.
    #[serde(default)]
    pub pointer: String,
    /// The rule that was broken: `maximum`.
    #[serde(default)]
    pub rule: Option<String>,
    /// The rule's value: `2001`.
    #[serde(default)]
    pub limit: Option<Value>,
    /// Where the rule stands: `pipeline.yaml:12:5`.
    #[serde(default)]
    pub source: Option<String>,
    /// What is wrong with this part.
    #[serde(default)]
    pub message: Option<String>,
}
