//! Notices: channels, rules, trouble that goes on, and what became of each word.

use rigi_model::notices::{ChannelKind, NoticeKind, NoticeState};
use rigi_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where somebody is told. What leads there is shown to nobody.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// What it is called.
    #[schema(example = "team")]
    pub name: String,
    /// `mail`, `slack`, `teams`, `discord`, `ntfy`, `webhook`.
    #[schema(value_type = String, example = "slack")]
    pub kind: ChannelKind,
    /// The host that it leads to, or how many addresses of mail.
    #[schema(example = "hooks.slack.com")]
    pub leads_to: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// What a `webhook` is signed with; shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What a channel is to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetChannel {
    /// `mail`, `slack`, `teams`, `discord`, `ntfy`, `webhook`.
    pub kind: String,
    /// Where it leads: an https address; of `mail`, addresses with commas between them.
    pub target: String,
}

/// What is told, and to whom.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// What it is called.
    #[schema(example = "failures")]
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub rule: SetRule,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
}

/// What a rule is to say.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRule {
    /// Of what: `failed`, `recovered`, `succeeded`, `slow`, `missed`, `waiting`, `stopped`, `soft-limit`, `storage`, `approval`, `vulnerable`, `sync`.
    #[schema(example = json!(["failed", "recovered"]))]
    pub on: Vec<String>,
    /// Names of pipelines, in which `*` stands for anything; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipelines: Vec<String>,
    /// Names of channels.
    pub channels: Vec<String>,
    /// What comes within this time is told together, such as `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When nobody is told; what comes then is told afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// How long a run may wait; 30 minutes unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_after: Option<String>,
    /// The text instead of ours, with `${…}` over `pipeline`, `run`, `state`, `reason`, `message`, `failures`, `title`, `text`, `kind`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Whether it tells nothing for now.
    #[serde(default)]
    pub paused: bool,
}

/// From one time of the day to another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Such as `22:00`.
    pub from: String,
    /// Such as `07:00`.
    pub to: String,
    /// IANA name; UTC unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Trouble of one kind and pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IncidentView {
    /// Its id.
    pub id: String,
    /// Of which kind.
    #[schema(value_type = String, example = "failed")]
    pub kind: NoticeKind,
    /// Of which pipeline; absent: of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// How often it has happened.
    pub count: u32,
    /// When it happened last.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// The run that it happened to last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub last_run: Option<RunId>,
    /// When it was over; absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

/// A notice, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// Its id.
    pub id: String,
    /// Of what.
    #[schema(value_type = String, example = "failed")]
    pub kind: NoticeKind,
    /// By which rule; absent: by none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// To which channel.
    pub channel: String,
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// Of which pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Of which run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// `waiting`, `sent`, `dead`.
    #[schema(value_type = String, example = "sent")]
    pub state: NoticeState,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Why the last try went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was taken, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// A key of a program that sends notices.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NoticeKeyView {
    /// What it is called.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// The key; shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
