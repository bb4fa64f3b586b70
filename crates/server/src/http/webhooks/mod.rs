//! Webhooks: signed ones, which people make ([`made`]) and to which others send ([`receive`]), and those of a spec's key as Fast-Flow has
//! them ([`keys`]).

mod calls;
mod deliveries;
mod keys;
mod made;
mod receive;

pub use calls::Calls;
pub(super) use calls::{Caller, OF_ADDRESS};

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// What people do with them.
pub(super) fn router() -> OpenApiRouter<AppState> {
    made::router().merge(deliveries::router())
}

/// Where others send to: who has not signed in.
pub(super) fn addresses() -> axum::Router<AppState> {
    keys::router().merge(receive::router())
}
