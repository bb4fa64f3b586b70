//! Notices: channels and rules that people make, what became of each word, and programs that send some.

mod channels;
mod keys;
mod rules;
mod told;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    channels::router().merge(rules::router()).merge(told::router()).merge(keys::router())
}

/// Where programs send to: who has not signed in.
pub(super) fn addresses() -> axum::Router<AppState> {
    keys::addresses()
}
