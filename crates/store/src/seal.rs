//! Sealing secrets at rest: XChaCha20-Poly1305 with a key in the data folder that only its owner may read.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::{Error, Result, hex};

/// Bytes of the key.
const KEY_LEN: usize = 32;
/// Bytes of a nonce: long enough to be drawn at random.
const NONCE_LEN: usize = 24;
/// What every sealed text begins with; another way of sealing gets another number.
const PREFIX: &str = "sealed1:";

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    cipher: Arc<XChaCha20Poly1305>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::Io { what: "draw a random number".into(), source: e.into() })?;
    Ok(bytes)
}

impl Sealer {
    /// With the key of a data folder; made once.
    ///
    /// # Errors
    /// If the key cannot be read or written, or is not a key.
    pub fn open(data: &Path) -> Result<Self> {
        let file = data.join("secret.key");
        let key = match fs::read(&file) {
            Ok(key) => key,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let key = random::<KEY_LEN>()?;
                let mut options = fs::OpenOptions::new();
                let write = |mut out: fs::File| out.write_all(&key).and_then(|()| out.sync_all());
                let made = options.write(true).create_new(true).mode(0o600).open(&file).and_then(write);
                made.map_err(Error::io(format!("write {}", file.display())))?;
                crate::blobs::sync_folder(data)?;
                key.to_vec()
            }
            Err(source) => return Err(Error::Io { what: format!("read {}", file.display()), source }),
        };
        let key: [u8; KEY_LEN] = key.try_into().map_err(|_| Error::Damaged {
            what: file.display().to_string(),
            why: format!("it must hold {KEY_LEN} bytes"),
        })?;
        Ok(Self { cipher: Arc::new(XChaCha20Poly1305::new(&Key::from(key))) })
    }

    /// Seals a text. The same text is sealed differently each time.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn seal(&self, text: &str) -> Result<String> {
        let nonce = random::<NONCE_LEN>()?;
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), text.as_bytes());
        let sealed = sealed
            .map_err(|_| Error::Damaged { what: "a secret".into(), why: "it cannot be sealed".into() })?;
        Ok(format!("{PREFIX}{}{}", hex(&nonce), hex(&sealed)))
    }

    /// Opens what [`Self::seal`] gave; any other text is `None`.
    ///
    /// # Errors
    /// If it was sealed with another key, or is damaged.
    pub fn unseal(&self, text: &str) -> Result<Option<String>> {
        let Some(body) = text.strip_prefix(PREFIX) else { return Ok(None) };
        let wrong = || Error::Damaged {
            what: "a sealed secret".into(),
            why: "it was sealed with another key, or is damaged".into(),
        };
        let bytes = unhex(body).filter(|bytes| bytes.len() > NONCE_LEN).ok_or_else(wrong)?;
        let (nonce, sealed) = bytes.split_at(NONCE_LEN);
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| wrong())?;
        let open = self.cipher.decrypt(&XNonce::from(nonce), sealed).map_err(|_| wrong())?;
        String::from_utf8(open).map(Some).map_err(|_| wrong())
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok())
        .collect()
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
}
