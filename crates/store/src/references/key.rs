//! The server's key from Vault: as a field of its KV v2, or wrapped by its transit engine in a file of the data folder.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_model::secret_source::VaultField;
use serde_json::json;

use super::{Unresolved, Vault};
use crate::seal::{self, KeyBytes};
use crate::{GivenKey, read_key};

/// The key, as Vault's transit engine has wrapped it.
const WRAPPED_FILE: &str = "secret.key.vault";

impl Vault {
    /// The key in a field. Where the secret has an earlier version, that is the key whose place it may take.
    ///
    /// # Errors
    /// If it cannot be had, or is no key.
    pub async fn key(&self, field: &VaultField) -> Result<GivenKey, Unresolved> {
        let (text, version) = self.versioned(field, field.version).await?;
        let key = read_key(&text).ok_or_else(|| {
            Unresolved::wrong(
                format!("`{field}` in Vault is no key"),
                "It has 64 digits of hex: `openssl rand -hex 32`",
            )
        })?;
        let former = match version.checked_sub(1).filter(|version| *version > 0) {
            // It may have been destroyed: then nothing is sealed with it any more.
            Some(before) => {
                self.versioned(field, Some(before)).await.ok().and_then(|(text, _)| read_key(&text))
            }
            None => None,
        };
        Ok(GivenKey { key, former })
    }

    /// The key that lies wrapped in the data folder; where there is none yet, one is drawn and wrapped.
    ///
    /// # Errors
    /// If Vault does not wrap or unwrap it, or the file cannot be read or written.
    pub async fn wrapped_key(&self, transit: &str, data: &Path) -> Result<GivenKey, Unresolved> {
        let file = data.join(WRAPPED_FILE);
        let failed = |what: &str, why: String| {
            Unresolved::wrong(
                format!("{} cannot be {what}: {why}", file.display()),
                "Look at the data folder",
            )
        };
        match fs::read_to_string(&file) {
            Ok(wrapped) => {
                let body = json!({"ciphertext": wrapped.trim()});
                let text = self.transit("decrypt", transit, &body, "plaintext").await?;
                let key = STANDARD.decode(text).ok().and_then(|key| KeyBytes::try_from(key).ok());
                let key = key.ok_or_else(|| failed("opened", "it holds no key".to_owned()))?;
                Ok(GivenKey { key, former: None })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key: KeyBytes = seal::random().map_err(|error| failed("made", error.to_string()))?;
                let body = json!({"plaintext": STANDARD.encode(key)});
                let wrapped = self.transit("encrypt", transit, &body, "ciphertext").await?;
                seal::write_new(&file, wrapped.as_bytes())
                    .map_err(|error| failed("written", error.to_string()))?;
                Ok(GivenKey { key, former: None })
            }
            Err(error) => Err(failed("read", error.to_string())),
        }
    }
}
