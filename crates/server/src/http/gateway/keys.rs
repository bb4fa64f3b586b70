//! The secret of an access key, while it counts: a key that has ended, was taken back, or is of a run that has ended has none.

use std::time::Duration;

use rigi_model::area::{AccessKey, Holder, KeyRights};
use rigi_model::people::PersonState;
use rigi_model::rights::Role;
use rigi_model::{ProjectName, Timestamp};
use rigi_store::StorageKey;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result, s3_error};

use super::words;
use crate::http::state::AppState;

/// Between two times that it is written down that a key was used.
const SEEN_EVERY: Duration = Duration::from_secs(300);

/// Finds secrets.
pub(super) struct Keys {
    pub state: AppState,
}

/// Whose an access key is.
pub(super) struct Owned {
    pub project: ProjectName,
    pub holder: Holder,
}

fn unknown() -> S3Error {
    s3_error!(InvalidAccessKeyId, "this access key is none, or was taken back")
}

/// Who holds a key, and of which project it opens files.
pub(super) async fn owner_of(state: &AppState, key: &AccessKey, now: Timestamp) -> S3Result<Owned> {
    if key.until().is_some_and(|until| until <= now) {
        return Err(s3_error!(ExpiredToken, "these credentials have ended: read them anew"));
    }
    match key {
        AccessKey::Run { run, .. } => {
            let run = match state.store().db().run_of_any(run).await {
                Err(rigi_store::Error::NotFound { .. }) => return Err(unknown()),
                found => found.map_err(|error| words::of(&error))?,
            };
            if run.status.state.is_terminal() {
                return Err(s3_error!(ExpiredToken, "the run has ended, and its credentials with it"));
            }
            Ok(Owned { project: run.request.project, holder: Holder::Run(run.request.id) })
        }
        AccessKey::Named(id) => {
            let found = state.store().db().storage_key(id).await.map_err(|error| words::of(&error))?;
            let found = found.ok_or_else(unknown)?;
            if found.until.is_some_and(|until| until <= now) {
                return Err(s3_error!(ExpiredToken, "this storage key has ended"));
            }
            let holder = holder_of(state, &found).await?;
            note_use(state, &found, now).await;
            Ok(Owned { project: found.project, holder })
        }
    }
}

/// What a key is for, and never more than who made it is now.
async fn holder_of(state: &AppState, key: &StorageKey) -> S3Result<Holder> {
    let wanted = match key.rights {
        KeyRights::Read => Holder::Reader,
        KeyRights::Write => Holder::Writer,
    };
    let Some(person) = &key.person else { return Ok(wanted) };
    let db = state.store().db();
    let account = match db.person(person).await {
        Err(rigi_store::Error::NotFound { .. }) => return Err(unknown()),
        found => found.map_err(|error| words::of(&error))?,
    };
    if account.state != PersonState::Active {
        return Err(unknown());
    }
    let standing = db.standing_of(person).await.map_err(|error| words::of(&error))?;
    match standing.role_in(&key.project) {
        None => Err(unknown()),
        Some(Role::Viewer) => Ok(Holder::Reader),
        Some(_) => Ok(wanted),
    }
}

/// Nobody waits for it, and nothing depends on it.
async fn note_use(state: &AppState, key: &StorageKey, now: Timestamp) {
    if key.used_at.is_none_or(|used| now.since(used) >= SEEN_EVERY)
        && let Err(error) = state.store().saw_storage_key(&key.id, now).await
    {
        tracing::debug!(%error, "when a storage key was used last is not written down");
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let key = AccessKey::parse(access_key).ok_or_else(unknown)?;
        let owned = owner_of(&self.state, &key, Timestamp::now()).await?;
        let secret = self.state.store().storage_secret(&owned.project, &key).await;
        let secret = secret.map_err(|error| words::of(&error))?.ok_or_else(unknown)?;
        Ok(SecretKey::from(secret.0))
    }
}
