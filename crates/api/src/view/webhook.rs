//! Signed webhooks, and what came to them.

use std::collections::BTreeMap;

use rigi_model::webhooks::{DeliveryOutcome, WebhookKind};
use rigi_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A webhook. Its secret is shown when it is made, and never again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WebhookView {
    /// What it is called.
    #[schema(example = "pushes")]
    pub name: String,
    /// Whose runs it starts.
    #[schema(example = "co2-trend")]
    pub pipeline: String,
    /// `standard`, `github`, `gitea`, `gitlab`.
    #[schema(value_type = String, example = "github")]
    pub kind: WebhookKind,
    /// Where its sender posts to, below the server's address.
    #[schema(example = "/api/hooks/hook_01JD5Y2Z9V3Q8W7E6R5T4Y3U2I")]
    pub path: String,
    /// The entry of the pipeline's `schedules` whose words count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Parameters of its runs; texts may have `${…}` over `body`, `headers`, `event`, `id`.
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// What is to hold for a run to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "event == 'push'")]
    pub when: Option<String>,
    /// Calls within a minute.
    #[schema(example = 600)]
    pub per_minute: u32,
    /// Since when it takes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// Until when the secret that was replaced counts as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub former_until: Option<Timestamp>,
    /// What came last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<DeliveryView>,
    /// The secret that its sender signs with; shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What a webhook is to do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWebhook {
    /// Whose runs it starts.
    pub pipeline: String,
    /// By which rules its sender signs: `standard`, `github`, `gitea`, `gitlab`; `standard` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The secret that its sender has already; one is made unless told, and where it has one that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The entry of the pipeline's `schedules` whose words count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Parameters of its runs; texts may have `${…}` over `body`, `headers`, `event`, `id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// What is to hold for a run to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Calls within a minute, 1 to 1,000,000; 600 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Whether it takes nothing for now.
    #[serde(default)]
    pub paused: bool,
}

/// Something that came to a webhook.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Names it among those of the webhook.
    pub id: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it tells of, as its sender calls that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "push")]
    pub event: Option<String>,
    /// `run`, `ignored`, `refused`.
    #[schema(value_type = String, example = "run")]
    pub outcome: DeliveryOutcome,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The delivery that this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again_of: Option<String>,
    /// What it came with; of one alone, and where its body is kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its body; of one alone, and where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}
