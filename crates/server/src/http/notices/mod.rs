//! Notices: channels and rules that people make, what became of each word, and programs that send some.

mod channels;
mod keys;
mod rules;
mod told;

use utoipa_axum::router::OpenApiRouter;

use super::error::{ApiError, ApiResult};
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    channels::router().merge(rules::router()).merge(told::router()).merge(keys::router())
}

/// Where programs send to: who has not signed in.
pub(super) fn addresses() -> axum::Router<AppState> {
    keys::addresses()
}

/// Names that people give to what they make here.
fn check_name(name: &str) -> ApiResult<()> {
    let is_name = name.len() <= 64
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if is_name {
        Ok(())
    } else {
        Err(ApiError::invalid("/name", "a name has up to 64 letters, digits and `-_.`"))
    }
}
