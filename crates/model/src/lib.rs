//! Rigi's words as types: ids, pipeline specs, parameters, states and their transitions.
//!
//! Nothing here does I/O, reads a clock or knows of async: time comes in as a [`Timestamp`], and every rule is a
//! plain function that can be tested by itself.
#![forbid(unsafe_code)]

pub mod area;
pub mod attempt;
pub mod causes;
pub mod data;
pub mod error_code;
pub mod event;
pub mod expression;
pub mod flows;
pub mod hash;
pub mod id;
pub mod log;
pub mod mail;
pub mod name;
pub mod notices;
pub mod packages;
pub mod parameters;
pub mod people;
pub mod pipeline;
pub mod place;
pub mod project;
pub mod quantity;
pub mod reason;
pub mod repositories;
pub mod retry;
pub mod rights;
pub mod run;
pub mod run_config;
pub mod secret;
pub mod secret_source;
pub mod state;
pub mod target;
pub mod text;
pub mod time;
pub mod tools;
pub mod trigger;
pub mod triggers;
pub mod version;
pub mod webhooks;

pub use attempt::{AttemptKey, Exit, Usage};
pub use error_code::ErrorCode;
pub use hash::{ContentHash, VersionHash};
pub use id::{
    AuditId, BackfillId, GroupId, LinkId, MailId, NoticeId, PersonId, RunId, SessionId, StorageKeyId,
    TokenId, UploadId, WebhookId,
};
pub use name::{PipelineName, ProjectName};
pub use reason::Reason;
pub use state::{AttemptState, RunState};
pub use target::Target;
pub use time::Timestamp;
pub use trigger::{Actor, Trigger, TriggerKind};
