//! Who asks, as far as people are concerned: by what they are known, and what is written down of what they do.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::people::{Carrier, Deed};

use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::state::AppState;
use crate::auth::{Account, People, Principal};

/// Characters that are kept of what a browser says of itself.
const AGENT: usize = 200;

/// See the module.
pub(super) struct Asker {
    pub state: AppState,
    pub principal: Principal,
    pub client: Client,
    /// What the browser says that it is.
    pub agent: Option<String>,
}

impl Asker {
    /// People of this server.
    ///
    /// # Errors
    /// If it has none: it is one person's.
    pub(super) fn people(&self) -> ApiResult<&People> {
        self.state.auth.people.as_ref().ok_or_else(|| {
            ApiError::new(ErrorCode::StateConflict, "this server is one person's: it has no accounts")
                .cure("Start it with `rigi up --team`, or set `people.enabled`.")
        })
    }

    /// The account of whoever asks.
    ///
    /// # Errors
    /// If they have none.
    pub(super) fn account(&self) -> ApiResult<&Account> {
        self.people()?;
        self.principal.account.as_ref().ok_or_else(|| {
            ApiError::new(ErrorCode::StateConflict, "the server's own token has no account")
                .cure("Sign in as somebody: `rigi login`.")
        })
    }

    /// Who they are, to those who get mail from them.
    pub(super) fn signature(&self) -> &str {
        self.principal.account.as_ref().map_or("An administrator", |account| &account.person.name)
    }

    /// What is written down of what they do.
    pub(super) fn deed(&self) -> Deed {
        let account = self.principal.account.as_ref();
        let via = match account.map(|account| &account.carrier) {
            Some(Carrier::Session(id)) => format!("session {id}"),
            Some(Carrier::Token(id)) => format!("token {id}"),
            None => "server".to_owned(),
        };
        Deed {
            actor: self.principal.actor.as_str().to_owned(),
            actor_id: account.map(|account| account.person.id.clone()),
            via,
            address: self.client.address.map(|address| address.to_string()),
            request: Some(super::request::id().to_string()),
            at: Timestamp::now(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker
where
    AppState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let principal = parts.extensions.get::<Principal>().cloned().unwrap_or_else(Principal::nobody);
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.map(|agent| agent.chars().take(AGENT).collect());
        Ok(Self { state: AppState::from_ref(state), principal, client, agent })
    }
}
