//! The second factor: six digits of the moment (TOTP, RFC 6238), and recovery codes for when the telephone is lost.

use rigi_model::Timestamp;
use totp_rs::{Algorithm, Builder, Totp};

/// Recovery codes that are made at a time.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of a secret, as RFC 4226 recommends.
const SECRET: usize = 20;
/// Letters and digits that are not taken for one another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Which half minute a code is of: each serves once.
pub type Step = u64;

/// The secret that a telephone shares with the server, in base 32 as telephones take it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET];
        getrandom::fill(&mut bytes)?;
        Ok(Self(totp_rs::Secret::from(bytes).to_base32()))
    }

    /// As it was stored.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for its owner and for being sealed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn totp(&self) -> Option<Totp> {
        let secret = totp_rs::Secret::try_from_base32(&self.0).ok()?;
        // Half a minute before and after: clocks of telephones are a little off.
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_secret(secret)
            .build()
            .ok()
    }

    /// The address that a telephone reads, by a picture or by hand.
    #[must_use]
    pub fn address(&self, server: &str, account: &str) -> String {
        let plain = |text: &str| rigi_api::percent(&text.replace(':', " "));
        let (server, account) = (plain(server), plain(account));
        format!("otpauth://totp/{server}:{account}?secret={}&issuer={server}", self.0)
    }
}

/// The step that a code is of; `None`: it is none of now.
#[must_use]
pub fn matching_step(secret: &Secret, code: &str, now: Timestamp) -> Option<Step> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let seconds = u64::try_from(now.0 / 1_000_000).ok()?;
    if plain { secret.totp()?.check(&digits, seconds) } else { None }
}

/// The code of a moment, as a telephone shows it.
#[cfg(test)]
pub fn code_at(secret: &Secret, now: Timestamp) -> Option<String> {
    let seconds = u64::try_from(now.0 / 1_000_000).ok()?;
    Some(secret.totp()?.generate(seconds).to_string())
}

/// Codes for when the telephone is lost, of 50 bits each.
///
/// # Errors
/// If the system has no randomness to give.
pub fn recovery_codes() -> Result<Vec<String>, getrandom::Error> {
    let one = || {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes)?;
        let letters: Vec<char> =
            bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let (front, back) = letters.split_at(5);
        Ok(format!("{}-{}", front.iter().collect::<String>(), back.iter().collect::<String>()))
    };
    (0..RECOVERY_CODES).map(|_| one()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 6238, appendix B, with six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = Secret::stored(totp_rs::Secret::from(*b"12345678901234567890").to_base32());
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(matching_step(&secret, code, at(seconds)), Some(seconds as u64 / 30), "{code}");
            assert_eq!(matching_step(&secret, code, at(seconds + 29)), Some(seconds as u64 / 30));
            assert_eq!(matching_step(&secret, code, at(seconds + 91)), None);
        }
        assert_eq!(matching_step(&secret, "287 082", at(59)), Some(1));
        for wrong in ["", "28708", "2870822", "28708x", "２８７０８２"] {
            assert_eq!(matching_step(&secret, wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_and_codes_are_drawn() {
        let (one, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert!(
            one.address("Rigi: lab", "ada@x.org")
                .starts_with("otpauth://totp/Rigi%20%20lab:ada%40x.org?secret=")
        );
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| code.len() == 11));
    }
}
