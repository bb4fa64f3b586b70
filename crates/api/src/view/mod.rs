//! What the API says: one type per answer and per request body. The OpenAPI file and the page's client are made from them.

mod account;
mod backfill;
mod cancel;
mod citation;
mod dataset;
mod flow;
mod join;
mod log;
mod mail;
mod notice;
mod packages;
mod people;
mod pipeline;
mod process_type;
mod project;
mod repository;
mod run;
mod schedule;
mod secret;
mod starts;
mod storage_key;
mod system;
mod trigger;
mod upload;
mod webhook;

pub use account::*;
pub use backfill::*;
pub use cancel::*;
pub use citation::*;
pub use dataset::*;
pub use flow::*;
pub use join::*;
pub use log::*;
pub use mail::*;
pub use notice::*;
pub use packages::*;
pub use people::*;
pub use pipeline::*;
pub use process_type::*;
pub use project::*;
pub use repository::*;
pub use run::*;
pub use schedule::*;
pub use secret::*;
pub use starts::*;
pub use storage_key::*;
pub use system::*;
pub use trigger::*;
pub use upload::*;
pub use webhook::*;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// In the order of the list. A page may hold fewer than asked for, even none, where a search took long: `next_cursor`
    /// goes on with it.
    pub items: Vec<T>,
    /// Hand this to the next call as `cursor`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
