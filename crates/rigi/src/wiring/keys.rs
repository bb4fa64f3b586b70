//! Opens what is remembered with the key that opens it, wherever that lies; and what follows the references of secrets.

use std::path::Path;

use rigi_model::ErrorCode;
use rigi_store::references::{Unresolved, Vault};
use rigi_store::seat::Election;
use rigi_store::{GivenKey, Migrate, Renew, Store};

use super::error::of_store;
use super::parts::database;
use crate::config::{Config, Seat};
use crate::trouble::Trouble;

/// Opens the store, to lead or to follow.
pub(super) async fn open_store(config: &Config, data: &Path, renew: Renew) -> Result<Store, Trouble> {
    // What cannot be used is refused when the configuration is read.
    let vault = config.vault().ok().flatten();
    let key = key(config, vault.as_ref(), data).await.map_err(|Unresolved { why, cure, .. }| {
        Trouble::new(ErrorCode::StorageUnavailable, format!("the server's key cannot be had: {why}"), &cure)
    })?;
    let store = opened(config, data, renew, key).await.map_err(|e| of_store(&e))?;
    if let Some(vault) = vault.clone().filter(Vault::has_own_token) {
        tokio::spawn(vault.keep_renewed());
    }
    store.follow_references(config.references(vault));
    Ok(store)
}

async fn key(config: &Config, vault: Option<&Vault>, data: &Path) -> Result<Option<GivenKey>, Unresolved> {
    let given = match (&config.secrets.vault_key, &config.secrets.vault_transit, vault) {
        (Some(place), _, Some(vault)) => vault.key(&place.0).await?,
        (_, Some(transit), Some(vault)) => vault.wrapped_key(transit, data).await?,
        _ => return Ok(config.given_key()),
    };
    // Where it was given another way before, that one is named.
    Ok(Some(GivenKey { former: config.former_key().or(given.former), ..given }))
}

async fn opened(
    config: &Config,
    data: &Path,
    renew: Renew,
    key: Option<GivenKey>,
) -> rigi_store::Result<Store> {
    let (database, files) = (database(config, data), config.stored_files());
    let election = match config.server.seat {
        Seat::Leader => None,
        Seat::Follower => return Store::follow(&database, data, &files, key).await,
        Seat::Auto => Some(Election::hold(&database).await?),
    };
    if election.as_ref().is_some_and(Election::is_led) {
        // Of a newer version: what it adds is nothing to the one that leads, which serves on. One at a time does so.
        Store::migrate(&database, Some(Migrate::Up)).await?;
        return Store::follow(&database, data, &files, key).await;
    }
    let store = Store::open_at(&database, data, &files, renew, key).await?;
    store.lead().await?;
    Ok(store)
}
