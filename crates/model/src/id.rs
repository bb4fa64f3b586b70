//! Typed ids: a prefix that says what they name, and 26 characters that sort by time.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Crockford's base 32: no I, L, O, U, so that an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind} id: it must be `{kind}_` and 26 characters")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
    /// The prefix of the kind that was expected.
    pub kind: &'static str,
}

/// Milliseconds since 1970 that ids of this process must lie behind, although the clock says less.
static BEHIND: AtomicU64 = AtomicU64::new(0);

/// Ids that are made from now on sort behind this one, whatever the clock says.
pub fn go_on_behind(id: &RunId) {
    BEHIND.fetch_max(
        u64::try_from(bits(&id.as_str()[RunId::PREFIX.len() + 1..]) >> 80).unwrap_or(0) + 1,
        Ordering::Relaxed,
    );
}

/// The 128 bits of an id, by what follows its prefix.
fn bits(body: &str) -> u128 {
    let digit = |c: char| ALPHABET.iter().position(|&a| char::from(a) == c).unwrap_or(0) as u128;
    body.chars().fold(0, |bits: u128, c| bits << 5 | digit(c))
}

fn next_bits() -> u128 {
    let bits = uuid::Uuid::now_v7().as_u128();
    let behind = u128::from(BEHIND.load(Ordering::Relaxed));
    if bits >> 80 > behind {
        return bits;
    }
    // A millisecond for each, so that they sort as they are made until the clock has caught up.
    let millisecond = u128::from(BEHIND.fetch_add(1, Ordering::Relaxed));
    bits & ((1 << 80) - 1) | millisecond << 80
}

fn encode(bits: u128) -> String {
    (0..26).rev().map(|i| ALPHABET[((bits >> (i * 5)) & 31) as usize] as char).collect()
}

fn is_body(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| ALPHABET.contains(&b))
}

/// Defines an id type: `id!(RunId, "run", "doc")`.
macro_rules! id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// What every id of this kind starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later, to the millisecond.
            #[must_use]
            pub fn generate() -> Self {
                Self::from_bits(next_bits())
            }

            /// The id of these 128 bits: the same bits give the same id.
            #[must_use]
            pub fn from_bits(bits: u128) -> Self {
                Self(format!("{}_{}", $prefix, encode(bits)).into())
            }

            /// The whole id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The last four characters, as people say it.
            #[must_use]
            pub fn short(&self) -> &str {
                &self.0[self.0.len() - 4..]
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix(concat!($prefix, "_")) {
                    Some(body) if is_body(body) => Ok(Self(text.into())),
                    _ => Err(InvalidId { text: text.chars().take(80).collect(), kind: $prefix }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(RunId, "run", "Names a run.");
impl RunId {
    /// The same as a UUID of version 7, as others know runs: those of an id that was made from a time are its own bits.
    #[must_use]
    pub fn uuid(&self) -> String {
        let bits = bits(&self.0[Self::PREFIX.len() + 1..]);
        uuid::Builder::from_u128(bits)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
            .to_string()
    }
}

id!(UploadId, "upl", "Names an uploaded file.");
id!(BackfillId, "bkf", "Names a backfill.");
id!(NoticeId, "ntc", "Names a notice.");
id!(WebhookId, "hook", "Names a webhook: its address ends with it.");
id!(PersonId, "per", "Names an account: of a person, or of a program.");
id!(GroupId, "grp", "Names a group of people.");
id!(SessionId, "ses", "Names a session: what its owner may see of it.");
id!(TokenId, "tok", "Names a token: what its owner may see of it.");
id!(LinkId, "lnk", "Names a link or an invitation.");
id!(MailId, "mal", "Names a mail.");
id!(StorageKeyId, "skey", "Names a key to the files of a project: what its owner may see of it.");
id!(AuditId, "aud", "Names a line of the audit log.");
id!(RequestId, "req", "Names one API request, in answers and in the server's log.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_typed_sorted_and_read_back() {
        let (a, b) = (RunId::from_bits(1), RunId::from_bits(2));
        assert!(a < b);
        assert_eq!(a.as_str(), "run_00000000000000000000000001");
        assert_eq!(a.as_str().parse::<RunId>(), Ok(a.clone()));
        assert!(a.as_str().parse::<UploadId>().is_err());
        assert!("run_lowercase00000000000000000".parse::<RunId>().is_err());
        assert_eq!(b.short(), "0002");
        assert_ne!(RunId::generate(), RunId::generate());
    }

    #[test]
    fn a_run_is_known_by_the_same_uuid_each_time() {
        let bits = 0x0192_3b4c_5d6e_7f80_91a2_b3c4_d5e6_f708;
        assert_eq!(RunId::from_bits(bits).uuid(), "01923b4c-5d6e-7f80-91a2-b3c4d5e6f708");
        assert_eq!(RunId::from_bits(1).uuid(), "00000000-0000-7000-8000-000000000001");
    }

    #[test]
    fn ids_go_on_behind_one_from_a_clock_that_was_ahead() {
        let ahead = RunId::from_bits(uuid::Uuid::now_v7().as_u128() + (90_000_000 << 80));
        go_on_behind(&ahead);
        let made: Vec<RunId> = (0..100).map(|_| RunId::generate()).collect();
        assert!(made.is_sorted() && made[0] > ahead, "{ahead} {made:?}");
    }
}
