//! Sealing secrets at rest: XChaCha20-Poly1305 with a key in the data folder that only its owner may read.
//!
//! The key may be replaced while a server runs ([`crate::secrets`]): from then on a new one seals, and what its predecessors have
//! sealed is still opened with these.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::{Error, Result};
use rigi_model::hash::hex;

/// Bytes of the key.
const KEY_LEN: usize = 32;
/// Bytes of a nonce: long enough to be drawn at random.
const NONCE_LEN: usize = 24;
/// What every sealed text begins with; another way of sealing gets another number.
pub(crate) const PREFIX: &str = "sealed1:";
/// The key, in the data folder.
pub(crate) const KEY_FILE: &str = "secret.key";
/// A text sealed with the key: if it does not open, one of the two files is damaged.
pub(crate) const CHECK_FILE: &str = "secret.check";
const CHECK_TEXT: &str = "rigi";

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<RwLock<Keys>>,
}

/// The key that seals, and those before it, oldest first.
#[derive(Clone)]
struct Keys {
    current: KeyBytes,
    former: Vec<KeyBytes>,
}

/// The bytes of a key.
pub type KeyBytes = [u8; KEY_LEN];

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::Io { what: "draw a random number".into(), source: e.into() })?;
    Ok(bytes)
}

impl Sealer {
    /// With the key of a data folder; made once.
    ///
    /// # Errors
    /// If the key cannot be read or written, or is damaged.
    pub fn open(data: &Path) -> Result<Self> {
        if let Some(sealer) = Self::open_existing(data)? {
            sealer.write_check(data)?;
            return Ok(sealer);
        }
        let key = random::<KEY_LEN>()?;
        Self::put_key(data, &key)?;
        Ok(Self::with(key))
    }

    /// With the key of a data folder; `None` if it has none.
    ///
    /// # Errors
    /// If the key cannot be read, or is damaged.
    pub fn open_existing(data: &Path) -> Result<Option<Self>> {
        let file = data.join(KEY_FILE);
        let key = match fs::read(&file) {
            Ok(key) => key,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(format!("read {}", file.display()))(e)),
        };
        let damaged = |why: String| Error::Damaged { what: file.display().to_string(), why };
        let sealer = Self::of_key(&key).ok_or_else(|| damaged(format!("it must hold {KEY_LEN} bytes")))?;
        let check = data.join(CHECK_FILE);
        match fs::read_to_string(&check) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Ok(text) if sealer.fits(&text) => {}
            _ => {
                return Err(damaged(format!(
                    "it does not open {CHECK_FILE} beside it: one of both is damaged"
                )));
            }
        }
        Ok(Some(sealer))
    }

    /// With these bytes, if they are a key.
    #[must_use]
    pub fn of_key(key: &[u8]) -> Option<Self> {
        Some(Self::with(key.try_into().ok()?))
    }

    /// A new key, drawn at random.
    pub(crate) fn draw() -> Result<Self> {
        Ok(Self::with(random()?))
    }

    pub(crate) fn with(key: KeyBytes) -> Self {
        Self { keys: Arc::new(RwLock::new(Keys { current: key, former: Vec::new() })) }
    }

    fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that seals.
    pub(crate) fn key(&self) -> KeyBytes {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).current
    }

    /// Opens with these as well, oldest first.
    pub(crate) fn remember(&self, former: Vec<KeyBytes>) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).former = former;
    }

    /// Seals with another key from now on.
    pub(crate) fn replace(&self, key: KeyBytes) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut keys.current, key);
        keys.former.push(before);
    }

    /// Puts a key into a data folder that has none.
    ///
    /// # Errors
    /// If it is no key, or cannot be written.
    pub fn put_key(data: &Path, key: &[u8]) -> Result<()> {
        let file = data.join(KEY_FILE);
        let sealer = Self::of_key(key).ok_or_else(|| Error::Key(format!("a key has {KEY_LEN} bytes")))?;
        write_new(&file, key)?;
        sealer.write_check(data)
    }

    fn write_check(&self, data: &Path) -> Result<()> {
        let file = data.join(CHECK_FILE);
        if file.exists() { Ok(()) } else { write_new(&file, self.check_text()?.as_bytes()) }
    }

    /// A key of its own for one purpose, from which this one cannot be found out.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; KEY_LEN] {
        // Of the first one, so that what was derived serves on when the key is replaced.
        let keys = self.keys();
        derived(keys.former.first().unwrap_or(&keys.current), purpose)
    }

    /// What tells this key from every other, and says nothing else of it.
    pub(crate) fn key_name(&self) -> String {
        hex(&derived(&self.key(), "the name of the key")[..16])
    }

    /// A text that only this key opens.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn check_text(&self) -> Result<String> {
        self.seal(CHECK_TEXT)
    }

    /// Whether this key made that text.
    #[must_use]
    pub fn fits(&self, check: &str) -> bool {
        open_with(&self.key(), check).ok().flatten().as_deref() == Some(CHECK_TEXT)
    }

    /// The key itself, for a backup that is to hold it.
    pub(crate) fn key_hex(&self) -> String {
        hex(&self.key())
    }

    /// Seals a text. The same text is sealed differently each time.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn seal(&self, text: &str) -> Result<String> {
        let nonce = random::<NONCE_LEN>()?;
        let sealed = cipher(&self.key()).encrypt(&XNonce::from(nonce), text.as_bytes());
        let sealed = sealed
            .map_err(|_| Error::Damaged { what: "a secret".into(), why: "it cannot be sealed".into() })?;
        Ok(format!("{PREFIX}{}{}", hex(&nonce), hex(&sealed)))
    }

    /// Opens what [`Self::seal`] gave; any other text is `None`.
    ///
    /// # Errors
    /// If it was sealed with another key, or is damaged.
    pub fn unseal(&self, text: &str) -> Result<Option<String>> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let keys = self.keys();
        let opened = open_with(&keys.current, text);
        keys.former.iter().rev().fold(opened, |opened, key| opened.or_else(|_| open_with(key, text)))
    }
}

fn cipher(key: &KeyBytes) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

fn derived(key: &KeyBytes, purpose: &str) -> KeyBytes {
    let mut digest = Sha256::new();
    digest.update(key);
    digest.update(b" rigi ");
    digest.update(purpose.as_bytes());
    digest.finalize().into()
}

fn open_with(key: &KeyBytes, text: &str) -> Result<Option<String>> {
    let Some(body) = text.strip_prefix(PREFIX) else { return Ok(None) };
    let wrong = || Error::Damaged {
        what: "a sealed secret".into(),
        why: "it was sealed with another key, or is damaged".into(),
    };
    let bytes = unhex(body).filter(|bytes| bytes.len() > NONCE_LEN).ok_or_else(wrong)?;
    let (nonce, sealed) = bytes.split_at(NONCE_LEN);
    let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| wrong())?;
    let open = cipher(key).decrypt(&XNonce::from(nonce), sealed).map_err(|_| wrong())?;
    String::from_utf8(open).map(Some).map_err(|_| wrong())
}

/// Puts another key in place of the one in a data folder, with its check. A crash in between leaves the old key beside the new
/// check: whoever does this knows by the database which of the two keys counts.
pub(crate) fn put_in_place(data: &Path, key: &Sealer) -> Result<()> {
    write_new(&data.join(CHECK_FILE), key.check_text()?.as_bytes())?;
    write_new(&data.join(KEY_FILE), &key.key())
}

/// Forgets what tells whether a key is the right one: there will be a new one.
pub(crate) fn forget(data: &Path) -> Result<()> {
    let file = data.join(CHECK_FILE);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove {}", file.display()))(error))
        }
        _ => Ok(()),
    }
}

/// A file that is there whole or not at all, for its owner alone.
pub(crate) fn write_new(file: &Path, bytes: &[u8]) -> Result<()> {
    let write = || Error::io(format!("write {}", file.display()));
    let draft = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(write())?;
    out.write_all(bytes).and_then(|()| out.sync_all()).map_err(write())?;
    fs::rename(&draft, file).map_err(write())?;
    crate::durable::sync_folder(file.parent().unwrap_or(file))
}

/// The bytes of hex digits; `None`: others are among them, or one is without its pair.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_no_other() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sealer = Sealer::open(one.path()).unwrap();
        let sealed = sealer.seal("hunter2 ✓").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_ne!(sealed, sealer.seal("hunter2 ✓").unwrap());
        assert_eq!(Sealer::open(one.path()).unwrap().unseal(&sealed).unwrap().as_deref(), Some("hunter2 ✓"));
        assert_eq!(sealer.unseal("plain").unwrap(), None);
        assert!(Sealer::open(two.path()).unwrap().unseal(&sealed).is_err());
        let damaged = format!("{}0", &sealed[..sealed.len() - 1]);
        assert!(damaged == sealed || sealer.unseal(&damaged).is_err());
        assert!(sealer.unseal("sealed1:zz").is_err());
        fs::write(two.path().join("secret.key"), "short").unwrap();
        assert!(Sealer::open(two.path()).is_err());
    }

    #[test]
    fn a_flipped_bit_in_the_key_or_its_check_is_found() {
        for file in [KEY_FILE, CHECK_FILE] {
            let data = tempfile::tempdir().unwrap();
            Sealer::open(data.path()).unwrap();
            let path = data.path().join(file);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                fs::write(&path, &bad).unwrap();
                assert!(Sealer::open(data.path()).is_err(), "byte {at} of {file}");
                fs::write(&path, &good[..at]).unwrap();
                assert!(Sealer::open(data.path()).is_err(), "{at} bytes of {file}");
            }
            fs::write(&path, &good).unwrap();
            Sealer::open(data.path()).unwrap();
        }
    }
}
