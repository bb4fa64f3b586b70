//! Keys that are shown once: a prefix that says of what, 30 characters drawn at random (178 bits) and 6 of a checksum, so that one that
//! was cut or mistyped is known without asking the database, and scanners find those that leak.

use std::fmt;

/// What every key looks like, for scanners of repositories and logs.
pub const KEY_PATTERN: &str = "rigi_[psdil]_[0-9A-Za-z]{36}";

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 30;
const CHECK: usize = 6;
/// Random bytes that a key is made from; those above the largest multiple of 62 are left out, so that each character is as likely.
pub const SEED: usize = 64;

/// What a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A person's token.
    Person,
    /// A service account's token.
    Service,
    /// A terminal that somebody has let in.
    Device,
    /// An invitation.
    Invitation,
    /// A link that signs in, or lets a password be set.
    Link,
}

impl KeyKind {
    const ALL: [Self; 5] = [Self::Person, Self::Service, Self::Device, Self::Invitation, Self::Link];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Person => "rigi_p_",
            Self::Service => "rigi_s_",
            Self::Device => "rigi_d_",
            Self::Invitation => "rigi_i_",
            Self::Link => "rigi_l_",
        }
    }
}

/// A key. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    kind: KeyKind,
    text: String,
}

impl Key {
    /// One of these random bytes; `None`: too many of them had to be left out, draw others.
    #[must_use]
    pub fn from_seed(kind: KeyKind, seed: &[u8; SEED]) -> Option<Self> {
        let fair = seed.iter().filter(|byte| **byte < 248);
        let body: String =
            fair.take(RANDOM).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect();
        (body.len() == RANDOM).then(|| {
            let text = format!("{}{body}", kind.prefix());
            Self { kind, text: format!("{text}{}", checksum(&text)) }
        })
    }

    /// Reads one; `None`: it is none, or not whole.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let kind = KeyKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let whole = text.len() == kind.prefix().len() + RANDOM + CHECK && text.is_ascii();
        let (front, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
        (whole && checksum(front) == check).then(|| Self { kind, text: text.to_owned() })
    }

    /// What it is of.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The whole key: what only its owner may see.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What tells it from others in a list, and opens nothing.
    #[must_use]
    pub fn hint(&self) -> String {
        let body = self.kind.prefix().len();
        format!("{}…", &self.text[..body + 4])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hint())
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(step: u8) -> [u8; SEED] {
        std::array::from_fn(|n| (n as u8).wrapping_mul(step).wrapping_add(step))
    }

    #[test]
    fn a_key_is_read_back_and_a_changed_one_is_none() {
        let key = Key::from_seed(KeyKind::Person, &seed(7)).unwrap();
        assert_eq!(Key::read(key.expose()), Some(key.clone()));
        assert_eq!(key.expose().len(), 7 + 36);
        assert!(format!("{key:?}").starts_with("rigi_p_") && !key.hint().contains(&key.expose()[12..]));
        for at in 0..key.expose().len() {
            let mut bytes = key.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(Key::read(std::str::from_utf8(&bytes).unwrap()), None, "changed at {at}");
        }
        for wrong in
            ["", "rigi_p_", "rigi_x_", &key.expose()[..42], &format!("{}0", key.expose()), "rigi_p_é"]
        {
            assert_eq!(Key::read(wrong), None, "{wrong}");
        }
        assert_eq!(Key::from_seed(KeyKind::Person, &[255; SEED]), None);
    }

    #[test]
    fn each_kind_has_its_prefix_and_all_fit_the_pattern() {
        for kind in KeyKind::ALL {
            let key = Key::from_seed(kind, &seed(11)).unwrap();
            assert_eq!(Key::read(key.expose()).unwrap().kind(), kind);
            let letter = key.expose().as_bytes()[5];
            assert!(KEY_PATTERN.as_bytes()[6..11].contains(&letter), "{}", char::from(letter));
        }
    }
}
