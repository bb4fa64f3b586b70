//! Secrets: what may be told of them. No value is ever in an answer.

use rigi_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A secret of a project, without its value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretView {
    /// Its name: that of an environment variable.
    #[schema(example = "API_KEY")]
    pub name: String,
    /// Raised each time that it is set or removed.
    #[schema(example = 3)]
    pub version: u64,
    /// Who set it.
    #[schema(example = "you")]
    pub set_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub set_at: Timestamp,
    /// Where its value lies and is taken from when a run starts; absent: it is stored here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "vault:secret/lab/db#password")]
    pub from: Option<String>,
}

/// What a secret is to hold: a value, or where it is taken from.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// 6 characters to 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password, write_only)]
    pub value: Option<String>,
    /// Instead of a value: `env:NAME`, `file:/path`, or `vault:mount/path#field` (`…#field@3` for one version), as far as the server's
    /// operator allows it (`secrets.from`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "vault:secret/lab/db#password")]
    pub from: Option<String>,
}

impl std::fmt::Debug for SetSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetSecret")
    }
}

/// Secrets as a `.env` file has them.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSecrets {
    /// `NAME=value` a line.
    #[schema(format = Password, write_only)]
    pub text: String,
}

impl std::fmt::Debug for ImportSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImportSecrets")
    }
}

/// A key that was replaced.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyReplaced {
    /// Keys of projects that were sealed anew.
    pub projects: u64,
}
