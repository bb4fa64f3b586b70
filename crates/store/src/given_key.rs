//! A key of the server that is not in its data folder: the operator keeps it, and gives it at each start.
//!
//! It takes the place of the one before (that in the data folder, or one that was given) at the first start with it, in one
//! transaction.

use std::fs;
use std::path::Path;

use rigi_model::Timestamp;

use crate::db::{Db, on_db};
use crate::seal::{self, CHECK_FILE, KEY_FILE, KeyBytes, Sealer};
use crate::secrets::{remember_former, sealed_anew};
use crate::{Error, Result, Store};

/// See the module.
#[derive(Clone, Copy)]
pub struct GivenKey {
    /// The key.
    pub key: KeyBytes,
    /// The one that was given before, if it is to be replaced.
    pub former: Option<KeyBytes>,
}

impl std::fmt::Debug for GivenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenKey")
    }
}

/// A key as it is written down: 32 bytes as 64 digits of hex.
#[must_use]
pub fn read_key(text: &str) -> Option<KeyBytes> {
    let text = text.trim();
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    seal::unhex(text).filter(|_| is_hex)?.try_into().ok()
}

/// The given key, and the one whose place it is to take.
pub(crate) struct Opened {
    pub sealer: Sealer,
    former: Option<Sealer>,
}

impl GivenKey {
    /// Looks which key the database is sealed with.
    ///
    /// # Errors
    /// If it is neither this one nor one whose place it may take.
    pub(crate) async fn open(self, db: &Db, data: &Path) -> Result<Opened> {
        let sealer = Sealer::with(self.key);
        let mut others: Vec<Sealer> = self.former.map(Sealer::with).into_iter().collect();
        others.extend(fs::read(data.join(KEY_FILE)).ok().and_then(|key| Sealer::of_key(&key)));
        others.retain(|other| other.key() != self.key);
        let check = fs::read_to_string(data.join(CHECK_FILE)).ok();
        let is_its = |key: &Sealer, name: Option<&str>| match (name, &check) {
            (Some(name), _) => key.key_name() == name,
            (None, Some(check)) => key.fits(check),
            (None, None) => false,
        };
        let name = db.key_name().await?;
        let is_new = name.is_none() && check.is_none() && others.is_empty();
        if is_new || is_its(&sealer, name.as_deref()) {
            remember_former(db, &sealer).await?;
            settle(data, &sealer)?;
            return Ok(Opened { sealer, former: None });
        }
        match others.into_iter().find(|other| is_its(other, name.as_deref())) {
            Some(former) => {
                remember_former(db, &former).await?;
                Ok(Opened { sealer, former: Some(former) })
            }
            None => Err(Error::Key("the key that was given is not that of this database".into())),
        }
    }
}

impl Opened {
    /// Takes the place of the one before, where there is one.
    ///
    /// # Errors
    /// If it cannot be written: then the one before is the key.
    pub(crate) async fn take_place(self, store: &Store, now: Timestamp) -> Result<()> {
        let Some(former) = self.former else { return Ok(()) };
        let (write, projects) = sealed_anew(store.db(), &former, &self.sealer, now).await?;
        store.write(write).await?;
        remember_former(store.db(), &self.sealer).await?;
        settle(store.data(), &self.sealer)?;
        tracing::info!(projects, "the key that was given has taken the place of the one before");
        Ok(())
    }
}

/// The data folder tells which key is the right one, and holds none.
fn settle(data: &Path, sealer: &Sealer) -> Result<()> {
    let file = data.join(KEY_FILE);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io(format!("remove {}", file.display()))(error));
        }
        _ => {}
    }
    let check = data.join(CHECK_FILE);
    if fs::read_to_string(&check).is_ok_and(|text| sealer.fits(&text)) {
        return Ok(());
    }
    seal::write_new(&check, sealer.check_text()?.as_bytes())
}

impl Db {
    async fn key_name(&self) -> Result<Option<String>> {
        let name: Option<Option<String>> = on_db!(self, pool => sqlx::query_scalar("SELECT key_name FROM origin").fetch_optional(pool).await?);
        Ok(name.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits() {
        assert_eq!(read_key(&format!(" {}\n", "0a".repeat(32))), Some([10; 32]));
        for wrong in ["", "0a", &"0a".repeat(33), &"zz".repeat(32), &"+1".repeat(32)] {
            assert_eq!(read_key(wrong), None, "{wrong}");
        }
    }
}
