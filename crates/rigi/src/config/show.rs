//! The configuration as it stands, for `rigi config show`.

use serde::Serialize;

use super::key::Key;
use super::load::{Loaded, Origin};
use super::named::NAMED;
use super::sections::KEYS;

/// One key with its value and where it came from.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// `server.port`.
    pub key: String,
    /// As one would write it, secrets masked; absent is none.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// Every key, in the order of the reference.
#[must_use]
pub fn shown(loaded: &Loaded) -> Vec<Setting> {
    let one = |key: &Key| {
        let path = key.path();
        // The data folder's default follows from the pipelines folder, and people look for it here.
        let value = match path.as_str() {
            "data.folder" => Some(loaded.data_folder().display().to_string()),
            _ => (key.show)(&loaded.config),
        };
        Setting { value, origin: loaded.origin(&path), key: path }
    };
    let named = NAMED.iter().flat_map(|named| named.shown(&loaded.config)).map(|(path, value)| Setting {
        value,
        origin: loaded.origin(&path),
        key: path,
    });
    KEYS.iter().map(one).chain(named).collect()
}
