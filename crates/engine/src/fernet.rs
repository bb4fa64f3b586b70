//! Opens Fernet tokens, which is what Fast-Flow's `encrypted_env` holds. Nothing is sealed with it here.
//!
//! Source: <https://github.com/fernet/spec/blob/master/Spec.md>. A token's age is not looked at, as in Fast-Flow.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Version, time and initialization vector.
const HEAD: usize = 1 + 8 + 16;
const MAC: usize = 32;
const VERSION: u8 = 0x80;

/// The key that Fast-Flow calls `ENCRYPTION_KEY`.
pub struct FernetKey {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl FernetKey {
    /// Of its text: 32 bytes in the base64 of URLs.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = unbase64(text.trim())?;
        let (signing, encryption) = bytes.split_at_checked(16)?;
        Some(Self { signing: signing.try_into().ok()?, encryption: encryption.try_into().ok()? })
    }

    /// What a token holds; `None`: it is none, or was made with another key, or is no text.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<String> {
        let bytes = unbase64(token.trim())?;
        let signed = bytes.len().checked_sub(MAC).filter(|signed| *signed > HEAD && bytes[0] == VERSION)?;
        let (signed, mac) = bytes.split_at(signed);
        let mut own = Hmac::<Sha256>::new_from_slice(&self.signing).ok()?;
        own.update(signed);
        own.verify_slice(mac).ok()?;
        let (head, sealed) = signed.split_at(HEAD);
        let cipher = cbc::Decryptor::<Aes128>::new_from_slices(&self.encryption, &head[9..]).ok()?;
        let mut open = sealed.to_vec();
        let open = cipher.decrypt_padded::<Pkcs7>(&mut open).ok()?;
        String::from_utf8(open.to_vec()).ok()
    }
}

/// The base64 of URLs, with its padding or without.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let config = config.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: <https://github.com/fernet/spec/blob/master/verify.json>.
    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

    #[test]
    fn a_token_opens_with_its_key_alone() {
        let key = FernetKey::parse(KEY).unwrap();
        assert_eq!(key.open(TOKEN).as_deref(), Some("hello"));
        let other = FernetKey::parse("dw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        assert_eq!(other.open(TOKEN), None);
        assert!(FernetKey::parse("c3ludGF4").is_none() && FernetKey::parse("äöü").is_none());
        // Source: <https://github.com/fernet/spec/blob/master/invalid.json>.
        for wrong in [
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
            "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
            "",
        ] {
            assert_eq!(key.open(wrong), None, "{wrong}");
        }
    }
}
