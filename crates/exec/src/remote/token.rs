//! What shows that a runner is an attempt's: a name signed by the server, worth nothing once the attempt has ended.

use hmac::{Hmac, KeyInit, Mac};
use rigi_model::AttemptKey;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What tokens begin with; another way of making them gets another number.
const PREFIX: &str = "rat1";

/// The key that signs tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// With these bytes, which must be the server's secret.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// `rat1.RUN.NUMBER.SIGNATURE`
    #[must_use]
    pub fn token(&self, key: &AttemptKey) -> String {
        format!("{PREFIX}.{key}.{}", self.sign(key))
    }

    /// Whose it is.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<AttemptKey> {
        let mut parts = token.split('.');
        let (prefix, run, number, signature) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if prefix != PREFIX || parts.next().is_some() {
            return None;
        }
        let key = AttemptKey { run: run.parse().ok()?, number: number.parse().ok()? };
        bool::from(self.sign(&key).as_bytes().ct_eq(signature.as_bytes())).then_some(key)
    }

    fn sign(&self, key: &AttemptKey) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("rigi attempt {key}").as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use rigi_model::RunId;

    use super::*;

    #[test]
    fn a_token_opens_for_its_attempt_and_its_server_alone() {
        let key = TokenKey::new([7; 32]);
        let attempt = AttemptKey { run: RunId::generate(), number: 2 };
        let token = key.token(&attempt);
        assert_eq!(key.open(&token), Some(attempt));
        assert_eq!(TokenKey::new([8; 32]).open(&token), None);
        assert_eq!(key.open(&token.replace(".2.", ".3.")), None);
        for bad in ["", "rat1", "rat1...", &format!("{token}.x"), &token[..token.len() - 1]] {
            assert_eq!(key.open(bad), None, "{bad}");
        }
    }
}
