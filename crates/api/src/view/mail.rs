//! Mails: what became of them, and by which mail server they go.

use rigi_model::mail::{MailKind, MailState};
use rigi_model::{MailId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A mail; its text is shown to nobody.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MailView {
    /// Its id, which is in its `Message-ID`.
    #[schema(value_type = String)]
    pub id: MailId,
    /// `invitation`, `reset`, `sign-in`, `confirm`, `changed` or `test`.
    #[schema(value_type = String, example = "invitation")]
    pub kind: MailKind,
    /// To which address.
    pub to: String,
    /// `waiting`, `sent` or `failed`.
    #[schema(value_type = String, example = "sent")]
    pub state: MailState,
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
    /// When it was sent, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// By which mail server mail goes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MailServerView {
    /// Name and port.
    #[schema(example = "mail.example.org:587")]
    pub server: String,
    /// How what is said to it is encrypted: `starttls`, `tls` or `none`.
    #[schema(example = "starttls")]
    pub tls: String,
    /// Who writes.
    #[schema(example = "Rigi <rigi@example.org>")]
    pub from: String,
}

/// What became of mails.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MailLog {
    /// By which mail server they go; absent: none is set up, and links are handed on by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<MailServerView>,
    /// How many wait.
    pub waiting: u64,
    /// Mails, the newest first.
    pub items: Vec<MailView>,
    /// Hand this to the next call as `cursor`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Sends a mail as a test.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestMail {
    /// To which address; that of the account that asks unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}
