//! Signed webhooks: who sends what, whether a body is theirs, and which parameters it becomes. Pure: time is a parameter.

mod mapping;
mod verify;

pub use mapping::{Asked, names_of};
pub use verify::{Refusal, Verified, verify};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expression::Expression;
use crate::state::text_enum;

/// Bytes of a body at most.
pub const LARGEST_BODY: usize = 1 << 20;
/// Calls of one webhook within a minute, unless it says otherwise.
pub const PER_MINUTE: u32 = 600;
/// The most that it may say.
pub const MOST_PER_MINUTE: u32 = 1_000_000;

text_enum! {
    /// By which rules a sender signs.
    WebhookKind {
        /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
        Standard = "standard",
        /// GitHub: `X-Hub-Signature-256`.
        Github = "github",
        /// Gitea and Forgejo: `X-Gitea-Signature`.
        Gitea = "gitea",
        /// GitLab: the secret itself, as `X-Gitlab-Token`.
        Gitlab = "gitlab",
    }
}

text_enum! {
    /// What became of a delivery.
    DeliveryOutcome {
        /// It started a run.
        Run = "run",
        /// Its `when` did not hold.
        Ignored = "ignored",
        /// It was refused: who sent it is told why.
        Refused = "refused",
    }
}

/// What a webhook does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookSpec {
    /// Whose runs it starts.
    pub pipeline: String,
    /// By which rules its sender signs.
    pub kind: WebhookKind,
    /// The entry of the pipeline's `schedules` whose words count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Parameters of its runs: values in which texts may have `${…}` over `body`, `headers`, `event`, `id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// What is to hold for a run to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    /// Calls within a minute.
    pub per_minute: u32,
}
